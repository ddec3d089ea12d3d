/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blob.h"

#include <surewire/mem.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct sw_blob *sw_blob_new(struct sw_bytes bytes)
{
	struct sw_blob *blob = sw_xmalloc(sizeof(*blob) + bytes.len);
	atomic_init(&blob->refs, 1);
	blob->len = bytes.len;
	if (bytes.len) {
		memcpy(blob->data, bytes.ptr, bytes.len);
	}
	return blob;
}

struct sw_blob *sw_blob_ref(struct sw_blob *blob)
{
	atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

void sw_blob_unref(struct sw_blob *blob)
{
	if (blob && atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) == 1) {
		free(blob);
	}
}
