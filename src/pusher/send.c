/* SPDX-License-Identifier: Apache-2.0 */
/* Ready jobs to the provider, as many at once as allowed, and what came back turned into an outcome. What the transport
 * itself says (refused stream, lost connection, deadline) never reaches the provider. */
#include "pusher/pusher_int.h"

#include "base/rng.h"
#include "proto/push_content.h"

#include <surewire/clock.h>
#include <surewire/log.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_TELL_MS = 60000 };

/* ---- the job in the provider's terms ---- */

static struct sw_bytes decimal(struct sw_arena *arena, int64_t v)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, v);
	return sw_arena_copy(arena, sw_bytes(text, (size_t)len));
}

static void clear_notification(const struct sw_item_job *item, struct sw_arena *arena, struct sw_notification *n_out)
{
	*n_out = (struct sw_notification){
		.kind = SW_PUSH_SILENT,
		.collapse = sw_bytes_str("clear"),
		.badge = item->badge,
		.created_at_ms = item->created_at_ms,
		.expires_at_ms = item->expires_at_ms,
		.data_count = 2,
	};
	memcpy(n_out->id, item->job.bytes, sizeof(n_out->id));
	n_out->data[0] = (struct sw_push_datum){"clear", decimal(arena, item->seq)};
	n_out->data[1] = (struct sw_push_datum){"badge", decimal(arena, item->badge)};
}

/* A message: its place in the conversation, and a later one replaces it by its number. */
static void put_message(const struct sw_item_job *item, struct sw_arena *arena, struct sw_notification *n)
{
	n->thread = decimal(arena, item->conv);
	n->data[0] = (struct sw_push_datum){"message", n->collapse};
	n->data[1] = (struct sw_push_datum){"conversation", n->thread};
	n->data[2] = (struct sw_push_datum){"seq", decimal(arena, item->seq)};
	n->data[3] = (struct sw_push_datum){"pos", decimal(arena, item->pos)};
	n->data_count = 4;
}

int sw_pusher_notification(const struct sw_item_job *item, struct sw_arena *arena, struct sw_notification *n_out,
			   struct sw_diag *diag_out)
{
	if (item->class == SW_JOB_CLEAR) {
		clear_notification(item, arena, n_out);
		return SW_OK;
	}
	*n_out = (struct sw_notification){
		.kind = SW_PUSH_ALERT,
		.urgent = true,
		.title = item->title,
		.body = item->preview,
		.collapse = decimal(arena, item->event),
		.badge = item->badge,
		.created_at_ms = item->created_at_ms,
		.expires_at_ms = item->expires_at_ms,
	};
	memcpy(n_out->id, item->job.bytes, sizeof(n_out->id));
	if (item->class == SW_JOB_ALERT) {
		sw_pusher_fill_alert(item, n_out);
		return SW_OK;
	}
	if (item->class != SW_JOB_DIRECT) {
		put_message(item, arena, n_out);
		return SW_OK;
	}
	n_out->data[n_out->data_count++] = (struct sw_push_datum){"push", n_out->collapse};
	return item->content.len ? sw_push_content_read(item->content, arena, n_out, diag_out) : SW_OK;
}

struct sw_push_target sw_pusher_target(const struct sw_item_job *item)
{
	return (struct sw_push_target){
		.account = item->user,
		.user = item->user_name,
		.device = item->device,
		.app = item->app,
		.token = item->token,
		.sandbox = item->sandbox != 0,
		.registered_at_ms = item->registered_at_ms,
	};
}

/* ---- after an attempt ---- */

static void tell_config(struct sw_pusher_instance_run *instance, const struct sw_outcome *outcome)
{
	int64_t now_ms = sw_clock_mono_ms();
	if (!instance->config_told || now_ms - instance->config_told_mono_ms >= CONFIG_TELL_MS) {
		SW_LOG(ERROR, "pusher.misconfigured", SW_F_STR("instance", instance->config->name),
		       SW_F_INT("status", outcome->status), SW_F_STR("reason", outcome->reason));
		instance->config_told = true;
		instance->config_told_mono_ms = now_ms;
	}
}

