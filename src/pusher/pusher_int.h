/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the pusher: a job and its ways. Everything is the loop thread's unless it says otherwise.
 *
 * A job is in exactly one place: the gate's list or batch, the ready list, at the provider, the settle list or batch,
 * with the publisher, or waiting for its leader (a copy of the same job that is under way). */
#ifndef SW_PUSHER_INT_H
#define SW_PUSHER_INT_H

#include "pusher/pusher.h"

#include "base/metrics.h"
#include "base/rate.h"
#include "base/utf8.h"
#include "egress/curl_loop.h"
#include "egress/fetch.h"
#include "egress/h2_client.h"
#include "egress/http_pool.h"
#include "egress/mail.h"
#include "loop/loop.h"
#include "proto/envelope.h"
#include "proto/job.h"
#include "pusher/policy.h"
#include "pusher/quarantine.h"
#include "pusher/show.h"
#include "store/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

enum {
	SW_PUSHER_STORE_THREADS = 2,
	SW_PUSHER_STORE_BATCH_MAX = 512, /* jobs of one transaction */
	SW_PUSHER_PREFETCH_MAX = 4096,
	SW_PUSHER_HOLD_MAX_MS = 120000, /* ready but not sent: then the broker keeps it */
	SW_PUSHER_REGATE_MS = 30000,    /* what the gate said is too old to send by */
	SW_PUSHER_TICK_MS = 5000,
	SW_PUSHER_TEXT_MAX = 160,
	SW_PUSHER_SENDER_MAX = 128,
	SW_PUSHER_LOCALE_MAX = 36,
};

struct sw_pusher_job;
struct sw_pusher_digest;

struct sw_pusher_list {
	struct sw_pusher_job *first;
	struct sw_pusher_job *last;
	size_t count;
};

/* A message of the broker, acked when all its jobs are settled. */
struct sw_pusher_envelope {
	struct sw_pusher_envelope *next; /* in its intake's list */
	struct sw_pusher_envelope *prev;
	struct sw_pusher_intake *intake;
	struct sw_delivery *delivery;
	struct sw_envelope_reader reader; /* what is not taken up yet */
	struct sw_bytes items;            /* of the section that is being read */
	size_t left;                      /* jobs not settled, taken up or not */
	bool abandoned;                   /* a job was given up at a stop: no ack */
};

struct sw_pusher_job {
	UT_hash_handle hh; /* leaders only, by the job's id */
	struct sw_pusher_job *next;
	struct sw_pusher_job *prev;
	struct sw_pusher_job *followers;
	struct sw_pusher_instance_run *instance;
	struct sw_pusher_intake *intake;
	struct sw_pusher_envelope *envelope;
	struct sw_item_job item;      /* borrowed from the envelope */
	enum sw_push_content content; /* as the gate found it, with the next two */
	char sender[SW_PUSHER_SENDER_MAX];
	char locale[SW_PUSHER_LOCALE_MAX];
	int64_t registered_at_ms;
	int64_t gated_mono_ms;
	int64_t ready_mono_ms;
	bool held_quiet; /* as the gate found it: its record must go on saying so */
	unsigned unsent_streak;
	unsigned credential_streak;
	uint64_t credential_number;        /* of the credential it was sent with */
	struct sw_pusher_breaker *breaker; /* that let it pass, while it is out */
	bool probe;
	struct sw_pusher_digest *digest; /* NULL: it tells its own message alone */
	struct sw_arena arena;           /* of the request */
	struct sw_send send;
	union {
		struct sw_h2_call http; /* of either version */
		struct sw_mail_call mail;
	} call;
	struct sw_outcome outcome;
	bool tried;          /* outcome is an attempt's, to be recorded */
	int64_t tried_at_ms; /* wall clock */
	int64_t duration_ms;
	struct sw_push_step step;
	unsigned publishes_left;
	bool publish_failed; /* the publisher was closed first */
};

/* One queue of an instance, and what came out of it. */
struct sw_pusher_intake {
	struct sw_pusher_instance_run *instance;
	char queue[SW_BUS_NAME_MAX];
	struct sw_consumer *consumer;
	struct sw_pusher_envelope *envelopes;
	struct sw_pusher_envelope *next_envelope; /* the first that is not all taken up; NULL: none */
	struct sw_pusher_list ready;
	size_t active;
	size_t sending_max; /* of the instance; an urgent job may still go where others wait */
};

/* One an endpoint and app. */
struct sw_pusher_breaker {
	UT_hash_handle hh;
	struct sw_breaker breaker;
	struct sw_quarantine quarantine;
	const struct sw_pusher_endpoint *endpoint;
	struct sw_bytes app;
	uint8_t app_text[]; /* the hash's key */
};

