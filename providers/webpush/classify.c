/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of a push service becomes an outcome, by the table in outcomes.def. The status decides; bodies are of no
 * common form, and may be a stranger's. A refused token is the matter of its origin alone: another push service is not
 * held up by it. */
#include "webpush_int.h"

#include <surewire/json.h>

#include <stdio.h>

enum { BODY_BYTES_MAX = 4096, BODY_DEPTH_MAX = 6, CODE_MAX = 40, RETRY_AFTER_MAX_MS = 3600 * 1000 };

static const struct sw_outcome_row rows[] = {
#define SW_WEBPUSH_OUTCOME(status, code, kind, after_ms, source) {status, SW_OUTCOME_##kind, code, after_ms},
#include "outcomes.def"
#undef SW_WEBPUSH_OUTCOME
};

static const struct sw_outcome_class classes[] = {
#define SW_WEBPUSH_CLASS(first, last, kind, after_ms) {first, last, SW_OUTCOME_##kind, after_ms},
#include "outcomes.def"
#undef SW_WEBPUSH_CLASS
};

/* Apple's or autopush's word for it, printable; "" when there is none. */
static void read_code(struct sw_bytes body, char code_out[CODE_MAX])
{
	json_t *root = sw_json_of_answer(body, BODY_BYTES_MAX, BODY_DEPTH_MAX);
	code_out[0] = '\0';
	struct sw_bytes reason = sw_json_get_str(root, "reason");
	const json_t *number = json_object_get(root, "errno");
	if (reason.len) {
		sw_bytes_printable(reason, code_out, CODE_MAX);
	} else if (json_is_integer(number)) {
		snprintf(code_out, CODE_MAX, "errno %lld", (long long)json_integer_value(number));
	}
	json_decref(root);
}

static struct sw_outcome_class settle(int status, const char *code)
{
	const struct sw_outcome_row *row = sw_outcome_find(rows, sizeof(rows) / sizeof(rows[0]), status,
							   sw_bytes_str(code));
	return row ? (struct sw_outcome_class){.kind = row->kind, .after_ms = row->after_ms}
		   : sw_outcome_class_of(classes, sizeof(classes) / sizeof(classes[0]), status);
}

/* The token that was shown to the origin of the target. */
static void note_refusal(struct sw_provider *provider, const struct sw_answer *answer)
{
	struct sw_webpush_subscription sub;
	if (!answer->target || sw_webpush_subscription_read(answer->target->token, &sub, NULL) != SW_OK) {
		return;
	}
	struct sw_origin *origin = sw_origins_find(&provider->origins, sub.url.origin);
	if (origin) {
		sw_webpush_vapid_refused((struct sw_webpush_origin *)origin, answer->now_ms);
	}
}

void sw_webpush_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	const struct sw_http_response *http = answer->http;
	char code[CODE_MAX];
	read_code(http->body, code);
	struct sw_outcome_class result = settle(http->status, code);
	*outcome_out = (struct sw_outcome){.kind = result.kind, .status = http->status, .after_ms = -1};
	if (result.kind == SW_OUTCOME_RETRY || result.kind == SW_OUTCOME_THROTTLED) {
		int64_t asked_ms = sw_http_retry_after_ms(http, answer->now_ms, RETRY_AFTER_MAX_MS);
		outcome_out->after_ms = asked_ms >= 0 ? asked_ms : result.after_ms;
	} else if (result.kind == SW_OUTCOME_CREDENTIAL) {
		note_refusal(provider, answer);
	}
	if (result.kind == SW_OUTCOME_DELIVERED) {
		snprintf(outcome_out->reason, sizeof(outcome_out->reason), "accepted");
	} else if (code[0]) {
		snprintf(outcome_out->reason, sizeof(outcome_out->reason), "%s", code);
	} else {
		snprintf(outcome_out->reason, sizeof(outcome_out->reason), "HTTP %d", http->status);
	}
}
