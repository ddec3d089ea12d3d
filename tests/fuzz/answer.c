/* SPDX-License-Identifier: Apache-2.0 */
/* See answer.h. */
#include "answer.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { STATUS_LIMIT = 1000, WAIT_MAX_MS = 3600 * 1000, DAY_MS = 24 * 3600 * 1000, TOKEN_BYTES_MAX = 8 * 1024 };
#define OLD_TOKEN "Bearer old"

static const int64_t now_ms = INT64_C(1795500000000);

void answer_input_init(struct answer_input *input, struct sw_bytes bytes)
{
	*input = (struct answer_input){.http = {.status = fuzz_take_u16(&bytes) % STATUS_LIMIT}};
	struct sw_bytes retry_after = fuzz_take_line(&bytes);
	input->retry_after = fuzz_copy(retry_after);
	input->body = fuzz_copy(bytes);
	if (retry_after.len) {
		input->http.headers[input->http.header_count++] = (struct sw_http_header){
			.name = sw_bytes_str("retry-after"), .value = sw_bytes(input->retry_after, retry_after.len)};
	}
	input->http.body = sw_bytes(input->body, bytes.len);
	input->answer = (struct sw_answer){.http = &input->http, .now_ms = now_ms};
}

void answer_input_release(struct answer_input *input)
{
	free(input->retry_after);
	free(input->body);
}

void answer_check(const struct answer_input *input, const struct sw_outcome *outcome)
{
	bool waits = outcome->kind == SW_OUTCOME_RETRY || outcome->kind == SW_OUTCOME_THROTTLED;
	/* UNSENT is what the connection knows, never what an answer says. */
	FUZZ_CHECK((int)outcome->kind >= 0 && outcome->kind <= SW_OUTCOME_CONFIG && outcome->kind != SW_OUTCOME_UNSENT);
	FUZZ_CHECK(outcome->status == input->http.status);
	FUZZ_CHECK(waits ? outcome->after_ms >= -1 && outcome->after_ms <= WAIT_MAX_MS : outcome->after_ms == -1);
	FUZZ_CHECK(outcome->since_ms >= 0 && (outcome->since_ms == 0 || outcome->kind == SW_OUTCOME_TOKEN_DEAD));
	FUZZ_CHECK(outcome->scope == SW_SCOPE_SERVICE || outcome->kind == SW_OUTCOME_THROTTLED ||
		   outcome->kind == SW_OUTCOME_RETRY);
	FUZZ_CHECK(memchr(outcome->reason, '\0', sizeof(outcome->reason)));
	FUZZ_CHECK(outcome->reason[0] && fuzz_printable(outcome->reason));
}

void answer_token_init(const struct answer_input *input, struct sw_oauth_token *token)
{
	*token = (struct sw_oauth_token){.authorization = sw_xstrdup(OLD_TOKEN),
					 .expires_ms = input->answer.now_ms + 1};
}

static void check_taken(const struct sw_oauth_token *token)
{
	const char *text = token->authorization;
	size_t prefix = strlen("Bearer ");
	FUZZ_CHECK(strncmp(text, "Bearer ", prefix) == 0);
	FUZZ_CHECK(fuzz_printable(text) && !strchr(text + prefix, ' '));
	FUZZ_CHECK(strlen(text) > prefix && strlen(text) <= prefix + TOKEN_BYTES_MAX);
	FUZZ_CHECK(token->expires_ms > now_ms && token->expires_ms <= now_ms + DAY_MS);
	FUZZ_CHECK(token->renew_ms > now_ms && token->renew_ms <= token->expires_ms);
	FUZZ_CHECK(sw_oauth_state(token, now_ms) == SW_CREDENTIAL_READY);
}

void answer_token_check(const struct answer_input *input, const struct sw_oauth_token *token, int err,
			const struct sw_diag *diag)
{
	if (err == SW_OK) {
		FUZZ_CHECK(input->http.status == 200);
		check_taken(token);
	} else {
		FUZZ_CHECK((err == SW_EAUTH || err == SW_EUNAVAILABLE) && diag->text[0] && fuzz_printable(diag->text));
		FUZZ_CHECK(strcmp(token->authorization, OLD_TOKEN) == 0 && token->expires_ms == now_ms + 1);
	}
}
