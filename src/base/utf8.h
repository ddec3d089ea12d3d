/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 validation, also incremental (across fragments of a message), and cutting at a character boundary. Pure. */
#ifndef SW_BASE_UTF8_H
#define SW_BASE_UTF8_H

#include <surewire/bytes.h>

/* State of an incremental check; zero-initialised at the start of a text. */
struct sw_utf8 {
	uint8_t need;  /* continuation bytes still to come */
	uint8_t lower; /* bounds of the next continuation byte (RFC 3629, table in section 4) */
	uint8_t upper;
};

/* False as soon as the bytes cannot be the start of valid UTF-8. */
bool sw_utf8_feed(struct sw_utf8 *state, struct sw_bytes part);
/* True when the text may end here. */
bool sw_utf8_done(const struct sw_utf8 *state);
bool sw_utf8_valid(struct sw_bytes text);
/* The longest prefix of valid text with at most max_bytes that does not split a character. */
struct sw_bytes sw_utf8_cut(struct sw_bytes text, size_t max_bytes);

#endif
