# SPDX-License-Identifier: Apache-2.0
"""Webhooks through the whole system: to the stand-in, with its faults, and to a receiver that is not ours: Python's
http.server and hmac. One section sends to the URL that a device registered, one to a system of our own."""
import base64
import datetime
import pathlib
import re
import secrets
import signal
import sys

import pytest

import push_world
from surewire_env import wait_until

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from webhook_receiver import Receiver, verify  # noqa: E402

MANY = 20


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="module")
def receiver(module_deployment):
    """Knows the secret that every installation has."""
    keys = module_deployment.keys
    receiver = Receiver(keys / "tls", (keys / "webhook.secret").read_text().strip())
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def own(module_deployment):
    """The system of the section with a url, and a secret of its own."""
    receiver = Receiver(module_deployment.keys / "tls", new_secret())
    (module_deployment.keys / "own.secret").write_text(receiver.secret + "\n")
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def world(module_deployment, own):
    common = {"provider": "webhook", "ca_file": "keys/tls/ca.pem"}
    config = {
        **{f"push.own.{key}": value for key, value in common.items()},
        "push.own.url": own.url("all?from=surewire"),
        "push.own.secret_file": "keys/own.secret",
        **{f"push.strict.{key}": value for key, value in common.items()},
        "push.strict.secret_file": "keys/webhook.secret",
        **{f"push.narrow.{key}": value for key, value in common.items()},
        "push.narrow.secret_file": "keys/webhook.secret",
        "push.narrow.origins": "1",
        "push.narrow.connections": "1",
        "push.narrow.allow_private_addresses": "true",
    }
    return push_world.World(module_deployment, config)


@pytest.fixture
def sender(world):
    return world.person("sender")


def stand_in(world, host="localhost"):
    """A URL of the stand-in, and what it records it under."""
    word = secrets.token_urlsafe(12)
    return f"https://{host}:{world.deployment.sim_ports['webhook']}/hook/{word}", word


def hook(world, person, provider="webhook", host="localhost"):
    url, word = stand_in(world, host)
    person.device("hook", provider, url, platform="server")
    return word


def outcomes(person, device="hook"):
    return [(a["number"], a["outcome"], a["status"]) for a in person.attempts(device)]


# ---- the way of a webhook ----


def test_push__to_the_stand_in__signed_and_accepted(world, sender):
    bob = world.person("bob")
    word = hook(world, bob)
    answer = sender.send(bob, "hello “hook” ☎")
    row = bob.delivery("hook", "delivered")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 200, "accepted")
    [record] = world.arrived("webhook", word)
    payload = record["payload"]
    assert payload["data"] == {"message": answer["id"], "conversation": answer["conv"], "seq": answer["seq"],
                               "pos": str(row["pos"])}
    assert record["id"] == payload["id"] == row["job"].replace("-", "")


def test_push__to_a_receiver_of_python__verified_by_hmac(world, sender, receiver):
    bob = world.person("bob")
    bob.device("hook", "webhook", receiver.url(bob.name), platform="server")
    before = datetime.datetime.now(datetime.timezone.utc)
    answer = sender.send(bob, "hello “hook” ☎")
    bob.delivery("hook", "delivered")
    [got] = receiver.of(f"/in/{bob.name}")
    assert got["fault"] is None
    assert got["headers"]["content-type"] == "application/json"
    payload = got["payload"]
    created = datetime.datetime.fromisoformat(payload.pop("created_at").replace("Z", "+00:00"))
    expires = datetime.datetime.fromisoformat(payload.pop("expires_at").replace("Z", "+00:00"))
    assert abs((created - before).total_seconds()) < 60 and expires > created
    assert payload == {
        "id": got["headers"]["webhook-id"], "kind": "alert", "user": bob.name, "device": "hook",
        "app": push_world.TOPIC, "title": sender.name, "body": "hello “hook” ☎", "conversation": answer["conv"],
        "message": answer["id"], "collapse": answer["id"], "badge": payload["badge"], "urgent": True,
        "data": payload["data"],
    }


