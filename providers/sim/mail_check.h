/* SPDX-License-Identifier: Apache-2.0 */
/* Is this text a mail as RFC 5322 and 2045 want it? Line ends and lengths, headers and their folding, the required
 * fields once each, Message-ID and Date forms. Bodies are not decoded. Pure. */
#ifndef SW_SIM_MAIL_CHECK_H
#define SW_SIM_MAIL_CHECK_H

#include <surewire/bytes.h>
#include <surewire/err.h>

enum { SW_SIM_MAIL_HEADERS_MAX = 64, SW_SIM_MAIL_LINE_MAX = 998 };

struct sw_sim_mail {
	struct {
		struct sw_bytes name;  /* borrowed from the text */
		struct sw_bytes value; /* with its folds, without the last CRLF */
	} headers[SW_SIM_MAIL_HEADERS_MAX];
	size_t header_count;
	struct sw_bytes body;
};

/* SW_OK, or SW_EINVAL with what is wrong. eight_bit: bytes over 127 are allowed in the body; utf8: in headers too. */
int sw_sim_mail_check(struct sw_bytes text, bool eight_bit, bool utf8, struct sw_sim_mail *mail_out,
		      struct sw_diag *diag_out) SW_MUST_CHECK;
/* The value of a header, ASCII case ignored; empty when absent. */
struct sw_bytes sw_sim_mail_header(const struct sw_sim_mail *mail, const char *name);

#endif
