/* SPDX-License-Identifier: Apache-2.0 */
/* {"provider","match","action","count"|"for_s"} to a fault. Every key is known by a table; anything else is refused,
 * so that a typing error does not become a fault that never strikes. */
#include "sim/fault.h"

#include <stdio.h>
#include <string.h>

enum { SECONDS_MAX = 24 * 3600 };

typedef bool (*set_fn)(struct sw_sim_fault *fault, const json_t *value);

struct key {
	const char *name;
	set_fn set;
	const char *expected;
};

static bool set_text(char *out, size_t room, const json_t *value)
{
	if (!json_is_string(value) || json_string_length(value) >= room || json_string_length(value) == 0) {
		return false;
	}
	for (const char *c = json_string_value(value); *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			return false; /* it may end up in a header */
		}
	}
	snprintf(out, room, "%s", json_string_value(value));
	return true;
}

static bool get_int(const json_t *value, int64_t least, int64_t most, int64_t *out)
{
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= least && *out <= most;
}

static int find_word(const json_t *value, const char *const *words)
{
	for (int i = 0; json_is_string(value) && words[i]; i++) {
		if (strcmp(json_string_value(value), words[i]) == 0) {
			return i;
		}
	}
	return -1;
}

static bool set_provider(struct sw_sim_fault *fault, const json_t *value)
{
	static const char *const names[] = {"apns",         "fcm",     "oauth",   "smtp", "huawei",
					    "huawei_oauth", "webpush", "webhook", NULL};
	int i = find_word(value, names);
	fault->provider = (enum sw_sim_provider)(i < 0 ? 0 : i);
	return i >= 0;
}

static bool set_token(struct sw_sim_fault *fault, const json_t *value)
{
	return set_text(fault->token, sizeof(fault->token), value);
}

static bool set_share(struct sw_sim_fault *fault, const json_t *value)
{
	fault->share = json_number_value(value);
	return json_is_number(value) && fault->share >= 0 && fault->share <= 1;
}

static bool set_count(struct sw_sim_fault *fault, const json_t *value)
{
	return get_int(value, 1, INT32_MAX, &fault->left);
}

static bool set_after(struct sw_sim_fault *fault, const json_t *value)
{
	fault->after_ms = (int64_t)(json_number_value(value) * 1000);
	return json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= SECONDS_MAX;
}

static bool set_for(struct sw_sim_fault *fault, const json_t *value)
{
	fault->for_ms = (int64_t)(json_number_value(value) * 1000);
	return json_is_number(value) && json_number_value(value) > 0 && json_number_value(value) <= SECONDS_MAX;
}

static bool set_status(struct sw_sim_fault *fault, const json_t *value)
{
	int64_t status;
	bool ok = get_int(value, 200, 599, &status);
	fault->action.status = ok ? (int)status : 0;
	return ok;
}

static bool set_reason(struct sw_sim_fault *fault, const json_t *value)
{
	return set_text(fault->action.reason, sizeof(fault->action.reason), value);
}

static bool set_retry_after(struct sw_sim_fault *fault, const json_t *value)
{
	int64_t seconds;
	if (get_int(value, 0, SECONDS_MAX, &seconds)) {
		snprintf(fault->action.retry_after, sizeof(fault->action.retry_after), "%d", (int)seconds);
		return true;
	}
	return set_text(fault->action.retry_after, sizeof(fault->action.retry_after), value);
}

static bool set_delay(struct sw_sim_fault *fault, const json_t *value)
{
	return get_int(value, 0, (int64_t)SECONDS_MAX * 1000, &fault->action.effect.delay_ms);
}

static bool set_rst(struct sw_sim_fault *fault, const json_t *value)
{
	static const char *const names[] = {"NO_ERROR",
					    "PROTOCOL_ERROR",
					    "INTERNAL_ERROR",
					    "FLOW_CONTROL_ERROR",
					    "SETTINGS_TIMEOUT",
					    "STREAM_CLOSED",
					    "FRAME_SIZE_ERROR",
					    "REFUSED_STREAM",
					    "CANCEL",
					    "COMPRESSION_ERROR",
					    "CONNECT_ERROR",
					    "ENHANCE_YOUR_CALM",
					    "INADEQUATE_SECURITY",
					    "HTTP_1_1_REQUIRED",
					    NULL};
	if (get_int(value, 0, UINT32_MAX, &fault->action.effect.rst_code)) {
		return true;
	}
	fault->action.effect.rst_code = find_word(value, names);
	return fault->action.effect.rst_code >= 0;
}

