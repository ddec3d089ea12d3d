/* SPDX-License-Identifier: Apache-2.0 */
/* Holding back, one fetch at a time, waiting after a failed one, and who is to blame for a refusal. The provider is a
 * fake; its token address is a port of this machine where nobody listens, so every fetch fails. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sw_provider {
	enum sw_credential_state state;
	enum sw_credential_state state_refused; /* after credential_refused */
	int requests, responses, refusals;
	int response_result;
};

struct fixture {
	struct sw_pusher pusher;
	struct sw_pusher_instance config;
	struct sw_pusher_instance_run instance;
	struct sw_provider provider;
	int turns;
};

static struct fixture *current;

static enum sw_credential_state on_state(struct sw_provider *provider, int64_t now_ms)
{
	(void)now_ms;
	return provider->state;
}

static int on_request(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
		      struct sw_credential_request *request_out, struct sw_diag *diag_out)
{
	(void)now_ms;
	(void)diag_out;
	provider->requests++;
	*request_out = (struct sw_credential_request){
		.url = sw_arena_copy(arena, sw_bytes_str("http://127.0.0.1:1/token")),
		.content_type = "application/x-www-form-urlencoded",
		.body = sw_bytes_str("grant"),
	};
	return SW_OK;
}

static int on_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
		       struct sw_diag *diag_out)
{
	(void)now_ms;
	(void)diag_out;
	assert_int_equal(response->status, 0);
	provider->responses++;
	return provider->response_result;
}

static void on_refused(struct sw_provider *provider, int64_t now_ms)
{
	(void)now_ms;
	provider->refusals++;
	provider->state = provider->state_refused;
}

static const struct sw_provider_ops fake = {
	.name = "fake",
	.credential_state = on_state,
	.credential_request = on_request,
	.credential_response = on_response,
	.credential_refused = on_refused,
};
static const struct sw_provider_ops fake_signing = {
	.name = "fake",
	.credential_state = on_state,
	.credential_refused = on_refused,
};

static void on_turn(struct sw_turn *turn)
{
	(void)turn;
	current->turns++;
}

static void on_timer(struct sw_wheel_node *node)
{
	(void)node;
}

static int setup(void **state)
{
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	current = f;
	f->pusher.loop = sw_loop_new("test", 16);
	f->pusher.curl = sw_curl_loop_new(sw_loop_uv(f->pusher.loop));
	f->config = (struct sw_pusher_instance){.name = "main", .ops = &fake};
	f->instance.pusher = &f->pusher;
	f->instance.config = &f->config;
	f->instance.ops = &fake;
	f->instance.provider = &f->provider;
	f->instance.turn.run = on_turn;
	f->instance.credential.timer.fire = on_timer;
	sw_arena_init(&f->instance.credential.arena);
	f->provider.response_result = SW_EUNAVAILABLE;
	*state = f;
	return 0;
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	bool closed = false;
	sw_loop_disarm(f->pusher.loop, &f->instance.credential.timer);
	sw_curl_loop_close(f->pusher.curl, on_closed, &closed);
	while (!closed) {
		uv_run(sw_loop_uv(f->pusher.loop), UV_RUN_ONCE);
	}
	sw_turn_cancel(&f->instance.turn);
	sw_loop_free(f->pusher.loop);
	sw_arena_release(&f->instance.credential.arena);
	free(f);
	return 0;
}

/* Until the fetch under way has ended. */
static void run(struct fixture *f)
{
	while (f->instance.credential.fetching) {
		uv_run(sw_loop_uv(f->pusher.loop), UV_RUN_ONCE);
	}
}

static void ready__good__sends(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_READY;
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_true(f->instance.credential.ready);
	assert_int_equal(f->provider.requests, 0);
}

static void ready__none_yet__fetches_once_and_holds_back(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_FETCH;
	assert_false(sw_pusher_credential_ready(&f->instance));
	assert_false(sw_pusher_credential_ready(&f->instance));
	assert_int_equal(f->provider.requests, 1);
	assert_true(f->instance.credential.fetching);
	assert_true(strlen(f->instance.credential.text) > 0);
	run(f);
	assert_int_equal(f->provider.responses, 1);
}

