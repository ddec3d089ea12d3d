/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Huawei provider share. One thread (the pusher's loop); texts of the configuration are borrowed
 * for the life of the process. */
#ifndef SW_HUAWEI_INT_H
#define SW_HUAWEI_INT_H

#include <surewire/buf.h>
#include <surewire/json.h>
#include <surewire/oauth.h>
#include <surewire/provider.h>
#include <surewire/provider_config.h>

enum {
	SW_HUAWEI_MESSAGE_MAX = 4096,
	SW_HUAWEI_TOKEN_MAX = 4096,
	SW_HUAWEI_INVALID_MAX = 10, /* 80300007 in a row that cost a token each */
};

struct sw_provider {
	const char *instance;
	const char *client_id;
	const char *secret_file;
	const char *project_id; /* NULL: messages go to the client's own address */
	const char *token_uri;
	const char *category;    /* NULL: none */
	const char *badge_class; /* NULL: no count */
	struct sw_bytes apps;    /* comma-separated, checked; empty: every app */
	struct sw_endpoint endpoint;
	struct sw_buf scratch;     /* messages are rendered here, then copied to the arena */
	bool high_urgency;         /* as configured: the operator says that Huawei allows it */
	bool high_urgency_refused; /* … and Huawei says that it does not */

	char secret[SW_PROVIDER_SECRET_MAX + 1];
	struct sw_oauth_token token;
	int invalid_streak; /* answers 80300007 since a push was accepted */
};

/* credential.c */
/* Reads the secret; on an error the old one stays. */
int sw_huawei_credential_load(struct sw_provider *provider, struct sw_diag *diag_out);
enum sw_credential_state sw_huawei_credential_state(struct sw_provider *provider, int64_t now_ms);
int sw_huawei_credential_request(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
				 struct sw_credential_request *request_out, struct sw_diag *diag_out);
int sw_huawei_credential_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
				  struct sw_diag *diag_out);
void sw_huawei_credential_refused(struct sw_provider *provider, int64_t now_ms);

/* payload.c */
struct sw_huawei_job {
	const struct sw_push_target *target; /* its token is checked */
	const struct sw_notification *notification;
	int64_t now_ms;
};
/* Renders the JSON body into the arena, the text cut so that the message without its token has at most
 * SW_HUAWEI_MESSAGE_MAX bytes. */
int sw_huawei_payload(struct sw_provider *provider, const struct sw_huawei_job *job, struct sw_arena *arena,
		      struct sw_bytes *payload_out, struct sw_diag *diag_out);

/* classify.c */
void sw_huawei_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
