/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of Push Kit becomes an outcome, by the tables in outcomes.def. The verdict is the code in the body, most
 * often with HTTP 200; what cannot be read goes by the status. Costs a token only when the answer is surely about it. */
#include "huawei_int.h"

#include <stdio.h>
#include <string.h>

enum {
	BODY_BYTES_MAX = 16 * 1024,
	BODY_DEPTH_MAX = 8,
	RETRY_AFTER_MAX_MS = 3600 * 1000,
	UNKNOWN_CODE_AFTER_MS = 10 * 1000,
	CODE_BYTES = 24,
};

#define CODE_PARTIAL "80100000"
#define CODE_ALL_INVALID "80300007"
#define CODE_NO_HIGH_URGENCY "80300011"

struct row {
	const char *code;
	enum sw_outcome_kind kind;
	int64_t after_ms;
	const char *meaning;
};

static const struct row rows[] = {
#define SW_HUAWEI_OUTCOME(code, kind, after_ms, meaning) {code, SW_OUTCOME_##kind, after_ms, meaning},
#include "outcomes.def"
#undef SW_HUAWEI_OUTCOME
};

enum by { BY_STATUS, BY_CODE };

struct class_row {
	int first;
	int last;
	enum by by;
	enum sw_outcome_kind kind;
	int64_t after_ms;
};

static const struct class_row classes[] = {
#define SW_HUAWEI_CLASS(first, last, by, kind, after_ms) {first, last, BY_##by, SW_OUTCOME_##kind, after_ms},
#include "outcomes.def"
#undef SW_HUAWEI_CLASS
};

/* What is concluded, and what is said of it. */
struct verdict {
	enum sw_outcome_kind kind;
	int64_t after_ms;
	const struct row *row; /* NULL: the code is unknown or does not count */
	const char *remark;    /* static; "" */
};

/* Documented as text; a number is understood as well. */
static void read_code(const json_t *body, char code[CODE_BYTES])
{
	const json_t *value = json_object_get(body, "code");
	if (json_is_integer(value)) {
		snprintf(code, CODE_BYTES, "%lld", (long long)json_integer_value(value));
	} else {
		sw_bytes_printable(sw_json_get_str(body, "code"), code, CODE_BYTES);
	}
}

static const struct row *find_row(const char *code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].code, code) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

static struct class_row class_of(int status)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (status >= classes[i].first && status <= classes[i].last) {
			return classes[i];
		}
	}
	/* Not a final HTTP status: nothing can be concluded. */
	return (struct class_row){.by = BY_STATUS, .kind = SW_OUTCOME_UNKNOWN, .after_ms = -1};
}

/* "msg" of a partial success is JSON in a text: {"success":N,"failure":N,"illegal_tokens":[…]}. */
static enum sw_outcome_kind partial(struct sw_bytes msg, struct sw_bytes token)
{
	json_t *counts = sw_json_of_answer(msg, BODY_BYTES_MAX, BODY_DEPTH_MAX);
	const json_t *illegal = json_object_get(counts, "illegal_tokens");
	enum sw_outcome_kind kind = json_integer_value(json_object_get(counts, "success")) > 0 ? SW_OUTCOME_DELIVERED
											       : SW_OUTCOME_UNKNOWN;
	size_t count = json_array_size(illegal);
	for (size_t i = 0; i < count && token.len; i++) {
		const json_t *one = json_array_get(illegal, i);
		if (json_is_string(one) &&
		    sw_bytes_equal(sw_bytes(json_string_value(one), json_string_length(one)), token)) {
			kind = SW_OUTCOME_TOKEN_DEAD;
		}
	}
	json_decref(counts);
	return kind;
}

/* Causes of "invalid" that are the account's and not the token's, as the text of the answer names them. "" for none. */
static const char *account_cause(struct sw_bytes msg)
{
	static const char *const causes[] = {"noRight", "noPushTypeRight", "appinfoError", "countryNotSupport",
					     "disableSendHuaweiMsgBecauseOfPenalty"};
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]) && msg.len; i++) {
		if (memmem(msg.ptr, msg.len, causes[i], strlen(causes[i]))) {
			return causes[i];
		}
	}
	return "";
}

