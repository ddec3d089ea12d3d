/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from an outcome: every outcome × attempts × age × kind of provider, against a table written by hand. */
#include "pusher/policy.h"

#include "bus/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ATTEMPTS_MAX = 4, NOW_MS = 100000000, HOUR_MS = 3600000 };

/* What is expected, in one word: */
enum expected {
	ENDS,       /* delivered */
	RETRIES,    /* later, counted */
	RESENDS,    /* at once */
	WAITS,      /* later, not counted */
	WAITS_LONG, /* the same, a minute at least */
	BURIES_TOKEN,
	REJECTS,
	DIES,      /* spent: dead letter, counted */
	DIES_HELD, /* the same without an attempt of its own */
};

enum age { YOUNG, OLD }; /* OLD: the next try would come too late */
enum attempts { FIRST, LAST };

struct row {
	enum sw_outcome_kind outcome;
	enum expected young_first, young_last, old_first, old_last;
};

/* Streaks at their end are in tests of their own. */
static const struct row table[] = {
	{SW_OUTCOME_DELIVERED, ENDS, ENDS, ENDS, ENDS},
	{SW_OUTCOME_RETRY, RETRIES, DIES, DIES, DIES},
	{SW_OUTCOME_CREDENTIAL, RESENDS, RESENDS, RESENDS, RESENDS},
	{SW_OUTCOME_TOKEN_DEAD, BURIES_TOKEN, BURIES_TOKEN, BURIES_TOKEN, BURIES_TOKEN},
	{SW_OUTCOME_REJECTED, REJECTS, REJECTS, REJECTS, REJECTS},
	{SW_OUTCOME_THROTTLED, RETRIES, DIES, DIES, DIES},
	{SW_OUTCOME_UNSENT, RESENDS, RESENDS, RESENDS, RESENDS},
	{SW_OUTCOME_UNKNOWN, RETRIES, DIES, DIES, DIES},
	{SW_OUTCOME_CONFIG, WAITS_LONG, WAITS_LONG, DIES_HELD, DIES_HELD},
};

static struct sw_push_facts facts_of(const struct sw_outcome *outcome, enum attempts attempts, enum age age)
{
	return (struct sw_push_facts){
		.outcome = outcome,
		.attempts = attempts == FIRST ? 0 : ATTEMPTS_MAX - 1,
		.attempts_max = ATTEMPTS_MAX,
		.now_ms = NOW_MS,
		.created_at_ms = NOW_MS - 1000,
		.spent_at_ms = age == YOUNG ? NOW_MS + HOUR_MS : NOW_MS + 999,
		.registered_at_ms = NOW_MS - HOUR_MS,
		.random = 12345678901234567u,
	};
}

static void check_dead(const struct sw_push_step *step, const struct sw_push_facts *facts, unsigned attempts)
{
	assert_int_equal(step->next, SW_PUSH_NEXT_END);
	assert_int_equal(step->record, SW_PUSH_STATE_DEAD);
	assert_int_equal(step->result, SW_PUSH_RESULT_DEAD);
	assert_int_equal(step->attempts, attempts);
	assert_true(step->dead);
	assert_int_equal(step->fallback, !facts->fallback_only);
	assert_false(step->token_dead);
	assert_true(strlen(step->why) > 0);
}

static void check_end(const struct sw_push_step *step, enum sw_push_state record, enum sw_push_result result)
{
	assert_int_equal(step->next, SW_PUSH_NEXT_END);
	assert_int_equal(step->record, record);
	assert_int_equal(step->result, result);
}

static void check_later(const struct sw_push_step *step, enum sw_push_state record, enum sw_push_result result)
{
	assert_int_equal(step->next, SW_PUSH_NEXT_LATER);
	assert_int_equal(step->record, record);
	assert_int_equal(step->result, result);
	assert_false(step->dead || step->fallback || step->token_dead);
}

