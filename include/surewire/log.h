/* SPDX-License-Identifier: Apache-2.0 */
/* Structured logs: one line an event, `ts=… level=… event=area.what key=value …` (logfmt) or JSON.
 * There is no formatter for secrets and bodies on purpose. Any thread; one write(2) per line. */
#ifndef SUREWIRE_LOG_H
#define SUREWIRE_LOG_H

#include <surewire/bytes.h>

enum sw_log_level { SW_LOG_DEBUG, SW_LOG_INFO, SW_LOG_WARN, SW_LOG_ERROR };

struct sw_log_field {
	const char *key;
	enum { SW_FIELD_STR, SW_FIELD_INT, SW_FIELD_U64, SW_FIELD_BYTES, SW_FIELD_ERR } kind;
	union {
		const char *str;
		int64_t num;
		uint64_t u64;
		struct sw_bytes bytes;
	} as;
};

#define SW_F_STR(k, v) ((struct sw_log_field){.key = (k), .kind = SW_FIELD_STR, .as.str = (v)})
#define SW_F_INT(k, v) ((struct sw_log_field){.key = (k), .kind = SW_FIELD_INT, .as.num = (v)})
#define SW_F_U64(k, v) ((struct sw_log_field){.key = (k), .kind = SW_FIELD_U64, .as.u64 = (v)})
#define SW_F_BYTES(k, v) ((struct sw_log_field){.key = (k), .kind = SW_FIELD_BYTES, .as.bytes = (v)})
/* error=SW_ENAME and its text */
#define SW_F_ERR(v) ((struct sw_log_field){.key = "error", .kind = SW_FIELD_ERR, .as.num = (v)})

/* SW_LOG(INFO, "bus.link_up", SW_F_STR("host", host), SW_F_INT("port", port)); at least one field. */
#define SW_LOG(level, event, ...)                                                         \
	sw_log_write(SW_LOG_##level, (event), (const struct sw_log_field[]){__VA_ARGS__}, \
		     sizeof((const struct sw_log_field[]){__VA_ARGS__}) / sizeof(struct sw_log_field))

void sw_log_write(enum sw_log_level level, const char *event, const struct sw_log_field *fields, size_t count);
/* Default: INFO, logfmt, stderr. */
void sw_log_set_level(enum sw_log_level level);
void sw_log_set_json(bool json);
void sw_log_set_fd(int fd);
bool sw_log_level_parse(const char *text, enum sw_log_level *level_out);

#endif
