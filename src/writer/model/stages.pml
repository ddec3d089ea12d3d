/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk of a message as far as the inboxes: client -> gateway -> ingest.<p> -> sequencer -> mailbox.<q> -> mailbox.
 * One conversation of two people, whose mailboxes are two queues. Every party may crash between any two steps. Beside each
 * step stands the function of the code that it is. What is left out is in README.md; how it goes on is feed.pml.
 *
 * Claims: accepted means stored once or rejected; one seq a message, one pos an event and user, both gapless, and one
 * order in all inboxes. */

#ifndef CRASHES
#define CRASHES 2 /* of any party */
#endif
#ifndef UNKNOWNS
#define UNKNOWNS 1 /* transactions whose answer was lost */
#endif
#ifndef RESENDS
#define RESENDS 1 /* publishes whose confirm was lost with the connection: bus/publish.c sends them again */
#endif
#ifndef USERS
#define USERS 1 /* recipients, each with a mailbox queue of its own */
#endif
#define MESSAGES 2
#ifndef SECTIONS
#define SECTIONS 3 /* sends of the client, retries included: one section each (gateway/lane.c) */
#endif
#define QUEUE_MAX (SECTIONS + RESENDS + CRASHES + 1)
#define UNACKED 8

/* ---- the broker's queues: in order, unacked ones come back in their place ---- */

typedef queue {
	byte at[QUEUE_MAX]; /* section + 1, UNACKED: given to the consumer */
	byte count;
}
queue ingest;
queue mailbox[USERS];
hidden byte i; /* of loops inside a d_step */
hidden byte found;
hidden byte u;

inline put(q, section)
{
	assert(q.count < QUEUE_MAX);
	q.at[q.count] = section;
	q.count++;
}

#define ready(q) (q.count > 0 && q.at[q.count - 1] < UNACKED)

/* The first that nobody has. */
inline take(q, section)
{
	i = 0;
	do
	:: q.at[i] >= UNACKED -> i++
	:: else -> break
	od;
	section = q.at[i];
	q.at[i] = section + UNACKED
}

inline ack(q, section)
{
	i = 0;
	do
	:: q.at[i] != section + UNACKED -> i++
	:: else -> break
	od;
	q.count--;
	do
	:: i < q.count ->
		q.at[i] = q.at[i + 1];
		i++
	:: else -> break
	od;
	q.at[q.count] = 0
}

/* The consumer's connection is gone. */
inline give_back(q)
{
	i = 0;
	do
	:: i < q.count ->
		q.at[i] = q.at[i] % UNACKED;
		i++
	:: else -> break
	od
}

/* ---- the store ---- */

byte made;                 /* sections made so far */
byte cid_of[SECTIONS + 1]; /* what is in a section */
bool fate_known[SECTIONS + 1];
byte fate_seq[SECTIONS + 1]; /* applied.result of the sequencer: 0: a repeat, or rejected */
byte sent[MESSAGES];         /* sent: the seq of a cid */
bool refused_by_rule[MESSAGES];
bool rejected[MESSAGES];
byte events;            /* the highest seq of the conversation */
byte delivered[USERS];      /* applied of the mailboxes: a bit a section */
byte pos[USERS];            /* the highest pos of each inbox */
bool accepted[MESSAGES]; /* what the client was told */

/* ---- client and gateway ---- */

byte writing;      /* the client's message */
byte publishing;   /* section + 1 in the gateway's lane */
bool taken;        /* the broker has it, its confirm has not come */
byte unknowns = UNKNOWNS;
byte resends = RESENDS;

proctype client_and_gateway()
{
end:	do
	/* gateway/send.c on_send, gateway/lane.c lane_add and flush: a new section, the client's own cid */
	:: d_step {
		publishing == 0 && writing < MESSAGES && made < SECTIONS ->
		made++;
		cid_of[made] = writing;
		publishing = made;
		taken = false;
#ifdef ACCEPT_BEFORE_CONFIRM
		accepted[writing] = true
#endif
	   }
	:: d_step {
		publishing && !taken ->
		put(ingest, publishing);
		taken = true
	   }
	/* gateway/lane.c on_published: refused, the client is told unavailable and may send the cid again */
	:: d_step { publishing && !taken -> publishing = 0 }
	/* bus/publish.c on_down: the window is sent again */
	:: d_step {
		publishing && taken && resends ->
		resends--;
		taken = false
	   }
	/* gateway/answer.c answer_accepted */
	:: atomic {
		publishing && taken ->
		publishing = 0;
		taken = false;
		accepted[writing] = true;
		if
		:: writing++
		:: made < SECTIONS /* the answer was lost: the same cid again */
		fi
	   }
	/* the client gives a message up that was accepted (it was told so), and goes on to the next */
	:: d_step { publishing == 0 && writing < MESSAGES && accepted[writing] -> writing++ }
	od
}

