# SPDX-License-Identifier: Apache-2.0
"""Deadlines and bounds, with a server whose deadlines are short. What is checked is that they end, not when."""
import pytest

from net_echo import Server, expect_close, frame, open_raw, read_all, read_frame, read_until

CLOSE, PING, PONG, TEXT = 8, 9, 10, 1


@pytest.fixture(scope="module")
def server():
    server = Server("--fast", "--queue", "262144")
    yield server
    server.stop()


def test_a_silent_client_is_dropped(server):
    with server.connect() as sock:
        assert read_all(sock) == b""


def test_a_head_that_never_ends_is_answered_with_408(server):
    with server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert read_all(sock).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_never_ends_is_answered_with_408(server):
    with server.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab")
        assert read_all(sock).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_ended_without_an_answer(server):
    with server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_all(sock).count(b"HTTP/1.1") == 1


def test_a_late_answer_has_no_deadline(server):
    with server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert read_all(sock).endswith(b"late")


def test_an_idle_websocket_is_pinged_and_kept_while_it_answers(server):
    with open_raw(server) as sock:
        for _ in range(4):
            assert read_frame(sock) == (PING, b"")
            sock.sendall(frame(PONG))
        sock.sendall(frame(TEXT, b"here"))
        assert read_frame(sock) == (TEXT, b"here")


def test_a_websocket_that_answers_no_ping_is_given_up(server):
    with open_raw(server) as sock:
        assert read_all(sock) == b"\x89\x00\x89\x00"
    server.wait_closed("closed 1006 ")


def test_a_peer_that_does_not_answer_close_is_dropped(server):
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"close:4002"))
        opcode, payload = read_frame(sock)
        assert opcode == CLOSE and payload[:2] == (4002).to_bytes(2, "big")
        assert read_all(sock) == b""
    server.wait_closed("closed 4002 ")


def test_messages_over_the_limit(server):
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"x" * 4096))
        assert read_frame(sock) == (TEXT, b"x" * 4096)
        sock.sendall(frame(TEXT, b"x" * 4097))
        expect_close(sock, 1009)


def test_a_reader_that_stopped_is_closed_and_not_queued_for(server):
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"flood:20000"))
        server.wait_closed("closed 1008 ")


def test_abort_ends_at_once(server):
    with open_raw(server) as sock:
        sock.sendall(frame(TEXT, b"abort"))
        assert read_all(sock) == b""


def test_connections_over_the_limit_are_refused():
    server = Server("--conns", "3")
    check_refusal(server, 3, 'surewire_net_refused_total{reason="limit"}')


def test_connections_of_one_address_over_the_limit_are_refused():
    server = Server("--per-address", "3")
    check_refusal(server, 3, 'surewire_net_refused_total{reason="address"}')


def check_refusal(server, allowed, metric):
    open_ones = [open_raw(server) for _ in range(allowed)]
    with server.connect() as sock:
        assert read_all(sock) == b""
    open_ones.pop().close()
    server.wait_closed("closed 1006 ")
    with server.connect() as sock:  # its place is free again
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
        assert ("\n%s 1\n" % metric).encode() in read_until(sock, metric.encode() + b" 1\n")
    for sock in open_ones:
        sock.close()
    server.stop()