/* A wrong id of app or project makes Huawei call every token invalid: a few in a row are believed, not a fleet. */
static void doubt(struct sw_provider *provider, struct sw_bytes msg, struct verdict *verdict)
{
	verdict->remark = account_cause(msg);
	if (!verdict->remark[0] && strcmp(verdict->row->code, CODE_ALL_INVALID) == 0) {
		provider->invalid_streak++;
		verdict->remark = provider->invalid_streak > SW_HUAWEI_INVALID_MAX
					? "too many in a row, check client_id and project_id"
					: "";
	}
	if (verdict->remark[0]) {
		verdict->kind = SW_OUTCOME_CONFIG;
	}
}

static void by_row(struct sw_provider *provider, const struct sw_answer *answer, const json_t *body,
		   struct verdict *verdict)
{
	struct sw_bytes msg = sw_json_get_str(body, "msg");
	verdict->kind = verdict->row->kind;
	verdict->after_ms = verdict->row->after_ms;
	if (strcmp(verdict->row->code, CODE_PARTIAL) == 0) {
		verdict->kind = partial(msg, answer->target->token);
	}
	if (verdict->kind == SW_OUTCOME_TOKEN_DEAD) {
		doubt(provider, msg, verdict);
	} else if (verdict->kind == SW_OUTCOME_DELIVERED) {
		provider->invalid_streak = 0;
	} else if (strcmp(verdict->row->code, CODE_NO_HIGH_URGENCY) == 0) {
		/* Told to an operator; what comes after, this message included, goes without. */
		provider->high_urgency_refused = true;
	}
	/* Whatever was wrong with the access token is over. */
	if (verdict->kind == SW_OUTCOME_DELIVERED || verdict->kind == SW_OUTCOME_TOKEN_DEAD) {
		sw_oauth_accepted(&provider->token);
	}
}

static struct verdict settle(struct sw_provider *provider, const struct sw_answer *answer, const json_t *body,
			     const char *code)
{
	int status = answer->http->status;
	struct class_row class = class_of(status);
	struct verdict verdict = {.kind = class.kind, .after_ms = class.after_ms, .remark = ""};
	verdict.row = class.by == BY_CODE ? find_row(code) : NULL;
	if (verdict.row && status != 200 &&
	    (verdict.row->kind == SW_OUTCOME_DELIVERED || strcmp(code, CODE_PARTIAL) == 0)) {
		verdict.row = NULL; /* a success that is none */
	}
	if (verdict.row) {
		by_row(provider, answer, body, &verdict);
	} else if (status == 200 && code[0]) {
		/* A new code: the attempts are limited anyway. */
		verdict.kind = SW_OUTCOME_RETRY;
		verdict.after_ms = UNKNOWN_CODE_AFTER_MS;
	}
	return verdict;
}

static void set_reason(const struct verdict *verdict, const char *code, struct sw_outcome *outcome)
{
	char *to = outcome->reason;
	size_t size = sizeof(outcome->reason);
	if (verdict->kind == SW_OUTCOME_DELIVERED) {
		snprintf(to, size, "accepted");
	} else if (verdict->row && verdict->remark[0]) {
		snprintf(to, size, "%s %s (%s)", code, verdict->row->meaning, verdict->remark);
	} else if (verdict->row) {
		snprintf(to, size, "%s %s", code, verdict->row->meaning);
	} else {
		snprintf(to, size, "HTTP %d %s", outcome->status, code[0] ? code : "without a code");
	}
}

void sw_huawei_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	char code[CODE_BYTES];
	json_t *body = sw_json_of_answer(answer->http->body, BODY_BYTES_MAX, BODY_DEPTH_MAX);
	read_code(body, code);
	struct verdict verdict = settle(provider, answer, body, code);
	json_decref(body);
	*outcome_out = (struct sw_outcome){.kind = verdict.kind, .status = answer->http->status, .after_ms = -1};
	if (verdict.kind == SW_OUTCOME_RETRY || verdict.kind == SW_OUTCOME_THROTTLED) {
		int64_t asked_ms = sw_http_retry_after_ms(answer->http, answer->now_ms, RETRY_AFTER_MAX_MS);
		outcome_out->after_ms = asked_ms >= 0 ? asked_ms : verdict.after_ms;
	}
	set_reason(&verdict, code, outcome_out);
}