def test_push__to_our_own_system__with_the_word_of_each_device(world, sender, own):
    people = world.people("member", MANY)
    for person in people:
        person.device("phone", "own", f"key:{person.name}", platform="ios")
    answer = sender.send(sender.group("many", people), "to all")
    wait_until(lambda: world.states(answer) == {("delivered", 1): len(people)}, "all delivered")
    got = [g for g in own.of("/in/all?from=surewire") if g["payload"]["message"] == answer["id"]]
    assert {g["fault"] for g in got} == {None}
    assert sorted((g["payload"]["user"], g["payload"]["token"]) for g in got) == sorted(
        (person.name, f"key:{person.name}") for person in people)
    assert len({g["headers"]["webhook-id"] for g in got}) == len(people)


def test_signature__of_another_secret_or_body__not_good(world, sender, own):
    bob = world.person("bob")
    bob.device("phone", "own", "one", platform="ios")
    answer = sender.send(bob, "signed")
    bob.delivery("phone", "delivered")
    [got] = [g for g in own.got if g["payload"].get("message") == answer["id"]]
    assert verify(new_secret(), got["headers"], b"{}") == "signature"
    assert verify(own.secret, got["headers"], b"{}") == "signature"


def test_secrets_changed__both_sign_until_the_old_one_goes(world, sender, own):
    bob = world.person("bob")
    bob.device("phone", "own", "one", platform="ios")
    path = world.deployment.keys / "own.secret"
    old, fresh = own.secret, new_secret()

    def signatures(text):
        answer = sender.send(bob, text)
        wait_until(lambda: [g for g in own.got if g["payload"].get("message") == answer["id"]], "it came")
        [got] = [g for g in own.got if g["payload"].get("message") == answer["id"]]
        return got

    def reload(*lines):
        path.write_text("".join(line + "\n" for line in lines))
        world.node.signal(signal.SIGHUP)

    reload(fresh, old)
    got = wait_until(lambda: next((g for g in [signatures("both")] if " " in g["headers"]["webhook-signature"]), None),
                     "two signatures", every_s=0.5)
    assert got["fault"] is None
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=", got["headers"]["webhook-signature"])
    own.secret = fresh
    assert signatures("new at the receiver")["fault"] is None
    reload(fresh)
    got = wait_until(lambda: next((g for g in [signatures("one")] if " " not in g["headers"]["webhook-signature"]), None),
                     "one signature", every_s=0.5)
    assert got["fault"] is None


# ---- registration ----


@pytest.mark.parametrize("provider, token, expected", [
    ("webhook", "", "expected https://HOST/PATH"),
    ("webhook", "a-word", "expected https://HOST/PATH"),
    ("webhook", "http://localhost/x", "expected https://HOST/PATH"),
    ("webhook", "https://user@hooks.example/x", "expected https://HOST/PATH"),
    ("webhook", "https://hooks.example/x#y", "expected https://HOST/PATH"),
    ("webhook", "https://hooks.example/" + "x" * 1003, "expected https://HOST/PATH"),
    ("own", "", "expected 1 to 1024 printable"),
    ("own", "two words", "expected 1 to 1024 printable"),
])
def test_register__not_the_form__refused_with_what_was_expected(world, provider, token, expected):
    bob = world.person("bob")
    status, answer = bob.call("PUT", "/v1/devices/hook", {"provider": provider, "token": token, "platform": "server"})
    assert status == 400 and expected in answer["detail"], answer


def test_register__longest_url__accepted(world):
    bob = world.person("bob")
    bob.device("hook", "webhook", "https://hooks.example/" + "x" * 1002, platform="server")


# ---- what the receiver says ----


def test_410__device_is_dropped(world, sender):
    bob = world.person("bob")
    word = hook(world, bob)
    world.stands.fault("webhook", {"status": 410}, word, count=1)
    sender.send(bob, "gone")
    row = bob.delivery("hook", "token_dead")
    assert (row["attempts"], row["status"]) == (1, 410)
    wait_until(lambda: bob.stored_token("hook") == "", "the device is dropped")


@pytest.mark.parametrize("status", [302, 401, 404, 413])
def test_refused_by_the_receiver_of_a_device__a_dead_letter(world, sender, status):
    bob = world.person("bob")
    word = hook(world, bob)
    world.stands.fault("webhook", {"status": status}, word, count=1)
    answer = sender.send(bob, "no")
    row = bob.delivery("hook", "rejected")
    assert (row["attempts"], row["status"], row["reason"]) == (1, status, f"HTTP {status}")
    letters = wait_until(bob.dead_letters, "a dead letter")
    assert [(d["event"], d["provider"], d["status"]) for d in letters] == [(int(answer["id"]), "webhook", status)]


