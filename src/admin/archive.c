/* SPDX-License-Identifier: Apache-2.0 */
/* From the queue into the table: take, write a batch, ack. A batch is written again until it is; nothing is acked
 * before. Housekeeping runs between batches. */
#include "admin/admin_int.h"
#include "admin/letters.h"
#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

enum {
	BATCH_MAX = 200,
	BATCH_BYTES_MAX = 8 << 20, /* one message may pass it alone */
	WRITE_MS = 15000,
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 2000,
};

struct archive {
	struct sw_admin *admin;
	struct sw_pg *pg;
	struct sw_arena arena;
	struct sw_mail *pending; /* deliveries, oldest first */
	int64_t housekeeping_mono_ms;
	int backoff_ms;
	bool told; /* that the store is away: one line a time */
};

static struct sw_delivery *delivery_of(struct sw_mail *mail)
{
	return (struct sw_delivery *)mail; /* mail is the first member */
}

static void note_taken(struct archive *archive, size_t n)
{
	atomic_fetch_sub(&archive->admin->waiting, n);
	sw_metric_add(archive->admin->waiting_gauge, -(int64_t)n);
}

/* How many of the pending deliveries go into one transaction. */
static size_t batch_size(const struct archive *archive)
{
	size_t count = 0;
	size_t bytes = 0;
	for (struct sw_mail *mail = archive->pending; mail && count < BATCH_MAX; mail = mail->next) {
		bytes += delivery_of(mail)->body->len;
		if (count && bytes > BATCH_BYTES_MAX) {
			break;
		}
		count++;
	}
	return count;
}

/* Columns of the statement, filled row by row. */
struct columns {
	struct sw_uuid *job;
	int64_t *event, *user, *at_ms;
	struct sw_bytes *device, *provider, *app, *reason, *payload;
	int32_t *status;
};

static void fill_columns(struct sw_arena *arena, const struct sw_letters *letters, struct columns *c)
{
	size_t n = letters->count;
	c->job = sw_arena_calloc(arena, n, sizeof(*c->job));
	c->event = sw_arena_calloc(arena, n, sizeof(*c->event));
	c->user = sw_arena_calloc(arena, n, sizeof(*c->user));
	c->at_ms = sw_arena_calloc(arena, n, sizeof(*c->at_ms));
	c->device = sw_arena_calloc(arena, n, sizeof(*c->device));
	c->provider = sw_arena_calloc(arena, n, sizeof(*c->provider));
	c->app = sw_arena_calloc(arena, n, sizeof(*c->app));
	c->reason = sw_arena_calloc(arena, n, sizeof(*c->reason));
	c->payload = sw_arena_calloc(arena, n, sizeof(*c->payload));
	c->status = sw_arena_calloc(arena, n, sizeof(*c->status));
	for (size_t i = 0; i < n; i++) {
		const struct sw_letter *row = &letters->rows[i];
		c->job[i] = row->job;
		c->event[i] = row->event;
		c->user[i] = row->user;
		c->at_ms[i] = row->at_ms;
		c->device[i] = row->device;
		c->provider[i] = row->provider;
		c->app[i] = row->app;
		c->reason[i] = row->reason;
		c->payload[i] = row->payload;
		c->status[i] = row->status;
	}
}

static void queue_insert(struct archive *archive, const struct sw_letters *letters)
{
	struct columns c;
	fill_columns(&archive->arena, letters, &c);
	size_t n = letters->count;
	struct sw_pg_params params;
	sw_pg_params_init(&params, &archive->arena);
	sw_pg_add_uuids(&params, c.job, n);
	sw_pg_add_i64s(&params, c.event, n);
	sw_pg_add_i64s(&params, c.user, n);
	sw_pg_add_texts(&params, c.device, n);
	sw_pg_add_texts(&params, c.provider, n);
	sw_pg_add_texts(&params, c.app, n);
	sw_pg_add_texts(&params, c.reason, n);
	sw_pg_add_i32s(&params, c.status, n);
	sw_pg_add_i64s(&params, c.at_ms, n);
	sw_pg_add_byteas(&params, c.payload, n);
	sw_pg_queue(archive->pg, SW_SQL_ADMIN_ARCHIVE, &params);
}

