/* SPDX-License-Identifier: Apache-2.0 */
/* Message encryption for Web Push (RFC 8291) in the content coding aes128gcm (RFC 8188): one record of at most 4096
 * bytes. Keeps nothing; who calls says which ephemeral key and salt are used. */
#include "webpush_int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <string.h>

enum {
	SECRET_BYTES = 32, /* ECDH and IKM */
	KEY_BYTES = 16,
	NONCE_BYTES = 12,
	TAG_BYTES = 16,
	HEADER_BYTES = SW_WEBPUSH_SALT_BYTES + 4 + 1 + SW_WEBPUSH_POINT_BYTES,
	LAST_RECORD = 2, /* RFC 8188, 2: the delimiter */
};

static const char info_prefix[] = "WebPush: info"; /* with its terminator, which belongs to it; likewise below */
static const char info_key[] = "Content-Encoding: aes128gcm";
static const char info_nonce[] = "Content-Encoding: nonce";

int sw_webpush_fresh_make(struct sw_webpush_fresh *fresh_out, struct sw_diag *diag_out)
{
	fresh_out->key = EVP_EC_gen("P-256");
	if (!fresh_out->key || RAND_bytes(fresh_out->salt, sizeof(fresh_out->salt)) != 1) {
		sw_webpush_fresh_release(fresh_out);
		ERR_clear_error();
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "OpenSSL has no random numbers");
	}
	return SW_OK;
}

void sw_webpush_fresh_release(struct sw_webpush_fresh *fresh)
{
	EVP_PKEY_free(fresh->key);
	fresh->key = NULL;
}

/* Extract and expand (RFC 5869). */
static bool hkdf(struct sw_bytes salt, struct sw_bytes secret, struct sw_bytes info, uint8_t *out, size_t out_len)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.ptr, salt.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.ptr, secret.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.ptr, info.len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	bool ok = ctx && EVP_KDF_derive(ctx, out, out_len, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static bool agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t secret_out[SECRET_BYTES])
{
	size_t len = SECRET_BYTES;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, secret_out, &len) == 1 && len == SECRET_BYTES;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool own_point(EVP_PKEY *own, uint8_t point_out[SW_WEBPUSH_POINT_BYTES])
{
	size_t len = 0;
	return EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point_out,
					       SW_WEBPUSH_POINT_BYTES, &len) == 1 &&
	       len == SW_WEBPUSH_POINT_BYTES;
}

/* RFC 8291, 3.3 and 3.4: from the shared secret, both public keys and the subscription's own secret. */
static bool derive_input(const struct sw_webpush_subscription *sub, EVP_PKEY *own, const uint8_t *point,
			 uint8_t ikm_out[SECRET_BYTES])
{
	uint8_t secret[SECRET_BYTES];
	uint8_t info[sizeof(info_prefix) + 2 * SW_WEBPUSH_POINT_BYTES];
	memcpy(info, info_prefix, sizeof(info_prefix));
	memcpy(info + sizeof(info_prefix), sub->point, SW_WEBPUSH_POINT_BYTES);
	memcpy(info + sizeof(info_prefix) + SW_WEBPUSH_POINT_BYTES, point, SW_WEBPUSH_POINT_BYTES);
	EVP_PKEY *peer = sw_webpush_point_key(sub->point);
	bool ok = peer && agree(own, peer, secret) &&
		  hkdf(sw_bytes(sub->auth, sizeof(sub->auth)), sw_bytes(secret, sizeof(secret)),
		       sw_bytes(info, sizeof(info)), ikm_out, SECRET_BYTES);
	EVP_PKEY_free(peer);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok;
}

/* Plaintext and delimiter, then the tag. */
static bool seal(const uint8_t *key, const uint8_t *nonce, struct sw_bytes plain, uint8_t *out)
{
	static const uint8_t delimiter = LAST_RECORD;
	int len = 0;
	int more = 0;
	int end = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
		  EVP_EncryptUpdate(ctx, out, &len, plain.ptr, (int)plain.len) == 1 &&
		  EVP_EncryptUpdate(ctx, out + len, &more, &delimiter, 1) == 1 &&
		  EVP_EncryptFinal_ex(ctx, out + len + more, &end) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + plain.len + 1) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* Salt, record size, length of the key id, which is our public key (RFC 8188, 2.1). */
static void put_header(uint8_t *out, const uint8_t *salt, const uint8_t *point)
{
	memcpy(out, salt, SW_WEBPUSH_SALT_BYTES);
	out += SW_WEBPUSH_SALT_BYTES;
	*out++ = 0;
	*out++ = 0;
	*out++ = SW_WEBPUSH_RECORD_BYTES >> 8;
	*out++ = SW_WEBPUSH_RECORD_BYTES & 0xff;
	*out++ = SW_WEBPUSH_POINT_BYTES;
	memcpy(out, point, SW_WEBPUSH_POINT_BYTES);
}

int sw_webpush_encrypt(const struct sw_webpush_subscription *sub, const struct sw_webpush_fresh *fresh,
		       struct sw_bytes plain, struct sw_arena *arena, struct sw_bytes *body_out)
{
	uint8_t point[SW_WEBPUSH_POINT_BYTES];
	uint8_t ikm[SECRET_BYTES];
	uint8_t key[KEY_BYTES];
	uint8_t nonce[NONCE_BYTES];
	struct sw_bytes salt = sw_bytes(fresh->salt, sizeof(fresh->salt));
	struct sw_bytes secret = sw_bytes(ikm, sizeof(ikm));
	if (plain.len > SW_WEBPUSH_PLAIN_MAX) {
		return SW_ELIMIT;
	}
	size_t len = HEADER_BYTES + plain.len + 1 + TAG_BYTES;
	uint8_t *out = sw_arena_alloc(arena, len);
	bool ok = own_point(fresh->key, point) && derive_input(sub, fresh->key, point, ikm) &&
		  hkdf(salt, secret, sw_bytes(info_key, sizeof(info_key)), key, sizeof(key)) &&
		  hkdf(salt, secret, sw_bytes(info_nonce, sizeof(info_nonce)), nonce, sizeof(nonce)) &&
		  seal(key, nonce, plain, out + HEADER_BYTES);
	OPENSSL_cleanse(ikm, sizeof(ikm));
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(nonce, sizeof(nonce));
	ERR_clear_error();
	if (!ok) {
		return SW_EINVAL;
	}
	put_header(out, fresh->salt, point);
	*body_out = sw_bytes(out, len);
	return SW_OK;
}
