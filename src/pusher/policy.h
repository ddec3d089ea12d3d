/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of the pusher, without its machinery: whether a job is still worth sending, and what follows from an
 * outcome. Pure; chance and time are given. Any thread.
 *
 * There is no state "sending" in the store before a send: it would cost a transaction a job and answer nothing, since a
 * crash after it leaves as open as before whether the provider got the request. A repeat carries the same ids instead,
 * and the providers collapse it. */
#ifndef SW_PUSHER_POLICY_H
#define SW_PUSHER_POLICY_H

#include "pusher/breaker.h"

#include <surewire/bytes.h>
#include <surewire/outcome.h>

enum {
	SW_PUSH_UNSENT_MAX = 5,         /* sends at once in a row, then a pause */
	SW_PUSH_CREDENTIAL_MAX = 3,     /* sends with a new credential in a row, then by way of the retry stages */
	SW_PUSH_CONFIG_WAIT_MS = 60000, /* at least, until a misconfigured account is tried again */
	SW_PUSH_AGE_WAIT_DIVISOR = 8,  /* … and at least this part of the age: an old one is not tried every minute */
	SW_PUSH_QUIET_LATE_MS = 20000, /* the end of quiet hours is met this well: each look in between costs a read */
};

enum sw_push_state {
#define SW_PUSH_STATE(NAME, text) SW_PUSH_STATE_##NAME,
#include "pusher/states.def"
#undef SW_PUSH_STATE
};
/* As stored. */
const char *sw_push_state_text(enum sw_push_state state);
/* An unknown text is NONE: a row of a newer version must not stop deliveries. */
enum sw_push_state sw_push_state_parse(struct sw_bytes text);

enum sw_push_result {
#define SW_PUSH_RESULT(NAME, labels) SW_PUSH_RESULT_##NAME,
#include "pusher/results.def"
#undef SW_PUSH_RESULT
	SW_PUSH_RESULTS,
};

enum sw_push_next {
	SW_PUSH_NEXT_END,    /* nothing more is sent */
	SW_PUSH_NEXT_RESEND, /* again, at once, from memory */
	SW_PUSH_NEXT_LATER,  /* again, by way of the retry stage */
};

/* What is to be done about a job. */
struct sw_push_step {
	enum sw_push_next next;
	enum sw_push_result result;
	enum sw_push_state record; /* to be written; NONE: no record */
	unsigned attempts;         /* real ones, this one included */
	unsigned stage;            /* LATER: of bus/topology.h */
	int64_t due_ms;            /* LATER: when it is tried again, wall clock; 0: as the stage says, from now on */
	bool token_dead;           /* tell the mailbox that the token is gone */
	bool fallback;             /* ask the mailbox for another way */
	bool dead;                 /* write a dead letter */
	const char *why;           /* static text that comes before the outcome's reason, "" for none */
};

/* An outcome and what it is judged by. */
struct sw_push_facts {
	const struct sw_outcome *outcome;
	unsigned attempts; /* real ones before this */
	unsigned attempts_max;
	unsigned unsent_streak;     /* sends of this job that ended so, in a row, before this one */
	unsigned credential_streak; /* the same */
	bool credential_doubted;    /* the service takes our credential from no job: it is not this one's fault */
	int64_t now_ms;             /* wall clock, as the next three */
	int64_t created_at_ms;
	int64_t spent_at_ms; /* a try after this comes too late: by age, or because the notification expires */
	int64_t registered_at_ms;
	bool fallback_only; /* of the provider: there is no other way after it */
	uint64_t random;
};
struct sw_push_step sw_push_after_outcome(const struct sw_push_facts *facts);

/* Held back for too long without being sent (a credential is broken): later, at no attempt's cost. */
struct sw_push_step sw_push_after_hold(const struct sw_push_facts *facts);

/* Not sent now, by the breaker or a rate: after delay_ms, at no attempt's cost. HELD_… is what it counts as. */
struct sw_push_step sw_push_put_off(const struct sw_push_facts *facts, int64_t delay_ms, enum sw_push_result result);

/* What an outcome says of the service. */
enum sw_breaker_news sw_push_news(const struct sw_outcome *outcome);

/* What the store says about a job. */
struct sw_push_gate {
	enum sw_push_state state;
	unsigned state_attempts;
	bool redelivered;       /* the broker gave it out before */
	unsigned attempts;      /* the job's own count */
	bool token_gone;        /* no device or no token any more */
	bool token_replaced;    /* another token or provider */
	bool token_stale;       /* not reported by its app for too long */
	bool token_moved;       /* reported by another device since */
	bool bare_token;        /* addressed by itself, for no device that is known */
	bool other_live;        /* the person has another device that can be pushed */
	bool chat;              /* the person's preferences are about those only, and so the quiet hours */
	bool nothing_shown;     /* of what is to be taken back */
	bool unmentioned;       /* only mentions are wanted of this conversation, and this is none */
	bool newer;             /* a later message of the conversation, wanted and unread, is or will be pushed */
	bool held_quiet;        /* put off before, to the end of the quiet hours, and not tried since */
	bool cancelled;         /* its request was called off */
	const char *alert_over; /* why its alert needs no more pushes; NULL: it does */
	bool fallback_only;
	int64_t pos;    /* 0: nothing in the inbox belongs to it */
	int64_t cursor; /* acked by this device */
	int64_t seen;   /* acked by any device while its person was there */
	int64_t now_ms;
	int64_t spent_at_ms;
	int64_t registered_at_ms;
	int64_t muted_until_ms; /* 0: not muted */
	int64_t quiet_until_ms; /* 0: no quiet hours now */
	uint64_t random;
};
/* What the record of a job says that waits for the end of the quiet hours; more may follow when something else holds it up
 * after them. */
#define SW_PUSH_WHY_QUIET "quiet hours"
#define SW_PUSH_WHY_QUIET_THEN SW_PUSH_WHY_QUIET " are over, "
/* True: send. False: step_out says what instead; then record is NONE for a repeat, and the items that a crash may have
 * kept from being published are published again (their ids make it once). */
bool sw_push_gate(const struct sw_push_gate *gate, struct sw_push_step *step_out);

/* What the store says about the mails to a device. */
struct sw_push_digest {
	bool mine;           /* this job writes the next one */
	bool claimed;        /* a job does */
	size_t count;        /* mine: messages there are to tell */
	int64_t pos;         /* of the job */
	int64_t told_pos;    /* everything up to there was in a mail */
	int64_t told_at_ms;  /* the last one; wall clock */
	int64_t interval_ms; /* to the next one, at least */
	int64_t now_ms;
};
enum {
	SW_PUSH_DIGEST_WAIT_MS = 5000, /* while another job is being sent */
	SW_PUSH_DIGEST_WAIT_MIN_MS = 1000,
};
enum sw_push_digest_verdict {
	SW_PUSH_DIGEST_SEND,
	SW_PUSH_DIGEST_READ, /* meanwhile */
	SW_PUSH_DIGEST_TOLD, /* it was in an earlier one */
	SW_PUSH_DIGEST_WAIT, /* wait_ms_out says how long */
};
enum sw_push_digest_verdict sw_push_digest(const struct sw_push_digest *digest, int64_t *wait_ms_out);

#endif
