/* SPDX-License-Identifier: Apache-2.0 */
/* Rates per user and per address (IPv6: per /64), shared by all loops. */
#include "base/rate.h"
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

struct rate_table {
	pthread_mutex_t lock;
	struct sw_rates rates;
};

struct rate_table *rates_new(void)
{
	struct rate_table *rates = sw_xcalloc(1, sizeof(*rates));
	sw_rates_init(&rates->rates);
	pthread_mutex_init(&rates->lock, NULL);
	return rates;
}

void rates_free(struct rate_table *rates)
{
	if (!rates) {
		return;
	}
	sw_rates_release(&rates->rates);
	pthread_mutex_destroy(&rates->lock);
	free(rates);
}

static bool take(struct rate_table *rates, const struct sw_rate_key *key, unsigned per_s, unsigned burst)
{
	struct sw_rate rate = {.token_ns = 1000000000 / per_s, .burst = burst};
	int64_t now_ns = sw_clock_mono_ms() * 1000000;
	pthread_mutex_lock(&rates->lock);
	int64_t wait_ns = sw_rates_take(&rates->rates, key, rate, now_ns);
	pthread_mutex_unlock(&rates->lock);
	return wait_ns == 0;
}

bool rate_take_user(struct sw_gateway *gateway, int64_t user)
{
	struct sw_rate_key key = {{0xff, 'u'}}; /* ff75::/16 is multicast: nobody connects from there */
	memcpy(key.bytes + 8, &user, sizeof(user));
	return take(gateway->rates, &key, gateway->config.rate_user_per_s, gateway->config.rate_user_burst);
}

bool rate_take_address(struct sw_gateway *gateway, const struct sw_peer *peer)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct sw_rate_key key = {{0}};
	bool is_ipv4 = memcmp(peer->ip, mapped, sizeof(mapped)) == 0;
	memcpy(key.bytes, peer->ip, is_ipv4 ? 16 : 8);
	return take(gateway->rates, &key, gateway->config.rate_address_per_s, gateway->config.rate_address_burst);
}
