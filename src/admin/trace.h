/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to one message, told from what the store has recorded: a timeline, and for each recipient one sentence
 * that says how it ended. Pure. What is not recorded is said to be unknown and never guessed. For this folder. */
#ifndef SW_ADMIN_TRACE_H
#define SW_ADMIN_TRACE_H

#include "admin/api_json.h"

#include <surewire/arena.h>

/* A dead letter, and one replay of it: the letter again for each. */
struct sw_trace_letter {
	int64_t id;
	struct sw_uuid job;
	struct sw_bytes user;
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes reason;
	int32_t status;
	int64_t at_ms;
	bool has_replay;
	struct sw_uuid replay_job;
	int64_t replay_at_ms;
	struct sw_bytes operator;
	int64_t run; /* 0: by its id */
	struct sw_bytes outcome;
	struct sw_bytes replay_reason;
};

/* Rows as the store gives them: those of one user, one job, one letter stand together. */
struct sw_trace {
	struct sw_message_row message;
	const struct sw_recipient_row *recipients;
	size_t recipient_count;
	const struct sw_delivery_row *deliveries;
	size_t delivery_count;
	const struct sw_trace_letter *letters;
	size_t letter_count;
};

/* In the order they are told: what has no time stands where it belongs by its nature. */
enum sw_trace_what {
	SW_TRACE_ACCEPTED,
	SW_TRACE_STORED,
	SW_TRACE_ROUTED,
	SW_TRACE_SENT,
	SW_TRACE_PLANNED, /* from here … */
	SW_TRACE_ATTEMPT,
	SW_TRACE_PUSH,
	SW_TRACE_DEAD,
	SW_TRACE_REPLAY, /* … to here they are about a job */
	SW_TRACE_ACKED,
	SW_TRACE_READ,
	SW_TRACE_DEVICE /* has not acked */
};

struct sw_trace_entry {
	enum sw_trace_what what;
	int told;      /* keeps the order of the rows where times are equal */
	int64_t at_ms; /* 0: not recorded */
	struct sw_bytes user;
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_uuid job;    /* from PLANNED to REPLAY */
	struct sw_bytes state; /* the outcome of an attempt, the state of a push, what became of a replay */
	int32_t number;        /* of an attempt */
	int32_t status;
	int32_t duration_ms;
	struct sw_bytes reason;
	int64_t next_at_ms; /* of a push that waits; 0: it does not, or not recorded */
	int32_t sockets;    /* of ROUTED; -1: not recorded */
	int32_t pushes;
	int64_t letter;
	struct sw_bytes text; /* all of it, for a person */
};

/* Oldest first; in the arena, whose rows are borrowed. */
size_t sw_trace_entries(const struct sw_trace *trace, struct sw_arena *arena, struct sw_trace_entry **entries_out);

enum sw_trace_end {
	SW_TRACE_END_SENDER,
	SW_TRACE_END_ACKED,
	SW_TRACE_END_PUSHED,
	SW_TRACE_END_UNDER_WAY,
	SW_TRACE_END_NOT_DELIVERED
};
const char *sw_trace_end_text(enum sw_trace_end end);
const char *sw_trace_what_text(enum sw_trace_what what);

struct sw_trace_conclusion {
	struct sw_bytes user;
	enum sw_trace_end end;
	struct sw_bytes device; /* that got it, by itself or by a push; NULL: none */
	int64_t at_ms;          /* since when; 0: not, or not recorded */
	struct sw_bytes text;
};
/* One a recipient. */
size_t sw_trace_conclusions(const struct sw_trace *trace, struct sw_arena *arena,
			    struct sw_trace_conclusion **conclusions_out);

/* 0: when it came into the inbox of a recipient is not recorded. */
int64_t sw_trace_routed_ms(const struct sw_trace *trace, const struct sw_recipient_row *row);

/* "timeline":[…],"conclusions":[…],"unknown":[…] without braces. */
void sw_trace_put_json(struct sw_buf *out, const struct sw_trace *trace, struct sw_arena *arena);

#endif
