/* SPDX-License-Identifier: Apache-2.0 */
/* The two providers of the fake services: everything that is asked of one, and no more. */
#include "fake_vendor.h"

#include <surewire/buf.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sw_provider {
	struct sw_endpoint endpoint;
	unsigned credential; /* 0: none */
	bool has_credential;
};

static int open_provider(const struct sw_provider_config *config, struct sw_provider **provider_out,
			 struct sw_diag *diag_out)
{
	(void)config;
	(void)diag_out;
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	provider->endpoint = (struct sw_endpoint){
		.host = "fake", .port = 443, .connections_max = 1, .answer_timeout_ms = 10000, .mail_tls = SW_MAIL_TLS};
	*provider_out = provider;
	return SW_OK;
}

static void close_provider(struct sw_provider *provider)
{
	free(provider);
}

static int reload(struct sw_provider *provider, struct sw_diag *diag_out)
{
	(void)provider;
	(void)diag_out;
	return SW_OK;
}

static int check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	return token.len ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "token: expected one");
}

static bool serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	(void)provider;
	(void)app;
	return true;
}

/* ---- credential ---- */

static enum sw_credential_state state_fetched(struct sw_provider *provider, int64_t now_ms)
{
	(void)now_ms;
	return provider->has_credential ? SW_CREDENTIAL_READY : SW_CREDENTIAL_FETCH;
}

static enum sw_credential_state state_none(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
	return SW_CREDENTIAL_READY;
}

static int credential_request(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
			      struct sw_credential_request *request_out, struct sw_diag *diag_out)
{
	(void)provider;
	(void)now_ms;
	(void)arena;
	(void)diag_out;
	*request_out = (struct sw_credential_request){.url = sw_bytes_str("https://fake/token"),
						      .content_type = "text/plain",
						      .body = sw_bytes_str("please")};
	return SW_OK;
}

static int credential_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
			       struct sw_diag *diag_out)
{
	(void)now_ms;
	uint64_t number = 0;
	if (response->status != 200 || sw_bytes_to_u64(response->body, &number) != SW_OK) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "no answer");
	}
	provider->credential = (unsigned)number;
	provider->has_credential = true;
	return SW_OK;
}

static void credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	(void)now_ms;
	provider->has_credential = false;
}

/* ---- requests ---- */

static struct sw_bytes body_of(const struct sw_provider *provider, const struct sw_notification *notification,
			       struct sw_arena *arena)
{
	struct sw_uuid job;
	char job_text[SW_UUID_TEXT_LEN + 1];
	char text[128];
	memcpy(job.bytes, notification->id, sizeof(job.bytes));
	sw_uuid_format(&job, job_text);
	const struct sw_push_datum *pos = &notification->data[notification->data_count - 1];
	int len = snprintf(text, sizeof(text), "%s %.*s %u", job_text, SW_BYTES_FMT(pos->value), provider->credential);
	return sw_arena_copy(arena, sw_bytes(text, (size_t)len));
}

static int encode_http(struct sw_provider *provider, const struct sw_push_target *target,
		       const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		       struct sw_send *send_out, struct sw_diag *diag_out)
{
	(void)now_ms;
	(void)diag_out;
	char path[80];
	int len = snprintf(path, sizeof(path), "/%.*s", SW_BYTES_FMT(target->token));
	*send_out = (struct sw_send){.endpoint = &provider->endpoint,
				     .as.http = {.method = "POST",
						 .path = sw_arena_copy(arena, sw_bytes(path, (size_t)len)),
						 .body = body_of(provider, notification, arena)}};
	return SW_OK;
}

static int encode_mail(struct sw_provider *provider, const struct sw_push_target *target,
		       const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		       struct sw_send *send_out, struct sw_diag *diag_out)
{
	(void)now_ms;
	(void)diag_out;
	*send_out = (struct sw_send){.endpoint = &provider->endpoint,
				     .as.mail = {.envelope_from = sw_bytes_str("push@example.org"),
						 .envelope_to = target->token,
						 .text = body_of(provider, notification, arena)}};
	return SW_OK;
}

static enum sw_outcome_kind kind_of(int status)
{
	switch (status) {
	case 200:
	case 250:
		return SW_OUTCOME_DELIVERED;
	case 429:
	case 421:
		return SW_OUTCOME_THROTTLED;
	case 410:
	case 550:
		return SW_OUTCOME_TOKEN_DEAD;
	case 403:
	case 535:
		return SW_OUTCOME_CREDENTIAL;
	case 400:
	case 554:
		return SW_OUTCOME_REJECTED;
	default:
		return SW_OUTCOME_RETRY;
	}
}

static void classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out)
{
	(void)provider;
	int status = answer->http ? answer->http->status : answer->mail->code;
	*outcome_out = (struct sw_outcome){.kind = kind_of(status), .status = status, .after_ms = -1};
	if (outcome_out->kind == SW_OUTCOME_THROTTLED) {
		outcome_out->scope = SW_SCOPE_TARGET;
		outcome_out->after_ms =
			0; /* stages of a fake broker are over at once, the pauses of a device are not */
	}
	snprintf(outcome_out->reason, sizeof(outcome_out->reason), "fake %d", status);
}

static const char *const no_keys[] = {NULL};

const struct sw_provider_ops fake_provider_phones = {
	.name = "phones",
	.transport = SW_TRANSPORT_H2,
	.known_keys = no_keys,
	.open = open_provider,
	.close = close_provider,
	.reload = reload,
	.check_token = check_token,
	.serves_app = serves_app,
	.credential_state = state_fetched,
	.credential_request = credential_request,
	.credential_response = credential_response,
	.credential_refused = credential_refused,
	.encode = encode_http,
	.classify = classify,
};

const struct sw_provider_ops fake_provider_mail = {
	.name = "mail",
	.transport = SW_TRANSPORT_MAIL,
	.known_keys = no_keys,
	.fallback_only = true,
	.open = open_provider,
	.close = close_provider,
	.reload = reload,
	.check_token = check_token,
	.serves_app = serves_app,
	.credential_state = state_none,
	.credential_refused = credential_refused,
	.encode = encode_mail,
	.classify = classify,
};
