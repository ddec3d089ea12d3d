# SPDX-License-Identifier: Apache-2.0
"""What strangers and broken clients send: refused with a code and a reason, and nobody else notices."""
import asyncio
import base64
import hashlib
import hmac
import json
import signal
import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import surewire_client
import surewire_env
from chat_world import eventually, within
from surewire_client import Client, new_cid

BODY_MAX, FRAME_MAX, QUEUE_MAX = 4096, 16384, 65536
CONFIG = {
    "gateway.body_max": "4k",
    "gateway.frame_max": "16k",
    "gateway.send_queue_max": "64k",
    "gateway.group_members_max": 20,
}
RSA_KID = "rsa-test"


def _b64(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def rsa_key(module_world):
    """A public key that the gateways know, put in place as an operator would: file and SIGHUP. The private one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (module_world.deployment.keys / "client" / f"{RSA_KID}.RS256.pem").write_bytes(public)
    for node in (module_world.north, module_world.south):
        node.signal(signal.SIGHUP)
    return key, public


def _claims(user, **more):
    now = int(time.time())
    return {"sub": user, "iss": surewire_client.ISSUER, "aud": surewire_client.AUDIENCE, "iat": now, "exp": now + 600, **more}


def _hs256(secret, header, claims):
    """By hand: PyJWT refuses to sign with a public key."""
    signed = f"{_b64(header)}.{_b64(claims)}"
    return f"{signed}.{_b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


BAD_TOKENS = {
    "expired": lambda w, user, key: w.token(user, exp=int(time.time()) - 3600, iat=int(time.time()) - 7200),
    "not yet valid": lambda w, user, key: w.token(user, nbf=int(time.time()) + 3600),
    "other audience": lambda w, user, key: w.token(user, aud="elsewhere"),
    "other issuer": lambda w, user, key: w.token(user, iss="somebody"),
    "no expiry": lambda w, user, key: w.token(user, exp=None),
    "no subject": lambda w, user, key: w.token(user, sub=None),
    "alg none": lambda w, user, key: f"{_b64({'alg': 'none', 'kid': 'dev'})}.{_b64(_claims(user))}.",
    "alg none with signature": lambda w, user, key: f"{_b64({'alg': 'none', 'kid': 'dev'})}.{_b64(_claims(user))}.{_b64(b'x' * 32)}",
    "HS256 by the public key": lambda w, user, key: _hs256(key[1], {"alg": "HS256", "kid": RSA_KID}, _claims(user)),
    "unknown kid": lambda w, user, key: jwt.encode(
        _claims(user), surewire_client.dev_secret(w.deployment), "HS256", {"kid": "nobody"}
    ),
    "other secret": lambda w, user, key: jwt.encode(_claims(user), "s" * 32, "HS256", {"kid": "dev"}),
    "cut short": lambda w, user, key: w.token(user)[:-8],
    "cut to two parts": lambda w, user, key: w.token(user).rpartition(".")[0],
    "claims changed": lambda w, user, key: ".".join(
        [w.token(user).split(".")[0], _b64(_claims("root")), w.token(user).split(".")[2]]
    ),
    "not a token": lambda w, user, key: "Sw0rdfish.Sw0rdfish.Sw0rdfish",
    "huge": lambda w, user, key: "A" * 10000,
}


@pytest.mark.parametrize("name", BAD_TOKENS)
@within
async def test_token__bad__4401_with_a_reason_and_not_logged(shared, rsa_key, name):
    alice = shared.people("alice")
    token = BAD_TOKENS[name](shared, alice, rsa_key)
    client = await Client(shared.north.ws, token).open()
    await client.send_frame(client.hello_frame)
    code, reason = await client.closed()
    assert code == 4401 and len(reason) > 8, (code, reason)
    assert client.frames == []
    status, problem, _ = surewire_client.Api(shared.north.url, token).sync()
    if name == "huge":
        assert status == 431, "a head of such a size is no longer read"
    else:
        assert status == 401 and problem["code"] == "unauthorized" and problem["detail"]
    log = shared.north.log.read_text()
    assert "auth_failed" in log
    for part in [token, *token.split(".")[1:]]:
        assert len(part) < 8 or part[:40] not in log
        assert len(part) < 8 or part[:40] not in reason


@within
async def test_token__signed_with_rsa__is_taken(shared, rsa_key):
    """So that the forged one above was refused for its algorithm."""
    alice = shared.people("alice")
    token = jwt.encode(_claims(alice), rsa_key[0], "RS256", {"kid": RSA_KID})

    async def try_login():
        client = await Client(shared.north.ws, token).open()
        await client.send_frame(client.hello_frame)
        await client.until(lambda: client.welcome, "welcome")
        return client

    await (await try_login()).close()


@within
async def test_token__of_another_device_or_of_nobody__is_refused(shared):
    alice = shared.people("alice")
    for token, device, code in (
        (shared.token(alice, device="phone"), "laptop", 4401),
        (shared.token("nobody.at.all"), "laptop", 4403),
    ):
        client = await Client(shared.north.ws, token, device).open()
        await client.send_frame(client.hello_frame)
        assert (await client.closed())[0] == code
    client = await Client(shared.north.ws, shared.token(alice, device="phone"), "phone").login()
    await client.close()


# ---- sends ----


def _send(to, body=None, **more):
    return {"t": "send", "cid": new_cid(), "to": to, "body": {"text": "t"} if body is None else body, **more}


@pytest.mark.parametrize(
    "change, code",
    [
        ({"to": {"user": "SELF"}}, "to_self"),
        ({"to": {"user": "no.such.user"}}, "unknown_user"),
        ({"to": {"user": "Not A Name"}}, "unknown_user"),
        ({"to": {"user": ""}}, "bad_frame"),
        ({"to": {}}, "bad_frame"),
        ({"to": "bob"}, "bad_frame"),
        ({"to": None}, "bad_frame"),
        ({"to": {"user": "bob", "conv": "1"}}, "bad_frame"),
        ({"to": {"conv": "x"}}, "bad_frame"),
        ({"to": {"conv": "-5"}}, "bad_frame"),
        ({"to": {"conv": "99999999999999999999999"}}, "bad_frame"),
        ({"body": {}}, "empty_body"),
        ({"body": {"text": ""}}, "empty_body"),
        ({"body": None}, "bad_frame"),
        ({"body": "text"}, "bad_frame"),
        ({"body": {"text": "x" * BODY_MAX}}, "too_large"),
        ({"cid": "7"}, "bad_frame"),
        ({"cid": 7}, "bad_frame"),
        ({"cid": "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"}, "bad_frame"),
        ({"kind": "created"}, "bad_frame"),
        ({"kind": "Ünkind"}, "bad_frame"),
        ({"kind": "k" * 33}, "bad_frame"),
        ({"alert": "loud"}, "bad_frame"),
        ({"t": "shout"}, "unknown_type"),
        ({"t": 5}, "bad_frame"),
    ],
)
@within
async def test_send__bad__an_error_and_the_session_goes_on(shared, change, code):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    frame = _send({"user": bob})
    frame.update(json.loads(json.dumps(change).replace("SELF", alice)))
    await a.send_frame(frame)
    error = await a.error(code)
    assert len(error["message"]) > 8
    if frame["t"] == "send" and isinstance(frame["cid"], str):
        assert error["cid"] == frame["cid"]
    assert not any(answer["t"] == "accepted" for answers in a.answers.values() for answer in answers)
    await a.say(bob, "still there")
    shared.check_inbox(bob, ["still there"])
    await a.close()


@within
async def test_send__to_a_conversation_of_others_or_none__rejected(shared):
    alice, bob, eve = shared.people("alice", "bob", "eve")
    a, e = await shared.login(shared.north, alice), await shared.login(shared.south, eve)
    conv = (await a.say(bob, "between us"))["conv"]
    for target in (conv, "64", str(2**62)):
        answer = await e.answer(await e.send({"conv": target}, "let me in"))
        assert answer["t"] == "rejected" and answer["code"] == "not_member" and answer["message"]
    shared.check_inbox(bob, ["between us"])
    await a.close()
    await e.close()


# ---- frames ----


@pytest.mark.parametrize(
    "frame, codes",
    [
        ("hello", {4400}),
        ("", {4400}),
        ("[]", {4400}),
        ('"text"', {4400}),
        ('{"t":"send"', {4400}),
        ('{"t":"ack","pos":"1"} {}', {4400}),
        ("[" * 8000, {4400}),
        ('{"a":' * 3000, {4400}),
        ('{"t":"ack","pos":"1","t":"ack"}', {4400}),
        (b'{"t":"ack","pos":"1"}', {1003}),
        ("x" * (FRAME_MAX + 1), {1009}),
    ],
)
@within
async def test_frame__not_one__closes_the_session_and_no_other(shared, frame, codes):
    alice, bob = shared.people("alice", "bob")
    a, b = await shared.login(shared.north, alice), await shared.login(shared.north, bob)
    await a.send_frame(frame)
    code, reason = await a.closed()
    assert code in codes, (code, reason)
    again = await shared.login(shared.north, alice)
    await again.say(bob, "as before")
    await b.event("as before")
    await again.close()
    await b.close()


@within
async def test_frame__ten_thousand_deep_in_a_body__closes(world):
    """Below the limit of a frame's size, so that it is the depth that is refused; and the process lives."""
    node = world.node({"gateway.frame_max": "1m", "gateway.send_queue_max": "2m"})
    alice, bob = world.people("alice", "bob")
    deep = "[" * 10000 + "]" * 10000
    a = await world.login(node, alice)
    await a.send_frame(
        f'{{"t":"send","cid":"{new_cid()}","to":{{"user":"{bob}"}},"body":{{"text":"t","deep":{deep}}}}}'
    )
    assert (await a.closed())[0] == 4400
    status, problem, _ = world.api(node, alice).call("POST", "/v1/messages", f'{{"body":{deep}}}'.encode())
    assert status == 400 and problem["code"] == "bad_json"
    a = await world.login(node, alice)
    await a.say(bob, "alive")
    await a.close()


@pytest.mark.parametrize(
    "frame, code",
    [
        ({"t": "ack", "pos": "1"}, 4401),
        ({"t": "presence", "state": "away"}, 4401),
        (_send({"user": "bob"}), 4401),
        ({"t": "hello"}, 4400),
        ({"t": "hello", "token": "x"}, 4400),
        ({"t": "hello", "token": "x", "device": "d", "cursor": "-1"}, 4400),
        ({"t": "nonsense"}, 4400),
        ("no json", 4400),
    ],
)
@within
async def test_before_hello__anything_else__closes(shared, frame, code):
    client = await Client(shared.north.ws, "").open()
    await client.send_frame(frame)
    got, reason = await client.closed()
    assert got == code and reason
    assert client.frames == []


@within
async def test_hello__device_without_a_good_name__closes(shared):
    alice = shared.people("alice")
    for device in ("a b", "ü", "x" * 65):
        client = await Client(shared.north.ws, shared.token(alice), device).open()
        await client.send_frame(client.hello_frame)
        assert (await client.closed())[0] == 4400


@within
async def test_hello__twice__an_error(shared):
    a = await shared.login(shared.north, shared.people("alice"))
    await a.send_frame(a.hello_frame)
    assert "once" in (await a.error("bad_frame"))["message"]
    await a.close()


@within
async def test_hello__never__closed_with_4408(world):
    node = world.node({"gateway.hello_timeout": "1s"})
    client = await Client(node.ws, "").open()
    code, reason = await client.closed()
    assert code == 4408 and reason


# ---- too fast, too slow ----


@within
async def test_rate__of_a_user__refused_with_a_hint_and_others_go_on(world):
    node = world.node({"gateway.rate_user_burst": 10, "gateway.rate_user_per_s": 2})
    alice, bob = world.people("alice", "bob")
    a, b = await world.login(node, alice), await world.login(node, bob)
    cids = [await a.send(bob, f"m{number}") for number in range(30)]
    answers = [await a.answer(cid) for cid in cids]
    refused = [answer for answer in answers if answer["t"] == "error"]
    assert {answer["code"] for answer in refused} == {"rate_limited"}
    assert all(answer["retry_after_ms"] > 0 for answer in refused)
    stored = [answer for answer in answers if answer["t"] == "stored"]
    assert len(stored) >= 10 and refused
    await b.say(alice, "not concerned")
    status, problem, headers = world.api(node, alice).send(bob, "by http")
    if status != 201:
        assert status == 429 and problem["code"] == "rate_limited" and int(headers["Retry-After"]) > 0
    # And it may again after the hint.
    await asyncio.sleep(refused[-1]["retry_after_ms"] / 1000)
    await a.say(bob, "later")
    await a.close()
    await b.close()


@within
async def test_rate__of_an_address__further_connections_are_refused(world):
    node = world.node({"gateway.rate_address_burst": 20, "gateway.rate_address_per_s": 1})
    alice = world.people("alice")
    a = await world.login(node, alice)
    statuses = []
    for _ in range(40):
        try:
            statuses.append(world.api(node, alice).sync()[0])
        except OSError:
            statuses.append(None)
    assert 200 in statuses and statuses[-1] != 200
    await a.close()


def _raw_session(world, node, user, receive_buffer):
    """A socket that said hello and then reads no more."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(("127.0.0.1", node.gateway_port))
    sock.sendall(
        b"GET /v1/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: surewire.v1\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    hello = json.dumps({"t": "hello", "token": world.token(user), "device": "slow"}).encode()
    sock.sendall(bytes([0x81, 0x80 | 126]) + len(hello).to_bytes(2, "big") + bytes(4) + hello)
    seen = b""
    while b"welcome" not in seen:
        seen += sock.recv(4096)
    return sock


def _slow_closed(node):
    return node.metric("surewire_gateway_slow_readers_total") >= 1


@within
async def test_slow_reader__is_closed_resumes_and_others_are_unharmed(world):
    """One that has not read for some twenty seconds; meanwhile its events wait in the store, not in memory."""
    node = world.node({"gateway.window": 4000, **CONFIG})
    alice, bob, carol = world.people("alice", "bob", "carol")
    slow = _raw_session(world, node, bob, 4096)
    a, c = await world.login(node, alice), await world.login(node, carol)
    group = {"kind": "group", "title": "g", "members": [bob, carol]}
    conv = world.api(node, alice).call("POST", "/v1/conversations", group)[1]["conv"]
    loop = asyncio.get_running_loop()
    number = 0
    while number < 1200:  # some 5 MB: far past what the kernel takes for it
        await asyncio.gather(*(_say_big(a, conv, number + part) for part in range(20)))
        number += 20
    deadline = time.monotonic() + 90
    while not await loop.run_in_executor(None, _slow_closed, node):
        assert time.monotonic() < deadline, "unread for 90 s and still open"
        await asyncio.gather(*(_say_big(a, conv, number + part) for part in range(5)))
        number += 5
        await asyncio.sleep(1)
    await c.count(number + 1, 90)
    assert sorted(e["body"]["n"] for e in c.events[1:]) == list(range(number))
    slow.close()
    # All of it is there for the one who was too slow, though it is far more than what may be queued at once.
    b = await world.login(node, bob, "slow", cursor=0)
    await b.count(number + 1, 120)
    assert [e["body"] for e in b.events] == [e["body"] for e in c.events]
    for client in (a, b, c):
        await client.close()


async def _say_big(client, conv, number):
    cid = new_cid()
    body = {"text": "x" * 4000, "n": number}
    await client.send_frame({"t": "send", "cid": cid, "to": {"conv": conv}, "body": body})
    await client.stored(cid, 90)


@within
async def test_resume__more_than_the_queue_takes_at_once__arrives_whole(shared):
    """Whoever was away long is not closed as a slow reader for it."""
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    texts = [f"{number} ".ljust(BODY_MAX - 100, "x") for number in range(64)]
    assert sum(map(len, texts)) > 3 * QUEUE_MAX
    for text in texts:
        await a.say(bob, text)
    b = await shared.login(shared.south, bob, cursor=0)
    await b.count(len(texts))
    assert b.texts == texts
    await a.close()
    await b.close()


@within
async def test_frames__many_before_the_welcome__are_answered_in_order(shared):
    """A client need not wait for welcome; the socket is not read meanwhile, and nobody is closed for it."""
    alice, bob = shared.people("alice", "bob")
    a = await shared.client(shared.north, alice).open()
    await a.send_frame(a.hello_frame)
    cids = [await a.send(bob, f"m{number}") for number in range(400)]
    kinds = [(await a.answer(cid))["t"] for cid in cids]
    kept = [f"m{number}" for number, kind in enumerate(kinds) if kind == "stored"]
    assert len(kept) >= 64 and set(kinds) <= {"stored", "error"}
    assert {error["code"] for error in a.errors} <= {"window_full"}
    await a.count(len(kept))
    assert a.texts == kept
    await a.close()


@within
async def test_group__larger_than_allowed__refused_and_as_large_as_allowed_made(shared):
    names = shared.crowd("many", CONFIG["gateway.group_members_max"] + 1)
    api = shared.api(shared.north, names[0])
    group = {"kind": "group", "title": "many", "members": names[1:]}
    status, problem, _ = api.call("POST", "/v1/conversations", group)
    assert (status, problem["code"]) == (400, "bad_frame") and "1 to 19 names" in problem["detail"]
    assert api.call("POST", "/v1/conversations", {**group, "members": names[1:-1]})[0] == 201


@within
async def test_connections__past_the_limit__refused_and_served_again_later(world):
    node = world.node({"gateway.connections_max": 8, "gateway.threads": 3})
    alice = world.people("alice")
    sockets = [socket.create_connection(("127.0.0.1", node.gateway_port)) for _ in range(12)]
    # The kernel has connected them; each of the three loops accepts its own when it gets to run.
    await eventually(lambda: node.metric("surewire_net_refused_total", reason="limit") >= 4, "four refused")

    for _ in range(5):
        assert surewire_env.http_status(node.url + "/healthz") in (503, None)
    for sock in sockets:
        sock.close()
    await eventually(lambda: surewire_env.http_status(node.url + "/healthz") == 200, "served again")
    a = await world.login(node, alice)
    await a.close()