struct sw_push_facts sw_pusher_facts(const struct sw_pusher_job *job)
{
	const struct sw_pusher *pusher = job->instance->pusher;
	struct sw_push_facts facts = {
		.outcome = &job->outcome,
		.attempts = (unsigned)job->item.attempt,
		.attempts_max = sw_pusher_class_limits(pusher, &job->item)->attempts_max,
		.unsent_streak = job->unsent_streak,
		.credential_streak = job->credential_streak,
		.credential_doubted = job->instance->credential.doubted,
		.now_ms = sw_clock_wall_ms(),
		.created_at_ms = job->item.created_at_ms,
		.spent_at_ms = sw_pusher_spent_at_ms(pusher, &job->item),
		.registered_at_ms = job->registered_at_ms,
		.fallback_only = job->instance->ops->fallback_only,
	};
	sw_rng_bytes(&facts.random, sizeof(facts.random));
	return facts;
}

static void on_outcome(struct sw_pusher_job *job)
{
	struct sw_pusher_instance_run *instance = job->instance;
	sw_pusher_limits_tell(job);
	sw_metric_add(instance->outcomes[job->outcome.kind], 1);
	sw_metric_observe_ms(instance->attempt_ms, job->duration_ms);
	sw_pusher_credential_tell(instance, job->credential_number, &job->outcome);
	if (job->outcome.kind == SW_OUTCOME_CONFIG) {
		tell_config(instance, &job->outcome);
	}
	struct sw_push_facts facts = sw_pusher_facts(job);
	job->step = sw_push_after_outcome(&facts);
	job->unsent_streak += job->outcome.kind == SW_OUTCOME_UNSENT;
	job->credential_streak += job->outcome.kind == SW_OUTCOME_CREDENTIAL;
	if (job->step.next != SW_PUSH_NEXT_RESEND) {
		/* What never left us and goes on is no try. */
		job->tried = job->step.next == SW_PUSH_NEXT_END || job->outcome.kind != SW_OUTCOME_UNSENT;
		sw_pusher_settle(job);
	} else {
		sw_pusher_ready(job);
	}
}

static void set_outcome(struct sw_pusher_job *job, enum sw_outcome_kind kind, const char *reason)
{
	job->outcome = (struct sw_outcome){.kind = kind, .after_ms = -1};
	snprintf(job->outcome.reason, sizeof(job->outcome.reason), "%s", reason);
}

/* Not even handed to a connection. */
static void on_refused(struct sw_pusher_job *job, enum sw_outcome_kind kind, const char *reason)
{
	job->duration_ms = 0;
	set_outcome(job, kind, reason);
	on_outcome(job);
}

static void classify(struct sw_pusher_job *job, const struct sw_http_response *http, const struct sw_mail_reply *mail)
{
	struct sw_push_target target = sw_pusher_target(&job->item);
	target.registered_at_ms = job->registered_at_ms;
	struct sw_answer answer = {.target = &target, .http = http, .mail = mail, .now_ms = sw_clock_wall_ms()};
	set_outcome(job, SW_OUTCOME_RETRY, "");
	job->instance->ops->classify(job->instance->provider, &answer, &job->outcome);
}

static void on_back(struct sw_pusher_job *job, int64_t duration_ms)
{
	struct sw_pusher_instance_run *instance = job->instance;
	job->duration_ms = duration_ms;
	instance->sending--;
	on_outcome(job); /* at a stop the job may be gone with it */
	sw_pusher_instance_kick(instance);
}

static void on_http_done(struct sw_h2_call *call, const struct sw_h2_result *result)
{
	struct sw_pusher_job *job = call->ctx;
	switch (result->end) {
	case SW_H2_ANSWERED:
		classify(job, &result->response, NULL);
		break;
	case SW_H2_UNSENT:
		set_outcome(job, SW_OUTCOME_UNSENT, result->detail);
		break;
	case SW_H2_UNKNOWN:
		set_outcome(job, SW_OUTCOME_UNKNOWN, result->detail);
		break;
	case SW_H2_CONNECT_FAILED:
		set_outcome(job, SW_OUTCOME_RETRY, result->detail);
		break;
	}
	on_back(job, result->duration_ms);
}

