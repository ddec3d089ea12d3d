/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a push service, which may be a stranger's. Input: status (two bytes), a line for Retry-After, the body.
 * Properties: every answer has an outcome with a printable reason and a bounded wait; only 2xx is delivered, only 404
 * and 410 cost a subscription, and only 401 and 403 are a matter of the credential. */
#include "answer.h"

#include "webpush/webpush_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_input input;
	struct sw_provider provider = {.instance = "webpush"};
	struct sw_outcome outcome;
	answer_input_init(&input, sw_bytes(data, size));
	int status = input.http.status;
	sw_webpush_classify(&provider, &input.answer, &outcome);
	answer_check(&input, &outcome);
	FUZZ_CHECK((outcome.kind == SW_OUTCOME_DELIVERED) == (status / 100 == 2));
	FUZZ_CHECK((outcome.kind == SW_OUTCOME_TOKEN_DEAD) == (status == 404 || status == 410));
	FUZZ_CHECK(outcome.kind != SW_OUTCOME_CREDENTIAL || status == 401 || status == 403);
	answer_input_release(&input);
	return 0;
}
