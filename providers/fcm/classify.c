/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of FCM becomes an outcome, by the table in outcomes.def. The details of google.rpc.Status are optional and
 * in no order, and the body may be HTML: what cannot be read falls back to the class of the status. */
#include "fcm_int.h"

#include <stdio.h>
#include <string.h>

enum { BODY_BYTES_MAX = 16 * 1024, BODY_DEPTH_MAX = 12, DETAILS_MAX = 16, RETRY_AFTER_MAX_MS = 3600 * 1000 };

#define BAD_TOKEN_TEXT "The registration token is not a valid FCM registration token"

static const struct sw_outcome_row rows[] = {
#define SW_FCM_OUTCOME(status, code, kind, after_ms, source) {status, SW_OUTCOME_##kind, code, after_ms},
#include "outcomes.def"
#undef SW_FCM_OUTCOME
};

static const struct sw_outcome_class classes[] = {
#define SW_FCM_CLASS(first, last, kind, after_ms) {first, last, SW_OUTCOME_##kind, after_ms},
#include "outcomes.def"
#undef SW_FCM_CLASS
};

/* What the details say; runs are borrowed from the parsed body. */
struct details {
	struct sw_bytes code;   /* FcmError.errorCode */
	struct sw_bytes reason; /* ErrorInfo.reason or ApnsError.reason, for people */
	struct sw_bytes field;  /* BadRequest: the first violation that is not of message.token */
	bool names_token;       /* BadRequest: a violation of message.token */
	bool device_quota;      /* QuotaFailure: of this device alone */
	int64_t retry_ms;       /* RetryInfo; -1 */
};

static bool is_type(struct sw_bytes type, const char *name)
{
	size_t len = strlen(name);
	return type.len > len && type.ptr[type.len - len - 1] == '.' &&
	       memcmp(type.ptr + type.len - len, name, len) == 0;
}

static bool starts_with(struct sw_bytes text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

static bool has_word(struct sw_bytes text, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i + len <= text.len; i++) {
		if (sw_bytes_equal_nocase(sw_bytes(text.ptr + i, len), word)) {
			return true;
		}
	}
	return false;
}

/* Fields have their path from the root, with an index where they are lists. */
static void scan_fields(const json_t *violations, struct details *found)
{
	size_t count = json_array_size(violations);
	for (size_t i = 0; i < count && i < DETAILS_MAX; i++) {
		struct sw_bytes field = sw_json_get_str(json_array_get(violations, i), "field");
		if (starts_with(field, "message.token")) {
			found->names_token = true;
		} else if (found->field.len == 0) {
			found->field = field;
		}
	}
}

/* Whose rate it is, Google says in words. */
static bool names_device(const json_t *violations)
{
	size_t count = json_array_size(violations);
	bool device = false;
	for (size_t i = 0; i < count && i < DETAILS_MAX; i++) {
		const json_t *violation = json_array_get(violations, i);
		device = device || starts_with(sw_json_get_str(violation, "subject"), "device") ||
			 has_word(sw_json_get_str(violation, "description"), "device");
	}
	return device;
}

/* google.protobuf.Duration as JSON: "25s", "1.500s". Cut to milliseconds; -1 when malformed. */
static int64_t duration_ms(struct sw_bytes text)
{
	int64_t ms = 0;
	int64_t scale = 0; /* 0 before the point; then what the next digit is worth */
	if (text.len < 2 || text.len > 24 || text.ptr[text.len - 1] != 's' || text.ptr[0] == '.') {
		return -1;
	}
	for (size_t i = 0; i + 1 < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c == '.' && scale == 0) {
			ms *= 1000;
			scale = 100;
		} else if (c < '0' || c > '9') {
			return -1;
		} else if (scale == 0) {
			ms = ms < RETRY_AFTER_MAX_MS ? ms * 10 + (c - '0') : ms;
		} else {
			ms += scale * (c - '0');
			scale = scale > 1 ? scale / 10 : 0;
			if (scale == 0) {
				break;
			}
		}
	}
	ms = memchr(text.ptr, '.', text.len) ? ms : ms * 1000;
	return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

static void scan_detail(const json_t *detail, struct details *found)
{
	struct sw_bytes type = sw_json_get_str(detail, "@type");
	if (is_type(type, "FcmError")) {
		found->code = sw_json_get_str(detail, "errorCode");
	} else if (is_type(type, "BadRequest")) {
		scan_fields(json_object_get(detail, "fieldViolations"), found);
	} else if (is_type(type, "RetryInfo")) {
		found->retry_ms = duration_ms(sw_json_get_str(detail, "retryDelay"));
	} else if (is_type(type, "QuotaFailure")) {
		found->device_quota = names_device(json_object_get(detail, "violations"));
	} else if (is_type(type, "ErrorInfo") || is_type(type, "ApnsError")) {
		found->reason = sw_json_get_str(detail, "reason");
	}
}

