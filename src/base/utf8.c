/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF. */
#include "base/utf8.h"

static bool lead(struct sw_utf8 *state, uint8_t c)
{
	state->lower = 0x80;
	state->upper = 0xbf;
	if (c < 0x80) {
		state->need = 0;
	} else if (c >= 0xc2 && c <= 0xdf) {
		state->need = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		state->need = 2;
		state->lower = c == 0xe0 ? 0xa0 : 0x80;
		state->upper = c == 0xed ? 0x9f : 0xbf;
	} else if (c >= 0xf0 && c <= 0xf4) {
		state->need = 3;
		state->lower = c == 0xf0 ? 0x90 : 0x80;
		state->upper = c == 0xf4 ? 0x8f : 0xbf;
	} else {
		return false;
	}
	return true;
}

bool sw_utf8_feed(struct sw_utf8 *state, struct sw_bytes part)
{
	for (size_t i = 0; i < part.len; i++) {
		uint8_t c = part.ptr[i];
		if (state->need == 0) {
			if (!lead(state, c)) {
				return false;
			}
			continue;
		}
		if (c < state->lower || c > state->upper) {
			return false;
		}
		state->lower = 0x80;
		state->upper = 0xbf;
		state->need--;
	}
	return true;
}

bool sw_utf8_done(const struct sw_utf8 *state)
{
	return state->need == 0;
}

bool sw_utf8_valid(struct sw_bytes text)
{
	struct sw_utf8 state = {0};
	return sw_utf8_feed(&state, text) && sw_utf8_done(&state);
}

struct sw_bytes sw_utf8_cut(struct sw_bytes text, size_t max_bytes)
{
	if (text.len <= max_bytes) {
		return text;
	}
	size_t len = max_bytes;
	while (len > 0 && (text.ptr[len] & 0xc0) == 0x80) {
		len--;
	}
	return sw_bytes(text.ptr, len);
}
