# SPDX-License-Identifier: Apache-2.0
"""Python's websockets as a client, and the rows of the handshake table."""
import asyncio

import pytest
import websockets

from net_echo import Server, frame, open_raw, read_all, read_frame, read_until, upgrade_request


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.stop()


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def connect(server, **options):
    options.setdefault("subprotocols", ["other", "surewire.v1"])
    return websockets.connect("ws://127.0.0.1:%d/v1/ws" % server.port, max_size=None, **options)


def test_messages_of_every_length_class_come_back(server):
    async def talk():
        async with connect(server) as ws:
            assert ws.subprotocol == "surewire.v1" and not ws.extensions
            for length in (0, 1, 125, 126, 127, 4000, 65535, 65536):
                await ws.send("é" * (length // 2) + "x" * (length % 2))
                assert await ws.recv() == "é" * (length // 2) + "x" * (length % 2)
    run(talk())
    server.wait_closed("closed 1000 ")


def test_fragments_are_joined(server):
    async def talk():
        async with connect(server) as ws:
            await ws.send(["one ", "two ", "", "three"])
            assert await ws.recv() == "one two three"
    run(talk())


def test_ping_is_answered(server):
    async def talk():
        async with connect(server) as ws:
            for payload in (b"", b"abc", b"z" * 125):
                await (await ws.ping(payload))
    run(talk())


def test_many_at_once(server):
    async def one(i):
        async with connect(server, open_timeout=60) as ws:
            for j in range(20):
                await ws.send("%d %d" % (i, j))
            assert [await ws.recv() for _ in range(20)] == ["%d %d" % (i, j) for j in range(20)]

    async def all_of_them():
        await asyncio.gather(*(one(i) for i in range(100)))
    run(all_of_them())


def test_the_server_closes_with_code_and_reason(server):
    async def talk():
        async with connect(server) as ws:
            await ws.send("close:4001")
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await ws.recv()
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")
    run(talk())
    server.wait_closed("closed 4001 ")


def test_the_client_closes_with_code_and_reason(server):
    async def talk():
        ws = await connect(server)
        await ws.close(3999, "tschüß")
        assert ws.close_code == 3999
    run(talk())
    server.wait_closed("closed 3999 tschüß")


def test_a_lost_connection_is_1006(server):
    open_raw(server).close()
    server.wait_closed("closed 1006 ")


def test_a_reader_that_is_only_slow_gets_everything(server):
    async def talk():
        async with connect(server) as ws:
            await ws.send("flood:900")
            await ws.send("end")
            await asyncio.sleep(0.2)
            assert [len(await ws.recv()) for _ in range(900)] == [1024] * 900
            assert await ws.recv() == "end"
    run(talk())


def test_frames_behind_the_request_are_not_lost(server):
    with open_raw(server, frame(1, b"early") + frame(1, b"bird")) as sock:
        assert [read_frame(sock), read_frame(sock)] == [(1, b"early"), (1, b"bird")]


def test_an_upgrade_may_follow_requests(server):
    with server.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi" + upgrade_request() + frame(1, b"x"))
        data = b""
        while not data.endswith(b"\x81\x01x"):
            data += sock.recv(4096)
        assert b"hiHTTP/1.1 101 Switching Protocols\r\n" in data


def test_an_upgrade_may_be_answered_later(server):
    early = b"".join(frame(1, b"%d" % i * 1000) for i in range(30))
    with server.connect() as sock:
        sock.sendall(upgrade_request("/v1/later") + early)
        head = read_until(sock, b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        data = head.partition(b"\r\n\r\n")[2]
        want = sum(len(b"%d" % i * 1000) + 4 for i in range(30))
        while len(data) < want:
            data += sock.recv(65536)
        assert len(data) == want and data.endswith(b"29" * 1000)


def test_a_client_that_goes_before_its_upgrade_is_answered(server):
    with server.connect() as sock:
        sock.sendall(upgrade_request("/v1/later"))
    with server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert read_all(sock).endswith(b"late")


def test_closes_are_counted_by_code(server):
    with open_raw(server) as sock:
        sock.sendall(frame(8, b"\x03\xf3"))
        read_all(sock)
    with server.connect() as sock:
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        text = read_all(sock).decode()
    assert '\nsurewire_net_ws_closed_total{code="1011"} 1\n' in text
    assert "\nsurewire_net_http_answers_total{class=\"1xx\"} " in text


@pytest.mark.parametrize("status,change", [
    (426, {"Upgrade": None}),
    (426, {"Upgrade": "h2c"}),
    (426, {"Connection": "keep-alive"}),
    (426, {"Sec_WebSocket_Version": "8"}),
    (426, {"Sec_WebSocket_Version": None}),
    (400, {"Sec_WebSocket_Key": None}),
    (400, {"Sec_WebSocket_Key": "c2hvcnQ="}),
    (400, {"Sec_WebSocket_Key": "!" * 22 + "=="}),
    (400, {"Sec_WebSocket_Protocol": None}),
    (400, {"Sec_WebSocket_Protocol": "surewire.v2, chat"}),
    (400, {"Content_Length": "5"}),
    (403, {"Origin": "https://evil.example"}),
])
def test_handshakes_that_are_refused(server, status, change):
    with server.connect() as sock:
        sock.sendall(upgrade_request(**change) + b"12345")
        sock.shutdown(1)
        head = read_all(sock).split(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert (b"Sec-WebSocket-Version: 13" in head) == (status == 426)


def test_an_allowed_origin_and_a_mixed_case_upgrade(server):
    with server.connect() as sock:
        sock.sendall(upgrade_request(Origin="https://chat.example", Upgrade="WebSocket", Connection="keep-alive, UPGRADE",
                                     Sec_WebSocket_Protocol="a, surewire.v1", Sec_WebSocket_Extensions="permessage-deflate"))
        head = sock.recv(4096)
    assert head.startswith(b"HTTP/1.1 101 ") and b"Extensions" not in head


def test_post_is_not_a_handshake(server):
    with server.connect() as sock:
        sock.sendall(upgrade_request().replace(b"GET", b"POST", 1))
        assert sock.recv(4096).startswith(b"HTTP/1.1 405 ")
