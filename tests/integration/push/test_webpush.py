# SPDX-License-Identifier: Apache-2.0
"""Web Push through the whole system: to the stand-in, with its faults, and to a receiver that is not ours: Node's http2
with npm's jose and http_ece."""
import json
import pathlib
import shutil
import socket
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from node_peer import NodePeer
from surewire_env import wait_until

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from browser import Subscription, public_point, subscription_json  # noqa: E402

# Two more accounts of the same key: one has room for a single push service, one is as strict as it is by default.
COMMON = {
    "provider": "webpush",
    "key_file": "keys/webpush/vapid.pem",
    "subject": "https://surewire.invalid/push",
    "ca_file": "keys/tls/ca.pem",
}
CONFIG = {
    **{f"push.narrow.{key}": value for key, value in COMMON.items()},
    "push.narrow.allow_private_addresses": "true",
    "push.narrow.origins": "1",
    **{f"push.strict.{key}": value for key, value in COMMON.items()},
}
PREVIEW_MAX = 512  # bytes, of an alert that clients send
SEALED_MORE = 86 + 1 + 16  # RFC 8188: header with our key, delimiter, tag
MANY = 20
A_FEW = 5


@pytest.fixture
def sender(world):
    return world.person("sender")


@pytest.fixture(scope="module")
def sender_key(module_deployment):
    pem = (module_deployment.keys / "webpush" / "vapid.pem").read_bytes()
    return public_point(load_pem_private_key(pem, None))


def origin(world, host="localhost"):
    return f"https://{host}:{world.deployment.sim_ports['webpush']}"


def browser(world, person, device="browser", provider="webpush", host="localhost", key=None):
    """A new subscription, registered; it is made with a sender's key if there is one."""
    subscription = Subscription(world.stands, origin(world, host), key)
    person.device(device, provider, subscription.token, platform="web")
    return subscription


def outcomes(person, device="browser"):
    return [(a["number"], a["outcome"], a["status"]) for a in person.attempts(device)]


# ---- the way of a push ----


def test_push__to_a_browser__arrives_encrypted_and_signed(world, sender, sender_key):
    bob = world.person("bob")
    subscription = browser(world, bob, key=sender_key)
    answer = sender.send(bob, "hello “browser” ☎")
    row = bob.delivery("browser", "delivered")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 201, "accepted")
    [record] = world.arrived("webpush", subscription.id)
    payload = record["payload"]
    assert (payload["kind"], payload["title"], payload["body"]) == ("alert", sender.name, "hello “browser” ☎")
    assert payload["id"] == row["job"].replace("-", "")
    assert payload["tag"] == answer["id"] == payload["data"]["message"]
    assert payload["data"]["conversation"] == payload["thread"] == answer["conv"]
    assert record["collapse_id"] == answer["id"]
    headers = record["headers"]
    assert (headers["urgency"], headers["content-encoding"]) == ("high", "aes128gcm")
    assert 0 < int(headers["ttl"]) <= 28 * 24 * 3600


def test_registration__not_a_subscription__is_refused_with_what_was_expected(world):
    bob = world.person("bob")
    good = json.loads(Subscription(world.stands, origin(world)).token)
    off_curve = {**good, "keys": {**good["keys"], "p256dh": good["keys"]["p256dh"][:-2] + "AA"}}
    bad = [
        ("x", "PushSubscription.toJSON()"),
        (json.dumps({**good, "endpoint": good["endpoint"].replace("https:", "http:")}), "https address"),
        (json.dumps({**good, "keys": {"p256dh": good["keys"]["p256dh"]}}), "keys.auth"),
        (json.dumps(off_curve), "P-256"),
    ]
    for token, expected in bad:
        body = {"provider": "webpush", "token": token, "platform": "web"}
        status, answer = bob.call("PUT", "/v1/devices/browser", body)
        assert status == 400 and expected in answer["detail"], answer


# ---- what the service says ----


@pytest.mark.parametrize("status", [404, 410])
def test_subscription_gone__is_dropped(world, sender, status):
    bob = world.person("bob")
    subscription = browser(world, bob)
    world.stands.fault("webpush", {"status": status}, subscription.id, count=1)
    sender.send(bob, "to a closed browser")
    row = bob.delivery("browser", "token_dead")
    assert (row["attempts"], row["status"]) == (1, status)
    wait_until(lambda: bob.stored_token("browser") == "", "the subscription is dropped")
    assert world.stands.records("webpush", subscription.id) == []


