/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's thread: takes envelopes, commands of the keeper and confirms from its mailbox, and runs turns.
 * It blocks in the store and in the mailbox, nowhere else; the connections to the broker have threads of their own. */
#include "writer/writer_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { IDLE_WAIT_MS = 1000, STOP_WAIT_MS = 5000 };

/* Consumer's thread. */
static void on_delivery(void *ctx, struct sw_delivery *delivery)
{
	struct holding *holding = ctx;
	struct arrival *arrival = sw_xcalloc(1, sizeof(*arrival));
	arrival->note.kind = MAIL_ARRIVAL;
	arrival->holding = holding;
	arrival->delivery = delivery;
	/* Bounded by the prefetch of the consumer. */
	if (!sw_mailbox_post_always(&holding->engine->inbox, &arrival->note.mail)) {
		sw_delivery_free(delivery);
		free(arrival);
	}
}

static struct holding *find_holding(struct sw_engine *engine, const struct note *note)
{
	for (struct holding *h = engine->holdings; h; h = h->next) {
		if (!h->leaving && h->role == note->role && h->queue == note->queue) {
			return h;
		}
	}
	return NULL;
}

static void forget_cache(struct sw_engine *engine, enum sw_writer_role role)
{
	engine->writer->config.steps[role].ops->forget(engine->steps[role]);
}

static void on_assign(struct sw_engine *engine, const struct note *note)
{
	if (find_holding(engine, note)) {
		return;
	}
	struct holding *holding = sw_xcalloc(1, sizeof(*holding));
	holding->engine = engine;
	holding->role = note->role;
	holding->queue = note->queue;
	holding->epoch = note->epoch;
	struct sw_consumer_config config = {
		.prefetch = (uint16_t)engine->writer->config.prefetch, .on_delivery = on_delivery, .ctx = holding};
	sw_queue_name(note->role, note->queue, config.queue);
	int err = sw_consumer_open(engine->writer->config.consume_bus, &config, &holding->consumer);
	if (err) {
		SW_LOG(ERROR, "writer.consume_failed", SW_F_STR("queue", config.queue), SW_F_ERR(err));
		free(holding);
		keeper_tell(engine->writer, engine, MAIL_LOST, NULL);
		return;
	}
	forget_cache(engine, note->role);
	holding->next = engine->holdings;
	engine->holdings = holding;
	engine->owned[note->role]++;
	settle_begin(engine);
	SW_LOG(INFO, "writer.partition_taken", SW_F_STR("queue", config.queue), SW_F_INT("epoch", note->epoch));
}

/* Envelopes of a partition that is let go return to its queue when the consumer's connection closes. */
static void drop_pending(struct sw_engine *engine, const struct holding *holding)
{
	struct arrival **at = &engine->pending;
	while (*at) {
		struct arrival *arrival = *at;
		if (arrival->holding != holding) {
			at = &arrival->next;
			continue;
		}
		*at = arrival->next;
		engine->pending_count--;
		sw_delivery_free(arrival->delivery);
		free(arrival);
	}
	engine->pending_last = at;
}

static void dispatch(struct sw_engine *engine, struct sw_mail *mails);

static void holding_end(struct sw_engine *engine, struct holding *holding)
{
	struct holding **at = &engine->holdings;
	while (*at != holding) {
		at = &(*at)->next;
	}
	*at = holding->next;
	sw_consumer_free(holding->consumer);
	if (holding->report) {
		keeper_tell(engine->writer, engine, MAIL_RELEASED, holding);
	}
	free(holding);
}

