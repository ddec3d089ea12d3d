/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in of APNs: what a connection remembers (its key, its provider token, its stream limit), faults, answers.
 * The rules for one request are in apns_check.c. */
#include "sim/apns_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <surewire/clock.h>

#include "base/hash.h"
#include "base/uuid.h"
#include "sim/apns_certificate.h"
#include "sim/exchange.h"
#include "sim/jws.h"

enum { STREAMS_BEFORE_TOKEN = 1, STREAMS_AFTER_TOKEN = 1000 };

struct apns_link {
	struct sw_sim_link *link;
	bool bound; /* a valid token was seen; the rest is of the last one */
	bool raised;
	const struct sw_sim_apns_key *key;
	uint8_t token_hash[32];
	int64_t token_since_ms; /* monotonic */
	unsigned generation;
	json_t *claims;
};

static struct sw_sim_verdict refuse(int status, const char *reason)
{
	return (struct sw_sim_verdict){status, reason};
}

static const struct sw_sim_verdict fine = {200, NULL};

static const struct sw_sim_apns_key *find_key(const struct sw_sim *sim, struct sw_bytes kid)
{
	for (size_t i = 0; i < sim->apns_key_count; i++) {
		if (sw_bytes_equal_str(kid, sim->apns_keys[i].kid)) {
			return &sim->apns_keys[i];
		}
	}
	return NULL;
}

static struct sw_sim_verdict check_age(struct sw_sim *sim, const json_t *claims, const uint8_t hash[32])
{
	struct sw_sim_verdict verdict = sw_sim_apns_check_claims(claims, sim->apns_team, sw_clock_wall_ms() / 1000);
	if (!verdict.reason && !sw_sim_token_in_force(sim, hash)) {
		return refuse(403, "ExpiredProviderToken");
	}
	return verdict;
}

/* A token that this connection has not used last: is it too early for another one, and is it of the same key? */
static struct sw_sim_verdict change_token(struct apns_link *apns, const struct sw_sim_apns_key *key,
					  struct sw_sim_jws *jws, const uint8_t hash[32])
{
	struct sw_sim *sim = apns->link->sim;
	int64_t now_ms = sw_clock_mono_ms();
	if (apns->bound && apns->key != key) {
		return refuse(403, "UnrelatedKeyIdInToken");
	}
	/* Credentials that were expired on command may be replaced at once. */
	bool free_change = apns->generation != sim->credential_generation;
	if (apns->bound && !free_change && now_ms - apns->token_since_ms < (int64_t)sim->apns_token_window_s * 1000) {
		return refuse(429, "TooManyProviderTokenUpdates");
	}
	json_decref(apns->claims);
	apns->claims = json_incref(jws->claims);
	memcpy(apns->token_hash, hash, 32);
	apns->key = key;
	apns->bound = true;
	apns->token_since_ms = now_ms;
	apns->generation = sim->credential_generation;
	return fine;
}

static struct sw_sim_verdict check_new_token(struct apns_link *apns, struct sw_bytes token, const uint8_t hash[32])
{
	struct sw_sim_jws jws;
	if (sw_sim_jws_parse(token, &jws) != SW_OK) {
		return refuse(403, "InvalidProviderToken");
	}
	struct sw_sim_verdict verdict = refuse(403, "InvalidProviderToken");
	const struct sw_sim_apns_key *key = find_key(apns->link->sim, sw_json_get_str(jws.header, "kid"));
	if (key && sw_sim_jws_verify(&jws, "ES256", key->key)) {
		verdict = check_age(apns->link->sim, jws.claims, hash);
	}
	if (!verdict.reason) {
		verdict = change_token(apns, key, &jws, hash);
	}
	sw_sim_jws_release(&jws);
	return verdict;
}

/* Who has no token may have come with a certificate. */
static struct sw_sim_verdict check_certificate(const struct apns_link *apns, const struct sw_sim_request *request)
{
	X509 *certificate = apns->link->conn.ssl ? SSL_get1_peer_certificate(apns->link->conn.ssl) : NULL;
	if (!certificate) {
		return refuse(403, "MissingProviderToken");
	}
	struct sw_sim_verdict verdict = sw_sim_apns_check_certificate(
		certificate, sw_sim_request_header(request, "apns-topic"), sw_clock_wall_ms() / 1000);
	X509_free(certificate);
	return verdict;
}

static struct sw_sim_verdict check_authorization(struct apns_link *apns, const struct sw_sim_request *request)
{
	struct sw_bytes token = sw_sim_request_bearer(request);
	if (!sw_sim_request_header(request, "authorization").ptr) {
		return check_certificate(apns, request);
	}
	if (!token.ptr) {
		return refuse(403, "InvalidProviderToken");
	}
	uint8_t hash[32];
	sw_hash_sha256(token, hash);
	if (apns->bound && memcmp(hash, apns->token_hash, 32) == 0) {
		return check_age(apns->link->sim, apns->claims, hash);
	}
	return check_new_token(apns, token, hash);
}

