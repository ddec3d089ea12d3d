# SPDX-License-Identifier: Apache-2.0
"""An open socket proves nothing (G6): what no device acks in time is pushed as if the person were away.

mailbox.ack_timeout is 2 s in these tests (chat_world.FAST).
"""
import asyncio
import os
import signal
import sys

import pytest

import surewire_env
from chat_world import eventually, within
from surewire_client import Client

ACK_TIMEOUT_S = 2
PHONE = "5a" * 32


async def _acked(world, user, device="laptop"):
    """Until the ack of everything so far has reached the store: it may still be under way when the event is seen."""
    await eventually(lambda: world.space.query(
        "SELECT 1 FROM device d WHERE d.user_id = %s AND d.device = %s"
        " AND d.cursor = (SELECT max(pos) FROM inbox i WHERE i.user_id = d.user_id)",
        (world.user_id(user), device)), "the ack in the store")


def _phone(world, user, node):
    world.api(node, user).register("phone", "apns", PHONE)


@within
async def test_half_open__proxy_paused__pushed_though_the_socket_is_open(shared, proxy):
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    between = proxy(shared.north.url)
    laptop = await shared.login(f"ws://127.0.0.1:{between.port}/v1/ws", bob, "laptop")
    a = await shared.login(shared.south, alice)
    await a.say(bob, f"seen {bob}")
    await laptop.event(f"seen {bob}")
    await _acked(shared, bob)
    between.pause()
    await a.say(bob, f"missed {bob}")
    (push,) = await eventually(lambda: shared.pushed(f"missed {bob}"), "a push of what nobody acked")
    assert PHONE in str(push)
    sessions = shared.space.query("SELECT device FROM session WHERE user_id = %s", (shared.user_id(bob),))
    assert sessions == [("laptop",)], "the socket counts as open still"
    assert not shared.pushed(f"seen {bob}"), "what was acked is not pushed"
    # It was asleep, not dead: it gets the message when it wakes, once.
    between.resume()
    await laptop.event(f"missed {bob}")
    await laptop.close()
    await a.close()


@within
async def test_half_open__client_process_frozen__pushed(shared):
    """The kernel takes the bytes, nobody reads them."""
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    program = (
        "import asyncio, sys\nimport surewire_client\n"
        "async def main():\n"
        "    client = await surewire_client.Client(sys.argv[1], sys.argv[2], 'laptop').login()\n"
        "    print('welcome', flush=True)\n"
        "    await client.closed(600)\n"
        "asyncio.run(main())\n"
    )
    env = dict(os.environ, PYTHONPATH=str(surewire_env.ROOT / "tests" / "support"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, shared.north.ws, shared.token(bob), env=env, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).strip() == b"welcome"
        a = await shared.login(shared.south, alice)
        await a.say(bob, f"awake {bob}")
        await _acked(shared, bob)
        process.send_signal(signal.SIGSTOP)
        await a.say(bob, f"frozen {bob}")
        await eventually(lambda: shared.pushed(f"frozen {bob}"), "a push of what nobody acked")
        assert not shared.pushed(f"awake {bob}")
        await a.close()
    finally:
        process.kill()
        await process.wait()


@within
async def test_online__acks_in_time__no_push(shared):
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    laptop = await shared.login(shared.north, bob, "laptop")
    a = await shared.login(shared.south, alice)
    for number in range(5):
        await a.say(bob, f"read {bob} {number}")
        await laptop.event(f"read {bob} {number}")
    await asyncio.sleep(3 * ACK_TIMEOUT_S)
    # A push that comes later than those would shows that the way is open.
    await laptop.close()
    await a.say(bob, f"gone {bob}")
    await eventually(lambda: shared.pushed(f"gone {bob}"), "a push to one who is offline")
    assert not shared.pushed(f"read {bob}")
    await a.close()


@within
async def test_online__reads_but_never_acks__pushed_once(shared):
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    laptop = await shared.login(shared.north, bob, "laptop", auto_ack=False)
    a = await shared.login(shared.south, alice)
    await a.say(bob, f"unacked {bob}")
    await laptop.event(f"unacked {bob}")
    await eventually(lambda: shared.pushed(f"unacked {bob}"), "a push of what nobody acked")
    await laptop.quiet(2 * ACK_TIMEOUT_S)
    assert len(shared.pushed(f"unacked {bob}")) == 1
    assert laptop.texts == [f"unacked {bob}"]
    await laptop.close()
    await a.close()


@pytest.mark.parametrize("state", ["away", "active"])
@within
async def test_acked__pushed_to_the_phone_only_if_the_device_was_away(shared, state):
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    laptop = await shared.login(shared.north, bob, "laptop", state=state)
    a = await shared.login(shared.south, alice)
    text = f"{state} {bob}"
    await a.say(bob, text)
    await laptop.event(text)
    if state == "away":
        await eventually(lambda: shared.pushed(text), "a push to the phone of one who is away")
    else:
        await laptop.quiet(3 * ACK_TIMEOUT_S)
        assert not shared.pushed(text)
    await laptop.close()
    await a.close()


@within
async def test_away__comes_back__what_was_received_counts_as_seen(shared):
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    laptop = await shared.login(shared.north, bob, "laptop", state="away")
    a = await shared.login(shared.south, alice)
    text = f"in time {bob}"
    await a.say(bob, text)
    await laptop.event(text)
    await laptop.send_frame({"t": "presence", "state": "active"})
    await laptop.quiet(3 * ACK_TIMEOUT_S)
    assert not shared.pushed(text)
    await laptop.close()
    await a.close()


@within
async def test_offline__disconnected_without_ack__pushed(shared):
    alice, bob = shared.people("alice", "bob")
    _phone(shared, bob, shared.north)
    laptop = await shared.login(shared.north, bob, "laptop", auto_ack=False)
    a = await shared.login(shared.south, alice)
    await a.say(bob, f"hardly seen {bob}")
    await laptop.event(f"hardly seen {bob}")
    laptop._socket.transport.abort()
    await eventually(lambda: shared.pushed(f"hardly seen {bob}"), "a push after the socket has gone")
    await laptop.close()
    await a.close()


@within
async def test_gateway_killed__its_clients_are_pushed_to_and_its_sessions_dropped(world):
    world.deployment.sim()
    keeper = world.node({}, roles="sequencer,mailbox,pusher,admin,gateway")
    gone = world.node({}, roles="gateway")
    alice, bob = world.people("alice", "bob")
    _phone(world, bob, keeper)
    laptop = Client(gone.ws, world.token(bob), "laptop")
    await laptop.login()
    a = await world.login(keeper, alice)
    await a.say(bob, f"before {bob}")
    await laptop.event(f"before {bob}")
    gone.kill()
    await a.say(bob, f"after {bob}")
    await eventually(lambda: world.pushed(f"after {bob}"), "a push after the gateway has gone")

    def sessions():
        return world.space.query("SELECT 1 FROM session WHERE user_id = %s", (world.user_id(bob),)) == []

    await eventually(sessions, "the sessions of the dead gateway are dropped")
    await laptop.close()
    await a.close()