static void leave(struct sw_engine *engine, struct holding *holding, bool report)
{
	char name[SW_QUEUE_NAME_MAX];
	sw_queue_name(holding->role, holding->queue, name);
	SW_LOG(INFO, "writer.partition_left", SW_F_STR("queue", name), SW_F_INT("epoch", holding->epoch));
	holding->leaving = true;
	holding->report = report;
	engine->owned[holding->role]--;
	holding->taken++; /* its last batch may land while the mails are read: not to be freed under our hands */
	sw_consumer_stop(holding->consumer);
	/* Whatever it delivered is in the mailbox by now. */
	dispatch(engine, sw_mailbox_take(&engine->inbox));
	drop_pending(engine, holding);
	forget_cache(engine, holding->role);
	if (--holding->taken == 0) {
		holding_end(engine, holding);
	}
}

void engine_lose_all(struct sw_engine *engine)
{
	struct holding *next;
	for (struct holding *h = engine->holdings; h; h = next) {
		next = h->next;
		if (!h->leaving) {
			leave(engine, h, false);
			next = engine->holdings; /* leave may have taken other mails and changed the list */
		}
	}
	keeper_tell(engine->writer, engine, MAIL_LOST, NULL);
}

static void pend(struct sw_engine *engine, struct arrival *arrival)
{
	if (arrival->holding->leaving) {
		sw_delivery_free(arrival->delivery);
		free(arrival);
		return;
	}
	if (!engine->pending) {
		engine->pending_last = &engine->pending;
	}
	arrival->next = NULL;
	*engine->pending_last = arrival;
	engine->pending_last = &arrival->next;
	engine->pending_count++;
}

static void keep_command(struct sw_engine *engine, struct note *note)
{
	struct note **last = &engine->commands;
	while (*last) {
		last = &(*last)->next;
	}
	note->next = NULL;
	*last = note;
}

/* Apart from the other mails: letting a partition go takes new ones, and those at hand may still be of it. */
static void run_commands(struct sw_engine *engine)
{
	while (engine->commands) {
		struct note *note = engine->commands;
		engine->commands = note->next;
		struct holding *holding = find_holding(engine, note);
		if (note->kind == MAIL_ASSIGN) {
			on_assign(engine, note);
		} else if (holding) {
			leave(engine, holding, true);
		}
		free(note);
	}
}

static void dispatch(struct sw_engine *engine, struct sw_mail *mails)
{
	while (mails) {
		struct note *note = (struct note *)mails;
		mails = mails->next;
		switch (note->kind) {
		case MAIL_ARRIVAL:
			pend(engine, (struct arrival *)note);
			break;
		case MAIL_PUBLISHED:
			outbox_published(engine, (struct parcel *)((char *)note - offsetof(struct parcel, note)));
			break;
		case MAIL_ASSIGN:
		case MAIL_RELEASE:
			keep_command(engine, note);
			break;
		case MAIL_WAKE:
		case MAIL_LOST:
		case MAIL_RELEASED:
			free(note);
			break;
		}
	}
}

void engine_arrivals_end(struct sw_engine *engine, struct arrival *arrivals, bool ack)
{
	while (arrivals) {
		struct arrival *arrival = arrivals;
		struct holding *holding = arrival->holding;
		arrivals = arrival->next;
		if (ack) {
			sw_delivery_ack(arrival->delivery);
		} else {
			sw_delivery_free(arrival->delivery);
		}
		free(arrival);
		if (--holding->taken == 0 && holding->leaving) {
			holding_end(engine, holding);
		}
	}
}

struct arrival **engine_takeable(struct sw_engine *engine)
{
	struct arrival **at = &engine->pending;
	bool waits = settle_waits(engine);
	while (waits && *at && (*at)->holding->role == SW_ROLE_SEQUENCER) {
		at = &(*at)->next;
	}
	return at;
}

static bool may_turn(struct sw_engine *engine)
{
	return (*engine_takeable(engine) || engine->gone_count) && engine->flights < engine->writer->config.depth_max;
}

/* Lets the batches under way land, so that their acks still reach the broker. */
static void land(struct sw_engine *engine)
{
	int64_t until_ms = sw_clock_mono_ms() + STOP_WAIT_MS;
	while (engine->flights && sw_clock_mono_ms() < until_ms) {
		dispatch(engine, sw_mailbox_wait(&engine->inbox, until_ms));
	}
}