/* ---- sequencer ---- */

#define DEPTH 2 /* [writer] batches committed whose publishes are not confirmed */
byte cached;           /* sequencer/conversations.c: seq of the conversation, 0: not loaded, else seq + 1 */
byte trying;           /* section + 1 whose commit is unknown */
byte flight[DEPTH];    /* section + 1 of a committed batch, */
byte waits[DEPTH];     /* the lanes it waits for */
typedef lane {
	byte at[DEPTH]; /* flight + 1, in order */
	byte count;
	bool taken; /* the first: the broker has it, its confirm has not come */
}
lane lanes[USERS];

hidden byte told; /* what the transaction says is to be delivered */

#define NO_FLIGHT (flight[0] != 0 && flight[1] != 0)

/* sequencer/admit.c admit_send and step.c apply_work: what a transaction of this section does. */
inline sequence(section)
{
#ifndef NO_APPLIED
	if
	:: fate_known[section] -> told = fate_seq[section] /* engine_turn.c mark_applied; hand_over.c repeats what was recorded */
	:: else ->
#else
	if
	:: true ->
#endif
		told = 0;
		fate_known[section] = true;
		if
#ifndef NO_DEDUP
		:: sent[cid_of[section]] -> skip /* admit.c answered_before, or the key of sent */
#endif
		:: refused_by_rule[cid_of[section]] -> rejected[cid_of[section]] = true
		:: else ->
			if
			:: cached == 0 -> cached = events + 1 /* step.c load_conversations */
			:: else -> skip
			fi;
			assert(cached == events + 1); /* seq is gapless and never given twice */
			assert(sent[cid_of[section]] == 0); /* a message has one seq */
			events = cached;
			cached++;
			sent[cid_of[section]] = events;
			fate_seq[section] = events;
			told = events
		fi
	fi
}

/* writer/outbox.c outbox_send. hand_over.c: only what was stored is delivered. */
inline send_out(section)
{
	found = (flight[0] == 0 -> 0 : 1);
	if
	:: told ->
		flight[found] = section;
		waits[found] = (1 << USERS) - 1;
		i = 0;
		do
		:: i < USERS ->
			lanes[i].at[lanes[i].count] = found + 1;
			lanes[i].count++;
			i++
		:: else -> break
		od
#ifdef ACK_BEFORE_CONFIRM
		;
		ack(ingest, section)
#endif
	:: else -> ack(ingest, section)
	fi
}

inline sequencer_dies()
{
	give_back(ingest);
	cached = 0;
	trying = 0;
	flight[0] = 0;
	flight[1] = 0;
	waits[0] = 0;
	waits[1] = 0;
	u = 0;
	do
	:: u < USERS ->
		lanes[u].count = 0;
		lanes[u].taken = false;
		lanes[u].at[0] = 0;
		lanes[u].at[1] = 0;
		u++
	:: else -> break
	od
}

hidden byte s;

proctype sequencer()
{
end:	do
	/* engine_turn.c take, commit: known */
	:: d_step {
		trying == 0 && ready(ingest) && !NO_FLIGHT ->
		take(ingest, s);
		sequence(s);
		send_out(s)
	   }
	/* committed, but the connection is lost before the answer. engine_turn.c settle: the cache is forgotten */
	:: d_step {
		trying == 0 && unknowns && ready(ingest) && !NO_FLIGHT ->
		unknowns--;
		take(ingest, s);
		sequence(s);
		trying = s;
		cached = 0
	   }
	/* not committed, and not known either */
	:: d_step {
		trying == 0 && unknowns && ready(ingest) && !NO_FLIGHT ->
		unknowns--;
		take(ingest, s);
		trying = s;
#ifdef KEEP_CACHE
		cached = (cached -> cached + 1 : events + 2)
#else
		cached = 0
#endif
	   }
	/* engine_turn.c commit: again, carefully */
	:: d_step {
		trying ->
		s = trying;
		trying = 0;
		sequence(s);
		send_out(s)
	   }
	od
}

