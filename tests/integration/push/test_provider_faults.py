# SPDX-License-Identifier: Apache-2.0
"""Push services that answer nonsense, nothing, too much or too late, or are not whom they say: every push is classified,
repeated or ended in sight, the same process goes on, and the next push arrives. Judged by servers that are not ours."""
import contextlib
import json
import pathlib
import re
import secrets
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import push_world
from hostile_servers import (ACCESS_TOKEN, BROKEN_CONNECTION, BROKEN_STREAM, HUGE_BYTES, Answer, Certificates, H2Service,
                             Http1Service, SmtpFront)
from surewire_env import wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from browser import b64url, public_point, subscription_json  # noqa: E402

GOOD = {
    "apns": Answer(200),
    "fcm": Answer(200, json.dumps({"name": "projects/surewire-dev/messages/1"}).encode()),
    "huawei": Answer(200, json.dumps({"code": "80000000", "msg": "Success", "requestId": "1"}).encode()),
    "webpush": Answer(201),
}
HTML = b"<html>welcome to the hotel's network</html>"
ANSWER_TIMEOUT_S = 30
RETRIED_S = 60


class Services:
    """The four of HTTP/2, their token endpoint, a receiver of webhooks and a mail relay."""

    def __init__(self, deployment, folder, stack):
        certificates = Certificates(deployment.keys / "tls", folder)
        self.h2 = {name: H2Service(certificates, good) for name, good in GOOD.items()}
        self.tokens = Http1Service(certificates)
        self.hooks = Http1Service(certificates)
        self.relay = SmtpFront(deployment.sim_ports["smtp"])
        for each in (*self.h2.values(), self.tokens, self.hooks, self.relay):
            stack.callback(each.close)


