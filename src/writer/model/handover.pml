/* SPDX-License-Identifier: Apache-2.0
 *
 * One conversation (partition ingest.I) and one of its members (partition mailbox.Q). The engine OLD has one or both of the
 * partitions, NEW takes them over, one after the other and in any order, while OLD lives, sleeps or dies. What the
 * sequencer hands over goes through the queue, or, where both partitions are here and settled, directly (settle.c).
 *
 * Claim: the member's inbox has the events in the order of their seq, each once, and finally all of them. */

#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef RESENDS
#define RESENDS 1 /* publishes sent again because the confirm was lost (bus/publish.c) */
#endif
#ifndef CUTS
#define CUTS 1 /* OLD's consumer of ingest is cut off and comes back */
#endif

#define OLD 0
#define NEW 1
#define NOBODY 2

/* ---- the store: both partitions are fenced (fencing.pml), so each turn is one step ---- */

byte ingest_owner, mailbox_owner;
byte seq;                 /* the highest of the conversation */
byte seq_of[MESSAGES + 1]; /* applied.result of the ingest sections, 0: not applied */
byte inbox;               /* the seq of the newest entry: all before it are there, in order */

/* ---- the broker ---- */

#define READY 0
#define ACKED 3
byte ingest[MESSAGES + 1]; /* section: READY, engine + 1 that has it unacked, ACKED */
byte ingest_consumer;
byte subscribers[2];       /* of ingest */
#define QUEUE_MAX 5 /* it refuses what comes when it is full; who publishes tries again */
byte queue[QUEUE_MAX]; /* mailbox.Q: sections, and markers from FIRST_MARKER */
byte count;
byte mailbox_consumer;
byte readers[2]; /* subscribers of the mailbox's queue */
byte resends = RESENDS;
byte late; /* of a dead engine, still between it and the broker */

/* ---- engines ---- */

mtype = { QUEUE, WAITS, DIRECT }
bool dead;
bool has_ingest[2], has_mailbox[2]; /* writer_int.h struct holding */
mtype hand_over[2] = QUEUE;
#define FIRST_MARKER 10 /* plus the engine; only its newest counts, */
#define OLD_MARKER 12   /* the others are of no effect */
bool handed_over[2];
bool fresh[2]; /* no envelope came yet from the ingest partition taken over */
#define LANE_MAX 5
typedef lane {
	byte at[LANE_MAX]; /* outbox.c: sections and markers, in order */
	byte count;
	bool taken; /* the first: the broker has it, its confirm has not come */
}
lane lanes[2];
hidden byte i, s, q;

inline publish(what)
{
	queue[count] = what;
	count++
}

inline into_lane(e, what)
{
	assert(lanes[e].count < LANE_MAX);
	lanes[e].at[lanes[e].count] = what;
	lanes[e].count++
}

/* settle.c send_marker */
inline send_marker(e)
{
	i = 0;
	do
	:: i < QUEUE_MAX ->
		queue[i] = (queue[i] == FIRST_MARKER + e -> OLD_MARKER : queue[i]);
		i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < LANE_MAX ->
		lanes[e].at[i] = (lanes[e].at[i] == FIRST_MARKER + e -> OLD_MARKER : lanes[e].at[i]);
		i++
	:: else -> break
	od;
	handed_over[e] = false;
#ifdef MARKER_PAST_LANE
	publish(FIRST_MARKER + e)
#else
	into_lane(e, FIRST_MARKER + e)
#endif
}

/* settle.c settle_begin: called for every partition that comes */
inline settle_begin(e)
{
	if
	:: has_mailbox[e] ->
#ifdef NO_SETTLE_MARKER
		hand_over[e] = DIRECT
#else
		hand_over[e] = QUEUE;
		send_marker(e)
#endif
	:: else -> skip
	fi
}

/* engine.c leave: the consumer's connection closes, what it had comes back */
inline leave_ingest(e)
{
	has_ingest[e] = false;
	subscribers[e] = 0;
	i = 1;
	do
	:: i <= MESSAGES ->
		ingest[i] = (ingest[i] == e + 1 -> READY : ingest[i]);
		i++
	:: else -> break
	od;
	ingest_consumer = (ingest_consumer != e -> ingest_consumer : (subscribers[1 - e] -> 1 - e : NOBODY))
}

