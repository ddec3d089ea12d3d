/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets per user and per address (IPv6: per /64), shared by all loops. A bucket that is full again is forgotten. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MAX = 200000, SWEEP_EVERY = 4096 };

struct bucket_key {
	uint8_t kind; /* 'u' or 'a' */
	uint8_t id[16];
};

struct bucket {
	UT_hash_handle hh;
	struct bucket_key key;
	int64_t at_ms;
	double tokens;
	double per_ms;
	double burst;
};

struct rate_table {
	pthread_mutex_t lock;
	struct bucket *buckets;
	unsigned calls;
};

struct rate_table *rates_new(void)
{
	struct rate_table *rates = sw_xcalloc(1, sizeof(*rates));
	pthread_mutex_init(&rates->lock, NULL);
	return rates;
}

void rates_free(struct rate_table *rates)
{
	if (!rates) {
		return;
	}
	struct bucket *bucket;
	struct bucket *next;
	HASH_ITER(hh, rates->buckets, bucket, next)
	{
		HASH_DELETE(hh, rates->buckets, bucket);
		free(bucket);
	}
	pthread_mutex_destroy(&rates->lock);
	free(rates);
}

static void refill(struct bucket *bucket, int64_t now_ms)
{
	bucket->tokens += (double)(now_ms - bucket->at_ms) * bucket->per_ms;
	bucket->tokens = bucket->tokens > bucket->burst ? bucket->burst : bucket->tokens;
	bucket->at_ms = now_ms;
}

static void sweep(struct rate_table *rates, int64_t now_ms)
{
	struct bucket *bucket;
	struct bucket *next;
	bool crowded = HASH_COUNT(rates->buckets) > BUCKETS_MAX;
	HASH_ITER(hh, rates->buckets, bucket, next)
	{
		refill(bucket, now_ms);
		if (crowded || bucket->tokens >= bucket->burst) {
			HASH_DELETE(hh, rates->buckets, bucket);
			free(bucket);
		}
	}
}

static bool take(struct rate_table *rates, const struct bucket_key *key, unsigned per_s, unsigned burst)
{
	int64_t now_ms = sw_clock_mono_ms();
	pthread_mutex_lock(&rates->lock);
	if (++rates->calls % SWEEP_EVERY == 0) {
		sweep(rates, now_ms);
	}
	struct bucket *bucket;
	HASH_FIND(hh, rates->buckets, key, sizeof(*key), bucket);
	if (!bucket) {
		bucket = sw_xcalloc(1, sizeof(*bucket));
		bucket->key = *key;
		bucket->at_ms = now_ms;
		bucket->per_ms = per_s / 1000.0;
		bucket->burst = bucket->tokens = burst;
		HASH_ADD(hh, rates->buckets, key, sizeof(*key), bucket);
	}
	refill(bucket, now_ms);
	bool taken = bucket->tokens >= 1;
	if (taken) {
		bucket->tokens -= 1;
	}
	pthread_mutex_unlock(&rates->lock);
	return taken;
}

bool rate_take_user(struct sw_gateway *gateway, int64_t user)
{
	struct bucket_key key = {.kind = 'u'};
	memcpy(key.id, &user, sizeof(user));
	return take(gateway->rates, &key, gateway->config.rate_user_per_s, gateway->config.rate_user_burst);
}

bool rate_take_address(struct sw_gateway *gateway, const struct sw_peer *peer)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct bucket_key key = {.kind = 'a'};
	bool is_ipv4 = memcmp(peer->ip, mapped, sizeof(mapped)) == 0;
	memcpy(key.id, peer->ip, is_ipv4 ? 16 : 8);
	return take(gateway->rates, &key, gateway->config.rate_address_per_s, gateway->config.rate_address_burst);
}
