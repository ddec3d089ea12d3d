/* SPDX-License-Identifier: Apache-2.0 */
/* Voluntary Application Server Identification (RFC 8292): an ES256 token for each push service, kept for hours.
 * RFC 8292 allows 24 hours of life; Apple wants no new one within the hour. Never prompts for a passphrase. */
#include "webpush_int.h"

#include <surewire/b64url.h>
#include <surewire/jwt.h>
#include <surewire/mem.h>
#include <surewire/pem.h>
#include <surewire/provider_config.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_FILE_MAX_BYTES = 16 * 1024,
	HOUR_MS = 3600 * 1000,
	LIFE_S = 12 * 3600,
	RENEW_MS = 11 * HOUR_MS,
	SKEW_MS = 60 * 1000, /* a token from further in the future than this means that the clock was set back */
};

/* base64url of the public point; false when the PEM is not a private key on P-256. */
static bool public_of(struct sw_bytes pem, char text_out[SW_WEBPUSH_POINT_TEXT + 1])
{
	uint8_t point[SW_WEBPUSH_POINT_BYTES];
	char group[64] = "";
	size_t len = 0;
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, sw_pem_no_passphrase, NULL) : NULL;
	bool ok = key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
		  strcmp(group, "prime256v1") == 0 &&
		  EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point),
						  &len) == 1 &&
		  len == sizeof(point);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	if (ok) {
		sw_b64url_encode_to(sw_bytes(point, sizeof(point)), text_out);
	}
	return ok;
}

static int sign(const struct sw_provider *provider, struct sw_bytes pem, const char *audience, int64_t now_ms,
		char **token_out)
{
	json_t *claims = json_pack("{s:s, s:I, s:s}", "aud", audience, "exp", (json_int_t)(now_ms / 1000 + LIFE_S),
				   "sub", provider->subject);
	int err = claims ? sw_jwt_sign("ES256", pem, NULL, claims, token_out, NULL) : SW_EINVAL;
	json_decref(claims);
	return err;
}

/* Signed and thrown away: a key that cannot sign is an error now, not at the first message. */
static int try_key(const struct sw_provider *provider, struct sw_bytes pem, char public_out[SW_WEBPUSH_POINT_TEXT + 1],
		   struct sw_diag *diag_out)
{
	char *trial = NULL;
	if (!public_of(pem, public_out) || sign(provider, pem, "https://push.example", 0, &trial) != SW_OK) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "[push.%s] key_file: expected an EC P-256 private key in PEM form, without "
				   "passphrase: %s",
				   provider->instance, provider->key_file);
	}
	free(trial);
	return SW_OK;
}

int sw_webpush_vapid_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	const struct sw_provider_source source = {provider->instance, "key_file", provider->key_file, "PEM file"};
	struct sw_bytes pem = {NULL, 0};
	char public[SW_WEBPUSH_POINT_TEXT + 1];
	int err = sw_provider_file(&source, KEY_FILE_MAX_BYTES, &pem, diag_out);
	if (err) {
		return err;
	}
	assert(pem.ptr);
	err = try_key(provider, pem, public, diag_out);
	if (err) {
		sw_free_secret((void *)pem.ptr, pem.len);
		return err;
	}
	if (strcmp(public, provider->public_key) != 0) {
		struct sw_origin *origin;
		for (origin = provider->origins.live; origin; origin = origin->next) {
			sw_webpush_vapid_forget((struct sw_webpush_origin *)origin);
		}
		memcpy(provider->public_key, public, sizeof(public));
	}
	sw_free_secret(provider->key_pem, provider->key_len);
	provider->key_pem = (char *)pem.ptr;
	provider->key_len = pem.len;
	return SW_OK;
}

void sw_webpush_vapid_release(struct sw_provider *provider)
{
	sw_free_secret(provider->key_pem, provider->key_len);
	provider->key_pem = NULL;
}

void sw_webpush_vapid_forget(struct sw_webpush_origin *origin)
{
	if (origin->authorization) {
		sw_free_secret(origin->authorization, strlen(origin->authorization));
		origin->authorization = NULL;
	}
}

int sw_webpush_vapid_ensure(const struct sw_provider *provider, struct sw_webpush_origin *origin, int64_t now_ms,
			    struct sw_diag *diag_out)
{
	int64_t age_ms = now_ms - origin->issued_ms;
	if (origin->authorization && age_ms >= -SKEW_MS && age_ms < RENEW_MS) {
		return SW_OK;
	}
	char *token = NULL;
	if (sign(provider, sw_bytes(provider->key_pem, provider->key_len), origin->origin.text, now_ms, &token) !=
	    SW_OK) {
		return sw_diag_set(diag_out, SW_EAUTH, "the VAPID key could not sign");
	}
	assert(token);
	sw_webpush_vapid_forget(origin);
	origin->authorization = sw_xasprintf("vapid t=%s, k=%s", token, provider->public_key);
	origin->issued_ms = now_ms;
	sw_free_secret(token, strlen(token));
	return SW_OK;
}

/* A young one that is refused is replaced once (perhaps the clock was just set), then only by the hour: another would
 * not help, and Apple counts them. */
void sw_webpush_vapid_refused(struct sw_webpush_origin *origin, int64_t now_ms)
{
	if (origin->renewed && now_ms >= origin->renewed_ms && now_ms - origin->renewed_ms < HOUR_MS) {
		return;
	}
	origin->renewed = true;
	origin->renewed_ms = now_ms;
	sw_webpush_vapid_forget(origin);
}