def test_413__rejected_and_kept_as_a_dead_letter(world, sender):
    bob = world.person("bob")
    subscription = browser(world, bob)
    world.stands.fault("webpush", {"status": 413}, subscription.id, count=1)
    answer = sender.send(bob, "too large for it")
    row = bob.delivery("browser", "rejected")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 413, "PayloadTooLarge")
    letters = wait_until(bob.dead_letters, "a dead letter")
    assert [(d["event"], d["provider"], d["status"]) for d in letters] == [(int(answer["id"]), "webpush", 413)]
    assert bob.stored_token("browser") == subscription.token


@pytest.mark.parametrize("status, outcome", [(429, "throttled"), (503, "retry")])
def test_retry_after__is_a_minimum_and_the_topic_stays(world, sender, status, outcome):
    bob = world.person("bob")
    subscription = browser(world, bob)
    world.stands.fault("webpush", {"status": status, "retry_after": 4, "accept": True}, subscription.id, count=1)
    sender.send(bob, "slowly")
    bob.delivery("browser", "delivered")
    assert outcomes(bob) == [(1, outcome, status), (2, "delivered", 201)]
    first, second = world.arrived("webpush", subscription.id, 2)
    assert second["received_at_ms"] - first["received_at_ms"] >= 4000
    assert first["collapse_id"] == second["collapse_id"]
    assert (first["repeats"], second["repeats"]) == (0, 1)
    assert first["payload"] == second["payload"]


def test_expired_token__renewed_at_once_at_no_attempts_cost(world, sender):
    bob = world.person("bob")
    subscription = browser(world, bob)
    sender.send(bob, "by the first token")
    world.arrived("webpush", subscription.id)
    before = world.stands.stats("webpush")["refused"].get("ExpiredToken", 0)
    world.stands.expire_credentials()
    sender.send(bob, "by the second token")
    world.arrived("webpush", subscription.id, 2)
    wait_until(lambda: [d["state"] for d in bob.deliveries("browser")] == ["delivered"] * 2, "both are delivered")
    assert outcomes(bob) == [(1, "delivered", 201)] * 2
    assert world.stands.stats("webpush")["refused"]["ExpiredToken"] == before + 1


def test_subscription_of_another_key__kept_for_an_operator(world, sender):
    bob = world.person("bob")
    subscription = browser(world, bob, key="B" + "A" * 86)
    sender.send(bob, "not from you")
    row = bob.delivery("browser", "retry")
    assert (row["status"], row["reason"]) == (403, "VapidPkHashMismatch")
    assert outcomes(bob)[0][1] == "config"
    assert bob.stored_token("browser") == subscription.token


def test_connection_dropped_after_it_was_taken__sent_again_under_the_same_topic(world, sender):
    bob = world.person("bob")
    subscription = browser(world, bob)
    world.stands.fault("webpush", {"drop_connection": True, "accept": True}, subscription.id, count=1)
    sender.send(bob, "perhaps")
    bob.delivery("browser", "delivered")
    assert [outcome for _, outcome, _ in outcomes(bob)] == ["unknown", "delivered"]
    first, second = world.arrived("webpush", subscription.id, 2)
    assert first["collapse_id"] == second["collapse_id"] and second["repeats"] == 1


# ---- origins ----


def test_more_origins_than_the_table_holds__all_arrive_once(world, sender):
    people = world.people("member", 2 * A_FEW)
    hosts = ["localhost", "127.0.0.1"]
    subscriptions = [
        browser(world, person, provider="narrow", host=hosts[i % 2]) for i, person in enumerate(people)
    ]
    before = world.stands.stats("webpush")["connections"]
    group = sender.group("many", people)
    answers = [sender.send(group, text) for text in ("once", "and again")]
    for answer in answers:
        wait_until(lambda: {state for state, _ in world.states(answer)} == {"delivered"}
                   and sum(world.states(answer).values()) == len(people), f"all have {answer}", 90)
    for subscription in subscriptions:
        records = world.stands.records("webpush", subscription.id)
        messages = [r["payload"]["data"]["message"] for r in records]
        assert [messages.count(answer["id"]) for answer in answers] == [1, 1]
        assert {r["topic"] for r in records} == {subscription.endpoint.split("/")[2]}
    assert world.stands.stats("webpush")["connections"] - before >= 2  # not over one that stayed open