static struct holding *first_held(struct sw_engine *engine)
{
	struct holding *holding = engine->holdings;
	while (holding && holding->leaving) {
		holding = holding->next;
	}
	return holding;
}

static void drop_commands(struct sw_engine *engine)
{
	while (engine->commands) {
		struct note *note = engine->commands;
		engine->commands = note->next;
		free(note);
	}
}

static void wind_down(struct sw_engine *engine)
{
	land(engine);
	for (struct holding *h = engine->holdings; h; h = h->next) {
		if (!h->leaving) {
			sw_consumer_stop_soon(h->consumer);
		}
	}
	struct holding *holding;
	while ((holding = first_held(engine))) {
		leave(engine, holding, true);
	}
	/* Closing the publisher ends every parcel that is out, one way or the other. */
	sw_publisher_close(engine->publisher, sw_clock_mono_ms() + STOP_WAIT_MS);
	engine->publisher = NULL;
	struct sw_mail *mails;
	while ((mails = sw_mailbox_take(&engine->inbox))) {
		dispatch(engine, mails); /* what waited behind one that was confirmed comes back as closed */
	}
	while (engine->retries) {
		struct parcel *parcel = engine->retries;
		engine->retries = parcel->retry_next;
		parcel->result = SW_ECLOSED;
		outbox_published(engine, parcel);
	}
	drop_commands(engine);
}

static void *engine_main(void *arg)
{
	struct sw_engine *engine = arg;
	while (!engine->stopping) {
		int64_t until_ms = sw_clock_mono_ms() + IDLE_WAIT_MS;
		int64_t retry_ms = outbox_retry(engine);
		until_ms = retry_ms < until_ms ? retry_ms : until_ms;
		struct sw_mail *mails = may_turn(engine) ? sw_mailbox_take(&engine->inbox)
							 : sw_mailbox_wait(&engine->inbox, until_ms);
		dispatch(engine, mails);
		run_commands(engine);
		if (may_turn(engine)) {
			engine_turn(engine);
		}
	}
	wind_down(engine);
	return NULL;
}

int engine_start(struct sw_writer *writer, struct sw_engine *engine, struct sw_diag *diag_out)
{
	engine->writer = writer;
	engine->id = sw_id_next(writer->config.ids);
	engine->items_max = writer->config.batch_items_max < BATCH_ITEMS_FIRST ? writer->config.batch_items_max
									       : BATCH_ITEMS_FIRST;
	engine->pg = sw_pg_new(writer->config.pg);
	sw_mailbox_init(&engine->inbox, SIZE_MAX, NULL, NULL);
	int err = sw_publisher_open(writer->config.publish_bus, "writer", &engine->publisher);
	if (err) {
		return sw_diag_set(diag_out, err, "writer: cannot start a publisher: %s", sw_err_text(err));
	}
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		const struct sw_writer_step *step = &writer->config.steps[role];
		if (step->ops) {
			engine->steps[role] = step->ops->open(step->config, writer->config.ids);
		}
	}
	if (pthread_create(&engine->thread, NULL, engine_main, engine) != 0) {
		return sw_diag_set(diag_out, SW_EIO, "writer: cannot start a thread");
	}
	return SW_OK;
}

void engine_stop(struct sw_engine *engine)
{
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		if (engine->steps[role]) {
			engine->writer->config.steps[role].ops->close(engine->steps[role]);
		}
	}
	/* Commands of the keeper that nobody reads any more. */
	for (struct sw_mail *mail = sw_mailbox_take(&engine->inbox); mail;) {
		struct note *note = (struct note *)mail;
		mail = mail->next;
		free(note);
	}
	sw_mailbox_release(&engine->inbox);
	sw_pg_free(engine->pg);
}
