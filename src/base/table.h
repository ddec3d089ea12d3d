/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of pointers for many small entries: 8 bytes a slot, where uthash takes 56 bytes an entry. Open addressing
 * with linear probing (Knuth, volume 3, section 6.4, algorithm L). Single entries cannot be taken out: sw_table_sweep
 * drops many at once, which is all that caches and expiring buckets need. One thread at a time. */
#ifndef SW_BASE_TABLE_H
#define SW_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the entries are; the table owns them. */
struct sw_table_ops {
	uint64_t (*hash)(const void *entry);
	bool (*is)(const void *entry, const void *key);
	void (*free)(void *entry);
};

struct sw_table {
	const struct sw_table_ops *ops;
	void **slots;
	size_t cap; /* a power of two, or 0 */
	size_t count;
};

void sw_table_init(struct sw_table *table, const struct sw_table_ops *ops);
void sw_table_release(struct sw_table *table);
/* hash: of the key, as ops->hash of its entry would give. Borrowed, valid until it is swept; NULL when there is none. */
void *sw_table_find(const struct sw_table *table, uint64_t hash, const void *key);
/* No entry with its key may be in the table. */
void sw_table_add(struct sw_table *table, void *entry);
/* Frees every entry that drop says true of, and the memory that the rest does not need. */
void sw_table_sweep(struct sw_table *table, bool (*drop)(const void *entry, void *ctx), void *ctx);

#endif
