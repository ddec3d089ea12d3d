/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk of an event from the inbox to one device: mailbox -> node.<n> -> gateway -> socket -> device, with sockets that
 * break, live events that are lost, repeated or come in any order, and a cursor that only the device knows for sure.
 * How the inbox grows is stages.pml; here it just grows.
 *
 * Claims: the device is shown each pos once, in order, without a hole, and finally all of them. */

#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef BREAKS
#define BREAKS 2 /* of the socket, or of the gateway with it */
#endif
#ifndef REPEATS
#define REPEATS 1 /* sections delivered again: mailbox/append.c repeat sends the live event again */
#endif

byte pos;        /* inbox: the highest pos; seen by readers as soon as it is committed */
bool session;    /* the mailbox knows of the socket */
bool session_up; /* SESSION_UP is in the mailbox's queue: confirmed, so it arrives */
byte live;       /* events on their way to the node: a bit a pos */
byte repeats = REPEATS;

bool up;        /* a socket in the state SESSION_LIVE */
byte loading;   /* the inbox's pos as read at hello, + 1 */
byte sent_pos;  /* gateway_int.h struct session */
byte known_pos;
byte read_pos;  /* what a read of the inbox found, + 1; 0: none under way */
byte read_from;
byte wanted;
byte shown;     /* by the device, for good */
byte acked;     /* device.cursor in the store: acks are gathered, it may be behind what was shown */
chan wire = [EVENTS] of { byte };
byte breaks = BREAKS;
hidden byte p;

inline know(at)
{
	known_pos = (at > known_pos -> at : known_pos)
}

proctype mailbox()
{
	bool lost; /* node.<n> is transient */
end:	do
	/* mailbox/append.c append, route.c route_live */
	:: atomic {
		pos < EVENTS ->
		pos++;
		if
		:: session -> live = live | (1 << pos)
		:: skip
		fi
	   }
	/* append.c repeat */
	:: atomic {
		repeats && session && pos ->
		repeats--;
		select (p : 1 .. pos);
		live = live | (1 << p)
	   }
	/* track.c on_session_up: ready says how far the inbox goes; it may be lost like everything to a node */
	:: atomic {
		session_up ->
		session_up = false;
		session = true;
		if
		:: know(pos)
		:: skip
		fi
	   }
#ifndef NO_REMINDER
	/* route.c on_check, remind_sessions: nobody acked in time */
	:: d_step {
		up && session && shown < pos && known_pos <= sent_pos && read_pos == 0 && live == 0 && empty(wire) ->
		know(pos)
	   }
#endif
	od
}

/* feed.c feed_live */
inline feed_live()
{
	live = live & ~(1 << p);
	if
#if defined(NO_HOLE)
	:: p > sent_pos && read_pos == 0 && known_pos <= sent_pos ->
#elif defined(LIVE_WHILE_READING)
	:: p == sent_pos + 1 ->
#else
	:: p == sent_pos + 1 && read_pos == 0 && known_pos <= sent_pos ->
#endif
		sent_pos = p;
		known_pos = p;
		wire ! p
	:: else -> know(p)
	fi
}

proctype gateway()
{
end:	do
	/* hello.c on_hello: how far does the inbox go? */
	:: d_step { !up && !loading -> loading = pos + 1 }
	/* hello.c welcome: the client says how far it has come */
	:: d_step {
		loading ->
		up = true;
#ifdef NO_CURSOR
		p = acked;
#else
		p = shown;
#endif
		sent_pos = (p > loading - 1 -> loading - 1 : p);
		known_pos = loading - 1;
		loading = 0;
		session_up = true
	   }
	:: atomic { up && (live & 2) -> p = 1; feed_live() }
	:: atomic { up && (live & 4) -> p = 2; feed_live() }
	:: atomic { up && (live & 8) -> p = 3; feed_live() }
	/* feed.c feed_continue, feed_query */
	:: d_step {
		up && read_pos == 0 && known_pos > sent_pos ->
		read_pos = pos + 1;
		read_from = sent_pos;
		wanted = known_pos
	   }
	/* feed.c on_done */
	:: atomic {
		read_pos ->
		p = read_from;
		do
		:: p + 1 < read_pos ->
			p++;
			wire ! p
		:: else -> break
		od;
		sent_pos = p;
		if
		:: known_pos <= wanted -> known_pos = sent_pos
		:: else -> skip
		fi;
		read_pos = 0;
		read_from = 0;
		wanted = 0
	   }
	/* a read that failed: the tick asks again */
	:: d_step { read_pos && repeats -> repeats--; read_pos = 0; read_from = 0; wanted = 0 }
	od
}

proctype device()
{
	byte at;
end:	do
	:: atomic {
		wire ? at ->
		assert(at == shown + 1);
		shown = at;
		at = 0
	   }
	/* gateway/ack.c acks_flush, mailbox/track.c move_cursor */
	:: d_step { up && acked < shown -> acked = shown }
	od
}

/* The socket breaks, or the gateway dies; what was on the wire is lost. */
proctype faults()
{
end:	do
	:: d_step {
		breaks && up ->
		up = false;
		session = false;
		session_up = false;
		live = 0;
		sent_pos = 0;
		known_pos = 0;
		read_pos = 0;
		read_from = 0;
		wanted = 0;
		do
		:: len(wire) -> wire ? p
		:: else -> break
		od;
		breaks--
	   }
	od
}

proctype at_the_end()
{
	timeout ->
	assert(pos == EVENTS && shown == pos)
}

init {
	atomic {
		run mailbox();
		run gateway();
		run device();
		run faults();
		run at_the_end()
	}
}