static bool set_goaway(struct sw_sim_fault *fault, const json_t *value)
{
	struct sw_sim_effect *effect = &fault->action.effect;
	const json_t *last = json_object_get(value, "last_stream");
	const json_t *code = json_object_get(value, "code");
	int64_t number = 0;
	if (!json_is_object(value) || json_object_size(value) != (size_t)((last != NULL) + (code != NULL)) ||
	    (code && !get_int(code, 0, UINT32_MAX, &number))) {
		return false;
	}
	effect->goaway_code = (uint32_t)number;
	effect->goaway = SW_SIM_GOAWAY_ALL;
	static const char *const words[] = {"all", "none", NULL};
	int word = find_word(last, words);
	if (!last || word == 0) {
		return true;
	}
	effect->goaway = word == 1 ? SW_SIM_GOAWAY_NONE : SW_SIM_GOAWAY_AT;
	bool ok = word == 1 || get_int(last, 0, INT32_MAX, &number);
	effect->goaway_stream = word == 1 ? 0 : (int32_t)number;
	return ok;
}

static bool set_silent(struct sw_sim_fault *fault, const json_t *value)
{
	static const char *const words[] = {"stream", "connection", NULL};
	int word = find_word(value, words);
	bool whole = json_is_true(value) || word == 1;
	fault->action.effect.silence = whole ? SW_SIM_SILENT_CONNECTION : SW_SIM_SILENT_STREAM;
	return whole || word == 0;
}

static bool set_drop(struct sw_sim_fault *fault, const json_t *value)
{
	fault->action.effect.drop = json_is_true(value);
	return fault->action.effect.drop;
}

static bool set_accept(struct sw_sim_fault *fault, const json_t *value)
{
	fault->action.accept = json_is_true(value);
	return json_is_boolean(value);
}

static bool set_dead(struct sw_sim_fault *fault, const json_t *value)
{
	return get_int(value, 0, INT64_MAX, &fault->action.token_dead_ms);
}

static bool set_smtp_code(struct sw_sim_fault *fault, const json_t *value)
{
	int64_t code;
	bool ok = get_int(value, 400, 599, &code);
	fault->action.smtp_code = ok ? (int)code : 0;
	return ok;
}

static bool set_smtp_enhanced(struct sw_sim_fault *fault, const json_t *value)
{
	return set_text(fault->action.smtp_enhanced, sizeof(fault->action.smtp_enhanced), value);
}

static bool set_stage(struct sw_sim_fault *fault, const json_t *value)
{
	static const char *const words[] = {"connect", "request", "ehlo", "auth", "mail", "rcpt", "data", "dot", NULL};
	int word = find_word(value, words);
	fault->stage = word < 0 ? SW_SIM_STAGE_COUNT : (enum sw_sim_stage)word;
	return word >= 0;
}

static bool set_cut(struct sw_sim_fault *fault, const json_t *value)
{
	fault->action.cut_after_dot = json_is_true(value);
	return fault->action.cut_after_dot;
}

static bool set_expire(struct sw_sim_fault *fault, const json_t *value)
{
	fault->action.expire_credentials = json_is_true(value);
	return fault->action.expire_credentials;
}

static const struct key action_keys[] = {
	{"status", set_status, "200 to 599"},
	{"reason", set_reason, "text of at most 63 bytes"},
	{"retry_after", set_retry_after, "seconds, or an HTTP date as text"},
	{"delay_ms", set_delay, "0 to one day"},
	{"rst", set_rst, "an HTTP/2 error code, as number or name"},
	{"goaway", set_goaway, "{\"last_stream\": \"all\", \"none\" or a number, \"code\": a number}"},
	{"silent", set_silent, "true, \"connection\" or \"stream\""},
	{"drop_connection", set_drop, "true"},
	{"accept", set_accept, "true or false"},
	{"token_dead_ms", set_dead, "wall clock in ms"},
	{"smtp_code", set_smtp_code, "400 to 599"},
	{"smtp_enhanced", set_smtp_enhanced, "text like \"4.2.1\""},
	{"smtp_stage", set_stage, "connect, ehlo, auth, mail, rcpt, data or dot"},
	{"stage", set_stage, "connect or request"},
	{"cut_after_dot", set_cut, "true"},
	{"expire_credentials", set_expire, "true"},
	{0},
};
static const struct key match_keys[] = {
	{"token", set_token, "text of at most 512 bytes"}, {"share", set_share, "a number from 0 to 1"}, {0}};
