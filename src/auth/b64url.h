/* SPDX-License-Identifier: Apache-2.0 */
/* base64url without padding (RFC 4648 section 5), strict: one text for one run of bytes. libjwt's decoder skips what
 * is not of the alphabet, which would give one token many spellings. Pure. */
#ifndef SW_AUTH_B64URL_H
#define SW_AUTH_B64URL_H

#include <surewire/buf.h>

/* Appends to out. SW_EPARSE for a foreign character, padding, an impossible length or bits left over; SW_ELIMIT when
 * out is full. */
int sw_b64url_decode(struct sw_bytes text, struct sw_buf *out) SW_MUST_CHECK;
void sw_b64url_encode(struct sw_bytes bytes, struct sw_buf *out);

#endif
