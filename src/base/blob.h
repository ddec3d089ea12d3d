/* SPDX-License-Identifier: Apache-2.0 */
/* Reference-counted immutable bytes: encoded once, shared by all recipients and threads. */
#ifndef SW_BASE_BLOB_H
#define SW_BASE_BLOB_H

#include <surewire/buf.h>

struct sw_blob {
	_Atomic unsigned refs;
	size_t len;
	uint8_t data[];
};

/* One reference, owned by the caller. */
struct sw_blob *sw_blob_new(struct sw_bytes bytes);
struct sw_blob *sw_blob_ref(struct sw_blob *blob);
/* NULL is allowed. */
void sw_blob_unref(struct sw_blob *blob);
static inline struct sw_bytes sw_blob_bytes(const struct sw_blob *blob)
{
	return (struct sw_bytes){blob->data, blob->len};
}

#endif
