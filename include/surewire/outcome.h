/* SPDX-License-Identifier: Apache-2.0 */
/* What became of one attempt to deliver a notification. A result, not an error. */
#ifndef SUREWIRE_OUTCOME_H
#define SUREWIRE_OUTCOME_H

#include <surewire/bytes.h>

enum sw_outcome_kind {
	SW_OUTCOME_DELIVERED,  /* the provider took responsibility */
	SW_OUTCOME_RETRY,      /* transient; after_ms >= 0 is a minimum, -1 leaves it to the backoff */
	SW_OUTCOME_CREDENTIAL, /* our credential is stale or wrong: renew and send again, costs no attempt */
	SW_OUTCOME_TOKEN_DEAD, /* the device's token is gone; since_ms > 0: only if registered before that */
	SW_OUTCOME_REJECTED,   /* this notification can never be delivered */
	SW_OUTCOME_THROTTLED,  /* too fast for this device or app: as RETRY, and slow down */
	SW_OUTCOME_UNSENT,  /* provably not processed (refused stream, GOAWAY): send again at once, costs no attempt */
	SW_OUTCOME_UNKNOWN, /* sent, no answer: may have arrived; send again with the same ids */
	SW_OUTCOME_CONFIG, /* topic, project or environment is misconfigured: keep token and message, tell an operator */
};

enum { SW_OUTCOME_REASON_MAX = 96 };

/* Whom RETRY and THROTTLED are about. */
enum sw_outcome_scope {
	SW_SCOPE_SERVICE, /* the service, or our account there */
	SW_SCOPE_TARGET,  /* this device or recipient; the service works */
};

struct sw_outcome {
	enum sw_outcome_kind kind;
	enum sw_outcome_scope scope;
	int status;       /* HTTP or SMTP status, 0 when there was none */
	int64_t after_ms; /* RETRY, THROTTLED */
	int64_t since_ms; /* TOKEN_DEAD: wall clock, 0 when the provider did not say */
	char reason[SW_OUTCOME_REASON_MAX];
};

const char *sw_outcome_name(enum sw_outcome_kind kind);

/* A table of answers, as a provider's outcomes.def has it: by HTTP status and the service's own code or reason. */
struct sw_outcome_row {
	int status;
	enum sw_outcome_kind kind;
	const char *code; /* "" is a row for answers without one */
	int64_t after_ms;
};
/* … and what a status means whose code is not in it. */
struct sw_outcome_class {
	int first;
	int last;
	enum sw_outcome_kind kind;
	int64_t after_ms;
};
/* NULL when there is no such row. */
const struct sw_outcome_row *sw_outcome_find(const struct sw_outcome_row *rows, size_t count, int status,
					     struct sw_bytes code);
/* A status in no class is UNKNOWN: it is not a final one of HTTP, and nothing can be concluded. */
struct sw_outcome_class sw_outcome_class_of(const struct sw_outcome_class *classes, size_t count, int status);

#endif
