/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions only; see policy.h. What an outcome means for the provider's protocol was decided before, by the provider. */
#include "pusher/policy.h"

#include "bus/topology.h"

static const char *const state_texts[] = {
#define SW_PUSH_STATE(NAME, text) text,
#include "pusher/states.def"
#undef SW_PUSH_STATE
};
enum { STATES = sizeof(state_texts) / sizeof(state_texts[0]) };

const char *sw_push_state_text(enum sw_push_state state)
{
	return state_texts[state];
}

enum sw_push_state sw_push_state_parse(struct sw_bytes text)
{
	for (int i = 0; i < STATES; i++) {
		if (sw_bytes_equal_str(text, state_texts[i])) {
			return (enum sw_push_state)i;
		}
	}
	return SW_PUSH_STATE_NONE;
}

/* ---- after an outcome ---- */

static struct sw_push_step give_up(const struct sw_push_facts *facts, unsigned attempts, const char *why)
{
	return (struct sw_push_step){.next = SW_PUSH_NEXT_END,
				     .result = SW_PUSH_RESULT_DEAD,
				     .record = SW_PUSH_STATE_DEAD,
				     .attempts = attempts,
				     .fallback = !facts->fallback_only,
				     .dead = true,
				     .why = why};
}

static bool too_late(const struct sw_push_facts *facts, unsigned stage)
{
	return facts->now_ms + sw_retry_delays_ms[stage] >= facts->spent_at_ms;
}

static struct sw_push_step retry(const struct sw_push_facts *facts, int64_t minimum_ms)
{
	unsigned attempts = facts->attempts + 1;
	if (attempts >= facts->attempts_max) {
		return give_up(facts, attempts, "attempts spent: ");
	}
	unsigned stage = sw_topology_retry_stage(facts->attempts, minimum_ms, facts->random);
	if (too_late(facts, stage)) {
		return give_up(facts, attempts, "too old for another attempt: ");
	}
	return (struct sw_push_step){.next = SW_PUSH_NEXT_LATER,
				     .result = SW_PUSH_RESULT_RETRIED,
				     .record = SW_PUSH_STATE_RETRY,
				     .attempts = attempts,
				     .stage = stage,
				     .why = ""};
}

/* Recorded, since somebody may ask meanwhile why nothing came. */
static struct sw_push_step put_off(const struct sw_push_facts *facts, int64_t delay_ms)
{
	unsigned stage = sw_topology_retry_stage_at_least(delay_ms);
	if (too_late(facts, stage)) {
		return give_up(facts, facts->attempts, "too old: ");
	}
	return (struct sw_push_step){.next = SW_PUSH_NEXT_LATER,
				     .result = SW_PUSH_RESULT_HELD,
				     .record = SW_PUSH_STATE_RETRY,
				     .attempts = facts->attempts,
				     .stage = stage,
				     .why = ""};
}

static struct sw_push_step resend(const struct sw_push_facts *facts)
{
	return (struct sw_push_step){.next = SW_PUSH_NEXT_RESEND, .attempts = facts->attempts, .why = ""};
}

/* An operator has to act: until then the pauses grow with the age. */
static int64_t operator_wait_ms(const struct sw_push_facts *facts)
{
	int64_t part_ms = (facts->now_ms - facts->created_at_ms) / SW_PUSH_AGE_WAIT_DIVISOR;
	return part_ms > SW_PUSH_CONFIG_WAIT_MS ? part_ms : SW_PUSH_CONFIG_WAIT_MS;
}

static struct sw_push_step end(const struct sw_push_facts *facts, enum sw_push_result result, enum sw_push_state record)
{
	return (struct sw_push_step){.next = SW_PUSH_NEXT_END,
				     .result = result,
				     .record = record,
				     .attempts = facts->attempts + 1,
				     .why = ""};
}

static struct sw_push_step token_dead(const struct sw_push_facts *facts)
{
	int64_t since_ms = facts->outcome->since_ms;
	if (since_ms > 0 && facts->registered_at_ms > since_ms) {
		/* The app reported the token again after it died for the provider: the provider's news are older. */
		return retry(facts, -1);
	}
	struct sw_push_step step = end(facts, SW_PUSH_RESULT_TOKEN_DEAD, SW_PUSH_STATE_TOKEN_DEAD);
	step.token_dead = true;
	return step;
}

static struct sw_push_step rejected(const struct sw_push_facts *facts)
{
	struct sw_push_step step = end(facts, SW_PUSH_RESULT_REJECTED, SW_PUSH_STATE_REJECTED);
	step.fallback = !facts->fallback_only;
	step.dead = true;
	return step;
}