static void ready__fetch_failed__waits_before_the_next(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_FETCH;
	assert_false(sw_pusher_credential_ready(&f->instance));
	run(f);
	assert_false(sw_pusher_credential_ready(&f->instance));
	assert_int_equal(f->provider.requests, 1);
	assert_true(f->instance.credential.wait_until_mono_ms > sw_clock_mono_ms());
	assert_true(sw_wheel_is_armed(&f->instance.credential.timer));
	f->instance.credential.wait_until_mono_ms = 0;
	assert_false(sw_pusher_credential_ready(&f->instance));
	assert_int_equal(f->provider.requests, 2);
	run(f);
}

static void ready__identity_refused__waits_longer(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_FETCH;
	f->provider.response_result = SW_EAUTH;
	assert_false(sw_pusher_credential_ready(&f->instance));
	run(f);
	assert_true(f->instance.credential.wait_until_mono_ms > sw_clock_mono_ms() + 30000);
}

static void ready__fetched__is_a_new_one_and_goes_on(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_FETCH;
	f->provider.response_result = SW_OK;
	uint64_t before = f->instance.credential.number;
	assert_false(sw_pusher_credential_ready(&f->instance));
	run(f);
	assert_int_equal(f->instance.credential.number, before + 1);
	assert_int_equal(f->instance.credential.wait_until_mono_ms, 0);
	f->provider.state = SW_CREDENTIAL_READY;
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_string_equal(f->instance.credential.text, "");
	assert_true(f->instance.turn.link != NULL || f->turns > 0); /* what waits is looked at again */
}

static void ready__due_for_renewal__sends_and_fetches_beside(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_RENEW;
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_int_equal(f->provider.requests, 1);
	run(f);
	assert_true(sw_pusher_credential_ready(&f->instance)); /* the old one is still good */
}

static void ready__broken__holds_back_and_looks_again(void **state)
{
	struct fixture *f = *state;
	f->provider.state = SW_CREDENTIAL_BROKEN;
	assert_false(sw_pusher_credential_ready(&f->instance));
	assert_false(f->instance.credential.ready);
	assert_true(strlen(f->instance.credential.text) > 0);
	assert_true(sw_wheel_is_armed(&f->instance.credential.timer));
	assert_int_equal(f->provider.requests, 0);
}

static void ready__fetch_without_a_way_to__says_so(void **state)
{
	struct fixture *f = *state;
	f->instance.ops = &fake_signing;
	f->provider.state = SW_CREDENTIAL_FETCH;
	assert_false(sw_pusher_credential_ready(&f->instance));
	assert_false(f->instance.credential.fetching);
	assert_non_null(strstr(f->instance.credential.text, "no way to fetch"));
}

static void refused__many_sent_with_the_same__blamed_once(void **state)
{
	struct fixture *f = *state;
	struct sw_outcome outcome = {.kind = SW_OUTCOME_CREDENTIAL, .status = 401, .reason = "UNAUTHENTICATED"};
	f->provider.state = SW_CREDENTIAL_READY;
	f->provider.state_refused = SW_CREDENTIAL_FETCH;
	uint64_t number = f->instance.credential.number;
	sw_pusher_credential_tell(&f->instance, number, &outcome);
	sw_pusher_credential_tell(&f->instance, number, &outcome);
	assert_int_equal(f->provider.refusals, 1);
	assert_non_null(strstr(f->instance.credential.text, "401 UNAUTHENTICATED"));
	sw_pusher_credential_tell(&f->instance, f->instance.credential.number, &outcome);
	assert_int_equal(f->provider.refusals, 2);
}

