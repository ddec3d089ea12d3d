# SPDX-License-Identifier: Apache-2.0
"""Pushes that another system asks for: to each kind of recipient, once for each key, watched, and called off."""
import concurrent.futures
import json
import secrets
import time

import pytest

import push_world
from direct_world import api, ended, make_world, push, status_of, subscribe
from surewire_env import wait_until

USAGE, FAILURE = 64, 1
FULL = {
    "title": "Zug verspätet",
    "subtitle": "ICE 100",
    "body": "Abfahrt 12 Minuten später",
    "sound": "bell.caf",
    "badge": 3,
    "category": "TRAIN",
    "thread": "ice-100",
    "collapse": "ice-100-delay",
    "priority": "high",
    "interruption": "time_sensitive",
    "relevance": 70,
    "ttl_s": 600,
    "data": {"train": "ICE 100", "delay_min": "12"},
    "apple": {"target_content": "trains"},
    "android": {"channel": "delays", "color": "#aa0000", "visibility": "public"},
}


@pytest.fixture(scope="module")
def world(module_deployment):
    return make_world(module_deployment)


def test_push__to_a_user__reaches_all_devices_but_not_the_mail(world):
    bob = world.person("bob")
    phone, tablet, _ = bob.iphone(), bob.android(), bob.mail()
    number = push(world, {"user": bob.name}, {"title": "Hello", "body": "world"})
    apns, fcm = world.arrived("apns", phone)[0], world.arrived("fcm", tablet)[0]
    assert apns["payload"]["aps"]["alert"] == {"title": "Hello", "body": "world"}
    assert apns["payload"]["push"] == number and apns["collapse_id"] == number
    assert fcm["payload"]["message"]["notification"] == {"title": "Hello", "body": "world"}
    assert fcm["payload"]["message"]["data"] == {"push": number}
    found = ended(world, number)
    assert (found["state"], found["planned"], found["outcomes"]) == ("done", 2, {"delivered": 2})
    assert (found["kind"], found["to"], found["progress"], found["recipients"]) == ("users", bob.name, 1.0, 1)
    assert [d["pos"] for d in bob.deliveries()] == [0, 0] and bob.events() == []


def test_push__all_members__each_provider_gets_what_it_should(world):
    bob = world.person("bob")
    phone, tablet = bob.iphone(), bob.android()
    begun_s = int(time.time())
    number = push(world, {"users": [bob.name]}, FULL, priority="high")
    apns, fcm = world.arrived("apns", phone)[0], world.arrived("fcm", tablet)[0]["payload"]["message"]
    aps = apns["payload"]["aps"]
    assert aps["alert"] == {"title": FULL["title"], "subtitle": FULL["subtitle"], "body": FULL["body"]}
    assert (aps["sound"], aps["badge"], aps["category"], aps["thread-id"]) == ("bell.caf", 3, "TRAIN", "ice-100")
    assert (aps["interruption-level"], aps["relevance-score"], aps["target-content-id"]) == (
        "time-sensitive", 0.7, "trains")
    assert {k: v for k, v in apns["payload"].items() if k != "aps"} == {"push": number, **FULL["data"]}
    headers = apns["headers"]
    assert (headers["apns-priority"], headers["apns-collapse-id"]) == ("10", "ice-100-delay")
    assert begun_s + 500 < int(headers["apns-expiration"]) <= time.time() + 600
    assert fcm["data"] == {"push": number, **FULL["data"]}
    assert (fcm["android"]["priority"], fcm["android"]["collapse_key"]) == ("HIGH", "ice-100-delay")
    assert 500 < int(fcm["android"]["ttl"].rstrip("s")) <= 600
    shown = fcm["android"]["notification"]
    assert (shown["channel_id"], shown["color"], shown["sound"]) == ("delays", "#aa0000", "bell.caf")
    assert fcm["notification"]["title"] == FULL["title"] and fcm["notification"]["body"] == FULL["body"]
    found = ended(world, number)
    assert (found["priority"], found["outcomes"]) == ("high", {"delivered": 2})