static void check(enum expected expected, const struct sw_push_facts *facts)
{
	struct sw_push_step step = sw_push_after_outcome(facts);
	assert_non_null(step.why);
	switch (expected) {
	case ENDS:
		check_end(&step, SW_PUSH_STATE_DELIVERED, SW_PUSH_RESULT_DELIVERED);
		assert_int_equal(step.attempts, facts->attempts + 1);
		assert_false(step.dead || step.fallback || step.token_dead);
		break;
	case RETRIES:
		check_later(&step, SW_PUSH_STATE_RETRY, SW_PUSH_RESULT_RETRIED);
		assert_int_equal(step.attempts, facts->attempts + 1);
		break;
	case RESENDS:
		assert_int_equal(step.next, SW_PUSH_NEXT_RESEND);
		assert_int_equal(step.record, SW_PUSH_STATE_NONE);
		assert_int_equal(step.attempts, facts->attempts);
		break;
	case WAITS:
		check_later(&step, SW_PUSH_STATE_RETRY, SW_PUSH_RESULT_HELD);
		assert_int_equal(step.attempts, facts->attempts);
		assert_int_equal(step.stage, 0);
		break;
	case WAITS_LONG:
		check_later(&step, SW_PUSH_STATE_RETRY, SW_PUSH_RESULT_HELD);
		assert_int_equal(step.attempts, facts->attempts);
		assert_true(sw_retry_delays_ms[step.stage] >= 60000);
		break;
	case BURIES_TOKEN:
		check_end(&step, SW_PUSH_STATE_TOKEN_DEAD, SW_PUSH_RESULT_TOKEN_DEAD);
		assert_true(step.token_dead);
		assert_false(step.dead || step.fallback);
		break;
	case REJECTS:
		check_end(&step, SW_PUSH_STATE_REJECTED, SW_PUSH_RESULT_REJECTED);
		assert_true(step.dead);
		assert_int_equal(step.fallback, !facts->fallback_only);
		break;
	case DIES:
		check_dead(&step, facts, facts->attempts + 1);
		break;
	case DIES_HELD:
		check_dead(&step, facts, facts->attempts);
		break;
	}
}

static void after_outcome__every_combination__follows_the_table(void **state)
{
	(void)state;
	assert_int_equal(sizeof(table) / sizeof(table[0]), SW_OUTCOME_CONFIG + 1);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row *row = &table[i];
		struct sw_outcome outcome = {.kind = row->outcome, .after_ms = -1};
		for (int fallback_only = 0; fallback_only <= 1; fallback_only++) {
			const enum expected expected[2][2] = {{row->young_first, row->young_last},
							      {row->old_first, row->old_last}};
			for (int age = YOUNG; age <= OLD; age++) {
				for (int attempts = FIRST; attempts <= LAST; attempts++) {
					struct sw_push_facts facts = facts_of(&outcome, (enum attempts)attempts,
									      (enum age)age);
					facts.fallback_only = fallback_only;
					check(expected[age][attempts], &facts);
				}
			}
		}
	}
}

static void after_outcome__unsent_too_often__pauses_without_counting(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_UNSENT};
	struct sw_push_facts facts = facts_of(&outcome, LAST, YOUNG);
	facts.unsent_streak = SW_PUSH_UNSENT_MAX - 1;
	check(RESENDS, &facts);
	facts.unsent_streak = SW_PUSH_UNSENT_MAX;
	check(WAITS, &facts);
	facts.spent_at_ms = NOW_MS + 999;
	check(DIES_HELD, &facts);
}

static void after_outcome__credential_too_often__is_an_attempt(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_CREDENTIAL, .after_ms = -1};
	struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
	facts.credential_streak = SW_PUSH_CREDENTIAL_MAX - 1;
	check(RESENDS, &facts);
	facts.credential_streak = SW_PUSH_CREDENTIAL_MAX;
	check(RETRIES, &facts);
	facts.attempts = ATTEMPTS_MAX - 1;
	check(DIES, &facts);
}

