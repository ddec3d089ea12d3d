/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets per user and per address (IPv6: per /64), shared by all loops. All that is kept of a bucket is when it will
 * be full again (the generic cell rate algorithm); then it is forgotten. */
#include "base/hash.h"
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MAX = 200000, SWEEP_EVERY = 4096 };

/* An address, or a user in a form that no address has. */
struct bucket_key {
	uint8_t id[16];
};

struct bucket {
	struct bucket_key key;
	int64_t full_at_ns; /* monotonic */
};

struct rate_table {
	pthread_mutex_t lock;
	struct sw_table buckets;
	unsigned calls;
};

static uint64_t key_hash(const struct bucket_key *key)
{
	return sw_hash_keyed64(sw_bytes(key->id, sizeof(key->id)));
}

static uint64_t bucket_hash(const void *entry)
{
	return key_hash(&((const struct bucket *)entry)->key);
}

static bool bucket_is(const void *entry, const void *key)
{
	return memcmp(&((const struct bucket *)entry)->key, key, sizeof(struct bucket_key)) == 0;
}

static const struct sw_table_ops bucket_ops = {.hash = bucket_hash, .is = bucket_is, .free = free};

struct rate_table *rates_new(void)
{
	struct rate_table *rates = sw_xcalloc(1, sizeof(*rates));
	sw_table_init(&rates->buckets, &bucket_ops);
	pthread_mutex_init(&rates->lock, NULL);
	return rates;
}

void rates_free(struct rate_table *rates)
{
	if (!rates) {
		return;
	}
	sw_table_release(&rates->buckets);
	pthread_mutex_destroy(&rates->lock);
	free(rates);
}

static bool is_full(const void *entry, void *now_ns)
{
	return ((const struct bucket *)entry)->full_at_ns <= *(const int64_t *)now_ns;
}

static bool all(const void *entry, void *ctx)
{
	(void)entry;
	(void)ctx;
	return true;
}

static void sweep(struct rate_table *rates, int64_t now_ns)
{
	bool crowded = rates->buckets.count > BUCKETS_MAX;
	sw_table_sweep(&rates->buckets, crowded ? all : is_full, &now_ns);
}

static bool take(struct rate_table *rates, const struct bucket_key *key, unsigned per_s, unsigned burst)
{
	int64_t now_ns = sw_clock_mono_ms() * 1000000;
	int64_t token_ns = 1000000000 / per_s;
	pthread_mutex_lock(&rates->lock);
	if (++rates->calls % SWEEP_EVERY == 0) {
		sweep(rates, now_ns);
	}
	struct bucket *bucket = sw_table_find(&rates->buckets, key_hash(key), key);
	if (!bucket) {
		bucket = sw_xcalloc(1, sizeof(*bucket));
		bucket->key = *key;
		sw_table_add(&rates->buckets, bucket);
	}
	int64_t full_at_ns = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
	bool taken = full_at_ns + token_ns <= now_ns + burst * token_ns;
	bucket->full_at_ns = taken ? full_at_ns + token_ns : full_at_ns;
	pthread_mutex_unlock(&rates->lock);
	return taken;
}

bool rate_take_user(struct sw_gateway *gateway, int64_t user)
{
	struct bucket_key key = {{0xff, 'u'}}; /* ff75::/16 is multicast: nobody connects from there */
	memcpy(key.id + 8, &user, sizeof(user));
	return take(gateway->rates, &key, gateway->config.rate_user_per_s, gateway->config.rate_user_burst);
}

bool rate_take_address(struct sw_gateway *gateway, const struct sw_peer *peer)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct bucket_key key = {{0}};
	bool is_ipv4 = memcmp(peer->ip, mapped, sizeof(mapped)) == 0;
	memcpy(key.id, peer->ip, is_ipv4 ? 16 : 8);
	return take(gateway->rates, &key, gateway->config.rate_address_per_s, gateway->config.rate_address_burst);
}
