/* SPDX-License-Identifier: Apache-2.0
 *
 * "Online" is not trusted (G6), and what follows from it: one person with a session of which nobody knows whether anybody
 * is behind it, a phone that can be pushed, and e-mail as the fallback. Events go live and are watched by checks, or are
 * pushed at once; the pusher gates, sends, settles, publishes and acks. The mailbox's engine and the pusher may die between
 * any two steps. Beside each step stands the function of the code that it is. With PLAN the mail is the second step of a
 * plan, due at any time after the first.
 *
 * Claims: every event is in the end acked by somebody who was there, or pushed (by the last step of the plan), or parked as
 * dead; nothing is sent that was acked by what the gate read; nothing is sent again that is recorded as delivered. */

#ifndef MAILBOX_DEATHS
#define MAILBOX_DEATHS 1
#endif
#ifndef PUSHER_DEATHS
#define PUSHER_DEATHS 1
#endif
#ifndef TRIES
#define TRIES 2 /* [push] attempts_max */
#endif
#ifndef EVENTS
#define EVENTS 2 /* at most: of pos 1, and of pos 2 */
#endif
#ifndef RESENDS
#define RESENDS 1 /* of the first check: its confirm is lost (bus/publish.c) */
#endif

/* ---- the person ---- */

mtype = { NO_SESSION, LIVE, DEAF } /* DEAF: half open, or its person is away */
mtype socket = NO_SESSION;
bool goes_deaf, closes;    /* what will happen to it */
byte heard;                /* how far the device knows of its inbox */

/* ---- the store ---- */

byte pos, pushed, seen; /* inbox, push_plan, device.active_cursor */
bool session;
bool token = true; /* of the phone */
bool applied[3]; /* applied of the sections that bring the events, */
bool planned[3]; /* and their result: a push was planned */
#ifdef PLAN
bool row[3];     /* plan_step: the second step is to be taken */
#endif
mtype = { NONE, RETRY, DELIVERED, DROPPED, TOKEN_DEAD, DEAD } /* delivery.state */
#define JOBS 4
#define PHONE(event) (event)
#define MAIL(event) (2 + (event))
#define EVENT(job) ((job > 2) -> (job - 2) : job)
mtype state[JOBS + 1] = NONE;
byte attempts[JOBS + 1];

/* ---- the broker: the user's mailbox queue; push.<name> with its retry stages; dead ---- */

#define DELIVER(event) (event)
#define CHECK(event) (2 + (event))
#define GONE(event) (4 + (event)) /* the item TOKEN_DEAD */
#define FALLBACK(event) (6 + (event))
#define DOWN 9
#ifdef PLAN
#define STEP 10 /* the item STEP_DUE */
#define SECTIONS 10
#else
#define SECTIONS 9
#endif
#define FRESH 1 /* a copy in the queue */
#define TAKEN 2 /* committed, not acked */
#define BACK 4  /* given out before, and back in its place */
byte sections[SECTIONS + 1];
byte jobs[JOBS + 1];  /* copies that wait: a bit a number of attempts */
byte again[JOBS + 1]; /* those that were given out before */
bool parked[3];
bool got[JOBS + 1]; /* the provider took it */

#ifndef LAND_IN_ANY_ORDER
byte flights[SECTIONS]; /* in the order of their commits */
byte flying;
#endif

#define TAKEABLE(section) (sections[section] && !(sections[section] & TAKEN))

inline take(section)
{
	sections[section] = (sections[section] & BACK -> sections[section] & FRESH : 0) | TAKEN
#ifndef LAND_IN_ANY_ORDER
	;
	flights[flying] = section;
	flying++
#endif
}

inline into_queue(section)
{
	sections[section] = sections[section] | FRESH
}

/* ---- the mailbox's engine ---- */

byte open_pos; /* mailbox_int.h struct user, not stored */
bool armed;
byte out_jobs[SECTIONS + 1]; /* outbox.c: what a committed section waits for, a bit each */
byte out_checks[SECTIONS + 1];
byte range_from[3], range_to[3]; /* applied.result of the checks */
#ifdef PLAN
#define LOOK 1 /* beside the bits of checks in out_checks */
bool step_armed;
byte taken[SECTIONS + 1]; /* applied.result of those that took a second step, a bit each */
#endif
byte resends = RESENDS;
hidden byte e, x, first, last, from;
hidden byte any;
#define HANDLED (seen > pushed -> seen : pushed) /* users.c user_handled */

