/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the FCM provider share. One thread (the pusher's loop); texts of the configuration are borrowed
 * for the life of the process. */
#ifndef SW_FCM_INT_H
#define SW_FCM_INT_H

#include <surewire/buf.h>
#include <surewire/json.h>
#include <surewire/oauth.h>
#include <surewire/provider.h>

enum { SW_FCM_PAYLOAD_MAX = 4096, SW_FCM_TOKEN_MAX = 4096 };

/* A service account, as its file says. Owned texts. */
struct sw_fcm_account {
	char *client_email;
	char *private_key; /* PEM */
	char *private_key_id;
	char *project_id;
	char *token_uri;
};

struct sw_provider {
	const char *instance;
	const char *account_file;
	const char *token_uri; /* override; NULL: the account's */
	struct sw_bytes apps;  /* comma-separated, checked; empty: every app */
	struct sw_endpoint endpoint;
	struct sw_buf scratch; /* payloads are rendered here, then copied to the arena */

	/* credential.c */
	struct sw_fcm_account account;
	struct sw_oauth_token token;
};

/* account.c */
/* Reads and checks a service-account file (JSON). */
int sw_fcm_account_read(const char *instance, const char *path, struct sw_fcm_account *account_out,
			struct sw_diag *diag_out);
void sw_fcm_account_release(struct sw_fcm_account *account);

/* credential.c */
/* Reads the account and tries its key; on an error the old one stays. */
int sw_fcm_credential_load(struct sw_provider *provider, struct sw_diag *diag_out);
void sw_fcm_credential_release(struct sw_provider *provider);
enum sw_credential_state sw_fcm_credential_state(struct sw_provider *provider, int64_t now_ms);
int sw_fcm_credential_request(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
			      struct sw_credential_request *request_out, struct sw_diag *diag_out);
int sw_fcm_credential_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
			       struct sw_diag *diag_out);
void sw_fcm_credential_refused(struct sw_provider *provider, int64_t now_ms);

/* payload.c */
/* Renders the JSON body into the arena, the text cut so that the message without its token has at most
 * SW_FCM_PAYLOAD_MAX bytes. */
struct sw_fcm_job {
	const struct sw_push_target *target; /* its token is checked */
	const struct sw_notification *notification;
	int64_t now_ms;
};
int sw_fcm_payload(struct sw_provider *provider, const struct sw_fcm_job *job, struct sw_arena *arena,
		   struct sw_bytes *payload_out, struct sw_diag *diag_out);

/* classify.c */
void sw_fcm_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
