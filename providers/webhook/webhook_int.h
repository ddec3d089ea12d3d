/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the webhook provider share. One thread (the pusher's loop) but for the checks of tokens, which any
 * thread may call; texts of the configuration are borrowed for the life of the process. */
#ifndef SW_WEBHOOK_INT_H
#define SW_WEBHOOK_INT_H

#include <surewire/buf.h>
#include <surewire/origins.h>
#include <surewire/provider.h>

enum {
	SW_WEBHOOK_TOKEN_MAX = 1024,
	SW_WEBHOOK_SECRETS_MAX = 2,
	SW_WEBHOOK_SECRET_BYTES_MIN = 24, /* Standard Webhooks, "Signature scheme": 24 to 64 */
	SW_WEBHOOK_SECRET_BYTES_MAX = 64,
	SW_WEBHOOK_BODY_MAX = 16 * 1024,
};

struct sw_webhook_secret {
	uint8_t bytes[SW_WEBHOOK_SECRET_BYTES_MAX];
	size_t len;
};

struct sw_webhook_secrets {
	struct sw_webhook_secret list[SW_WEBHOOK_SECRETS_MAX];
	size_t count;
};

struct sw_provider {
	const char *instance;
	const char *secret_file;
	struct sw_bytes apps;        /* comma-separated, checked; empty: every app */
	bool own_system;             /* everything goes to url, and a token is a word of that system */
	struct sw_url url;           /* own_system only, as endpoint.host */
	struct sw_endpoint endpoint; /* the one of url, or what all origins have in common */
	struct sw_origins origins;   /* else */
	struct sw_webhook_secrets secrets;
	struct sw_buf scratch; /* payloads are rendered here */
};

/* secret.c */
/* Reads the file; on an error the old secrets stay. */
int sw_webhook_secrets_load(struct sw_provider *provider, struct sw_diag *diag_out);
/* "v1,… v1,…": a signature of id.timestamp.body by each secret, in the arena. */
struct sw_bytes sw_webhook_sign(const struct sw_webhook_secrets *secrets, struct sw_bytes id, struct sw_bytes timestamp,
				struct sw_bytes body, struct sw_arena *arena);

/* payload.c */
struct sw_webhook_message {
	struct sw_bytes id; /* the same on every attempt */
	const struct sw_push_target *target;
	const struct sw_notification *notification;
};
/* Renders the JSON into provider->scratch, the text cut so that it has at most SW_WEBHOOK_BODY_MAX bytes. */
int sw_webhook_payload(struct sw_provider *provider, const struct sw_webhook_message *message, struct sw_arena *arena,
		       struct sw_diag *diag_out) SW_MUST_CHECK;

/* classify.c */
void sw_webhook_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
