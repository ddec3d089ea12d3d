/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the sequencer. */
#ifndef SW_SEQUENCER_INT_H
#define SW_SEQUENCER_INT_H

#include "sequencer/sequencer.h"

#include "base/metrics.h"
#include "proto/reject.h"
#include "writer/rows.h"

#include <uthash.h>

struct pair {
	int64_t lo;
	int64_t hi;
};

struct member {
	int64_t user;
	int16_t role;
	int64_t joined_seq;
};

enum { KIND_DIRECT = 1, KIND_GROUP = 2 };

/* A conversation as its only writer knows it. */
struct conversation {
	UT_hash_handle hh;      /* by conv */
	UT_hash_handle hh_pair; /* by pair, direct ones */
	int64_t conv;
	struct pair pair;
	int kind;
	int64_t seq; /* the last one given */
	struct member *members;
	size_t member_count;
	size_t member_cap;
	bool loading; /* its members are being read */
	bool touched; /* changed by the batch under way */
	struct conversation *next_touched;
};

struct cid_key {
	int64_t sender;
	struct sw_uuid cid;
};

/* A client message id that was answered. */
struct recent {
	UT_hash_handle hh;
	struct cid_key key;
	struct sw_uuid content;
	int64_t id;
	int64_t conv;
	int64_t seq;
	bool fresh; /* of the batch under way */
	struct recent *next_fresh;
};

/* What a batch writes. */
struct event_row {
	const struct sw_item_send *send; /* NULL: of create */
	const struct sw_item_create *create;
	int64_t conv;
	int64_t seq;
	int64_t id;
};
struct conversation_row {
	const struct conversation *conversation;
	struct sw_bytes title;
	int64_t creator;
	int64_t at_ms;
};
struct sent_row {
	const struct recent *recent;
	int64_t at_ms;
};

struct sequencer {
	const struct sw_sequencer_config *config;
	struct sw_idgen *ids;
	struct conversation *by_id;
	struct conversation *by_pair;
	struct conversation *touched;
	struct recent *recents;
	struct recent *fresh;
	struct sw_rows events;        /* struct event_row */
	struct sw_rows conversations; /* struct conversation_row */
	struct sw_rows sents;         /* struct sent_row */
	/* Members as of the events of repeated sections: (conv, seq) -> users, in rows of the result. */
	const struct sw_pg_result *as_of;
	bool loading_conversations, loading_sent, loading_as_of;
	struct sw_metric *stored, *rejected, *repeats, *redelivered;
	int64_t batch_stored, batch_rejected, batch_repeats, batch_redelivered; /* counted when committed */
};

/* What became of an item, as recorded with its section. */
enum fate_kind { FATE_NONE, FATE_STORED, FATE_REPEAT, FATE_REJECTED };
struct fate {
	enum fate_kind kind;
	enum sw_reject reject;
	int64_t conv;
	int64_t seq;
	int64_t id;
};

/* conversations.c: the cache */
struct conversation *conversation_find(struct sequencer *s, int64_t conv);
struct conversation *conversation_find_pair(struct sequencer *s, struct pair pair);
/* Inserted; kind from pair. */
struct conversation *conversation_add(struct sequencer *s, int64_t conv, struct pair pair);
/* In the order of user, as the store lists them: a repeated section must name the members in the same order. */
void conversation_add_member(struct conversation *c, struct member member);
const struct member *conversation_member(const struct conversation *c, int64_t user);
void conversation_touch(struct sequencer *s, struct conversation *c);
void conversations_settle(struct sequencer *s, bool committed);
void conversations_clear(struct sequencer *s);

/* recent.c: client message ids */
struct recent *recent_find(struct sequencer *s, int64_t sender, const struct sw_uuid *cid);
struct recent *recent_add(struct sequencer *s, const struct recent *values);
void recent_settle(struct sequencer *s, bool committed);
void recent_clear(struct sequencer *s);

/* admit.c */
struct fate admit_send(struct sequencer *s, struct sw_batch *batch, const struct sw_item_send *send);
struct fate admit_create(struct sequencer *s, struct sw_batch *batch, const struct sw_item_create *create);

/* append.c */
void append_write(struct sequencer *s, struct sw_batch *batch, struct sw_pg *pg);

/* hand_over.c */
void hand_over(struct sequencer *s, struct sw_batch *batch, struct sw_work *work, const struct sw_item *item,
	       const struct fate *fate);

#endif
