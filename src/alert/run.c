/* SPDX-License-Identifier: Apache-2.0 */
/* A turn: what has ended, whose step is due; publish, await the confirms, then move on in the store. */
#include "alert/alert_int.h"
#include "base/rng.h"
#include "proto/job.h"
#include "proto/partition.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { PEOPLE_MAX = 50, DEVICES_MAX = 1000, PLAN_DEPTH = 8 };

static const char *const ends[4] = {"acknowledged", "seen", "exhausted", "expired"};

/* One person whose step is due. */
struct due {
	struct sw_alert_about about;
	struct sw_alert_person person;
	struct sw_alert_plan plan;
	const struct sw_plan_step *step; /* NULL: given up */
	struct sw_ticket **tickets;
	struct sw_uuid *jobs; /* beside the tickets */
	size_t count;
	struct sw_uuid cid;
	bool failed; /* not all is with the broker: it comes again */
};

int sw_alert_store(struct sw_alert_runner *runner, struct sw_diag *diag_out)
{
	return sw_pg_run(runner->pg, sw_clock_mono_ms() + SW_ALERT_STATEMENT_MS, diag_out);
}

/* ---- publishing ---- */

int sw_alert_publish(struct sw_alert_runner *runner, const char *queue, const struct sw_item *item,
		     const struct sw_uuid *section, struct sw_ticket **ticket_out)
{
	struct sw_buf buf;
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	sw_envelope_begin(&buf);
	size_t mark = sw_section_begin(&buf, section);
	sw_item_put(&buf, item);
	sw_section_end(&buf, mark);
	int err = buf.err ? SW_ELIMIT
			  : sw_ticket_send(runner->publisher, queue, sw_blob_new(sw_buf_bytes(&buf)), ticket_out);
	sw_buf_release(&buf);
	return err;
}

int sw_alert_publish_message(struct sw_alert_runner *runner, const struct sw_item *item, struct sw_ticket **ticket_out)
{
	char queue[SW_QUEUE_NAME_MAX];
	unsigned partition = sw_partition_of_pair(item->as.send.peer_lo, item->as.send.peer_hi);
	sw_queue_name(SW_ROLE_SEQUENCER, partition % runner->config->ingest_queues, queue);
	return sw_alert_publish(runner, queue, item, &item->as.send.cid, ticket_out);
}

static void send_job(struct sw_alert_runner *runner, struct due *due, const struct sw_alert_device *device)
{
	struct sw_item item = sw_alert_job(runner->config, &due->about, &due->person, device, &runner->arena);
	char queue[SW_QUEUE_NAME_MAX];
	if (sw_job_queue_name(SW_JOB_QUEUE_URGENT, device->provider, queue, sizeof(queue)) != SW_OK) {
		return; /* of a name that no section can have */
	}
	due->jobs[due->count] = item.as.job.job;
	if (sw_alert_publish(runner, queue, &item, &item.as.job.job, &due->tickets[due->count]) == SW_OK) {
		due->count++;
	} else {
		due->failed = true;
	}
}

static void send_pushes(struct sw_alert_runner *runner, struct due *due, const struct sw_pg_result *devices)
{
	for (size_t i = 0; i < sw_pg_rows(devices) && due->count < DEVICES_MAX; i++) {
		if (sw_pg_i64(devices, i, 0) != due->person.user) {
			continue;
		}
		const struct sw_alert_device device = {.device = sw_pg_bytes(devices, i, 1),
						       .provider = sw_pg_bytes(devices, i, 2),
						       .app = sw_pg_bytes(devices, i, 3),
						       .token = sw_pg_bytes(devices, i, 4),
						       .sandbox = sw_pg_bool(devices, i, 5),
						       .registered_at_ms = sw_pg_i64(devices, i, 6)};
		const struct sw_plan_provider *provider = sw_alert_provider(runner->config, device.provider);
		if (provider && sw_plan_step_takes(due->step, provider->name, provider->fallback_only)) {
			send_job(runner, due, &device);
		}
	}
}

