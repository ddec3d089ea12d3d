/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens that a token endpoint of the simulator issued. Not thread-safe: the caller holds the lock of the
 * simulator. */
#ifndef SW_SIM_TOKENS_H
#define SW_SIM_TOKENS_H

#include <surewire/bytes.h>

enum { SW_SIM_TOKENS_MAX = 1024, SW_SIM_ACCESS_TOKEN_MAX = 64 };

struct sw_sim_access_token {
	char text[SW_SIM_ACCESS_TOKEN_MAX];
	const void *owner;     /* whom it was issued to; NULL: never issued */
	int64_t expires_at_ms; /* wall clock; 0: expired on command */
};

/* A ring: the oldest are forgotten. */
struct sw_sim_tokens {
	struct sw_sim_access_token ring[SW_SIM_TOKENS_MAX];
	size_t next;
};

/* Its text: the prefix and random digits. */
const char *sw_sim_tokens_issue(struct sw_sim_tokens *tokens, const void *owner, const char *prefix,
				int64_t expires_at_ms);
/* NULL when it was never issued or is forgotten; may be expired. */
const struct sw_sim_access_token *sw_sim_tokens_find(const struct sw_sim_tokens *tokens, struct sw_bytes text);
void sw_sim_tokens_expire_all(struct sw_sim_tokens *tokens);

#endif