/* outbox.c flight_land */
inline acked(section)
{
	sections[section] = sections[section] & FRESH;
	if
	:: section == CHECK(1) || section == CHECK(2) ->
		range_from[section - 2] = 0;
		range_to[section - 2] = 0
	:: else -> skip
	fi
#ifdef PLAN
	;
	taken[section] = 0
#endif
}

#ifndef LAND_IN_ANY_ORDER
/* Not before those that were committed earlier: they may have armed the check that this one relies on. */
inline land(section)
{
	do
	:: flying && out_jobs[flights[0]] == 0 && out_checks[flights[0]] == 0 ->
		acked(flights[0]);
		flying--;
		from = 0;
		do
		:: from < flying ->
			flights[from] = flights[from + 1];
			from++
		:: else -> break
		od;
		flights[flying] = 0
	:: else -> break
	od
}
#else
inline land(section)
{
	if
#ifndef ACK_BEFORE_CONFIRM
	:: out_jobs[section] == 0 && out_checks[section] == 0 -> acked(section)
	:: else -> skip
#else
	:: true -> acked(section)
#endif
	fi
}
#endif

#ifdef PLAN
/* plan.c arm_step */
inline arm_step(section)
{
	if
	:: !step_armed ->
		step_armed = true;
		out_checks[section] = out_checks[section] | LOOK
	:: else -> skip
	fi
}

/* plan.c expect_step: the row is written once, whether the look went out is not known to a repeat */
inline expect_step(section, event)
{
	if
	:: token && event > pushed -> row[event] = true; arm_step(section)
#ifndef NO_LOOK_AGAIN
	:: token && event <= pushed -> arm_step(section)
#endif
	:: else -> skip
	fi
}

/* plan.c take_next, record */
inline take_second(section, event)
{
	row[event] = false;
	if
	:: event > seen ->
		out_jobs[section] = out_jobs[section] | (1 << MAIL(event));
#ifndef NO_STEP_RECORD
		taken[section] = taken[section] | (1 << event)
#endif
	:: else -> skip
	fi
}

/* plan.c repeat_taken */
inline repeat_taken(section)
{
	e = 1;
	do
	:: e <= EVENTS ->
		if
		:: (taken[section] & (1 << e)) && e > seen ->
			out_jobs[section] = out_jobs[section] | (1 << MAIL(e))
		:: else -> skip
		fi;
		e++
	:: else -> break
	od
}

/* plan.c on_step_due: what is due goes up to last */
inline step_due()
{
	take(STEP);
	step_armed = false;
	if
	:: taken[STEP] -> repeat_taken(STEP)
	:: else ->
		e = 1;
		do
		:: e <= last ->
			if
			:: row[e] -> take_second(STEP, e)
			:: else -> skip
			fi;
			e++
		:: else -> break
		od
	fi;
	if
	:: row[1] || row[2] -> arm_step(STEP)
	:: else -> skip
	fi;
	land(STEP);
	e = 0
}
#endif

/* route.c plan_push, push_by: the phone, or else what is only a fallback */
inline plan_push(section, event)
{
#ifdef PLAN
	expect_step(section, event);
#endif
	pushed = (event > pushed -> event : pushed);
	out_jobs[section] = out_jobs[section] | (1 << (token -> PHONE(event) : MAIL(event)))
}

/* route.c arm_check */
inline arm_check(section)
{
	if
#ifndef NO_CHECK
	:: !armed ->
		armed = true;
		out_checks[section] = out_checks[section] | (1 << pos)
#endif
	:: else -> skip
	fi
}

/* append.c append_deliver */
inline deliver(event)
{
	take(DELIVER(event));
	if
	:: !applied[event] ->
		applied[event] = true;
		any = (open_pos > (HANDLED));
		pos = event;
		if
		:: session || any ->
			open_pos = pos;
			arm_check(DELIVER(event))
		:: else ->
			planned[event] = true;
			plan_push(DELIVER(event), event)
		fi
	/* append.c repeat */
	:: else ->
		if
		:: planned[event] && event > seen -> plan_push(DELIVER(event), event)
		:: !planned[event] && event > seen -> arm_check(DELIVER(event))
		:: else -> skip
		fi
	fi;
	land(DELIVER(event));
	any = false
}