static void on_mail_done(struct sw_mail_call *call, const struct sw_mail_result *result)
{
	struct sw_pusher_job *job = call->ctx;
	switch (result->end) {
	case SW_MAIL_ANSWERED:
		classify(job, NULL, &result->reply);
		break;
	case SW_MAIL_UNSENT:
		set_outcome(job, SW_OUTCOME_UNSENT, result->detail);
		break;
	case SW_MAIL_UNKNOWN:
		set_outcome(job, SW_OUTCOME_UNKNOWN, result->detail);
		break;
	case SW_MAIL_CONNECT_FAILED:
		set_outcome(job, SW_OUTCOME_RETRY, result->detail);
		break;
	}
	on_back(job, result->duration_ms);
}

/* ---- an attempt ---- */

static int hand_over(struct sw_pusher_job *job, struct sw_pusher_endpoint *endpoint, struct sw_diag *diag_out)
{
	if (!endpoint->mail) {
		job->call.http = (struct sw_h2_call){.request = &job->send.as.http, .done = on_http_done, .ctx = job};
		return endpoint->h2 ? sw_h2_send(endpoint->h2, &job->call.http)
				    : sw_http_send(endpoint->http, &job->call.http);
	}
	job->call.mail = (struct sw_mail_call){.message = &job->send.as.mail, .done = on_mail_done, .ctx = job};
	return sw_mail_send(endpoint->mail, &job->call.mail, diag_out);
}

static int encode(struct sw_pusher_job *job, struct sw_diag *diag_out)
{
	struct sw_pusher_instance_run *instance = job->instance;
	struct sw_notification notification;
	sw_arena_reset(&job->arena);
	int err = sw_pusher_notification(&job->item, &job->arena, &notification, diag_out);
	if (job->item.class == SW_JOB_CHAT) {
		struct sw_push_words words = {.sender = sw_bytes_str(job->sender),
					      .locale = sw_bytes_str(job->locale),
					      .key = sw_bytes_str(instance->pusher->config.new_message_key)};
		sw_push_show(&notification, job->content, &words);
	}
	if (job->digest) {
		sw_pusher_digest_fill(job, &notification);
	}
	struct sw_push_target target = sw_pusher_target(&job->item);
	target.registered_at_ms = job->registered_at_ms;
	job->credential_number = instance->credential.number;
	return err ? SW_EINVAL
		   : instance->ops->encode(instance->provider, &target, &notification, job->tried_at_ms, &job->arena,
					   &job->send, diag_out);
}

/* What encode or the transport said of the request itself. */
static enum sw_outcome_kind outcome_of_error(int err)
{
	switch (err) {
	case SW_EINVAL:
	case SW_ELIMIT:
		return SW_OUTCOME_REJECTED;
	case SW_EBUSY:
	case SW_ECLOSED:
		return SW_OUTCOME_UNSENT;
	default:
		return SW_OUTCOME_CONFIG;
	}
}

/* Of two messages that waited for the end of the quiet hours only the newer one is sent, whatever held them up since. */
static void settle_held(struct sw_pusher_job *job)
{
	if (job->held_quiet && job->step.next == SW_PUSH_NEXT_LATER) {
		job->step.why = SW_PUSH_WHY_QUIET_THEN;
	}
	sw_pusher_settle(job);
}

void sw_pusher_put_off(struct sw_pusher_job *job, int64_t wait_ms, enum sw_push_result result)
{
	set_outcome(job, SW_OUTCOME_UNSENT,
		    result == SW_PUSH_RESULT_HELD_RATE     ? "too fast"
		    : result == SW_PUSH_RESULT_HELD_DIGEST ? "waits for the next mail"
							   : "the service is away");
	struct sw_push_facts facts = sw_pusher_facts(job);
	job->step = sw_push_put_off(&facts, wait_ms, result);
	settle_held(job);
}

