/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions whose private key the control API was given: what a browser would hold. With it a body is decrypted (RFC
 * 8291, the receiving side). Not thread-safe: the caller holds the lock of the simulator. */
#ifndef SW_SIM_WEBPUSH_SUBS_H
#define SW_SIM_WEBPUSH_SUBS_H

#include <openssl/evp.h>
#include <surewire/json.h>

#include "sim/webpush_check.h"

enum { SW_SIM_WEBPUSH_SUBS_MAX = 1024 };

struct sw_sim_webpush_sub {
	char id[SW_SIM_WEBPUSH_ID_MAX + 1];
	EVP_PKEY *key;
	uint8_t point[SW_SIM_WEBPUSH_POINT_BYTES];
	uint8_t auth[SW_SIM_WEBPUSH_AUTH_BYTES];
	char sender_key[96]; /* "": any VAPID key is right */
};

struct sw_sim_webpush_subs {
	struct sw_sim_webpush_sub *list;
	size_t count;
};

void sw_sim_webpush_subs_init(struct sw_sim_webpush_subs *subs);
void sw_sim_webpush_subs_release(struct sw_sim_webpush_subs *subs);
/* {"id", "p256dh", "private_key", "auth", "application_server_key" (optional)}; one of the same id is replaced.
 * SW_EINVAL with what was expected, SW_ELIMIT when there are too many. */
int sw_sim_webpush_subs_put(struct sw_sim_webpush_subs *subs, const json_t *json,
			    struct sw_diag *diag_out) SW_MUST_CHECK;
/* NULL when unknown. */
const struct sw_sim_webpush_sub *sw_sim_webpush_subs_find(const struct sw_sim_webpush_subs *subs, struct sw_bytes id);
/* Appends the plaintext of a checked body. SW_EINVAL when it is not for this subscription, or damaged. */
int sw_sim_webpush_decrypt(const struct sw_sim_webpush_sub *sub, struct sw_bytes body,
			   struct sw_buf *plain_out) SW_MUST_CHECK;

/* A public key on P-256 out of its uncompressed point; NULL when it is none. Owned. */
EVP_PKEY *sw_sim_webpush_key(const uint8_t point[SW_SIM_WEBPUSH_POINT_BYTES]);

#endif
