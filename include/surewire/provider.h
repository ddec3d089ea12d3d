/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of a push provider, whole: a third party needs this header and those it includes, nothing else.
 *
 * A provider is *pure*: it turns a notification into a request, an answer into an outcome, and keeps its credential.
 * It opens no socket, starts no thread, sleeps never and decides no policy. The pusher owns connections, deadlines,
 * retries, limits and records. All members are called from one thread per instance (the pusher's loop), and return
 * at once; `check_token`, `check_token_for` and `check_app_for` alone may be called from any thread.
 *
 * One *instance* is one configured account of a provider ([push.NAME] in the configuration): one APNs key and team,
 * one FCM project, one mail relay. */
#ifndef SUREWIRE_PROVIDER_H
#define SUREWIRE_PROVIDER_H

#include <surewire/arena.h>
#include <surewire/err.h>
#include <surewire/http_msg.h>
#include <surewire/notify.h>
#include <surewire/outcome.h>

struct sw_provider; /* private to the provider */

/* The keys of the instance's configuration section. get() returns borrowed text or NULL when the key is absent;
 * valid for the life of the process. `known_keys` of the ops names every key the provider reads. */
struct sw_provider_config {
	const char *instance; /* section suffix, e.g. "apns" */
	const char *(*get)(const struct sw_provider_config *config, const char *key);
	void *ctx;
};

enum sw_transport {
	SW_TRANSPORT_H2,   /* requests over long-lived HTTP/2 connections of the pusher's own client */
	SW_TRANSPORT_HTTP, /* requests over HTTP/1.1, to servers of any kind */
	SW_TRANSPORT_MAIL, /* a mail dialogue */
};

/* Where requests go. Borrowed from the instance; stable while it is open, or until the endpoint was given back
 * (endpoint_retired below). Two sends share connections when their endpoints are the same pointer. */
struct sw_endpoint {
	const char *host;
	uint16_t port;
	const char *ca_file;   /* PEM; NULL: the system's certificates. Verification is never off. */
	const char *cert_file; /* client certificate and key, PEM; NULL: none */
	const char *key_file;
	int connections_max;     /* >= 1 */
	int initial_streams_max; /* H2: streams allowed before the first success, 0: as the server's SETTINGS say */
	int ping_interval_ms;    /* H2: liveness probe while requests wait for answers; 0: never (FCM punishes it) */
	int answer_timeout_ms;   /* after this without an answer the outcome is unknown */
	bool plain;              /* HTTP: without TLS; only loopback is connected to then */
	/* H2, HTTP: the host is a stranger's word. Only addresses of the public internet are connected to: none of this
	 * machine, a private network or a link. Looked at where the name is resolved, at every connection. */
	bool public_only;
	/* MAIL only */
	const char *ehlo_name;
	const char *username; /* NULL: no AUTH */
	const char *password;
	enum { SW_MAIL_STARTTLS, SW_MAIL_TLS, SW_MAIL_PLAIN } mail_tls; /* PLAIN only towards loopback */
};

/* One mail to one recipient. Header values are UTF-8 without CR or LF; the pusher's client encodes and folds them. */
struct sw_mail_message {
	struct sw_bytes envelope_from;
	struct sw_bytes envelope_to;
	struct {
		const char *name;
		struct sw_bytes value;
	} headers[12]; /* besides MIME-Version and Content-* */
	size_t header_count;
	struct sw_bytes text; /* text/plain; charset=utf-8 */
	struct sw_bytes html; /* text/html; charset=utf-8 */
};

/* The server's last word in a mail dialogue. */
struct sw_mail_reply {
	int code;          /* 250, 450, 550 …; 0: none */
	char enhanced[12]; /* "5.1.1" or "" */
	char text[128];    /* printable, cut */
	enum {
		SW_MAIL_STAGE_CONNECT,
		SW_MAIL_STAGE_AUTH,
		SW_MAIL_STAGE_MAIL,
		SW_MAIL_STAGE_RCPT,
		SW_MAIL_STAGE_DATA
	} stage;
};

struct sw_send {
	const struct sw_endpoint *endpoint;
	union {
		struct sw_http_request http;
		struct sw_mail_message mail;
	} as;
};

/* A definite answer of the service. Refused streams, lost connections and deadlines never reach the provider:
 * the pusher itself turns them into UNSENT, RETRY or UNKNOWN. */
struct sw_answer {
	const struct sw_push_target *target;
	const struct sw_http_response *http; /* H2, HTTP */
	const struct sw_mail_reply *mail;    /* MAIL */
	int64_t now_ms;                      /* wall clock */
};

enum sw_credential_state {
	SW_CREDENTIAL_READY,  /* send */
	SW_CREDENTIAL_RENEW,  /* still good: send, and fetch a new one beside it */
	SW_CREDENTIAL_FETCH,  /* hold sends back and fetch one first */
	SW_CREDENTIAL_BROKEN, /* hold sends back until an operator acts or retry time comes */
};

/* A token fetch for providers with OAuth: a POST that the pusher runs, one at a time. Borrowed from the arena. */
struct sw_credential_request {
	struct sw_bytes url; /* https://… or, towards loopback only, http://… */
	const char *ca_file; /* as in sw_endpoint */
	const char *content_type;
	struct sw_bytes body;
};

struct sw_provider_ops {
	const char *name; /* "apns": queue push.<name>, metrics, records */
	enum sw_transport transport;
	const char *const *known_keys; /* NULL-terminated */
	bool shared_tokens; /* one may be several people's: an address, a system. Else the last who reports it has it */
	bool clears;        /* a silent push reaches the app, which takes back what is shown (data `clear`, `badge`) */
	bool fallback_only; /* used only when a person has no live device of another provider left, or those are spent */

	/* Reads keys and files. SW_ECONFIG with a text that names key and expectation. *provider_out is owned by
	 * the caller until close. */
	int (*open)(const struct sw_provider_config *config, struct sw_provider **provider_out,
		    struct sw_diag *diag_out);
	void (*close)(struct sw_provider *provider); /* NULL is allowed; secrets are wiped */
	/* Key files were replaced (HUP): read them again. On an error the old ones stay in force. */
	int (*reload)(struct sw_provider *provider, struct sw_diag *diag_out);

	/* Is this the form of a token? For registration: SW_OK, or SW_EINVAL with what was expected. Any thread. */
	int (*check_token)(struct sw_bytes token, struct sw_diag *diag_out);
	/* The same where the section decides about the form. NULL: check_token has said all. Any thread. */
	int (*check_token_for)(const struct sw_provider_config *config, struct sw_bytes token,
			       struct sw_diag *diag_out);
	/* Does the section serve the app? SW_OK, or SW_EINVAL with what was expected. NULL: every app. Any thread. */
	int (*check_app_for)(const struct sw_provider_config *config, struct sw_bytes app, struct sw_diag *diag_out);
	/* Does this instance serve the app? An empty app means "the only one". */
	bool (*serves_app)(const struct sw_provider *provider, struct sw_bytes app);

	/* State of the credential at now_ms (wall clock). */
	enum sw_credential_state (*credential_state)(struct sw_provider *provider, int64_t now_ms);
	/* FETCH and RENEW only. NULL for providers that sign on their own. */
	int (*credential_request)(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
				  struct sw_credential_request *request_out, struct sw_diag *diag_out);
	/* response->status 0: no answer came. SW_OK when a new credential is in force; SW_EAUTH when the service
	 * refused our identity (operator), SW_EUNAVAILABLE when it should be tried again. The old one stays if valid. */
	int (*credential_response)(struct sw_provider *provider, const struct sw_http_response *response,
				   int64_t now_ms, struct sw_diag *diag_out);
	/* An outcome CREDENTIAL was returned for a request sent with the current credential: make the next one fresh,
	 * as far as the service's rules on renewal allow. */
	void (*credential_refused)(struct sw_provider *provider, int64_t now_ms);

	/* Builds the request. Everything in send_out lives in the arena or the instance. SW_ELIMIT when it cannot be
	 * made to fit (texts are cut at a character boundary, the body first), SW_EINVAL when target or notification is
	 * unusable; both with a text, and both end as REJECTED. SW_ECONFIG when an operator must act, with a text: ends
	 * as CONFIG. SW_EBUSY when there is no room for another endpoint just now: ends as UNSENT. */
	int (*encode)(struct sw_provider *provider, const struct sw_push_target *target,
		      const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		      struct sw_send *send_out, struct sw_diag *diag_out);
	/* Total: every answer, also a malformed one, gives an outcome with a reason. */
	void (*classify)(struct sw_provider *provider, const struct sw_answer *answer, struct sw_outcome *outcome_out);

	/* For providers that tell what was missed in one piece (sw_notification.missed), else NULL: so long at least
	 * lies between two sends to a device. 0: everything is told alone. */
	int64_t (*digest_interval_ms)(const struct sw_provider *provider);

	/* For providers that choose among many endpoints and may keep only some; else both are NULL. One that encode
	 * will not give any more, each named once, NULL when there is none. Asked after every encode. The pusher then
	 * lets no new request to it, awaits answers, closes its connections and says endpoint_closed; until then the
	 * endpoint must stay as it is. What was still waiting for a connection is encoded anew. */
	const struct sw_endpoint *(*endpoint_retired)(struct sw_provider *provider);
	/* Nobody looks at it any more. Not said for those that are in use, or being closed, at `close`. */
	void (*endpoint_closed)(struct sw_provider *provider, const struct sw_endpoint *endpoint);
};

extern const struct sw_provider_ops sw_provider_apns;
extern const struct sw_provider_ops sw_provider_fcm;
extern const struct sw_provider_ops sw_provider_huawei;
extern const struct sw_provider_ops sw_provider_email;
extern const struct sw_provider_ops sw_provider_webpush;
extern const struct sw_provider_ops sw_provider_webhook;

#endif
