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

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 4, LABEL_MAX = 63, HTTPS_PORT = 443 };

static const char scheme[] = "https://";

static int expected(struct sw_diag *diag_out, const char *what)
{
	return sw_diag_set(diag_out, SW_EINVAL, "Web Push subscription: expected %s", what);
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A name of labels. One whose last label begins with a digit would be read as an IPv4 address in one of its odd
 * spellings: it has to be a plain one. */
static bool is_name(const char *host)
{
	const char *label = host;
	struct in_addr v4;
	for (;;) {
		size_t len = 0;
		while (is_label_char(label[len])) {
			len++;
		}
		if (len == 0 || len > LABEL_MAX || (label[len] != '.' && label[len] != '\0')) {
			return false;
		}
		if (label[len] == '\0') {
			return label[0] < '0' || label[0] > '9' || inet_pton(AF_INET, host, &v4) == 1;
		}
		label += len + 1;
	}
}

/* Lower case into the subscription, without the brackets of an IPv6 address. */
static bool take_host(struct sw_bytes text, struct sw_webpush_subscription *sub)
{
	struct in6_addr v6;
	bool bracket = text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
	if (bracket) {
		text = sw_bytes(text.ptr + 1, text.len - 2);
	}
	if (text.len == 0 || text.len > SW_WEBPUSH_HOST_MAX) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		sub->host[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	sub->host[text.len] = '\0';
	if (strlen(sub->host) != text.len) {
		return false;
	}
	return bracket ? inet_pton(AF_INET6, sub->host, &v6) == 1 : is_name(sub->host);
}

static bool take_port(struct sw_bytes text, struct sw_webpush_subscription *sub)
{
	uint64_t port = 0;
	if (text.len == 0 || text.ptr[0] == '0' || sw_bytes_to_u64(text, &port) != SW_OK || port > UINT16_MAX) {
		return false;
	}
	sub->port = (uint16_t)port;
	return true;
}

/* The colon before the port; NULL when there is none. Those inside brackets are the address's. */
static const uint8_t *find_colon(struct sw_bytes authority)
{
	for (size_t i = authority.len; i-- > 0;) {
		if (authority.ptr[i] == ':') {
			return authority.ptr + i;
		}
		if (authority.ptr[i] == ']') {
			return NULL;
		}
	}
	return NULL;
}

static bool take_authority(struct sw_bytes authority, struct sw_webpush_subscription *sub)
{
	const uint8_t *colon = find_colon(authority);
	size_t host_len = colon ? (size_t)(colon - authority.ptr) : authority.len;
	sub->port = HTTPS_PORT;
	if (!take_host(sw_bytes(authority.ptr, host_len), sub) ||
	    (colon && !take_port(sw_bytes(colon + 1, authority.len - host_len - 1), sub))) {
		return false;
	}
	bool bracket = strchr(sub->host, ':') != NULL;
	int len = snprintf(sub->origin, sizeof(sub->origin), "%s%s%s%s", scheme, bracket ? "[" : "", sub->host,
			   bracket ? "]" : "");
	if (sub->port != HTTPS_PORT) {
		snprintf(sub->origin + len, sizeof(sub->origin) - (size_t)len, ":%u", sub->port);
	}
	return true;
}

/* Of RFC 3986; a fragment is never sent. */
static bool take_path(struct sw_bytes text, struct sw_webpush_subscription *sub)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c <= 0x20 || c >= 0x7f || strchr("\"#<>\\^`{|}", c)) {
			return false;
		}
		sub->path[i] = (char)c;
	}
	sub->path[text.len] = '\0';
	return text.len > 0 && text.ptr[0] == '/';
}

static bool take_endpoint(struct sw_bytes url, struct sw_webpush_subscription *sub)
{
	size_t scheme_len = sizeof(scheme) - 1;
	if (url.len <= scheme_len || url.len > SW_WEBPUSH_URL_MAX || memcmp(url.ptr, scheme, scheme_len) != 0) {
		return false;
	}
	struct sw_bytes rest = sw_bytes(url.ptr + scheme_len, url.len - scheme_len);
	const uint8_t *slash = memchr(rest.ptr, '/', rest.len);
	if (!slash) {
		return false;
	}
	size_t len = (size_t)(slash - rest.ptr);
	return take_authority(sw_bytes(rest.ptr, len), sub) && take_path(sw_bytes(slash, rest.len - len), sub);
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
	if (!take_endpoint(sw_json_get_str(root, "endpoint"), sub)) {
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
