/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/oauth_check.h"

#define SCOPE "\"scope\":\"" SW_SIM_FCM_SCOPE "\""
#define AUD "\"aud\":\"https://a/token\""

static void expect(const char *text, const char *error)
{
	json_t *claims = json_of(text);
	struct sw_sim_oauth_error got = sw_sim_oauth_check_claims(claims, "https://a/token", "localhost:1", 10000);
	assert_string_equal(got.error ? got.error : "", error);
	json_decref(claims);
}

static void check_claims__rows__told_apart(void **state)
{
	(void)state;
	expect("{" AUD "," SCOPE ",\"iat\":10000,\"exp\":13600}", "");
	expect("{\"aud\":\"https://localhost:1/token\"," SCOPE ",\"iat\":10000,\"exp\":13600}", "");
	expect("{" AUD ",\"scope\":\"x " SW_SIM_CLOUD_SCOPE "\",\"iat\":10000,\"exp\":10001}", "");
	expect("{" AUD "," SCOPE ",\"iat\":10300,\"exp\":13900}", "");
	expect("{" AUD "," SCOPE ",\"iat\":10301,\"exp\":13900}", "invalid_grant");
	expect("{" AUD "," SCOPE ",\"iat\":10000,\"exp\":13601}", "invalid_grant");
	expect("{" AUD "," SCOPE ",\"iat\":10000,\"exp\":10000}", "invalid_grant");
	expect("{" AUD "," SCOPE ",\"iat\":9000,\"exp\":9700}", "invalid_grant");
	expect("{" AUD "," SCOPE ",\"iat\":9000,\"exp\":9701}", "");
	expect("{" AUD "," SCOPE ",\"iat\":-9000000000000000000,\"exp\":9000000000000000000}", "invalid_grant");
	expect("{" AUD "," SCOPE ",\"exp\":13600}", "invalid_grant");
	expect("{\"aud\":\"https://b/token\"," SCOPE ",\"iat\":10000,\"exp\":13600}", "invalid_grant");
	expect("{" SCOPE ",\"iat\":10000,\"exp\":13600}", "invalid_grant");
	expect("{" AUD ",\"iat\":10000,\"exp\":13600}", "invalid_scope");
	expect("{" AUD ",\"scope\":\"" SW_SIM_FCM_SCOPE ".x\",\"iat\":10000,\"exp\":13600}", "invalid_scope");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(check_claims__rows__told_apart)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
