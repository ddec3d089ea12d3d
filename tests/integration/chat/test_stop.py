# SPDX-License-Identifier: Apache-2.0
"""The end of a process is bounded whatever hangs, and costs nothing that was accepted."""
import asyncio
import signal

from chat_world import eventually, within
from surewire_client import new_cid
from surewire_env import address, through
from tcp_proxy import TcpProxy

# Far below the time that a process of these tests would take without a limit.
END_S = 30


async def ended(node):
    return await eventually(lambda: node.returncode is not None, "the process has ended", END_S)


@within
async def test_the_store_hangs_while_it_stops__it_ends_and_the_accepted_is_stored_later(world):
    alice, bob = world.people("alice", "bob")
    with TcpProxy(address(world.space.pg)) as store:
        limits = {"node.stop_timeout": "3s", "store.statement_timeout": "60s"}
        node = world.node(limits, pg=through(world.space.pg, store))
        client = await world.login(node, alice)
        await client.say(bob, "before")
        store.pause()
        cid = new_cid()
        await client.send(bob, "accepted and no more", cid)
        await client.until(lambda: cid in client.answers, "the message is accepted")
        node.expect_clean_exit = False
        node.signal(signal.SIGTERM)
        await ended(node)
        assert node.returncode == 1
        assert "app.stop_forced" in node.tail() and "stop_timeout" in node.tail()
        store.resume()
        await client.close()
        node.restart()
        again = await world.login(node, alice)
        await again.send(bob, "accepted and no more", cid)
        await again.stored(cid)
        world.check_inbox(bob, ["before", "accepted and no more"])
        await again.close()


@within
async def test_a_second_term_ends_at_once(world):
    alice = world.people("alice")
    node = world.node({"node.stop_timeout": "10m", "gateway.drain_timeout": "5m"})
    client = await world.login(node, alice)
    node.expect_clean_exit = False
    node.signal(signal.SIGTERM)
    await eventually(lambda: "gateway.draining" in node.tail(), "the gateway drains")
    await asyncio.sleep(0.5)
    assert node.running(), "it does not wait for its clients"
    node.signal(signal.SIGTERM)
    await ended(node)
    assert node.returncode == 1
    assert "a second signal" in node.tail()
    await client.close()


def test_limits_that_do_not_fit__said_and_78(world):
    for config, said in (
        ({"node.stop_timeout": "5s", "gateway.drain_timeout": "5s"}, "stop_timeout: expected more than"),
        ({"gateway.send_queue_max": "128k"}, "send_queue_max: expected at least twice frame_max"),
    ):
        node = world.node(config, start=False)
        node.start()
        node.expect_clean_exit = False
        assert node._popen.wait(END_S) == 78
        assert said in node.tail()
