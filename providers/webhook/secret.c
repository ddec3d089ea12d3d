/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets and signatures of "Standard Webhooks": HMAC-SHA256 with each secret of the file, so that a receiver may change
 * from the old one to the new one when it likes. */
#include "webhook_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

enum {
	FILE_BYTES_MAX = 1024,
	BASE64_MAX = 88, /* of SW_WEBHOOK_SECRET_BYTES_MAX */
	DIGEST_BYTES = 32,
	DIGEST_TEXT = 44,
};

static const char prefix[] = "whsec_";
static const char version[] = "v1,";

/* One text for one run of bytes: what OpenSSL lets pass beyond that does not come out the same again. */
static bool decode(struct sw_bytes text, struct sw_webhook_secret *secret)
{
	uint8_t bytes[BASE64_MAX];
	uint8_t again[BASE64_MAX + 1];
	if (text.len < 4 || text.len > BASE64_MAX || text.len % 4 != 0) {
		return false;
	}
	int len = EVP_DecodeBlock(bytes, text.ptr, (int)text.len);
	size_t padding = text.ptr[text.len - 1] != '=' ? 0 : text.ptr[text.len - 2] != '=' ? 1 : 2;
	bool good = len > 0 && (size_t)len - padding >= SW_WEBHOOK_SECRET_BYTES_MIN &&
		    (size_t)len - padding <= SW_WEBHOOK_SECRET_BYTES_MAX;
	if (good) {
		secret->len = (size_t)len - padding;
		memcpy(secret->bytes, bytes, secret->len);
		EVP_EncodeBlock(again, secret->bytes, (int)secret->len);
		good = memcmp(again, text.ptr, text.len) == 0;
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(again, sizeof(again));
	return good;
}

static bool take_line(struct sw_bytes line, struct sw_webhook_secrets *secrets)
{
	size_t prefix_len = sizeof(prefix) - 1;
	if (line.len && line.ptr[line.len - 1] == '\r') {
		line.len--;
	}
	if (secrets->count == SW_WEBHOOK_SECRETS_MAX || line.len <= prefix_len ||
	    memcmp(line.ptr, prefix, prefix_len) != 0) {
		return false;
	}
	return decode(sw_bytes(line.ptr + prefix_len, line.len - prefix_len), &secrets->list[secrets->count++]);
}

/* One a line, the last line end may be missing. */
static bool take_lines(struct sw_bytes text, struct sw_webhook_secrets *secrets)
{
	while (text.len) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t len = end ? (size_t)(end - text.ptr) : text.len;
		if (!take_line(sw_bytes(text.ptr, len), secrets)) {
			return false;
		}
		text = end ? sw_bytes(end + 1, text.len - len - 1) : sw_bytes(text.ptr + len, 0);
	}
	return secrets->count > 0;
}

int sw_webhook_secrets_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	struct sw_provider_source source = {provider->instance, "secret_file", provider->secret_file,
					    "file of secrets"};
	struct sw_webhook_secrets secrets = {.count = 0};
	struct sw_bytes text;
	int err = sw_provider_file(&source, FILE_BYTES_MAX, &text, diag_out);
	if (err) {
		return err;
	}
	if (take_lines(text, &secrets)) {
		provider->secrets = secrets;
	} else {
		err = sw_diag_set(
			diag_out, SW_ECONFIG,
			"[push.%s] secret_file: expected one or two lines %s… of 24 to 64 bytes in base64: %s",
			provider->instance, prefix, provider->secret_file);
	}
	OPENSSL_cleanse(&secrets, sizeof(secrets));
	sw_free_secret((char *)text.ptr, text.len);
	return err;
}

struct sw_bytes sw_webhook_sign(const struct sw_webhook_secrets *secrets, struct sw_bytes id, struct sw_bytes timestamp,
				struct sw_bytes body, struct sw_arena *arena)
{
	size_t version_len = sizeof(version) - 1;
	size_t one_len = version_len + DIGEST_TEXT;
	char *signatures = sw_arena_alloc(arena, secrets->count * (one_len + 1));
	struct sw_buf content;
	sw_buf_init(&content, id.len + timestamp.len + body.len + 2);
	sw_buf_put_bytes(&content, id);
	sw_buf_put_char(&content, '.');
	sw_buf_put_bytes(&content, timestamp);
	sw_buf_put_char(&content, '.');
	sw_buf_put_bytes(&content, body);
	for (size_t i = 0; i < secrets->count; i++) {
		const struct sw_webhook_secret *secret = &secrets->list[i];
		uint8_t digest[DIGEST_BYTES];
		char *to = signatures + i * (one_len + 1);
		if (!HMAC(EVP_sha256(), secret->bytes, (int)secret->len, content.ptr, content.len, digest, NULL)) {
			abort();
		}
		memcpy(to, version, version_len);
		EVP_EncodeBlock((uint8_t *)to + version_len, digest, sizeof(digest));
		to[one_len] = ' '; /* in the place of the terminator */
	}
	sw_buf_release(&content);
	return sw_bytes(signatures, secrets->count * (one_len + 1) - 1);
}
