/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: scrypt (RFC 7914) through OpenSSL. A hash is one line of text that carries its own parameters:
 * "$scrypt$ln=15,r=8,p=1$SALT$HASH" with base64 (unpadded) salt of 16 and hash of 32 bytes.
 * Costs about 0.1 s of CPU and 32 MiB a call: never on an event loop. Any thread. */
#ifndef SW_AUTH_PASSWORD_H
#define SW_AUTH_PASSWORD_H

#include <surewire/bytes.h>
#include <surewire/err.h>

enum { SW_PASSWORD_BYTES_MIN = 8, SW_PASSWORD_BYTES_MAX = 256, SW_PASSWORD_HASH_TEXT_MAX = 128 };

/* SW_EINVAL with a text when the password is too short or too long. */
int sw_password_hash(struct sw_bytes password, char hash_out[SW_PASSWORD_HASH_TEXT_MAX],
		     struct sw_diag *diag_out) SW_MUST_CHECK;
/* SW_OK; SW_EAUTH when the password is another one; SW_EPARSE when the hash is not of the form above, or would cost
 * more than we are ready to spend (ln 20, r 16, p 4). */
int sw_password_verify(struct sw_bytes password, const char *hash_text) SW_MUST_CHECK;

#endif
