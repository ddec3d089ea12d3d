# SPDX-License-Identifier: Apache-2.0
"""surewire send against an HTTP server that answers what the test says."""
import http.server
import json
import socket
import threading
import uuid

import pytest

import cli


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.seen.append((self.path, dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.seen, made.answer = [], (201, b'{"state":"stored"}')
    made.url = f"http://127.0.0.1:{made.server_address[1]}"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def send(server, *arguments, **kwargs):
    return cli.run("send", "--from=alice", "--token=t", f"--url={server.url}/", *arguments, **kwargs)


def test_send__stored__answer_printed_and_0(server):
    cid = str(uuid.uuid4())
    done = send(server, "--to=bob", f"--cid={cid}", "--alert-title=A \"title\"", "grüß", "dich")
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"state":"stored"}\n', "")
    path, headers, body = server.seen[0]
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/v1/messages", "Bearer t", "application/json")
    assert body == {"cid": cid, "to": {"user": "bob"}, "kind": "text", "body": {"text": "grüß dich"},
                    "alert": {"title": 'A "title"'}}


def test_send__to_a_conversation__fresh_cid(server):
    send(server, "--conv=77", "a")
    send(server, "--conv=77", "a")
    bodies = [body for _, _, body in server.seen]
    assert [body["to"] for body in bodies] == [{"conv": "77"}] * 2
    assert uuid.UUID(bodies[0]["cid"]) != uuid.UUID(bodies[1]["cid"])
    assert "alert" not in bodies[0]


def test_send__big_text__whole(server):
    assert send(server, "--to=bob", "x" * 100000).returncode == 0
    assert server.seen[0][2]["body"]["text"] == "x" * 100000


def test_send__accepted_only__75_and_how_to_try_again(server):
    server.answer = (202, b'{"state":"accepted"}')
    done = send(server, "--to=bob", "a")
    assert (done.returncode, done.stdout) == (75, '{"state":"accepted"}\n')
    assert f"--cid {server.seen[0][2]['cid']}" in done.stderr


@pytest.mark.parametrize("status, exit_code", [(403, 1), (404, 1), (429, 1), (503, 69)])
def test_send__problem__detail_on_stderr(server, status, exit_code):
    server.answer = (status, json.dumps({"status": status, "code": "x", "detail": "so it is"}).encode())
    done = send(server, "--to=bob", "a")
    assert done.returncode == exit_code
    assert done.stderr.startswith("surewire: so it is\n")


def test_send__answer_that_is_not_json__status_said(server):
    server.answer = (502, b"<html>")
    done = send(server, "--to=bob", "a")
    assert (done.returncode, done.stdout) == (69, "")
    assert "HTTP 502" in done.stderr


def test_send__nobody_listens__69(server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = cli.run("send", "--from=alice", "--token=t", f"--url=http://127.0.0.1:{unused.getsockname()[1]}", "--to=bob", "a")
    assert done.returncode == 69 and "--cid " in done.stderr


def test_send__a_proxy_in_the_environment__not_used(server):
    assert send(server, "--to=bob", "a", http_proxy="http://127.0.0.1:9").returncode == 0


@pytest.mark.parametrize("arguments", [
    ("--to=bob",), ("a",), ("--to=bob", "--conv=1", "a"), ("--to=NO", "a"), ("--conv=x", "a"), ("--to=bob", "--cid=1", "a")])
def test_send__wrong_command_line__64(server, arguments):
    assert send(server, *arguments).returncode == 64
    assert server.seen == []


def test_send__nobody_sends__64(server):
    assert cli.run("send", "--to=bob", f"--url={server.url}", "a").returncode == 64
