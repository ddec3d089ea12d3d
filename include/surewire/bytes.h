/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. Never owns, never terminated; valid as long as its source. */
#ifndef SUREWIRE_BYTES_H
#define SUREWIRE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sw_bytes {
	const uint8_t *ptr;
	size_t len;
};

/* For string literals and NUL-terminated text (NULL gives an empty run). */
struct sw_bytes sw_bytes_str(const char *text);
static inline struct sw_bytes sw_bytes(const void *ptr, size_t len)
{
	return (struct sw_bytes){ptr, len};
}
bool sw_bytes_equal(struct sw_bytes a, struct sw_bytes b);
bool sw_bytes_equal_str(struct sw_bytes a, const char *text);
/* ASCII case is ignored. */
bool sw_bytes_equal_nocase(struct sw_bytes a, const char *text);
/* Constant time in the length; for secrets. */
bool sw_bytes_equal_secret(struct sw_bytes a, struct sw_bytes b);
/* Decimal digits only, no sign, no leading "+", no overflow: SW_OK or SW_EPARSE. */
int sw_bytes_to_u64(struct sw_bytes text, uint64_t *value_out);

/* A terminated copy for logs and records, of what a peer wrote: cut at size_bytes, "?" for all but printable ASCII. */
void sw_bytes_printable(struct sw_bytes text, char *to, size_t size_bytes);

#define SW_BYTES_FMT(b) (int)(b).len, (const char *)(b).ptr

#endif
