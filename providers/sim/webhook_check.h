/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver of signed webhooks looks at in one request, as pure functions but for reading secrets: path, headers,
 * the time window, the signature, and the members of the body. Source: "Standard Webhooks", verifying. */
#ifndef SW_SIM_WEBHOOK_CHECK_H
#define SW_SIM_WEBHOOK_CHECK_H

#include <surewire/err.h>
#include <surewire/json.h>

#include "sim/request.h"

enum { SW_SIM_WEBHOOK_SECRETS_MAX = 4, SW_SIM_WEBHOOK_SECRET_MAX = 64, SW_SIM_WEBHOOK_WINDOW_S = 300 };

struct sw_sim_webhook_secrets {
	struct {
		uint8_t bytes[SW_SIM_WEBHOOK_SECRET_MAX];
		size_t len;
	} list[SW_SIM_WEBHOOK_SECRETS_MAX];
	size_t count;
};

struct sw_sim_webhook_verdict {
	int status;         /* 200 when there is nothing to refuse */
	const char *reason; /* static; NULL with 200 */
};

/* Adds the secret in a line "whsec_BASE64"; false when it is none, or too many. */
bool sw_sim_webhook_secret_add(struct sw_sim_webhook_secrets *secrets, struct sw_bytes line);
/* All lines of a file. SW_ECONFIG with a text. */
int sw_sim_webhook_secrets_load(struct sw_sim_webhook_secrets *secrets, const char *path,
				struct sw_diag *diag_out) SW_MUST_CHECK;
/* What follows /hook/ in the path; empty when it is another path. */
struct sw_bytes sw_sim_webhook_id(const struct sw_sim_request *request);
/* body: the request's as JSON, NULL when it is none. now_s: wall clock. */
struct sw_sim_webhook_verdict sw_sim_webhook_check(const struct sw_sim_webhook_secrets *secrets,
						   const struct sw_sim_request *request, const json_t *body,
						   int64_t now_s);

#endif