static void send_message(struct sw_alert_runner *runner, struct due *due)
{
	struct sw_item item = sw_alert_message(&due->about, &due->person, &runner->arena);
	due->cid = item.as.send.cid;
	if (sw_alert_publish_message(runner, &item, &due->tickets[0]) == SW_OK) {
		due->count = 1;
	} else {
		due->failed = true;
	}
}

static void send_step(struct sw_alert_runner *runner, struct due *due, const struct sw_pg_result *devices)
{
	due->tickets = sw_arena_calloc(&runner->arena, DEVICES_MAX, sizeof(struct sw_ticket *));
	due->jobs = sw_arena_calloc(&runner->arena, DEVICES_MAX, sizeof(*due->jobs));
	if (due->step && due->step->socket) {
		send_message(runner, due);
	} else if (due->step) {
		send_pushes(runner, due, devices);
	}
}

/* Without a queue there is no such account any more: that device is left out. */
static void await_step(struct due *due, int64_t deadline_ms)
{
	size_t kept = 0;
	for (size_t i = 0; i < due->count; i++) {
		int result = sw_ticket_await(due->tickets[i], deadline_ms);
		due->failed |= result != SW_OK && result != SW_EUNROUTABLE;
		if (result == SW_OK) {
			due->jobs[kept++] = due->jobs[i];
		}
	}
	due->count = kept;
}

/* ---- the store ---- */

static int read_due(struct sw_alert_runner *runner, const struct sw_pg_result *rows, size_t i, struct due *due)
{
	struct sw_arena *arena = &runner->arena;
	*due = (struct due){
		.about = {.alert = sw_pg_i64(rows, i, 0),
			  .severity = sw_arena_copy(arena, sw_pg_bytes(rows, i, 7)),
			  .title = sw_arena_copy(arena, sw_pg_bytes(rows, i, 8)),
			  .body = sw_arena_copy(arena, sw_pg_bytes(rows, i, 9)),
			  .sender = sw_pg_i64(rows, i, 13),
			  .sender_name = sw_arena_copy(arena, sw_pg_bytes(rows, i, 14)),
			  .now_ms = sw_pg_i64(rows, i, 15)},
		.person = {.user = sw_pg_i64(rows, i, 1),
			   .name = sw_arena_copy(arena, sw_pg_bytes(rows, i, 2)),
			   .place = {sw_pg_i32(rows, i, 5), sw_pg_i32(rows, i, 4), sw_pg_bool(rows, i, 6)},
			   .needs_ack = sw_pg_bool(rows, i, 11),
			   .deadline_ms = sw_pg_i64(rows, i, 12)},
	};
	struct sw_diag diag = {0};
	json_t *json = NULL;
	int err = sw_json_parse(sw_pg_bytes(rows, i, 10), PLAN_DEPTH, &json, &diag);
	/* A push account may have gone since: its steps then have no devices. */
	err = err ? err : sw_alert_plan_parse(json, NULL, 0, &due->plan, &diag);
	json_decref(json);
	bool over = due->person.place.last || due->person.place.step >= due->plan.count;
	due->person.place.last = over;
	due->step = over || err ? NULL : &due->plan.steps[due->person.place.step];
	if (err) {
		SW_LOG(ERROR, "alert.plan_unreadable", SW_F_INT("alert", due->about.alert),
		       SW_F_STR("detail", diag.text));
		due->person.place.last = true;
	}
	return err;
}

