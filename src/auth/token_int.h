/* SPDX-License-Identifier: Apache-2.0 */
/* Private to auth: the claims of a token whose signature was found good. */
#ifndef SW_AUTH_TOKEN_INT_H
#define SW_AUTH_TOKEN_INT_H

#include "auth/token.h"

#include <surewire/json.h>

/* SW_EAUTH or SW_EEXPIRED with the reason. *token_out is filled only on SW_OK. */
int sw_token_read_claims(const json_t *claims, const struct sw_token_policy *policy, int64_t now_ms,
			 struct sw_token *token_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
