/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a message's plan after the first. Each message whose plan goes on has a row in the store, written in the
 * transaction that plans its pushes; in memory there is only when the next look is expected. A look is a STEP_DUE that
 * comes back through the check queues: it takes what is due, and asks for the next. Several may be under way for a person;
 * all but one come to an end by themselves. */
#include "mailbox/mailbox_int.h"

#include "bus/topology.h"

enum {
	LOOK_ROWS_MAX = 100,  /* as many as load_steps gives of a person */
	LOST_MS = 600 * 1000, /* a look that is so late is not waited for any longer */
};

/* What a section comes to. */
struct taken_step {
	int64_t pos;
	int step;
};

/* ---- the clock ---- */

/* From below, so that the last look is at most a second late, however coarse the stages of long delays are. */
static void arm_step(struct sw_batch *batch, struct user *user, int64_t due_at_ms)
{
	int64_t now_ms = batch->now_ms;
	unsigned stage = sw_topology_check_stage_at_most(due_at_ms - now_ms);
	int64_t at_ms = now_ms + sw_check_delays_ms[stage];
	int64_t wanted_ms = due_at_ms > at_ms ? due_at_ms : at_ms;
	if (user->step_at_ms && user->step_at_ms <= wanted_ms && user->step_at_ms + LOST_MS > now_ms) {
		return; /* the one under way will look, and ask for the next */
	}
	user->step_at_ms = at_ms;
	struct sw_item item = {.kind = SW_ITEM_STEP_DUE, .as.step_due = {.user = user->id, .at_ms = at_ms}};
	sw_batch_to_check(batch, sw_check_delays_ms[stage], user->id, &item);
}

static int64_t due_at_ms(const struct sw_batch *batch, const struct way *way)
{
	return batch->now_ms + way->plan->steps[way->step].after_ms;
}

void expect_step(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t pos, const struct way *way,
		 bool again)
{
	if (way->step >= way->plan->count) {
		return;
	}
	int64_t due_ms = due_at_ms(batch, way);
	if (!again) {
		*(struct step_row *)sw_rows_add(&m->new_steps, &batch->arena,
						sizeof(struct step_row)) = (struct step_row){user->id, pos, way->step,
											     due_ms};
	}
	user_touch(m, user);
	arm_step(batch, user, due_ms);
}

/* ---- what the store knows ---- */

void read_pending(struct mailbox *m, struct sw_arena *arena, const struct sw_pg_result *r)
{
	m->pending_count = sw_pg_rows(r);
	m->pending = sw_arena_calloc(arena, m->pending_count, sizeof(*m->pending));
	for (size_t i = 0; i < m->pending_count; i++) {
		m->pending[i] = (struct pending){.user = sw_pg_i64(r, i, 0),
						 .news = read_news(r, i),
						 .step = sw_pg_i32(r, i, 9),
						 .due_at_ms = sw_pg_i64(r, i, 10)};
		m->pending[i].news.reason = SW_JOB_REASON_PLAN_STEP;
	}
}

