# SPDX-License-Identifier: Apache-2.0
"""Sessions over WebSocket and HTTP, seen by clients that are not ours: Python's websockets and urllib, Node's ws."""
import asyncio
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import time

import pytest

import surewire_env
from chat_world import eventually, within
from surewire_client import Api, new_cid

HERE = pathlib.Path(__file__).resolve().parent
WINDOW = 8
CONFIG = {"gateway.window": WINDOW}
APNS_TOKEN = "ab" * 32


# ---- one session ----


@within
async def test_hello__first__is_welcomed_with_what_the_client_must_know(shared):
    alice = shared.people("alice")
    client = await shared.login(shared.north, alice, "phone-1")
    welcome = client.welcome
    assert welcome["user"] == alice and welcome["device"] == "phone-1"
    assert welcome["pos"] == "0" and welcome["cursor"] == "0" and welcome["resume"] is False
    assert welcome["heartbeat_s"] == 25 and welcome["window"] == WINDOW
    await client.close()


@within
async def test_send__to_a_user__accepted_then_stored_and_delivered(shared):
    alice, bob = shared.people("alice", "bob")
    a, b = await shared.login(shared.north, alice), await shared.login(shared.north, bob)
    cid = await a.send(bob, "hello bob")
    stored = await a.stored(cid)
    assert [frame["t"] for frame in a.answers[cid]] == ["accepted", "stored"]
    event = await b.event("hello bob")
    assert event["from"] == alice and event["kind"] == "text" and event["seq"] == "1" and event["pos"] == "1"
    assert {event[k] for k in ("conv", "id")} == {stored[k] for k in ("conv", "id")}
    assert abs(time.time() - _seconds(event["at"])) < 60
    reply = await b.say({"conv": event["conv"]}, "hello alice")
    assert reply["conv"] == event["conv"] and reply["seq"] == "2"
    await a.event("hello alice")
    await a.close()
    await b.close()


def _seconds(text):
    import datetime

    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


@pytest.mark.parametrize("where", ["same", "other"])
@within
async def test_send__sender_has_another_device__it_gets_the_message_too(shared, where):
    alice, bob = shared.people("alice", "bob")
    phone = await shared.login(shared.north, alice, "phone")
    laptop = await shared.login(shared.south if where == "other" else shared.north, alice, "laptop")
    b1 = await shared.login(shared.north, bob, "b1")
    b2 = await shared.login(shared.south if where == "other" else shared.north, bob, "b2")
    for number in range(5):
        await phone.say(bob, f"from the phone {number}")
        await laptop.say(bob, f"from the laptop {number}")
    expected = [f"from the {device} {number}" for number in range(5) for device in ("phone", "laptop")]
    for client in (phone, laptop, b1, b2):
        await client.count(10)
        assert client.texts == expected
        await client.close()


@within
async def test_login__same_device_again__the_older_is_closed_with_4409(shared):
    alice, bob = shared.people("alice", "bob")
    b = await shared.login(shared.north, bob)
    older = await shared.login(shared.north, alice, "phone")
    newer = await shared.login(shared.south, alice, "phone")
    assert (await older.closed())[0] == 4409
    newest = await shared.login(shared.north, alice, "phone")
    assert (await newer.closed())[0] == 4409
    await b.say(alice, "to the newest")
    await newest.event("to the newest")
    for client in (older, newer, newest, b):
        await client.close()


@within
async def test_frames__unknown_fields__are_ignored(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice, colour="blue", nested={"a": [1, {"b": None}]})
    b = await shared.login(shared.north, bob)
    await a.say(bob, "with more", future={"x": [1, 2]}, urgency=None)
    event = await b.event("with more")
    assert "future" not in event and "urgency" not in event
    await b.send_frame({"t": "ack", "pos": event["pos"], "colour": "red"})
    await b.send_frame({"t": "presence", "state": "away", "colour": "red"})
    await a.say(bob, "still there")
    await b.event("still there")
    assert not a.errors and not b.errors
    await a.close()
    await b.close()


@within
async def test_body__of_any_kind_and_text__arrives_as_it_was_sent(shared):
    alice, bob = shared.people("alice", "bob")
    a, b = await shared.login(shared.north, alice), await shared.login(shared.south, bob)
    body = {"text": "grüße 😀 \u0001 \"\\ \u2028", "n": -1.5, "list": [True, None, {"deep": ""}], "big": 2**53 - 1}
    cid = new_cid()
    await a.send_frame({"t": "send", "cid": cid, "to": {"user": bob}, "kind": "note.v1", "body": body})
    await a.stored(cid)
    await b.count(1)
    assert b.events[0]["body"] == body and b.events[0]["kind"] == "note.v1"
    # And from the store as it was live.
    again = await shared.login(shared.south, bob, "other", cursor=0)
    await again.count(1)
    assert again.events[0] == b.events[0]
    for client in (a, b, again):
        await client.close()