inline leave_mailbox(e)
{
	has_mailbox[e] = false;
	hand_over[e] = QUEUE;
	handed_over[e] = false;
	readers[e] = 0;
	mailbox_consumer = (mailbox_consumer != e -> mailbox_consumer : (readers[1 - e] -> 1 - e : NOBODY))
}

/* mailbox/append.c append_deliver, once a section */
inline append(section)
{
	if
	:: seq_of[section] > inbox ->
		assert(seq_of[section] == inbox + 1);
		inbox = seq_of[section]
	:: else -> skip /* applied before */
	fi
}

/* engine_turn.c engine_turn, for an envelope of ingest (s), one of the mailbox's queue (q), or both; 0: none. */
inline turn(e)
{
	if
	/* write_all, sw_fence(): of a role whose sections are in the batch, all partitions believed in */
	:: (s && ingest_owner != e) || ((q || (s && hand_over[e] == DIRECT)) && mailbox_owner != e) ->
		/* engine.c engine_lose_all */
		leave_ingest(e);
		leave_mailbox(e)
	:: else ->
		if
		:: q && q < FIRST_MARKER -> append(q)
		:: else -> skip
		fi;
		if
		:: s && seq_of[s] == 0 ->
			seq++;
			seq_of[s] = seq
		:: else -> skip
		fi;
		if
		:: s && hand_over[e] == DIRECT ->
			append(s); /* batch.c hand_over_target: owned. Behind what came by the queue */
			ingest[s] = ACKED
		:: s && hand_over[e] != DIRECT ->
			into_lane(e, s); /* outbox.c outbox_send; acked in finish */
			ingest[s] = e + 1;
			handed_over[e] = has_mailbox[e] /* settle.c settle_committed */
		:: else -> skip
		fi;
		if
		:: q ->
			count--; /* acked: nothing of it has to be confirmed */
			i = 0;
			do
			:: i < count ->
				queue[i] = queue[i + 1];
				i++
			:: else -> break
			od;
			queue[count] = 0
		:: else -> skip
		fi;
		/* settle_taken, settle_committed */
		if
		:: q == FIRST_MARKER + e && hand_over[e] != DIRECT ->
			if
#if defined(NO_WAIT)
			:: handed_over[e] && hand_over[e] == QUEUE ->
				hand_over[e] = WAITS;
				send_marker(e)
#elif !defined(ONE_MARKER)
			:: handed_over[e] ->
				hand_over[e] = WAITS;
				send_marker(e)
#endif
			:: else ->
				hand_over[e] = DIRECT;
				handed_over[e] = false
			fi
		:: else -> skip
		fi
	fi
}

#ifdef NO_WAIT
#define MAY_TAKE_INGEST(e) (lanes[e].count < 2)
#else
#define MAY_TAKE_INGEST(e) (hand_over[e] != WAITS && lanes[e].count < 2) /* settle.c settle_waits */
#endif
#define INGEST_READY (ingest[1] == READY || ingest[2] == READY || ingest[MESSAGES] == READY)
#define CAN_INGEST(e) (has_ingest[e] && ingest_consumer == e && INGEST_READY && MAY_TAKE_INGEST(e))
#define CAN_MAILBOX(e) (has_mailbox[e] && mailbox_consumer == e && count)

inline first_ready()
{
	s = 1;
	do
	:: ingest[s] != READY -> s++
	:: else -> break
	od
}

