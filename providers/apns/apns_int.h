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
	bool token_only; /* not for those who come with a certificate */
};

/* What a client certificate says. */
struct sw_apns_certificate {
	char *topics; /* comma-separated; owned */
	int64_t not_before_ms;
	int64_t not_after_ms;
	uint8_t fingerprint[32]; /* SHA-256 */
};

/* The two hosts, with connections of one credential. A new credential gets new ones: APNs binds a connection to what it
 * was opened with, and a connection reads certificate and key when it is made. */
struct sw_apns_hosts {
	struct sw_endpoint production;
	struct sw_endpoint sandbox;
	int unnamed;                /* of retired ones: how many the pusher has not been told of */
	int unclosed;               /* … and it has not closed */
	struct sw_apns_hosts *next; /* retired before */
};

struct sw_provider {
	const char *instance;
	const char *key_file; /* NULL: a certificate */
	const char *key_id;
	const char *team_id;
	const char *cert_file;     /* NULL: a key */
	const char *cert_key_file; /* NULL: in cert_file */
	const char *topics_text;   /* comma-separated, checked; empty: those of the certificate */
	struct sw_apns_hosts *hosts;
	struct sw_apns_hosts *retired;
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

	struct sw_apns_certificate certificate; /* certificate.c */
};

/* apns.c */
bool sw_apns_is_topic(struct sw_bytes topic);

/* certificate.c */
/* Reads certificate and key; on an error the old ones stay. */
int sw_apns_certificate_load(struct sw_provider *provider, struct sw_diag *diag_out);
void sw_apns_certificate_release(struct sw_provider *provider);
/* May it be used for this now? SW_ECONFIG with a text for the operator. */
int sw_apns_certificate_check(const struct sw_provider *provider, const struct sw_apns_push_type *type,
			      struct sw_bytes topic, int64_t now_ms, struct sw_diag *diag_out);

/* hosts.c */
/* A copy of those in force takes their place; the old ones are retired, and named to the pusher by and by. */
void sw_apns_hosts_renew(struct sw_provider *provider);
void sw_apns_hosts_release(struct sw_provider *provider);
const struct sw_endpoint *sw_apns_endpoint_retired(struct sw_provider *provider);
void sw_apns_endpoint_closed(struct sw_provider *provider, const struct sw_endpoint *endpoint);

/* credential.c */
/* Reads the key and tries it, or the certificate; on an error the old one stays. Another one drops what is in force of
 * the old: token and connections. */
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

/* Is it the app's topic for some type? */
bool sw_apns_is_topic_of(struct sw_bytes topic, struct sw_bytes app);

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
