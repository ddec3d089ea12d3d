# SPDX-License-Identifier: Apache-2.0
"""Alerts on real servers: every step of a plan in its turn, until somebody acknowledges or nothing is left."""
import asyncio
import json
import secrets
import time

import pytest
import websockets

import push_world
from push_world import call
from surewire_env import wait_until

CONFIG = {"pusher.alert_attempts_max": "6", "pusher.concurrency": "4"}
ENDED_S = 40


@pytest.fixture(scope="module")
def desk(world):
    """The account that alerts come from."""
    return world.person("desk")


def ask(world, method, path, body=None, node=None):
    return call(method, (node or world.node).admin_url + path, body, world.deployment.admin_token)


def alert(world, desk, people, plan, expect=201, **more):
    """The alert as it was created."""
    body = {"users": [p.name for p in people], "severity": "critical", "title": "fire", "text": "in the lift",
            "from": desk.name, "plan": plan, **more}
    status, answer = ask(world, "POST", "/v1/alerts", body)
    assert status == expect, (status, answer)
    return answer


def look(world, made):
    status, answer = ask(world, "GET", f"/v1/alerts/{made['id']}")
    assert status == 200, answer
    return answer


def ended(world, made, state):
    """The alert, once it is not open any more."""

    def over():
        answer = look(world, made)
        return answer if answer["state"] != "open" else None

    answer = wait_until(over, f"alert {made['id']} ends", ENDED_S)
    assert answer["state"] == state, answer
    return answer


def ack(person, made, expect=204):
    status, answer = person.call("POST", f"/v1/alerts/{made['id']}/ack")
    assert status == expect, (status, answer)


def steps(answer):
    return [(s["user"], s["what"], s["target"]) for s in answer["steps"]]


def kinds(person, made):
    return [e["kind"] for e in person.events() if e["body"].get("alert") == made["id"]]


def letters(world, made):
    query = ("SELECT reason FROM dead_letter WHERE event = %s AND provider = ''", (made["id"],))
    return [reason for (reason,) in world.space.query(*query)]


# ---- the plan ----


def test_nobody_acks__every_step_in_turn_then_a_dead_letter(world, desk):
    bob = world.person("bob")
    phone, android, address = bob.iphone(), bob.android(), bob.mail()
    plan = {"steps": [{"socket": True}, {"push": "apns"}, {"after_s": 1, "push": "fcm"}, {"after_s": 1, "push": "email"}],
            "give_up_after_s": 1}
    made = alert(world, desk, [bob], plan)
    answer = ended(world, made, "exhausted")
    assert steps(answer) == [(bob.name, "socket", ""), (bob.name, "push", "apns"), (bob.name, "push", "fcm"),
                             (bob.name, "push", "email"), (bob.name, "exhausted", "")]
    [apns] = world.arrived("apns", phone)
    assert apns["payload"]["alert"] == made["id"]
    assert apns["payload"]["aps"]["interruption-level"] == "time-sensitive"
    world.arrived("fcm", android)
    [mail] = world.arrived("smtp", address)
    assert "[critical] fire" in mail["payload"]
    assert wait_until(lambda: letters(world, made), "its dead letter") == ["alert not acknowledged"]
    listed = world.deployment.run("dead", "list", "--url", world.node.admin_url, "--user", bob.name).stdout
    assert "alert not acknowledged" in listed
    wait_until(lambda: kinds(bob, made) == ["surewire.alert", "surewire.alert_ended"], "the messages")
    time.sleep(2)  # longer than [mailbox] ack_timeout: nobody plans a push of the message besides
    assert {d["event"] for d in bob.deliveries()} == {int(made["id"])}


def test_a_step_whose_pushes_fail__the_next_one_at_once(world, desk):
    bob = world.person("bob")
    phone, android = bob.iphone(), bob.android()
    world.stands.fault("apns", {"token_dead_ms": int(time.time() * 1000) + 1}, phone)
    made = alert(world, desk, [bob], [{"push": "apns"}, {"after_s": 600, "push": "fcm"}])
    world.arrived("fcm", android)
    ack(bob, made)
    ended(world, made, "acknowledged")


