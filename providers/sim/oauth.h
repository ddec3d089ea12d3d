/* SPDX-License-Identifier: Apache-2.0 */
/* Service accounts and the access tokens issued to them. Not thread-safe: the caller holds the lock of the simulator. */
#ifndef SW_SIM_OAUTH_H
#define SW_SIM_OAUTH_H

#include <openssl/evp.h>

#include "sim/request.h"
#include "sim/sim.h"
#include "sim/tokens.h"

enum { SW_SIM_ACCOUNT_TEXT_MAX = 256 };

struct sw_sim_account {
	char email[SW_SIM_ACCOUNT_TEXT_MAX];
	char project[SW_SIM_ACCOUNT_TEXT_MAX];
	char token_uri[SW_SIM_ACCOUNT_TEXT_MAX]; /* "" when the file has none */
	char kid[SW_SIM_ACCOUNT_TEXT_MAX];
	EVP_PKEY *key;
};

struct sw_sim_oauth {
	struct sw_sim_account accounts[SW_SIM_ACCOUNTS_MAX];
	size_t account_count;
	struct sw_sim_tokens tokens;
	int expires_in_s;
};

/* A service-account file as Google makes them. SW_ECONFIG with a text. */
int sw_sim_oauth_load(struct sw_sim_oauth *oauth, const char *file, struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_sim_oauth_release(struct sw_sim_oauth *oauth);
/* The account of an access token that is good now; NULL otherwise. */
const struct sw_sim_account *sw_sim_oauth_check(const struct sw_sim_oauth *oauth, struct sw_bytes token,
						int64_t now_ms);
bool sw_sim_oauth_project_known(const struct sw_sim_oauth *oauth, struct sw_bytes project);
/* POST /token: fills the reply, returns the RFC 6749 error code (static), NULL when a token was issued. */
const char *sw_sim_oauth_answer(struct sw_sim_oauth *oauth, struct sw_sim_request *request, int64_t now_ms,
				struct sw_sim_reply *reply);
/* The e-mail of the account that asks, unverified, in the request's arena: what faults match. */
struct sw_bytes sw_sim_oauth_claimed(struct sw_sim_request *request);
/* An error in the shape of RFC 6749, section 5.2. */
void sw_sim_oauth_refuse(struct sw_sim_reply *reply, int status, const char *error, const char *description);

#endif