static void send_one(struct sw_pusher_job *job)
{
	struct sw_diag diag = {""};
	int64_t wait_ms = sw_pusher_rate_wait_ms(job);
	if (wait_ms) {
		sw_pusher_put_off(job, wait_ms, SW_PUSH_RESULT_HELD_RATE);
		return;
	}
	job->tried_at_ms = sw_clock_wall_ms();
	int err = encode(job, &diag);
	sw_pusher_endpoints_let_go(job->instance);
	if (err == SW_OK) {
		struct sw_pusher_endpoint *endpoint = sw_pusher_endpoint_of(job->instance, job->send.endpoint, &diag);
		wait_ms = endpoint ? sw_pusher_breaker_wait_ms(job, endpoint) : 0;
		if (wait_ms) {
			sw_pusher_put_off(job, wait_ms, SW_PUSH_RESULT_HELD_BREAKER);
			return;
		}
		err = endpoint ? hand_over(job, endpoint, &diag) : SW_ECONFIG;
	}
	if (err == SW_OK) {
		job->instance->sending++;
	} else {
		on_refused(job, outcome_of_error(err), diag.text[0] ? diag.text : sw_err_text(err));
	}
}

static void dispatch(struct sw_pusher_intake *intake)
{
	struct sw_pusher_instance_run *instance = intake->instance;
	const struct sw_pusher *pusher = instance->pusher;
	/* What a send puts back into the list is not taken again in this turn. */
	for (size_t left = intake->ready.count; left; left--) {
		if (instance->sending >= sw_pusher_credential_sending_max(instance, intake->sending_max) ||
		    pusher->phase != SW_PUSHER_RUNNING || !sw_pusher_credential_ready(instance)) {
			return;
		}
		struct sw_pusher_job *job = sw_pusher_list_pop(&intake->ready);
		if (sw_clock_mono_ms() - job->gated_mono_ms > SW_PUSHER_REGATE_MS) {
			sw_pusher_gate(job);
		} else if (sw_pusher_rate_allows(instance)) {
			send_one(job);
		} else {
			sw_pusher_list_push_front(&intake->ready, job);
			return;
		}
	}
}

void sw_pusher_dispatch(struct sw_pusher_instance_run *instance)
{
	dispatch(&instance->intakes[SW_JOB_QUEUE_URGENT]);
	dispatch(&instance->intakes[SW_JOB_QUEUE_NORMAL]);
}

void sw_pusher_ready(struct sw_pusher_job *job)
{
	struct sw_pusher_instance_run *instance = job->instance;
	if (instance->pusher->phase != SW_PUSHER_RUNNING) {
		sw_pusher_job_abandon(job);
		return;
	}
	job->ready_mono_ms = sw_clock_mono_ms();
	sw_pusher_list_push(&job->intake->ready, job);
	sw_pusher_instance_kick(instance);
}

static void let_go_held(struct sw_pusher_intake *intake)
{
	int64_t now_ms = sw_clock_mono_ms();
	for (size_t left = intake->ready.count; left; left--) {
		struct sw_pusher_job *job = sw_pusher_list_pop(&intake->ready);
		if (now_ms - job->ready_mono_ms < SW_PUSHER_HOLD_MAX_MS) {
			sw_pusher_list_push(&intake->ready, job);
			continue;
		}
		set_outcome(job, SW_OUTCOME_UNSENT, "held back");
		struct sw_push_facts facts = sw_pusher_facts(job);
		job->step = sw_push_after_hold(&facts);
		settle_held(job);
	}
}

void sw_pusher_let_go_held(struct sw_pusher_instance_run *instance)
{
	for (size_t i = 0; i < SW_JOB_QUEUES; i++) {
		let_go_held(&instance->intakes[i]);
	}
}