def test_nobody_has_a_device__given_up_at_once(world, desk):
    bob = world.person("bob")
    made = alert(world, desk, [bob], {"steps": [{"push": "all"}, {"after_s": 600, "push": "fallback"}],
                                      "give_up_after_s": 600})
    ended(world, made, "exhausted")


def test_repeat__replaces_itself_until_the_rounds_are_over(world, desk):
    bob = world.person("bob")
    phone = bob.iphone()
    made = alert(world, desk, [bob], {"steps": [{"push": "all"}], "repeat": {"every_s": 1, "times": 2},
                                      "give_up_after_s": 1})
    ended(world, made, "exhausted")
    records = world.arrived("apns", phone, 3)
    assert {r["collapse_id"] for r in records} == {made["id"]}
    assert len({r["id"] for r in records}) == 3


def test_on_call__the_second_only_after_the_first_had_his_time(world, desk):
    first, second = world.people("oncall", 2)
    phones = [p.iphone() for p in (first, second)]
    plan = {"steps": [{"push": "all"}], "order": "on_call", "next_after_s": 2, "give_up_after_s": 600}
    made = alert(world, desk, [first, second], plan)
    world.arrived("apns", phones[1])
    at = {r["user"]: r["at_ms"] for r in look(world, made)["steps"]}
    assert at[second.name] - at[first.name] >= 1000
    ack(second, made)
    answer = ended(world, made, "acknowledged")
    assert [a["user"] for a in answer["acks"]] == [second.name]


def test_on_call__the_first_acks_and_the_second_is_never_alerted(world, desk):
    first, second = world.people("oncall", 2)
    first.iphone(), second.iphone()
    plan = {"steps": [{"push": "all"}], "order": "on_call", "next_after_s": 3}
    made = alert(world, desk, [first, second], plan)
    wait_until(lambda: look(world, made)["steps"], "the first step")
    ack(first, made)
    ended(world, made, "acknowledged")
    time.sleep(4)
    assert {u for u, _, _ in steps(look(world, made))} == {first.name}
    assert second.deliveries() == []


def test_group__all_members_but_the_sender(world, desk):
    people = world.people("member", 3)
    phones = [p.iphone() for p in people]
    conv = desk.group("crew", people)
    body = {"group": conv, "severity": "high", "title": "to all", "from": desk.name, "plan": [{"push": "all"}]}
    status, made = ask(world, "POST", "/v1/alerts", body)
    assert status == 201, made
    assert sorted(r["user"] for r in made["recipients"]) == sorted(p.name for p in people)
    for phone in phones:
        wait_until(lambda: [r for r in world.stands.records("apns", phone) if r["payload"].get("alert") == made["id"]],
                   "the alert on every phone")
    ack(people[1], made)
    assert [a["user"] for a in ended(world, made, "acknowledged")["acks"]] == [people[1].name]


def test_deadline__expired(world, desk):
    bob = world.person("bob")
    bob.iphone()
    made = alert(world, desk, [bob], [{"push": "all"}], deadline_s=1)
    ended(world, made, "expired")


def test_needs_no_ack__seen_when_a_device_acked_the_message(world, desk):
    bob = world.person("bob")
    with push_world.Socket(bob, "desktop") as socket:
        made = alert(world, desk, [bob], [{"socket": True}, {"after_s": 600, "push": "all"}], needs_ack=False)
        ended(world, made, "seen")
        assert socket.events[0]["body"]["title"] == "fire"


# ---- acknowledging ----


def test_ack_while_the_provider_is_down__nothing_is_shown_afterwards(world, desk):
    bob = world.person("bob")
    phone = bob.iphone()
    fault = world.stands.fault("apns", {"status": 503}, phone)
    made = alert(world, desk, [bob], [{"push": "all"}, {"after_s": 2, "push": "email"}])
    bob.delivery("iphone", "retry")
    ack(bob, made)
    world.stands.remove(fault)
    assert bob.delivery("iphone", "dropped")["reason"] == "acknowledged"
    assert world.stands.records("apns", phone) == []
    ended(world, made, "acknowledged")
    time.sleep(3)
    assert steps(look(world, made)) == [(bob.name, "push", "all")]


