# SPDX-License-Identifier: Apache-2.0
"""A retry of a client gets the original answer, wherever and whenever it comes; another message under its cid does not."""
import asyncio

import pytest

from chat_world import eventually, within
from surewire_client import new_cid

KEYS = ("id", "conv", "seq")


def _result(stored):
    return {key: stored[key] for key in KEYS}


@within
async def test_cid_again__same_session__original_answer_and_one_message(shared):
    alice, bob = shared.people("alice", "bob")
    a, b = await shared.login(shared.north, alice), await shared.login(shared.south, bob)
    cid = new_cid()
    first = await a.say(bob, "once", cid)
    await a.send(bob, "once", cid)
    await a.until(lambda: len(a.answers[cid]) == 4, "a second pair of answers")
    assert [frame["t"] for frame in a.answers[cid]] == ["accepted", "stored"] * 2
    assert _result(a.answers[cid][3]) == _result(first)
    await a.say(bob, "after")
    await b.event("after")
    assert b.texts == a.texts == ["once", "after"]
    shared.check_inbox(bob, ["once", "after"])
    await a.close()
    await b.close()


@within
async def test_cid_again__many_at_once__one_message(shared):
    alice, bob = shared.people("alice", "bob")
    north, south = await shared.login(shared.north, alice, "n"), await shared.login(shared.south, alice, "s")
    cids = [new_cid() for _ in range(20)]
    for number, cid in enumerate(cids):
        for client in (north, south, north):
            await client.send(bob, f"m{number}", cid)
    results = []
    for cid in cids:
        await north.until(lambda c=cid: sum(a["t"] == "stored" for a in north.answers.get(c, [])) == 2, "two answers")
        stored = [await south.stored(cid)] + [a for a in north.answers[cid] if a["t"] == "stored"]
        assert len({tuple(_result(a).values()) for a in stored}) == 1, stored
        results.append(_result(stored[0]))
    assert len({result["seq"] for result in results}) == 20
    rows = shared.await_inbox(bob, 20)
    assert sorted(row[3] for row in rows) == sorted(f"m{number}" for number in range(20))
    assert [row[2] for row in rows] == list(range(1, 21))
    await north.close()
    await south.close()


@within
async def test_cid_again__by_http_on_the_other_gateway__original_answer(shared):
    alice, bob = shared.people("alice", "bob")
    a = await shared.login(shared.north, alice)
    cid = new_cid()
    first = await a.say(bob, "once", cid)
    for node in (shared.south, shared.north):
        status, answer, _ = shared.api(node, alice).send(bob, "once", cid)
        assert status == 201 and _result(answer) == _result(first)
    shared.check_inbox(bob, ["once"])
    await a.close()


@pytest.mark.parametrize("change", ["body", "target", "kind", "alert"])
@within
async def test_cid_again__other_content__rejected_as_reused(shared, change):
    alice, bob, carol = shared.people("alice", "bob", "carol")
    a = await shared.login(shared.north, alice)
    other = await shared.login(shared.south, alice, "d2")
    cid = new_cid()
    frame = {"t": "send", "cid": cid, "to": {"user": bob}, "kind": "text", "body": {"text": "one"}}
    await a.send_frame(frame)
    await a.stored(cid)
    changed = {
        "body": {"body": {"text": "two"}},
        "target": {"to": {"user": carol}},
        "kind": {"kind": "note"},
        "alert": {"alert": {"title": "T", "body": "B"}},
    }[change]
    await other.send_frame({**frame, **changed})
    answer = await other.answer(cid)
    assert answer["t"] == "rejected" and answer["code"] == "cid_reused"
    await other.send_frame(frame)
    await other.until(lambda: len(other.answers[cid]) == 4, "an answer to the original")
    assert other.answers[cid][3]["t"] == "stored"
    shared.check_inbox(bob, ["one"])
    assert shared.inbox(carol) == []
    await a.close()
    await other.close()


@within
async def test_cid_again__of_another_person__is_another_message(shared):
    alice, bob, carol = shared.people("alice", "bob", "carol")
    a, b = await shared.login(shared.north, alice), await shared.login(shared.north, bob)
    cid = new_cid()
    first, second = await a.say(carol, "hers", cid), await b.say(carol, "his", cid)
    assert first["id"] != second["id"] and first["conv"] != second["conv"]
    await a.close()
    await b.close()


@within
async def test_http_create__same_cid_again__the_same_group(shared):
    alice, bob = shared.people("alice", "bob")
    body = {"kind": "group", "title": "Once", "members": [bob], "cid": new_cid()}
    status, first, _ = shared.api(shared.north, alice).call("POST", "/v1/conversations", body)
    assert status == 201
    for node in (shared.north, shared.south):
        status, again, _ = shared.api(node, alice).call("POST", "/v1/conversations", body)
        assert status == 201 and again["conv"] == first["conv"]
    status, other, _ = shared.api(shared.south, alice).call("POST", "/v1/conversations", {**body, "title": "Twice"})
    assert status == 409 and other["code"] == "cid_reused"
    assert len(shared.await_inbox(bob, 1)) == 1


@within
async def test_first_messages__both_at_once_through_two_gateways__one_conversation(shared):
    for _ in range(10):
        alice, bob = shared.people("alice", "bob")
        a, b = await shared.login(shared.north, alice), await shared.login(shared.south, bob)
        cids = await asyncio.gather(a.send(bob, "from alice"), b.send(alice, "from bob"))
        stored = await asyncio.gather(a.stored(cids[0]), b.stored(cids[1]))
        assert len({answer["conv"] for answer in stored}) == 1
        assert {answer["seq"] for answer in stored} == {"1", "2"}
        await asyncio.gather(a.count(2), b.count(2))
        assert a.texts == b.texts
        pair = sorted((shared.user_id(alice), shared.user_id(bob)))
        rows = shared.space.query("SELECT conv FROM conversation WHERE peer_lo = %s AND peer_hi = %s", pair)
        assert len(rows) == 1
        await a.close()
        await b.close()


# ---- after restarts ----


async def _again(world, node, alice, bob, sent, label):
    """Everything sent so far is sent again: original answers; and one new message is stored."""
    a = await world.login(node, alice)
    b = await world.login(node, bob)
    for cid, (text, result) in sent.items():
        assert _result(await a.say(bob, text, cid)) == result, label
    cid = new_cid()
    sent[cid] = (label, _result(await a.say(bob, label, cid)))
    await b.event(label)
    reused = await a.answer(await a.send(bob, "other", new_cid()))
    assert reused["t"] == "stored"
    sent[reused["cid"]] = ("other", _result(reused))
    world.check_inbox(bob, [text for text, _ in sent.values()])
    await a.close()
    await b.close()


@within
async def test_cid_again__after_restarts_of_everything__original_answer(own_world):
    world = own_world
    alice, bob = world.people("alice", "bob")
    node = world.node()
    servers = world.space.servers
    sent = {}
    await _again(world, node, alice, bob, sent, "at first")
    node.stop()
    node.restart()
    await _again(world, node, alice, bob, sent, "surewire stopped and started")
    node.kill()
    node.restart()
    await _again(world, node, alice, bob, sent, "surewire killed and started")
    for which in ("rabbit", "pg"):
        servers.kill(which)
        servers.restart(which)
        await eventually(node.is_ready, f"ready again after {which} was killed", 90)
        await _again(world, node, alice, bob, sent, f"{which} killed and started")
    node.kill()
    for which in ("rabbit", "pg"):
        servers.kill(which)
    for which in ("pg", "rabbit"):
        servers.restart(which)
    node.restart()
    await _again(world, node, alice, bob, sent, "everything killed and started")