struct sw_pusher_endpoint {
	struct sw_pusher_endpoint *next;
	struct sw_pusher_instance_run *instance;
	const struct sw_endpoint *endpoint;
	struct sw_h2_pool *h2; /* one of the three */
	struct sw_http_pool *http;
	struct sw_mail_pool *mail;
	struct sw_pusher_breaker *breakers; /* by app */
	bool leaving;                       /* given up by the provider; freed when its connections are closed */
};

struct sw_pusher_credential {
	uint64_t number; /* changes with every one that is new, or refused */
	bool ready;
	bool doubted; /* refused, and none was taken since: sends go one at a time until one is */
	bool fetching;
	int64_t wait_until_mono_ms; /* after a failed fetch */
	int64_t backoff_ms;
	int64_t told_mono_ms;
	struct sw_wheel_node timer; /* looks again */
	struct sw_fetch fetch;
	struct sw_arena arena;
	char fetch_text[SW_PUSHER_TEXT_MAX]; /* why the last fetch failed; "": it did not */
	char text[SW_PUSHER_TEXT_MAX];
};

/* How fast an instance may send: as a whole, for an app, to a device. */
struct sw_pusher_rates {
	struct sw_rate instance, app, device; /* token_ns 0: as fast as it goes */
	struct sw_rates buckets;
	struct sw_wheel_node timer; /* until the instance has a token */
};

struct sw_pusher_instance_run {
	struct sw_pusher *pusher;
	const struct sw_pusher_instance *config;
	const struct sw_provider_ops *ops;
	struct sw_provider *provider;
	struct sw_pusher_intake intakes[SW_JOB_QUEUES];
	struct sw_pusher_endpoint *endpoints;
	struct sw_pusher_credential credential;
	struct sw_pusher_rates rates;
	int64_t digest_ms; /* what was missed is told together, at this distance; 0: each alone */
	size_t breakers_open;
	struct sw_turn turn; /* pull and dispatch */
	struct sw_wheel_node tick;
	size_t active_max; /* jobs taken up, of each intake */
	size_t sending;
	int64_t config_told_mono_ms;
	bool config_told;
	struct sw_metric *results[SW_PUSH_RESULTS];
	struct sw_metric *malformed, *sending_gauge, *active_gauge, *attempt_ms, *breakers_gauge, *breaker_opened,
		*quarantined, *credential_gauge;
	struct sw_metric *outcomes[SW_OUTCOME_CONFIG + 1];
	/* What other threads may see. */
	pthread_mutex_t state_lock;
	struct sw_pusher_instance_state state;
};

/* One transaction for many jobs, run by a thread of the pool. */
struct sw_pusher_batch {
	struct sw_pg_job work; /* first */
	struct sw_pusher *pusher;
	const char *what;
	struct sw_pusher_list waiting; /* for the next one */
	struct sw_turn turn;
	struct sw_wheel_node retry;
	bool busy;
	int64_t backoff_ms;
	int64_t told_mono_ms;
	bool told;
	/* Of the run under way: the pool thread's until the reply. */
	struct sw_pusher_job *jobs[SW_PUSHER_STORE_BATCH_MAX];
	struct sw_push_gate gates[SW_PUSHER_STORE_BATCH_MAX]; /* the gate's answers */
	size_t count;
	struct sw_arena arena;
	int (*transact)(struct sw_pusher_batch *batch, struct sw_pg *pg, struct sw_diag *diag_out); /* pool thread */
	void (*done)(struct sw_pusher_batch *batch); /* loop, on success */
	int err;
	struct sw_diag diag;
};

enum sw_pusher_phase {
	SW_PUSHER_RUNNING,
	SW_PUSHER_DRAINING, /* nothing new; what is out is awaited and settled */
	SW_PUSHER_CUT,      /* whatever comes now is given up */
};

struct sw_pusher {
	struct sw_pusher_config config;
	struct sw_loop *loop;
	struct sw_curl_loop *curl;
	struct sw_publisher *publisher;
	struct sw_pg_pool *store;
	struct sw_mailbox replies; /* of the store */
	uv_async_t replies_wake;
	struct sw_pusher_batch gate;
	struct sw_pusher_batch digest;
	struct sw_pusher_batch settle;
	struct sw_pusher_job *jobs; /* leaders by id */
	struct sw_pusher_instance_run *instances;
	size_t instance_count;
	const char **push_names; /* instances that are not only a fallback */
	size_t push_name_count;
	enum sw_pusher_phase phase;
	size_t active;                     /* jobs, of all instances */
	struct sw_pusher_parcel *retrying; /* refused by the broker, waiting to be published again */
	size_t parcels;                    /* with the publisher or waiting to be published again */
	size_t open_egress;                /* pools and the curl loop, not closed yet */
	/* Between the loop and close(). */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool started;
	bool drained;
	bool egress_closed;
	bool wake_closed;
};

