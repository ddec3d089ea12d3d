/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of the mailbox step. */
#ifndef SW_MAILBOX_INT_H
#define SW_MAILBOX_INT_H

#include "mailbox/mailbox_step.h"

#include "base/metrics.h"
#include "proto/codes.h"
#include "proto/job.h"
#include "writer/rows.h"

#include <surewire/buf.h>
#include <uthash.h>

enum dirt { CLEAN, CURSOR_MOVED, CHANGED };

struct device {
	char *id;
	char *platform;
	char *provider; /* "" none */
	char *app;
	char *token; /* "" none or dead */
	bool sandbox;
	int64_t registered_at_ms;
	int64_t cursor;
	int64_t active_cursor; /* acked while its person was there */
	char *time_zone;
	char *locale;
	int16_t quiet_from; /* minute of its day; -1: no quiet hours */
	int16_t quiet_until;
	int64_t shown_from; /* what may be shown there and was not taken back begins here; 0: nothing */
	int64_t shown_upto;
	enum dirt dirt;
};

enum { PREFER_UNSET = -1 };
enum prefer_content {
	PREFER_CONTENT_UNSET,
	PREFER_CONTENT_NONE,
	PREFER_CONTENT_SENDER,
	PREFER_CONTENT_FULL,
	PREFER_CONTENTS
};

/* What a person wants of a conversation; 0: of every one that does not say otherwise. */
struct preference {
	int64_t conv;
	int64_t muted_until_ms; /* PREFER_UNSET, as the others: as in the default */
	int8_t mentions_only;
	int8_t plan;                 /* index of the configuration */
	enum prefer_content content; /* the pusher's matter; kept to be written */
	enum dirt dirt;
};

struct session {
	int64_t node;
	int64_t session;
	char *device;
	bool active;
	bool stored; /* has a row */
	enum dirt dirt;
};

/* A user as the only writer knows it. */
struct user {
	UT_hash_handle hh;
	int64_t id;
	char *name;
	int64_t pos;  /* the last one given */
	int64_t told; /* how many of the inbox were to be told of */
	int64_t pushed_pos;
	int64_t open_pos; /* the last one that may be neither acked nor planned */
	struct device *devices;
	size_t device_count;
	struct preference *preferences; /* by conv */
	size_t preference_count;
	struct session *sessions;
	size_t session_count;
	bool check_armed;       /* a check is on its way that will look again */
	int32_t check_delay_ms; /* after so long */
	int64_t step_at_ms;     /* a STEP_DUE is expected back by then; 0: none that is known */
	int64_t lag_ms;         /* most that an event since the last quiet moment was older when it came here */
	bool clear_armed;       /* a CLEAR is on its way */
	bool plan_dirty;
	bool loading;
	bool touched;
	struct user *next_touched;
};

/* A message that a person may have to be told of. */
struct news {
	int64_t pos;
	int64_t conv;
	int64_t seq;
	int64_t event;
	struct sw_bytes title;
	struct sw_bytes preview;
	int64_t at_ms;
	bool mentioned;
	enum sw_job_reason reason; /* of a push about it */
};

/* How a message is pushed: a step of a plan, or the last resort, the devices that are only a fallback. */
enum { LAST_RESORT = -1 };
struct way {
	const struct sw_mailbox_plan *plan;
	int step; /* from 0 */
};

/* A message whose plan goes on: a row of plan_step. */
struct pending {
	int64_t user;
	struct news news;
	int step; /* the next one; OVER */
	int64_t due_at_ms;
	bool changed;
};
enum { OVER = -1 };

struct step_row {
	int64_t user;
	int64_t pos;
	int64_t step;
	int64_t due_at_ms;
};

struct inbox_row {
	int64_t user;
	int64_t pos;
	int64_t conv;
	int64_t seq;
	bool notify;
	bool mentioned;
	int32_t told;
	int32_t routed_after_ms; /* it was stored */
	int16_t sockets;         /* that it was sent towards */
	int16_t pushes;          /* planned at once */
};
/* A step of a device's cursors, to pos: `acked` and `read` are how far each of them came. */
struct ledger_row {
	int64_t user;
	struct sw_bytes device;
	bool active;
	int64_t pos;
	int64_t at_ms;
	int32_t acked;
	int32_t read;
	int32_t sent_before_ms; /* -1: not by a socket */
};
struct preference_key {
	int64_t user;
	int64_t conv;
};
struct device_key {
	int64_t user;
	const char *device;
};
struct session_key {
	int64_t user;
	int64_t node;
	int64_t session;
};

