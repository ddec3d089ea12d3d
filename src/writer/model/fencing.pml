/* SPDX-License-Identifier: Apache-2.0
 *
 * One partition, two engines: leases that end, takeovers, a stale owner that wakes up with a transaction under way and
 * whose acks still go through, commits without an answer, deaths. A frozen engine is one whose steps come late, so a
 * takeover may happen at any time. Beside each step stands the function of the code that it is.
 *
 * Claims: who has lost the partition commits nothing; nobody writes from a cache that another owner has overtaken; every
 * section is applied once; after all takeovers the partition is worked off. */

#ifndef SECTIONS
#define SECTIONS 3
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 3 /* from an owner that lives, or is thought dead */
#endif
#ifndef CUTS
#define CUTS 1 /* a consumer's connection is closed by the broker */
#endif
#ifndef LOSSES
#define LOSSES 1 /* the store's connection is lost during a transaction */
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#define NOBODY 2

/* ---- the store ---- */

byte owner = NOBODY; /* writer_owner */
byte epoch;
byte seq;            /* of the partition's only conversation */
bool applied[SECTIONS + 1];

/* Transactions as the server sees them, at most one an engine and one whose client is gone. */
#define TX_NONE 0
#define TX_OPEN 1 /* sw_fence() has passed: the row of writer_owner is locked FOR SHARE */
#define TX_DONE 2 /* committed, the answer is on its way */
#define TX_FAILED 3
typedef transaction {
	byte state;
	byte section;
	byte cache; /* what the writer believed */
	byte epoch;
}
transaction tx[3];

inline close(n)
{
	tx[n].state = TX_NONE;
	tx[n].section = 0;
	tx[n].cache = 0;
	tx[n].epoch = 0
}

#ifdef NO_LOCK
#define LOCKED false
#else
#define LOCKED (tx[0].state == TX_OPEN || tx[1].state == TX_OPEN || tx[2].state == TX_OPEN)
#endif

/* ---- the broker: single active consumer, unacked ones come back in their place ---- */

#define READY 0
#define ACKED 3
byte given[SECTIONS + 1]; /* READY, engine + 1, ACKED */
bool subscribed[2];
byte consumer = NOBODY;
byte takeovers = TAKEOVERS;
byte losses = LOSSES;
hidden byte i;
hidden byte s;

inline next_consumer()
{
	consumer = (subscribed[0] -> 0 : (subscribed[1] -> 1 : NOBODY))
}

inline unsubscribe(e)
{
	subscribed[e] = false;
	i = 1;
	do
	:: i <= SECTIONS ->
		given[i] = (given[i] == e + 1 -> READY : given[i]);
		i++
	:: else -> break
	od;
	if
	:: consumer == e -> next_consumer()
	:: else -> skip
	fi
}

/* ---- engines ---- */

byte held[2];    /* engine.c holding: the epoch believed in, 0: none */
byte cache[2];   /* seq + 1, 0: not loaded */
byte section[2]; /* at hand */
bool careful[2]; /* engine_turn.c: a repeat is likely, */
bool looked[2];  /* and was looked for */
bool told[2];    /* keeper.c: the owner was told to consume */
byte mail[2];    /* assign: the epoch; 0: none */

/* writer/engine.c engine_lose_all, leave: the consumer's connection closes, what it had comes back */
inline lose(e)
{
	unsubscribe(e);
	held[e] = 0;
	section[e] = 0;
	careful[e] = false;
	looked[e] = false;
#ifndef NO_FORGET
	cache[e] = 0;
#endif
	told[e] = false
}

