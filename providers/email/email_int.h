/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the e-mail provider share. One thread (the pusher's loop); texts of the configuration are borrowed
 * for the life of the process. */
#ifndef SW_EMAIL_INT_H
#define SW_EMAIL_INT_H

#include <surewire/buf.h>
#include <surewire/provider.h>
#include <surewire/provider_config.h>

enum {
	SW_EMAIL_ADDRESS_MAX = 254,
	SW_EMAIL_SUBJECT_MAX = 200,
	SW_EMAIL_BODY_MAX = 32 * 1024,
};

struct sw_provider {
	const char *instance;
	const char *password_file;     /* NULL: no AUTH */
	char *ehlo_name;               /* the default, owned; NULL: configured */
	const char *message_id_domain; /* NULL: that of `sender` */
	struct sw_bytes from;          /* as configured: address, or name and address */
	struct sw_bytes sender;        /* the address in it */
	struct sw_bytes reply_to;      /* empty: none */
	struct sw_endpoint endpoint;
	char password[SW_PROVIDER_SECRET_MAX + 1]; /* in place, so that endpoint.password outlives a reload */
};

/* address.c */
/* One addr-spec (RFC 5321 section 4.1.2): dot-atom, '@', host name; ASCII. what_out says what was expected instead. */
bool sw_email_is_address(struct sw_bytes address, const char **what_out);
/* Splits "Name <address>" or "address". False when it is neither. */
bool sw_email_mailbox(struct sw_bytes text, struct sw_bytes *address_out);
struct sw_bytes sw_email_domain(struct sw_bytes address);
bool sw_email_is_host(struct sw_bytes name);
bool sw_email_is_utf8(struct sw_bytes text);

/* credential.c */
/* Reads password_file; on an error the old password stays. */
int sw_email_credential_load(struct sw_provider *provider, struct sw_diag *diag_out);
enum sw_credential_state sw_email_credential_state(struct sw_provider *provider, int64_t now_ms);
void sw_email_credential_refused(struct sw_provider *provider, int64_t now_ms);

/* payload.c */
int sw_email_encode(struct sw_provider *provider, const struct sw_push_target *target,
		    const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		    struct sw_send *send_out, struct sw_diag *diag_out);

/* classify.c */
void sw_email_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