static struct sw_push_step credential(const struct sw_push_facts *facts)
{
	if (facts->credential_streak < SW_PUSH_CREDENTIAL_MAX) {
		return resend(facts);
	}
	return facts->credential_doubted ? put_off(facts, operator_wait_ms(facts)) : retry(facts, -1);
}

struct sw_push_step sw_push_after_outcome(const struct sw_push_facts *facts)
{
	switch (facts->outcome->kind) {
	case SW_OUTCOME_DELIVERED:
		return end(facts, SW_PUSH_RESULT_DELIVERED, SW_PUSH_STATE_DELIVERED);
	case SW_OUTCOME_RETRY:
	case SW_OUTCOME_THROTTLED:
		return retry(facts, facts->outcome->after_ms);
	case SW_OUTCOME_UNKNOWN:
		return retry(facts, -1);
	case SW_OUTCOME_CREDENTIAL:
		return credential(facts);
	case SW_OUTCOME_UNSENT:
		return facts->unsent_streak < SW_PUSH_UNSENT_MAX ? resend(facts) : put_off(facts, 0);
	case SW_OUTCOME_TOKEN_DEAD:
		return token_dead(facts);
	case SW_OUTCOME_REJECTED:
		return rejected(facts);
	case SW_OUTCOME_CONFIG:
		return put_off(facts, operator_wait_ms(facts));
	}
	return retry(facts, -1);
}

struct sw_push_step sw_push_put_off(const struct sw_push_facts *facts, int64_t delay_ms, enum sw_push_result result)
{
	struct sw_push_step step = put_off(facts, delay_ms);
	if (step.next == SW_PUSH_NEXT_LATER) {
		step.result = result;
	}
	return step;
}

enum sw_breaker_news sw_push_news(const struct sw_outcome *outcome)
{
	switch (outcome->kind) {
	case SW_OUTCOME_DELIVERED:
	case SW_OUTCOME_TOKEN_DEAD:
	case SW_OUTCOME_REJECTED:
		return SW_BREAKER_WORKS;
	case SW_OUTCOME_RETRY:
		return outcome->scope == SW_SCOPE_TARGET ? SW_BREAKER_WORKS : SW_BREAKER_FAILS;
	case SW_OUTCOME_THROTTLED:
		return outcome->scope == SW_SCOPE_TARGET ? SW_BREAKER_WORKS : SW_BREAKER_REFUSES;
	case SW_OUTCOME_UNKNOWN:
		return SW_BREAKER_FAILS;
	case SW_OUTCOME_CREDENTIAL:
	case SW_OUTCOME_UNSENT:
	case SW_OUTCOME_CONFIG:
		break;
	}
	return SW_BREAKER_NOTHING;
}

struct sw_push_step sw_push_after_hold(const struct sw_push_facts *facts)
{
	return put_off(facts, operator_wait_ms(facts));
}

/* ---- before a send ---- */

static struct sw_push_step repeat(const struct sw_push_gate *gate)
{
	return (struct sw_push_step){.next = SW_PUSH_NEXT_END,
				     .result = SW_PUSH_RESULT_REPEAT,
				     .record = SW_PUSH_STATE_NONE,
				     .attempts = gate->state_attempts,
				     .why = ""};
}

/* Recorded, but perhaps the process died before its consequences were published. Whoever got the job for the first time
 * has a copy: the one who recorded it answers for the rest. */
static bool is_repeat(const struct sw_push_gate *gate, struct sw_push_step *step_out)
{
	*step_out = repeat(gate);
	switch (gate->state) {
	case SW_PUSH_STATE_NONE:
		return false;
	case SW_PUSH_STATE_SENDING:
	case SW_PUSH_STATE_RETRY:
		if (gate->state_attempts <= gate->attempts) {
			return false;
		}
		if (gate->redelivered) {
			step_out->next = SW_PUSH_NEXT_LATER;
			step_out->stage = sw_topology_retry_stage(gate->state_attempts - 1, -1, gate->random);
		}
		return true;
	case SW_PUSH_STATE_DELIVERED:
		return true;
	case SW_PUSH_STATE_DROPPED:
		return !gate->redelivered; /* the checks say again what is to be done */
	case SW_PUSH_STATE_TOKEN_DEAD:
		step_out->token_dead = gate->redelivered;
		return true;
	case SW_PUSH_STATE_REJECTED:
	case SW_PUSH_STATE_DEAD:
		step_out->dead = gate->redelivered;
		step_out->fallback = gate->redelivered && !gate->fallback_only;
		return true;
	}
	return false;
}

static struct sw_push_step drop(const struct sw_push_gate *gate, enum sw_push_result result, const char *why)
{
	return (struct sw_push_step){.next = SW_PUSH_NEXT_END,
				     .result = result,
				     .record = SW_PUSH_STATE_DROPPED,
				     .attempts = gate->attempts,
				     .why = why};
}

