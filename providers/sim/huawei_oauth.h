/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of Huawei's token endpoint and the access tokens issued to them (grant type client_credentials). Not
 * thread-safe: the caller holds the lock of the simulator. */
#ifndef SW_SIM_HUAWEI_OAUTH_H
#define SW_SIM_HUAWEI_OAUTH_H

#include "sim/request.h"
#include "sim/sim.h"
#include "sim/tokens.h"

enum { SW_SIM_HUAWEI_TEXT_MAX = 128 };

struct sw_sim_huawei_client {
	char id[SW_SIM_HUAWEI_TEXT_MAX];
	char project[SW_SIM_HUAWEI_TEXT_MAX]; /* "" when not given */
	char secret[SW_SIM_HUAWEI_TEXT_MAX];
};

struct sw_sim_huawei_oauth {
	struct sw_sim_huawei_client clients[SW_SIM_HUAWEI_CLIENTS_MAX];
	size_t client_count;
	struct sw_sim_tokens tokens;
};

/* "ID=FILE" or "ID:PROJECT=FILE", the secret in the first line of the file. SW_ECONFIG with a text. */
int sw_sim_huawei_oauth_load(struct sw_sim_huawei_oauth *oauth, const char *spec,
			     struct sw_diag *diag_out) SW_MUST_CHECK;
/* The token endpoint: fills the reply, returns the error as "1101/12304" (static), NULL when a token was issued. */
const char *sw_sim_huawei_oauth_answer(struct sw_sim_huawei_oauth *oauth, struct sw_sim_request *request,
				       int64_t expires_at_ms, int expires_in_s, struct sw_sim_reply *reply);
/* An error in Huawei's shape; code as "1101/12304". */
void sw_sim_huawei_oauth_refuse(struct sw_sim_reply *reply, int status, const char *code, const char *description);

#endif
