/* SPDX-License-Identifier: Apache-2.0 */
/* The token endpoint of a provider with OAuth, as its tests play it. */
#ifndef SW_TEST_ACCESS_TOKEN_H
#define SW_TEST_ACCESS_TOKEN_H

#include "section.h"

#define ACCESS_TOKEN_T0 1790000000000
#define SECONDS(n) ((int64_t)(n)*1000)

/* The endpoint answers. */
int access_token_respond(const struct sw_provider_ops *ops, struct sw_provider *provider, int status, const char *body,
			 int64_t now_ms, struct sw_diag *diag);
/* … with a token of that life. */
void access_token_give(const struct sw_provider_ops *ops, struct sw_provider *provider, const char *token, int life_s,
		       int64_t now_ms);

struct access_token_error {
	int status;
	const char *body;
	int err;
	const char *text; /* somewhere in the provider's */
};
/* Each answer to a fresh provider: its error and text; SW_EAUTH waits a minute for an operator, the others are fetched
 * again. The secret (NULL: none) is never told. */
void access_token_check_errors(const struct section *section, const struct access_token_error *rows, size_t count,
			       const char *secret);

#endif
