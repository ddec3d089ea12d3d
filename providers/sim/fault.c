/* SPDX-License-Identifier: Apache-2.0 */
/* The list of faults in force, and which of them a request meets. */
#include "sim/fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/clock.h>
#include <surewire/mem.h>

#include "base/rng.h"

enum { SHARE_STEPS = 1000000 };

const char *sw_sim_provider_name(enum sw_sim_provider provider)
{
	static const char *const names[] = {"apns",   "fcm",          "oauth",   "smtp",
					    "huawei", "huawei_oauth", "webpush", "webhook"};
	return names[provider];
}

void sw_sim_faults_init(struct sw_sim_faults *faults)
{
	*faults = (struct sw_sim_faults){.list = sw_xcalloc(SW_SIM_FAULTS_MAX, sizeof(struct sw_sim_fault)),
					 .next_id = 1};
}

void sw_sim_faults_release(struct sw_sim_faults *faults)
{
	if (faults->list) {
		sw_sim_faults_clear(faults);
		free(faults->list);
		faults->list = NULL;
	}
}

static void remove_at(struct sw_sim_faults *faults, size_t i)
{
	json_decref(faults->list[i].source);
	faults->count--;
	memmove(&faults->list[i], &faults->list[i + 1], (faults->count - i) * sizeof(faults->list[0]));
}

static bool is_over(const struct sw_sim_fault *fault, int64_t now_ms)
{
	return fault->left == 0 || (fault->for_ms >= 0 && now_ms >= fault->from_ms + fault->for_ms);
}

static void sweep(struct sw_sim_faults *faults, int64_t now_ms)
{
	for (size_t i = faults->count; i-- > 0;) {
		if (is_over(&faults->list[i], now_ms)) {
			remove_at(faults, i);
		}
	}
}

uint64_t sw_sim_faults_add(struct sw_sim_faults *faults, struct sw_sim_fault *fault, int64_t now_mono_ms)
{
	sweep(faults, now_mono_ms);
	if (faults->count == SW_SIM_FAULTS_MAX) {
		json_decref(fault->source);
		return 0;
	}
	fault->id = faults->next_id++;
	fault->from_ms = now_mono_ms + fault->after_ms;
	faults->list[faults->count++] = *fault;
	return fault->id;
}

bool sw_sim_faults_remove(struct sw_sim_faults *faults, uint64_t id)
{
	for (size_t i = 0; i < faults->count; i++) {
		if (faults->list[i].id == id) {
			remove_at(faults, i);
			return true;
		}
	}
	return false;
}

void sw_sim_faults_clear(struct sw_sim_faults *faults)
{
	while (faults->count > 0) {
		remove_at(faults, faults->count - 1);
	}
}

static bool hits(const struct sw_sim_fault *fault, struct sw_bytes token, int64_t now_ms)
{
	if (now_ms < fault->from_ms || is_over(fault, now_ms) ||
	    (fault->token[0] && !sw_bytes_equal_str(token, fault->token))) {
		return false;
	}
	return fault->share >= 1 || (double)sw_rng_below(SHARE_STEPS) < fault->share * SHARE_STEPS;
}

bool sw_sim_faults_take(struct sw_sim_faults *faults, enum sw_sim_provider provider, enum sw_sim_stage stage,
			struct sw_bytes token, struct sw_sim_action *action_out)
{
	int64_t now_ms = sw_clock_mono_ms();
	for (size_t i = 0; i < faults->count; i++) {
		struct sw_sim_fault *fault = &faults->list[i];
		if (fault->provider == provider && fault->stage == stage && hits(fault, token, now_ms)) {
			fault->hits++;
			fault->left -= fault->left > 0;
			*action_out = fault->action;
			return true;
		}
	}
	return false;
}

void sw_sim_faults_write(const struct sw_sim_faults *faults, struct sw_buf *out)
{
	int64_t now_ms = sw_clock_mono_ms();
	sw_buf_put_str(out, "{\"faults\":[");
	for (size_t i = 0; i < faults->count; i++) {
		const struct sw_sim_fault *fault = &faults->list[i];
		char *source = json_dumps(fault->source, JSON_COMPACT);
		sw_buf_printf(out, "%s{\"id\":%" PRIu64 ",\"hits\":%" PRIu64 ",\"over\":%s,\"fault\":%s}", i ? "," : "",
			      fault->id, fault->hits, is_over(fault, now_ms) ? "true" : "false",
			      source ? source : "null");
		free(source);
	}
	sw_buf_put_str(out, "]}");
}
