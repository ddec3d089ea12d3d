/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes (errors.def) and the one diagnostic text that travels to the edges. */
#ifndef SUREWIRE_ERR_H
#define SUREWIRE_ERR_H

#include <stdbool.h>

enum sw_err {
	SW_OK = 0,
#define SW_ERROR(name, value, retryable, text) name = (value),
#include <surewire/errors.def>
#undef SW_ERROR
};

#define SW_MUST_CHECK __attribute__((warn_unused_result))
#define SW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Both accept any int; an unknown value is "unknown error". Static strings. */
const char *sw_err_name(int err);
const char *sw_err_text(int err);
/* Whether the same call may succeed later without anybody changing anything. */
bool sw_err_retryable(int err);

/* A text for people, filled by the first error; later errors do not overwrite it. Owned by the caller. */
struct sw_diag {
	char text[256];
};

/* Fills diag (NULL is allowed) unless it has a text already, and returns err. */
int sw_diag_set(struct sw_diag *diag, int err, const char *fmt, ...) SW_PRINTF(3, 4);

#endif
