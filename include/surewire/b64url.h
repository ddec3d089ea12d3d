/* SPDX-License-Identifier: Apache-2.0 */
/* base64url without padding (RFC 4648 section 5), strict: one text for one run of bytes. libjwt's decoder skips what
 * is not of the alphabet, which would give one token many spellings. Pure. */
#ifndef SUREWIRE_B64URL_H
#define SUREWIRE_B64URL_H

#include <surewire/buf.h>

/* SW_EPARSE for a foreign character, padding, an impossible length or bits left over; SW_ELIMIT when the bytes take more
 * than room. On an error *len_out stays. */
int sw_b64url_decode_to(struct sw_bytes text, uint8_t *out, size_t room_bytes, size_t *len_out) SW_MUST_CHECK;
/* Appends to out, with the same errors. */
int sw_b64url_decode(struct sw_bytes text, struct sw_buf *out) SW_MUST_CHECK;

/* Are all of its characters of the alphabet? Says nothing about what it would decode to. */
bool sw_b64url_is_text(struct sw_bytes text);

/* Characters that so many bytes take. */
#define SW_B64URL_LEN(bytes) (((bytes)*4 + 2) / 3)
/* Terminated: SW_B64URL_LEN and one. */
void sw_b64url_encode_to(struct sw_bytes bytes, char *out);
void sw_b64url_encode(struct sw_bytes bytes, struct sw_buf *out);

#endif
