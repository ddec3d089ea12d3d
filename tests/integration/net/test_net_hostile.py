# SPDX-License-Identifier: Apache-2.0
"""Frames that break the rules of RFC 6455, each with the close code it must get."""
import struct

import pytest

from net_echo import Server, expect_close, frame, open_raw, read_all, read_frame

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    with open_raw(server) as sock:  # it survived all of it
        sock.sendall(frame(TEXT, b"alive"))
        assert read_frame(sock) == (TEXT, b"alive")
    server.stop()


def close_payload(code, reason=b""):
    return struct.pack(">H", code) + reason


BROKEN = [
    (1002, frame(TEXT, b"x", mask=None)),
    (1002, frame(TEXT, b"x", rsv=1)),
    (1002, frame(TEXT, b"x", rsv=2)),
    (1002, frame(TEXT, b"x", rsv=4)),
    *[(1002, frame(opcode, b"")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    (1002, frame(0, b"x")),
    (1002, frame(0, b"x", fin=False)),
    (1002, frame(TEXT, b"x", fin=False) + frame(TEXT, b"y")),
    (1002, frame(PING, b"", fin=False)),
    (1002, frame(PING, b"x" * 126)),
    (1002, frame(CLOSE, b"\x03\xe8" + b"x" * 124)),
    (1002, frame(TEXT, b"x", length=b"\x7e\x00\x01")),
    (1002, frame(TEXT, b"x" * 300, length=b"\x7f" + struct.pack(">Q", 300))),
    (1002, frame(TEXT, b"", length=b"\x7f" + struct.pack(">Q", 1 << 63))),
    (1002, frame(CLOSE, b"\x03")),
    *[(1002, frame(CLOSE, close_payload(code))) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)],
    (1003, frame(BINARY, b"x")),
    (1003, frame(BINARY, b"x", fin=False)),
    (1007, frame(TEXT, b"\xff")),
    (1007, frame(TEXT, b"\xc3")),
    (1007, frame(TEXT, b"\xed\xa0\x80")),
    (1007, frame(TEXT, b"\xc0\xaf")),
    (1007, frame(TEXT, b"\xf4\x90\x80\x80")),
    (1007, frame(TEXT, b"ok \xc3", fin=False) + frame(0, b"\x28", fin=False)),
    (1007, frame(TEXT, b"ok \xc3", fin=False) + frame(0, b"")),
    (1007, frame(CLOSE, close_payload(1000, b"\xff"))),
    (1009, frame(TEXT, b"", length=b"\x7f" + struct.pack(">Q", 65537))),
    (1009, frame(TEXT, b"", length=b"\x7f" + struct.pack(">Q", (1 << 63) - 1))),
    (1009, frame(TEXT, b"x" * 65536, fin=False) + frame(0, b"y")),
]


@pytest.mark.parametrize("code,data", BROKEN)
def test_broken_frames_get_their_close_code(server, code, data):
    with open_raw(server) as sock:
        sock.sendall(data)
        expect_close(sock, code)


@pytest.mark.parametrize("code,data", [case for case in BROKEN if len(case[1]) < 400])
def test_broken_frames_byte_by_byte(server, code, data):
    with open_raw(server) as sock:
        try:
            for byte in data:
                sock.sendall(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            pass
        expect_close(sock, code)


def test_invalid_text_is_refused_before_the_message_is_whole(server):
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"\xff" + b"x" * 1000)[:50])
        expect_close(sock, 1007)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])
def test_valid_close_codes_are_echoed(server, code):
    with open_raw(server) as sock:
        sock.sendall(frame(CLOSE, close_payload(code, b"bye")))
        expect_close(sock, code)


def test_an_empty_close_gets_an_empty_close(server):
    with open_raw(server) as sock:
        sock.sendall(frame(CLOSE))
        assert read_frame(sock) == (CLOSE, b"")
        assert read_all(sock) == b""
    server.wait_closed("closed 1005 ")


def test_nothing_after_a_close_is_processed(server):
    with open_raw(server) as sock:
        sock.sendall(frame(CLOSE, close_payload(1000)) + frame(TEXT, b"late") + frame(PING, b"late"))
        expect_close(sock, 1000)


def test_control_frames_inside_a_fragmented_message(server):
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"one ", fin=False) + frame(PING, b"p") + frame(0, "ü".encode()[:1], fin=False))
        assert read_frame(sock) == (PONG, b"p")
        sock.sendall(frame(PONG, b"unasked") + frame(0, "ü".encode()[1:]))
        assert read_frame(sock) == (TEXT, "one ü".encode())


def test_only_the_latest_of_several_pings_is_answered(server):
    with open_raw(server) as sock:
        sock.sendall(b"".join(frame(PING, b"%d" % i) for i in range(50)) + frame(TEXT, b"t"))
        frames = [read_frame(sock)]
        while len([f for f in frames if f[0] == TEXT]) < 1 or (PONG, b"49") not in frames:
            frames.append(read_frame(sock))
        assert len(frames) < 50


def test_a_message_in_single_byte_fragments(server):
    text = b"abc" * 100
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, text[:1], fin=False) + b"".join(frame(0, bytes([c]), fin=False) for c in text[1:]) + frame(0))
        assert read_frame(sock) == (TEXT, text)


def test_a_ping_flood_from_a_peer_that_never_reads_is_bounded(server):
    ping = frame(PING, b"x" * 125)
    with open_raw(server) as sock:
        sock.settimeout(2)
        sent = 0
        try:
            for _ in range(400):
                sent += sock.send(ping * 100)
        except TimeoutError:
            pass
        assert sent > 1 << 20
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"next"))
        assert read_frame(sock) == (TEXT, b"next")


def test_bytes_that_are_not_http(server):
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n" * 8, b"\x00" * 10000, bytes(range(256)) * 40):
        with server.connect() as sock:
            sock.sendall(data)
            assert read_all(sock).startswith(b"HTTP/1.1 4")
