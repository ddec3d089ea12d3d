/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the gateway. Everything below struct gw_loop belongs to that loop's thread. */
#ifndef SW_GATEWAY_INT_H
#define SW_GATEWAY_INT_H

#include "gateway/gateway.h"

#include "base/metrics.h"
#include "base/table.h"
#include "loop/loop.h"
#include "net/http_serve.h"
#include "net/listen.h"
#include "net/tls.h"
#include "net/ws_conn.h"
#include "proto/client_codec.h"
#include "proto/envelope.h"
#include "proto/partition.h"
#include "store/pool.h"

#include <string.h>
#include <strings.h>

#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

enum {
	LOOP_BITS = 8, /* low bits of session and request numbers: which loop */
	HELD_MAX = 16, /* frames that wait while one before them is looked up; then the socket is not read */
	FEED_ROWS_MAX = 200,
	ANSWER_WAIT_MS = 10000, /* HTTP: how long for stored */
	READ_DEADLINE_MS = 5000,
	RETRY_HINT_MS = 2000,
	UNANSWERED_ASK_MS = 5000, /* then the store is asked what became of it */
	UNANSWERED_MAX_MS = 30000,
	LANE_BYTES_MAX = 4 << 20,
	NAMES_MAX = 50000,
	SLOW_CHECKS_MAX = 20, /* about seconds */
};

struct gw_loop;
struct session;

/* ---- publishing: few envelopes under way per queue; what comes meanwhile is the next one ---- */

enum waiter_kind { WAIT_NOTHING, WAIT_SEND, WAIT_REQUEST };

/* Who wants to know that an item was confirmed. */
struct waiter {
	struct waiter *next;
	enum waiter_kind kind;
	int64_t number; /* session or request */
	struct sw_uuid cid;
};

struct lane {
	pthread_mutex_t lock;
	struct sw_gateway *gateway;
	char queue[SW_QUEUE_NAME_MAX];
	struct sw_buf buf;
	size_t mark;
	struct waiter *first;
	struct waiter **last;
	bool is_ingest;         /* messages, to a sequencer; else to a mailbox */
	unsigned items;         /* in buf */
	unsigned in_flight;     /* envelopes under way */
	unsigned in_flight_max; /* further items wait for the next one */
	int64_t interval_ms;    /* from one envelope to the next, at least */
	int64_t next_mono_ms;
};

/* ---- a client's session ---- */

enum session_state { SESSION_NEW, SESSION_LOADING, SESSION_LIVE, SESSION_CLOSING };

/* Accepted and not yet answered. */
struct unanswered {
	struct unanswered *next;
	struct sw_uuid cid;
	int64_t since_ms;
	bool accepted;
};

struct held {
	struct held *next;
	size_t len;
	uint8_t text[];
};

/* Events up to pos were written to the socket, and are not acked yet. */
struct written {
	struct written *next;
	int64_t pos;
	int64_t at_ms;
};

/* Every byte here is paid once per idle client. */
struct session {
	UT_hash_handle hh;
	int64_t number;
	struct gw_loop *loop;
	struct sw_ws *ws;
	struct sw_wheel_node deadline; /* for hello, later for going away */
	char *user_name;
	char *device; /* in the same memory */
	int64_t user;
	int64_t sent_pos;  /* last one written to the socket */
	int64_t known_pos; /* last one known to exist */
	int64_t acked_pos;
	struct unanswered *unanswered;
	struct held *held;
	struct written *written; /* the newest first; an idle client has acked everything */
	struct session *next_ack;
	uint16_t unanswered_count;
	uint8_t state;
	uint8_t slow_checks; /* in a row that found much unread */
	bool active : 1;
	bool reading : 1;   /* a read from the inbox is under way */
	bool resolving : 1; /* a send waits for its recipient's id */
	bool ack_dirty : 1;
	bool announced : 1; /* SESSION_UP was published */
	bool asking : 1;    /* the store is being asked for unanswered ones */
};

/* ---- an HTTP request that waits for a writer ---- */

struct request;
enum request_result {
	REQUEST_STORED,
	REQUEST_REJECTED,
	REQUEST_REPLY,
	REQUEST_READY,
	REQUEST_EVENT,
	REQUEST_FORGOTTEN,
	REQUEST_DENIED, /* too many devices */
	REQUEST_REFUSED,
	REQUEST_TIMEOUT,
	REQUEST_GONE
};
typedef void (*request_fn)(struct request *request, enum request_result result, const struct sw_item *item);

struct request {
	UT_hash_handle hh;
	int64_t number;
	struct gw_loop *loop;
	struct sw_http_exchange *exchange;
	struct sw_wheel_node deadline;
	request_fn on_result;
	struct sw_uuid cid;
	int64_t user;
	char *user_name;
	char *device;
	int64_t cursor;
	bool accepted;  /* confirmed by the broker */
	bool announced; /* long poll: known to the mailbox as a session */
	bool waits;     /* long poll: an empty answer only when the time is over */
	bool reading;
	bool again; /* long poll: an event came while the inbox was being read */
};