/* The order between the two queues is not given, and a batch may have of both. */
proctype engine(byte me)
{
end:	do
	:: d_step {
		CAN_INGEST(me) ->
		first_ready();
#ifndef SETTLE_AT_TAKEOVER_ONLY
		if
		:: fresh[me] -> settle_begin(me)
		:: else -> skip
		fi;
#endif
		fresh[me] = false;
		q = 0;
		turn(me);
		s = 0
	   }
	:: d_step {
		CAN_MAILBOX(me) ->
		s = 0;
		q = queue[0];
		turn(me);
		q = 0
	   }
	:: d_step {
		CAN_INGEST(me) && CAN_MAILBOX(me) ->
		first_ready();
#ifndef SETTLE_AT_TAKEOVER_ONLY
		if
		:: fresh[me] -> settle_begin(me)
		:: else -> skip
		fi;
#endif
		fresh[me] = false;
		q = queue[0];
		turn(me);
		s = 0;
		q = 0
	   }
	/* outbox.c lane_push, finish: one at a time */
	:: d_step {
		lanes[me].count && !lanes[me].taken && count < QUEUE_MAX ->
		publish(lanes[me].at[0]);
		lanes[me].taken = true
	   }
	:: d_step {
		lanes[me].taken && resends ->
		resends--;
		lanes[me].taken = false
	   }
	:: d_step {
		lanes[me].taken ->
		s = lanes[me].at[0];
		if
		/* flight_land: if the consumer is still connected, the broker takes the ack, whoever owns the partition */
		:: s < FIRST_MARKER && ingest[s] == me + 1 -> ingest[s] = ACKED
		:: else -> skip
		fi;
		lanes[me].taken = false;
		lanes[me].count--;
		i = 0;
		do
		:: i < lanes[me].count ->
			lanes[me].at[i] = lanes[me].at[i + 1];
			i++
		:: else -> break
		od;
		lanes[me].at[lanes[me].count] = 0;
		s = 0
	   }
	/* keeper.c decide, engine.c on_assign: the store says that it is ours */
	:: d_step {
		ingest_owner == me && !has_ingest[me] && !(dead && me == OLD) ->
		has_ingest[me] = true;
		subscribers[me] = 1;
		ingest_consumer = (ingest_consumer == NOBODY -> me : ingest_consumer);
		fresh[me] = true;
		settle_begin(me)
	   }
	:: d_step {
		mailbox_owner == me && !has_mailbox[me] && !(dead && me == OLD) ->
		has_mailbox[me] = true;
		readers[me] = 1;
		mailbox_consumer = (mailbox_consumer == NOBODY -> me : mailbox_consumer);
		settle_begin(me)
	   }
	/* keeper.c release_stale */
	:: d_step { has_ingest[me] && ingest_owner != me -> leave_ingest(me) ; s = 0 }
	:: d_step { has_mailbox[me] && mailbox_owner != me -> leave_mailbox(me) }
	od
}

/* Takeovers, and what befalls OLD. */
proctype world()
{
	byte cuts = CUTS;
end:	do
	:: d_step {
		ingest_owner == OLD ->
#ifndef STALE_ACKS
		/* OLD's consumer is cut off no later than its lease ends: its acks are without effect */
		leave_ingest(OLD);
#endif
		ingest_owner = NEW
	   }
	:: d_step { mailbox_owner == OLD -> mailbox_owner = NEW }
	:: d_step {
		cuts && has_ingest[OLD] ->
		leave_ingest(OLD);
		has_ingest[OLD] = true;
		subscribers[OLD] = 1;
		ingest_consumer = (ingest_consumer == NOBODY -> OLD : ingest_consumer);
		cuts--
	   }
	:: d_step {
		!dead && ingest_owner == NEW && mailbox_owner == NEW ->
		dead = true;
		leave_ingest(OLD);
		leave_mailbox(OLD);
		if
		:: lanes[OLD].count && !lanes[OLD].taken -> late = lanes[OLD].at[0]
		:: else -> skip
		fi;
		lanes[OLD].count = 0;
		lanes[OLD].taken = false;
		i = 0;
		do
		:: i < LANE_MAX ->
			lanes[OLD].at[i] = 0;
			i++
		:: else -> break
		od;
		i = 0
	   }
	:: d_step {
		late && count < QUEUE_MAX ->
		publish(late);
		late = 0
	   }
	od
}

/* Nothing can move any more. */
proctype at_the_end()
{
	timeout ->
	assert(inbox == MESSAGES && seq == MESSAGES && count == 0)
}

init {
	atomic {
		/* OLD has both, or one of them; what it has is settled */
		if
		:: skip
		:: ingest_owner = NEW
		:: mailbox_owner = NEW
		fi;
		ingest_consumer = NOBODY;
		mailbox_consumer = NOBODY;
		run engine(OLD);
		run engine(NEW);
		run world();
		run at_the_end()
	}
}
