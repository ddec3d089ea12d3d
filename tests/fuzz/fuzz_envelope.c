/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes between roles. Properties: every run lies in the envelope, lists keep their bound, and what was decoded
 * and encoded decodes to the same and encodes to the same bytes. */
#include "fuzz.h"

#include "proto/envelope.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_i64(v) (void)(v)
#define CHECK_u8(v) (void)(v)
#define CHECK_uuid(v) (void)(v)
#define CHECK_bytes(v) FUZZ_CHECK(fuzz_within(v, whole))
#define CHECK_list(v) FUZZ_CHECK((v).count <= SW_ITEM_LIST_MAX && (v).count * sizeof(int64_t) <= whole.len)
#define CHECK_FIELD(type, name) CHECK_##type(v->name);
#define SW_ITEM(NAME, name, number)                                                          \
	static void check_item_##name(const struct sw_item_##name *v, struct sw_bytes whole) \
	{                                                                                    \
		(void)whole;                                                                 \
		SW_FIELDS_##NAME(CHECK_FIELD)                                                \
	}
#include "proto/items.def"
#undef SW_ITEM

static void check_item(const struct sw_item *item, struct sw_bytes whole)
{
	switch (item->kind) {
#define SW_ITEM(NAME, name, number)                       \
	case SW_ITEM_##NAME:                              \
		check_item_##name(&item->as.name, whole); \
		break;
#include "proto/items.def"
#undef SW_ITEM
	}
	FUZZ_CHECK(strcmp(sw_item_name(item->kind), "unknown") != 0);
}

/* Decodes, and encodes what it finds. False when the envelope is refused. */
static bool encode_again(struct sw_bytes envelope, struct sw_buf *out)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_arena arena;
	int rc = sw_envelope_open(&reader, envelope);
	sw_arena_init(&arena);
	sw_envelope_begin(out);
	while (rc == SW_OK && (rc = sw_envelope_next(&reader, &section)) == SW_OK) {
		size_t mark = sw_section_begin(out, &section.id);
		struct sw_bytes items = section.items;
		struct sw_item item;
		while ((rc = sw_item_next(&items, &arena, &item)) == SW_OK) {
			check_item(&item, envelope);
			sw_item_put(out, &item);
		}
		sw_section_end(out, mark);
		rc = rc == SW_EEND ? SW_OK : rc;
	}
	sw_arena_release(&arena);
	FUZZ_CHECK(rc == SW_EEND || rc == SW_EPARSE || rc == SW_EVERSION);
	return rc == SW_EEND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	struct sw_buf once;
	struct sw_buf twice;
	sw_buf_init(&once, SW_ENVELOPE_BYTES_MAX);
	sw_buf_init(&twice, SW_ENVELOPE_BYTES_MAX);
	if (encode_again(sw_bytes(copy, size), &once)) {
		/* Lengths may have been written with more digits than they need, never with fewer; a former layout grows
		 * by the fields that it lacks, which are few beside those it has. */
		FUZZ_CHECK(once.err == SW_OK && once.len <= 2 * size);
		FUZZ_CHECK(encode_again(sw_buf_bytes(&once), &twice));
		FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&once), sw_buf_bytes(&twice)));
	}
	sw_buf_release(&once);
	sw_buf_release(&twice);
	free(copy);
	return 0;
}
