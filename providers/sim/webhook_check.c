/* SPDX-License-Identifier: Apache-2.0 */
/* One small function a rule; the first that refuses decides. */
#include "sim/webhook_check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

#include "sim/jws.h"

enum { FILE_BYTES_MAX = 8 * 1024, BASE64_MAX = 88, DIGEST_BYTES = 32, DIGEST_TEXT = 44, SECRET_MIN = 24 };

static const char prefix[] = "whsec_";
static const struct sw_sim_webhook_verdict fine = {200, NULL};

static struct sw_sim_webhook_verdict refuse(int status, const char *reason)
{
	return (struct sw_sim_webhook_verdict){status, reason};
}

bool sw_sim_webhook_secret_add(struct sw_sim_webhook_secrets *secrets, struct sw_bytes line)
{
	uint8_t bytes[BASE64_MAX];
	size_t prefix_len = sizeof(prefix) - 1;
	if (secrets->count == SW_SIM_WEBHOOK_SECRETS_MAX || line.len <= prefix_len ||
	    line.len > prefix_len + BASE64_MAX || memcmp(line.ptr, prefix, prefix_len) != 0) {
		return false;
	}
	int len = EVP_DecodeBlock(bytes, line.ptr + prefix_len, (int)(line.len - prefix_len));
	for (const uint8_t *last = line.ptr + line.len; len > 0 && last[-1] == '='; last--) {
		len--;
	}
	if (len < SECRET_MIN || len > SW_SIM_WEBHOOK_SECRET_MAX) {
		return false;
	}
	memcpy(secrets->list[secrets->count].bytes, bytes, (size_t)len);
	secrets->list[secrets->count++].len = (size_t)len;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

int sw_sim_webhook_secrets_load(struct sw_sim_webhook_secrets *secrets, const char *path, struct sw_diag *diag_out)
{
	struct sw_buf text;
	sw_buf_init(&text, FILE_BYTES_MAX);
	int err = sw_sim_file_read(path, &text, diag_out);
	const char *line = err ? "" : sw_buf_cstr(&text);
	while (!err && *line) {
		size_t len = strcspn(line, "\n");
		if (!sw_sim_webhook_secret_add(secrets, sw_bytes(line, len))) {
			err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected at most %d lines whsec_…", path,
					  SW_SIM_WEBHOOK_SECRETS_MAX);
		}
		line += len + (line[len] == '\n');
	}
	OPENSSL_cleanse(text.ptr, text.len);
	sw_buf_release(&text);
	return err;
}

struct sw_bytes sw_sim_webhook_id(const struct sw_sim_request *request)
{
	static const char hook[] = "/hook/";
	size_t hook_len = sizeof(hook) - 1;
	struct sw_bytes path = sw_bytes_str(request->path);
	if (path.len <= hook_len || memcmp(path.ptr, hook, hook_len) != 0) {
		return sw_bytes("", 0);
	}
	return sw_bytes(path.ptr + hook_len, path.len - hook_len);
}

static struct sw_sim_webhook_verdict check_headers(const struct sw_sim_request *request)
{
	struct sw_bytes id = sw_sim_request_header(request, "webhook-id");
	if (sw_sim_request_repeats(request, "webhook-")) {
		return refuse(400, "HeaderTwice");
	}
	if (!sw_sim_request_is(request, "application/json")) {
		return refuse(415, "NotJson");
	}
	return id.len && !memchr(id.ptr, '.', id.len) ? fine : refuse(400, "BadId");
}

static struct sw_sim_webhook_verdict check_time(const struct sw_sim_request *request, int64_t now_s)
{
	uint64_t at_s = 0;
	if (sw_bytes_to_u64(sw_sim_request_header(request, "webhook-timestamp"), &at_s) != SW_OK || at_s > INT64_MAX) {
		return refuse(400, "BadTimestamp");
	}
	int64_t age_s = now_s - (int64_t)at_s;
	return age_s > SW_SIM_WEBHOOK_WINDOW_S  ? refuse(401, "TimestampTooOld")
	     : age_s < -SW_SIM_WEBHOOK_WINDOW_S ? refuse(401, "TimestampTooNew")
						: fine;
}

