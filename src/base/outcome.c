/* SPDX-License-Identifier: Apache-2.0 */
/* Names of outcomes, for records, logs and metrics; and looking answers up in a provider's table. */
#include <surewire/outcome.h>

const char *sw_outcome_name(enum sw_outcome_kind kind)
{
	switch (kind) {
	case SW_OUTCOME_DELIVERED:
		return "delivered";
	case SW_OUTCOME_RETRY:
		return "retry";
	case SW_OUTCOME_CREDENTIAL:
		return "credential";
	case SW_OUTCOME_TOKEN_DEAD:
		return "token_dead";
	case SW_OUTCOME_REJECTED:
		return "rejected";
	case SW_OUTCOME_THROTTLED:
		return "throttled";
	case SW_OUTCOME_UNSENT:
		return "unsent";
	case SW_OUTCOME_UNKNOWN:
		return "unknown";
	case SW_OUTCOME_CONFIG:
		return "config";
	}
	return "unknown";
}

const struct sw_outcome_row *sw_outcome_find(const struct sw_outcome_row *rows, size_t count, int status,
					     struct sw_bytes code)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].status == status && sw_bytes_equal_str(code, rows[i].code)) {
			return &rows[i];
		}
	}
	return NULL;
}

struct sw_outcome_class sw_outcome_class_of(const struct sw_outcome_class *classes, size_t count, int status)
{
	for (size_t i = 0; i < count; i++) {
		if (status >= classes[i].first && status <= classes[i].last) {
			return classes[i];
		}
	}
	return (struct sw_outcome_class){.kind = SW_OUTCOME_UNKNOWN, .after_ms = -1};
}
