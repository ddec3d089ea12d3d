/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of Google's token service. Input: status (two bytes), a line that is not used here, the body. Properties:
 * those of answer.h for tokens. */
#include "answer.h"

#include "fcm/fcm_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_input input;
	struct sw_diag diag = {""};
	struct sw_provider provider = {.instance = "fcm"};
	answer_input_init(&input, sw_bytes(data, size));
	answer_token_init(&input, &provider.token);
	int err = sw_fcm_credential_response(&provider, &input.http, input.answer.now_ms, &diag);
	answer_token_check(&input, &provider.token, err, &diag);
	sw_oauth_drop(&provider.token);
	answer_input_release(&input);
	return 0;
}
