/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a receiver of webhooks, which may be a stranger's. Input: status (two bytes), a line for Retry-After, the
 * body. Properties, for a section with a url and one without: every answer has an outcome with a printable reason and a
 * bounded wait; only 2xx is delivered, only 410 costs a device, the credential is never the matter, and a stranger's
 * answer is never an operator's matter nor slows down others. */
#include "answer.h"

#include "webhook/webhook_int.h"

static void check(const struct answer_input *input, bool own_system)
{
	struct sw_provider provider = {.instance = "webhook", .own_system = own_system};
	struct sw_outcome outcome;
	int status = input->http.status;
	sw_webhook_classify(&provider, &input->answer, &outcome);
	answer_check(input, &outcome);
	FUZZ_CHECK((outcome.kind == SW_OUTCOME_DELIVERED) == (status / 100 == 2));
	FUZZ_CHECK((outcome.kind == SW_OUTCOME_TOKEN_DEAD) == (status == 410));
	FUZZ_CHECK(outcome.kind != SW_OUTCOME_CREDENTIAL);
	FUZZ_CHECK(own_system || (outcome.kind != SW_OUTCOME_CONFIG && outcome.kind != SW_OUTCOME_THROTTLED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_input input;
	answer_input_init(&input, sw_bytes(data, size));
	check(&input, true);
	check(&input, false);
	answer_input_release(&input);
	return 0;
}
