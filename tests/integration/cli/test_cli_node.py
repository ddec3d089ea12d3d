# SPDX-License-Identifier: Apache-2.0
"""chat and send against a real node: the whole way, there and back."""
import json
import secrets
import uuid

import cli
import pytest


@pytest.fixture
def node(deployment, surewire):
    names = [f"{user}-{secrets.token_hex(4)}" for user in ("alice", "bob")]
    for name in names:
        deployment.run("user", "add", name)
    node = surewire()
    node.names = names
    return node


def config(node):
    return f"--config={node.config}"


def test_chat__two_people__each_sees_what_the_other_wrote(node):
    alice, bob = node.names
    one = cli.start(config(node), "chat", f"--as={alice}", f"--to={bob}")
    two = cli.start(config(node), "chat", f"--as={bob}", f"--to={alice}")
    for process in (one, two):
        assert "connected" in process.stdout.readline()
    one.stdin.write("hello\n")
    seen = ""
    while f"{alice}  hello\n" not in seen:
        seen += two.stdout.readline()
    out_two, _ = two.communicate("hi yourself\n", timeout=60)
    assert two.returncode == 0 and "#1 stored" in out_two
    seen = ""
    while f"{bob}  hi yourself\n" not in seen:
        seen += one.stdout.readline()
    one.communicate(timeout=60)
    assert one.returncode == 0


def test_send__same_cid_again__the_original_answer(node):
    alice, bob = node.names
    cid = str(uuid.uuid4())
    answers = [cli.run(config(node), "send", f"--from={alice}", f"--to={bob}", f"--cid={cid}", "once") for _ in range(2)]
    assert [a.returncode for a in answers] == [0, 0], answers[0].stderr
    assert json.loads(answers[0].stdout) == json.loads(answers[1].stdout)
    other = cli.run(config(node), "send", f"--from={alice}", f"--to={bob}", f"--cid={cid}", "another text")
    assert other.returncode == 1 and "cid" in other.stderr
    listener = cli.run(config(node), "chat", f"--as={bob}")
    assert listener.returncode == 0 and listener.stdout.count(f"{alice}  once\n") == 1


def test_send__unknown_user__refused_with_the_reason(node):
    done = cli.run(config(node), "send", f"--from={node.names[0]}", "--to=nobody-at-all", "a")
    assert done.returncode == 1 and 'there is no user "nobody-at-all"' in done.stderr


def test_chat__node_restarts__resumes_and_stores_everything_once(node):
    alice, bob = node.names
    process = cli.start(config(node), "chat", f"--as={alice}", f"--to={bob}")
    assert "connected" in process.stdout.readline()
    process.stdin.write("before\n")
    while " stored " not in process.stdout.readline():
        pass
    node.kill()
    process.stdin.write("meanwhile\n")
    process.stdin.flush()
    node.restart()
    out, error = process.communicate("after\n", timeout=90)
    assert process.returncode == 0, out + error
    listener = cli.run(config(node), "chat", f"--as={bob}", "--device=other")
    texts = [line.split("  ")[1] for line in listener.stdout.splitlines() if f" {alice}  " in line]
    assert texts == ["before", "meanwhile", "after"]
