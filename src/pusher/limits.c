/* SPDX-License-Identifier: Apache-2.0 */
/* How much may be sent: a breaker for each endpoint and app, token buckets for instance, app and device. An instance
 * that is too fast waits as a whole; a job that only its app, its device or a breaker holds is put off, so that the others
 * pass it by. */
#include "pusher/pusher_int.h"

#include "base/hash.h"
#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* More apps of one endpoint than any configuration has: those beyond share a breaker. */
	BREAKERS_MAX = 1000,
	RATE_MAX = 1000000,
	DEVICE_BURST_S = 10, /* what an idle device may get at once, in seconds of its rate */
	THROTTLED_MS = 1000, /* when the service does not say for how long: as the first retry */
};
#define SECOND_NS INT64_C(1000000000)
#define MS_NS INT64_C(1000000)

static int64_t now_ns(void)
{
	return sw_clock_mono_ms() * MS_NS;
}

static int64_t ceil_ms(int64_t ns)
{
	return (ns + MS_NS - 1) / MS_NS;
}

/* ---- rates ---- */

static int read_rate(const struct sw_pusher_instance_run *instance, const char *key, int period_s,
		     struct sw_rate *rate_out, struct sw_diag *diag_out)
{
	int number = 0;
	int err = sw_provider_number(instance->config->config, key, RATE_MAX, &number, diag_out);
	*rate_out = (struct sw_rate){.token_ns = number ? period_s * SECOND_NS / number : 0, .burst = 1};
	int burst_s = period_s > DEVICE_BURST_S ? DEVICE_BURST_S : period_s;
	int burst = (int)((int64_t)number * burst_s / period_s);
	rate_out->burst = burst > 1 ? (unsigned)burst : 1;
	return err;
}

static void on_timer(struct sw_wheel_node *node)
{
	sw_pusher_instance_kick(
		(struct sw_pusher_instance_run *)((char *)node - offsetof(struct sw_pusher_instance_run, rates.timer)));
}

int sw_pusher_rates_open(struct sw_pusher_instance_run *instance, struct sw_diag *diag_out)
{
	struct sw_pusher_rates *rates = &instance->rates;
	sw_rates_init(&rates->buckets);
	rates->timer.fire = on_timer;
	int err = read_rate(instance, "rate_per_s", 1, &rates->instance, diag_out);
	err = err ? err : read_rate(instance, "rate_app_per_s", 1, &rates->app, diag_out);
	return err ? err : read_rate(instance, "rate_device_per_min", 60, &rates->device, diag_out);
}

void sw_pusher_rates_release(struct sw_pusher_instance_run *instance)
{
	sw_rates_release(&instance->rates.buckets);
}

bool sw_pusher_rate_allows(struct sw_pusher_instance_run *instance)
{
	static const struct sw_rate_key whole = {{'i'}};
	struct sw_pusher_rates *rates = &instance->rates;
	if (rates->instance.token_ns == 0) {
		return true;
	}
	int64_t wait_ns = sw_rates_take(&rates->buckets, &whole, rates->instance, now_ns());
	if (wait_ns && !sw_wheel_is_armed(&rates->timer)) {
		sw_loop_arm(instance->pusher->loop, &rates->timer, ceil_ms(wait_ns));
	}
	return wait_ns == 0;
}

static struct sw_rate_key app_key(const struct sw_pusher_job *job)
{
	struct sw_rate_key key = {{'a'}};
	uint64_t hash = sw_hash_keyed64(job->item.app);
	memcpy(key.bytes + 8, &hash, sizeof(hash));
	return key;
}

static struct sw_rate_key device_key(const struct sw_pusher_job *job)
{
	struct sw_rate_key key;
	uint64_t hash = sw_hash_keyed64(job->item.device) | 1; /* never an app's key */
	memcpy(key.bytes, &hash, sizeof(hash));
	memcpy(key.bytes + 8, &job->item.user, sizeof(job->item.user));
	return key;
}

static int64_t take(struct sw_pusher_rates *rates, const struct sw_rate_key *key, struct sw_rate rate)
{
	int64_t at_ns = now_ns();
	if (sw_rates_take(&rates->buckets, key, rate, at_ns) == 0) {
		return 0;
	}
	int64_t wait_ms = ceil_ms(sw_rates_come_back(&rates->buckets, key, rate, at_ns));
	return wait_ms > 0 ? wait_ms : 1;
}

int64_t sw_pusher_rate_wait_ms(struct sw_pusher_job *job)
{
	struct sw_pusher_rates *rates = &job->instance->rates;
	struct sw_rate_key device = device_key(job);
	int64_t wait_ms = take(rates, &device, rates->device);
	if (wait_ms || rates->app.token_ns == 0) {
		return wait_ms;
	}
	struct sw_rate_key app = app_key(job);
	return take(rates, &app, rates->app);
}

/* ---- breakers ---- */

