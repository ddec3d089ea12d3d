/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in of a Web Push service: VAPID, faults, answers, and what was decrypted. The rules for one request are in
 * webpush_check.c. */
#include "sim/webpush_check.h"

#include <stdio.h>
#include <string.h>

#include <surewire/b64url.h>
#include <surewire/clock.h>

#include "base/hash.h"
#include "base/uuid.h"
#include "sim/exchange.h"
#include "sim/jws.h"

enum { STREAMS_MAX = 100, MESSAGE_ID_LEN = SW_UUID_TEXT_LEN + 1 };

static const struct sw_sim_webpush_verdict fine = {201, 0, NULL};

static struct sw_sim_webpush_verdict unauthorized(const char *reason)
{
	return (struct sw_sim_webpush_verdict){401, 109, reason};
}

/* RFC 8292, 4.2: a subscription that was made with a key takes pushes of no other. */
static struct sw_sim_webpush_verdict check_sender(const struct sw_sim *sim, struct sw_bytes id, struct sw_bytes key)
{
	const struct sw_sim_webpush_sub *sub = sw_sim_webpush_subs_find(&sim->webpush_subs, id);
	if (sub && sub->sender_key[0] && !sw_bytes_equal_str(key, sub->sender_key)) {
		return (struct sw_sim_webpush_verdict){403, 109, "VapidPkHashMismatch"};
	}
	return fine;
}

static struct sw_sim_webpush_verdict check_token(struct sw_sim *sim, const struct sw_sim_request *request,
						 struct sw_bytes token, EVP_PKEY *key)
{
	struct sw_sim_jws jws;
	uint8_t hash[32];
	if (sw_sim_jws_parse(token, &jws) != SW_OK) {
		return unauthorized("BadToken");
	}
	struct sw_sim_webpush_verdict verdict = sw_sim_jws_verify(&jws, "ES256", key)
						      ? sw_sim_webpush_check_claims(jws.claims, request->authority,
										    sw_clock_wall_ms() / 1000)
						      : unauthorized("BadSignature");
	sw_sim_jws_release(&jws);
	sw_hash_sha256(token, hash);
	return verdict.reason || sw_sim_token_in_force(sim, hash) ? verdict : unauthorized("ExpiredToken");
}

static struct sw_sim_webpush_verdict check_authorization(struct sw_sim *sim, const struct sw_sim_request *request,
							 struct sw_bytes id)
{
	struct sw_bytes token;
	struct sw_bytes key_text;
	uint8_t point[SW_SIM_WEBPUSH_POINT_BYTES];
	size_t len = 0;
	if (!sw_sim_webpush_split(sw_sim_request_header(request, "authorization"), &token, &key_text)) {
		return unauthorized("MissingVapid");
	}
	EVP_PKEY *key = sw_b64url_decode_to(key_text, point, sizeof(point), &len) == SW_OK && len == sizeof(point)
			      ? sw_sim_webpush_key(point)
			      : NULL;
	if (!key) {
		return unauthorized("BadKey");
	}
	struct sw_sim_webpush_verdict verdict = check_token(sim, request, token, key);
	EVP_PKEY_free(key);
	return verdict.reason ? verdict : check_sender(sim, id, key_text);
}

static json_t *push_headers(const struct sw_sim_request *request)
{
	static const char *const names[] = {"ttl", "urgency", "topic", "content-encoding", "content-type"};
	json_t *headers = json_object();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sw_bytes value = sw_sim_request_header(request, names[i]);
		if (value.ptr) {
			json_object_set_new(headers, names[i], json_stringn((const char *)value.ptr, value.len));
		}
	}
	return headers;
}

/* The plaintext; without the subscription's key, only how long the body is. SW_EINVAL when it does not decrypt. */
static int read_payload(const struct sw_sim *sim, const struct sw_sim_request *request, struct sw_bytes id,
			struct sw_buf *payload)
{
	const struct sw_sim_webpush_sub *sub = sw_sim_webpush_subs_find(&sim->webpush_subs, id);
	if (!sub || request->body.len == 0) {
		sw_buf_printf(payload, "{\"encrypted_bytes\":%zu}", request->body.len);
		return SW_OK;
	}
	return sw_sim_webpush_decrypt(sub, sw_buf_bytes(&request->body), payload);
}

