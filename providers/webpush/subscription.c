/* SPDX-License-Identifier: Apache-2.0 */
/* The device token of Web Push: what PushSubscription.toJSON() gives (Push API, 8). The endpoint is any https address;
 * whether its host may be spoken to is looked at where the name is resolved (sw_endpoint, public_only). Members that
 * are not known are let through: browsers may add some. Any thread. */
#include "webpush_int.h"

#include <surewire/b64url.h>
#include <surewire/json.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

enum { DEPTH_MAX = 4 };

static int expected(struct sw_diag *diag_out, const char *what)
{
	return sw_diag_set(diag_out, SW_EINVAL, "Web Push subscription: expected %s", what);
}

/* Some libraries of browsers pad. What is too much or too little of it stays, and is refused as a foreign character. */
static struct sw_bytes unpadded(struct sw_bytes text)
{
	struct sw_bytes bare = text;
	while (bare.len && bare.ptr[bare.len - 1] == '=' && text.len - bare.len < 2) {
		bare.len--;
	}
	return text.len % 4 == 0 ? bare : text;
}

bool sw_webpush_key_read(struct sw_bytes text, uint8_t *out, size_t len)
{
	size_t got = 0;
	return sw_b64url_decode_to(unpadded(text), out, len, &got) == SW_OK && got == len;
}

static int take_members(const json_t *root, struct sw_webpush_subscription *sub, struct sw_diag *diag_out)
{
	const json_t *keys = json_object_get(root, "keys");
	if (!sw_url_read(sw_json_get_str(root, "endpoint"), &sub->url) || sub->url.plain) {
		return expected(diag_out, "\"endpoint\", an https address of at most 2048 characters");
	}
	if (!sw_webpush_key_read(sw_json_get_str(keys, "p256dh"), sub->point, sizeof(sub->point)) ||
	    sub->point[0] != POINT_CONVERSION_UNCOMPRESSED) {
		return expected(diag_out, "\"keys.p256dh\", an uncompressed point of P-256 in base64url");
	}
	if (!sw_webpush_key_read(sw_json_get_str(keys, "auth"), sub->auth, sizeof(sub->auth))) {
		return expected(diag_out, "\"keys.auth\", 16 bytes in base64url");
	}
	return SW_OK;
}

int sw_webpush_subscription_read(struct sw_bytes token, struct sw_webpush_subscription *sub_out,
				 struct sw_diag *diag_out)
{
	json_t *root = NULL;
	if (token.len == 0 || token.len > SW_WEBPUSH_TOKEN_MAX ||
	    sw_json_parse(token, DEPTH_MAX, &root, NULL) != SW_OK || !json_is_object(root)) {
		json_decref(root);
		return expected(diag_out,
				"the JSON object that PushSubscription.toJSON() gives, of at most 4096 bytes");
	}
	int err = take_members(root, sub_out, diag_out);
	json_decref(root);
	return err;
}

/* OpenSSL refuses points that are not on the curve when it decodes them. */
EVP_PKEY *sw_webpush_point_key(const uint8_t point[SW_WEBPUSH_POINT_BYTES])
{
	char group[] = "prime256v1";
	uint8_t octets[SW_WEBPUSH_POINT_BYTES];
	EVP_PKEY *key = NULL;
	memcpy(octets, point, sizeof(octets));
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof(octets)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

int sw_webpush_check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	struct sw_webpush_subscription sub;
	int err = sw_webpush_subscription_read(token, &sub, diag_out);
	if (err) {
		return err;
	}
	EVP_PKEY *key = sw_webpush_point_key(sub.point);
	if (!key) {
		return expected(diag_out, "\"keys.p256dh\", a point on the curve P-256");
	}
	EVP_PKEY_free(key);
	return SW_OK;
}