/* route.c on_check */
inline check(event)
{
	x = CHECK(event);
	take(x);
	armed = false;
	any = false;
	first = (range_to[event] -> range_from[event] : (HANDLED));
	last = (range_to[event] -> range_to[event] : last);
	e = first + 1;
	do
	:: e <= last ->
		if
		:: e > seen ->
			plan_push(x, e);
			any = true
		:: else -> skip
		fi;
		e++
	:: else -> break
	od;
	if
	:: any ->
#ifndef NO_RECORD
		range_from[event] = first; /* durable: a repeat of it says the same again */
		range_to[event] = last;
#endif
		heard = (socket == LIVE && session -> pos : heard) /* remind_sessions */
	:: else -> skip
	fi;
	if
	:: pos > (HANDLED) && (pos > last || any) -> arm_check(x)
	:: else -> skip
	fi;
	land(x);
	any = false
}

/* route.c plan_fallback; plan.c on_step_failed */
inline plan_fallback(section, event)
{
	take(section);
#ifdef PLAN
	if
	:: taken[section] -> repeat_taken(section)
	:: !taken[section] && row[event] -> take_second(section, event)
	:: else -> skip
	fi;
#else
	if
	:: event > seen -> out_jobs[section] = 1 << MAIL(event)
	:: else -> skip
	fi;
#endif
	land(section)
}

/* track.c on_session_down */
inline session_down()
{
	take(DOWN);
	if
	:: session && pos > seen ->
		armed = true;
		out_checks[DOWN] = 1 << pos
	:: else -> skip
	fi;
	session = false;
	land(DOWN)
}

proctype mailbox()
{
end:	do
	/* the events come in order (stages.pml); a live one may be lost */
	:: atomic {
		TAKEABLE(DELIVER(1)) ->
		deliver(1);
		if
		:: socket == LIVE && session && heard == 0 -> heard = 1
		:: skip
		fi
	   }
	:: atomic {
		TAKEABLE(DELIVER(2)) && applied[1] ->
		deliver(2);
		if
		:: socket == LIVE && session -> heard = 2
		:: skip
		fi
	   }
	/* what it was armed for, and perhaps what has become late meanwhile (late_pos) */
	:: d_step { TAKEABLE(CHECK(1)) -> last = 1; check(1) }
	:: d_step { TAKEABLE(CHECK(1)) -> last = pos; check(1) }
	:: d_step { TAKEABLE(CHECK(2)) -> last = 2; check(2) }
	:: d_step { TAKEABLE(DOWN) -> session_down() ; e = 0 }
#ifdef PLAN
	:: d_step { TAKEABLE(STEP) -> last = 1; step_due() }
	:: d_step { TAKEABLE(STEP) -> last = pos; step_due() }
#endif
	/* track.c on_token_dead */
	:: d_step { TAKEABLE(GONE(1)) -> token = false; plan_fallback(GONE(1), 1) ; e = 0 }
	:: d_step { TAKEABLE(GONE(2)) -> token = false; plan_fallback(GONE(2), 2) ; e = 0 }
	:: d_step { TAKEABLE(FALLBACK(1)) -> plan_fallback(FALLBACK(1), 1) ; e = 0 }
	:: d_step { TAKEABLE(FALLBACK(2)) -> plan_fallback(FALLBACK(2), 2) ; e = 0 }
	od
}

/* outbox.c finish: the broker has one more of what the section emitted, and says so. */
inline emit(section)
{
	if
#ifdef PLAN
	:: out_checks[section] & LOOK ->
		into_queue(STEP);
		out_checks[section] = out_checks[section] & ~LOOK
	:: out_checks[section] & ~LOOK ->
#else
	:: out_checks[section] ->
#endif
		e = (out_checks[section] & 2 -> 1 : 2);
		into_queue(CHECK(e));
		out_checks[section] = out_checks[section] & ~(1 << e)
	:: else ->
		e = 1;
		do
		:: !(out_jobs[section] & (1 << e)) -> e++
		:: else -> break
		od;
		jobs[e] = jobs[e] | 1;
		out_jobs[section] = out_jobs[section] & ~(1 << e)
	fi;
	land(section);
	e = 0
}

#define WAITS(section) (out_jobs[section] || out_checks[section])

