/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that clients' tokens are verified with: a folder of files named KID.ALG.EXT.
 *
 *   main.HS256.key   a shared secret of 32 to 512 bytes, raw or as hex digits (at least 64 of them)
 *   idp.RS256.pem    an RSA public key of at least 2048 bits, PEM (SubjectPublicKeyInfo)
 *   app.ES256.pem    a P-256 public key, PEM
 *   app2.EdDSA.pem   an Ed25519 public key, PEM
 *
 * The file name alone decides which algorithm a key is good for; a token's header can only agree or be refused.
 * Files that start with a dot or end in "~" are skipped; any other name is an error, so that a typing mistake in the
 * name of a key is seen at start and not when the first token is refused. Private keys are refused: a gateway has no
 * use for them. A keyset never changes: a reload makes a new one. */
#ifndef SW_AUTH_KEYSET_H
#define SW_AUTH_KEYSET_H

#include <surewire/err.h>

#include <stddef.h>

enum { SW_KEYSET_KEYS_MAX = 64, SW_KEY_ID_MAX = 64 };

struct sw_keyset;

/* Reads the folder. *keyset_out has one reference. SW_ECONFIG with a text that names the file and what was expected;
 * an empty folder is an error too. A secret that others can read is logged as a warning and accepted. Any thread. */
int sw_keyset_load(const char *dir, struct sw_keyset **keyset_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* References may be taken and given back in any thread; the last one wipes the secrets. NULL is allowed in unref. */
struct sw_keyset *sw_keyset_ref(struct sw_keyset *keyset);
void sw_keyset_unref(struct sw_keyset *keyset);
size_t sw_keyset_count(const struct sw_keyset *keyset);

#endif