struct alert_ack_row {
	int64_t alert;
	int64_t user;
	int64_t at_ms;
};

struct mailbox {
	const struct sw_mailbox_config *config;
	struct user *users;
	struct user *touched;
	struct sw_rows inbox;            /* struct inbox_row */
	struct sw_rows gone_devices;     /* struct device_key */
	struct sw_rows gone_preferences; /* struct preference_key */
	struct sw_rows gone_sessions;    /* struct session_key */
	struct sw_rows alert_acks;       /* struct alert_ack_row */
	struct sw_rows ledger;           /* struct ledger_row */
	struct sw_rows new_steps;        /* struct step_row */
	struct pending *pending;         /* by user and pos: of this batch's STEP_DUE and failed pushes */
	size_t pending_count;
	const struct sw_pg_result *unacked;       /* of this batch's checks */
	const struct sw_pg_result *node_sessions; /* of the last NODE_GONE of this batch */
	const struct sw_pg_result *alerted;       /* of this batch's acks of alerts: who is a recipient */
	int loading_users, loading_unacked, loading_steps, loading_node, loading_alerts;
	/* What the section being applied comes to, kept with it so that a repeat of it says the same again.
	 * DELIVER: a varint a user, pos * 2 + whether a push was planned; 0: the account is gone.
	 * CHECK: two varints, pushes were planned after this pos and up to that; 0 0: none.
	 * STEP_DUE, and a failed push of a step: a varint with a number, and for each pos and step that was taken. */
	struct sw_buf record;
	struct sw_reader recorded; /* of a section that was applied before */
	struct sw_metric *appended, *live, *pushes, *checks, *late, *unreachable, *unwanted, *clears;
	struct sw_metric *steps_due, *steps_failed;
	int64_t batch_unwanted, batch_clears, batch_appended, batch_live, batch_pushes, batch_checks, batch_late,
		batch_unreachable, batch_steps_due, batch_steps_failed;
};

/* users.c */
struct user *user_find(struct mailbox *m, int64_t id);
struct user *user_add(struct mailbox *m, int64_t id, struct sw_bytes name);
void user_touch(struct mailbox *m, struct user *user);
void users_settle(struct mailbox *m, bool committed);
void users_clear(struct mailbox *m);
struct device *user_device(const struct user *user, struct sw_bytes id);
/* Added empty when missing. */
struct device *user_add_device(struct user *user, struct sw_bytes id);
void user_remove_device(struct user *user, struct device *device);
struct session *user_add_session(struct user *user, int64_t node, int64_t session, struct sw_bytes device);
void user_remove_session(struct mailbox *m, struct sw_arena *arena, struct user *user, size_t index);
/* The furthest that a device has acked while its person was there. */
int64_t user_seen(const struct user *user);
/* Up to here nobody has to be told any more: acked, or pushes were planned. */
int64_t user_handled(const struct user *user);
void set_text(char **field, struct sw_bytes text);

/* prefer.c */
/* Added when missing, as the default has it. */
struct preference *user_add_preference(struct user *user, int64_t conv);
/* Does the person want to be told of a message, now? Not muted, and a mention where only those are wanted. */
bool user_wants(const struct user *user, int64_t conv, bool mentioned, int64_t now_ms);
bool prefer_content_parse(struct sw_bytes text, enum prefer_content *content_out);
const char *prefer_content_text(enum prefer_content content);
/* By which plan the person is told of a message of a conversation. */
const struct sw_mailbox_plan *user_plan(const struct mailbox *m, const struct user *user, int64_t conv);
/* Index; PREFER_UNSET: there is none of this name. */
int8_t prefer_plan_find(const struct mailbox *m, struct sw_bytes name);
/* "": PREFER_UNSET. */
const char *prefer_plan_name(const struct mailbox *m, int8_t plan);
enum sw_error_code prefer(struct mailbox *m, struct sw_batch *batch, struct user *user,
			  const struct sw_item_preference_set *set);

