# SPDX-License-Identifier: Apache-2.0
"""A device goes on from its cursor on any gateway, and what the node's queue loses is repaired: no hole, no double."""
import asyncio

import pytest

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


async def _pump(client, to, count, done):
    """Keeps about 20 under way; the texts in the order of their storing."""
    waiting = []
    texts = []
    for number in range(count):
        waiting.append(await client.send(to, f"m{number}"))
        texts.append(f"m{number}")
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
        if done.is_set():
            await b.count(MESSAGES - len(seen))
        else:
            await b.count(5 + turns % 7)
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


def _node_queues(world):
    return [name for name in world.space.queues() if name.startswith("node.")]


def _lose_queues(world):
    """Deletes the queues of all gateways with what is in them."""
    for name in _node_queues(world):
        try:
            world.space.management("DELETE", f"queues/{world.space.name}/{name}")
        except OSError:
            pass  # an exclusive queue is its connection's alone; then the connection is closed instead


def _close_connections(world):
    """Closes every connection to the broker that consumes a node's queue."""
    closed = 0
    for consumer in world.space.management("GET", f"consumers/{world.space.name}"):
        if consumer["queue"]["name"].startswith("node."):
            name = consumer["channel_details"]["connection_name"]
            for connection in world.space.management("GET", "connections"):
                if connection["name"] == name:
                    _delete_connection(world, name)
                    closed += 1
    return closed


def _delete_connection(world, name):
    import urllib.parse

    try:
        world.space.management("DELETE", f"connections/{urllib.parse.quote(name, safe='')}")
    except OSError:
        pass  # gone meanwhile


@pytest.mark.parametrize("how", [_lose_queues, _close_connections])
@within
async def test_node_queue__lost_while_messages_flow__events_and_answers_are_repaired(fresh_world, how):
    world = fresh_world
    north, south = world.node(), world.node()
    alice, bob = world.people("alice", "bob")
    a = await world.login(north, alice)
    b = await world.login(south, bob)
    b2 = await world.login(north, bob, "d2")
    done = asyncio.Event()
    pump = asyncio.ensure_future(_pump(a, bob, MESSAGES, done))
    loop = asyncio.get_running_loop()
    for _ in range(4):
        if done.is_set():
            break
        await asyncio.sleep(0.3)
        await loop.run_in_executor(None, how, world)
    texts = await asyncio.wait_for(pump, 120)
    for client in (b, b2, a):
        await client.count(MESSAGES, 60)
        assert client.texts == texts
    world.check_inbox(bob, texts)
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
    north, south = world.node(), world.node()
    alice, bob = world.people("alice", "bob")
    a = await world.login(north, alice)
    b = await world.login(south, bob)
    loop = asyncio.get_running_loop()
    for number in range(10):
        closing = loop.run_in_executor(None, _close_connections, world)
        for part in range(8):
            await a.say(bob, f"last {number}.{part}")
        await closing
        await b.event(f"last {number}.7", 20)
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