static int write_batch(struct archive *archive, size_t count, struct sw_diag *diag_out)
{
	struct sw_letters letters;
	sw_letters_init(&letters, &archive->arena, archive->admin->config.push_deliveries_max);
	int64_t now_ms = sw_clock_wall_ms();
	struct sw_mail *mail = archive->pending;
	for (size_t i = 0; i < count; i++, mail = mail->next) {
		sw_letters_add(&letters, sw_blob_bytes(delivery_of(mail)->body), now_ms);
	}
	sw_pg_begin(archive->pg);
	queue_insert(archive, &letters);
	int err = sw_pg_run(archive->pg, sw_clock_mono_ms() + WRITE_MS, diag_out);
	if (err == SW_OK) {
		sw_metric_add(archive->admin->archived, (int64_t)sw_pg_affected(sw_pg_result(archive->pg, 0)));
	}
	return err;
}

static void ack_batch(struct archive *archive, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sw_mail *mail = archive->pending;
		archive->pending = mail->next;
		sw_delivery_ack(delivery_of(mail));
	}
	note_taken(archive, count);
}

static int connect_store(struct archive *archive, struct sw_diag *diag_out)
{
	int err = sw_pg_connect(archive->pg, sw_clock_mono_ms() + WRITE_MS, diag_out);
	atomic_store(&archive->admin->store_connected, err == SW_OK);
	return err;
}

/* One batch, or one round of housekeeping. */
static int do_work(struct archive *archive, struct sw_diag *diag_out)
{
	sw_arena_reset(&archive->arena);
	int err = connect_store(archive, diag_out);
	size_t count = batch_size(archive);
	if (err == SW_OK && count) {
		err = write_batch(archive, count, diag_out);
		if (err == SW_OK) {
			ack_batch(archive, count);
		}
	} else if (err == SW_OK && sw_clock_mono_ms() >= archive->housekeeping_mono_ms) {
		err = sw_housekeeping_run(archive->pg, &archive->arena, archive->admin->config.ledger_keep_ms,
					  diag_out);
		archive->housekeeping_mono_ms = sw_clock_mono_ms() + archive->admin->config.housekeeping_ms;
	}
	return err;
}

static void note_result(struct archive *archive, int err, const struct sw_diag *diag)
{
	if (err && !archive->told) {
		SW_LOG(WARN, "admin.archive_waits", SW_F_ERR(err), SW_F_STR("detail", diag->text));
	} else if (!err && archive->told) {
		SW_LOG(INFO, "admin.archive_goes_on", SW_F_U64("waiting", atomic_load(&archive->admin->waiting)));
	}
	archive->told = err != SW_OK;
}

/* After an error: sleeps, with jitter. */
static void back_off(struct archive *archive)
{
	int ms = archive->backoff_ms;
	sw_pause_sleep(&archive->admin->pause, ms / 2 + (int64_t)sw_rng_below((uint64_t)ms));
	archive->backoff_ms = ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ms * 2;
}

static void add_pending(struct archive *archive, struct sw_mail *mails)
{
	struct sw_mail **end = &archive->pending;
	while (*end) {
		end = &(*end)->next;
	}
	*end = mails;
}

static void drop_pending(struct archive *archive)
{
	add_pending(archive, sw_mailbox_take(&archive->admin->inbox));
	size_t count = 0;
	while (archive->pending) {
		struct sw_mail *mail = archive->pending;
		archive->pending = mail->next;
		sw_delivery_free(delivery_of(mail));
		count++;
	}
	note_taken(archive, count);
}

void *sw_archive_main(void *arg)
{
	struct sw_admin *admin = arg;
	pthread_setname_np(pthread_self(), "admin-archive");
	struct archive archive = {.admin = admin, .pg = sw_pg_new(admin->config.pg), .backoff_ms = BACKOFF_MIN_MS};
	sw_arena_init(&archive.arena);
	while (!sw_pause_stopped(&admin->pause)) {
		int64_t until_ms = archive.pending ? 0 : archive.housekeeping_mono_ms;
		add_pending(&archive, sw_mailbox_wait(&admin->inbox, until_ms));
		if (sw_pause_stopped(&admin->pause)) {
			break;
		}
		struct sw_diag diag = {0};
		int err = do_work(&archive, &diag);
		note_result(&archive, err, &diag);
		if (err) {
			back_off(&archive);
		} else {
			archive.backoff_ms = BACKOFF_MIN_MS;
		}
	}
	drop_pending(&archive);
	sw_arena_release(&archive.arena);
	sw_pg_free(archive.pg);
	return NULL;
}