proctype outbox()
{
end:	do
	:: d_step { WAITS(DELIVER(1)) -> emit(DELIVER(1)) }
	:: d_step { WAITS(DELIVER(2)) -> emit(DELIVER(2)) }
	:: d_step { WAITS(CHECK(1)) -> emit(CHECK(1)) }
	:: d_step { WAITS(CHECK(2)) -> emit(CHECK(2)) }
	:: d_step { WAITS(DOWN) -> emit(DOWN) }
#ifdef PLAN
	:: d_step { WAITS(STEP) -> emit(STEP) }
#endif
	:: d_step { WAITS(GONE(1)) -> emit(GONE(1)) }
	:: d_step { WAITS(GONE(2)) -> emit(GONE(2)) }
	:: d_step { WAITS(FALLBACK(1)) -> emit(FALLBACK(1)) }
	:: d_step { WAITS(FALLBACK(2)) -> emit(FALLBACK(2)) }
	/* a check that the broker has and whose confirm is lost */
	:: d_step { resends && (out_checks[DELIVER(1)] & 6) -> resends--; e = (out_checks[DELIVER(1)] & 2 -> 1 : 2); into_queue(CHECK(e)) }
	od
}

/* ---- pusher ---- */

mtype = { IDLE, SEND, SETTLE, PUBLISH }
mtype step = IDLE;
byte job;     /* at hand */
byte tried;   /* its item.attempt */
bool returned; /* delivery->redelivered */
mtype outcome = NONE;
byte counted;
bool later, gone, fallback, dead; /* letters to be published: publish.c sw_pusher_letters */

/* policy.c sw_push_gate, is_repeat */
inline gate()
{
	step = PUBLISH;
	if
	:: state[job] == DELIVERED || (state[job] == DROPPED && !returned) -> skip
	:: state[job] == RETRY && attempts[job] > tried ->
		counted = attempts[job];
		later = returned
	:: state[job] == TOKEN_DEAD -> gone = returned
	:: state[job] == DEAD ->
		dead = returned;
		fallback = returned && job <= 2
	:: else ->
		if
#ifndef NO_GATE
		:: seen >= EVENT(job) ->
			outcome = DROPPED;
			counted = tried;
			step = SETTLE
#endif
		:: job <= 2 && !token ->
			outcome = DROPPED;
			counted = tried;
			fallback = true;
			step = SETTLE
		:: else ->
			assert(seen < EVENT(job));
			step = SEND
		fi
	fi
#ifdef NO_REDELIVERED
	;
	if
	:: step == PUBLISH ->
		later = false;
		gone = false;
		dead = false;
		fallback = false
	:: else -> skip
	fi
#endif
}

/* policy.c retry, give_up */
inline retry()
{
	counted = tried + 1;
	if
	:: counted >= TRIES ->
		outcome = DEAD;
		dead = true;
		fallback = (job <= 2)
	:: else ->
		outcome = RETRY;
		later = true
	fi
}

inline idle()
{
	step = IDLE;
	job = 0;
	tried = 0;
	returned = false;
	outcome = NONE;
	counted = 0;
	later = false;
	gone = false;
	fallback = false;
	dead = false
}

/* consume.c take_up, gate.c */
inline take_job(which)
{
	job = which;
	tried = (jobs[job] & 1 -> 0 : 1);
	returned = (again[job] >> tried) & 1;
	jobs[job] = jobs[job] & ~(1 << tried);
	again[job] = again[job] & ~(1 << tried);
	gate()
}

