# SPDX-License-Identifier: Apache-2.0
"""Heavy people: who has a thousand devices, a group of a thousand voices; and a client that compresses unasked. They are
served or ended, and two bystanders chat on all the while."""
import asyncio
import json
import socket
import zlib

import pytest

from chat_world import eventually, within
from storm import UPGRADE, WAIT_S, Bystanders, descriptors_of, in_batches, resident_mb_of
from surewire_client import new_cid

pytestmark = pytest.mark.usefixtures("many_descriptors")


# ---- a thousand devices ----

DEVICES = 1000
CONFIG = {"mailbox.devices_max": DEVICES}  # ten times as many as usual
DEVICE_KB = 64  # of a gateway's memory, for each device that is connected


@within
async def test_user__of_a_thousand_devices__each_gets_each_message_once(shared, gateway):
    """As many as are allowed are served, and cost others nothing."""
    node = gateway({})
    bob, alice = shared.people("bob", "alice")
    api = shared.api(node, bob)
    loop = asyncio.get_running_loop()
    devices = [f"d{number}" for number in range(DEVICES)]

    async def register(number):
        await loop.run_in_executor(None, api.register, devices[number], "apns", f"{number:064x}")

    async def connected():
        clients = [shared.client(node, bob, device) for device in devices]
        await in_batches([client.login() for client in clients])
        for text in ("one", "two", "three"):
            await a.say(bob, text)
        await asyncio.gather(*(client.count(3, WAIT_S) for client in clients))
        grown_mb = resident_mb_of(node) - resident_mb
        for client in clients:
            assert client.texts == ["one", "two", "three"]
        await in_batches([client.close() for client in clients])
        return grown_mb

    async with Bystanders(shared, shared.north) as calm:
        a = await shared.login(node, alice)
        await calm.meanwhile(in_batches([register(number) for number in range(DEVICES)]))
        user = shared.user_id(bob)
        assert shared.space.query("SELECT count(*) FROM device WHERE user_id = %s", (user,)) == [(DEVICES,)]
        descriptors, resident_mb = descriptors_of(node), resident_mb_of(node)
        grown_mb = await calm.meanwhile(connected())
        assert grown_mb < DEVICES * DEVICE_KB / 1024
        await eventually(lambda: descriptors_of(node) <= descriptors, "their descriptors are back")
        sessions = "SELECT 1 FROM session WHERE user_id = %s"
        await eventually(lambda: not shared.space.query(sessions, (user,)), "all of them are away")
        stored = await a.say(bob, "while away")
        pushed = "SELECT count(*), count(DISTINCT device) FROM delivery WHERE event = %s AND state = 'delivered'"
        await calm.meanwhile(eventually(
            lambda: shared.space.query(pushed, (stored["id"],)) == [(DEVICES, DEVICES)], "a push to each", WAIT_S))
        await a.close()


@within
async def test_user__more_devices_than_allowed__refused_until_one_is_removed(world):
    node = world.node({"mailbox.devices_max": 3})
    bob, alice = world.people("bob", "alice")
    api = world.api(node, bob)
    for number in range(2):
        api.register(f"phone{number}", "apns", f"{number:064x}")
    first = await world.login(node, bob, "desk")

    body = {"platform": "ios", "provider": "apns", "app": "org.surewire.demo", "token": "f" * 64}
    status, problem, _ = api.call("PUT", "/v1/devices/phone2", body)
    assert (status, problem["code"]) == (403, "too_many_devices")
    late = await world.client(node, bob, "tablet").open()
    await late.send_frame(late.hello_frame)
    assert await late.closed() == (4410, "too_many_devices")
    status, problem, _ = api.sync(device="tablet", wait=5)
    assert (status, problem["code"]) == (403, "too_many_devices")

    # Those that are known go on, also with another token, and none was added.
    api.register("phone1", "apns", "e" * 64)
    a = await world.login(node, alice)
    await a.say(bob, "still here")
    await first.count(1)
    names = "SELECT device FROM device WHERE user_id = %s ORDER BY 1"
    assert world.space.query(names, (world.user_id(bob),)) == [("desk",), ("phone0",), ("phone1",)]

    assert api.call("DELETE", "/v1/devices/phone0")[0] == 204
    again = await world.login(node, bob, "tablet", cursor=0)
    await again.count(1)
    assert again.texts == ["still here"]
    for client in (first, a, again):
        await client.close()


# ---- compression, which is not offered ----

FIN, RSV1, TEXT, PING, CONTINUATION = 0x80, 0x40, 1, 9, 0
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def _frame(first, payload):
    """Masked with zeros."""
    assert len(payload) < 65536
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([first]) + size + bytes(4) + payload