/* Not sent: where the token has moved to, somebody else would see it. */
static struct sw_push_step give_token_up(const struct sw_push_gate *gate)
{
	const char *why = gate->token_moved ? "another device reports it now" : "not reported by its app for too long";
	return (struct sw_push_step){.next = SW_PUSH_NEXT_END,
				     .result = SW_PUSH_RESULT_TOKEN_DEAD,
				     .record = SW_PUSH_STATE_TOKEN_DEAD,
				     .attempts = gate->attempts,
				     .token_dead = true,
				     .why = why};
}

static bool is_unwanted(const struct sw_push_gate *gate, struct sw_push_step *step_out)
{
	if (gate->muted_until_ms > gate->now_ms) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_MUTED, "muted");
	} else if (gate->unmentioned) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_NOT_MENTIONED, "not_mentioned");
	} else {
		return false;
	}
	return true;
}

/* The longest delay that does not end after them, so that they are met from below. */
static unsigned quiet_stage(int64_t left_ms)
{
	unsigned stage = sw_topology_retry_stage_at_least(left_ms);
	while (stage > 0 && sw_retry_delays_ms[stage] > left_ms + SW_PUSH_QUIET_LATE_MS) {
		stage--;
	}
	return stage;
}

/* One push a conversation when the quiet hours are over, the newest. The record says that it waits, and so what it is
 * when it comes back. */
static bool is_quiet(const struct sw_push_gate *gate, struct sw_push_step *step_out)
{
	if (gate->held_quiet && gate->newer) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_SUPERSEDED, "superseded");
		return true;
	}
	if (gate->quiet_until_ms <= gate->now_ms) {
		return false;
	}
	*step_out = (struct sw_push_step){.next = SW_PUSH_NEXT_LATER,
					  .result = SW_PUSH_RESULT_HELD_QUIET,
					  .record = gate->held_quiet ? SW_PUSH_STATE_NONE : SW_PUSH_STATE_RETRY,
					  .attempts = gate->attempts,
					  .stage = quiet_stage(gate->quiet_until_ms - gate->now_ms),
					  .due_ms = gate->quiet_until_ms,
					  .why = SW_PUSH_WHY_QUIET};
	return true;
}

bool sw_push_gate(const struct sw_push_gate *gate, struct sw_push_step *step_out)
{
	if (is_repeat(gate, step_out)) {
		return false;
	}
	if (gate->alert_over) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_ALERT_OVER, gate->alert_over);
		return false;
	}
	if (gate->cancelled) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_CANCELLED, "cancelled");
		return false;
	}
	if (gate->pos && gate->cursor >= gate->pos) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_ACKED, "acked");
		return false;
	}
	if (gate->pos && gate->seen >= gate->pos) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_READ_ELSEWHERE, "read_elsewhere");
		return false;
	}
	if (gate->chat && is_unwanted(gate, step_out)) {
		return false;
	}
	if (gate->token_gone && !gate->bare_token) {
		/* Died through another job: the person must still be told somehow. */
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_TOKEN_GONE, "token_gone");
		step_out->fallback = !gate->other_live && !gate->fallback_only;
		return false;
	}
	if (gate->token_replaced && !gate->bare_token) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_TOKEN_REPLACED, "token_replaced");
		return false;
	}
	if (gate->now_ms >= gate->spent_at_ms) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_EXPIRED, "expired");
		return false;
	}
	if (!gate->bare_token && (gate->token_stale || gate->token_moved)) {
		*step_out = give_token_up(gate);
		return false;
	}
	if (gate->nothing_shown) {
		*step_out = drop(gate, SW_PUSH_RESULT_DROPPED_NOTHING_SHOWN, "nothing_shown");
		return false;
	}
	return !gate->chat || !is_quiet(gate, step_out);
}

/* ---- mails that tell all that was missed ---- */

enum sw_push_digest_verdict sw_push_digest(const struct sw_push_digest *d, int64_t *wait_ms_out)
{
	if (d->mine) {
		return d->count ? SW_PUSH_DIGEST_SEND : SW_PUSH_DIGEST_READ;
	}
	if (d->told_pos >= d->pos) {
		return SW_PUSH_DIGEST_TOLD;
	}
	*wait_ms_out = SW_PUSH_DIGEST_WAIT_MS;
	if (!d->claimed) {
		int64_t left_ms = d->told_at_ms + d->interval_ms - d->now_ms;
		*wait_ms_out = left_ms > SW_PUSH_DIGEST_WAIT_MIN_MS ? left_ms : SW_PUSH_DIGEST_WAIT_MIN_MS;
	}
	return SW_PUSH_DIGEST_WAIT;
}