struct gw_loop {
	struct sw_gateway *gateway;
	unsigned index;
	struct sw_loop *loop;
	struct sw_net *net;
	struct sw_http_server *http;
	struct sw_listener *plain;
	struct sw_listener *tls;
	struct sw_mailbox reads; /* finished store jobs */
	uv_async_t reads_async;
	uv_timer_t tick;
	uv_timer_t pace; /* active while an envelope waits for its turn in time */
	struct session *sessions;
	struct request *requests;
	struct session *acks; /* with acks to publish at the next tick */
	struct sw_table names;
	int64_t next_number;
	struct sw_ws_limits ws_limits;
	int64_t reads_out;
	uint64_t ticks;
	bool draining;
};

struct gw_metrics {
	struct sw_metric *sessions, *accepted, *refused, *stored, *rejected, *events, *acks, *auth_failed, *limited;
	struct sw_metric *slow, *gaps;
};

struct sw_gateway {
	struct sw_gateway_config config;
	struct gw_loop *loops;
	struct sw_publisher *publisher;
	struct sw_consumer *consumer;
	struct sw_pg_pool *pool;
	struct sw_tls *tls;
	struct lane *lanes[SW_WRITER_ROLES];
	pthread_mutex_t keys_lock;
	struct sw_keyset *keys;
	struct mail_keys *mail_keys; /* under the same lock */
	struct rate_table *rates;
	struct gw_metrics metrics;
	struct sw_net_limit connections;
	_Atomic uint16_t port, tls_port;
	_Atomic size_t session_count;
	_Atomic bool draining;
	_Atomic bool node_connected;
};

/* gateway.c */
struct sw_keyset *gateway_keys(struct sw_gateway *gateway);
struct gw_loop *loop_of_number(struct sw_gateway *gateway, int64_t number);
int64_t loop_new_number(struct gw_loop *loop);

/* lane.c */
void lanes_open(struct sw_gateway *gateway);
void lanes_close(struct sw_gateway *gateway);
/* What waited for its turn in time. */
void lanes_on_pace(uv_timer_t *timer);
/* Puts an item on its way to a writer. SW_EUNAVAILABLE: nothing was taken. waiter: who is told of the confirm, copied. Any
 * thread. must: past the bounds, for what has to reach the mailbox (sessions going down). */
int lane_add(struct gw_loop *loop, enum sw_writer_role role, unsigned logical, const struct sw_item *item,
	     const struct waiter *waiter, bool must);

/* node.c */
int node_open(struct sw_gateway *gateway, struct sw_diag *diag_out);

/* limits.c: token buckets by key; false: too fast */
struct rate_table *rates_new(void);
void rates_free(struct rate_table *rates);
bool rate_take_user(struct sw_gateway *gateway, int64_t user);
bool rate_take_address(struct sw_gateway *gateway, const struct sw_peer *peer);

/* names.c */
/* 0 when not known here. */
int64_t names_find(struct gw_loop *loop, struct sw_bytes name);
void names_add(struct gw_loop *loop, struct sw_bytes name, int64_t user);
void names_open(struct gw_loop *loop);
void names_close(struct gw_loop *loop);

/* A read: run on a pool thread, done on the loop. Embeds sw_pg_job. */
struct gw_read {
	struct sw_pg_job job;
	struct gw_loop *loop;
	int64_t number; /* session or request that asked; it may be gone by then */
	int err;        /* of run */
	void (*done)(struct gw_read *read);
};
int read_start(struct gw_loop *loop, struct gw_read *read);
void reads_finish(struct gw_loop *loop);
/* Looks up user ids by name. */
struct name_read {
	struct gw_read read;
	char **names;
	int64_t *users; /* 0: no such */
	size_t count;
	void (*found)(struct name_read *read);
	void *ctx;
	void *more;
};
struct name_read *name_read_new(struct gw_loop *loop, int64_t number, size_t count);
void name_read_free(struct name_read *read);
int name_read_start(struct name_read *read);

/* session.c */
extern const struct sw_ws_handlers session_handlers;
struct session *session_new(struct gw_loop *loop);
void session_opened(struct session *session, struct sw_ws *ws);
void session_discard(struct session *session);
struct session *session_find(struct gw_loop *loop, int64_t number);
void session_close(struct session *session, enum sw_close_code code, const char *text);
void session_send(struct session *session, struct sw_buf *frame);
void session_slow(struct session *session);
void session_error(struct session *session, enum sw_error_code code, struct sw_bytes cid, const char *text);
void session_going_away(struct session *session, int64_t after_ms);
void session_hold(struct session *session, struct sw_bytes text);
void session_release_held(struct session *session);

/* hello.c */
void on_hello(struct session *session, const struct sw_hello_frame *hello);
/* Token to user; the text in diag may be shown. */
int authenticate(struct sw_gateway *gateway, struct sw_bytes token, struct sw_token *token_out, struct sw_diag *diag);

/* dispatch.c */
void dispatch_frame(struct session *session, struct sw_bytes text);

/* people.c */
struct people {
	int64_t to_user; /* 0: to a conversation */
	struct sw_item_list mentions;
	int64_t *users; /* the memory of both */
};
/* Not too many, and names that somebody may have. */
enum sw_error_code people_check(const struct sw_gateway *gateway, const struct sw_send_frame *send,
				struct sw_diag *diag);