/* It would be every job's attempt, until an operator comes. */
static void after_outcome__credential_too_often_while_it_is_doubted__costs_no_attempt(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_CREDENTIAL, .after_ms = -1};
	struct sw_push_facts facts = facts_of(&outcome, LAST, YOUNG);
	facts.credential_doubted = true;
	facts.credential_streak = SW_PUSH_CREDENTIAL_MAX - 1;
	check(RESENDS, &facts);
	facts.credential_streak = SW_PUSH_CREDENTIAL_MAX;
	struct sw_push_step step = sw_push_after_outcome(&facts);
	assert_int_equal(step.next, SW_PUSH_NEXT_LATER);
	assert_int_equal(step.result, SW_PUSH_RESULT_HELD);
	assert_int_equal(step.attempts, facts.attempts);
	assert_true(sw_retry_delays_ms[step.stage] >= SW_PUSH_CONFIG_WAIT_MS);
	facts.spent_at_ms = NOW_MS + 999;
	check(DIES_HELD, &facts);
}

static void after_outcome__retry_after__is_a_minimum(void **state)
{
	(void)state;
	const enum sw_outcome_kind kinds[] = {SW_OUTCOME_RETRY, SW_OUTCOME_THROTTLED};
	for (size_t i = 0; i < 2; i++) {
		struct sw_outcome outcome = {.kind = kinds[i], .after_ms = 100000};
		struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
		struct sw_push_step step = sw_push_after_outcome(&facts);
		assert_int_equal(step.next, SW_PUSH_NEXT_LATER);
		assert_true(sw_retry_delays_ms[step.stage] >= 100000);
		facts.spent_at_ms = NOW_MS + 99000; /* the service itself says that it will be too late */
		check(DIES, &facts);
	}
}

static void after_outcome__unknown_with_a_stale_wait__ignores_it(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_UNKNOWN, .after_ms = 3600000};
	struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
	assert_int_equal(sw_push_after_outcome(&facts).stage, 0);
}

static void after_outcome__token_died_before_it_was_reported_again__retries(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_TOKEN_DEAD, .after_ms = -1, .since_ms = NOW_MS - HOUR_MS - 1};
	struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
	check(RETRIES, &facts);
	facts.attempts = ATTEMPTS_MAX - 1;
	check(DIES, &facts);
	outcome.since_ms = NOW_MS - HOUR_MS; /* the same moment: dead */
	facts.attempts = 0;
	check(BURIES_TOKEN, &facts);
	outcome.since_ms = NOW_MS;
	check(BURIES_TOKEN, &facts);
}

static void after_outcome__misconfigured_for_hours__waits_longer(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_CONFIG};
	struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
	facts.created_at_ms = NOW_MS - 8 * HOUR_MS;
	facts.spent_at_ms = NOW_MS + 16 * HOUR_MS;
	struct sw_push_step step = sw_push_after_outcome(&facts);
	assert_int_equal(step.next, SW_PUSH_NEXT_LATER);
	assert_true(sw_retry_delays_ms[step.stage] >= HOUR_MS);
}

static void after_outcome__any_chance__backoff_stays_below_its_cap(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_RETRY, .after_ms = -1};
	for (unsigned attempts = 0; attempts < 10; attempts++) {
		struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
		facts.attempts_max = 100;
		facts.attempts = attempts;
		for (uint64_t random = 0; random < 200; random++) {
			facts.random = random * 7919;
			struct sw_push_step step = sw_push_after_outcome(&facts);
			assert_int_equal(step.next, SW_PUSH_NEXT_LATER);
			assert_true(sw_retry_delays_ms[step.stage] <= 1000 << attempts);
		}
	}
}

static void after_hold__young_and_old__waits_or_dies(void **state)
{
	(void)state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_UNSENT};
	struct sw_push_facts facts = facts_of(&outcome, FIRST, YOUNG);
	struct sw_push_step step = sw_push_after_hold(&facts);
	check_later(&step, SW_PUSH_STATE_RETRY, SW_PUSH_RESULT_HELD);
	assert_true(sw_retry_delays_ms[step.stage] >= SW_PUSH_CONFIG_WAIT_MS);
	assert_int_equal(step.attempts, 0);
	facts.spent_at_ms = NOW_MS + 1000;
	step = sw_push_after_hold(&facts);
	check_dead(&step, &facts, 0);
}