static struct details scan(const json_t *error)
{
	struct details found = {.retry_ms = -1};
	const json_t *array = json_object_get(error, "details");
	size_t count = json_array_size(array);
	for (size_t i = 0; i < count && i < DETAILS_MAX; i++) {
		scan_detail(json_array_get(array, i), &found);
	}
	/* Known text, for answers that come without details. */
	found.names_token = found.names_token || starts_with(sw_json_get_str(error, "message"), BAD_TOKEN_TEXT);
	/* An error code that says nothing is none. */
	if (sw_bytes_equal_str(found.code, "UNSPECIFIED_ERROR")) {
		found.code.len = 0;
	}
	return found;
}

static const struct sw_outcome_row *find_row(int status, struct sw_bytes code)
{
	return sw_outcome_find(rows, sizeof(rows) / sizeof(rows[0]), status, code);
}

static void set_reason(struct sw_outcome *outcome, struct sw_bytes code, const struct details *found)
{
	char text[64];
	char more[64];
	struct sw_bytes detail = found->reason.len ? found->reason : found->field;
	sw_bytes_printable(code, text, sizeof(text));
	sw_bytes_printable(detail, more, sizeof(more));
	if (outcome->kind == SW_OUTCOME_DELIVERED) {
		snprintf(outcome->reason, sizeof(outcome->reason), "accepted");
	} else if (code.len == 0) {
		snprintf(outcome->reason, sizeof(outcome->reason), "HTTP %d without a reason", outcome->status);
	} else if (more[0]) {
		snprintf(outcome->reason, sizeof(outcome->reason), "%.60s (%.32s)", text, more);
	} else {
		snprintf(outcome->reason, sizeof(outcome->reason), "%s%s", text,
			 found->names_token    ? " (message.token)"
			 : found->device_quota ? " (device)"
					       : "");
	}
}

/* What the service asks for, header before details; else the table's minimum. */
static int64_t wait_ms(const struct sw_answer *answer, const struct details *found, int64_t minimum_ms)
{
	int64_t asked_ms = sw_http_retry_after_ms(answer->http, answer->now_ms, RETRY_AFTER_MAX_MS);
	asked_ms = asked_ms >= 0 ? asked_ms : found->retry_ms;
	return asked_ms >= 0 ? asked_ms : minimum_ms;
}

/* The row for the answer; `code` is FcmError's, or else the envelope's. */
static struct sw_outcome_class settle(int status, struct sw_bytes code, const json_t *error,
				      const struct details *found)
{
	const struct sw_outcome_row *row = find_row(status, code);
	if (!row) {
		row = find_row(status, sw_json_get_str(error, "status"));
	}
	struct sw_outcome_class result = sw_outcome_class_of(classes, sizeof(classes) / sizeof(classes[0]), status);
	if (row) {
		result.kind = row->kind;
		result.after_ms = row->after_ms;
	}
	/* A token is to blame only when nothing else is: a bad message would cost every token that it is tried with. */
	bool token_alone = found->names_token && found->field.len == 0;
	if (status == 400 && token_alone && sw_bytes_equal_str(code, "INVALID_ARGUMENT")) {
		result.kind = SW_OUTCOME_TOKEN_DEAD;
	}
	return result;
}

void sw_fcm_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	const struct sw_http_response *http = answer->http;
	json_t *body = sw_json_of_answer(http->body, BODY_BYTES_MAX, BODY_DEPTH_MAX);
	const json_t *error = json_object_get(body, "error");
	struct details found = scan(error);
	struct sw_bytes code = found.code.len ? found.code : sw_json_get_str(error, "status");
	struct sw_outcome_class result = settle(http->status, code, error, &found);
	*outcome_out = (struct sw_outcome){.kind = result.kind, .status = http->status, .after_ms = -1};
	bool one_device = result.kind == SW_OUTCOME_THROTTLED && found.device_quota;
	outcome_out->scope = one_device ? SW_SCOPE_TARGET : SW_SCOPE_SERVICE;
	if (result.kind == SW_OUTCOME_RETRY || result.kind == SW_OUTCOME_THROTTLED) {
		outcome_out->after_ms = wait_ms(answer, &found, result.after_ms);
	} else if (result.kind == SW_OUTCOME_DELIVERED && sw_json_get_str(body, "name").len == 0) {
		/* 200 from something that is not FCM, a proxy for example. */
		outcome_out->kind = SW_OUTCOME_UNKNOWN;
	}
	set_reason(outcome_out, code, &found);
	if (outcome_out->kind == SW_OUTCOME_DELIVERED || outcome_out->kind == SW_OUTCOME_TOKEN_DEAD) {
		sw_oauth_accepted(&provider->token);
	}
	json_decref(body);
}