def test_cancel__what_waits_is_dropped(world, desk):
    bob = world.person("bob")
    phone = bob.iphone()
    fault = world.stands.fault("apns", {"status": 503}, phone)
    made = alert(world, desk, [bob], [{"push": "all"}])
    bob.delivery("iphone", "retry")
    status, answer = ask(world, "POST", f"/v1/alerts/{made['id']}/cancel")
    assert (status, answer["state"]) == (200, "cancelled")
    world.stands.remove(fault)
    assert bob.delivery("iphone", "dropped")["reason"] == "cancelled"
    assert world.stands.records("apns", phone) == []


def test_ack_over_the_socket__answered_and_other_devices_hear_of_the_end(world, desk):
    bob, eve = world.people("socket", 2)

    async def talk():
        async with websockets.connect(world.node.ws, subprotocols=["surewire.v1"]) as ws:
            await ws.send(json.dumps({"t": "hello", "token": bob.bearer, "device": "desktop"}))
            made = alert(world, desk, [bob], [{"socket": True}])
            frames = []
            while not any(f["t"] == "events" for f in frames):
                frames.append(json.loads(await asyncio.wait_for(ws.recv(), 20)))
            await ws.send(json.dumps({"t": "alert_ack", "alert": made["id"]}))
            while "surewire.alert_ended" not in json.dumps(frames):
                frames.append(json.loads(await asyncio.wait_for(ws.recv(), 20)))
            await ws.send(json.dumps({"t": "alert_ack", "alert": "77"}))
            while frames[-1]["t"] != "error":
                frames.append(json.loads(await asyncio.wait_for(ws.recv(), 20)))
            return made, frames

    made, frames = asyncio.run(talk())
    assert {"t": "alert_acked", "alert": made["id"]} in frames
    end = [e for f in frames if f["t"] == "events" for e in f["events"] if e["kind"] == "surewire.alert_ended"]
    assert end[0]["body"] == {"alert": made["id"], "state": "acknowledged", "by": bob.name}
    assert frames[-1]["code"] == "unknown_alert"
    ack(eve, made, expect=404)
    assert [a["user"] for a in look(world, made)["acks"]] == [bob.name]


# ---- asking ----


def test_same_key__the_same_alert_and_other_content_refused(world, desk):
    bob = world.person("bob")
    phone, key = bob.iphone(), secrets.token_hex(8)
    plan = [{"push": "all"}]
    made = alert(world, desk, [bob], plan, idempotency_key=key)
    assert alert(world, desk, [bob], plan, expect=200, idempotency_key=key)["id"] == made["id"]
    assert alert(world, desk, [bob], plan, expect=409, idempotency_key=key, title="flood")["code"] == "key_reused"
    world.arrived("apns", phone)
    ack(bob, made)
    ended(world, made, "acknowledged")


@pytest.mark.parametrize("change, said", [
    ({"users": ["nobody-of-this-name"]}, "nobody-of-this-name"),
    ({"users": []}, "users"),
    ({"severity": "awful"}, "low, normal, high or critical"),
    ({"title": ""}, "title"),
    ({"titel": "x"}, "no such member"),
    ({"from": "nobody-of-this-name"}, "from"),
    ({"plan": [{"push": "pigeon"}]}, "push account"),
    ({"plan": []}, "1 to 32"),
    ({"plan": [{"push": "all", "after": 3}]}, "after"),
    ({"plan": [{"push": "all"}], "needs_ack": False}, "needs_ack"),
    ({"deadline_s": 0}, "deadline_s"),
    ({"users": None, "group": "123"}, "group"),
])
def test_bad_input__a_problem_that_says_what_was_expected(world, desk, change, said):
    bob = world.person("bob")
    body = {"users": [bob.name], "severity": "low", "title": "x", "from": desk.name, **change}
    status, answer = ask(world, "POST", "/v1/alerts", {k: v for k, v in body.items() if v is not None})
    assert status == 400, answer
    assert said in answer["detail"], answer


def test_clients_cannot_send_our_kinds(world, desk):
    bob = world.person("bob")
    body = {"cid": "0b5f2f7e-8a4e-4b6e-9d5b-0f6c1f0a7c11", "to": {"user": bob.name}, "kind": "surewire.alert",
            "body": {"alert": "1"}}
    status, answer = desk.call("POST", "/v1/messages", body)
    assert (status, answer["code"]) == (400, "bad_frame")
    assert "surewire." in answer["detail"]


