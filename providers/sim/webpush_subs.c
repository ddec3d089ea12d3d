/* SPDX-License-Identifier: Apache-2.0 */
/* The list, and decryption by HMAC and AES-GCM alone: nothing of it is the sender's code. */
#include "sim/webpush_subs.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/b64url.h>
#include <surewire/mem.h>

enum { SECRET_BYTES = 32, SALT_BYTES = 16, TAG_BYTES = 16, INFO_MAX = 160, KEY_AT = 21 };

void sw_sim_webpush_subs_init(struct sw_sim_webpush_subs *subs)
{
	*subs = (struct sw_sim_webpush_subs){
		.list = sw_xcalloc(SW_SIM_WEBPUSH_SUBS_MAX, sizeof(struct sw_sim_webpush_sub))};
}

void sw_sim_webpush_subs_release(struct sw_sim_webpush_subs *subs)
{
	for (size_t i = 0; i < subs->count; i++) {
		EVP_PKEY_free(subs->list[i].key);
	}
	free(subs->list);
	*subs = (struct sw_sim_webpush_subs){.list = NULL};
}

/* secret: NULL for a public key. */
static EVP_PKEY *make_key(const uint8_t *point, const uint8_t *secret)
{
	EVP_PKEY *key = NULL;
	BIGNUM *number = secret ? BN_bin2bn(secret, SECRET_BYTES, NULL) : NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	bool ok = build && ctx &&
		  OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
		  OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, SW_SIM_WEBPUSH_POINT_BYTES) ==
			  1 &&
		  (!secret || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
	OSSL_PARAM *params = ok ? OSSL_PARAM_BLD_to_param(build) : NULL;
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1) {
		key = NULL;
	}
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(number);
	ERR_clear_error();
	return key;
}

EVP_PKEY *sw_sim_webpush_key(const uint8_t point[SW_SIM_WEBPUSH_POINT_BYTES])
{
	return point[0] == 4 ? make_key(point, NULL) : NULL;
}

static bool get_bytes(const json_t *json, const char *name, uint8_t *out, size_t len)
{
	size_t got = 0;
	return sw_b64url_decode_to(sw_json_get_str(json, name), out, len, &got) == SW_OK && got == len;
}

static int read_sub(const json_t *json, struct sw_sim_webpush_sub *sub, struct sw_diag *diag_out)
{
	uint8_t secret[SECRET_BYTES];
	struct sw_bytes id = sw_json_get_str(json, "id");
	struct sw_bytes sender = sw_json_get_str(json, "application_server_key");
	if (id.len == 0 || id.len > SW_SIM_WEBPUSH_ID_MAX || sender.len >= sizeof(sub->sender_key)) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "id, application_server_key: expected text of at most %d and %d bytes",
				   SW_SIM_WEBPUSH_ID_MAX, (int)sizeof(sub->sender_key) - 1);
	}
	if (!get_bytes(json, "p256dh", sub->point, sizeof(sub->point)) ||
	    !get_bytes(json, "private_key", secret, sizeof(secret)) ||
	    !get_bytes(json, "auth", sub->auth, sizeof(sub->auth))) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "p256dh, private_key, auth: expected 65, 32 and 16 bytes in base64url");
	}
	sub->key = make_key(sub->point, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (!sub->key) {
		return sw_diag_set(diag_out, SW_EINVAL, "p256dh, private_key: expected a key pair on P-256");
	}
	snprintf(sub->id, sizeof(sub->id), "%.*s", SW_BYTES_FMT(id));
	snprintf(sub->sender_key, sizeof(sub->sender_key), "%.*s", SW_BYTES_FMT(sender));
	return SW_OK;
}

const struct sw_sim_webpush_sub *sw_sim_webpush_subs_find(const struct sw_sim_webpush_subs *subs, struct sw_bytes id)
{
	for (size_t i = 0; i < subs->count; i++) {
		if (sw_bytes_equal_str(id, subs->list[i].id)) {
			return &subs->list[i];
		}
	}
	return NULL;
}

int sw_sim_webpush_subs_put(struct sw_sim_webpush_subs *subs, const json_t *json, struct sw_diag *diag_out)
{
	struct sw_sim_webpush_sub sub = {.id = ""};
	int err = read_sub(json, &sub, diag_out);
	if (err) {
		return err;
	}
	const struct sw_sim_webpush_sub *known = sw_sim_webpush_subs_find(subs, sw_bytes_str(sub.id));
	if (!known && subs->count == SW_SIM_WEBPUSH_SUBS_MAX) {
		EVP_PKEY_free(sub.key);
		return sw_diag_set(diag_out, SW_ELIMIT, "at most %d subscriptions", SW_SIM_WEBPUSH_SUBS_MAX);
	}
	size_t at = known ? (size_t)(known - subs->list) : subs->count++;
	EVP_PKEY_free(subs->list[at].key);
	subs->list[at] = sub;
	return SW_OK;
}