def test_401_of_our_own_system__kept_for_an_operator(world, sender, own):
    bob = world.person("bob")
    bob.device("phone", "own", "one", platform="ios")
    own.answers["/in/all?from=surewire"] = [(401, {}, b"")]
    sender.send(bob, "not yet")
    row = bob.delivery("phone", "retry")
    assert (row["status"], row["reason"]) == (401, "HTTP 401")
    assert outcomes(bob, "phone")[0][1] == "config"
    assert bob.stored_token("phone") == "one"


@pytest.mark.parametrize("status, outcome", [(429, "retry"), (503, "retry")])
def test_retry_after__is_a_minimum_and_the_id_stays(world, sender, status, outcome):
    bob = world.person("bob")
    word = hook(world, bob)
    world.stands.fault("webhook", {"status": status, "retry_after": 4, "accept": True}, word, count=1)
    sender.send(bob, "slowly")
    bob.delivery("hook", "delivered")
    assert outcomes(bob) == [(1, outcome, status), (2, "delivered", 200)]
    first, second = world.arrived("webhook", word, 2)
    assert second["received_at_ms"] - first["received_at_ms"] >= 4000
    assert first["id"] == second["id"] and first["payload"] == second["payload"]
    assert (first["repeats"], second["repeats"]) == (0, 1)
    assert first["headers"]["webhook-signature"] != second["headers"]["webhook-signature"]  # of another time


def test_connection_dropped_after_it_was_taken__sent_again_with_the_same_id(world, sender):
    bob = world.person("bob")
    word = hook(world, bob)
    world.stands.fault("webhook", {"drop_connection": True, "accept": True}, word, count=1)
    sender.send(bob, "perhaps")
    bob.delivery("hook", "delivered")
    assert [outcome for _, outcome, _ in outcomes(bob)] == ["unknown", "delivered"]
    first, second = world.arrived("webhook", word, 2)
    assert first["id"] == second["id"]


def test_kept_connection_breaks_under_a_webhook__recorded_as_unknown_not_sent_behind_our_back(world, sender, receiver):
    bob = world.person("bob")
    bob.device("hook", "narrow", receiver.url(bob.name), platform="server")
    path = f"/in/{bob.name}"
    receiver.answers[path] = [(200, {}, b""), "drop"]
    sender.send(bob, "one")
    wait_until(lambda: len(receiver.of(path)) == 1, "the first came")
    sender.send(bob, "two")
    wait_until(lambda: [d["state"] for d in bob.deliveries("hook")] == ["delivered"] * 2, "both are delivered", 90)
    assert [outcome for _, outcome, _ in outcomes(bob)] == ["delivered", "unknown", "delivered"]
    got = receiver.of(path)
    assert [g["payload"]["body"] for g in got] == ["one", "two", "two"]
    assert got[1]["headers"]["webhook-id"] == got[2]["headers"]["webhook-id"]


def test_huge_answer__what_its_status_says(world, sender, receiver):
    bob = world.person("bob")
    bob.device("hook", "webhook", receiver.url(bob.name), platform="server")
    receiver.answers[f"/in/{bob.name}"] = [(200, {}, b"x" * 1_000_000)]
    sender.send(bob, "much")
    row = bob.delivery("hook", "delivered")
    assert (row["attempts"], row["status"]) == (1, 200)


# ---- addresses and origins ----


def test_private_address__not_connected_to_unless_allowed(world, sender):
    hosts = {host: world.person("bob") for host in ("localhost", "127.0.0.1")}
    before = world.stands.stats("webhook")["connections"]
    for host, bob in hosts.items():
        hook(world, bob, "strict", host)
        sender.send(bob, "inside")
    for bob in hosts.values():
        assert "not an address of the public internet" in bob.delivery("hook", "retry")["reason"]
    assert world.stands.stats("webhook")["connections"] == before


def test_more_origins_than_the_table_holds__all_arrive_once(world, sender):
    people = world.people("member", 10)
    words = [hook(world, person, "narrow", ["localhost", "127.0.0.1"][i % 2]) for i, person in enumerate(people)]
    answer = sender.send(sender.group("many", people), "once")
    wait_until(lambda: {state for state, _ in world.states(answer)} == {"delivered"}
               and sum(world.states(answer).values()) == len(people), "all have it", 90)
    for word in words:
        messages = [record["payload"]["message"] for record in world.stands.records("webhook", word)]
        assert messages.count(answer["id"]) == 1