def test_push__silent_and_low__says_so_to_the_service(world):
    bob = world.person("bob")
    phone, tablet = bob.iphone(), bob.android()
    push(world, {"user": bob.name}, {"silent": True, "data": {"sync": "1"}, "priority": "low"})
    apns, fcm = world.arrived("apns", phone)[0], world.arrived("fcm", tablet)[0]["payload"]["message"]
    assert (apns["headers"]["apns-push-type"], apns["payload"]["aps"]) == ("background", {"content-available": 1})
    assert apns["payload"]["sync"] == "1"
    assert "notification" not in fcm and fcm["android"]["priority"] == "NORMAL" and fcm["data"]["sync"] == "1"


def test_push__one_device__no_other(world):
    bob = world.person("bob")
    phone, tablet, _ = bob.iphone(), bob.android(), bob.mail()
    number = push(world, {"user": bob.name, "device": "android"})
    world.arrived("fcm", tablet)
    assert ended(world, number)["planned"] == 1
    assert world.stands.records("apns", phone) == []
    mail = push(world, {"user": bob.name, "device": "mail"})  # meant by its name, though he has others
    assert ended(world, mail)["outcomes"] == {"delivered": 1}
    assert bob.deliveries("mail")[0]["event"] == int(mail)


def test_push__only_a_mail_address__gets_the_mail(world):
    carol = world.person("carol")
    address = carol.mail()
    number = push(world, {"user": carol.name}, {"title": "Only by mail", "body": "b"})
    assert ended(world, number)["outcomes"] == {"delivered": 1}
    assert len(world.arrived("smtp", address)) == 1


def test_push__nobody_can_be_pushed__done_with_nothing(world):
    number = push(world, {"user": world.person("nodevice").name})
    found = ended(world, number)
    assert (found["planned"], found["outcomes"], found["progress"]) == (0, {}, 1.0)


def test_push__bare_tokens__of_each_provider(world):
    apns, fcm = secrets.token_hex(32), secrets.token_urlsafe(60) + ":APA91b"
    huawei = "IQAAAA" + secrets.token_urlsafe(90)
    for provider, token in (("apns", apns), ("fcm", fcm), ("huawei", huawei)):
        number = push(world, {"token": token, "provider": provider, "app": push_world.TOPIC}, {"title": provider})
        world.arrived(provider, token)
        found = ended(world, number)
        assert (found["kind"], found["to"], found["outcomes"]) == ("token", provider, {"delivered": 1})
        assert token not in json.dumps(found)


# ---- once for each key ----


def test_push__same_key_at_once__is_one(world):
    bob = world.person("bob")
    token, key = bob.iphone(), "order " + secrets.token_hex(8)
    body = {"to": {"user": bob.name}, "notification": {"title": "once"}}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api(world, "POST", "/v1/push", body, key), range(16)))
    assert {status for status, _ in answers} == {202}
    assert len({answer["id"] for _, answer in answers}) == 1
    assert [answer["repeated"] for _, answer in answers].count(False) == 1
    ended(world, answers[0][1]["id"])
    world.arrived("apns", token)
    reordered = {"notification": {"title": "once"}, "to": {"user": bob.name}}
    assert api(world, "POST", "/v1/push", reordered, key) == (202, {"id": answers[0][1]["id"], "repeated": True})
    status, answer = api(world, "POST", "/v1/push", {**body, "ttl_s": 5}, key)
    assert (status, answer["code"]) == (409, "key_reused")
    assert len(world.stands.records("apns", token)) == 1


# ---- status, dead letters, cancelling ----


def test_push__dead_letter__counted_replayed_and_counted_apart(world):
    bob = world.person("bob")
    token, phone = bob.android(), bob.iphone()
    fault = world.stands.fault("fcm", {"status": 503}, token)
    number = push(world, {"user": bob.name}, FULL)
    found = ended(world, number)
    assert found["outcomes"] == {"dead": 1, "delivered": 1}
    assert (found["ended"], found["waiting"], found["progress"]) == (2, 0, 1.0)
    world.stands.remove(fault)
    letter = wait_until(lambda: api(world, "GET", f"/v1/admin/dead?user={bob.name}")[1]["dead"], "the letter")[0]
    assert letter["event"] == number
    assert api(world, "POST", f"/v1/admin/dead/{letter['id']}/replay")[0] == 200
    again = wait_until(lambda: (lambda f: f if f["replays"] == {"delivered": 1} else None)(status_of(world, number)),
                       "the replay is counted")
    assert (again["outcomes"], again["waiting"], again["planned"]) == ({"dead": 1, "delivered": 1}, 0, 2)
    record = world.arrived("fcm", token)[0]["payload"]["message"]
    assert record["data"] == {"push": number, **FULL["data"]}
    world.arrived("apns", phone)


