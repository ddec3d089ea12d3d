/* SPDX-License-Identifier: Apache-2.0 */
/* A push service and a mail relay in memory, put in the place of src/egress by the linker, and a provider that speaks to
 * them. The provider is pure and goes through <surewire/provider.h> only; one answer of the service travels as a status,
 * or as the transport's own word (lost, refused, never connected). `done` is called on the loop, never inside a send. */
#ifndef SW_TESTS_FAKE_VENDOR_H
#define SW_TESTS_FAKE_VENDOR_H

#include "base/uuid.h"

#include <surewire/provider.h>

#include <pthread.h>

enum fake_answer {
	FAKE_ANSWER_OK,
	FAKE_ANSWER_RETRY,
	FAKE_ANSWER_THROTTLED,
	FAKE_ANSWER_TOKEN_DEAD,
	FAKE_ANSWER_CREDENTIAL,
	FAKE_ANSWER_REJECTED,
	/* The transport's. */
	FAKE_ANSWER_LOST,    /* taken, but the answer is lost on the way */
	FAKE_ANSWER_UNKNOWN, /* lost on the way to the service */
	FAKE_ANSWER_UNSENT,
	FAKE_ANSWER_NO_CONNECTION,
};

/* What the service says to a token, at its nth request (from 0) that comes to it and is answered by the plan.
 * A dead token stays dead, and what is rejected once is so for ever. */
struct fake_plan_row {
	const char *token;
	unsigned nth;
	enum fake_answer answer;
};

/* One request that came to the service. */
struct fake_push {
	struct sw_uuid job;
	char token[64];
	int64_t pos;
	unsigned credential; /* number of the one it was sent with */
	bool taken;          /* the service took responsibility */
	bool by_fault;       /* answered out of the plan's order */
	enum fake_answer answer;
};

enum { FAKE_PUSHES_MAX = 1024 };

struct fake_vendor {
	pthread_mutex_t lock;
	const struct fake_plan_row *plan; /* everything else is OK */
	size_t plan_count;
	struct fake_push pushes[FAKE_PUSHES_MAX];
	size_t count;
	unsigned sends;   /* so far, also those that never came to the service */
	unsigned fetches; /* of credentials */
	/* The fault: this send is answered so, whatever the plan says. 0: none. */
	unsigned fault_at;
	enum fake_answer fault;
	bool fault_reached;
};

/* One at a time. */
void fake_vendor_open(struct fake_vendor *vendor);
void fake_vendor_close(struct fake_vendor *vendor);
/* How many requests for this token the service took; pos 0: any. */
size_t fake_vendor_taken(struct fake_vendor *vendor, const char *token, int64_t pos);

/* Two providers: of phones over HTTP/2, and of mail, which is a fallback only. */
extern const struct sw_provider_ops fake_provider_phones;
extern const struct sw_provider_ops fake_provider_mail;

#endif