@within
async def test_ack__past_what_was_sent__is_an_error_and_moves_nothing(shared):
    alice, bob = shared.people("alice", "bob")
    a, b = await shared.login(shared.north, alice), await shared.login(shared.north, bob, auto_ack=False)
    await a.say(bob, "one")
    await b.event("one")
    await b.ack(1000)
    assert "pos" in (await b.error("bad_frame"))["message"]
    await b.close()
    b = await shared.login(shared.north, bob)
    await b.event("one")
    await a.close()
    await b.close()


# ---- flow control ----


@pytest.mark.parametrize("offline_first", [False, True])
@within
async def test_window__client_does_not_ack__gets_so_many_and_the_rest_as_it_acks(shared, offline_first):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    b = None if offline_first else await shared.login(shared.south, bob, auto_ack=False)
    texts = [f"m{number}" for number in range(3 * WINDOW + 3)]
    for text in texts:
        await a.say(bob, text)
    b = b or await shared.login(shared.south, bob, auto_ack=False)
    await b.count(WINDOW)
    await b.quiet(1.5)
    assert b.texts == texts[:WINDOW]
    await b.ack(3)
    await b.count(WINDOW + 3)
    await b.quiet(0.5)
    assert b.texts == texts[: WINDOW + 3]
    b.auto_ack = True
    await b.ack(b.pos)
    await b.count(len(texts))
    assert b.texts == texts
    await a.close()
    await b.close()


