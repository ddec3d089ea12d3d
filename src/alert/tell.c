/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an alert: those who had a message about it get another one, and one that nobody acknowledged becomes a dead
 * letter. Ids are made of the alert's, so that a repeat has one effect. */
#include "alert/alert_int.h"

#include <surewire/clock.h>

struct ended {
	struct sw_alert_about about;
	struct sw_bytes state;
	struct sw_bytes by;
};

/* SW_OK with alert 0: none. */
static int claim(struct sw_alert_runner *runner, struct ended *ended, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &runner->arena);
	sw_pg_add_i64(&params, runner->number);
	sw_pg_add_i32(&params, SW_ALERT_LEASE_MS);
	sw_pg_begin(runner->pg);
	sw_pg_queue(runner->pg, SW_SQL_ALERT_CLAIM_ENDED, &params);
	int err = sw_alert_store(runner, diag_out);
	*ended = (struct ended){0};
	if (err || sw_pg_rows(sw_pg_result(runner->pg, 0)) == 0) {
		return err;
	}
	const struct sw_pg_result *row = sw_pg_result(runner->pg, 0);
	struct sw_arena *arena = &runner->arena;
	*ended = (struct ended){.about = {.alert = sw_pg_i64(row, 0, 0),
					  .severity = sw_arena_copy(arena, sw_pg_bytes(row, 0, 2)),
					  .title = sw_arena_copy(arena, sw_pg_bytes(row, 0, 3)),
					  .body = sw_arena_copy(arena, sw_pg_bytes(row, 0, 4)),
					  .sender = sw_pg_i64(row, 0, 5),
					  .sender_name = sw_arena_copy(arena, sw_pg_bytes(row, 0, 6)),
					  .now_ms = sw_pg_i64(row, 0, 7)},
				.state = sw_arena_copy(arena, sw_pg_bytes(row, 0, 1)),
				.by = sw_arena_copy(arena, sw_pg_bytes(row, 0, 8))};
	return SW_OK;
}

static int query(struct sw_alert_runner *runner, enum sw_sql statement, int64_t alert, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &runner->arena);
	sw_pg_add_i64(&params, alert);
	if (statement == SW_SQL_ALERT_TOLD) {
		sw_pg_add_i64(&params, runner->number);
	}
	sw_pg_begin(runner->pg);
	sw_pg_queue(runner->pg, statement, &params);
	return sw_alert_store(runner, diag_out);
}

static struct sw_alert_person person_of(const struct sw_pg_result *rows, size_t i)
{
	return (struct sw_alert_person){.user = sw_pg_i64(rows, i, 0), .name = sw_pg_bytes(rows, i, 1)};
}

static int send_letter(struct sw_alert_runner *runner, const struct ended *ended, const struct sw_pg_result *people,
		       struct sw_ticket **ticket_out)
{
	const struct sw_alert_person first = person_of(people, 0);
	struct sw_item item = sw_alert_letter(&ended->about, &first, &runner->arena);
	struct sw_uuid section = sw_uuid_derive("surewire.alert_letter", item.as.dead.job, sw_bytes("", 0));
	return sw_alert_publish(runner, "dead", &item, &section, ticket_out);
}

/* All is with the broker, or the error of the first that is not. */
static int publish(struct sw_alert_runner *runner, const struct ended *ended, const struct sw_pg_result *people)
{
	size_t rows = sw_pg_rows(people);
	struct sw_ticket **tickets = sw_arena_calloc(&runner->arena, rows + 1, sizeof(struct sw_ticket *));
	size_t count = 0;
	int err = SW_OK;
	for (size_t i = 0; i < rows && !err; i++) {
		const struct sw_alert_person person = person_of(people, i);
		if (sw_pg_bool(people, i, 2)) {
			struct sw_item item = sw_alert_ended_message(&ended->about, &person, ended->state, ended->by,
								     &runner->arena);
			err = sw_alert_publish_message(runner, &item, &tickets[count]);
			count += err == SW_OK;
		}
	}
	if (!err && rows && sw_bytes_equal_str(ended->state, "exhausted")) {
		err = send_letter(runner, ended, people, &tickets[count]);
		count += err == SW_OK;
	}
	int64_t deadline_ms = sw_clock_mono_ms() + SW_ALERT_CONFIRM_MS;
	for (size_t i = 0; i < count; i++) {
		int result = sw_ticket_await(tickets[i], deadline_ms);
		err = err ? err : result;
	}
	return err;
}

int sw_alert_tell(struct sw_alert_runner *runner, bool *told_out, struct sw_diag *diag_out)
{
	struct ended ended;
	int err = claim(runner, &ended, diag_out);
	*told_out = false;
	if (err || ended.about.alert == 0) {
		return err;
	}
	err = query(runner, SW_SQL_ALERT_RECIPIENTS, ended.about.alert, diag_out);
	if (err == SW_OK && publish(runner, &ended, sw_pg_result(runner->pg, 0)) != SW_OK) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker did not confirm the end of an alert");
	}
	err = err ? err : query(runner, SW_SQL_ALERT_TOLD, ended.about.alert, diag_out);
	*told_out = err == SW_OK;
	return err;
}
