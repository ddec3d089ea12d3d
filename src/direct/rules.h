/* SPDX-License-Identifier: Apache-2.0 */
/* What a direct push and a subscription are checked by before anything is stored: the providers of this configuration,
 * names, and whether a notification can fit. Pure; any thread. */
#ifndef SW_DIRECT_RULES_H
#define SW_DIRECT_RULES_H

#include <surewire/json.h>
#include <surewire/provider.h>

enum { SW_TOPIC_BYTES_MAX = 64, SW_DIRECT_NAMES_MAX = 1000, SW_DIRECT_TOKEN_BYTES_MAX = 4096 };

/* Borrowed for the life of the process. */
struct sw_direct_provider {
	const char *name; /* instance */
	const struct sw_provider_ops *ops;
	const struct sw_provider_config *config;
};

struct sw_direct_rules {
	const struct sw_direct_provider *providers;
	size_t provider_count;
	int64_t age_max_ms; /* how long the job of a direct push may be tried */
};

/* Someone who can be addressed: a user with or without a device, or a token by itself. */
struct sw_direct_address {
	struct sw_bytes user; /* name; empty: a token */
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes token;
	bool sandbox;
};

/* 1 to 64 of A-Z a-z 0-9 . _ : - */
bool sw_topic_is_valid(struct sw_bytes topic);
/* NULL: not configured. */
const struct sw_direct_provider *sw_direct_provider_find(const struct sw_direct_rules *rules, struct sw_bytes name);
/* {"user", "device"} or {"token", "provider", "app", "sandbox"}. SW_EINVAL with a text that names the member. */
int sw_direct_address_read(const struct sw_direct_rules *rules, const json_t *object, struct sw_arena *arena,
			   struct sw_direct_address *address_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* SW_OK; SW_ELIMIT: what cannot be cut (data, arguments, an activity) is more than the provider's service takes. Others
 * may still turn out too large when they are sent. */
int sw_direct_check_size(const struct sw_notification *notification, const struct sw_direct_provider *provider,
			 struct sw_diag *diag_out) SW_MUST_CHECK;

/* A text member copied into the arena: SW_OK also when absent, then *text_out is NULL. SW_EINVAL: no text, or too long. */
int sw_direct_text(const json_t *object, const char *name, size_t bytes_max, struct sw_arena *arena,
		   struct sw_bytes *text_out) SW_MUST_CHECK;

#endif