def test_private_address__not_connected_to_unless_allowed(world, sender):
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        hosts = {host: world.person("bob") for host in ("localhost", "127.0.0.1")}
        for host, bob in hosts.items():
            subscription = Subscription(world.stands, f"https://{host}:{inside.getsockname()[1]}")
            bob.device("browser", "strict", subscription.token, platform="web")
            sender.send(bob, "inside")
        for bob in hosts.values():
            assert "not an address of the public internet" in bob.delivery("browser", "retry")["reason"]
        with pytest.raises(BlockingIOError):  # nobody came
            inside.accept()


# ---- software that is not ours ----


class NodeReceiver(NodePeer):
    """The script as a process; got holds what it printed after its subscription."""

    def __init__(self, keys, folder):
        tls = keys / "tls"
        shutil.copytree(HERE / "node", folder)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, timeout=120)
        command = ["node", "webpush_receiver.js", str(tls / "server.pem"), str(tls / "server.key")]
        super().__init__(command, cwd=folder)

    def token(self, name):
        keys = self.ready["p256dh"], self.ready["auth"]
        return subscription_json(f"https://localhost:{self.port}/push/{name}?v=1", *keys)


@pytest.fixture(scope="module")
def node(module_deployment, tmp_path_factory):
    receiver = NodeReceiver(module_deployment.keys, tmp_path_factory.mktemp("node") / "receiver")
    yield receiver
    receiver.close()


def test_push__to_node__verified_by_jose_and_decrypted_by_http_ece(world, sender, sender_key, node):
    bob = world.person("bob")
    bob.device("browser", "webpush", node.token(bob.name), platform="web")
    answer = sender.send(bob, "hello “node” ☎")
    row = bob.delivery("browser", "delivered")
    assert (row["attempts"], row["status"]) == (1, 201)
    [got] = [g for g in node.got if g["headers"][":path"] == f"/push/{bob.name}?v=1"]
    assert got["fault"] == ""  # signature, audience, expiry and the tag of the encryption are the script's to judge
    assert got["alpn"] == "h2" and got["header"]["alg"] == "ES256"
    assert got["key"] == sender_key
    assert got["claims"]["sub"] == "mailto:operator@surewire.invalid"
    assert got["headers"]["topic"] == answer["id"]
    assert (got["payload"]["title"], got["payload"]["body"]) == (sender.name, "hello “node” ☎")
    assert got["payload"]["data"]["message"] == answer["id"]


def test_longest_preview__to_node__whole(world, sender, node):
    bob = world.person("bob")
    bob.device("browser", "webpush", node.token(bob.name), platform="web")
    text = "😀" * (PREVIEW_MAX // 4)
    sender.send(bob, "short", alert={"title": "long", "body": text})
    bob.delivery("browser", "delivered")
    [got] = [g for g in node.got if g["headers"][":path"].startswith(f"/push/{bob.name}?")]
    assert (got["fault"], got["payload"]["body"]) == ("", text)
    assert got["body_bytes"] == got["plain_bytes"] + SEALED_MORE


def test_many_pushes__to_node__one_token_and_never_the_same_key(world, sender, node):
    people = world.people("member", MANY)
    for person in people:
        person.device("browser", "webpush", node.token(person.name), platform="web")
    answer = sender.send(sender.group("many", people), "to many")
    wait_until(lambda: world.states(answer) == {("delivered", 1): len(people)}, "all delivered")
    got = [g for g in node.got if g.get("payload", {}).get("data", {}).get("message") == answer["id"]]
    assert sorted(g["headers"][":path"] for g in got) == sorted(f"/push/{person.name}?v=1" for person in people)
    assert {g["fault"] for g in got} == {""}
    assert len({g["headers"]["authorization"] for g in got}) == 1
    assert len({g["payload"]["id"] for g in got}) == len(people)
