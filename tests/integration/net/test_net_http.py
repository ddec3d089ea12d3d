# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1: http.client as an ordinary client, raw sockets for the rest."""
import http.client
import json
import threading

import pytest

from net_echo import Server, read_all, read_until


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def client(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    yield client
    client.close()


def fetch(client, method, path, body=None, headers=None, **more):
    client.request(method, path, body=body, headers=headers or {}, **more)
    answer = client.getresponse()
    return answer, answer.read()


def raw(server, request):
    """Everything the server says until it closes."""
    with server.connect() as sock:
        sock.sendall(request)
        return read_all(sock)


def test_requests_follow_each_other_on_one_connection(client):
    for i in range(3):
        answer, body = fetch(client, "GET", "/caf%%C3%%A9?x=1&name=a%%26b+c%d" % i)
        assert answer.status == 200 and answer.headers["X-Extra"] == "yes"
        assert body.decode() == "GET /café peer=127.0.0.1 name=a&b c%d gone=0" % i


def test_bodies_come_back(client):
    for body in (b"", b"x", b"y" * 65536):
        assert fetch(client, "POST", "/echo", body)[1] == body
        assert fetch(client, "PUT", "/echo", iter([body]), encode_chunked=True)[1] == body


def test_head_has_the_length_and_no_body(client):
    answer, body = fetch(client, "HEAD", "/big/1000")
    assert (answer.status, answer.headers["Content-Length"], body) == (200, "1000", b"")
    assert fetch(client, "GET", "/big/10")[1] == b"b" * 10


def test_an_answer_may_come_later(client):
    assert fetch(client, "GET", "/slow")[1] == b"late"
    assert fetch(client, "GET", "/slow")[1] == b"late"


def test_a_large_answer_passes_a_full_socket(client):
    assert fetch(client, "GET", "/big/8000000")[1] == b"b" * 8000000


def test_a_stream_is_chunked_and_the_connection_goes_on(client):
    answer, body = fetch(client, "GET", "/stream")
    assert answer.headers["Transfer-Encoding"] == "chunked" and body == b"data: x\n\n" * 3
    assert fetch(client, "POST", "/echo", b"after")[1] == b"after"


def test_a_problem_is_json(client):
    answer, body = fetch(client, "GET", "/missing")
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.headers["Retry-After"] == "3"
    assert json.loads(body) == {"type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found",
                                "detail": 'no "such" thing'}


def test_pipelined_requests_are_answered_in_order(server):
    request = b"".join(b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n%d" % (path, i)
                       for i, path in enumerate([b"/echo", b"/slow", b"/echo"]))
    request += b"GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answer = raw(server, request)
    assert [part[-1:] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:4]] == [b"0", b"e", b"2"]
    assert answer.endswith(b"9\r\ndata: x\n\n\r\n0\r\n\r\n") and answer.count(b"Connection: close") == 1


def test_thousands_of_pipelined_requests_while_the_first_is_slow(server):
    """More than the server takes ahead: it stops reading, and goes on."""
    request = b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"
    request += (b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" + b"p" * 100) * 3998
    request += b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with server.connect() as sock:
        sender = threading.Thread(target=sock.sendall, args=(request,))
        sender.start()
        assert read_all(sock).count(b"HTTP/1.1 200 OK") == 4000
        sender.join()


def count_answers(client):
    text = fetch(client, "GET", "/metrics")[1].decode()
    return int(text.split('surewire_net_http_answers_total{class="2xx"} ')[1].split("\n")[0])


def test_answers_do_not_pile_up_for_a_client_that_does_not_read(server, client):
    request = b"GET /big/100000 HTTP/1.1\r\nHost: h\r\n\r\n" * 599
    request += b"GET /big/100000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    before = count_answers(client)
    with server.connect() as sock:
        sock.sendall(request)
        for _ in range(200):
            fetch(client, "GET", "/")  # turns of the server's loop, in which it could have answered everything
        assert count_answers(client) - before - 201 < 300
        length = 0
        while part := sock.recv(1 << 20):
            length += len(part)
        assert length > 600 * 100000
    assert count_answers(client) - before == 600 + 202


def test_byte_by_byte(server):
    with server.connect() as sock:
        for byte in b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n":
            sock.sendall(bytes([byte]))
        assert read_all(sock).endswith(b"\r\n\r\nhello")


def test_a_client_that_ends_its_side_still_gets_the_answer(server):
    with server.connect() as sock:
        sock.sendall(b"GET /big/3000000 HTTP/1.1\r\nHost: h\r\n\r\n")
        sock.shutdown(1)
        assert len(read_all(sock)) > 3000000


def test_expect_continue(server):
    with server.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ok")
        assert read_until(sock, b"ok").endswith(b"ok")


def test_http_1_0_is_answered_and_closed(server):
    answer = raw(server, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and b"Connection: close\r\n" in answer


def test_a_handler_learns_that_the_client_has_gone(server, client):
    before = int(fetch(client, "GET", "/")[1].rsplit(b"=", 1)[1])
    with server.connect() as sock:
        sock.sendall(b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
    for _ in range(1000):
        if int(fetch(client, "GET", "/")[1].rsplit(b"=", 1)[1]) == before + 1:
            return
    raise AssertionError("on_gone did not come")


@pytest.mark.parametrize("status,request_bytes", [
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    (400, b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
    (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + b"x" * 65537),
    (417, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n"),
    (431, b"GET /" + b"a" * 9000),
    (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
])
def test_bad_requests_are_refused_and_the_connection_ends(server, status, request_bytes):
    answer = raw(server, request_bytes)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and b"Connection: close" in head, answer
    assert json.loads(body)["status"] == status


def test_metrics_count(server, client):
    text = fetch(client, "GET", "/metrics")[1].decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert int(values["surewire_net_connections"]) >= 1
    assert int(values["surewire_net_accepted_total"]) >= 1
    assert int(values["surewire_net_received_bytes_total"]) > 0
    assert int(values["surewire_net_sent_bytes_total"]) > 0


def test_drain_answers_and_closes():
    server = Server()
    with server.connect() as idle, server.connect() as busy:
        for sock in (idle, busy):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert read_until(sock, b"gone=0").startswith(b"HTTP/1.1 200")
        busy.sendall(b"GET /drain HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"Connection: close" in read_all(busy)
        assert read_all(idle) == b""
    server.stop()