@within
async def test_window__more_unanswered_sends__are_refused_with_window_full(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    cids = [await a.send(bob, f"m{number}") for number in range(20 * WINDOW)]
    answers = [await a.answer(cid) for cid in cids]
    stored = [answer for answer in answers if answer["t"] == "stored"]
    refused = [answer for answer in answers if answer["t"] == "error"]
    assert {answer["code"] for answer in refused} == {"window_full"}
    assert len(stored) >= WINDOW and len(stored) + len(refused) == len(cids)
    kept = [f"m{cids.index(answer['cid'])}" for answer in answers if answer["t"] == "stored"]
    await a.count(len(kept))
    assert a.texts == kept
    await a.close()


# ---- presence, seen from outside: whose ack counts is in test_half_open ----


@within
async def test_presence__unknown_state__is_an_error(shared):
    a = await shared.login(shared.north, shared.people("alice"))
    await a.send_frame({"t": "presence", "state": "asleep"})
    assert "away" in (await a.error("bad_frame"))["message"]
    await a.close()


@within
async def test_presence__away_and_back__is_stored_for_the_session(shared):
    alice = shared.people("alice")
    a = await shared.login(shared.north, alice, state="away")

    def active():
        return shared.space.query("SELECT active FROM session WHERE user_id = %s", (shared.user_id(alice),))

    await eventually(lambda: active() == [(False,)], "away from hello on")
    await a.send_frame({"t": "presence", "state": "active"})
    await eventually(lambda: active() == [(True,)], "active")
    await a.send_frame({"t": "presence", "state": "away"})
    await eventually(lambda: active() == [(False,)], "away")
    await a.close()
    await eventually(lambda: active() == [], "the session is gone")


# ---- TLS ----


@within
async def test_tls__whole_session__as_without(world):
    keys = world.deployment.keys / "tls"
    (port,) = surewire_env.free_ports(1)
    node = world.node(
        {
            "gateway.tls_listen": f"127.0.0.1:{port}",
            "gateway.tls_cert": keys / "server.pem",
            "gateway.tls_key": keys / "server.key",
        }
    )
    context = ssl.create_default_context(cafile=str(world.deployment.ca_file))
    alice, bob = world.people("alice", "bob")
    a = await world.client(f"wss://localhost:{port}/v1/ws", alice).login(ssl=context)
    b = await world.login(node, bob)
    big = "x" * 50000
    await a.say(bob, big)
    await b.event(big)
    await b.say(alice, big + "!")
    await a.event(big + "!")
    status, answer, _ = Api(f"https://localhost:{port}", world.token(alice), context).sync()
    assert status == 200 and len(answer["events"]) == 2
    with pytest.raises(ssl.SSLCertVerificationError):
        await world.client(f"wss://localhost:{port}/v1/ws", alice).open(ssl=ssl.create_default_context())
    await a.close()
    await b.close()


# ---- HTTP ----


def test_http_send__to_a_user__201_with_the_stored_message(shared):
    alice, bob = shared.people("alice", "bob")
    cid = new_cid()
    status, answer, _ = shared.api(shared.north, alice).send(bob, "by http", cid)
    assert status == 201 and answer["cid"] == cid and answer["state"] == "stored" and answer["seq"] == "1"
    status, synced, _ = shared.api(shared.south, bob).sync()
    assert status == 200 and synced["cursor"] == "1"
    (event,) = synced["events"]
    assert event["body"] == {"text": "by http"} and event["from"] == alice and event["id"] == answer["id"]


def test_http_sync__many__in_pages(shared):
    alice, bob = shared.people("alice", "bob")
    api = shared.api(shared.north, alice)
    for number in range(130):
        assert api.send(bob, f"m{number}")[0] == 201
    events, cursor = [], "0"
    while True:
        status, page, _ = shared.api(shared.south, bob).sync(cursor)
        assert status == 200
        if not page["events"]:
            assert page["cursor"] == cursor
            break
        events += page["events"]
        cursor = page["cursor"]
        assert cursor == events[-1]["pos"]
    assert [event["body"]["text"] for event in events] == [f"m{number}" for number in range(130)]
    assert [int(event["pos"]) for event in events] == list(range(1, 131))


@within
async def test_http_long_poll__message_comes__is_woken_by_it(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    loop = asyncio.get_running_loop()
    cursor = "0"
    for number in range(8):
        begun = time.monotonic()
        poll = loop.run_in_executor(
            None, lambda at=cursor: shared.api(shared.south, bob).sync(at, wait=25, device="poller")
        )
        await asyncio.sleep(0.4 if number % 2 else 0.01 * number)
        await a.say(bob, f"wake up {number}")
        status, answer, _ = await poll
        assert status == 200 and [e["body"]["text"] for e in answer["events"]] == [f"wake up {number}"]
        assert time.monotonic() - begun < 20, "it waited for its end instead of being woken"
        cursor = answer["cursor"]
    await a.close()


def test_http_long_poll__nothing_comes__empty_after_the_wait(shared):
    status, answer, _ = shared.api(shared.north, shared.people("alice")).sync(0, wait=1, device="poller")
    assert status == 200 and answer == {"cursor": "0", "events": []}


@within
async def test_http_create__direct__the_conversation_of_the_two(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    body = {"kind": "direct", "user": bob}
    status, first, _ = shared.api(shared.north, alice).call("POST", "/v1/conversations", body)
    assert status == 201, first
    status, second, _ = shared.api(shared.south, bob).call("POST", "/v1/conversations", {**body, "user": alice})
    assert status == 201 and second["conv"] == first["conv"]
    assert (await a.say(bob, "in it"))["conv"] == first["conv"]
    await a.close()


@within
async def test_http_create__group__members_see_it_and_may_write(shared):
    alice, bob, carol, dave = shared.people("alice", "bob", "carol", "dave")
    clients = {name: await shared.login(shared.south, name) for name in (bob, carol, dave)}
    body = {"kind": "group", "title": "Tea", "members": [bob, carol]}
    status, made, _ = shared.api(shared.north, alice).call("POST", "/v1/conversations", body)
    assert status == 201, made
    for name in (bob, carol):
        await clients[name].count(1)
        event = clients[name].events[0]
        assert event["kind"] == "created" and event["conv"] == made["conv"] and event["body"]["title"] == "Tea"
    await clients[bob].say({"conv": made["conv"]}, "to all")
    event = await clients[carol].event("to all")
    assert event["seq"] == "2" and event["from"] == bob
    status, answer, _ = shared.api(shared.north, alice).sync()
    assert [e["seq"] for e in answer["events"]] == ["1", "2"]
    rejected = await clients[dave].answer(await clients[dave].send({"conv": made["conv"]}, "let me in"))
    assert rejected["t"] == "rejected" and rejected["code"] == "not_member"
    await clients[dave].quiet(0.3)
    assert not clients[dave].events
    for client in clients.values():
        await client.close()


def test_http_device__registered_and_dropped__as_the_store_says(shared):
    alice = shared.people("alice")
    api = shared.api(shared.north, alice)

    def rows():
        sql = "SELECT provider, token FROM device WHERE user_id = %s AND device = 'iphone'"
        return shared.space.query(sql, (shared.user_id(alice),))

    api.register("iphone", "apns", APNS_TOKEN)
    assert rows() == [("apns", APNS_TOKEN)]
    api.register("iphone", "apns", "cd" * 32)
    assert rows() == [("apns", "cd" * 32)]
    assert api.call("DELETE", "/v1/devices/iphone")[0] == 204
    assert rows() == []


@within
async def test_http_ack__moves_the_cursor_of_the_device(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    b = await shared.login(shared.north, bob, "tablet", auto_ack=False)
    for number in range(3):
        await a.say(bob, f"m{number}")
    await b.count(3)
    await b.close()
    status, answer, _ = shared.api(shared.south, bob).call("POST", "/v1/ack", {"device": "tablet", "pos": "2"})
    assert status == 202, answer

    def cursor():
        sql = "SELECT cursor FROM device WHERE user_id = %s AND device = 'tablet'"
        return shared.space.query(sql, (shared.user_id(bob),)) == [(2,)]

    await eventually(cursor, "the cursor of the tablet is 2")
    b = await shared.login(shared.south, bob, "tablet")
    assert b.welcome["cursor"] == "2" and b.welcome["resume"] is True
    await b.count(1)
    assert b.texts == ["m2"]
    await a.close()
    await b.close()


@pytest.mark.parametrize(
    "method, path, body, status, code",
    [
        ("GET", "/nowhere", None, 404, "not_found"),
        ("GET", "/v1/messages", None, 405, "method_not_allowed"),
        ("POST", "/v1/messages", b"[1]", 400, "bad_json"),
        ("POST", "/v1/messages", b"{", 400, "bad_json"),
        ("POST", "/v1/messages", {"cid": "x", "to": {"user": "bob"}, "body": {"text": "t"}}, 400, "bad_frame"),
        ("POST", "/v1/messages", {"cid": new_cid(), "to": {"user": "no.body"}, "body": {"text": "t"}}, 404, "unknown_user"),
        ("POST", "/v1/messages", {"cid": new_cid(), "to": {"user": "x"}, "body": {"text": ""}}, 400, "empty_body"),
        ("POST", "/v1/messages", {"cid": new_cid(), "to": {"user": "x"}, "body": {"text": "t" * 70000}}, 413, "too_large"),
        ("POST", "/v1/messages", b" " * 200000, 413, None),
        ("POST", "/v1/messages", {"cid": new_cid(), "to": {"conv": "64"}, "body": {"text": "t"}}, 403, "not_member"),
        ("POST", "/v1/conversations", {"kind": "group"}, 400, "bad_frame"),
        ("POST", "/v1/conversations", {"kind": "direct", "user": "no.body"}, 404, "unknown_user"),
        ("GET", "/v1/sync?cursor=x", None, 400, "bad_frame"),
        ("GET", "/v1/sync?wait=99999&device=d", None, 400, "bad_frame"),
        ("PUT", "/v1/devices/%2F", {"provider": "apns"}, 400, "bad_frame"),
        ("PUT", "/v1/devices/d", {"provider": "nobody", "token": "t"}, 400, "bad_frame"),
        ("PUT", "/v1/devices/d", {"provider": "apns", "token": "not hex"}, 400, "bad_frame"),
        ("POST", "/v1/ack", {"device": "d", "pos": "-1"}, 400, "bad_frame"),
    ],
)
def test_http__bad_request__a_problem_document_says_what_was_expected(shared, method, path, body, status, code):
    alice = shared.people("alice")
    got, problem, headers = shared.api(shared.north, alice).call(method, path, body)
    assert got == status, problem
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status and problem["title"]
    assert code is None or problem["code"] == code, problem
    assert shared.inbox(alice) == []


def test_http__no_or_bad_token__401(shared):
    for token in (None, "x", "a.b.c"):
        status, problem, headers = Api(shared.north.url, token).sync()
        assert status == 401 and problem["code"] == "unauthorized" and headers["WWW-Authenticate"] == "Bearer"
    status, problem, _ = shared.api(shared.north, "nobody.at.all").sync()
    assert status == 403, problem


# ---- Node's ws ----


@within
async def test_node_ws__whole_session__as_with_python(shared, tmp_path):
    folder = tmp_path / "node"
    shutil.copytree(HERE / "node", folder)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, timeout=120)
    alice, bob = shared.people("alice", "bob")
    b = await shared.login(shared.south, bob)
    env = dict(os.environ, WS_URL=shared.north.ws, TOKEN=shared.token(alice), PEER=bob)
    process = await asyncio.create_subprocess_exec(
        "node", "session.js", cwd=folder, env=env, stdout=asyncio.subprocess.PIPE
    )
    await b.event("hello from node")
    await b.say(alice, "hello from python")
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    frames = [json.loads(line) for line in output.decode().splitlines()]
    assert process.returncode == 0, frames
    kinds = [frame["t"] for frame in frames]
    assert kinds[0] == "welcome" and kinds.index("accepted") < kinds.index("stored")
    texts = [e["body"]["text"] for frame in frames if frame["t"] == "events" for e in frame["events"]]
    assert texts == ["hello from node", "hello from python"]
    await b.close()
