/* SPDX-License-Identifier: Apache-2.0 */
#include "access_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int access_token_respond(const struct sw_provider_ops *ops, struct sw_provider *provider, int status, const char *body,
			 int64_t now_ms, struct sw_diag *diag)
{
	struct sw_http_response response = {.status = status, .body = sw_bytes_str(body)};
	return ops->credential_response(provider, &response, now_ms, diag);
}

void access_token_give(const struct sw_provider_ops *ops, struct sw_provider *provider, const char *token, int life_s,
		       int64_t now_ms)
{
	char body[200];
	struct sw_diag diag = {0};
	snprintf(body, sizeof(body), "{\"access_token\":\"%s\",\"expires_in\":%d,\"token_type\":\"Bearer\"}", token,
		 life_s);
	assert_int_equal(access_token_respond(ops, provider, 200, body, now_ms, &diag), SW_OK);
}

void access_token_check_errors(const struct section *section, const struct access_token_error *rows, size_t count,
			       const char *secret)
{
	const struct sw_provider_ops *ops = section->ops;
	for (size_t i = 0; i < count; i++) {
		struct sw_provider *provider = section_open(section, NULL, NULL);
		struct sw_diag diag = {0};
		int64_t now_ms = ACCESS_TOKEN_T0;
		assert_int_equal(access_token_respond(ops, provider, rows[i].status, rows[i].body, now_ms, &diag),
				 rows[i].err);
		if (!strstr(diag.text, rows[i].text)) {
			fail_msg("%s\n  expected: %s\n  got:      %s", rows[i].body, rows[i].text, diag.text);
		}
		assert_true(!secret || !strstr(diag.text, secret));
		bool waits = rows[i].err == SW_EAUTH;
		assert_int_equal(ops->credential_state(provider, now_ms),
				 waits ? SW_CREDENTIAL_BROKEN : SW_CREDENTIAL_FETCH);
		assert_int_equal(ops->credential_state(provider, now_ms + SECONDS(60)), SW_CREDENTIAL_FETCH);
		ops->close(provider);
	}
}