@pytest.fixture(scope="module")
def services(module_deployment, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Services(module_deployment, tmp_path_factory.mktemp("certificates"), stack)


@pytest.fixture(scope="module")
def world(module_deployment, services):
    keys = module_deployment.keys
    apns = {"provider": "apns", "host": "nowhere.invalid", "key_file": keys / "apns" / "AuthKey.p8",
            "key_id": (keys / "apns" / "key_id").read_text().strip(), "topics": push_world.TOPIC,
            "team_id": (keys / "apns" / "team_id").read_text().strip()}
    config = {
        **{f"push.{name}.port": services.h2[name].port for name in ("apns", "fcm", "huawei")},
        "push.fcm.token_uri": f"https://localhost:{services.tokens.port}/fcm",
        "push.huawei.token_uri": f"https://localhost:{services.tokens.port}/huawei",
        "push.email.port": services.relay.port,
        **{f"push.lost.{key}": value for key, value in apns.items()},
    }
    return push_world.World(module_deployment, config)


@pytest.fixture(autouse=True)
def same_process(world):
    """Through all of it."""
    pid = world.node.pid
    yield
    assert world.node.pid == pid and world.node.returncode in (None, 0), world.node.tail()


def browser_token(services):
    key = ec.generate_private_key(ec.SECP256R1())
    endpoint = f"https://localhost:{services.h2['webpush'].port}/push/{secrets.token_urlsafe(24)}"
    return subscription_json(endpoint, public_point(key), b64url(secrets.token_bytes(16)))


def register(services, person):
    """A device of each of the four; provider to the word by which its service knows it."""
    token = browser_token(services)
    words = {"apns": person.iphone("apns"), "fcm": person.android("fcm"), "huawei": person.huawei("huawei"),
             "webpush": json.loads(token)["endpoint"].rpartition("/")[2]}
    person.device("webpush", "webpush", token, platform="web")
    return words


def outcomes(person, device):
    return [(a["number"], a["outcome"]) for a in person.attempts(device)]


def assert_next_push_arrives(world, services, person, words, providers=GOOD):
    """At once, over whatever connection there is."""
    before = {name: len(services.h2[name].of(words[name])) for name in providers}
    answer = world.person("sender").send(person, "the next one")
    sql = "SELECT device, state, attempts FROM delivery WHERE event = %s"

    def ended():
        rows = {device: (state, attempts) for device, state, attempts in world.space.query(sql, (answer["id"],))}
        return {name: ("delivered", 1) for name in providers}.items() <= rows.items()

    wait_until(ended, f"delivered at the first attempt to each of {list(providers)}", push_world.ARRIVAL_S)
    assert {name: len(services.h2[name].of(words[name])) - before[name] for name in providers} == dict.fromkeys(providers, 1)


@pytest.fixture(scope="module")
def slow(world, services):
    """People whose pushes are under way from here on, and the words of each: what else is tested meanwhile must not wait
    for them, nor end their connections."""
    faults = {"soon": ANSWER_TIMEOUT_S - 5, "late": ANSWER_TIMEOUT_S + 2, "never": "never", "drips": "drip"}
    people, words = {name: world.person(name) for name in faults}, {}
    for name, fault in faults.items():
        words[name] = register(services, people[name])
        for provider, good in GOOD.items():
            timed = fault if isinstance(fault, str) else Answer(good.status, good.body, after_s=fault)
            services.h2[provider].faults.set(words[name][provider], timed)
        world.person("sender").send(people[name], "slowly")
    wait_until(lambda: all(services.h2[provider].of(word) for each in words.values() for provider, word in each.items()),
               "all are under way")
    return people, words


# ---- what a service may say ----

# Of each: the answer, and by provider what the attempt was and whether another one follows.
ANSWERS = {
    "nothing in 200": (Answer(200), {"apns": "delivered", "fcm": "unknown", "huawei": "unknown", "webpush": "delivered"}),
    "html in 200": (Answer(200, HTML, "text/html"), {"fcm": "unknown", "huawei": "unknown"}),
    "cut json in 200": (Answer(200, b'{"name": "proj'), {"fcm": "unknown", "huawei": "unknown"}),
    "huge in 200": (Answer(200, b"[" * HUGE_BYTES), {"apns": "delivered", "fcm": "unknown", "huawei": "unknown"}),
    "zeros in 200": (Answer(200, b"\0" * 1000), {"fcm": "unknown", "huawei": "unknown"}),
    "wrong type of content": (Answer(200, GOOD["fcm"].body, "image/png"), {"fcm": "delivered"}),
    "huge in 500": (Answer(500, b"x" * HUGE_BYTES, "text/plain"), dict.fromkeys(GOOD, "retry")),
    "html in 502": (Answer(502, HTML, "text/html"), dict.fromkeys(GOOD, "retry")),
    "nothing in 400": (Answer(400), dict.fromkeys(GOOD, "rejected")),
    "deep json in 400": (Answer(400, b'{"reason":' * 5000), dict.fromkeys(GOOD, "rejected")),
    "status 999": (Answer(999), dict.fromkeys(GOOD, "unknown")),
}


def test_answers__each_classified_and_those_that_may_be_good_later_repeated(world, services, slow):
    sender, people = world.person("sender"), {}
    for name, (answer, expected) in ANSWERS.items():
        person = world.person("person")
        words = register(services, person)
        for provider in expected:
            services.h2[provider].faults.set(words[provider], answer)
        people[name] = person, words
    for name, (person, _) in people.items():
        sender.send(person, name)
    for name, (person, words) in people.items():
        for provider, first in ANSWERS[name][1].items():
            ends = {"delivered": "delivered", "rejected": "rejected"}.get(first, "delivered")
            row = wait_until(lambda: next((d for d in person.deliveries(provider) if d["state"] == ends), None),
                             f"{provider} after {name}: {person.deliveries(provider)}", RETRIED_S)
            assert outcomes(person, provider)[0] == (1, first), (name, provider)
            assert row["attempts"] == (1 if first in ("delivered", "rejected") else 2), (name, provider, row)
            if first == "rejected":
                wait_until(lambda: provider in {d["device"] for d in person.dead_letters()}, "a dead letter")
    person, words = people["status 999"]
    assert_next_push_arrives(world, services, person, words)


@pytest.mark.parametrize("fault", BROKEN_STREAM)
def test_broken_stream__unknown_and_repeated_with_the_same_id(world, services, fault):
    person = world.person("person")
    words = register(services, person)
    for provider in GOOD:
        services.h2[provider].faults.set(words[provider], fault)
    world.person("sender").send(person, fault)
    for provider in GOOD:
        person.delivery(provider, "delivered")
        assert outcomes(person, provider) == [(1, "unknown"), (2, "delivered")], provider
    first, second = services.h2["apns"].of(words["apns"])
    assert first[1]["apns-id"] == second[1]["apns-id"] and first[2] == second[2]


# ---- token endpoints ----


@pytest.mark.parametrize("faults", [("nothing", "html", "huge"), ("no_http", "wrong_types", "half_a_body"),
                                    ("endless_head", "not_json", "server_error")], ids="-".join)
def test_token_endpoint_says_nonsense__work_waits_and_costs_no_attempt(world, services, faults):
    person = world.person("person")
    words = {"fcm": person.android("fcm"), "huawei": person.huawei("huawei")}
    refusals = {"fcm": Answer(401, b'{"error":{"code":401,"status":"UNAUTHENTICATED"}}'),
                "huawei": Answer(401, b'{"code":"80200003","msg":"expired"}')}
    for provider in words:
        services.h2[provider].faults.set(words[provider], refusals[provider])
        services.tokens.faults.set(f"/{provider}", *faults)
    before = len(services.tokens.requests)
    world.person("sender").send(person, "with a new token")
    for provider in words:
        assert person.delivery(provider, "delivered")["attempts"] == 1
        assert outcomes(person, provider) == [(1, "delivered")]
        assert [r[1]["authorization"] for r in services.h2[provider].of(words[provider])][-1].endswith(ACCESS_TOKEN["access_token"])
    assert len(services.tokens.requests) == before + 2 * (len(faults) + 1)
    assert_next_push_arrives(world, services, person, words, words)


# ---- webhooks and mail ----


def test_receiver_of_webhooks_says_nonsense__each_classified_and_the_next_arrives(world, services):
    expected = {"nothing": "unknown", "no_http": "unknown", "half_a_head": "unknown", "endless_head": "unknown",
                "status_of_letters": "unknown", "huge": "delivered", "html": "delivered", "server_error": "retry"}
    person = world.person("person")
    for fault in expected:
        person.device(fault, "webhook", f"https://localhost:{services.hooks.port}/{person.name}/{fault}", platform="server")
        services.hooks.faults.set(f"/{person.name}/{fault} ", fault)
    world.person("sender").send(person, "hello")
    for fault, first in expected.items():
        row = person.delivery(fault, "delivered", timeout_s=RETRIED_S)
        assert outcomes(person, fault)[0] == (1, first), fault
        assert row["attempts"] == (1 if first == "delivered" else 2)
    answer = world.person("sender").send(person, "the next one")
    wait_until(lambda: world.states(answer) == {("delivered", 1): len(expected)}, "all of the next ones")


def test_relay_says_nonsense__the_mail_arrives_once(world, services):
    sender = world.person("sender")
    for fault, first in (("no_smtp", "retry"), ("endless_line", "retry"), ("cut", "retry"), ("refuses", "config")):
        services.relay.faults = [fault]
        services.relay.drop_all()
        person = world.person("person")
        address = person.mail()
        sender.send(person, fault)
        wait_until(lambda: outcomes(person, "mail")[:1] == [(1, first)], f"{fault}: {outcomes(person, 'mail')}")
        if first == "retry":
            person.delivery("mail", "delivered", timeout_s=RETRIED_S)
            world.arrived("smtp", address)
        assert services.relay.faults == []
    person = world.person("person")
    address = person.mail()
    sender.send(person, "the next one")
    assert person.delivery("mail", "delivered")["attempts"] == 1
    world.arrived("smtp", address)


# ---- late or never ----


def test_slow_to_the_deadline__awaited_until_then_and_not_longer(world, services, slow):
    people, words = slow
    for name, person in people.items():
        for provider in GOOD:
            person.delivery(provider, "delivered", timeout_s=ANSWER_TIMEOUT_S + 30)
            expected = [(1, "delivered")] if name == "soon" else [(1, "unknown"), (2, "delivered")]
            assert outcomes(person, provider) == expected, (name, provider, person.attempts(provider))
            duration_ms = person.attempts(provider)[0]["duration_ms"]
            assert (ANSWER_TIMEOUT_S - 5) * 1000 <= duration_ms < (ANSWER_TIMEOUT_S + 2) * 1000, (name, provider)
        assert len({headers["apns-id"] for _, headers, _ in services.h2["apns"].of(words[name]["apns"])}) == 1
    assert_next_push_arrives(world, services, people["drips"], words["drips"])


# ---- what ends a connection: after those that are slow ----


# The client of HTTP/2 is the same for all: each fault with one of them, four at a time.
FOUR_FAULTS = [dict(zip(GOOD, list(BROKEN_CONNECTION)[i:i + len(GOOD)])) for i in range(0, len(BROKEN_CONNECTION), len(GOOD))]


@pytest.mark.parametrize("faults", FOUR_FAULTS, ids=["-".join(faults.values()) for faults in FOUR_FAULTS])
def test_broken_connection__only_what_was_on_it_is_repeated(world, services, faults):
    person = world.person("person")
    words = register(services, person)
    for provider, fault in faults.items():
        services.h2[provider].faults.set(words[provider], fault)
    world.person("sender").send(person, "over a connection that breaks")
    for provider, fault in faults.items():
        person.delivery(provider, "delivered")
        # GOAWAY says that it was not processed: again at once, at no attempt's cost.
        first = [] if fault == "goaway_with_noise" else [(1, "unknown")]
        assert outcomes(person, provider) == [*first, (len(first) + 1, "delivered")], (provider, fault)
    assert_next_push_arrives(world, services, person, words)


# ---- not the service, or not there ----


# Of the connection, or of the push that waited for it: both end at the same time.
NOT_IN_TIME = "connecting took too long|no SETTINGS from the server in time|no connection in time"


@contextlib.contextmanager
def connections_that(services, **attributes):
    """provider=(attribute, value) for the connections to come; those that are there are ended, now and afterwards."""
    before = {name: getattr(services.h2[name], attribute) for name, (attribute, _) in attributes.items()}
    for name, (attribute, value) in attributes.items():
        setattr(services.h2[name], attribute, value)
        services.h2[name].drop_all()
    yield
    for name, (attribute, _) in attributes.items():
        setattr(services.h2[name], attribute, before[name])
        services.h2[name].drop_all()


@pytest.mark.parametrize("faults", [
    {"apns": ("certificate", "expired", "expired"), "fcm": ("certificate", "other_name", "mismatch"),
     "huawei": ("certificate", "unknown_authority", "issuer"), "webpush": ("protocols", ["http/1.1"], "")},
    {"apns": ("next_connection", "silent", NOT_IN_TIME), "fcm": ("mute", True, NOT_IN_TIME),
     "huawei": ("next_connection", "cut", ""), "webpush": ("certificate", "expired", "expired")},
], ids=["not_the_service", "accepts_and_says_nothing"])
def test_connection_never_good__retried_with_the_reason_and_nothing_was_sent(world, services, faults):
    person = world.person("person")
    words = register(services, person)
    person.device("lost", "lost", secrets.token_hex(32), platform="ios")
    with connections_that(services, **{name: fault[:2] for name, fault in faults.items()}):
        world.person("sender").send(person, "is anybody there?")
        for provider, (_, _, reason) in faults.items():
            row = person.delivery(provider, "retry", timeout_s=RETRIED_S)
            assert re.search(reason, row["reason"]), row
        assert "unknown node or service" in person.delivery("lost", "retry", timeout_s=RETRIED_S)["reason"]
        assert all(not services.h2[name].of(words[name]) for name in GOOD)
    for provider in GOOD:
        person.delivery(provider, "delivered", timeout_s=RETRIED_S)
        assert {outcome for _, outcome in outcomes(person, provider)} == {"retry", "delivered"}
        assert len(services.h2[provider].of(words[provider])) == 1
    assert person.stored_token("lost") != ""
    assert_next_push_arrives(world, services, person, words)


# ---- what is refused before anything is sent ----


def test_registration__what_no_push_could_reach__is_refused_with_what_was_expected(world):
    bob = world.person("bob")
    good = {"provider": "apns", "token": secrets.token_hex(32), "app": push_world.TOPIC, "platform": "ios"}
    for more, expected in (
            ({"provider": "gcm"}, "provider: expected one that this server is configured for"),
            ({"app": "org.elsewhere"}, "app: expected one of topics of [push.apns]"),
            ({"token": "not hex"}, "expected"), ({"token": ""}, "expected"), ({"token": "ab" * 5000}, "expected"),
            ({"provider": "fcm", "token": "two words"}, "expected"),
            ({"provider": "fcm", "token": "t" * 5000}, "expected"),
            ({"provider": "email", "token": "nobody"}, "e-mail address: expected"),
            ({"provider": "webhook", "token": "http://localhost/plain"}, "expected"),
            ({"provider": "webpush", "token": "{}"}, "expected")):
        status, answer = bob.call("PUT", "/v1/devices/device", {**good, **more})
        assert status == 400 and answer["code"] == "bad_frame" and expected in answer["detail"], (more, status, answer)
    assert bob.call("PUT", "/v1/devices/device", good)[0] == 204


def test_afterwards__nothing_is_stuck_and_the_process_ends_well(world):
    """The build that tests run has AddressSanitizer with its search for leaks: what it found would be the exit code."""
    for provider in (*GOOD, "webhook", "email"):
        wait_until(lambda: world.node.metric("surewire_push_in_flight", provider=provider) == 0, f"{provider}: none in flight")
        assert world.node.metric("surewire_push_breakers_open", provider=provider) == 0
    assert world.node.stop() == 0
    assert "runtime error" not in world.node.log.read_text(errors="replace")
