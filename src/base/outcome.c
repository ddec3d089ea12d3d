/* SPDX-License-Identifier: Apache-2.0 */
/* Names of outcomes, for records, logs and metrics. */
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
