/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the APNs provider share. One thread (the pusher's loop); texts of the configuration are borrowed
 * for the life of the process. */
#ifndef SW_APNS_INT_H
#define SW_APNS_INT_H

#include <surewire/buf.h>
#include <surewire/provider.h>

enum { SW_APNS_UUID_LEN = 36, SW_APNS_PAYLOAD_MAX = 5120, SW_APNS_TOKEN_MAX = 512 };

/* What Apple asks of a push by its type: a row of push_types.def. */
struct sw_apns_push_type {
	const char *name;         /* apns-push-type */
	const char *topic_suffix; /* behind the bundle id */
	size_t payload_bytes_max; /* at most SW_APNS_PAYLOAD_MAX */
	unsigned priorities;      /* bits 1 << enum sw_push_priority */
	enum { SW_APNS_SHOWS_NEVER, SW_APNS_SHOWS_MAY, SW_APNS_SHOWS_MUST } shows;
	const char *aps; /* the members of one that shows nothing; NULL: there is no `aps` */
	bool once;       /* never kept for a device that is away */
};

struct sw_provider {
	const char *instance;
	const char *key_file;
	const char *key_id;
	const char *team_id;
	struct sw_bytes topics; /* comma-separated, checked */
	struct sw_endpoint production;
	struct sw_endpoint sandbox;
	struct sw_buf scratch; /* payloads are rendered here, then copied to the arena */

	/* credential.c */
	char *key_pem;
	size_t key_len;
	char *authorization; /* "bearer …"; NULL until one is signed */
	int64_t issued_ms;
	bool refused_as_expired; /* the latest CREDENTIAL answer said ExpiredProviderToken */
	int refusals;            /* in a row, without an accepted token between */
	bool held;               /* sends wait from held_since_ms for HOLD_MS */
	int64_t held_since_ms;
};

/* credential.c */
/* Reads the key and tries it; on an error the old one stays. A changed key drops the token in force. */
int sw_apns_credential_load(struct sw_provider *provider, struct sw_diag *diag_out);
void sw_apns_credential_release(struct sw_provider *provider);
/* Sees to it that `authorization` is fit for a request at now_ms. */
int sw_apns_credential_ensure(struct sw_provider *provider, int64_t now_ms, struct sw_diag *diag_out);
enum sw_credential_state sw_apns_credential_state(struct sw_provider *provider, int64_t now_ms);
void sw_apns_credential_refused(struct sw_provider *provider, int64_t now_ms);
/* APNs took a request: whatever was wrong with the token is over. */
void sw_apns_credential_accepted(struct sw_provider *provider);

/* push_type.c */
/* SW_EINVAL when the notification shows what its type must not, or does not show what it must. */
int sw_apns_push_type(const struct sw_notification *notification, const struct sw_apns_push_type **type_out,
		      struct sw_diag *diag_out);
/* apns-priority: what is wanted if the type may have it. */
const char *sw_apns_priority(const struct sw_apns_push_type *type, enum sw_push_priority wanted);

/* payload.c */
struct sw_apns_job {
	const struct sw_notification *notification;
	const struct sw_apns_push_type *type;
	int64_t now_ms;
};
/* Renders the JSON body into the arena, the texts cut so that all of it has at most the bytes of its type. */
int sw_apns_payload(struct sw_buf *scratch, const struct sw_apns_job *job, struct sw_arena *arena,
		    struct sw_bytes *payload_out, struct sw_diag *diag_out);

/* activity.c */
int sw_apns_activity_check(const struct sw_notification *notification, struct sw_diag *diag_out);
/* The members of `aps`, without a comma before. */
void sw_apns_activity_put(const struct sw_apns_job *job, const struct sw_push_texts *texts, struct sw_buf *buf);

/* classify.c */
void sw_apns_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