def test_command_line__send_list_show_cancel(world, desk):
    bob = world.person("bob")
    bob.iphone()
    url = ("--url", world.node.admin_url)
    out = world.deployment.run("alert", "send", "water", "-U", bob.name, "-F", desk.name, "-P", '[{"push": "all"}]',
                               "--json", *url).stdout
    made = json.loads(out)
    assert made["id"] in world.deployment.run("alert", "list", "--state", "open", *url).stdout
    bob.delivery("iphone", "delivered")
    assert "push all" in world.deployment.run("alert", "show", made["id"], *url).stdout
    assert "cancelled" in world.deployment.run("alert", "cancel", made["id"], *url).stdout
    assert world.deployment.run("alert", "watch", made["id"], *url, check=False).returncode == 1


# ---- load and crashes ----


def test_a_thousand_chat_pushes_wait__an_alert_comes_out_first(world, desk):
    crowd, bob = world.people("crowd", 1000), world.person("bob")
    world.space.query(
        "INSERT INTO device (user_id, device, platform, provider, app, token, registered_at_ms)"
        " SELECT user_id, 'iphone', 'ios', 'apns', %s, md5(name) || md5(name), %s FROM account WHERE name = ANY(%s)",
        (push_world.TOPIC, int(time.time() * 1000), [p.name for p in crowd]))
    phone = bob.iphone()
    fault = world.stands.fault("apns", {"delay_ms": 300})
    desk.group("crowd", crowd[:999])  # each of them is told by a push
    wait_until(lambda: world.stands.hits(fault) > 8, "the first of them at the slow provider")
    made = alert(world, desk, [bob], [{"push": "all"}])
    world.arrived("apns", phone)
    assert world.stands.hits(fault) < 500  # the others wait still
    world.stands.remove(fault)
    ack(bob, made)
    ended(world, made, "acknowledged")


def test_two_admins_and_a_kill__each_job_once(world, desk):
    other = world.deployment.node("admin")
    people = world.people("many", 30)
    phones = [p.iphone() for p in people]
    plan = {"steps": [{"push": "apns"}, {"after_s": 2, "push": "apns"}, {"after_s": 2, "push": "apns"}],
            "give_up_after_s": 60}
    made = alert(world, desk, people, plan)
    wait_until(lambda: look(world, made)["steps"], "the first steps")
    other.kill()
    other.restart()
    time.sleep(0.3)
    other.kill()
    for phone in phones:
        wait_until(lambda: len(world.stands.records("apns", phone)) >= 3, "three pushes a phone", 60)
    answer = look(world, made)
    taken = [(s["user"], s["round"], s["step"]) for s in answer["steps"]]
    assert len(taken) == len(set(taken)) == 90
    for phone in phones:
        records = world.stands.records("apns", phone)
        assert len(records) == len({r["id"] for r in records}) == 3
    ack(people[0], made)
    ended(world, made, "acknowledged")


def test_killed_between_the_push_and_its_record__the_same_job_again_and_shown_once(world, desk):
    bob = world.person("bob")
    phone = bob.iphone()
    lock = world.space.connect()
    lock.cursor().execute("LOCK TABLE alert_event IN EXCLUSIVE MODE")  # steps are taken and cannot be recorded
    try:
        made = alert(world, desk, [bob], [{"push": "all"}, {"after_s": 1, "push": "fallback"}])
        bob.delivery("iphone", "delivered")
        world.node.kill()
        # The server would finish what it was asked for by a client that is gone.
        world.space.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE datname = current_database() AND wait_event_type = 'Lock'")
    finally:
        lock.close()
    assert look_at_steps(world, made) == 0
    world.node.restart()
    wait_until(lambda: look_at_steps(world, made), "the step is recorded", 60)
    world.arrived("apns", phone, 1)
    ack(bob, made)
    ended(world, made, "acknowledged")
    world.arrived("apns", phone, 1)


def look_at_steps(world, made):
    """How many are recorded, asked for at the store: the node may be away."""
    return world.space.query("SELECT count(*) FROM alert_event WHERE alert = %s", (made["id"],))[0][0]