/* ---- list ---- */
void sw_pusher_list_push(struct sw_pusher_list *list, struct sw_pusher_job *job);
void sw_pusher_list_push_front(struct sw_pusher_list *list, struct sw_pusher_job *job);
struct sw_pusher_job *sw_pusher_list_pop(struct sw_pusher_list *list);

/* ---- consume.c ---- */
/* Consumer's thread. ctx: the intake. */
void sw_pusher_on_delivery(void *ctx, struct sw_delivery *delivery);
/* Takes up jobs while there is room. */
void sw_pusher_pull(struct sw_pusher_instance_run *instance);
/* The last thing: counts it, settles or re-gates its followers, acks its envelope when it was the last one of it. */
void sw_pusher_job_end(struct sw_pusher_job *job);
/* Given up at a stop: it stays unacked. Not in a list any more. */
void sw_pusher_job_abandon(struct sw_pusher_job *job);
/* After the consumer was stopped. */
void sw_pusher_envelopes_free(struct sw_pusher_intake *intake);
/* Of a whole envelope: SW_OK with the number of its jobs, SW_EPARSE when it is anything else than jobs. Pure. */
int sw_pusher_count_jobs(struct sw_bytes envelope, size_t *count_out);

/* ---- batch.c: the store ---- */
void sw_pusher_batch_init(struct sw_pusher_batch *batch, struct sw_pusher *pusher, const char *what);
void sw_pusher_batch_add(struct sw_pusher_batch *batch, struct sw_pusher_job *job);
void sw_pusher_batch_replied(struct sw_pusher_batch *batch);
/* At a stop: gives up the waiting jobs. */
void sw_pusher_batch_abandon(struct sw_pusher_batch *batch);
void sw_pusher_batch_release(struct sw_pusher_batch *batch);

/* ---- gate.c ---- */
void sw_pusher_gate_init(struct sw_pusher *pusher);
void sw_pusher_gate(struct sw_pusher_job *job);
const struct sw_push_class_limits *sw_pusher_class_limits(const struct sw_pusher *pusher,
							  const struct sw_item_job *item);
/* Wall clock: after this a try comes too late. */
int64_t sw_pusher_spent_at_ms(const struct sw_pusher *pusher, const struct sw_item_job *item);

/* ---- digest.c ---- */
void sw_pusher_digest_init(struct sw_pusher *pusher);
/* Sets digest_ms: what the provider says, but half of the age that a job may have at most. */
void sw_pusher_digest_open(struct sw_pusher_instance_run *instance);
/* After the gate has let it through: ready, or what becomes of it instead. */
void sw_pusher_digest(struct sw_pusher_job *job);
/* What the job's notification tells. */
void sw_pusher_digest_fill(const struct sw_pusher_job *job, struct sw_notification *n);
/* Pool thread, in the transaction that records a batch: gives up the claims of jobs that are over. */
void sw_pusher_digest_queue_end(struct sw_pusher_batch *batch, struct sw_pg *pg);
/* NULL is allowed. */
void sw_pusher_digest_free(struct sw_pusher_digest *digest);

/* ---- send.c ---- */
void sw_pusher_ready(struct sw_pusher_job *job);
/* Sends what is ready, while there is room and a credential. */
void sw_pusher_dispatch(struct sw_pusher_instance_run *instance);
/* Not now: the broker keeps it meanwhile, so that it is in nobody's way. result: HELD_… */
void sw_pusher_put_off(struct sw_pusher_job *job, int64_t wait_ms, enum sw_push_result result);
/* Puts off what has waited too long. */
void sw_pusher_let_go_held(struct sw_pusher_instance_run *instance);
/* The job in the provider's terms; texts are borrowed from it or live in the arena. SW_EINVAL and so on: its contents are
 * none that this program can read, with a text. Pure. */
int sw_pusher_notification(const struct sw_item_job *item, struct sw_arena *arena, struct sw_notification *n_out,
			   struct sw_diag *diag_out) SW_MUST_CHECK;
/* alert.c: what is different when it is about an alert. */
void sw_pusher_fill_alert(const struct sw_item_job *item, struct sw_notification *n_io);
struct sw_push_target sw_pusher_target(const struct sw_item_job *item);