/* Every encryption looks different: the same push is one of the same topic for the same subscription. */
static void keep(struct sw_sim *sim, const struct sw_sim_request *request, struct sw_bytes id, const char *message,
		 struct sw_bytes payload)
{
	struct sw_bytes topic = sw_sim_request_header(request, "topic");
	struct sw_buf repeat;
	sw_buf_init(&repeat, SW_SIM_BODY_MAX);
	sw_buf_put_bytes(&repeat, id);
	sw_buf_put_char(&repeat, '\n');
	sw_buf_put_bytes(&repeat, topic.ptr ? topic : payload);
	struct sw_sim_record_new record = {
		.provider = "webpush",
		.token = id,
		.id = sw_bytes_str(message),
		.repeat_key = sw_buf_bytes(&repeat),
		.collapse_id = topic,
		.topic = sw_bytes_str(request->authority),
		.payload = payload,
		.headers = push_headers(request),
		.received_at_ms = sw_clock_wall_ms(),
	};
	sw_sim_accept(sim, SW_SIM_WEBPUSH, &record);
	sw_buf_release(&repeat);
}

static void answer(struct sw_sim_reply *reply, const struct sw_sim_webpush_verdict *verdict)
{
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = verdict->status;
	if (verdict->reason) {
		sw_sim_reply_add(reply, "content-type", "application/json");
		sw_buf_printf(&reply->body, "{\"code\":%d,\"errno\":%d,\"reason\":", verdict->status, verdict->number);
		sw_json_put_cstr(&reply->body, verdict->reason);
		sw_buf_put_str(&reply->body, "}");
	}
}

static void answer_created(struct sw_sim_reply *reply, const struct sw_sim_request *request, const char *message)
{
	char location[128];
	char ttl[16];
	struct sw_bytes asked = sw_sim_request_header(request, "ttl");
	answer(reply, &fine);
	snprintf(location, sizeof(location), "https://%s/message/%s", request->authority, message);
	snprintf(ttl, sizeof(ttl), "%.*s", SW_BYTES_FMT(asked));
	sw_sim_reply_add(reply, "location", location);
	sw_sim_reply_add(reply, "ttl", ttl);
}

struct push {
	struct sw_sim *sim;
	struct sw_sim_request *request;
	struct sw_bytes id; /* of the subscription */
};

/* Looks at a request as a push service does and answers it. */
static const char *process(void *ctx, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	struct sw_sim *sim = push->sim;
	struct sw_bytes id = push->id;
	struct sw_uuid uuid = sw_uuid_random();
	char message[MESSAGE_ID_LEN];
	struct sw_buf payload;
	sw_buf_init(&payload, SW_SIM_BODY_MAX);
	sw_uuid_format(&uuid, message);
	struct sw_sim_webpush_verdict verdict = sw_sim_webpush_check_path(push->request, &id);
	verdict = verdict.reason ? verdict : check_authorization(sim, push->request, id);
	verdict = verdict.reason ? verdict : sw_sim_webpush_check_message(push->request);
	if (!verdict.reason && read_payload(sim, push->request, id, &payload) != SW_OK) {
		/* A real service cannot see this: only the browser would. */
		verdict = (struct sw_sim_webpush_verdict){400, 110, "CannotDecrypt"};
	}
	if (verdict.reason) {
		answer(reply, &verdict);
	} else {
		keep(sim, push->request, id, message, sw_buf_bytes(&payload));
		answer_created(reply, push->request, message);
	}
	sw_buf_release(&payload);
	return verdict.reason;
}

static const char *usual_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = {
		{400, "BadRequest"}, {401, "BadToken"},        {403, "BadJwtToken"},     {404, "NoSuchSubscription"},
		{410, "Gone"},       {413, "PayloadTooLarge"}, {429, "TooManyRequests"}, {503, "ServiceUnavailable"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status) {
			return rows[i].reason;
		}
	}
	return status < 300 ? NULL : "InternalServerError";
}

static const char *answer_fault(void *ctx, const struct sw_sim_action *action, struct sw_sim_reply *reply)
{
	(void)ctx;
	int status = action->status ? action->status : 410;
	struct sw_sim_webpush_verdict verdict = {.status = status,
						 .reason = action->reason[0] ? action->reason : usual_reason(status)};
	answer(reply, &verdict);
	return verdict.reason;
}

static void on_request(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct push push = {((struct sw_sim_link *)ctx)->sim, request, sw_bytes("", 0)};
	struct sw_sim_webpush_verdict path = sw_sim_webpush_check_path(request, &push.id);
	const struct sw_sim_exchange exchange = {.provider = SW_SIM_WEBPUSH,
						 .subject = path.reason ? sw_bytes("", 0) : push.id,
						 .process = process,
						 .answer_fault = answer_fault,
						 .ctx = &push};
	sw_sim_exchange(push.sim, &exchange, reply);
}

void sw_sim_serve_webpush(struct sw_sim_link *link)
{
	const struct sw_sim_http_handler handler = {.streams_max = STREAMS_MAX, .on_request = on_request, .ctx = link};
	sw_sim_http_serve(link, &handler, SW_SIM_HTTP2_ONLY);
}