/* The first of a person's; they are by user and pos. */
static size_t first_pending(const struct mailbox *m, const struct user *user)
{
	size_t low = 0;
	size_t high = m->pending_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->pending[middle].user < user->id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The next one of a person's whose plan goes on. */
static struct pending *next_pending(const struct mailbox *m, const struct user *user, size_t *index)
{
	while (*index < m->pending_count && m->pending[*index].user == user->id) {
		struct pending *pending = &m->pending[(*index)++];
		if (pending->step != OVER) {
			return pending;
		}
	}
	return NULL;
}

static struct pending *find_pending(const struct mailbox *m, const struct user *user, int64_t pos)
{
	struct pending *pending;
	for (size_t i = first_pending(m, user); (pending = next_pending(m, user, &i));) {
		if (pending->news.pos == pos) {
			return pending;
		}
	}
	return NULL;
}

/* ---- taking steps ---- */

/* Asked again what was asked before the first: is the person to be told at all? False: no step was taken. */
static bool take_next(struct mailbox *m, struct sw_batch *batch, struct user *user, struct pending *pending,
		      struct sw_rows *taken)
{
	struct news *news = &pending->news;
	struct way way = {user_plan(m, user, news->conv), pending->step};
	pending->changed = true;
	pending->step = OVER;
	if (news->pos <= user_seen(user) || !news->event) {
		return false;
	}
	if (!user_wants(user, news->conv, news->mentioned, batch->now_ms)) {
		m->batch_unwanted++;
		return false;
	}
	keep_news(&batch->arena, news);
	if (!take_steps(m, batch, user, news, &way)) {
		return false;
	}
	*(struct taken_step *)sw_rows_add(taken, &batch->arena,
					  sizeof(struct taken_step)) = (struct taken_step){news->pos, way.step - 1};
	if (way.step < way.plan->count) {
		pending->step = way.step;
		pending->due_at_ms = due_at_ms(batch, &way);
	}
	return true;
}

static void record(struct mailbox *m, struct sw_work *work, const struct sw_rows *taken)
{
	const struct taken_step *steps = taken->items;
	work->durable |= taken->count > 0;
	sw_buf_put_varint(&m->record, taken->count);
	for (size_t i = 0; i < taken->count; i++) {
		sw_buf_put_varint(&m->record, (uint64_t)steps[i].pos);
		sw_buf_put_varint(&m->record, (uint64_t)steps[i].step);
	}
}

/* Committed before, but whether its pushes went out is unknown. */
static void repeat_taken(struct mailbox *m, struct sw_batch *batch, struct user *user)
{
	uint64_t count = sw_reader_varint(&m->recorded);
	for (uint64_t i = 0; i < count && !m->recorded.err; i++) {
		struct news news;
		int64_t pos = (int64_t)sw_reader_varint(&m->recorded);
		int step = (int)sw_reader_varint(&m->recorded);
		if (!user || pos <= user_seen(user) || !find_news(m, user, pos, &news)) {
			continue;
		}
		const struct way way = {user_plan(m, user, news.conv), step};
		if (step < way.plan->count) {
			keep_news(&batch->arena, &news);
			news.reason = SW_JOB_REASON_PLAN_STEP;
			push_by(m, batch, user, &news, &way);
		}
	}
}

/* When the next look is needed; 0: nothing waits. */
static int64_t next_due_ms(const struct mailbox *m, const struct sw_batch *batch, const struct user *user)
{
	int64_t next_ms = 0;
	size_t looked = 0;
	bool all_changed = true;
	for (size_t i = first_pending(m, user); i < m->pending_count && m->pending[i].user == user->id; i++) {
		const struct pending *pending = &m->pending[i];
		looked++;
		all_changed &= pending->changed;
		if (pending->step != OVER && (!next_ms || pending->due_at_ms < next_ms)) {
			next_ms = pending->due_at_ms;
		}
	}
	/* Those that are not loaded are due after the last that is and was not taken. */
	return looked >= LOOK_ROWS_MAX && all_changed ? batch->now_ms : next_ms;
}

void on_step_due(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, const struct sw_item_step_due *due)
{
	struct user *user = user_find(m, due->user);
	struct sw_rows taken = {0};
	if (work->applied) {
		repeat_taken(m, batch, user);
	}
	if (user) {
		user_touch(m, user);
		user->step_at_ms = user->step_at_ms == due->at_ms ? 0 : user->step_at_ms;
		struct pending *pending;
		for (size_t i = first_pending(m, user); !work->applied && (pending = next_pending(m, user, &i));) {
			if (pending->due_at_ms <= batch->now_ms || pending->news.pos <= user_seen(user)) {
				(void)take_next(m, batch, user, pending, &taken);
			}
		}
		int64_t next_ms = next_due_ms(m, batch, user);
		if (next_ms) {
			arm_step(batch, user, next_ms);
		}
	}
	m->batch_steps_due += (int64_t)taken.count;
	record(m, work, &taken);
}

/* ---- failures ---- */

/* The next step at once; when the plan is over, what is only a fallback and was not a step of it. Nothing when a step that
 * was taken after the failed one has its own time to be answered in. */
static void go_on(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct failed_step *failed,
		  struct sw_rows *taken)
{
	struct news news;
	struct pending *pending = find_pending(m, user, failed->pos);
	if (pending && pending->step != failed->step) {
		return;
	}
	if (pending) {
		pending->news.reason = SW_JOB_REASON_OTHERS_FAILED;
	}
	if (pending && take_next(m, batch, user, pending, taken)) {
		if (pending->step != OVER) {
			arm_step(batch, user, pending->due_at_ms);
		}
	} else if (find_news(m, user, failed->pos, &news) &&
		   user_wants(user, news.conv, news.mentioned, batch->now_ms)) {
		keep_news(&batch->arena, &news);
		news.reason = SW_JOB_REASON_OTHERS_FAILED;
		push_by(m, batch, user, &news, &(struct way){user_plan(m, user, news.conv), LAST_RESORT});
	}
}

void on_step_failed(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, struct user *user,
		    const struct failed_step *failed)
{
	if (failed->step == 0) {
		plan_fallback(m, batch, user, failed->pos, failed->spent);
		return;
	}
	struct sw_rows taken = {0};
	struct news news;
	if (work->applied) {
		repeat_taken(m, batch, user);
	} else if (failed->pos > user_seen(user) && find_news(m, user, failed->pos, &news)) {
		const struct way way = {user_plan(m, user, news.conv), failed->step - 1};
		if (failed->spent || way.step >= way.plan->count || !has_device_for(m, user, &way)) {
			go_on(m, batch, user, failed, &taken);
		}
	}
	m->batch_steps_failed += (int64_t)taken.count;
	record(m, work, &taken);
}