proctype engine(byte me)
{
end:	do
	/* keeper.c take_row, SQL owner_take: an UPDATE, it waits for who holds the row FOR SHARE */
	:: d_step {
		(owner == NOBODY || (owner != me && takeovers)) && !LOCKED ->
		takeovers = (owner == NOBODY -> takeovers : takeovers - 1);
		owner = me;
#ifndef NO_RAISE
		epoch++;
#else
		epoch = 1;
#endif
		mail[me] = epoch;
		told[me] = true
	   }
	/* keeper.c decide: ours by the store, and nobody was told */
	:: d_step {
		owner == me && !told[me] && mail[me] == 0 ->
		mail[me] = epoch;
		told[me] = true
	   }
	/* engine.c on_assign: who has it already goes on believing in its old epoch */
	:: d_step {
		mail[me] ->
		if
		:: held[me] -> skip
		:: else ->
			held[me] = mail[me];
#ifndef NO_FORGET
			cache[me] = 0;
#endif
			subscribed[me] = true;
			consumer = (consumer == NOBODY -> me : consumer)
		fi;
		mail[me] = 0
	   }
	/* keeper.c release_stale: taken from us while we could not renew */
	:: d_step {
		held[me] && owner != me && tx[me].state == TX_NONE ->
		lose(me);
		mail[me] = 0
	   }
	/* engine_turn.c take */
	:: d_step {
		held[me] && section[me] == 0 && consumer == me &&
			(given[1] == READY || given[2] == READY || given[SECTIONS] == READY) ->
		s = 1;
		do
		:: given[s] != READY -> s++
		:: else -> break
		od;
		given[s] = me + 1;
		section[me] = s;
		s = 0
	   }
	/* engine_turn.c queue_applied_find, mark_applied: was it committed before? Then its consequences are repeated in a
	 * turn that writes nothing, but for the fence */
	:: d_step {
		section[me] && careful[me] && !looked[me] && tx[me].state == TX_NONE ->
		if
		:: !applied[section[me]] -> looked[me] = true
		:: else ->
			if
			:: epoch == held[me] ->
				given[section[me]] = (given[section[me]] == me + 1 -> ACKED : given[section[me]]);
				section[me] = 0;
				careful[me] = false
			:: else -> lose(me)
			fi
		fi
	   }
	/* step.c load: a round trip of its own, before the transaction and not fenced */
	:: d_step {
		section[me] && cache[me] == 0 && careful[me] == looked[me] && tx[me].state == TX_NONE -> cache[me] = seq + 1
	   }
	/* engine_turn.c write_all: the fence comes first */
	:: d_step {
		section[me] && cache[me] && careful[me] == looked[me] && tx[me].state == TX_NONE ->
		if
#ifndef NO_FENCE
		:: epoch != held[me] ->
#ifdef ACK_FENCED
			given[section[me]] = ACKED;
#endif
			lose(me) /* SW_EFENCED */
#endif
		:: else ->
			tx[me].state = TX_OPEN;
			tx[me].section = section[me];
			tx[me].cache = cache[me];
			tx[me].epoch = held[me]
		fi
	   }
	/* the answer: committed. outbox.c flight_land: acked, if the broker still takes it from us */
	:: d_step {
		tx[me].state == TX_DONE ->
		close(me);
		cache[me]++;
		given[section[me]] = (given[section[me]] == me + 1 -> ACKED : given[section[me]]);
		section[me] = 0;
		careful[me] = false;
		looked[me] = false
	   }
	/* the answer: refused, or a conflict with a key. settle: the cache is forgotten, the next try is careful */
	:: d_step {
		tx[me].state == TX_FAILED ->
		close(me);
		cache[me] = 0;
		careful[me] = true;
		looked[me] = false
	   }
	/* the store's connection is lost: its end of the transaction goes on by itself */
	:: d_step {
		losses && tx[2].state == TX_NONE && (tx[me].state == TX_OPEN || tx[me].state == TX_DONE) ->
		losses--;
		if
		:: tx[me].state == TX_OPEN ->
			tx[2].state = TX_OPEN;
			tx[2].section = tx[me].section;
			tx[2].cache = tx[me].cache;
			tx[2].epoch = tx[me].epoch
		:: else -> skip
		fi;
		close(me);
		cache[me] = 0;
		careful[me] = true;
		looked[me] = false
	   }
	od
}

/* The server's end. The key of applied: a second one waits for the first and then conflicts. */
proctype server(byte n)
{
end:	do
	:: d_step {
		tx[n].state == TX_OPEN &&
		!(tx[2].state == TX_OPEN && n != 2 && tx[2].section == tx[n].section) ->
#ifndef NO_APPLIED
		if
		:: applied[tx[n].section] -> tx[n].state = TX_FAILED
		:: else ->
#else
		if
		:: true ->
#endif
			assert(tx[n].epoch == epoch);       /* a stale owner never commits */
			assert(tx[n].cache == seq + 1);     /* nor anybody from a stale cache */
			assert(!applied[tx[n].section]);
			applied[tx[n].section] = true;
			seq++;
			tx[n].state = TX_DONE
		fi;
		if
		:: n == 2 -> close(n) /* nobody waits for the answer */
		:: else -> skip
		fi
	   }
	/* the client is gone, or stopped in the middle of sending: the server gives up (pg.c session_options, keepalives) */
	:: d_step { tx[n].state == TX_OPEN && n == 2 -> close(n) }
	od
}

proctype faults()
{
	byte cuts = CUTS, deaths = DEATHS;
end:	do
	/* three heartbeats missed; bus/link.c connects and subscribes again, behind the others */
	:: d_step {
		cuts && consumer == 0 && held[0] ->
		unsubscribe(0);
		subscribed[0] = true;
		consumer = (consumer == NOBODY -> 0 : consumer);
		cuts--
	   }
	/* kill -9: it comes back as another engine, with nothing */
	:: d_step {
		deaths && held[0] && tx[2].state == TX_NONE ->
		if
		:: tx[0].state == TX_OPEN ->
			tx[2].state = TX_OPEN;
			tx[2].section = tx[0].section;
			tx[2].cache = tx[0].cache;
			tx[2].epoch = tx[0].epoch
		:: else -> skip
		fi;
		close(0);
		lose(0);
		owner = (owner == 0 -> NOBODY : owner); /* its lease ends */
		cache[0] = 0;
		mail[0] = 0;
		deaths--
	   }
	od
}

/* Nothing can move any more. */
proctype at_the_end()
{
	timeout ->
	d_step {
		s = 1;
		do
		:: s <= SECTIONS ->
			assert(applied[s] && given[s] == ACKED);
			s++
		:: else -> break
		od;
		assert(seq == SECTIONS)
	}
}

init {
	atomic {
		run engine(0);
		run engine(1);
		run server(0);
		run server(1);
		run server(2);
		run faults();
		run at_the_end()
	}
}