def test_cancel__provider_away__what_waits_is_dropped(world):
    bob, eve = world.person("bob"), world.person("eve")
    token, other = bob.android(), eve.iphone()
    fault = world.stands.fault("fcm", {"status": 503, "retry_after": 3}, token, count=1)
    number = push(world, {"users": [bob.name, eve.name]})
    bob.delivery("android", "retry")
    world.arrived("apns", other)
    waiting = status_of(world, number)
    assert (waiting["state"], waiting["waiting"]) == ("done", 1) and waiting["progress"] == 0.5
    status, answer = api(world, "POST", f"/v1/push/{number}/cancel")
    assert (status, answer["state"]) == (200, "cancelled")
    assert bob.delivery("android", "dropped")["reason"] == "cancelled"
    assert world.stands.records("fcm", token) == [] and world.stands.hits(fault) == 1
    found = ended(world, number)
    assert (found["state"], found["outcomes"]) == ("cancelled", {"delivered": 1, "dropped": 1})


def test_cancel__all_have_ended__stays_done(world):
    bob = world.person("bob")
    bob.iphone()
    number = push(world, {"user": bob.name})
    ended(world, number)
    assert api(world, "POST", f"/v1/push/{number}/cancel")[1]["state"] == "done"
    assert api(world, "POST", "/v1/push/1/cancel")[0] == 404 and api(world, "GET", "/v1/push/1")[0] == 404


def test_list__newest_first__page_by_page(world):
    numbers = [push(world, {"user": world.person("listed").name}) for _ in range(3)]
    page = api(world, "GET", "/v1/push?limit=2")[1]
    assert [row["id"] for row in page["pushes"]] == numbers[:0:-1]
    page = api(world, "GET", f"/v1/push?limit=2&before={page['next_before']}")[1]
    assert page["pushes"][0]["id"] == numbers[0]


# ---- topics ----


def test_topic__users_devices_and_tokens__each_once(world):
    bob, eve, gone = world.person("bob"), world.person("eve"), world.person("gone")
    phone, tablet = bob.iphone(), bob.android()
    eves, _ = eve.iphone(), eve.android()
    bare = secrets.token_hex(32)
    topic = "news." + secrets.token_hex(4)
    address = {"token": bare, "provider": "apns", "app": push_world.TOPIC}
    who = [bob.name, {"user": bob.name, "device": "iphone"}, {"user": eve.name, "device": "iphone"}, address]
    assert subscribe(world, topic, who) == (4, 0)
    assert subscribe(world, topic, who + who) == (0, 0)
    assert api(world, "PUT", f"/v1/topics/{topic}/subscribers/{gone.name}") == (
        200, {"topic": topic, "added": 1, "removed": 0})
    assert api(world, "GET", f"/v1/topics/{topic}")[1] == {
        "topic": topic, "subscribers": 5, "users": 3, "tokens": 1}
    assert api(world, "DELETE", f"/v1/topics/{topic}/subscribers/{gone.name}")[1]["removed"] == 1
    number = push(world, {"topic": topic}, {"title": "news"})
    for provider, token in (("apns", phone), ("fcm", tablet), ("apns", eves), ("apns", bare)):
        world.arrived(provider, token)
    found = ended(world, number)
    assert (found["planned"], found["outcomes"], found["recipients"], found["passed"]) == (4, {"delivered": 4}, 4, 4)
    assert [d["device"] for d in eve.deliveries()] == ["iphone"]
    assert subscribe(world, topic, remove=who) == (0, 4)
    assert ended(world, push(world, {"topic": topic}))["planned"] == 0


