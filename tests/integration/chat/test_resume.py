# SPDX-License-Identifier: Apache-2.0
"""A device goes on from its cursor on any gateway, and what the node's queue loses is repaired: no hole, no double."""
import asyncio

import pytest

import surewire_env
from chat_world import eventually, within

MESSAGES = 500


@pytest.mark.parametrize("cursor, expected_from", [(0, 0), (1, 1), (7, 7), (19, 19), (20, 20), (21, 20), (10**15, 20)])
@within
async def test_resume__with_a_cursor_on_another_gateway__everything_past_it(shared, cursor, expected_from):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    texts = [f"m{number}" for number in range(20)]
    for text in texts:
        await a.say(bob, text)
    shared.await_inbox(bob, 20)
    b = await shared.login(shared.south, bob, cursor=cursor)
    assert b.welcome["pos"] == "20" and b.welcome["cursor"] == str(expected_from) and b.welcome["resume"] is True
    await b.count(20 - expected_from)
    await a.say(bob, "live")
    await b.event("live")
    assert b.texts == texts[expected_from:] + ["live"]
    await a.close()
    await b.close()


@within
async def test_resume__without_a_cursor__from_what_the_device_acked(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    b = await shared.login(shared.north, bob, "phone", auto_ack=False)
    for number in range(10):
        await a.say(bob, f"m{number}")
    await b.count(10)
    await b.ack(4)
    await b.close()

    def acked():
        sql = "SELECT cursor FROM device WHERE user_id = %s AND device = 'phone'"
        return shared.space.query(sql, (shared.user_id(bob),)) == [(4,)]

    await eventually(acked, "the ack is stored")
    b = await shared.login(shared.south, bob, "phone")
    assert b.welcome["cursor"] == "4" and b.welcome["resume"] is True
    await b.count(6)
    assert b.texts == [f"m{number}" for number in range(4, 10)]
    tablet = await shared.login(shared.north, bob, "tablet")
    assert tablet.welcome["cursor"] == "0" and tablet.welcome["resume"] is False
    await tablet.count(10)
    for client in (a, b, tablet):
        await client.close()


async def _pump(client, to, count, done, go_on=lambda: False):
    """Keeps about 20 under way, count of them and more while go_on(); the texts in the order of their storing."""
    waiting = []
    texts = []
    while len(texts) < count or go_on():
        texts.append(f"m{len(texts)}")
        waiting.append(await client.send(to, texts[-1]))
        if len(waiting) >= 20:
            await client.stored(waiting.pop(0), 90)
    for cid in waiting:
        await client.stored(cid, 90)
    done.set()
    return texts


@within
async def test_resume__reconnecting_while_messages_flow__each_once_and_in_order(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    done = asyncio.Event()
    pump = asyncio.ensure_future(_pump(a, bob, MESSAGES, done))
    seen, cursor, turns = [], 0, 0
    while not done.is_set() or len(seen) < MESSAGES:
        b = await shared.login((shared.north, shared.south)[turns % 2], bob, "phone", cursor=cursor)
        left = MESSAGES - len(seen)
        await b.count(left if done.is_set() else min(5 + turns % 7, left))
        if turns % 3 == 0:
            b._socket.transport.abort()  # the network is gone, no handshake of closing
            await b.closed()
        await b.close()
        seen += b.texts
        cursor = b.pos
        turns += 1
    assert seen == await pump
    assert turns > 5
    shared.check_inbox(bob, seen)
    await a.close()


def _close_node_connections(world):
    """An operator closes every connection that consumes a gateway's queue; the queue goes with it. How many there were.

    By rabbitmqctl: the management API shows a connection only seconds after it was made.
    """
    program = (
        'length([rabbit_networking:close_connection(P, "lost by a test") || P <- rabbit_networking:connections(),'
        " [{vhost, <<\"VHOST\">>}, {client_properties, C}] <-"
        " [rabbit_networking:connection_info(P, [vhost, client_properties])],"
        ' {<<"connection_name">>, _, <<"surewire node.", _/binary>>} <- C]).'
    )
    return int(world.space.servers.rabbitmqctl("eval", program.replace("VHOST", world.space.name)))


@pytest.mark.parametrize("how", ["closed by the broker", "cut on the way"])
@within
async def test_node_queue__lost_while_messages_flow__events_and_answers_are_repaired(fresh_world, proxy, how):
    """By itself the one, with everything else that this gateway has with the broker the other."""
    world = fresh_world
    between = proxy(world.space.amqp_url)
    north = world.node()
    south = world.node(roles="gateway", amqp_url=surewire_env.through(world.space.amqp_url, between))
    alice, bob = world.people("alice", "bob")
    a, b, b2 = await world.login(north, alice), await world.login(south, bob), await world.login(north, bob, "d2")
    faults, rounds = 0, 0

    def lose():
        if how == "closed by the broker":
            return _close_node_connections(world)
        between.cut(reset=True)
        return 1

    pump = asyncio.ensure_future(_pump(a, bob, MESSAGES, asyncio.Event(), lambda: rounds < 4))
    while rounds < 4 and not pump.done():
        await asyncio.sleep(0.5)
        faults += await asyncio.get_running_loop().run_in_executor(None, lose)
        rounds += 1
    texts = await asyncio.wait_for(pump, 120)
    assert faults >= 4, "nothing was lost: the test shows nothing"
    assert len(texts) >= MESSAGES
    for client in (b, b2, a):
        await client.count(len(texts), 60)
        assert client.texts == texts
    world.check_inbox(bob, texts)
    await eventually(lambda: south.is_ready() and north.is_ready(), "both ready again")
    # And the sessions are known again: what comes now comes live.
    for number in range(3):
        await a.say(bob, f"afterwards {number}")
        await b.event(f"afterwards {number}", 10)
        await b2.event(f"afterwards {number}", 10)
    for client in (a, b, b2):
        await client.close()


@within
async def test_node_queue__last_event_lost__comes_without_another_one(fresh_world):
    """Nothing follows that could show the gap."""
    world = fresh_world
    north, south = world.node(), world.node(roles="gateway")
    alice, bob = world.people("alice", "bob")
    a = await world.login(north, alice)
    b = await world.login(south, bob)
    loop = asyncio.get_running_loop()
    for number in range(4):
        closing = loop.run_in_executor(None, _close_node_connections, world)
        part = 0
        while not closing.done():
            await a.say(bob, f"last {number}.{part}")
            part += 1
        assert await closing >= 1
        await b.event(f"last {number}.{part - 1}", 20)
    await a.close()
    await b.close()


@within
async def test_sessions__first_of_each_gateway__are_not_taken_for_one_another(fresh_world):
    """Numbers that gateways give their sessions must not meet in one user's mailbox."""
    world = fresh_world
    north, south = world.node({"gateway.threads": 1}), world.node({"gateway.threads": 1})
    alice, bob = world.people("alice", "bob")
    b1 = await world.login(north, bob, "d1")
    b2 = await world.login(south, bob, "d2")
    a = await world.login(north, alice)
    await a.say(bob, "to both")
    await b1.event("to both", 10)
    await b2.event("to both", 10)
    await b1.close()
    await a.say(bob, "to the other")
    await b2.event("to the other", 10)
    await a.close()
    await b2.close()
