/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications of every form, to APNs and FCM. Input: bytes that choose enumerations and flags, then lines for the texts,
 * in the order of read_texts; a line "*N" is N times "x". Properties: what is encoded keeps the limit of its service and is
 * taken by the rules of the stand-in, which knows the service for itself; what is not is refused with a text. */
#include "fuzz.h"

#include <surewire/log.h>
#include <surewire/provider.h>

#include "sim/apns_check.h"
#include "sim/fcm_check.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1790000000, REPEAT_MAX = 9000, MESSAGE_MAX = 4096, VOIP_MAX = 5120, LOC_TEXTS = 3 };
#define APNS_TOKEN "00fc13adff785122b4ad28809a342098"
#define FCM_TOKEN "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1"

/* ---- providers ---- */

static const char *get(const struct sw_provider_config *config, const char *key)
{
	for (const char *const *pair = config->ctx; *pair; pair += 2) {
		if (strcmp(pair[0], key) == 0) {
			return pair[1];
		}
	}
	return NULL;
}

static char *pem_of(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	long len = BIO_get_mem_data(bio, &data);
	char *pem = strndup(data, (size_t)len);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return pem;
}

static struct sw_provider *open_apns(void)
{
	char *pem = pem_of(EVP_EC_gen("P-256"));
	struct fuzz_file file = fuzz_file_new(sw_bytes_str(pem));
	const char *pairs[] = {"key_file",   file.path, "key_id",           "ABCDEFGHIJ", "team_id",
			       "ABCDEFGHIJ", "topics",  "org.example.chat", NULL};
	struct sw_provider_config config = {.instance = "one", .get = get, .ctx = pairs};
	struct sw_provider *provider = NULL;
	FUZZ_CHECK(sw_provider_apns.open(&config, &provider, NULL) == SW_OK);
	fuzz_file_close(&file);
	free(pem);
	return provider;
}

static struct sw_provider *open_fcm(void)
{
	char *pem = pem_of(EVP_RSA_gen(2048));
	json_t *account = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "service_account", "client_email",
				    "a@b.example", "private_key_id", "1", "project_id", "demo", "private_key", pem);
	char *text = json_dumps(account, 0);
	struct fuzz_file file = fuzz_file_new(sw_bytes_str(text));
	const char *pairs[] = {"service_account_file", file.path, NULL};
	struct sw_provider_config config = {.instance = "one", .get = get, .ctx = pairs};
	struct sw_http_response token = {
		.status = 200,
		.body = sw_bytes_str("{\"access_token\":\"t\",\"expires_in\":3599,\"token_type\":\"Bearer\"}")};
	struct sw_provider *provider = NULL;
	FUZZ_CHECK(sw_provider_fcm.open(&config, &provider, NULL) == SW_OK);
	FUZZ_CHECK(sw_provider_fcm.credential_response(provider, &token, INT64_C(1000) * NOW_S, NULL) == SW_OK);
	fuzz_file_close(&file);
	json_decref(account);
	free(text);
	free(pem);
	return provider;
}

/* ---- the notification ---- */

static void read_choices(struct sw_bytes *input, struct sw_notification *n)
{
	uint8_t flags = fuzz_take_u8(input);
	uint8_t more = fuzz_take_u8(input);
	n->kind = flags & 1 ? SW_PUSH_SILENT : SW_PUSH_ALERT;
	n->urgent = flags & 2;
	n->apple.final_text = flags & 4;
	n->apple.wake_app = flags & 8;
	n->apple.critical_sound = flags & 16;
	n->android.data_only = flags & 32;
	n->badge = flags & 64 ? more : -1;
	n->created_at_ms = flags & 128 ? INT64_C(1000) * (NOW_S - more) : 0;
	n->expires_at_ms = more & 1 ? INT64_C(1000) * (NOW_S - 100 + more) : 0;
	n->priority = (enum sw_push_priority)(fuzz_take_u8(input) % 6);
	n->interruption = (enum sw_push_interruption)(fuzz_take_u8(input) % 7);
	n->apple.type = (enum sw_apple_push_type)(fuzz_take_u8(input) % 14);
	n->apple.activity.event = fuzz_take_u8(input) % 6;
	n->android.visibility = (enum sw_android_visibility)(fuzz_take_u8(input) % 6);
	n->relevance_percent = fuzz_take_u8(input);
	n->apple.critical_volume_percent = fuzz_take_u8(input);
	n->apple.activity.stale_at_ms = INT64_C(1000) * fuzz_take_u8(input);
	n->apple.activity.dismiss_at_ms = INT64_C(1000) * fuzz_take_u8(input);
}

static struct sw_bytes read_text(struct sw_bytes *input, struct sw_arena *arena)
{
	struct sw_bytes line = fuzz_take_line(input);
	uint64_t count;
	/* A gateway takes no text with NUL, for jansson does not. */
	const uint8_t *nul = line.len ? memchr(line.ptr, '\0', line.len) : NULL;
	line.len = nul ? (size_t)(nul - line.ptr) : line.len;
	if (line.len < 2 || line.ptr[0] != '*' || sw_bytes_to_u64(sw_bytes(line.ptr + 1, line.len - 1), &count)) {
		return line;
	}
	size_t len = count > REPEAT_MAX ? REPEAT_MAX : (size_t)count;
	uint8_t *text = sw_arena_alloc(arena, len + 1);
	memset(text, 'x', len);
	return sw_bytes(text, len);
}