static const struct key top_keys[] = {
	{"provider", set_provider, "apns, fcm, oauth, huawei, huawei_oauth, webpush, webhook or smtp"},
	{"count", set_count, "a number of hits, at least 1"},
	{"after_s", set_after, "seconds, at most one day"},
	{"for_s", set_for, "seconds, at most one day"},
	{0},
};

static int set_all(struct sw_sim_fault *fault, const json_t *object, const char *where, const struct key *keys,
		   struct sw_diag *diag)
{
	const char *name;
	json_t *value;
	if (!json_is_object(object)) {
		return sw_diag_set(diag, SW_EINVAL, "%s: expected an object", where);
	}
	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		const struct key *key = keys;
		if (keys == top_keys && (strcmp(name, "match") == 0 || strcmp(name, "action") == 0)) {
			continue;
		}
		while (key->name && strcmp(key->name, name) != 0) {
			key++;
		}
		if (!key->name) {
			return sw_diag_set(diag, SW_EINVAL, "%s: unknown key \"%.40s\"", where, name);
		}
		if (!key->set(fault, value)) {
			return sw_diag_set(diag, SW_EINVAL, "%s.%s: expected %s", where, name, key->expected);
		}
	}
	return SW_OK;
}

/* A fault that could never do what it says is refused. */
static int check_fit(struct sw_sim_fault *fault, struct sw_diag *diag)
{
	const struct sw_sim_action *a = &fault->action;
	bool smtp = fault->provider == SW_SIM_SMTP;
	if (fault->stage == SW_SIM_STAGE_COUNT) {
		fault->stage = !smtp                                 ? SW_SIM_STAGE_REQUEST
			     : a->smtp_code || a->token_dead_ms >= 0 ? SW_SIM_STAGE_RCPT
								     : SW_SIM_STAGE_DOT;
	}
	if (smtp ? fault->stage == SW_SIM_STAGE_REQUEST : fault->stage > SW_SIM_STAGE_REQUEST) {
		return sw_diag_set(diag, SW_EINVAL, "action.stage: not one of this provider");
	}
	bool h2_only = a->effect.rst_code >= 0 || a->effect.goaway || a->status ||
		       a->effect.silence == SW_SIM_SILENT_STREAM;
	bool smtp_only = a->smtp_code || a->smtp_enhanced[0] || a->cut_after_dot;
	if (smtp ? h2_only : smtp_only) {
		return sw_diag_set(diag, SW_EINVAL, "action: %s",
				   smtp ? "status, rst, goaway and silent streams are for HTTP"
					: "smtp_… and cut_after_dot are for smtp");
	}
	if (!smtp && fault->stage == SW_SIM_STAGE_ACCEPT && (h2_only || a->token_dead_ms >= 0 || a->accept)) {
		return sw_diag_set(diag, SW_EINVAL,
				   "action.stage: at connect only silent, drop_connection and delay_ms");
	}
	if (a->cut_after_dot && fault->stage != SW_SIM_STAGE_DOT) {
		return sw_diag_set(diag, SW_EINVAL, "action.cut_after_dot: only at stage dot");
	}
	return SW_OK;
}

int sw_sim_fault_parse(json_t *json, struct sw_sim_fault *fault_out, struct sw_diag *diag_out)
{
	*fault_out = (struct sw_sim_fault){.share = 1, .left = -1, .for_ms = -1, .stage = SW_SIM_STAGE_COUNT};
	fault_out->action.token_dead_ms = -1;
	sw_sim_effect_init(&fault_out->action.effect);
	int err = set_all(fault_out, json, "fault", top_keys, diag_out);
	const json_t *match = json_object_get(json, "match");
	const json_t *action = json_object_get(json, "action");
	if (!err && !json_object_get(json, "provider")) {
		err = sw_diag_set(
			diag_out, SW_EINVAL,
			"fault.provider: expected apns, fcm, oauth, huawei, huawei_oauth, webpush, webhook or smtp");
	}
	if (!err && match) {
		err = set_all(fault_out, match, "match", match_keys, diag_out);
	}
	if (!err && (!json_is_object(action) || json_object_size(action) == 0)) {
		err = sw_diag_set(diag_out, SW_EINVAL, "fault.action: expected an object that says what shall happen");
	}
	err = err ? err : set_all(fault_out, action, "action", action_keys, diag_out);
	err = err ? err : check_fit(fault_out, diag_out);
	if (!err) {
		fault_out->source = json_incref(json);
	}
	return err;
}
