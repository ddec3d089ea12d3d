/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on command: which requests they hit and what they do (README.md). Not thread-safe: the caller holds the lock
 * of the simulator; parsing is pure. */
#ifndef SW_SIM_FAULT_H
#define SW_SIM_FAULT_H

#include <surewire/json.h>

#include "sim/request.h"

enum sw_sim_provider {
	SW_SIM_APNS,
	SW_SIM_FCM,
	SW_SIM_OAUTH,
	SW_SIM_SMTP,
	SW_SIM_HUAWEI,
	SW_SIM_HUAWEI_OAUTH,
	SW_SIM_WEBPUSH,
	SW_SIM_WEBHOOK,
	SW_SIM_PROVIDER_COUNT
};

/* Where a fault strikes. HTTP services know ACCEPT and REQUEST only. */
enum sw_sim_stage {
	SW_SIM_STAGE_ACCEPT, /* a connection came in; SMTP: instead of the greeting */
	SW_SIM_STAGE_REQUEST,
	SW_SIM_STAGE_EHLO,
	SW_SIM_STAGE_AUTH,
	SW_SIM_STAGE_MAIL,
	SW_SIM_STAGE_RCPT,
	SW_SIM_STAGE_DATA, /* the DATA command */
	SW_SIM_STAGE_DOT,  /* the final dot */
	SW_SIM_STAGE_COUNT,
};

enum { SW_SIM_FAULTS_MAX = 256 };

struct sw_sim_action {
	struct sw_sim_effect effect;
	bool accept; /* the notification is taken and recorded all the same */
	int status;  /* HTTP; 0: none */
	char reason[64];
	char retry_after[64];
	int64_t token_dead_ms; /* -1: none; the token is dead since then (wall clock) */
	int smtp_code;         /* 0: none */
	char smtp_enhanced[12];
	bool cut_after_dot;
	bool expire_credentials;
};

struct sw_sim_fault {
	uint64_t id;
	enum sw_sim_provider provider;
	enum sw_sim_stage stage;
	char token[513];  /* "": any */
	double share;     /* 0 … 1 */
	int64_t left;     /* hits to go, -1: no limit */
	int64_t after_ms; /* from its adding to its begin */
	int64_t for_ms;   /* life from its begin, -1: no limit */
	int64_t from_ms;  /* monotonic */
	uint64_t hits;
	struct sw_sim_action action;
	json_t *source; /* as it was asked for, owned */
};

struct sw_sim_faults {
	struct sw_sim_fault *list;
	size_t count;
	uint64_t next_id;
};

const char *sw_sim_provider_name(enum sw_sim_provider provider);
/* SW_EINVAL with what was expected. On success the fault keeps a reference to json. */
int sw_sim_fault_parse(json_t *json, struct sw_sim_fault *fault_out, struct sw_diag *diag_out) SW_MUST_CHECK;

void sw_sim_faults_init(struct sw_sim_faults *faults);
void sw_sim_faults_release(struct sw_sim_faults *faults);
/* Takes the fault. Gives its id, 0 when there are too many (the fault is released then). */
uint64_t sw_sim_faults_add(struct sw_sim_faults *faults, struct sw_sim_fault *fault, int64_t now_mono_ms);
bool sw_sim_faults_remove(struct sw_sim_faults *faults, uint64_t id);
void sw_sim_faults_clear(struct sw_sim_faults *faults);
/* The oldest fault that hits; counts the hit. token: empty when unknown at this stage. */
bool sw_sim_faults_take(struct sw_sim_faults *faults, enum sw_sim_provider provider, enum sw_sim_stage stage,
			struct sw_bytes token, struct sw_sim_action *action_out);
void sw_sim_faults_write(const struct sw_sim_faults *faults, struct sw_buf *out);

#endif
