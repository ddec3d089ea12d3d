/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with a limit: what becomes of texts around it, and of those that are no text. */
#ifndef SW_TEST_CUT_H
#define SW_TEST_CUT_H

#include <surewire/provider.h>

/* How one provider's message is made and read. */
struct cut {
	/* The message for a body of text, as far as the limit counts it; lives in the arena. */
	int (*encode)(struct sw_bytes body, struct sw_arena *arena, struct sw_bytes *message_out, struct sw_diag *diag);
	/* The object of the message in which "body" stands: names from the root, NULL at the end. */
	const char *const *path;
	size_t limit_bytes;
	size_t uncounted_bytes; /* of the message: the device's token */
	size_t around;          /* how many lengths on each side of the limit are tried */
};

/* Texts out of `unit`, which takes json_len bytes in JSON: whole up to the limit; beyond it cut at whole characters, with
 * an ellipsis, and no more than needed. */
void cut_check_lengths(const struct cut *cut, const char *unit, size_t json_len);
/* SW_EINVAL, with this text. */
void cut_check_no_utf8(const struct cut *cut, const char *text);

#endif
