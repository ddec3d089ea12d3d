/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of a receiver becomes an outcome by its status alone (outcomes.def): bodies are of no form, and may be a
 * stranger's. */
#include "webhook_int.h"

#include <stdio.h>

enum { RETRY_AFTER_MAX_MS = 3600 * 1000 };

static const struct sw_outcome_class own[] = {
#define SW_WEBHOOK_CLASS(first, last, own, strange, after_ms) {first, last, SW_OUTCOME_##own, after_ms},
#include "outcomes.def"
#undef SW_WEBHOOK_CLASS
};

static const struct sw_outcome_class strange[] = {
#define SW_WEBHOOK_CLASS(first, last, own, strange, after_ms) {first, last, SW_OUTCOME_##strange, after_ms},
#include "outcomes.def"
#undef SW_WEBHOOK_CLASS
};

void sw_webhook_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	const struct sw_http_response *http = answer->http;
	struct sw_outcome_class result = sw_outcome_class_of(provider->own_system ? own : strange,
							     sizeof(own) / sizeof(own[0]), http->status);
	*outcome_out = (struct sw_outcome){.kind = result.kind, .status = http->status, .after_ms = -1};
	if (result.kind == SW_OUTCOME_RETRY || result.kind == SW_OUTCOME_THROTTLED) {
		int64_t asked_ms = sw_http_retry_after_ms(http, answer->now_ms, RETRY_AFTER_MAX_MS);
		outcome_out->after_ms = asked_ms >= 0 ? asked_ms : result.after_ms;
	}
	if (result.kind == SW_OUTCOME_DELIVERED) {
		snprintf(outcome_out->reason, sizeof(outcome_out->reason), "accepted");
	} else {
		snprintf(outcome_out->reason, sizeof(outcome_out->reason), "HTTP %d", http->status);
	}
}
