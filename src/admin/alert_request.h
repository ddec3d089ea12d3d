/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/alerts, checked member by member. Pure. For this folder. */
#ifndef SW_ADMIN_ALERT_REQUEST_H
#define SW_ADMIN_ALERT_REQUEST_H

#include "alert/alert.h"
#include "base/uuid.h"

enum { SW_ALERT_PEOPLE_MAX = 1000, SW_ALERT_TITLE_MAX = 128, SW_ALERT_TEXT_MAX = 4096, SW_ALERT_KEY_MAX = 255 };

/* Texts and lists live in the arena. */
struct sw_alert_request {
	struct sw_bytes *users; /* names, each once */
	size_t user_count;
	int64_t group; /* a conversation, instead of users; 0: none */
	enum sw_alert_severity severity;
	struct sw_bytes title;
	struct sw_bytes text;
	struct sw_bytes plan_text; /* JSON, with every member written out */
	struct sw_alert_plan plan;
	bool needs_ack;
	int64_t deadline_ms;    /* from now; 0: none */
	struct sw_bytes from;   /* empty: nobody, and the configuration has none */
	struct sw_bytes key;    /* idempotency_key; NULL: none */
	struct sw_uuid content; /* the same for the same JSON, however it is written */
};
/* SW_EINVAL: the text says which member, and what was expected. */
int sw_alert_request_parse(struct sw_bytes body, const struct sw_alert_config *config, struct sw_arena *arena,
			   struct sw_alert_request *request_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