static void queue_advance(struct sw_alert_runner *runner, struct due *due)
{
	int64_t wait_ms;
	struct sw_alert_place next = sw_alert_plan_next(&due->plan, due->person.place, &wait_ms);
	bool socket = due->step && due->step->socket;
	struct sw_pg_params params;
	sw_pg_params_init(&params, &runner->arena);
	sw_pg_add_i64(&params, due->about.alert);
	sw_pg_add_i64(&params, due->person.user);
	sw_pg_add_i64(&params, runner->number);
	sw_pg_add_i32(&params, next.step);
	sw_pg_add_i32(&params, next.round);
	sw_pg_add_bool(&params, next.last);
	sw_pg_add_i64(&params, wait_ms);
	sw_pg_add_uuid(&params, socket ? &due->cid : NULL);
	sw_pg_add_i32(&params, due->person.place.round);
	sw_pg_add_i32(&params, due->person.place.step);
	sw_pg_add_text(&params, sw_bytes_str(!due->step ? "exhausted" : socket ? "socket" : "push"));
	sw_pg_add_text(&params, sw_bytes_str(due->step ? due->step->target : ""));
	sw_pg_add_uuids(&params, due->jobs, socket ? 0 : due->count);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_ADVANCE, &params);
}

static int advance(struct sw_alert_runner *runner, struct due *dues, size_t count, struct sw_diag *diag_out)
{
	size_t moved = 0;
	size_t jobs = 0;
	sw_pg_begin(runner->pg);
	for (size_t i = 0; i < count; i++) {
		if (!dues[i].failed) {
			queue_advance(runner, &dues[i]);
			moved++;
			jobs += dues[i].step && !dues[i].step->socket ? dues[i].count : 0;
		}
	}
	int err = moved ? sw_alert_store(runner, diag_out) : SW_OK;
	if (err == SW_OK) {
		sw_metric_add(runner->steps, (int64_t)moved);
		sw_metric_add(runner->jobs, (int64_t)jobs);
	}
	if (err == SW_OK && moved < count) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker did not confirm steps of %zu people",
				  count - moved);
	}
	return err;
}

static int load_devices(struct sw_alert_runner *runner, const struct due *dues, size_t count, struct sw_diag *diag_out)
{
	int64_t *users = sw_arena_calloc(&runner->arena, count, sizeof(*users));
	for (size_t i = 0; i < count; i++) {
		users[i] = dues[i].person.user;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &runner->arena);
	sw_pg_add_i64s(&params, users, count);
	sw_pg_begin(runner->pg);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_DEVICES, &params);
	return sw_alert_store(runner, diag_out);
}

static int take_steps(struct sw_alert_runner *runner, struct due *dues, size_t count, struct sw_diag *diag_out)
{
	int err = load_devices(runner, dues, count, diag_out);
	if (err) {
		return err;
	}
	int64_t deadline_ms = sw_clock_mono_ms() + SW_ALERT_CONFIRM_MS;
	for (size_t i = 0; i < count; i++) {
		send_step(runner, &dues[i], sw_pg_result(runner->pg, 0));
	}
	for (size_t i = 0; i < count; i++) {
		await_step(&dues[i], deadline_ms);
	}
	return advance(runner, dues, count, diag_out);
}

/* ---- the look ---- */

static void note_ended(struct sw_alert_runner *runner, const struct sw_pg_result *rows)
{
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		struct sw_bytes state = sw_pg_bytes(rows, i, 1);
		for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
			sw_metric_add(runner->ended[k], sw_bytes_equal_str(state, ends[k]));
		}
		if (sw_bytes_equal_str(state, "acknowledged")) {
			sw_metric_observe_ms(runner->ack_ms, sw_pg_i64(rows, i, 2));
		}
		char text[16];
		sw_bytes_printable(state, text, sizeof(text));
		SW_LOG(INFO, "alert.ended", SW_F_INT("alert", sw_pg_i64(rows, i, 0)), SW_F_STR("state", text));
	}
}

