/* SPDX-License-Identifier: Apache-2.0 */
/* A request becomes durable, once for each idempotency key. */
#ifndef SW_DIRECT_ADMIT_H
#define SW_DIRECT_ADMIT_H

#include "direct/request.h"
#include "store/pg.h"

enum { SW_DIRECT_KEY_BYTES_MAX = 128 };

/* One call: what is asked for, by whom, and by which key. */
struct sw_direct_asked {
	const struct sw_direct_request *request;
	const struct sw_direct_rules *rules;
	int64_t id;          /* new */
	struct sw_bytes key; /* NULL: none */
	const char *operator;
};

enum sw_direct_verdict {
	SW_DIRECT_ADMITTED,
	SW_DIRECT_REPEATED, /* the same request had the key before: its id */
	/* Not stored; the diag says why. */
	SW_DIRECT_KEY_REUSED,
	SW_DIRECT_UNKNOWN, /* a user or device that is not there */
	SW_DIRECT_TOO_LARGE,
};

struct sw_direct_admission {
	enum sw_direct_verdict verdict;
	int64_t id;
};

/* 1 to 128 printable ASCII characters. */
bool sw_direct_key_is_valid(struct sw_bytes key);
/* Any error is the store's: whether the request was stored is unknown after SW_ECLOSED and SW_ETIMEOUT. Blocks. */
int sw_direct_admit(struct sw_pg *pg, const struct sw_direct_asked *asked, struct sw_arena *arena,
		    struct sw_direct_admission *admission_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