/* False: not all of them are in the cache. */
bool people_find(struct gw_loop *loop, const struct sw_send_frame *send, struct people *people_out);
struct name_read *people_look_up(struct gw_loop *loop, int64_t number, const struct sw_send_frame *send);
/* What such a read has found. */
enum sw_error_code people_found(const struct name_read *read, const struct sw_send_frame *send,
				struct people *people_out, struct sw_diag *diag);
void people_release(struct people *people);

/* send.c */
/* Who sends, and where the answer goes. */
struct origin {
	int64_t user;
	const char *name;
	int64_t number; /* session or request */
};
void on_send(struct session *session, const struct sw_send_frame *send);
/* The item of a send; runs are borrowed from all of them. */
struct sw_item send_item(struct sw_gateway *gateway, const struct sw_send_frame *send, const struct origin *origin,
			 const struct people *people);
unsigned send_partition(const struct sw_item *item);

/* answer.c: what the writers say about a message */
/* The session or request that an item other than an event is for; 0 when it is for none. */
int64_t answer_number(const struct sw_item *item);
void answer_accepted(struct gw_loop *loop, const struct waiter *waiter, int result);
void answer_item(struct gw_loop *loop, const struct sw_item *item);
void answers_check(struct session *session);
void unanswered_add(struct session *session, const struct sw_uuid *cid);
void unanswered_free(struct session *session);

/* feed.c */
/* A frame of one event, to be shared. */
void feed_live(struct session *session, int64_t pos, const struct sw_item_event *event);
void feed_known(struct session *session, int64_t pos);
void feed_continue(struct session *session);
/* Once a second: goes on if it can, closes one that has not read for long. */
void feed_check(struct session *session);
/* A page of the inbox: what is asked for, and what came of it. */
struct feed_page {
	int64_t user;
	int64_t after;
	int rows_max;
	size_t bytes_max;  /* no further row is begun past it; there is always one */
	struct sw_buf out; /* a JSON list of events is appended */
	int64_t last_pos;  /* after: there was nothing */
	bool more;         /* it ended for a limit, not for want of rows */
};
/* Runs the sync statement. Pool thread. */
int feed_query(struct sw_pg *pg, int64_t deadline_ms, struct feed_page *page);

/* ack.c */
void on_ack(struct session *session, int64_t pos);
/* Events up to sent_pos are on their way to the client. */
void written_add(struct session *session);
/* When the event of pos was written: with the first write that reached so far. 0: not known. */
int64_t written_at_ms(const struct session *session, int64_t pos);
/* Those up to pos need not be remembered any more. */
void written_free(struct session *session, int64_t pos);
void on_alert_ack(struct session *session, int64_t alert);
/* number: of the session or request that is answered. */
struct sw_item alert_ack_item(const struct sw_gateway *gateway, int64_t user, int64_t alert, int64_t number);
void on_presence(struct session *session, bool active);
void acks_flush(struct gw_loop *loop);
/* again: it was announced before, but perhaps forgotten since. */
void announce_up(struct session *session, bool again);
void announce_down(struct session *session);
/* Of what was read by HTTP, by somebody who is there. */
int publish_read(struct gw_loop *loop, int64_t user, const char *device, int64_t pos);

/* api*.c */
void api_on_request(void *ctx, struct sw_http_exchange *exchange);
struct request *request_new(struct gw_loop *loop, struct sw_http_exchange *exchange, request_fn on_result,
			    int64_t wait_ms);
struct request *request_find(struct gw_loop *loop, int64_t number);
/* Removes it; the exchange must have been answered. */
void request_free(struct request *request);
void api_fail(struct sw_http_exchange *exchange, enum sw_error_code code, const char *text);
/* Who is calling: from the bearer token. Answers and returns false when it is nobody. */
bool api_caller(struct gw_loop *loop, struct sw_http_exchange *exchange, struct sw_token *token_out);
/* Finds the caller's user id, then goes on. */
typedef void (*caller_fn)(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_with_user(struct gw_loop *loop, struct sw_http_exchange *exchange, caller_fn next);
void api_send(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_create(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_sync(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_mail_page(struct gw_loop *loop, struct sw_http_exchange *exchange);
void api_mail_unsubscribe(struct gw_loop *loop, struct sw_http_exchange *exchange);
/* Of the sections that sign links in mails; perhaps none. */
struct mail_keys;
int mail_keys_load(const struct sw_gateway_config *config, struct mail_keys **keys_out, struct sw_diag *diag_out);
/* NULL is allowed. */
void mail_keys_free(struct mail_keys *keys);
void api_ack(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_alert_ack(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_device_set(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_preferences_get(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_preferences_set(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
void api_preferences_drop(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);
/* The answer to an item for the caller's mailbox: 204, 202 or a problem; the request is freed. */
void api_on_applied(struct request *request, enum request_result result, const struct sw_item *item);
void api_to_mailbox(struct gw_loop *loop, struct request *request, int64_t user, const struct sw_item *item);
void api_device_drop(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user);

#endif
