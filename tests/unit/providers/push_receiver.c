/* SPDX-License-Identifier: Apache-2.0 */
/* See push_receiver.h. */
#include "push_receiver.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_BYTES = 16 + 4 + 1 + 65, TAG_BYTES = 16 };

size_t push_decode(const char *text, uint8_t *out, size_t room)
{
	char plain[1024];
	uint8_t bytes[1024];
	size_t len = strlen(text);
	assert(len + 4 < sizeof(plain));
	for (size_t i = 0; i < len; i++) {
		plain[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	}
	size_t padded = (len + 3) / 4 * 4;
	memset(plain + len, '=', padded - len);
	int got = EVP_DecodeBlock(bytes, (const uint8_t *)plain, (int)padded);
	assert(got >= 0);
	size_t count = (size_t)got - (padded - len);
	assert(count <= room);
	memcpy(out, bytes, count);
	return count;
}

static void encode(const uint8_t *ptr, size_t len, char *out)
{
	EVP_EncodeBlock((uint8_t *)out, ptr, (int)len);
	out[strcspn(out, "=")] = '\0';
	for (char *c = out; *c; c++) {
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
	}
}

static EVP_PKEY *key_of(const uint8_t *point, const BIGNUM *private)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
	if (private) {
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, private);
	}
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	assert(EVP_PKEY_fromdata_init(ctx) == 1);
	if (EVP_PKEY_fromdata(ctx, &key, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1) {
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

EVP_PKEY *push_public_key(const uint8_t point[65])
{
	return key_of(point, NULL);
}

static EVP_PKEY *key_of_private(const char *text)
{
	uint8_t scalar[32];
	uint8_t point[65];
	assert(push_decode(text, scalar, sizeof(scalar)) == sizeof(scalar));
	BIGNUM *private = BN_bin2bn(scalar, sizeof(scalar), NULL);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *product = EC_POINT_new(group);
	assert(EC_POINT_mul(group, product, private, NULL, NULL, NULL) == 1);
	assert(EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, point, sizeof(point), NULL) == 65);
	EVP_PKEY *key = key_of(point, private);
	EC_POINT_free(product);
	EC_GROUP_free(group);
	BN_clear_free(private);
	return key;
}

void push_receiver_open(struct push_receiver *receiver, const char *private_key, const char *auth)
{
	size_t len = 0;
	receiver->key = private_key ? key_of_private(private_key) : EVP_EC_gen("P-256");
	assert(receiver->key);
	assert(EVP_PKEY_get_octet_string_param(receiver->key, OSSL_PKEY_PARAM_PUB_KEY, receiver->point, 65, &len) == 1);
	assert(len == 65);
	if (auth) {
		assert(push_decode(auth, receiver->auth, sizeof(receiver->auth)) == sizeof(receiver->auth));
	} else {
		assert(RAND_bytes(receiver->auth, sizeof(receiver->auth)) == 1);
	}
	encode(receiver->point, sizeof(receiver->point), receiver->p256dh);
	encode(receiver->auth, sizeof(receiver->auth), receiver->auth_text);
}

void push_receiver_close(struct push_receiver *receiver)
{
	EVP_PKEY_free(receiver->key);
}

struct sw_bytes push_receiver_token(struct push_receiver *receiver, const char *endpoint)
{
	int len = snprintf(receiver->token, sizeof(receiver->token),
			   "{\"endpoint\":\"%s\",\"expirationTime\":null,\"keys\":{\"p256dh\":\"%s\",\"auth\":\"%s\"}}",
			   endpoint, receiver->p256dh, receiver->auth_text);
	return sw_bytes(receiver->token, (size_t)len);
}

static void hmac(const uint8_t *key, size_t key_len, const uint8_t *data, size_t len, uint8_t out[32])
{
	assert(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL));
}

/* RFC 5869 for at most one block: HMAC(HMAC(salt, secret), info ‖ 1). */
static void hkdf(const uint8_t *salt, const uint8_t *secret, const uint8_t *info, size_t info_len, uint8_t out[32])
{
	uint8_t extracted[32];
	uint8_t message[256];
	memcpy(message, info, info_len);
	message[info_len] = 1;
	hmac(salt, 16, secret, 32, extracted);
	hmac(extracted, sizeof(extracted), message, info_len + 1, out);
}

static bool agree(EVP_PKEY *own, const uint8_t *point, uint8_t out[32])
{
	size_t len = 32;
	EVP_PKEY *peer = key_of(point, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	bool ok = peer && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, out, &len) == 1 && len == 32;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ok;
}

static int open_record(const uint8_t *key, const uint8_t *nonce, struct sw_bytes sealed, char *plain_out)
{
	int len = 0;
	int end = 0;
	size_t text_len = sealed.len - TAG_BYTES;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
		  EVP_DecryptUpdate(ctx, (uint8_t *)plain_out, &len, sealed.ptr, (int)text_len) == 1 &&
		  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, (void *)(sealed.ptr + text_len)) == 1 &&
		  EVP_DecryptFinal_ex(ctx, (uint8_t *)plain_out + len, &end) == 1;
	EVP_CIPHER_CTX_free(ctx);
	while (ok && len > 0 && plain_out[len - 1] == 0) {
		len--; /* padding behind the delimiter */
	}
	if (!ok || len == 0 || plain_out[len - 1] != 2) {
		return -1;
	}
	plain_out[--len] = '\0';
	return len;
}

int push_receiver_decrypt(const struct push_receiver *receiver, struct sw_bytes body,
			  char plain_out[RECEIVER_PLAIN_MAX])
{
	uint8_t secret[32];
	uint8_t ikm[32];
	uint8_t key[32];
	uint8_t nonce[32];
	uint8_t info[14 + 65 + 65] = "WebPush: info";
	if (body.len < HEADER_BYTES + TAG_BYTES + 1 || body.len > RECEIVER_PLAIN_MAX || body.ptr[20] != 65) {
		return -1;
	}
	uint32_t record = (uint32_t)body.ptr[16] << 24 | (uint32_t)body.ptr[17] << 16 | (uint32_t)body.ptr[18] << 8 |
			  body.ptr[19];
	const uint8_t *sender = body.ptr + 21;
	if (body.len - HEADER_BYTES > record || !agree(receiver->key, sender, secret)) {
		return -1;
	}
	memcpy(info + 14, receiver->point, 65);
	memcpy(info + 14 + 65, sender, 65);
	hkdf(receiver->auth, secret, info, sizeof(info), ikm);
	hkdf(body.ptr, ikm, (const uint8_t *)"Content-Encoding: aes128gcm", 28, key);
	hkdf(body.ptr, ikm, (const uint8_t *)"Content-Encoding: nonce", 24, nonce);
	return open_record(key, nonce, sw_bytes(body.ptr + HEADER_BYTES, body.len - HEADER_BYTES), plain_out);
}
