/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of a direct push, many in one envelope, sorted by their queues. The same request and recipient give the same job,
 * whoever makes it and however often. Pure. */
#ifndef SW_DIRECT_JOBS_H
#define SW_DIRECT_JOBS_H

#include "base/blob.h"
#include "bus/bus.h"
#include "proto/envelope.h"

enum { SW_DIRECT_JOBS_PER_ENVELOPE = 50, SW_DIRECT_ENVELOPE_BYTES = 512 << 10, SW_DIRECT_QUEUES_MAX = 64 };

/* What all jobs of a request have in common. */
struct sw_direct_work {
	int64_t id;
	struct sw_bytes title;
	struct sw_bytes body;
	struct sw_bytes content;
	bool urgent;
	int64_t created_at_ms;
	int64_t expires_at_ms;
};

/* Whom one of them is for. */
struct sw_direct_recipient {
	int64_t user; /* 0: the token alone */
	struct sw_bytes user_name;
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes token;
	bool sandbox;
	int64_t registered_at_ms;
};

struct sw_item_job sw_direct_job(const struct sw_direct_work *work, const struct sw_direct_recipient *recipient);

struct sw_direct_envelope {
	char queue[SW_BUS_NAME_MAX];
	struct sw_blob *body; /* one reference */
	size_t jobs;
};

/* One envelope that is being filled. */
struct sw_direct_open {
	char queue[SW_BUS_NAME_MAX];
	struct sw_buf buf;
	size_t mark;
	size_t jobs;
};

struct sw_direct_packer {
	struct sw_arena *arena;
	struct sw_direct_open open[SW_DIRECT_QUEUES_MAX];
	size_t open_count;
	struct sw_direct_envelope *full; /* in the arena */
	size_t full_count;
	size_t full_max;
	size_t jobs;
};

/* jobs_max: that many will be added at most. */
void sw_direct_packer_init(struct sw_direct_packer *packer, size_t jobs_max, struct sw_arena *arena);
/* SW_EINVAL: the provider makes no queue name, or there are too many of them: it was left out. */
int sw_direct_packer_add(struct sw_direct_packer *packer, const struct sw_direct_work *work,
			 const struct sw_direct_recipient *recipient) SW_MUST_CHECK;
/* Then full[] has all of them, and the references are the caller's. */
void sw_direct_packer_finish(struct sw_direct_packer *packer);

#endif