static json_t *apns_headers(const struct sw_sim_request *request)
{
	json_t *headers = json_object();
	for (size_t i = 0; i < request->header_count; i++) {
		struct sw_bytes name = request->headers[i].name;
		struct sw_bytes value = request->headers[i].value;
		if (name.len > 5 && memcmp(name.ptr, "apns-", 5) == 0) {
			json_object_set_new(headers, (const char *)name.ptr,
					    json_stringn((const char *)value.ptr, value.len));
		}
	}
	return headers;
}

static void keep(struct sw_sim *sim, const struct sw_sim_request *request, struct sw_bytes token, const char *id)
{
	struct sw_sim_record_new record = {
		.provider = "apns",
		.token = token,
		.id = sw_bytes_str(id),
		.repeat_key = sw_bytes_str(id),
		.collapse_id = sw_sim_request_header(request, "apns-collapse-id"),
		.topic = sw_sim_request_header(request, "apns-topic"),
		.payload = sw_buf_bytes(&request->body),
		.headers = apns_headers(request),
		.received_at_ms = sw_clock_wall_ms(),
	};
	sw_sim_accept(sim, SW_SIM_APNS, &record);
}

static void answer(struct sw_sim_reply *reply, const char *id, int status, const char *reason, int64_t timestamp_ms)
{
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = status;
	sw_sim_reply_add(reply, "apns-id", id);
	if (!reason) {
		return;
	}
	sw_sim_reply_add(reply, "content-type", "application/json");
	sw_buf_put_str(&reply->body, "{\"reason\":");
	sw_json_put_cstr(&reply->body, reason);
	if (status == 410) {
		sw_buf_printf(&reply->body, ",\"timestamp\":%" PRId64, timestamp_ms);
	}
	sw_buf_put_str(&reply->body, "}");
}

static const char *usual_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = {{400, "BadDeviceToken"},   {403, "InvalidProviderToken"}, {404, "BadPath"},
		    {405, "MethodNotAllowed"}, {410, "Unregistered"},         {413, "PayloadTooLarge"},
		    {429, "TooManyRequests"},  {500, "InternalServerError"},  {503, "ServiceUnavailable"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status) {
			return rows[i].reason;
		}
	}
	return status < 300 ? NULL : "InternalServerError";
}

/* A request on its way, and the id that its answer carries. */
struct push {
	struct apns_link *apns;
	struct sw_sim_request *request;
	char id[SW_UUID_TEXT_LEN + 1];
};

static const char *answer_fault(void *ctx, const struct sw_sim_action *action, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	int status = action->status ? action->status : 410;
	const char *reason = action->reason[0] ? action->reason : usual_reason(status);
	answer(reply, push->id, status, reason,
	       action->token_dead_ms >= 0 ? action->token_dead_ms : sw_clock_wall_ms());
	return reason;
}

/* Looks at a request as Apple does and answers it. */
static const char *process(void *ctx, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	struct apns_link *apns = push->apns;
	struct sw_sim *sim = apns->link->sim;
	const struct sw_sim_apns_rules rules = {sim->topics, sim->topic_count};
	struct sw_bytes token = sw_bytes("", 0);
	struct sw_sim_verdict verdict = sw_sim_apns_check_path(push->request, &token);
	if (!verdict.reason) {
		verdict = check_authorization(apns, push->request);
	}
	if (!verdict.reason) {
		verdict = sw_sim_apns_check_message(push->request, token, &rules);
	}
	answer(reply, push->id, verdict.status, verdict.reason, 0);
	if (verdict.reason) {
		return verdict.reason;
	}
	keep(sim, push->request, token, push->id);
	if (!apns->raised) {
		apns->raised = true;
		reply->streams_max = STREAMS_AFTER_TOKEN;
	}
	return NULL;
}

static void choose_id(const struct sw_sim_request *request, char id_out[SW_UUID_TEXT_LEN + 1])
{
	struct sw_bytes given = sw_sim_request_header(request, "apns-id");
	struct sw_uuid id;
	if (!given.ptr || sw_uuid_parse(given, &id) != SW_OK) {
		id = sw_uuid_random();
	}
	sw_uuid_format(&id, id_out);
}

static void on_request(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct push push = {.apns = ctx, .request = request};
	struct sw_bytes token = sw_bytes("", 0);
	choose_id(request, push.id);
	struct sw_sim_verdict path = sw_sim_apns_check_path(request, &token);
	const struct sw_sim_exchange exchange = {.provider = SW_SIM_APNS,
						 .subject = path.reason ? sw_bytes("", 0) : token,
						 .process = process,
						 .answer_fault = answer_fault,
						 .ctx = &push};
	sw_sim_exchange(push.apns->link->sim, &exchange, reply);
}

void sw_sim_serve_apns(struct sw_sim_link *link)
{
	struct apns_link apns = {.link = link};
	const struct sw_sim_http_handler handler = {
		.streams_max = STREAMS_BEFORE_TOKEN, .on_request = on_request, .ctx = &apns};
	sw_sim_http_serve(link, &handler, SW_SIM_HTTP2_ONLY);
	json_decref(apns.claims);
}
