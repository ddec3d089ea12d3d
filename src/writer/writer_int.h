/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the writer: the engine's state and its mails. */
#ifndef SW_WRITER_INT_H
#define SW_WRITER_INT_H

#include "base/metrics.h"
#include "loop/mailbox.h"
#include "writer/writer.h"

#include <pthread.h>
#include <stdatomic.h>

enum { GONE_NODES_MAX = 16, BATCH_ITEMS_FIRST = 64 };

struct sw_engine;

/* How messages for a mailbox partition that is here get to it (settle.c). */
enum hand_over {
	HAND_OVER_QUEUE,  /* through its queue */
	HAND_OVER_WAITS,  /* not at all for a moment: ingest waits */
	HAND_OVER_DIRECT, /* in the same batch */
};

/* A partition that an engine owns, or is letting go. */
struct holding {
	struct holding *next;
	struct sw_engine *engine;
	enum sw_writer_role role;
	unsigned queue;
	int64_t epoch;
	struct sw_consumer *consumer;
	unsigned taken; /* deliveries in batches and flights */
	bool leaving;   /* consumes no more; freed when taken is 0 */
	bool report;    /* the keeper waits to hear that it was let go */
	bool begun;     /* an envelope came: its earlier owner's consumer is gone */
	/* Of a mailbox partition: */
	enum hand_over hand_over;
	struct sw_uuid marker; /* went through the queue */
	bool marker_back;      /* with the batch under way */
	bool handed_over;      /* something went behind the marker */
};

enum mail_kind { MAIL_ARRIVAL, MAIL_PUBLISHED, MAIL_ASSIGN, MAIL_RELEASE, MAIL_RELEASED, MAIL_LOST, MAIL_WAKE };

/* What engine and keeper receive. */
struct note {
	struct sw_mail mail;
	struct note *next; /* among the commands */
	enum mail_kind kind;
	struct sw_engine *engine;
	enum sw_writer_role role;
	unsigned queue;
	int64_t epoch;
};

/* An envelope from a partition's queue. */
struct arrival {
	struct note note;
	struct holding *holding;
	struct sw_delivery *delivery;
	struct arrival *next;
	bool malformed; /* not even an envelope: goes to the dead letters */
};

/* A committed batch whose consequences are not all confirmed. Acked as a whole, and not before those committed earlier:
 * it may rely on a check that one of them has sent (mailbox/route.c arm_check). */
struct flight {
	struct flight *next;
	struct arrival *arrivals;
	size_t waiting;
	bool lost; /* something will never be confirmed */
};

/* A message on its way out. */
struct parcel {
	struct sw_publish publish; /* first */
	struct sw_blob *body;      /* kept for another try; publish has a reference of its own */
	struct note note;
	struct parcel *next;       /* in its lane */
	struct parcel *retry_next; /* in the list of those that wait to be sent again */
	struct flight *flight;     /* NULL: nobody waits for it */
	enum sw_out_kind kind;
	int64_t node;
	int result;
	int64_t retry_at_ms; /* monotonic */
};

/* Mailbox envelopes of one target leave one after the other, so that a refused one is not overtaken. */
struct lane {
	struct parcel *first;
	struct parcel **last;
	bool in_flight;
};

struct sw_engine {
	struct sw_writer *writer;
	int64_t id;
	pthread_t thread;
	struct sw_mailbox inbox;
	struct sw_pg *pg;
	struct sw_publisher *publisher; /* NULL: closed */
	void *steps[SW_WRITER_ROLES];
	struct holding *holdings;
	struct arrival *pending;
	struct arrival **pending_last;
	size_t pending_count;
	unsigned flights;
	struct flight *flight_first; /* in the order of their commits */
	struct flight **flight_last;
	bool lost;           /* of a flight that ended: none behind it is acked */
	unsigned items_max;  /* of the next batch: what the store lately did in good time */
	unsigned one_by_one; /* so many batches of a single envelope follow: a poisonous one is being looked for */
	struct lane lanes[SW_LOGICAL_PARTITIONS];
	struct parcel *retries;
	struct note *commands;              /* of the keeper, in order; never carried out from inside dispatch */
	int64_t gone_nodes[GONE_NODES_MAX]; /* their sessions are dropped in the next turn */
	unsigned gone_count;
	_Atomic bool stopping;
	_Atomic unsigned owned[SW_WRITER_ROLES];
};

struct sw_writer {
	struct sw_writer_config config;
	struct sw_engine *engines;
	pthread_t keeper;
	struct sw_mailbox keeper_inbox;
	_Atomic bool stopping;
	_Atomic bool engines_done;
	_Atomic bool store_connected;
	_Atomic unsigned unowned;
	struct sw_metric *batches, *items, *conflicts, *fenced, *poisoned, *batch_ms, *retried;
};

/* engine.c */
int engine_start(struct sw_writer *writer, struct sw_engine *engine, struct sw_diag *diag_out);
void engine_stop(struct sw_engine *engine);
void engine_arrivals_end(struct sw_engine *engine, struct arrival *arrivals, bool ack);
/* All partitions are given up at once: the store said that they are not ours. */
void engine_lose_all(struct sw_engine *engine);

/* engine_turn.c: one batch from pending to the outbox. */
void engine_turn(struct sw_engine *engine);

/* settle.c */
/* A partition came: what is handed over goes through the queues again until they are known to be behind. */
void settle_begin(struct sw_engine *engine);
/* A section was taken from the queue of a mailbox partition. */
void settle_taken(struct holding *holding, const struct sw_work *work);
/* After outbox_send of the batch. */
void settle_committed(struct sw_engine *engine, const struct sw_batch *batch);
/* Envelopes of ingest stay pending. */
bool settle_waits(const struct sw_engine *engine);
/* The first envelope that may be taken, in its place; NULL there: none. */
struct arrival **engine_takeable(struct sw_engine *engine);

/* outbox.c */
void outbox_send(struct sw_engine *engine, struct sw_batch *batch, struct arrival *arrivals);
void outbox_published(struct sw_engine *engine, struct parcel *parcel);
/* Sends again what is due; the monotonic time when it wants to be called next, INT64_MAX for never. */
int64_t outbox_retry(struct sw_engine *engine);

/* keeper.c */
void *keeper_main(void *arg);
void keeper_tell(struct sw_writer *writer, struct sw_engine *engine, enum mail_kind kind,
		 const struct holding *holding);

#endif
