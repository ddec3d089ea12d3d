/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of APNs. Input: status (two bytes), a line for Retry-After, the body. Properties: every answer has an outcome
 * with a printable reason and a bounded wait; only 200 is delivered, only 400 and 410 cost a token. */
#include "answer.h"

#include "apns/apns_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_input input;
	struct sw_provider provider = {.instance = "apns", .hosts = sw_xcalloc(1, sizeof(struct sw_apns_hosts))};
	struct sw_outcome outcome;
	answer_input_init(&input, sw_bytes(data, size));
	sw_apns_classify(&provider, &input.answer, &outcome);
	answer_check(&input, &outcome);
	FUZZ_CHECK(outcome.kind != SW_OUTCOME_DELIVERED || input.http.status == 200);
	FUZZ_CHECK(outcome.kind != SW_OUTCOME_TOKEN_DEAD || input.http.status == 400 || input.http.status == 410);
	FUZZ_CHECK(outcome.since_ms == 0 || input.http.status == 410);
	sw_apns_hosts_release(&provider);
	answer_input_release(&input);
	return 0;
}
