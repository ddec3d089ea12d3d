# SPDX-License-Identifier: Apache-2.0
"""surewire chat against servers that do what real ones do on bad days."""
import asyncio
import pathlib
import socket
import ssl
import subprocess
import uuid

import pytest

import cli
from fake_gateway import FakeGateway, event


@pytest.fixture
def gateway():
    made = []

    def make(*scripts, **kwargs):
        made.append(FakeGateway(*scripts, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def chat(gateway, *arguments, text="", **kwargs):
    return cli.run("chat", "--as=alice", "--token=t", f"--url={gateway.url}", *arguments, text=text, **kwargs)


def test_chat__messages_from_a_pipe__all_stored_in_order(gateway):
    sent = []

    async def script(session):
        hello = await session.welcome()
        assert (hello["token"], hello["device"], hello["state"]) == ("t", "terminal", "active")
        assert "cursor" not in hello
        for seq in ("1", "2"):
            sent.append(await session.take(seq))
        assert await session.until_closed() == []

    server = gateway(script)
    done = chat(server, "--to=bob", text="hello\n// slash\n")
    assert done.returncode == 0, done.stderr
    assert [(f["to"], f["kind"], f["body"]) for f in sent] == [
        ({"user": "bob"}, "text", {"text": "hello"}), ({"user": "bob"}, "text", {"text": "/ slash"})]
    assert uuid.UUID(sent[0]["cid"]) != uuid.UUID(sent[1]["cid"])
    assert "  #1 accepted\n  #1 stored conv=5 seq=1 id=91\n  #2 accepted\n  #2 stored conv=5 seq=2 id=92\n" in done.stdout
    assert server.subprotocols == ["surewire.v1"]


def test_chat__last_line_without_its_end__sent(gateway):
    async def script(session):
        await session.welcome()
        assert (await session.take())["body"] == {"text": "no newline"}
        await session.until_closed()

    assert chat(gateway(script), "--conv=5", text="no newline").returncode == 0


def test_chat__events__printed_and_acknowledged(gateway):
    async def script(session):
        await session.welcome(pos=4, cursor=1)
        await session.events(event(2, "hello"), event(3, "two\nlines"))
        assert await session.read() == {"t": "ack", "pos": "3"}
        await session.events(event(4, kind="poll", body={"q": "tea?"}))
        assert await session.read() == {"t": "ack", "pos": "4"}
        assert await session.until_closed() == []

    done = chat(gateway(script))
    assert done.returncode == 0, done.stderr
    assert "05:00:00 bob  hello\n05:00:00 bob  two\n         lines\n" in done.stdout
    assert '05:00:00 bob  [poll] {"q":"tea?"}\n' in done.stdout
    assert done.stdout.count("-- conversation 5") == 1


def test_chat__text_with_terminal_controls__shown_harmless(gateway):
    async def script(session):
        await session.welcome(pos=1)
        await session.events(event(1, "a\x1b[2Jb\u009b2Jc\u202edx\x07"))
        await session.until_closed()

    done = chat(gateway(script))
    assert "bob  a?[2Jb?2Jc?dx?\n" in done.stdout


def test_chat__connection_lost__resumes_and_sends_again_with_the_same_cid(gateway):
    sent = []

    async def lost(session):
        await session.welcome(pos=1)
        await session.events(event(1))
        await session.read("ack")
        frame = await session.read("send")
        sent.append(frame)
        await session.send(t="accepted", cid=frame["cid"])
        sent.append(await session.read("send"))
        session.socket.transport.abort()

    async def back(session):
        hello = await session.welcome(pos=2, cursor=1)
        assert hello["cursor"] == "1"
        await session.events(event(1), event(2, "only once"))
        sent.append(await session.take("3"))
        sent.append(await session.take("4"))
        await session.until_closed()

    done = chat(gateway(lost, back), "--to=bob", text="one\ntwo\n")
    assert done.returncode == 0, done.stderr
    assert [f["body"]["text"] for f in sent] == ["one", "two", "one", "two"]
    assert [f["cid"] for f in sent[:2]] == [f["cid"] for f in sent[2:]]
    assert done.stdout.count("#1 accepted") == 1
    assert done.stdout.count("bob  hi\n") == 1 and "bob  only once\n" in done.stdout


def test_chat__hole_in_the_events__resumes_before_it(gateway):
    async def hole(session):
        await session.welcome(pos=3)
        await session.events(event(1), event(3, "too early"))
        await session.until_closed()

    async def whole(session):
        hello = await session.welcome(pos=3, cursor=1)
        assert hello["cursor"] == "1"
        await session.events(event(2), event(3, "now"))
        assert await session.read() == {"t": "ack", "pos": "3"}
        await session.until_closed()

    done = chat(gateway(hole, whole))
    assert done.returncode == 0
    assert "too early" not in done.stdout and "bob  now\n" in done.stdout


def test_chat__unavailable__sent_again_and_not_overtaken(gateway):
    async def script(session):
        await session.welcome()
        first = await session.read("send")
        await session.send(t="error", cid=first["cid"], code="unavailable", message="later", retry_after_ms=200)
        again = await session.take("1")
        assert again == first
        assert (await session.take("2"))["body"] == {"text": "two"}
        await session.until_closed()

    done = chat(gateway(script), "--to=bob", text="one\ntwo\n")
    assert done.returncode == 0, done.stdout
    assert "#1 not accepted (unavailable), again in 200 ms" in done.stdout


def test_chat__refused_and_rejected__said_and_exit_1(gateway):
    async def script(session):
        await session.welcome()
        first = await session.read("send")
        await session.send(t="error", cid=first["cid"], code="unknown_user", message="there is no such user")
        second = await session.read("send")
        await session.send(t="accepted", cid=second["cid"])
        await session.send(t="rejected", cid=second["cid"], code="not_member", message="no")
        await session.until_closed()

    done = chat(gateway(script), "--to=nobody", text="one\n/conv 7\ntwo\n")
    assert done.returncode == 1
    assert "#1 refused: there is no such user (unknown_user)" in done.stdout
    assert "#2 rejected: no (not_member)" in done.stdout


def test_chat__window__obeyed(gateway):
    async def script(session):
        await session.welcome(window=2)
        frames = []
        for _ in range(2):
            frames.append(await session.read("send"))
            await session.send(t="accepted", cid=frames[-1]["cid"])
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.socket.recv(), 0.5)
        for number, frame in enumerate(frames):
            await session.send(t="stored", cid=frame["cid"], id="1", conv="5", seq=str(number + 1))
        await session.take("3")
        await session.until_closed()

    assert chat(gateway(script), "--to=bob", text="1\n2\n3\n").returncode == 0


def test_chat__commands__presence_and_target(gateway):
    async def script(session):
        await session.welcome()
        assert await session.read() == {"t": "presence", "state": "away"}
        assert (await session.take())["to"] == {"conv": "77"}
        assert await session.read() == {"t": "presence", "state": "active"}
        assert await session.until_closed() == []

    process = cli.start("chat", "--as=alice", "--token=t", f"--url={gateway(script).url}")
    assert "connected" in process.stdout.readline()
    for line, answer in (("/away\n", None), ("/conv 77\n", "writing to conversation 77"), ("x\n", "#1 accepted")):
        process.stdin.write(line)
        if answer:
            assert answer in process.stdout.readline()
    assert "#1 stored" in process.stdout.readline()
    process.stdin.write("/active\n/quit\nnever sent\n")
    process.stdin.flush()
    assert process.wait(20) == 0
    process.communicate()


def test_chat__nobody_to_write_to__said_and_exit_1(gateway):
    async def script(session):
        await session.welcome()
        assert await session.until_closed() == []

    done = chat(gateway(script), text="hello?\n")
    assert done.returncode == 1 and "to whom?" in done.stdout


def test_chat__bad_target__no_message_to_the_former_one(gateway):
    async def script(session):
        await session.welcome()
        assert await session.until_closed() == []

    assert chat(gateway(script), "--to=bob", text="/to NOT VALID\nsecret\n").returncode == 1


@pytest.mark.parametrize("code, exit_code", [(4401, 69), (4403, 69), (4409, 1), (4400, 1)])
def test_chat__closed_for_good__ends_with_the_reason(gateway, code, exit_code):
    async def script(session):
        await session.read("hello")
        await session.socket.close(code, "because of this")

    done = chat(gateway(script), "--to=bob", text="hello\n")
    assert done.returncode == exit_code
    assert f"closed with {code} because of this" in done.stderr


@pytest.mark.parametrize("code", [1001, 4500, 4503, 4413])
def test_chat__closed_for_now__comes_back(gateway, code):
    async def first(session):
        await session.welcome()
        await session.read("send")
        await session.socket.close(code, "later")

    async def second(session):
        await session.welcome()
        await session.take()
        await session.until_closed()

    assert chat(gateway(first, second), "--to=bob", text="hello\n").returncode == 0


def test_chat__big_message_and_fragments__whole(gateway):
    text = "ä" * 100000

    async def script(session):
        await session.welcome(pos=1)
        whole = '{"t":"events","events":[{"pos":"1","conv":"5","seq":"1","id":"1","kind":"text","from":"bob",' \
                '"at":"2026-11-24T05:00:00.123Z","body":{"text":"' + text + '"}}]}'
        await session.socket.send(whole[i:i + 1000] for i in range(0, len(whole), 1000))
        assert (await session.take())["body"] == {"text": text}
        await session.until_closed()

    done = chat(gateway(script), "--to=bob", text=text + "\n")
    assert done.returncode == 0 and f"bob  {text}\n" in done.stdout


def test_chat__pings__answered(gateway):
    async def script(session):
        await session.welcome()
        await asyncio.wait_for(await session.socket.ping(b"are you there"), 10)
        await session.take()
        await session.until_closed()

    process = cli.start("chat", "--as=alice", "--token=t", "--to=bob", f"--url={gateway(script).url}")
    assert "connected" in process.stdout.readline()
    process.communicate("hello\n", timeout=30)
    assert process.returncode == 0


def test_chat__silent_server__given_up_and_tried_again(gateway):
    silent = asyncio.Event

    async def frozen(session):
        await session.welcome(heartbeat_s=1)
        session.socket.transport.pause_reading()  # no pong either
        await silent().wait()

    async def alive(session):
        await session.welcome()
        await session.take()
        await session.until_closed()

    async def limited(session):
        try:
            await asyncio.wait_for(frozen(session), 20)
        except asyncio.TimeoutError:
            pass

    done = chat(gateway(limited, alive), "--to=bob", text="hello\n")
    assert done.returncode == 0, done.stdout
    assert "nothing came for too long" in done.stdout


def test_chat__no_answer_at_the_end__exit_1(gateway):
    async def script(session):
        await session.welcome()
        frame = await session.read("send")
        await session.send(t="accepted", cid=frame["cid"])
        await session.until_closed()

    done = chat(gateway(script), "--to=bob", text="hello\n", timeout=90)
    assert done.returncode == 1
    assert "1 messages without an answer after 30 s" in done.stderr


def make_certificate(folder, name):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_chat__tls_with_its_authority__works(gateway, tmp_path):
    context, cert = make_certificate(tmp_path, "localhost")

    async def script(session):
        await session.welcome(pos=200)
        for pos in range(1, 201):
            await session.events(event(pos, "x" * 1000))
        await session.read("ack")
        await session.until_closed()

    server = gateway(script, ssl=context)
    done = chat(server, f"--ca={cert}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("bob  x") == 200


@pytest.mark.parametrize("name, trusted", [("localhost", False), ("elsewhere", True)])
def test_chat__tls_that_cannot_be_trusted__refused(gateway, tmp_path, name, trusted):
    context, cert = make_certificate(tmp_path, name)
    server = gateway(ssl=context)
    done = chat(server, *([f"--ca={cert}"] if trusted else []))
    assert done.returncode == 1
    assert "the server's certificate: " in done.stderr
    assert server.connections == 0


def test_chat__not_a_websocket_server__one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = cli.start("chat", "--as=alice", "--token=t", f"--url=ws://127.0.0.1:{server.getsockname()[1]}/x?y=1")
        connection, _ = server.accept()
        with connection:
            head = connection.recv(65536).decode()
            assert head.startswith("GET /x?y=1 HTTP/1.1\r\n") and "Sec-WebSocket-Protocol: surewire.v1\r\n" in head
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert error == "surewire: the server answered HTTP status 404 instead of 101\n"


@pytest.mark.parametrize("arguments", [
    (), ("--as=Not-Valid",), ("--as=alice", "--to=bob", "--conv=1"), ("--as=alice", "--conv=x"), ("--as=alice", "x"),
    ("--as=alice", "--device=a b"), ("--as=alice", "--token=t", "--url=http://localhost/"),
    ("--as=alice", "--token=t", "--url=ws://"),
])
def test_chat__wrong_command_line__64(arguments):
    assert cli.run("chat", *arguments).returncode == 64


def test_chat__url_from_the_environment_or_the_configuration(gateway, tmp_path):
    async def script(session):
        await session.welcome()
        await session.until_closed()

    server = gateway(script, script)
    assert cli.run("chat", "--as=alice", "--token=t", SUREWIRE_WS=server.url).returncode == 0
    config = tmp_path / "surewire.ini"
    config.write_text(f"[gateway]\nlisten = 0.0.0.0:{server.port}\n")
    assert cli.run(f"--config={config}", "chat", "--as=alice", "--token=t").returncode == 0


def test_chat__without_keys__says_what_is_missing(tmp_path):
    config = tmp_path / "surewire.ini"
    config.write_text("[gateway]\nlisten = 127.0.0.1:9\n")
    done = cli.run(f"--config={config}", "chat", "--as=alice")
    assert done.returncode == 78 and "keys_dir" in done.stderr


def test_chat__stdin_file_longer_than_the_outbox__all_sent(gateway, tmp_path):
    lines = pathlib.Path(tmp_path / "lines")
    lines.write_text("".join(f"line {n}\n" for n in range(600)))

    async def script(session):
        await session.welcome()
        for n in range(600):
            assert (await session.take(str(n + 1)))["body"] == {"text": f"line {n}"}
        await session.until_closed()

    done = chat(gateway(script), "--to=bob", text=lines.read_text())
    assert done.returncode == 0
    assert done.stdout.count(" stored ") == 600
