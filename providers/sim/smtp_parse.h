/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP commands and the DATA stream as pure functions (RFC 5321): paths with parameters, and the incremental removal
 * of dot-stuffing that ends at CRLF "." CRLF only. */
#ifndef SW_SIM_SMTP_PARSE_H
#define SW_SIM_SMTP_PARSE_H

#include <surewire/buf.h>

enum { SW_SIM_ADDRESS_MAX = 254 };

struct sw_sim_smtp_path {
	char address[SW_SIM_ADDRESS_MAX + 1]; /* without brackets; "" for the null sender */
	uint64_t size_bytes;                  /* SIZE=, 0 when absent */
	bool eight_bit;                       /* BODY=8BITMIME */
	bool utf8;                            /* SMTPUTF8 */
};

/* The verb of a command line in upper case ("" when there is none) and the rest behind its space. */
void sw_sim_smtp_split(struct sw_bytes line, char verb_out[16], struct sw_bytes *rest_out);
/* "FROM:<a@b> SIZE=1" with keyword "FROM:". SW_EINVAL for syntax, SW_ENOTFOUND for an unknown parameter. */
int sw_sim_smtp_parse_path(struct sw_bytes text, const char *keyword, struct sw_sim_smtp_path *path_out) SW_MUST_CHECK;

/* Zero-initialised at the start of DATA. */
struct sw_sim_smtp_data {
	enum {
		SW_SIM_DATA_LINE_START,
		SW_SIM_DATA_DOT,
		SW_SIM_DATA_DOT_CR,
		SW_SIM_DATA_TEXT,
		SW_SIM_DATA_CR,
		SW_SIM_DATA_END
	} state;
};
/* Appends text without the stuffing. Returns the bytes used: fewer than given only when the final dot was seen. */
size_t sw_sim_smtp_data_feed(struct sw_sim_smtp_data *data, struct sw_bytes in, struct sw_buf *text_out);
static inline bool sw_sim_smtp_data_done(const struct sw_sim_smtp_data *data)
{
	return data->state == SW_SIM_DATA_END;
}

#endif
