/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP answer of a provider out of the bytes of an input, and what holds for every outcome. */
#ifndef SW_FUZZ_ANSWER_H
#define SW_FUZZ_ANSWER_H

#include "fuzz.h"

#include <surewire/oauth.h>
#include <surewire/provider.h>

struct answer_input {
	struct sw_http_response http;
	struct sw_answer answer;
	uint8_t *retry_after; /* owned, as the body */
	uint8_t *body;
};

/* Status (two bytes, less than 1000), a line for Retry-After (empty: no such header), the body. */
void answer_input_init(struct answer_input *input, struct sw_bytes bytes);
void answer_input_release(struct answer_input *input);
void answer_check(const struct answer_input *input, const struct sw_outcome *outcome);

/* For answers of token services: the token before, and what holds after: one that is taken fits a header and lives at
 * most a day; a refusal says why, and leaves the old one alone. */
void answer_token_init(const struct answer_input *input, struct sw_oauth_token *token);
void answer_token_check(const struct answer_input *input, const struct sw_oauth_token *token, int err,
			const struct sw_diag *diag);

#endif
