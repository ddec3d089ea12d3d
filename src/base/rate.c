/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets in a table that is swept of full ones. */
#include "base/rate.h"

#include "base/hash.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

/* Past the bound all are forgotten: strangers make keys. */
enum { BUCKETS_MAX = 200000, SWEEP_EVERY = 4096 };

struct bucket {
	struct sw_rate_key key;
	int64_t full_at_ns;
	int64_t paused_until_ns;
	int64_t told_ns; /* the last time that somebody was told to come back at */
};

static uint64_t key_hash(const struct sw_rate_key *key)
{
	return sw_hash_keyed64(sw_bytes(key->bytes, sizeof(key->bytes)));
}

static uint64_t bucket_hash(const void *entry)
{
	return key_hash(&((const struct bucket *)entry)->key);
}

static bool bucket_is(const void *entry, const void *key)
{
	return memcmp(&((const struct bucket *)entry)->key, key, sizeof(struct sw_rate_key)) == 0;
}

static const struct sw_table_ops bucket_ops = {.hash = bucket_hash, .is = bucket_is, .free = free};

void sw_rates_init(struct sw_rates *rates)
{
	*rates = (struct sw_rates){.calls = 0};
	sw_table_init(&rates->buckets, &bucket_ops);
}

void sw_rates_release(struct sw_rates *rates)
{
	sw_table_release(&rates->buckets);
}

static bool is_idle(const void *entry, void *now_ns)
{
	const struct bucket *bucket = entry;
	int64_t now = *(const int64_t *)now_ns;
	return bucket->full_at_ns <= now && bucket->paused_until_ns <= now && bucket->told_ns <= now;
}

static bool all(const void *entry, void *ctx)
{
	(void)entry;
	(void)ctx;
	return true;
}

static struct bucket *bucket_of(struct sw_rates *rates, const struct sw_rate_key *key, int64_t now_ns)
{
	if (++rates->calls % SWEEP_EVERY == 0) {
		sw_table_sweep(&rates->buckets, rates->buckets.count > BUCKETS_MAX ? all : is_idle, &now_ns);
	}
	struct bucket *bucket = sw_table_find(&rates->buckets, key_hash(key), key);
	if (!bucket) {
		bucket = sw_xcalloc(1, sizeof(*bucket));
		bucket->key = *key;
		sw_table_add(&rates->buckets, bucket);
	}
	return bucket;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t free_at_ns(const struct bucket *bucket, struct sw_rate rate, int64_t now_ns)
{
	return later(later(bucket->full_at_ns, now_ns) - (rate.burst - 1) * rate.token_ns, bucket->paused_until_ns);
}

int64_t sw_rates_take(struct sw_rates *rates, const struct sw_rate_key *key, struct sw_rate rate, int64_t now_ns)
{
	struct bucket *bucket = bucket_of(rates, key, now_ns);
	int64_t wait_ns = free_at_ns(bucket, rate, now_ns) - now_ns;
	if (wait_ns > 0) {
		return wait_ns;
	}
	bucket->full_at_ns = later(bucket->full_at_ns, now_ns) + rate.token_ns;
	return 0;
}

int64_t sw_rates_come_back(struct sw_rates *rates, const struct sw_rate_key *key, struct sw_rate rate, int64_t now_ns)
{
	struct bucket *bucket = bucket_of(rates, key, now_ns);
	bucket->told_ns = later(free_at_ns(bucket, rate, now_ns), bucket->told_ns + rate.token_ns);
	return later(bucket->told_ns, now_ns) - now_ns;
}

void sw_rates_pause(struct sw_rates *rates, const struct sw_rate_key *key, int64_t until_ns, int64_t now_ns)
{
	struct bucket *bucket = bucket_of(rates, key, now_ns);
	bucket->paused_until_ns = later(bucket->paused_until_ns, until_ns);
}
