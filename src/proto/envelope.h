/* SPDX-License-Identifier: Apache-2.0 */
/* The compact binary form of what roles send each other (items.def). Pure; any thread.
 *
 *   envelope = version u8, section*                 one AMQP message
 *   section  = id (16 bytes), length varint, item*  the unit of exactly-once: a stage records the ids it has committed
 *   item     = number u8, fields in the order of items.def
 *
 * A body is carried as opaque bytes: checked once at the gateway, never parsed again. */
#ifndef SW_PROTO_ENVELOPE_H
#define SW_PROTO_ENVELOPE_H

#include "base/uuid.h"

#include <surewire/arena.h>
#include <surewire/buf.h>

/* Bits of SESSION_UP's active. AGAIN: announced before, but the mailbox may have forgotten it or know a newer one. */
enum { SW_SESSION_ACTIVE = 1, SW_SESSION_AGAIN = 2 };

enum { SW_ENVELOPE_VERSION = 1, SW_ENVELOPE_BYTES_MAX = 16 << 20, SW_ITEM_LIST_MAX = 65536 };

struct sw_item_list {
	const int64_t *values;
	size_t count;
};

#define SW_FIELD_TYPE_i64 int64_t
#define SW_FIELD_TYPE_u8 uint8_t
#define SW_FIELD_TYPE_uuid struct sw_uuid
#define SW_FIELD_TYPE_bytes struct sw_bytes
#define SW_FIELD_TYPE_list struct sw_item_list
#define SW_ITEM_FIELD(type, name) SW_FIELD_TYPE_##type name;

/* struct sw_item_send { int64_t sender; … } and so on. */
#define SW_ITEM(NAME, name, number)             \
	struct sw_item_##name {                 \
		SW_FIELDS_##NAME(SW_ITEM_FIELD) \
	};
#include "proto/items.def"
#undef SW_ITEM

enum sw_item_kind {
#define SW_ITEM(NAME, name, number) SW_ITEM_##NAME = (number),
#include "proto/items.def"
#undef SW_ITEM
};

struct sw_item {
	enum sw_item_kind kind;
	union {
#define SW_ITEM(NAME, name, number) struct sw_item_##name name;
#include "proto/items.def"
#undef SW_ITEM
	} as;
};

const char *sw_item_name(enum sw_item_kind kind);

/* Writing. begin, then section_begin, items, section_end, …; errors are sticky in the buffer. */
void sw_envelope_begin(struct sw_buf *buf);
/* Gives the mark that section_end needs. */
size_t sw_section_begin(struct sw_buf *buf, const struct sw_uuid *id);
void sw_section_end(struct sw_buf *buf, size_t mark);
void sw_item_put(struct sw_buf *buf, const struct sw_item *item);

/* Reading: runs are borrowed from the envelope, lists live in the arena. */
struct sw_section {
	struct sw_uuid id;
	struct sw_bytes items;
};

struct sw_envelope_reader {
	struct sw_reader in;
};

/* SW_EVERSION for a version this program does not know. */
int sw_envelope_open(struct sw_envelope_reader *reader, struct sw_bytes envelope) SW_MUST_CHECK;
/* SW_OK, SW_EEND after the last one, SW_EPARSE. */
int sw_envelope_next(struct sw_envelope_reader *reader, struct sw_section *section_out) SW_MUST_CHECK;
/* Takes the next item off *items: SW_OK, SW_EEND, SW_EPARSE. */
int sw_item_next(struct sw_bytes *items, struct sw_arena *arena, struct sw_item *item_out) SW_MUST_CHECK;

#endif