/* Is it among the signatures, which are separated by spaces? Those of other versions are passed over. */
static bool is_listed(struct sw_bytes list, struct sw_bytes signature)
{
	while (list.len) {
		const uint8_t *space = memchr(list.ptr, ' ', list.len);
		size_t len = space ? (size_t)(space - list.ptr) : list.len;
		if (sw_bytes_equal_secret(sw_bytes(list.ptr, len), signature)) {
			return true;
		}
		list = space ? sw_bytes(space + 1, list.len - len - 1) : sw_bytes("", 0);
	}
	return false;
}

static struct sw_sim_webhook_verdict check_signature(const struct sw_sim_webhook_secrets *secrets,
						     const struct sw_sim_request *request)
{
	struct sw_bytes list = sw_sim_request_header(request, "webhook-signature");
	struct sw_buf content;
	bool good = false;
	sw_buf_init(&content, SW_SIM_BODY_MAX + 1024);
	sw_buf_put_bytes(&content, sw_sim_request_header(request, "webhook-id"));
	sw_buf_put_char(&content, '.');
	sw_buf_put_bytes(&content, sw_sim_request_header(request, "webhook-timestamp"));
	sw_buf_put_char(&content, '.');
	sw_buf_put_bytes(&content, sw_buf_bytes(&request->body));
	for (size_t i = 0; i < secrets->count && !good && list.len && !content.err; i++) {
		uint8_t digest[DIGEST_BYTES];
		char text[3 + DIGEST_TEXT + 1] = "v1,";
		HMAC(EVP_sha256(), secrets->list[i].bytes, (int)secrets->list[i].len, content.ptr, content.len, digest,
		     NULL);
		EVP_EncodeBlock((uint8_t *)text + 3, digest, sizeof(digest));
		good = is_listed(list, sw_bytes_str(text));
	}
	sw_buf_release(&content);
	return good ? fine : refuse(401, list.len ? "BadSignature" : "MissingSignature");
}

static struct sw_sim_webhook_verdict check_body(const struct sw_sim_request *request, const json_t *body)
{
	struct sw_bytes kind = sw_json_get_str(body, "kind");
	const char *name;
	json_t *value;
	if (!json_is_object(body)) {
		return refuse(400, "BadJson");
	}
	if (!sw_bytes_equal(sw_json_get_str(body, "id"), sw_sim_request_header(request, "webhook-id"))) {
		return refuse(400, "IdMismatch");
	}
	if (!sw_bytes_equal_str(kind, "alert") && !sw_bytes_equal_str(kind, "silent")) {
		return refuse(400, "BadKind");
	}
	if (!json_is_object(json_object_get(body, "data"))) {
		return refuse(400, "BadData");
	}
	json_object_foreach (json_object_get(body, "data"), name, value) {
		if (!json_is_string(value)) {
			return refuse(400, "BadData");
		}
	}
	return fine;
}

struct sw_sim_webhook_verdict sw_sim_webhook_check(const struct sw_sim_webhook_secrets *secrets,
						   const struct sw_sim_request *request, const json_t *body,
						   int64_t now_s)
{
	struct sw_sim_webhook_verdict verdict = sw_sim_webhook_id(request).len ? fine : refuse(404, "NoSuchPath");
	verdict = verdict.reason || strcmp(request->method, "POST") == 0 ? verdict : refuse(405, "MethodNotAllowed");
	verdict = verdict.reason ? verdict : check_headers(request);
	verdict = verdict.reason ? verdict : check_time(request, now_s);
	verdict = verdict.reason ? verdict : check_signature(secrets, request);
	return verdict.reason ? verdict : check_body(request, body);
}
