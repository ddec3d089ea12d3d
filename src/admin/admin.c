/* SPDX-License-Identifier: Apache-2.0 */
/* Life and state of the role; the work is in archive.c, replay_run.c and push_run.c. */
#include "admin/admin_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>

enum {
	PREFETCH = 200,
	HOUSEKEEPING_MS = 60000,
	REPLAY_AGE_MS = 24 * 3600 * 1000,
	REPLAY_RATE_MAX = 1000,
	PUBLISHER_DRAIN_MS = 2000,
};

/* The consumer's thread. */
static void on_delivery(void *ctx, struct sw_delivery *delivery)
{
	struct sw_admin *admin = ctx;
	atomic_fetch_add(&admin->waiting, 1);
	sw_metric_add(admin->waiting_gauge, 1);
	/* The prefetch bounds it, but what came over a lost connection may still be there. */
	if (!sw_mailbox_post_always(&admin->inbox, &delivery->mail)) {
		atomic_fetch_sub(&admin->waiting, 1);
		sw_metric_add(admin->waiting_gauge, -1);
		sw_delivery_free(delivery);
	}
}

static int open_bus(struct sw_admin *admin)
{
	const struct sw_consumer_config consumer = {
		.queue = "dead", .prefetch = PREFETCH, .on_delivery = on_delivery, .ctx = admin};
	int err = sw_publisher_open(admin->config.bus, "admin", &admin->publisher);
	return err ? err : sw_consumer_open(admin->config.bus, &consumer, &admin->consumer);
}

/* When no thread is running (any more). */
static void free_admin(struct sw_admin *admin)
{
	sw_mailbox_close(&admin->inbox);
	if (admin->consumer) {
		sw_consumer_stop(admin->consumer);
	}
	struct sw_mail *mail = sw_mailbox_take(&admin->inbox);
	while (mail) {
		struct sw_delivery *delivery = (struct sw_delivery *)mail;
		mail = mail->next;
		sw_delivery_free(delivery);
	}
	sw_consumer_free(admin->consumer);
	sw_publisher_close(admin->publisher, sw_clock_mono_ms() + PUBLISHER_DRAIN_MS);
	sw_mailbox_release(&admin->inbox);
	sw_pause_release(&admin->pause);
	sw_pause_release(&admin->push_pause);
	free(admin);
}

static const struct {
	void *(*main)(void *admin);
	const char *what;
} threads[SW_ADMIN_THREADS] = {
	{sw_archive_main, "the archive of dead letters"},
	{sw_replay_main, "replays of dead letters"},
	{sw_alert_main, "alerts"},
	{sw_push_main, "direct pushes"},
};

static void stop_threads(struct sw_admin *admin)
{
	sw_pause_stop(&admin->pause);
	sw_pause_stop(&admin->push_pause);
	sw_mailbox_close(&admin->inbox);
	while (admin->thread_count) {
		pthread_join(admin->threads[--admin->thread_count], NULL);
	}
}

static void register_metrics(struct sw_admin *admin)
{
	admin->replayed = sw_metric_counter("surewire_admin_dead_replayed_total", NULL,
					    "Dead letters sent again by replays of many.");
	admin->archived = sw_metric_counter("surewire_admin_dead_archived_total", NULL, "Dead letters archived.");
	admin->waiting_gauge = sw_metric_gauge("surewire_admin_dead_waiting", NULL,
					       "Dead letters taken from the queue and not archived yet.");
	admin->pushes = sw_metric_counter("surewire_direct_requests_total", NULL, "Direct pushes taken on.");
}

static int start_threads(struct sw_admin *admin, struct sw_diag *diag_out)
{
	while (admin->thread_count < SW_ADMIN_THREADS) {
		size_t next = admin->thread_count;
		if (pthread_create(&admin->threads[next], NULL, threads[next].main, admin) != 0) {
			stop_threads(admin);
			return sw_diag_set(diag_out, SW_EUNAVAILABLE, "no thread for %s", threads[next].what);
		}
		admin->thread_count++;
	}
	return SW_OK;
}

int sw_admin_open(const struct sw_admin_config *config, struct sw_admin **admin_out, struct sw_diag *diag_out)
{
	struct sw_admin *admin = sw_xcalloc(1, sizeof(*admin));
	admin->config = *config;
	admin->config.housekeeping_ms = config->housekeeping_ms > 0 ? config->housekeeping_ms : HOUSEKEEPING_MS;
	admin->config.replay_age_ms = config->replay_age_ms > 0 ? config->replay_age_ms : REPLAY_AGE_MS;
	admin->config.replay_rate_max = config->replay_rate_max > 0 ? config->replay_rate_max : REPLAY_RATE_MAX;
	register_metrics(admin);
	sw_mailbox_init(&admin->inbox, PREFETCH, NULL, NULL);
	sw_pause_init(&admin->pause);
	sw_pause_init(&admin->push_pause);
	int err = open_bus(admin);
	if (err) {
		sw_diag_set(diag_out, err, "the broker's configuration is unusable: %s", sw_err_text(err));
	} else {
		err = start_threads(admin, diag_out);
	}
	if (err) {
		free_admin(admin);
		return err;
	}
	*admin_out = admin;
	return SW_OK;
}

struct sw_admin_state sw_admin_state(struct sw_admin *admin)
{
	return (struct sw_admin_state){
		.broker_connected = sw_consumer_state(admin->consumer).connected &&
				    sw_publisher_state(admin->publisher).connected,
		.store_connected = atomic_load(&admin->store_connected),
		.waiting = atomic_load(&admin->waiting),
	};
}

void sw_admin_close(struct sw_admin *admin)
{
	if (!admin) {
		return;
	}
	/* The threads first: their last acks and marks then still go out. */
	stop_threads(admin);
	free_admin(admin);
}