def _compressed(text):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _read_until(sock, end, data=b""):
    while end not in data:
        part = sock.recv(65536)
        assert part, f"ended before {end}: {data}"
        data += part
    return data


def _read_all(sock, data=b""):
    while part := sock.recv(65536):
        data += part
    return data


@pytest.mark.parametrize("said_hello", [False, True])
@pytest.mark.parametrize(
    "frames",
    [
        _frame(FIN | RSV1 | TEXT, _compressed(b'{"t":"ack","pos":"0"}')),
        _frame(FIN | RSV1 | PING, b""),
        _frame(TEXT, b'{"t":') + _frame(FIN | RSV1 | CONTINUATION, b'"ack","pos":"0"}'),
    ],
    ids=["text", "ping", "continuation"],
)
@within
async def test_compression__offered_by_a_client__not_taken_and_1002_for_its_frames(shared, frames, said_hello):
    alice, bob = shared.people("alice", "bob")
    b = await shared.login(shared.north, bob)
    closed = shared.north.metric("surewire_net_ws_closed_total", code="1002")
    with socket.create_connection(("127.0.0.1", shared.north.gateway_port), WAIT_S) as sock:
        sock.sendall(UPGRADE + DEFLATE + b"\r\n")
        head, _, rest = _read_until(sock, b"\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ") and b"extensions" not in head.lower(), head
        if said_hello:
            hello = {"t": "hello", "token": shared.token(alice), "device": "d1"}
            sock.sendall(_frame(FIN | TEXT, json.dumps(hello).encode()))
            assert b'"welcome"' in _read_until(sock, b"}", rest)
        sock.sendall(frames)
        told = _read_all(sock)
    assert told[0] == FIN | 8 and int.from_bytes(told[2:4], "big") == 1002, told
    assert shared.north.metric("surewire_net_ws_closed_total", code="1002") == closed + 1
    await b.say(alice, "as before")
    await b.close()


# ---- a thousand voices ----

MEMBERS, STRANGERS, LISTENERS = 1000, 20, 10  # a group has at most 1000: a row for each of them for each message


async def _insist(client, conv, text):
    """The answer to a message that is sent again while it is refused for the moment."""
    cid = new_cid()
    for _ in range(WAIT_S):
        client.answers.pop(cid, None)
        await client.send({"conv": conv}, text, cid)
        answer = await client.answer(cid, WAIT_S)
        if answer["t"] != "error":
            return answer
        assert answer["code"] in ("unavailable", "rate_limited"), answer
        await asyncio.sleep(answer["retry_after_ms"] / 1000)
    raise AssertionError(f"refused for {WAIT_S} s")


@within
async def test_conversation__of_a_thousand_senders__gapless_and_whole_in_every_inbox(shared):
    members, strangers = shared.crowd("voice", MEMBERS), shared.crowd("stranger", STRANGERS)
    group = {"kind": "group", "title": "many", "members": members[1:]}
    conv = shared.api(shared.north, members[0]).call("POST", "/v1/conversations", group)[1]["conv"]
    async with Bystanders(shared, shared.south) as calm:
        nodes = (shared.north, shared.south)
        # Most do not ack, so that they get a window of events and no more; some listen to all of it.
        clients = [
            shared.client(nodes[number % 2], name, auto_ack=number < LISTENERS)
            for number, name in enumerate(members + strangers)
        ]
        await in_batches([client.login() for client in clients])
        answers = await calm.meanwhile(
            asyncio.gather(*(_insist(client, conv, f"m{number}") for number, client in enumerate(clients)))
        )
        assert {answer["code"] for answer in answers[MEMBERS:]} == {"not_member"}
        assert sorted(int(answer["seq"]) for answer in answers[:MEMBERS]) == list(range(2, MEMBERS + 2))
        whole = [(1, MEMBERS + 1, MEMBERS + 1)]
        seqs = "SELECT min(seq), max(seq), count(DISTINCT seq) FROM event WHERE conv = %s"
        assert shared.space.query(seqs, (conv,)) == whole
        rows = "SELECT count(*) FROM inbox WHERE conv = %s"
        await calm.meanwhile(eventually(
            lambda: shared.space.query(rows, (conv,)) == [(MEMBERS * (MEMBERS + 1),)], "whole inboxes", WAIT_S, 1))
        # They are in no other conversation: pos and seq go together.
        each = (
            "SELECT DISTINCT min(pos), max(pos), count(DISTINCT pos) FROM inbox WHERE conv = %s AND pos = seq"
            " GROUP BY user_id"
        )
        assert shared.space.query(each, (conv,)) == whole
        for client in clients[:LISTENERS]:
            await client.count(MEMBERS + 1, WAIT_S)
            assert client.events == clients[0].events
        await in_batches([client.close() for client in clients])
