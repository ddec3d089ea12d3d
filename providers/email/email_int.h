/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the e-mail provider share. One thread (the pusher's loop); texts of the configuration are borrowed
 * for the life of the process. */
#ifndef SW_EMAIL_INT_H
#define SW_EMAIL_INT_H

#include <surewire/buf.h>
#include <surewire/mail_token.h>
#include <surewire/provider.h>
#include <surewire/provider_config.h>

enum {
	SW_EMAIL_ADDRESS_MAX = 254,
	SW_EMAIL_SUBJECT_MAX = 200,
	SW_EMAIL_BODY_MAX = 32 * 1024,
	SW_EMAIL_URL_MAX = 200,
	SW_EMAIL_BOUNCE_NAME_MAX = 64 - 1 - SW_MAIL_TOKEN_CHARS, /* RFC 5321 section 4.5.3.1.1, "name+token" */
};

struct sw_provider {
	const char *instance;
	const char *password_file;      /* NULL: no AUTH */
	char *ehlo_name;                /* the default, owned; NULL: configured */
	const char *message_id_domain;  /* NULL: that of `sender` */
	struct sw_bytes from;           /* as configured: address, or name and address */
	struct sw_bytes sender;         /* the address in it */
	struct sw_bytes reply_to;       /* empty: none */
	struct sw_bytes bounce_address; /* empty: bounces go to `sender` */
	const char *unsubscribe_url;    /* NULL: no link */
	const char *signing_key_file;   /* NULL: neither of them */
	int64_t digest_interval_ms;
	struct sw_endpoint endpoint;
	char password[SW_PROVIDER_SECRET_MAX + 1]; /* in place, so that endpoint.password outlives a reload */
	char signing_key[SW_PROVIDER_SECRET_MAX + 1];
	bool held; /* the relay refused the password: nothing is sent for a minute from held_since_ms */
	int64_t held_since_ms;
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
/* Reads password_file and signing_key_file; on an error the old ones stay. */
int sw_email_credential_load(struct sw_provider *provider, struct sw_diag *diag_out);
enum sw_credential_state sw_email_credential_state(struct sw_provider *provider, int64_t now_ms);
void sw_email_credential_refused(struct sw_provider *provider, int64_t now_ms);

/* links.c */
/* The keys about bounces and unsubscribing; not the files. */
int sw_email_links_open(const struct sw_provider_config *config, struct sw_provider *provider,
			struct sw_diag *diag_out);
/* Where bounces of a mail to this target go. */
struct sw_bytes sw_email_envelope_from(const struct sw_provider *provider, const struct sw_push_target *target,
				       int64_t now_ms, struct sw_arena *arena);
/* By which its receiver takes the address off; empty when there is none. */
struct sw_bytes sw_email_unsubscribe_link(const struct sw_provider *provider, const struct sw_push_target *target,
					  int64_t now_ms, struct sw_arena *arena);

/* body.c */
/* Whole characters, at most max bytes with the ellipsis that then ends it. */
struct sw_bytes sw_email_cut(struct sw_bytes text, size_t max, struct sw_arena *arena);
/* For a header: cut, and control characters, line ends above all, become blanks. */
struct sw_bytes sw_email_line(struct sw_bytes text, struct sw_arena *arena);
struct sw_bytes sw_email_subject(const struct sw_notification *notification, struct sw_arena *arena);
/* The text and the HTML part. link: to unsubscribe; may be empty. */
int sw_email_body(const struct sw_notification *notification, struct sw_bytes subject, struct sw_bytes link,
		  struct sw_arena *arena, struct sw_mail_message *mail_out) SW_MUST_CHECK;

/* payload.c */
int sw_email_encode(struct sw_provider *provider, const struct sw_push_target *target,
		    const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		    struct sw_send *send_out, struct sw_diag *diag_out);

/* classify.c */
void sw_email_classify(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

#endif