static void hmac(struct sw_bytes key, struct sw_bytes text, uint8_t out[SECRET_BYTES])
{
	(void)!HMAC(EVP_sha256(), key.ptr, (int)key.len, text.ptr, text.len, out, NULL);
}

/* RFC 5869 for one block. */
static void hkdf(struct sw_bytes salt, const uint8_t *secret, struct sw_bytes info, uint8_t out[SECRET_BYTES])
{
	uint8_t extracted[SECRET_BYTES] = {0};
	uint8_t message[INFO_MAX];
	memcpy(message, info.ptr, info.len);
	message[info.len] = 1;
	hmac(salt, sw_bytes(secret, SECRET_BYTES), extracted);
	hmac(sw_bytes(extracted, sizeof(extracted)), sw_bytes(message, info.len + 1), out);
}

static bool agree(EVP_PKEY *own, const uint8_t *point, uint8_t secret_out[SECRET_BYTES])
{
	size_t len = SECRET_BYTES;
	EVP_PKEY *peer = sw_sim_webpush_key(point);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	bool ok = peer && ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, secret_out, &len) == 1 && len == SECRET_BYTES;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	ERR_clear_error();
	return ok;
}

static bool unseal(const uint8_t *key, const uint8_t *nonce, struct sw_bytes sealed, uint8_t *out)
{
	int len = 0;
	int end = 0;
	size_t text_len = sealed.len - TAG_BYTES;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
		  EVP_DecryptUpdate(ctx, out, &len, sealed.ptr, (int)text_len) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES,
				      (void *)(uintptr_t)(sealed.ptr + text_len)) == 1 &&
		  EVP_DecryptFinal_ex(ctx, out + len, &end) == 1;
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* Padding is zeros behind the delimiter of the last record, 2. */
static int take_plain(const uint8_t *text, size_t len, struct sw_buf *plain_out)
{
	while (len > 0 && text[len - 1] == 0) {
		len--;
	}
	if (len == 0 || text[len - 1] != 2) {
		return SW_EINVAL;
	}
	sw_buf_put(plain_out, text, len - 1);
	return SW_OK;
}

int sw_sim_webpush_decrypt(const struct sw_sim_webpush_sub *sub, struct sw_bytes body, struct sw_buf *plain_out)
{
	static const char info_key[] = "Content-Encoding: aes128gcm";
	static const char info_nonce[] = "Content-Encoding: nonce";
	uint8_t info[sizeof("WebPush: info") + 2 * SW_SIM_WEBPUSH_POINT_BYTES] = "WebPush: info";
	uint8_t secret[SECRET_BYTES];
	uint8_t ikm[SECRET_BYTES];
	uint8_t key[SECRET_BYTES];
	uint8_t nonce[SECRET_BYTES];
	uint8_t text[SW_SIM_WEBPUSH_BODY_MAX];
	if (body.len < SW_SIM_WEBPUSH_HEADER_BYTES + TAG_BYTES || body.len > SW_SIM_WEBPUSH_BODY_MAX ||
	    !agree(sub->key, body.ptr + KEY_AT, secret)) {
		return SW_EINVAL;
	}
	struct sw_bytes salt = sw_bytes(body.ptr, SALT_BYTES);
	struct sw_bytes sealed = sw_bytes(body.ptr + SW_SIM_WEBPUSH_HEADER_BYTES,
					  body.len - SW_SIM_WEBPUSH_HEADER_BYTES);
	memcpy(info + sizeof(info) - 2 * SW_SIM_WEBPUSH_POINT_BYTES, sub->point, SW_SIM_WEBPUSH_POINT_BYTES);
	memcpy(info + sizeof(info) - SW_SIM_WEBPUSH_POINT_BYTES, body.ptr + KEY_AT, SW_SIM_WEBPUSH_POINT_BYTES);
	hkdf(sw_bytes(sub->auth, sizeof(sub->auth)), secret, sw_bytes(info, sizeof(info)), ikm);
	hkdf(salt, ikm, sw_bytes(info_key, sizeof(info_key)), key);
	hkdf(salt, ikm, sw_bytes(info_nonce, sizeof(info_nonce)), nonce);
	if (!unseal(key, nonce, sealed, text)) {
		return SW_EINVAL;
	}
	return take_plain(text, sealed.len - TAG_BYTES, plain_out);
}
