/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps an instance's credential good: runs the one fetch that the provider asks for, waits after a failed one, and
 * holds sends back while there is none. The old one stays in use for as long as the provider says it is good. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>

#include <stddef.h>
#include <stdio.h>

enum {
	FETCH_TIMEOUT_MS = 15000,
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 60000,
	REFUSED_WAIT_MS = 60000, /* the service knows us and says no: an operator has to act */
	LOOK_AGAIN_MS = 1000,
	TELL_MS = 60000,
};

static void look_again(struct sw_pusher_instance_run *instance, int64_t delay_ms)
{
	if (!sw_wheel_is_armed(&instance->credential.timer)) {
		sw_loop_arm(instance->pusher->loop, &instance->credential.timer, delay_ms);
	}
}

static void set_text(struct sw_pusher_credential *credential, const char *text)
{
	snprintf(credential->text, sizeof(credential->text), "%s", text);
}

static void set_ready(struct sw_pusher_instance_run *instance, bool ready)
{
	struct sw_pusher_credential *credential = &instance->credential;
	if (ready) {
		if (credential->told_mono_ms && !credential->ready) {
			SW_LOG(INFO, "pusher.credential_good", SW_F_STR("instance", instance->config->name));
			credential->told_mono_ms = 0;
		}
		credential->text[0] = '\0';
	} else if (credential->text[0] == '\0') {
		set_text(credential, credential->fetch_text[0] ? credential->fetch_text
				     : credential->fetching    ? "being fetched"
							       : "the provider has none that works");
	}
	credential->ready = ready;
}

/* Once a minute while it lasts. */
static void tell(struct sw_pusher_instance_run *instance, const char *event)
{
	struct sw_pusher_credential *credential = &instance->credential;
	int64_t now_ms = sw_clock_mono_ms();
	if (!credential->told_mono_ms || now_ms - credential->told_mono_ms >= TELL_MS) {
		SW_LOG(ERROR, event, SW_F_STR("instance", instance->config->name),
		       SW_F_STR("reason", credential->text));
		credential->told_mono_ms = now_ms;
	}
}

static void on_failed(struct sw_pusher_instance_run *instance, const char *text, int64_t wait_ms)
{
	struct sw_pusher_credential *credential = &instance->credential;
	int64_t backoff_ms = credential->backoff_ms ? credential->backoff_ms : BACKOFF_MIN_MS;
	wait_ms = wait_ms > backoff_ms ? wait_ms : backoff_ms;
	credential->backoff_ms = backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff_ms * 2;
	credential->wait_until_mono_ms = sw_clock_mono_ms() + wait_ms;
	set_text(credential, text);
	snprintf(credential->fetch_text, sizeof(credential->fetch_text), "%s", text);
	tell(instance, "pusher.credential_not_fetched");
	look_again(instance, wait_ms);
}

static void on_fetched(struct sw_fetch *fetch, const struct sw_fetch_result *result)
{
	struct sw_pusher_instance_run *instance = fetch->ctx;
	struct sw_pusher_credential *credential = &instance->credential;
	struct sw_diag diag = {""};
	credential->fetching = false;
	int err = instance->ops->credential_response(instance->provider, &result->response, sw_clock_wall_ms(), &diag);
	if (err == SW_OK) {
		credential->number++;
		credential->backoff_ms = 0;
		credential->wait_until_mono_ms = 0;
		credential->fetch_text[0] = '\0';
		SW_LOG(INFO, "pusher.credential_fetched", SW_F_STR("instance", instance->config->name),
		       SW_F_INT("duration_ms", result->duration_ms));
	} else if (instance->pusher->phase == SW_PUSHER_RUNNING) {
		const char *text = result->response.status == 0 && result->detail[0] ? result->detail
				 : diag.text[0]                                      ? diag.text
										     : sw_err_text(err);
		on_failed(instance, text, err == SW_EAUTH ? REFUSED_WAIT_MS : 0);
	}
	sw_arena_reset(&credential->arena);
	sw_pusher_instance_kick(instance);
}