def test_topic__bare_token_dies__is_unsubscribed(world):
    dead, alive = secrets.token_hex(32), secrets.token_hex(32)
    topic = "news." + secrets.token_hex(4)
    subscribe(world, topic, [{"token": t, "provider": "apns", "app": push_world.TOPIC} for t in (dead, alive)])
    world.stands.fault("apns", {"token_dead_ms": int(time.time() * 1000) + 60000}, dead, count=1)
    found = ended(world, push(world, {"topic": topic}))
    assert found["outcomes"] == {"delivered": 1, "token_dead": 1}
    assert api(world, "GET", f"/v1/topics/{topic}")[1]["tokens"] == 1


# ---- what is refused ----


def test_api__bad_input__named_and_nothing_stored(world):
    bob = world.person("bob")
    bob.iphone()
    to, note = {"user": bob.name}, {"title": "t"}
    token = {"token": secrets.token_hex(32), "provider": "apns", "app": push_world.TOPIC}
    large = {"title": "t", "data": {"d": "x" * 5000}}
    before = world.space.query("SELECT count(*) FROM push_request")
    for status, code, text, body in (
            (400, "bad_request", "to: expected", {"notification": note}),
            (400, "bad_request", "notification: expected an object", {"to": to}),
            (400, "bad_request", "notification: titel: there is no such member", {"to": to, "notification": {"titel": 1}}),
            (400, "bad_request", "an alert: expected a title or a body", {"to": to, "notification": {}}),
            (400, "bad_request", "priority: expected normal or high",
             {"to": to, "notification": note, "priority": "urgent"}),
            (400, "bad_request", "token", {"to": {**token, "token": "short"}, "notification": note}),
            (400, "bad_request", "provider: expected one that this server is configured for",
             {"to": {**token, "provider": "gcm"}, "notification": note}),
            (400, "bad_request", "app: expected one of topics of [push.apns]",
             {"to": {**token, "app": "org.other"}, "notification": note}),
            (404, "unknown_recipient", "there is no user nobody-here",
             {"to": {"users": [bob.name, "nobody-here"]}, "notification": note}),
            (404, "unknown_recipient", f"{bob.name} has no device tv",
             {"to": {"user": bob.name, "device": "tv"}, "notification": note}),
            (413, "too_large", "of the 4096 that apns takes", {"to": token, "notification": large}),
            (413, "too_large", "of the 4096 that apns takes", {"to": to, "notification": large}),
            (413, "too_large", "of the 4096 that", {"to": {"topic": "news"}, "notification": large})):
        answer = api(world, "POST", "/v1/push", body)
        assert (answer[0], answer[1]["code"]) == (status, code) and text in answer[1]["detail"], answer
    assert api(world, "POST", "/v1/push", raw=b"{")[1]["code"] == "bad_request"
    for key in ("", "k" * 129, "caf\u00e9"):
        answer = api(world, "POST", "/v1/push", {"to": to, "notification": note}, key)
        assert answer[0] == 400 and "Idempotency-Key" in answer[1]["detail"], (key, answer)
    assert api(world, "DELETE", "/v1/push")[0] == 405
    assert push_world.call("POST", world.admin.admin_url + "/v1/push", {}, "wrong")[0] == 401
    assert world.space.query("SELECT count(*) FROM push_request") == before


def test_topic_api__bad_input__named_and_nothing_changed(world):
    bob = world.person("bob")
    path = "/v1/topics/refused/subscribers"
    for status, text, body in (
            (400, "the body: expected", {}), (400, "add: expected a list", {"add": "bob"}),
            (400, "add[1]: provider", {"add": [bob.name, {"token": "t", "provider": "no"}]}),
            (404, "there is no user nobody-here", {"add": [bob.name, "nobody-here"]}),
            (404, "has no device tv", {"add": [{"user": bob.name, "device": "tv"}]})):
        answer = api(world, "POST", path, body)
        assert answer[0] == status and text in answer[1]["detail"], answer
    assert api(world, "PUT", path + "/nobody-here")[0] == 404
    assert api(world, "GET", "/v1/topics/not%20one")[0] == 400
    assert api(world, "GET", "/v1/topics/refused")[1]["subscribers"] == 0