/* One at a time, until the service takes the one in force. */
static void refused__and_none_to_replace_it__doubted_until_one_is_taken(void **state)
{
	struct fixture *f = *state;
	struct sw_pusher_credential *credential = &f->instance.credential;
	struct sw_outcome refusal = {.kind = SW_OUTCOME_CREDENTIAL, .status = 403, .reason = "InvalidProviderToken"};
	f->provider.state_refused = SW_CREDENTIAL_BROKEN;
	sw_pusher_credential_tell(&f->instance, credential->number, &refusal);
	assert_int_equal(sw_pusher_credential_sending_max(&f->instance, 256), 1);
	f->provider.state = SW_CREDENTIAL_READY; /* its pause is over */
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_false(credential->ready);
	assert_non_null(strstr(credential->text, "403 InvalidProviderToken"));
	struct sw_outcome says_nothing[] = {
		{.kind = SW_OUTCOME_RETRY, .status = 503},
		{.kind = SW_OUTCOME_UNKNOWN, .status = 200},
		{.kind = SW_OUTCOME_UNSENT},
		{.kind = SW_OUTCOME_REJECTED}, /* by encode */
	};
	for (size_t i = 0; i < sizeof(says_nothing) / sizeof(says_nothing[0]); i++) {
		sw_pusher_credential_tell(&f->instance, credential->number, &says_nothing[i]);
		assert_int_equal(sw_pusher_credential_sending_max(&f->instance, 256), 1);
	}
	struct sw_outcome taken = {.kind = SW_OUTCOME_DELIVERED, .status = 200};
	sw_pusher_credential_tell(&f->instance, credential->number - 1, &taken);
	assert_int_equal(sw_pusher_credential_sending_max(&f->instance, 256), 1);
	sw_pusher_credential_tell(&f->instance, credential->number, &taken);
	assert_int_equal(sw_pusher_credential_sending_max(&f->instance, 256), 256);
	assert_true(credential->ready);
	assert_string_equal(credential->text, "");
}

/* A renewal that failed while the old one was good; then that is over. */
static void refused__after_a_renewal_that_failed__the_reason_is_why(void **state)
{
	struct fixture *f = *state;
	struct sw_pusher_credential *credential = &f->instance.credential;
	struct sw_outcome refusal = {.kind = SW_OUTCOME_CREDENTIAL, .status = 401, .reason = "UNAUTHENTICATED"};
	f->provider.state = SW_CREDENTIAL_RENEW;
	f->provider.response_result = SW_EAUTH;
	assert_true(sw_pusher_credential_ready(&f->instance));
	run(f);
	f->provider.state = SW_CREDENTIAL_READY; /* its hold */
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_string_equal(credential->text, "");
	f->provider.state_refused = SW_CREDENTIAL_BROKEN;
	sw_pusher_credential_tell(&f->instance, credential->number, &refusal);
	assert_false(credential->ready);
	assert_non_null(strstr(credential->text, "127.0.0.1"));
	sw_pusher_credential_reloaded(&f->instance);
	f->provider.state = SW_CREDENTIAL_FETCH;
	assert_false(sw_pusher_credential_ready(&f->instance));
	run(f);
}

static void reloaded__after_a_refusal__as_good_as_new(void **state)
{
	struct fixture *f = *state;
	struct sw_pusher_credential *credential = &f->instance.credential;
	struct sw_outcome refusal = {.kind = SW_OUTCOME_CREDENTIAL, .status = 403, .reason = "InvalidProviderToken"};
	f->provider.state_refused = SW_CREDENTIAL_BROKEN;
	sw_pusher_credential_tell(&f->instance, credential->number, &refusal);
	uint64_t number = credential->number;
	sw_pusher_credential_reloaded(&f->instance);
	f->provider.state = SW_CREDENTIAL_READY;
	assert_true(sw_pusher_credential_ready(&f->instance));
	assert_true(credential->ready);
	sw_pusher_credential_tell(&f->instance, number, &refusal); /* of the old one, still under way */
	assert_int_equal(f->provider.refusals, 1);
	assert_true(credential->ready);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready__good__sends),
		TEST(ready__none_yet__fetches_once_and_holds_back),
		TEST(ready__fetch_failed__waits_before_the_next),
		TEST(ready__identity_refused__waits_longer),
		TEST(ready__fetched__is_a_new_one_and_goes_on),
		TEST(ready__due_for_renewal__sends_and_fetches_beside),
		TEST(ready__broken__holds_back_and_looks_again),
		TEST(ready__fetch_without_a_way_to__says_so),
		TEST(refused__many_sent_with_the_same__blamed_once),
		TEST(refused__and_none_to_replace_it__doubted_until_one_is_taken),
		TEST(refused__after_a_renewal_that_failed__the_reason_is_why),
		TEST(reloaded__after_a_refusal__as_good_as_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