static struct sw_pusher_breaker *breaker_of(struct sw_pusher_endpoint *endpoint, struct sw_bytes app)
{
	struct sw_pusher_breaker *known;
	HASH_FIND(hh, endpoint->breakers, app.ptr, app.len, known);
	if (!known && HASH_COUNT(endpoint->breakers) >= BREAKERS_MAX) {
		app = sw_bytes("", 0);
		HASH_FIND(hh, endpoint->breakers, app.ptr, app.len, known);
	}
	if (!known) {
		known = sw_xcalloc(1, sizeof(*known) + app.len);
		memcpy(known->app_text, app.ptr, app.len);
		known->app = sw_bytes(known->app_text, app.len);
		known->endpoint = endpoint;
		HASH_ADD_KEYPTR(hh, endpoint->breakers, known->app_text, app.len, known);
	}
	return known;
}

void sw_pusher_breakers_free(struct sw_pusher_endpoint *endpoint)
{
	struct sw_pusher_breaker *breaker;
	struct sw_pusher_breaker *next;
	HASH_ITER(hh, endpoint->breakers, breaker, next)
	{
		endpoint->instance->breakers_open -= breaker->breaker.open;
		HASH_DEL(endpoint->breakers, breaker);
		free(breaker);
	}
}

int64_t sw_pusher_breaker_wait_ms(struct sw_pusher_job *job, struct sw_pusher_endpoint *endpoint)
{
	struct sw_pusher_breaker *breaker = breaker_of(endpoint, job->item.app);
	int64_t now_ms = sw_clock_mono_ms();
	enum sw_breaker_verdict verdict = sw_breaker_ask(&breaker->breaker, now_ms);
	if (verdict == SW_BREAKER_HOLD) {
		uint64_t random;
		sw_rng_bytes(&random, sizeof(random));
		return sw_breaker_wait_ms(&breaker->breaker, now_ms, random);
	}
	job->breaker = breaker;
	job->probe = verdict == SW_BREAKER_PROBE;
	return 0;
}

static void on_change(struct sw_pusher_instance_run *instance, const struct sw_pusher_breaker *breaker,
		      const struct sw_outcome *outcome)
{
	struct sw_bytes app = breaker->app;
	const char *host = breaker->endpoint->endpoint->host;
	if (breaker->breaker.open) {
		instance->breakers_open++;
		sw_metric_add(instance->breaker_opened, 1);
		SW_LOG(WARN, "pusher.breaker_open", SW_F_STR("instance", instance->config->name),
		       SW_F_STR("host", host), SW_F_BYTES("app", app), SW_F_INT("status", outcome->status),
		       SW_F_STR("reason", outcome->reason));
	} else {
		instance->breakers_open--;
		SW_LOG(INFO, "pusher.breaker_closed", SW_F_STR("instance", instance->config->name),
		       SW_F_STR("host", host), SW_F_BYTES("app", app));
	}
}

/* Of what was said of a token: a rejected notification tells nothing about it. */
static void tell_quarantine(struct sw_pusher_job *job, struct sw_pusher_breaker *breaker)
{
	struct sw_outcome *outcome = &job->outcome;
	bool dead = outcome->kind == SW_OUTCOME_TOKEN_DEAD;
	if (!dead && outcome->kind != SW_OUTCOME_DELIVERED) {
		return;
	}
	struct sw_pusher_instance_run *instance = job->instance;
	if (sw_quarantine_tell(&breaker->quarantine, instance->pusher->config.quarantine_after, dead)) {
		SW_LOG(ERROR, breaker->quarantine.on ? "pusher.quarantine_on" : "pusher.quarantine_off",
		       SW_F_STR("instance", instance->config->name), SW_F_BYTES("app", breaker->app),
		       SW_F_STR("reason", dead ? outcome->reason : "most tokens are good again"));
	}
	if (dead && breaker->quarantine.on) {
		sw_metric_add(instance->quarantined, 1);
		outcome->kind = SW_OUTCOME_CONFIG;
	}
}

static void tell_breaker(struct sw_pusher_job *job)
{
	struct sw_pusher_breaker *breaker = job->breaker;
	struct sw_breaker_report report = {
		.news = sw_push_news(&job->outcome), .probe = job->probe, .after_ms = job->outcome.after_ms};
	sw_rng_bytes(&report.random, sizeof(report.random));
	job->breaker = NULL;
	job->probe = false;
	tell_quarantine(job, breaker);
	if (sw_breaker_tell(&breaker->breaker, &job->instance->pusher->config.breaker, &report, sw_clock_mono_ms())) {
		on_change(job->instance, breaker, &job->outcome);
	}
}

void sw_pusher_limits_tell(struct sw_pusher_job *job)
{
	if (job->outcome.kind == SW_OUTCOME_THROTTLED && job->outcome.scope == SW_SCOPE_TARGET) {
		int64_t pause_ms = job->outcome.after_ms >= 0 ? job->outcome.after_ms : THROTTLED_MS;
		struct sw_rate_key key = device_key(job);
		int64_t at_ns = now_ns();
		sw_rates_pause(&job->instance->rates.buckets, &key, at_ns + pause_ms * MS_NS, at_ns);
	}
	if (job->breaker) {
		tell_breaker(job);
	}
}
