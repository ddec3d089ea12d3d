/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of Push Kit. Input: status (two bytes), a line for Retry-After, the body. Properties: every answer has an
 * outcome with a printable reason and a bounded wait; only 200 is delivered, only 200, 400, 401, 403 and other 4xx but
 * 404, 408 and 429 cost a token; a fleet of invalid tokens is not believed. */
#include "answer.h"

#include "huawei/huawei_int.h"

#define OUR_TOKEN "IQAAAAtoken"

static bool may_cost_a_token(int status)
{
	return status == 200 || (status >= 400 && status < 500 && status != 404 && status != 408 && status != 429);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_input input;
	struct sw_provider provider = {.instance = "huawei", .invalid_streak = SW_HUAWEI_INVALID_MAX - 1};
	struct sw_push_target target = {.token = sw_bytes_str(OUR_TOKEN)};
	struct sw_outcome outcome;
	answer_input_init(&input, sw_bytes(data, size));
	input.answer.target = &target;
	sw_huawei_classify(&provider, &input.answer, &outcome);
	answer_check(&input, &outcome);
	FUZZ_CHECK(outcome.kind != SW_OUTCOME_DELIVERED || (input.http.status == 200 && provider.invalid_streak == 0));
	FUZZ_CHECK(outcome.kind != SW_OUTCOME_TOKEN_DEAD || may_cost_a_token(input.http.status));
	bool streak = provider.invalid_streak == SW_HUAWEI_INVALID_MAX;
	sw_huawei_classify(&provider, &input.answer, &outcome);
	FUZZ_CHECK(!streak || outcome.kind == SW_OUTCOME_CONFIG);
	answer_input_release(&input);
	return 0;
}
