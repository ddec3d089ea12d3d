/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh keys, folders of key files, and tokens signed with OpenSSL directly, so that what is verified was not made by
 * the code under test. Aborts when something fails. */
#ifndef SW_TEST_AUTH_FIXTURE_H
#define SW_TEST_AUTH_FIXTURE_H

#include "auth/pem.h"

#include <surewire/bytes.h>

struct fixture_folder {
	char path[64];
};

/* A new empty folder below /tmp; removed with its files. */
struct fixture_folder fixture_folder_new(void);
void fixture_folder_remove(const struct fixture_folder *folder);
void fixture_write(const struct fixture_folder *folder, const char *name, struct sw_bytes contents);
void fixture_write_str(const struct fixture_folder *folder, const char *name, const char *contents);

/* "RSA2048", "RSA1024", "P256", "P384", "ED25519". */
EVP_PKEY *fixture_key(const char *kind);
/* Fresh text (free). A passphrase makes the private one encrypted. */
char *fixture_public_pem(EVP_PKEY *key);
char *fixture_private_pem(EVP_PKEY *key, const char *passphrase);

/* header.payload.signature; fresh text (free). key for the public algorithms, secret for HS256; SW_JWT_NONE signs with
 * nothing. */
struct fixture_signer {
	enum sw_jwt_alg alg;
	EVP_PKEY *key;
	struct sw_bytes secret;
};
char *fixture_token(const struct fixture_signer *signer, const char *header, const char *payload);
/* The same with a signature given raw. */
char *fixture_token_raw(const char *header, const char *payload, struct sw_bytes signature);

#endif