proctype pusher()
{
end:	do
#ifdef PLAIN_PUSHER
	:: d_step { jobs[1] -> got[1] = true; jobs[1] = 0 }
	:: d_step { jobs[2] -> got[2] = true; jobs[2] = 0 }
	:: d_step { jobs[3] -> got[3] = true; jobs[3] = 0 }
	:: d_step { jobs[4] -> got[4] = true; jobs[4] = 0 }
#else
	:: d_step { step == IDLE && jobs[1] -> take_job(1) ; e = 0 }
	:: d_step { step == IDLE && jobs[2] -> take_job(2) ; e = 0 }
	:: d_step { step == IDLE && jobs[3] -> take_job(3) ; e = 0 }
	:: d_step { step == IDLE && jobs[4] -> take_job(4) ; e = 0 }
	/* send.c on_outcome, policy.c sw_push_after_outcome */
	:: atomic {
		step == SEND ->
		assert(state[job] != DELIVERED);
		if
		:: got[job] = true; outcome = DELIVERED; counted = tried + 1
		:: got[job] = true; retry() /* unknown: it came, the answer did not */
		:: retry()                  /* or it did not come, or is to be tried again */
		:: job <= 2 -> outcome = TOKEN_DEAD; counted = tried + 1; gone = true
		:: outcome = DEAD; counted = tried + 1; dead = true; fallback = (job <= 2) /* rejected */
		fi;
		step = SETTLE
	   }
	/* settle.c transact, SQL record_deliveries; a transaction whose outcome is unknown is run again */
	:: d_step {
		step == SETTLE ->
		if
		:: state[job] != DELIVERED ->
			state[job] = outcome;
			attempts[job] = (counted > attempts[job] -> counted : attempts[job])
		:: else -> skip
		fi;
		step = PUBLISH
	   }
	/* publish.c sw_pusher_publish_step: each is confirmed */
	:: d_step { step == PUBLISH && later -> jobs[job] = jobs[job] | (1 << counted); later = false }
#ifndef NO_FALLBACK
	:: d_step { step == PUBLISH && gone -> e = EVENT(job); into_queue(GONE(e)); gone = false }
#else
	:: d_step { step == PUBLISH && gone -> token = false; gone = false }
#endif
	:: d_step { step == PUBLISH && fallback -> e = EVENT(job); into_queue(FALLBACK(e)); fallback = false }
	:: d_step { step == PUBLISH && dead -> e = EVENT(job); parked[e] = true; dead = false }
	/* consume.c envelope_end */
	:: d_step { step == PUBLISH && !later && !gone && !fallback && !dead -> idle() }
#endif
	od
}

/* ---- the person's device ---- */

proctype device()
{
end:	do
	/* gateway/ack.c, track.c on_ack: of one whose person is there */
	:: d_step { socket == LIVE && session && seen < heard -> seen = heard }
	:: d_step { goes_deaf && socket == LIVE -> socket = DEAF; goes_deaf = false; heard = 0 }
	/* gateway/ack.c announce_down: the gateway's ping found out */
	:: d_step { closes && socket == DEAF -> socket = NO_SESSION; closes = false; into_queue(DOWN) }
	od
}

/* ---- faults, and the end ---- */

proctype faults()
{
	byte mailbox_deaths = MAILBOX_DEATHS, pusher_deaths = PUSHER_DEATHS;
end:	do
	:: d_step {
		mailbox_deaths &&
		(WAITS(1) || WAITS(2) || WAITS(3) || WAITS(4) || WAITS(5) || WAITS(6) || WAITS(7) || WAITS(8) || WAITS(9)
		 || WAITS(SECTIONS)) ->
		e = 1;
		do
		:: e <= SECTIONS ->
			sections[e] = (sections[e] & TAKEN -> (sections[e] & FRESH) | BACK : sections[e]);
			out_jobs[e] = 0;
			out_checks[e] = 0;
			e++
		:: else -> break
		od;
#ifndef LAND_IN_ANY_ORDER
		do
		:: flying ->
			flying--;
			flights[flying] = 0
		:: else -> break
		od;
#endif
		armed = false;
#ifdef PLAN
		step_armed = false;
#endif
		open_pos = pos; /* step.c step_loaded */
		mailbox_deaths--;
		e = 0
	   }
	:: d_step {
		pusher_deaths && step != IDLE ->
#ifdef ACK_BEFORE_PUBLISH
		if
		:: step == PUBLISH -> skip
		:: else ->
			jobs[job] = jobs[job] | (1 << tried);
			again[job] = again[job] | (1 << tried)
		fi;
#else
		jobs[job] = jobs[job] | (1 << tried);
		again[job] = again[job] | (1 << tried);
#endif
		idle();
		pusher_deaths--
	   }
	od
}

#ifdef PLAN
#define CARED_FOR(event) (seen >= event || got[MAIL(event)] || parked[event])
#else
#define CARED_FOR(event) (seen >= event || got[PHONE(event)] || got[MAIL(event)] || parked[event])
#endif

/* Nothing can move any more. */
proctype at_the_end()
{
	timeout ->
	assert(pos == EVENTS && CARED_FOR(1) && (EVENTS == 1 || CARED_FOR(2)))
}

init {
	atomic {
		if
		:: skip
		:: session = true; socket = LIVE
		:: session = true; socket = LIVE; goes_deaf = true
		:: session = true; socket = DEAF
		:: session = true; socket = DEAF; closes = true
		fi;
		into_queue(DELIVER(1));
#if EVENTS == 2
		into_queue(DELIVER(2));
#endif
		run mailbox();
		run outbox();
		run pusher();
		run device();
		run faults();
		run at_the_end()
	}
}