static void read_loc(struct sw_bytes *input, struct sw_arena *arena, struct sw_push_loc *loc)
{
	loc->arg_count = fuzz_take_u8(input) % (SW_PUSH_LOC_ARGS_MAX + 2);
	if (loc->arg_count == 0) {
		return;
	}
	loc->key = read_text(input, arena);
	for (size_t i = 0; i < loc->arg_count && i < SW_PUSH_LOC_ARGS_MAX; i++) {
		loc->args[i] = read_text(input, arena);
	}
}

static void read_texts(struct sw_bytes *input, struct sw_arena *arena, struct sw_notification *n)
{
	struct sw_bytes *const texts[] = {&n->title,
					  &n->body,
					  &n->subtitle,
					  &n->thread,
					  &n->collapse,
					  &n->sound,
					  &n->category,
					  &n->image,
					  &n->apple.activity.content_state,
					  &n->apple.activity.attributes_type,
					  &n->apple.activity.attributes,
					  &n->apple.target_content,
					  &n->apple.filter,
					  &n->android.channel,
					  &n->android.tag,
					  &n->android.click_action,
					  &n->android.icon,
					  &n->android.color};
	struct sw_push_loc *const locs[LOC_TEXTS] = {&n->title_loc, &n->subtitle_loc, &n->body_loc};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = read_text(input, arena);
	}
	for (size_t i = 0; i < LOC_TEXTS; i++) {
		read_loc(input, arena, locs[i]);
	}
	while (input->len && n->data_count < SW_PUSH_DATA_MAX) {
		struct sw_push_datum *datum = &n->data[n->data_count++];
		datum->name = sw_arena_str(arena, fuzz_take_line(input));
		datum->value = read_text(input, arena);
	}
}

/* ---- judgement ---- */

static void judge_apns(const struct sw_notification *n, const struct sw_http_request *http)
{
	static const char *const topics[] = {"org.example.chat"};
	static const struct sw_sim_apns_rules rules = {topics, 1};
	struct sw_sim_request request;
	sw_sim_request_init(&request);
	request.method = http->method;
	request.path = "/3/device/" APNS_TOKEN;
	for (size_t i = 0; i < http->header_count; i++) {
		FUZZ_CHECK(sw_sim_request_add(&request, http->headers[i].name, http->headers[i].value) == SW_OK);
	}
	sw_sim_request_add_body(&request, http->body);
	struct sw_sim_verdict verdict = sw_sim_apns_check_message(&request, sw_bytes_str(APNS_TOKEN), &rules);
	if (verdict.reason) {
		fprintf(stderr, "%s: %.*s\n", verdict.reason, SW_BYTES_FMT(http->body));
	}
	FUZZ_CHECK(!verdict.reason);
	FUZZ_CHECK(http->body.len <= (n->apple.type == SW_APPLE_VOIP ? VOIP_MAX : MESSAGE_MAX));
	sw_sim_request_release(&request);
}

static void judge_fcm(const struct sw_notification *n, const struct sw_http_request *http)
{
	json_t *root = NULL;
	struct sw_sim_fcm_message message = {0};
	struct sw_sim_fcm_violation violation = {"", ""};
	(void)n;
	FUZZ_CHECK(sw_json_parse(http->body, 16, &root, NULL) == SW_OK);
	int err = sw_sim_fcm_check(root, &message, &violation);
	if (err) {
		fprintf(stderr, "%s: %.*s\n", violation.text, SW_BYTES_FMT(http->body));
	}
	FUZZ_CHECK(err == SW_OK);
	FUZZ_CHECK(http->body.len <= MESSAGE_MAX + sizeof(FCM_TOKEN) - 1);
	json_decref(root);
}

static void try_encode(const struct sw_provider_ops *ops, struct sw_provider *provider, const char *token,
		       const struct sw_notification *n,
		       void (*judge)(const struct sw_notification *n, const struct sw_http_request *http))
{
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {""};
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(token)};
	sw_arena_init(&arena);
	int err = ops->encode(provider, &target, n, INT64_C(1000) * NOW_S, &arena, &send, &diag);
	if (err == SW_OK) {
		judge(n, &send.as.http);
	} else {
		FUZZ_CHECK((err == SW_EINVAL || err == SW_ELIMIT) && diag.text[0]);
	}
	sw_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sw_provider *apns;
	static struct sw_provider *fcm;
	struct sw_bytes input = sw_bytes(data, size);
	struct sw_notification n = {.badge = -1};
	struct sw_arena arena;
	sw_log_set_level(SW_LOG_ERROR);
	if (!apns) {
		apns = open_apns();
		fcm = open_fcm();
	}
	sw_arena_init(&arena);
	read_choices(&input, &n);
	read_texts(&input, &arena, &n);
	try_encode(&sw_provider_apns, apns, APNS_TOKEN, &n, judge_apns);
	try_encode(&sw_provider_fcm, fcm, FCM_TOKEN, &n, judge_fcm);
	sw_arena_release(&arena);
	return 0;
}