/* append.c */
void append_deliver(struct mailbox *m, struct sw_batch *batch, const struct sw_work *work,
		    const struct sw_item_deliver *deliver);

/* track.c */
void track(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, const struct sw_item *item);

/* What a column of the ledger or the inbox can hold: from 0 on. */
static inline int32_t within_i32(int64_t value)
{
	return (int32_t)(value < 0 ? 0 : value < INT32_MAX ? value : INT32_MAX);
}

/* ledger.c */
struct cursor_step {
	int64_t pos;
	bool active;        /* its person is there */
	int64_t at_ms;      /* when it was said; 0: now */
	int64_t sent_at_ms; /* when pos was written to the socket; 0: not by one, or not known */
};
/* Forward only: a step that was taken before changes and records nothing. */
void move_cursor(struct mailbox *m, struct sw_batch *batch, const struct user *user, struct device *device,
		 const struct cursor_step *step);
/* The cursors that moved, and the rows of the ledger. */
void write_cursors(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg);

/* clear.c */
/* Something was read: what other devices show of it is to be taken back, a little later. */
void arm_clear(struct mailbox *m, struct sw_batch *batch, struct user *user);
void on_clear(struct mailbox *m, struct sw_batch *batch, struct user *user);
/* As far as the store knows, after loading. */
void guess_shown(struct user *user);

/* route.c */
const struct sw_mailbox_provider *find_provider(const struct mailbox *m, const char *name);
/* positions: of each user; 0: none. */
void route_live(struct mailbox *m, struct sw_batch *batch, const struct sw_item_deliver *deliver,
		const int64_t *positions);
/* Sockets that may have missed an event are told how far the inbox goes: they compare and repair. */
void remind_sessions(struct sw_batch *batch, const struct user *user);
extern const struct sw_mailbox_plan push_to_all;
/* The first step, or the first for which there is a device. */
void plan_push(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news);
/* Number of devices that get one. */
size_t push_by(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news,
	       const struct way *way);
/* Does the way go to this account's devices? */
bool way_takes(const struct way *way, const struct sw_mailbox_provider *provider);
bool has_device_for(const struct mailbox *m, const struct user *user, const struct way *way);
/* Takes a step, or when the person has no device for it the next, and so on. The way is then the one after it, past the
 * last when none is left. False: no device for any. */
bool take_steps(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news,
		struct way *way_io);
/* E-mail and the like, when no live device is left, or (spent) when one gave up all its attempts. */
void plan_fallback(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t pos, bool spent);
/* Of those that were loaded for this batch. */
bool find_news(const struct mailbox *m, const struct user *user, int64_t pos, struct news *news_out);
struct news read_news(const struct sw_pg_result *r, size_t row);
void keep_news(struct sw_arena *arena, struct news *news);
/* pos: up to here it is late by then, whatever the clocks say. */
void arm_check(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t delay_ms, int64_t pos);
void on_check(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, const struct sw_item_check *check);

/* plan.c: the steps after the first */
/* The plan of a message goes on. again: the store knows that, but whether the STEP_DUE went out is unknown. */
void expect_step(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t pos, const struct way *way,
		 bool again);
void on_step_due(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, const struct sw_item_step_due *due);
/* A push of a step, from 1, has failed for good. spent: the device may live, but it gave up. */
struct failed_step {
	int64_t pos;
	int step;
	bool spent;
};
void on_step_failed(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, struct user *user,
		    const struct failed_step *failed);
void read_pending(struct mailbox *m, struct sw_arena *arena, const struct sw_pg_result *r);

/* write.c */
/* Devices of the users that were touched. */
size_t count_devices(const struct mailbox *m, enum dirt dirt);
void write_rows(struct mailbox *m, struct sw_batch *batch, struct sw_pg *pg);
/* rows: struct step_row, at least one; how many of its columns the statement takes. */
void write_steps(const struct sw_rows *rows, struct sw_arena *arena, struct sw_pg *pg, enum sw_sql statement);
/* rows: struct alert_ack_row, at least one. */
void write_alert_pairs(const struct sw_rows *rows, struct sw_arena *arena, struct sw_pg *pg, enum sw_sql statement);

#endif