/* writer/outbox.c lane_push: one on its way to each queue, so that a refused one is not overtaken. */
proctype sequencer_lane(byte to)
{
end:	do
#ifndef NO_LANE
	:: d_step {
		lanes[to].count && !lanes[to].taken ->
		put(mailbox[to], flight[lanes[to].at[0] - 1]);
		lanes[to].taken = true
	   }
#else
	/* the first was refused: what comes behind it is taken */
	:: d_step {
		lanes[to].count == DEPTH && !lanes[to].taken ->
		s = lanes[to].at[0];
		lanes[to].at[0] = lanes[to].at[1];
		lanes[to].at[1] = s
	   }
	:: d_step {
		lanes[to].count && !lanes[to].taken ->
		put(mailbox[to], flight[lanes[to].at[0] - 1]);
		lanes[to].taken = true
	   }
#endif
	:: d_step {
		lanes[to].taken && resends ->
		resends--;
		lanes[to].taken = false
	   }
	/* outbox.c finish; with the last one flight_land: the envelope is acked */
	:: d_step {
		lanes[to].taken ->
		s = lanes[to].at[0] - 1;
		waits[s] = waits[s] & ~(1 << to);
		lanes[to].taken = false;
		lanes[to].count--;
		lanes[to].at[0] = lanes[to].at[1];
		lanes[to].at[1] = 0;
		if
		:: waits[s] == 0 ->
#ifndef ACK_BEFORE_CONFIRM
			found = flight[s];
			flight[s] = 0;
			ack(ingest, found)
#else
			flight[s] = 0
#endif
		:: else -> skip
		fi
	   }
	od
}

/* ---- mailbox ---- */

byte appending[USERS]; /* section + 1 whose commit is unknown */
byte appended[USERS];  /* section + 1 committed, not acked */
/* mailbox/append.c append_deliver, repeat; engine_turn.c queue_applied_insert */
inline append(u, section)
{
#ifndef NO_APPLIED_MAILBOX
	if
	:: delivered[u] & (1 << section) -> skip
	:: else ->
#else
	if
	:: true ->
#endif
		delivered[u] = delivered[u] | (1 << section);
		/* once, in the order of seq, the same for everybody; both people are members from the start */
		assert(fate_seq[section] == pos[u] + 1);
		pos[u]++
	fi
}

inline mailbox_dies()
{
	u = 0;
	do
	:: u < USERS ->
		give_back(mailbox[u]);
		appending[u] = 0;
		appended[u] = 0;
		u++
	:: else -> break
	od
}

hidden byte m;

proctype mailbox_of(byte user)
{
end:	do
	:: d_step {
		appending[user] == 0 && appended[user] == 0 && ready(mailbox[user]) ->
		take(mailbox[user], m);
		append(user, m);
		appended[user] = m
	   }
	/* the answer to the commit is lost: it was done … */
	:: d_step {
		appending[user] == 0 && appended[user] == 0 && unknowns && ready(mailbox[user]) ->
		unknowns--;
		take(mailbox[user], m);
		append(user, m);
		appending[user] = m
	   }
	/* … or not */
	:: d_step {
		appending[user] == 0 && appended[user] == 0 && unknowns && ready(mailbox[user]) ->
		unknowns--;
		take(mailbox[user], m);
		appending[user] = m
	   }
	:: d_step {
		appending[user] ->
		m = appending[user];
		appending[user] = 0;
		append(user, m);
		appended[user] = m
	   }
	/* outbox.c flight_land */
	:: d_step {
		appended[user] ->
		m = appended[user];
		appended[user] = 0;
		ack(mailbox[user], m)
	   }
	od
}

/* ---- faults, and the end ---- */

#if USERS == 1
#define SOMETHING_APPENDED (appended[0] || appending[0])
#else
#define SOMETHING_APPENDED (appended[0] || appended[1] || appending[0] || appending[1])
#endif

proctype faults()
{
	byte left = CRASHES;
end:	do
	/* only what has something in its memory: otherwise nothing changes */
	:: d_step {
		left && publishing ->
		left--;
		publishing = 0;
		taken = false
	   }
	:: d_step {
		left && (flight[0] || flight[1] || trying) ->
		sequencer_dies();
		left--
	   }
	:: d_step {
		left && SOMETHING_APPENDED ->
		mailbox_dies();
		left--
	   }
	od
}

/* Nothing can move any more. */
proctype at_the_end()
{
	byte c;
	timeout ->
	d_step {
		assert(ingest.count == 0);
		do
		:: c < MESSAGES ->
			assert(!accepted[c] || sent[c] || rejected[c]);
			assert(!(sent[c] && rejected[c]));
			c++
		:: else -> break
		od;
		u = 0;
		do
		:: u < USERS ->
			assert(mailbox[u].count == 0 && pos[u] == events);
			u++
		:: else -> break
		od
	}
}

init {
	atomic {
		if
		:: refused_by_rule[1] = true
		:: skip
		fi;
		run client_and_gateway();
		run sequencer();
		run sequencer_lane(0);
		run mailbox_of(0);
#if USERS == 2
		run sequencer_lane(1);
		run mailbox_of(1);
#endif
		run faults();
		run at_the_end()
	}
}