static void put_off__whatever_holds_it_up__is_recorded_and_counts_as_that(void **state)
{
	(void)state;
	static const enum sw_push_result results[] = {SW_PUSH_RESULT_HELD_BREAKER, SW_PUSH_RESULT_HELD_RATE,
						      SW_PUSH_RESULT_HELD_DIGEST};
	struct sw_outcome outcome = {.kind = SW_OUTCOME_UNSENT};
	struct sw_push_facts facts = facts_of(&outcome, LAST, YOUNG);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct sw_push_step step = sw_push_put_off(&facts, 5001, results[i]);
		check_later(&step, SW_PUSH_STATE_RETRY, results[i]);
		assert_int_equal(step.attempts, facts.attempts);
		assert_int_equal(sw_retry_delays_ms[step.stage], 7500);
		assert_int_equal(step.due_ms, 0);
	}
	facts.spent_at_ms = NOW_MS + 7500;
	struct sw_push_step step = sw_push_put_off(&facts, 5001, SW_PUSH_RESULT_HELD_RATE);
	check_dead(&step, &facts, facts.attempts);
}

static void state_parse__every_state__comes_back(void **state)
{
	(void)state;
	for (int i = SW_PUSH_STATE_NONE; i <= SW_PUSH_STATE_DEAD; i++) {
		const char *text = sw_push_state_text((enum sw_push_state)i);
		assert_int_equal(sw_push_state_parse(sw_bytes_str(text)), i);
	}
	assert_int_equal(sw_push_state_parse(sw_bytes_str("archived")), SW_PUSH_STATE_NONE);
}

static void digest__every_state_of_a_device__one_verdict(void **state)
{
	(void)state;
	static const struct {
		struct sw_push_digest digest;
		enum sw_push_digest_verdict verdict;
		int64_t wait_ms;
	} rows[] = {
		{{.mine = true, .claimed = true, .count = 3, .pos = 5}, SW_PUSH_DIGEST_SEND, 0},
		{{.mine = true, .claimed = true, .count = 0, .pos = 5}, SW_PUSH_DIGEST_READ, 0},
		{{.pos = 5, .told_pos = 5}, SW_PUSH_DIGEST_TOLD, 0},
		{{.claimed = true, .pos = 5, .told_pos = 9}, SW_PUSH_DIGEST_TOLD, 0},
		{{.claimed = true, .pos = 5, .told_pos = 4}, SW_PUSH_DIGEST_WAIT, SW_PUSH_DIGEST_WAIT_MS},
		{{.pos = 5, .told_pos = 4, .told_at_ms = 100000, .interval_ms = 60000, .now_ms = 130000},
		 SW_PUSH_DIGEST_WAIT,
		 30000},
		/* Claimed by another one that has given it up meanwhile. */
		{{.pos = 5, .told_pos = 4, .told_at_ms = 100000, .interval_ms = 60000, .now_ms = 170000},
		 SW_PUSH_DIGEST_WAIT,
		 SW_PUSH_DIGEST_WAIT_MIN_MS},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t wait_ms = 0;
		assert_int_equal(sw_push_digest(&rows[i].digest, &wait_ms), rows[i].verdict);
		assert_int_equal(wait_ms, rows[i].wait_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_outcome__every_combination__follows_the_table),
		cmocka_unit_test(after_outcome__unsent_too_often__pauses_without_counting),
		cmocka_unit_test(after_outcome__credential_too_often__is_an_attempt),
		cmocka_unit_test(after_outcome__credential_too_often_while_it_is_doubted__costs_no_attempt),
		cmocka_unit_test(after_outcome__retry_after__is_a_minimum),
		cmocka_unit_test(after_outcome__unknown_with_a_stale_wait__ignores_it),
		cmocka_unit_test(after_outcome__token_died_before_it_was_reported_again__retries),
		cmocka_unit_test(after_outcome__misconfigured_for_hours__waits_longer),
		cmocka_unit_test(after_outcome__any_chance__backoff_stays_below_its_cap),
		cmocka_unit_test(after_hold__young_and_old__waits_or_dies),
		cmocka_unit_test(put_off__whatever_holds_it_up__is_recorded_and_counts_as_that),
		cmocka_unit_test(state_parse__every_state__comes_back),
		cmocka_unit_test(digest__every_state_of_a_device__one_verdict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
