/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of access tokens; see tokens.h. */
#include "sim/tokens.h"

#include <stdio.h>

#include "base/rng.h"

const char *sw_sim_tokens_issue(struct sw_sim_tokens *tokens, const void *owner, const char *prefix,
				int64_t expires_at_ms)
{
	struct sw_sim_access_token *token = &tokens->ring[tokens->next];
	uint8_t bytes[20];
	tokens->next = (tokens->next + 1) % SW_SIM_TOKENS_MAX;
	sw_rng_bytes(bytes, sizeof(bytes));
	int n = snprintf(token->text, sizeof(token->text), "%.8s", prefix);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		n += snprintf(token->text + n, sizeof(token->text) - (size_t)n, "%02x", bytes[i]);
	}
	token->owner = owner;
	token->expires_at_ms = expires_at_ms;
	return token->text;
}

const struct sw_sim_access_token *sw_sim_tokens_find(const struct sw_sim_tokens *tokens, struct sw_bytes text)
{
	for (size_t i = 0; i < SW_SIM_TOKENS_MAX; i++) {
		const struct sw_sim_access_token *known = &tokens->ring[i];
		if (known->owner && sw_bytes_equal_str(text, known->text)) {
			return known;
		}
	}
	return NULL;
}

void sw_sim_tokens_expire_all(struct sw_sim_tokens *tokens)
{
	for (size_t i = 0; i < SW_SIM_TOKENS_MAX; i++) {
		tokens->ring[i].expires_at_ms = 0;
	}
}
