/* SPDX-License-Identifier: Apache-2.0 */
/* A browser's side of Web Push for tests: a subscription with its private key, and the reverse of the encryption, written
 * from RFC 8291 and RFC 8188 without the provider's code. Fails by assert. */
#ifndef SW_TEST_PUSH_RECEIVER_H
#define SW_TEST_PUSH_RECEIVER_H

#include <surewire/bytes.h>

#include <openssl/evp.h>

enum { RECEIVER_PLAIN_MAX = 4096 };

struct push_receiver {
	EVP_PKEY *key;
	uint8_t point[65];
	uint8_t auth[16];
	char p256dh[96]; /* base64url */
	char auth_text[32];
	char token[4096]; /* the JSON subscription for the latest endpoint */
};

/* private_key and auth in base64url; NULL: new ones. */
void push_receiver_open(struct push_receiver *receiver, const char *private_key, const char *auth);
void push_receiver_close(struct push_receiver *receiver);
/* The subscription with this endpoint, borrowed from the receiver. */
struct sw_bytes push_receiver_token(struct push_receiver *receiver, const char *endpoint);
/* The plaintext of a body, terminated; its length, or -1 when it cannot be decrypted. */
int push_receiver_decrypt(const struct push_receiver *receiver, struct sw_bytes body,
			  char plain_out[RECEIVER_PLAIN_MAX]);

/* NULL when the point is not on the curve; owned. */
EVP_PKEY *push_public_key(const uint8_t point[65]);
/* base64url: the number of bytes. */
size_t push_decode(const char *text, uint8_t *out, size_t room);

#endif
