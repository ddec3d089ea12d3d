/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of APNs becomes an outcome, by the table in outcomes.def. Total: bodies that are empty, cut or no JSON
 * fall back to the class of the status. Decides nothing about tokens or retries: that is the pusher's. */
#include "apns_int.h"

#include <surewire/json.h>

#include <stdio.h>

enum { BODY_MAX_BYTES = 4096, BODY_DEPTH_MAX = 4, RETRY_AFTER_MAX_MS = 3600 * 1000 };

static const struct sw_outcome_row rows[] = {
#define SW_APNS_OUTCOME(status, reason, kind, after_ms, source) {status, SW_OUTCOME_##kind, reason, after_ms},
#include "outcomes.def"
#undef SW_APNS_OUTCOME
};

static const struct sw_outcome_class classes[] = {
#define SW_APNS_CLASS(first, last, kind) {first, last, SW_OUTCOME_##kind, -1},
#include "outcomes.def"
#undef SW_APNS_CLASS
};

static json_t *parse_body(struct sw_bytes body)
{
	json_t *value = sw_json_of_answer(body, BODY_MAX_BYTES, BODY_DEPTH_MAX);
	if (!json_is_object(value)) {
		json_decref(value);
		return NULL;
	}
	return value;
}

/* The reason goes to logs and records: printable ASCII only. */
static void set_reason(struct sw_outcome *outcome, int status, struct sw_bytes reason)
{
	if (reason.len == 0) {
		snprintf(outcome->reason, sizeof(outcome->reason),
			 status == 200 ? "accepted" : "HTTP %d without a reason", status);
		return;
	}
	sw_bytes_printable(reason, outcome->reason, sizeof(outcome->reason));
}

/* Milliseconds since the epoch, unlike everything else that APNs calls a date. */
static int64_t timestamp_ms(const json_t *body)
{
	const json_t *value = json_object_get(body, "timestamp");
	return json_is_integer(value) && json_integer_value(value) > 0 ? json_integer_value(value) : 0;
}

static void learn(struct sw_provider *provider, const struct sw_outcome *outcome, struct sw_bytes reason)
{
	if (outcome->kind == SW_OUTCOME_CREDENTIAL) {
		provider->refused_as_expired = sw_bytes_equal_str(reason, "ExpiredProviderToken");
	} else if (outcome->kind == SW_OUTCOME_DELIVERED || outcome->status == 410) {
		sw_apns_credential_accepted(provider);
	} else if (sw_bytes_equal_str(reason, "UnrelatedKeyIdInToken") && !provider->retired) {
		/* The connection is bound to another key, and stays so: only another one helps. Once for all who wait. */
		sw_apns_hosts_renew(provider);
	}
}

void sw_apns_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	const struct sw_http_response *http = answer->http;
	*outcome_out = (struct sw_outcome){.status = http->status, .after_ms = -1};
	json_t *body = parse_body(http->body);
	struct sw_bytes reason = sw_json_get_str(body, "reason");
	const struct sw_outcome_row *row = sw_outcome_find(rows, sizeof(rows) / sizeof(rows[0]), http->status, reason);
	struct sw_outcome_class by_class = sw_outcome_class_of(classes, sizeof(classes) / sizeof(classes[0]),
							       http->status);
	outcome_out->kind = row ? row->kind : by_class.kind;
	if (outcome_out->kind == SW_OUTCOME_RETRY || outcome_out->kind == SW_OUTCOME_THROTTLED) {
		/* Apple documents no Retry-After; one that is there is obeyed. */
		int64_t asked_ms = sw_http_retry_after_ms(http, answer->now_ms, RETRY_AFTER_MAX_MS);
		outcome_out->after_ms = asked_ms >= 0 ? asked_ms : row ? row->after_ms : by_class.after_ms;
	}
	/* "Too many requests were made consecutively to the same device token." */
	bool one_device = outcome_out->kind == SW_OUTCOME_THROTTLED && sw_bytes_equal_str(reason, "TooManyRequests");
	outcome_out->scope = one_device ? SW_SCOPE_TARGET : SW_SCOPE_SERVICE;
	if (outcome_out->kind == SW_OUTCOME_TOKEN_DEAD && http->status == 410) {
		outcome_out->since_ms = timestamp_ms(body);
	}
	set_reason(outcome_out, http->status, reason);
	learn(provider, outcome_out, reason);
	json_decref(body);
}
