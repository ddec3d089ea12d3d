/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <surewire/mem.h>

#include <stdlib.h>

enum { CAP_MIN = 16 };

void sw_table_init(struct sw_table *table, const struct sw_table_ops *ops)
{
	*table = (struct sw_table){.ops = ops};
}

void sw_table_release(struct sw_table *table)
{
	for (size_t i = 0; i < table->cap; i++) {
		if (table->slots[i]) {
			table->ops->free(table->slots[i]);
		}
	}
	free(table->slots);
	sw_table_init(table, table->ops);
}

/* The slot of the key, or the empty one where it would go. There always is an empty one. */
static size_t slot_of(const struct sw_table *table, uint64_t hash, const void *key)
{
	size_t at = (size_t)hash & (table->cap - 1);
	while (table->slots[at] && !(key && table->ops->is(table->slots[at], key))) {
		at = (at + 1) & (table->cap - 1);
	}
	return at;
}

void *sw_table_find(const struct sw_table *table, uint64_t hash, const void *key)
{
	return table->cap ? table->slots[slot_of(table, hash, key)] : NULL;
}

static void put(struct sw_table *table, void *entry)
{
	table->slots[slot_of(table, table->ops->hash(entry), NULL)] = entry;
	table->count++;
}

/* At most three quarters full: beyond that the probes get long. */
static bool fits(size_t count, size_t cap)
{
	return count <= cap / 4 * 3;
}

/* Moves all entries into new slots, with room for that many. */
static void resize(struct sw_table *table, size_t count)
{
	struct sw_table old = *table;
	table->cap = CAP_MIN;
	while (!fits(count, table->cap)) {
		table->cap *= 2;
	}
	table->slots = sw_xcalloc(table->cap, sizeof(*table->slots));
	table->count = 0;
	for (size_t i = 0; i < old.cap; i++) {
		if (old.slots[i]) {
			put(table, old.slots[i]);
		}
	}
	free(old.slots);
}

void sw_table_add(struct sw_table *table, void *entry)
{
	if (!fits(table->count + 1, table->cap)) {
		resize(table, table->count + 1);
	}
	put(table, entry);
}

void sw_table_sweep(struct sw_table *table, bool (*drop)(const void *entry, void *ctx), void *ctx)
{
	size_t before = table->count;
	for (size_t i = 0; i < table->cap; i++) {
		void *entry = table->slots[i];
		if (entry && drop(entry, ctx)) {
			table->ops->free(entry);
			table->slots[i] = NULL;
			table->count--;
		}
	}
	/* Holes would end the probes of those behind them. */
	if (table->count != before) {
		resize(table, table->count);
	}
}