static void fetch(struct sw_pusher_instance_run *instance)
{
	struct sw_pusher_credential *credential = &instance->credential;
	if (credential->fetching || sw_clock_mono_ms() < credential->wait_until_mono_ms) {
		return;
	}
	struct sw_diag diag = {""};
	sw_arena_reset(&credential->arena);
	credential->fetch = (struct sw_fetch){.timeout_ms = FETCH_TIMEOUT_MS, .done = on_fetched, .ctx = instance};
	int err = !instance->ops->credential_request
			? sw_diag_set(&diag, SW_ECONFIG, "the provider has no way to fetch one")
			: instance->ops->credential_request(instance->provider, sw_clock_wall_ms(), &credential->arena,
							    &credential->fetch.request, &diag);
	err = err ? err : sw_fetch_start(instance->pusher->curl, &credential->fetch, &diag);
	if (err) {
		on_failed(instance, diag.text[0] ? diag.text : sw_err_text(err), 0);
		return;
	}
	credential->fetching = true;
}

bool sw_pusher_credential_ready(struct sw_pusher_instance_run *instance)
{
	switch (instance->ops->credential_state(instance->provider, sw_clock_wall_ms())) {
	case SW_CREDENTIAL_READY:
		set_ready(instance, !instance->credential.doubted);
		return true;
	case SW_CREDENTIAL_RENEW:
		fetch(instance);
		set_ready(instance, !instance->credential.doubted);
		return true;
	case SW_CREDENTIAL_FETCH:
		fetch(instance);
		set_ready(instance, false);
		return false;
	case SW_CREDENTIAL_BROKEN:
		break;
	}
	set_ready(instance, false);
	tell(instance, "pusher.credential_broken");
	look_again(instance, LOOK_AGAIN_MS);
	return false;
}

static void refused(struct sw_pusher_instance_run *instance, const struct sw_outcome *outcome)
{
	struct sw_pusher_credential *credential = &instance->credential;
	credential->number++;
	SW_LOG(WARN, "pusher.credential_refused", SW_F_STR("instance", instance->config->name),
	       SW_F_INT("status", outcome->status), SW_F_STR("reason", outcome->reason));
	instance->ops->credential_refused(instance->provider, sw_clock_wall_ms());
	if (instance->ops->credential_state(instance->provider, sw_clock_wall_ms()) != SW_CREDENTIAL_READY) {
		credential->doubted = true;
		/* Why there is no other one says more than that this one is over. */
		credential->text[0] = '\0';
		if (!credential->fetch_text[0]) {
			snprintf(credential->text, sizeof(credential->text), "refused by the service: %d %s",
				 outcome->status, outcome->reason);
		}
		set_ready(instance, false);
	}
}

/* The service looked at more than who we are. */
static bool was_taken(const struct sw_outcome *outcome)
{
	return outcome->status != 0 &&
	       (sw_push_news(outcome) == SW_BREAKER_WORKS || outcome->kind == SW_OUTCOME_CONFIG);
}

void sw_pusher_credential_tell(struct sw_pusher_instance_run *instance, uint64_t number,
			       const struct sw_outcome *outcome)
{
	struct sw_pusher_credential *credential = &instance->credential;
	if (number != credential->number) {
		return; /* of an older one: its successor is not to blame */
	}
	if (outcome->kind == SW_OUTCOME_CREDENTIAL) {
		refused(instance, outcome);
	} else if (credential->doubted && was_taken(outcome)) {
		credential->doubted = false;
		set_ready(instance, true);
	}
}

void sw_pusher_credential_reloaded(struct sw_pusher_instance_run *instance)
{
	struct sw_pusher_credential *credential = &instance->credential;
	credential->number++;
	credential->doubted = false;
	credential->wait_until_mono_ms = 0;
	credential->backoff_ms = 0;
	credential->fetch_text[0] = '\0';
}

size_t sw_pusher_credential_sending_max(const struct sw_pusher_instance_run *instance, size_t sending_max)
{
	return instance->credential.doubted ? 1 : sending_max;
}