static int look(struct sw_alert_runner *runner, struct due *dues, size_t *count_out, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &runner->arena);
	sw_pg_add_i64(&params, runner->number);
	sw_pg_add_i32(&params, SW_ALERT_LEASE_MS);
	sw_pg_add_i32(&params, PEOPLE_MAX);
	sw_pg_begin(runner->pg);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_SEE, NULL);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_END, NULL);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_HURRY, NULL);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_CLAIM, &params);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_OPEN, NULL);
	int err = sw_alert_store(runner, diag_out);
	if (err) {
		return err;
	}
	note_ended(runner, sw_pg_result(runner->pg, 1));
	sw_metric_set(runner->open, sw_pg_i64(sw_pg_result(runner->pg, 4), 0, 0));
	const struct sw_pg_result *rows = sw_pg_result(runner->pg, 3);
	*count_out = sw_pg_rows(rows);
	for (size_t i = 0; i < *count_out; i++) {
		(void)read_due(runner, rows, i, &dues[i]);
	}
	return SW_OK;
}

int sw_alert_turn(struct sw_alert_runner *runner, bool *more_out, struct sw_diag *diag_out)
{
	sw_arena_reset(&runner->arena);
	*more_out = false;
	if (!sw_publisher_state(runner->publisher).connected) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker is away");
	}
	struct due *dues = sw_arena_calloc(&runner->arena, PEOPLE_MAX, sizeof(*dues));
	size_t count = 0;
	bool told = false;
	int err = sw_pg_connect(runner->pg, sw_clock_mono_ms() + SW_ALERT_STATEMENT_MS, diag_out);
	err = err ? err : look(runner, dues, &count, diag_out);
	err = err || count == 0 ? err : take_steps(runner, dues, count, diag_out);
	err = err ? err : sw_alert_tell(runner, &told, diag_out);
	*more_out = err == SW_OK && (count == PEOPLE_MAX || told);
	return err;
}

/* ---- life ---- */

int sw_alert_config_check(const struct sw_alert_config *config, struct sw_diag *diag_out)
{
	for (size_t i = 0; i < SW_ALERT_SEVERITIES; i++) {
		struct sw_alert_plan plan;
		struct sw_diag why = {0};
		json_t *json = NULL;
		int err = sw_json_parse(sw_bytes_str(config->plans[i]), PLAN_DEPTH, &json, &why);
		err = err ? err : sw_alert_plan_parse(json, config->providers, config->provider_count, &plan, &why);
		json_decref(json);
		if (err) {
			return sw_diag_set(diag_out, SW_ECONFIG, "[alerts] plan_%s: %s", sw_alert_severities[i],
					   why.text);
		}
	}
	return SW_OK;
}

struct sw_alert_runner *sw_alert_runner_new(const struct sw_alert_config *config, const struct sw_pg_config *pg,
					    struct sw_publisher *publisher)
{
	static const char *const labels[] = {"state=\"acknowledged\"", "state=\"seen\"", "state=\"exhausted\"",
					     "state=\"expired\""};
	struct sw_alert_runner *runner = sw_xcalloc(1, sizeof(*runner));
	runner->config = config;
	runner->pg = sw_pg_new(pg);
	runner->publisher = publisher;
	sw_arena_init(&runner->arena);
	sw_rng_bytes(&runner->number, sizeof(runner->number));
	runner->open = sw_metric_gauge("surewire_alert_open", NULL, "Alerts that are open, of the whole installation.");
	runner->steps = sw_metric_counter("surewire_alert_steps_total", NULL, "Steps of alerts taken, one a person.");
	runner->jobs = sw_metric_counter("surewire_alert_jobs_total", NULL, "Push jobs of alerts published.");
	runner->ack_ms = sw_metric_histogram_ms("surewire_alert_ack_seconds", NULL,
						"From an alert to the first who acknowledged it.");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		runner->ended[i] = sw_metric_counter("surewire_alert_ended_total", labels[i],
						     "Alerts that this process saw end.");
	}
	return runner;
}

void sw_alert_runner_free(struct sw_alert_runner *runner)
{
	if (runner) {
		sw_arena_release(&runner->arena);
		sw_pg_free(runner->pg);
		free(runner);
	}
}
