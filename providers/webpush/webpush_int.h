/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Web Push provider share. One thread (the pusher's loop) but for subscription.c,
 * which any thread may call; texts of the configuration are borrowed for the life of the process. */
#ifndef SW_WEBPUSH_INT_H
#define SW_WEBPUSH_INT_H

#include <surewire/buf.h>
#include <surewire/origins.h>
#include <surewire/provider.h>

#include <openssl/evp.h>

enum {
	SW_WEBPUSH_TOKEN_MAX = 4096,
	SW_WEBPUSH_POINT_BYTES = 65, /* uncompressed, P-256 */
	SW_WEBPUSH_POINT_TEXT = 87,
	SW_WEBPUSH_AUTH_BYTES = 16,
	SW_WEBPUSH_SALT_BYTES = 16,
	SW_WEBPUSH_RECORD_BYTES = 4096,
	SW_WEBPUSH_PLAIN_MAX = 3993, /* 4096 - header 86 - delimiter 1 - tag 16 */
};

/* A PushSubscription, as its JSON says. */
struct sw_webpush_subscription {
	struct sw_url url;                     /* the endpoint */
	uint8_t point[SW_WEBPUSH_POINT_BYTES]; /* p256dh */
	uint8_t auth[SW_WEBPUSH_AUTH_BYTES];
};

/* One push service, and the VAPID token it is shown. */
struct sw_webpush_origin {
	struct sw_origin origin; /* first */
	char *authorization;     /* "vapid t=…, k=…"; NULL until one is signed */
	int64_t issued_ms;
	bool renewed; /* once for a refusal, at renewed_ms */
	int64_t renewed_ms;
};

struct sw_provider {
	const char *instance;
	const char *key_file;
	const char *subject;
	struct sw_bytes apps;        /* comma-separated, checked; empty: every app */
	struct sw_endpoint endpoint; /* what all origins have in common */
	struct sw_origins origins;   /* of sw_webpush_origin */
	struct sw_buf scratch;       /* payloads are rendered here, then encrypted into the arena */

	/* vapid.c */
	char *key_pem;
	size_t key_len;
	char public_key[SW_WEBPUSH_POINT_TEXT + 1];
};

/* subscription.c */
/* True when text is exactly `len` bytes in base64url, with or without padding. */
bool sw_webpush_key_read(struct sw_bytes text, uint8_t *out, size_t len);
/* SW_EINVAL with what was expected. Does not look whether the point is on the curve. */
int sw_webpush_subscription_read(struct sw_bytes token, struct sw_webpush_subscription *sub_out,
				 struct sw_diag *diag_out) SW_MUST_CHECK;
/* The public key; NULL when the point is not on P-256. Owned. */
EVP_PKEY *sw_webpush_point_key(const uint8_t point[SW_WEBPUSH_POINT_BYTES]);
int sw_webpush_check_token(struct sw_bytes token, struct sw_diag *diag_out);

/* encrypt.c: RFC 8291 */
/* What must be new for every message. */
struct sw_webpush_fresh {
	EVP_PKEY *key; /* P-256 pair, owned */
	uint8_t salt[SW_WEBPUSH_SALT_BYTES];
};
int sw_webpush_fresh_make(struct sw_webpush_fresh *fresh_out, struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_webpush_fresh_release(struct sw_webpush_fresh *fresh);
/* One aes128gcm record, in the arena. SW_ELIMIT past SW_WEBPUSH_PLAIN_MAX, SW_EINVAL for a point off the curve. */
int sw_webpush_encrypt(const struct sw_webpush_subscription *sub, const struct sw_webpush_fresh *fresh,
		       struct sw_bytes plain, struct sw_arena *arena, struct sw_bytes *body_out) SW_MUST_CHECK;

/* vapid.c: RFC 8292 */
/* Reads the key and tries it; on an error the old one stays. A changed key drops the tokens in force. */
int sw_webpush_vapid_load(struct sw_provider *provider, struct sw_diag *diag_out);
void sw_webpush_vapid_release(struct sw_provider *provider);
/* Sees to it that origin->authorization is fit for a request at now_ms. */
int sw_webpush_vapid_ensure(const struct sw_provider *provider, struct sw_webpush_origin *origin, int64_t now_ms,
			    struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_webpush_vapid_forget(struct sw_webpush_origin *origin);
/* The service did not take the token. */
void sw_webpush_vapid_refused(struct sw_webpush_origin *origin, int64_t now_ms);

/* payload.c */
/* Renders the JSON into provider->scratch, the text cut so that it has at most SW_WEBPUSH_PLAIN_MAX bytes. */
int sw_webpush_payload(struct sw_provider *provider, const struct sw_notification *notification, struct sw_arena *arena,
		       struct sw_diag *diag_out) SW_MUST_CHECK;

/* classify.c */
void sw_webpush_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