/* What a job is judged by, now. */
struct sw_push_facts sw_pusher_facts(const struct sw_pusher_job *job);

/* ---- limits.c: breakers and rates ---- */
int sw_pusher_rates_open(struct sw_pusher_instance_run *instance, struct sw_diag *diag_out);
void sw_pusher_rates_release(struct sw_pusher_instance_run *instance);
/* May the instance send one more now? It is counted. If not, its turn comes again when it may. */
bool sw_pusher_rate_allows(struct sw_pusher_instance_run *instance);
/* 0, and counted; or when the job's app or device may have another one, in ms. */
int64_t sw_pusher_rate_wait_ms(struct sw_pusher_job *job);
/* 0: it may go, and its outcome has to be told; else how long it should stay away, in ms. */
int64_t sw_pusher_breaker_wait_ms(struct sw_pusher_job *job, struct sw_pusher_endpoint *endpoint);
/* Takes note of job->outcome; a dead token that is not believed becomes CONFIG. */
void sw_pusher_limits_tell(struct sw_pusher_job *job);
void sw_pusher_breakers_free(struct sw_pusher_endpoint *endpoint);

/* ---- settle.c ---- */
void sw_pusher_settle_init(struct sw_pusher *pusher);
/* job->step says what: record, publish, end. */
void sw_pusher_settle(struct sw_pusher_job *job);

/* ---- publish.c ---- */
struct sw_pusher_letter {
	const char *exchange;
	char routing_key[SW_BUS_NAME_MAX];
	struct sw_blob *body; /* one reference */
};
enum { SW_PUSHER_LETTERS_MAX = 3 };
/* What the job's step publishes; pure but for the time in a dead letter and the section id of a retry. */
size_t sw_pusher_letters(const struct sw_pusher_job *job, struct sw_pusher_letter letters_out[SW_PUSHER_LETTERS_MAX]);
/* Publishes and, when all is confirmed, ends the job. */
void sw_pusher_publish_step(struct sw_pusher_job *job);
/* An envelope that cannot be read becomes a dead letter as it is; then it is acked. Takes the delivery. */
void sw_pusher_bury(struct sw_pusher *pusher, struct sw_delivery *delivery);
/* At a stop: those that the broker refused and that wait. */
void sw_pusher_parcels_abandon(struct sw_pusher *pusher);
/* What record and dead letter say; printable ASCII. */
void sw_pusher_reason(const struct sw_pusher_job *job, char *text_out, size_t size);

/* ---- credential.c ---- */
/* May something be sent now? Starts what is needed to get there. */
bool sw_pusher_credential_ready(struct sw_pusher_instance_run *instance);
/* What the outcome of a request that was sent with credential `number` says of it. */
void sw_pusher_credential_tell(struct sw_pusher_instance_run *instance, uint64_t number,
			       const struct sw_outcome *outcome);
/* Key files were read again: what was refused is forgotten. */
void sw_pusher_credential_reloaded(struct sw_pusher_instance_run *instance);
/* How many may be sent at once, of so many. */
size_t sw_pusher_credential_sending_max(const struct sw_pusher_instance_run *instance, size_t sending_max);

/* ---- instance.c ---- */
int sw_pusher_instance_open(struct sw_pusher *pusher, struct sw_pusher_instance_run *instance,
			    const struct sw_pusher_instance *config, struct sw_diag *diag_out);
/* On the loop, once it runs: timers. */
void sw_pusher_instance_start(struct sw_pusher_instance_run *instance);
/* On the loop: gives up what was not sent, closes connections once they have their answers. */
void sw_pusher_instance_drain(struct sw_pusher_instance_run *instance);
/* After the loop has ended. */
void sw_pusher_instance_release(struct sw_pusher_instance_run *instance);
/* NULL: the provider asks for something that is not allowed; the text says what. */
struct sw_pusher_endpoint *sw_pusher_endpoint_of(struct sw_pusher_instance_run *instance,
						 const struct sw_endpoint *endpoint, struct sw_diag *diag_out);
/* Closes the connections to endpoints that the provider gives up. */
void sw_pusher_endpoints_let_go(struct sw_pusher_instance_run *instance);
void sw_pusher_instance_kick(struct sw_pusher_instance_run *instance);
bool sw_pusher_is_urgent(const struct sw_pusher_job *job);
/* Copies counters and credential to where other threads look. */
void sw_pusher_instance_note(struct sw_pusher_instance_run *instance);

/* ---- pusher.c ---- */
/* Tells close() when nothing is left to wait for. */
void sw_pusher_check_drained(struct sw_pusher *pusher);

#endif