# ---- command line ----


def surewire(world, *arguments, code=0):
    done = world.deployment.run(*arguments, "--url", world.admin.admin_url, check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def test_command_line__sends_shows_lists_and_cancels(world):
    bob, key = world.person("bob"), secrets.token_hex(8)
    token = bob.iphone()
    command = ("push", "send", "--user", bob.name, "--title", "From a", "shell", "script", "--key", key, "--ttl", "5m",
               "--notification", json.dumps({"badge": 4}))
    first = surewire(world, *command).stdout
    assert first.endswith("is on its way\n")
    assert "was asked for before" in surewire(world, *command).stdout
    number = first.split()[1]
    ended(world, number)
    aps = world.arrived("apns", token)[0]["payload"]["aps"]
    assert (aps["alert"], aps["badge"]) == ({"title": "From a", "body": "shell script"}, 4)
    shown = surewire(world, "push", "show", number).stdout
    assert "delivered 1" in shown and "1, 1 ended, 0 waiting: 100.0 %" in shown and "@" in status_of(world, number)["operator"]
    assert json.loads(surewire(world, "push", "show", number, "--json").stdout)["id"] == number
    assert surewire(world, "push", "list", "--limit", "1").stdout.splitlines()[1].split()[0] == number
    assert "state       done" in surewire(world, "push", "cancel", number).stdout


def test_command_line__topics(world):
    bob, topic = world.person("bob"), "shell." + secrets.token_hex(4)
    bob.iphone()
    token = ("--token", secrets.token_hex(32), "--provider", "apns", "--app", push_world.TOPIC)
    assert surewire(world, "topic", "add", topic, bob.name, *token).stdout == f"{topic}: 2 added, 0 removed\n"
    assert surewire(world, "topic", "show", topic).stdout == f"{topic}: 2 subscribers, of them 1 users and 1 tokens\n"
    assert surewire(world, "push", "send", "--topic", topic, "hello").stdout.endswith("is on its way\n")
    assert surewire(world, "topic", "remove", topic, bob.name, *token).stdout == f"{topic}: 0 added, 2 removed\n"


@pytest.mark.parametrize("arguments, text", [
    (("push",), "expected send, show, list or cancel"),
    (("push", "frob"), "expected send, show, list or cancel, got 'frob'"),
    (("push", "show"), "show: expected one id"),
    (("push", "show", "abc"), "expected an id, a decimal number, got 'abc'"),
    (("push", "send", "hi"), "expected either --user, or --topic, or --token"),
    (("push", "send", "--user", "a", "--topic", "b", "hi"), "expected either --user, or --topic, or --token"),
    (("push", "send", "--topic", "b", "--device", "c", "hi"), "--device: expected one --user beside it"),
    (("push", "send", "--user", "a", "--ttl", "soon", "hi"), "--ttl: expected a time"),
    (("push", "send", "--user", "a", "--notification", "["), "--notification: expected a JSON object"),
    (("push", "send", "--user", "a"), "an alert: expected a title or a body"),
    (("push", "send", "--user", "a", "--priority", "x", "hi"), "priority: expected normal or high"),
    (("push", "list", "--limit", "0"), "--limit: expected a whole number from 1 to 500"),
    (("topic",), "expected add, remove or show"),
    (("topic", "frob", "news"), "expected add, remove or show, got 'frob'"),
    (("topic", "show"), "show: expected a topic"),
    (("topic", "add", "news"), "add: expected users, or --token"),
    (("topic", "show", "news", "bob"), "show: expected a topic alone"),
    (("topic", "add", "not one", "bob"), "the topic: expected 1 to 64 of"),
])
def test_command_line__wrong__usage(world, arguments, text):
    assert text in surewire(world, *arguments, code=USAGE).stderr


def test_command_line__unknown_user__fails_with_the_name(world):
    done = surewire(world, "push", "send", "--user", "nobody-here", "hi", code=FAILURE)
    assert "there is no user nobody-here" in done.stderr
