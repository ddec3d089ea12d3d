# SPDX-License-Identifier: Apache-2.0
"""The stand-in of APNs against Python's h2 and curl."""
import json
import ssl
import subprocess
import time
import uuid

import pytest

from h2_client import Client, Lost
from sim_server import KID, TOKEN, TOPIC

ALERT = json.dumps({"aps": {"alert": {"title": "Ann", "body": "hello"}}}).encode()


@pytest.fixture
def client(sim):
    c = Client(sim.ports["apns"], sim.ca)
    yield c
    c.close()


def headers(token, **changes):
    head = {"authorization": "bearer " + token, "apns-topic": TOPIC, "apns-push-type": "alert", "apns-priority": "10",
            "apns-id": str(uuid.uuid4()), "apns-collapse-id": "c1", "apns-expiration": "0"}
    for name, value in changes.items():
        head[name.replace("_", "-")] = value
    return [(n, v) for n, v in head.items() if v is not None]


def push(client, sim, body=ALERT, token=TOKEN, jwt=None, **changes):
    status, head, answer = client.request("/3/device/" + token, headers(jwt or sim.provider_token(), **changes), body)
    return status, head, json.loads(answer) if answer else {}


def test_push__valid__accepted_and_recorded(sim, client):
    push_id = str(uuid.uuid4())
    status, head, _ = push(client, sim, apns_id=push_id)
    assert (status, head["apns-id"]) == (200, push_id)
    record, = sim.records(provider="apns", token=TOKEN)
    assert (record["id"], record["topic"], record["collapse_id"], record["repeats"]) == (push_id, TOPIC, "c1", 0)
    assert json.loads(record["payload"]) == json.loads(ALERT)
    assert record["headers"]["apns-push-type"] == "alert"
    assert "authorization" not in record["headers"]


def test_push__same_id_again__counted_as_repeat(sim, client):
    push_id, jwt = str(uuid.uuid4()), sim.provider_token()
    for _ in range(3):
        assert push(client, sim, apns_id=push_id, jwt=jwt)[0] == 200
    assert [r["repeats"] for r in sim.records(provider="apns")] == [0, 1, 2]


def test_push__no_id__one_is_made(sim, client):
    status, head, _ = push(client, sim, apns_id=None)
    assert status == 200
    assert uuid.UUID(head["apns-id"])


def test_connection__before_and_after_first_token__one_stream_then_many(sim, client):
    assert client.wait_until(lambda: client.settings_seen >= 1)
    assert client.streams_max() == 1
    assert push(client, sim, jwt=sim.provider_token(key=sim.other_key))[0] == 403
    assert client.streams_max() == 1
    assert push(client, sim)[0] == 200
    assert client.wait_until(lambda: client.streams_max() == 1000)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Certificate and key such as Apple issues, for TOPIC and its VoIP topic, by nobody in particular."""
    folder = tmp_path_factory.mktemp("certificate")
    names = f"1.2.840.113635.100.6.3.6=ASN1:SEQUENCE:topics\n[topics]\na=UTF8:{TOPIC}\nb=SEQUENCE:app\n" \
            f"c=UTF8:{TOPIC}.voip\nd=SEQUENCE:app\n[app]\nuse=UTF8:app\n"
    (folder / "config").write_text(f"[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n[dn]\nUID={TOPIC}\n"
                                   f"CN=Apple Push Services\n[ext]\n{names}")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-config", "config", "-keyout", "push.pem", "-out", "push.crt"], cwd=folder, check=True,
                   capture_output=True)
    both = folder / "push.pem"
    both.write_text(both.read_text() + (folder / "push.crt").read_text())
    return both


def test_certificate__instead_of_a_token__only_its_topics(sim, certificate):
    c = Client(sim.ports["apns"], sim.ca, certificate=certificate)
    voip = json.dumps({"aps": {}, "call": "1"}).encode()
    try:
        assert push(c, sim, authorization=None)[0] == 200
        assert push(c, sim, authorization=None, body=voip, apns_push_type="voip", apns_topic=TOPIC + ".voip")[0] == 200
        answers = [push(c, sim, authorization=None, apns_topic=TOPIC + ".other"),
                   push(c, sim, authorization=None, apns_topic=None),
                   push(c, sim, jwt="a.b.c")]
    finally:
        c.close()
    assert [(status, body["reason"]) for status, _, body in answers] == [
        (400, "TopicDisallowed"), (400, "MissingTopic"), (403, "InvalidProviderToken")]
    assert [r["topic"] for r in sim.records(provider="apns", token=TOKEN)] == [TOPIC, TOPIC + ".voip"]


def test_neither_certificate_nor_token__refused(sim, client):
    status, _, body = push(client, sim, authorization=None)
    assert (status, body["reason"]) == (403, "MissingProviderToken")


@pytest.mark.parametrize("change, expected", [
    ({"apns_topic": None}, (400, "MissingTopic")),
    ({"apns_topic": "com.example.other"}, (400, "TopicDisallowed")),
    ({"apns_push_type": None}, (400, "InvalidPushType")),
    ({"apns_push_type": "shout"}, (400, "InvalidPushType")),
    ({"apns_push_type": "voip"}, (400, "BadTopic")),
    ({"apns_push_type": "background"}, (400, "BadPriority")),
    ({"apns_priority": "7"}, (400, "BadPriority")),
    ({"apns_expiration": "soon"}, (400, "BadExpirationDate")),
    ({"apns_collapse_id": "x" * 65}, (400, "BadCollapseId")),
    ({"apns_id": "42"}, (400, "BadMessageId")),
    ({"authorization": None}, (403, "MissingProviderToken")),
    ({"authorization": "basic abc"}, (403, "InvalidProviderToken")),
    ({"token": "xyz"}, (400, "BadDeviceToken")),
    ({"token": "AB" * 32}, (400, "BadDeviceToken")),
    ({"token": "abc"}, (400, "BadDeviceToken")),
    ({"token": ""}, (400, "MissingDeviceToken")),
    ({"body": b""}, (400, "PayloadEmpty")),
    ({"body": b'{"aps":{"alert":"' + b"x" * 4096 + b'"}}'}, (413, "PayloadTooLarge")),
    ({"body": b'{"aps":{"content-available":1}}'}, (400, "InvalidPushType")),
    ({"body": b"not json"}, (400, "BadPayload")),
])
def test_push__wrong__refused_with_apples_reason(sim, client, change, expected):
    status, head, answer = push(client, sim, **change)
    assert (status, answer["reason"]) == expected
    assert "apns-id" in head
    assert sim.records() == []


def test_push__largest_payload__accepted(sim, client):
    frame = len('{"aps":{"alert":""}}')
    assert push(client, sim, body=b'{"aps":{"alert":"' + b"x" * (4096 - frame) + b'"}}')[0] == 200


def test_push__background_with_priority_5__accepted(sim, client):
    assert push(client, sim, body=b'{"aps":{"content-available":1}}', apns_push_type="background",
                apns_priority="5")[0] == 200


@pytest.mark.parametrize("make, reason", [
    (lambda s: s.provider_token(age=3700), "ExpiredProviderToken"),
    (lambda s: s.provider_token(age=-600), "InvalidProviderToken"),
    (lambda s: s.provider_token(kid="NOSUCHKEY0"), "InvalidProviderToken"),
    (lambda s: s.provider_token(key=s.other_key), "InvalidProviderToken"),
    (lambda s: s.provider_token(iss="OTHERTEAM0"), "InvalidProviderToken"),
    (lambda s: s.provider_token()[:-4], "InvalidProviderToken"),
    (lambda s: "e30.e30.", "InvalidProviderToken"),
])
def test_provider_token__bad__refused(sim, client, make, reason):
    status, _, answer = push(client, sim, jwt=make(sim))
    assert (status, answer["reason"]) == (403, reason)


def test_provider_token__second_within_window__too_many_updates(sim, client):
    first = sim.provider_token()
    assert push(client, sim, jwt=first)[0] == 200
    status, _, answer = push(client, sim, jwt=sim.provider_token(age=1))
    assert (status, answer["reason"]) == (429, "TooManyProviderTokenUpdates")
    assert push(client, sim, jwt=first)[0] == 200


def test_provider_token__window_set_to_zero__may_change(sim, client):
    sim.control("POST", "/settings", {"apns_token_window_s": 0})
    assert push(client, sim, jwt=sim.provider_token())[0] == 200
    assert push(client, sim, jwt=sim.provider_token(age=1))[0] == 200
    sim.control("POST", "/settings", {"apns_token_window_s": 1200})


def test_provider_token__other_key_of_the_team__unrelated(sim, client):
    assert push(client, sim)[0] == 200
    status, _, answer = push(client, sim, jwt=sim.provider_token(key=sim.other_key, kid="KEY0000002"))
    assert (status, answer["reason"]) == (403, "UnrelatedKeyIdInToken")


def test_credentials__expired_on_command__renewed_at_once(sim, client):
    old = sim.provider_token(age=5)
    assert push(client, sim, jwt=old)[0] == 200
    assert sim.control("POST", "/credentials/expire")[0] == 200
    status, _, answer = push(client, sim, jwt=old)
    assert (status, answer["reason"]) == (403, "ExpiredProviderToken")
    assert push(client, sim, jwt=sim.provider_token())[0] == 200


def test_request__wrong_path_or_method__refused(sim, client):
    status, _, body = client.request("/3/devices/" + TOKEN, headers(sim.provider_token()), ALERT)
    assert (status, json.loads(body)["reason"]) == (404, "BadPath")
    status, _, body = client.request("/3/device/" + TOKEN, headers(sim.provider_token()), method="GET")
    assert (status, json.loads(body)["reason"]) == (405, "MethodNotAllowed")


def test_request__header_twice__duplicate(sim, client):
    twice = headers(sim.provider_token()) + [("apns-topic", TOPIC)]
    status, _, body = client.request("/3/device/" + TOKEN, twice, ALERT)
    assert (status, json.loads(body)["reason"]) == (400, "DuplicateHeaders")


def test_alpn__only_http_1__refused(sim):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Client(sim.ports["apns"], sim.ca, alpn=("http/1.1",))


def test_fault__dead_token__410_with_milliseconds(sim, client):
    since = int(time.time() * 1000) - 5000
    sim.fault("apns", {"token_dead_ms": since}, match={"token": TOKEN})
    status, _, answer = push(client, sim)
    assert (status, answer) == (410, {"reason": "Unregistered", "timestamp": since})
    assert push(client, sim, token="cd" * 32, jwt=sim.provider_token())[0] == 200


def test_fault__status_twice__then_accepted(sim, client):
    sim.fault("apns", {"status": 503, "retry_after": 7}, count=2)
    jwt = sim.provider_token()
    for _ in range(2):
        status, head, answer = push(client, sim, jwt=jwt)
        assert (status, answer["reason"], head["retry-after"]) == (503, "ServiceUnavailable", "7")
    assert push(client, sim, jwt=jwt)[0] == 200
    assert len(sim.records()) == 1


def test_fault__status_with_accept__recorded_all_the_same(sim, client):
    sim.fault("apns", {"status": 500, "accept": True}, count=1)
    assert push(client, sim)[0] == 500
    assert len(sim.records()) == 1


def test_fault__rst__stream_reset_with_code(sim, client):
    sim.fault("apns", {"rst": "REFUSED_STREAM"}, count=1)
    jwt = sim.provider_token()
    with pytest.raises(Lost):
        push(client, sim, jwt=jwt)
    assert list(client.resets.values()) == [7]
    assert push(client, sim, jwt=jwt)[0] == 200


def test_fault__delay__only_that_stream_waits(sim, client):
    jwt = sim.provider_token()
    assert push(client, sim, jwt=jwt)[0] == 200
    client.wait_until(lambda: client.streams_max() == 1000)
    sim.fault("apns", {"delay_ms": 1500}, match={"token": TOKEN})
    slow = client.send("/3/device/" + TOKEN, headers(jwt), ALERT)
    quick = client.send("/3/device/" + "cd" * 32, headers(jwt), ALERT)
    assert client.wait(quick)[0] == 200
    assert not client.streams[slow]["done"]
    assert client.wait(slow)[0] == 200


def test_fault__goaway_all__answered_then_gone(sim, client):
    sim.fault("apns", {"goaway": {"last_stream": "all"}}, count=1)
    stream = client.send("/3/device/" + TOKEN, headers(sim.provider_token()), ALERT)
    assert client.wait(stream)[0] == 200
    assert client.wait_until(lambda: client.closed or client.goaway)
    assert client.goaway.last_stream_id == stream
    assert json.loads(client.goaway.additional_data) == {"reason": "Shutdown"}
    client.wait_until(lambda: client.closed)
    assert client.closed


def test_fault__goaway_none_with_one_in_flight__only_the_earlier_is_answered(sim, client):
    jwt = sim.provider_token()
    assert push(client, sim, jwt=jwt)[0] == 200
    client.wait_until(lambda: client.streams_max() == 1000)
    sim.fault("apns", {"delay_ms": 700}, match={"token": TOKEN})
    sim.fault("apns", {"goaway": {"last_stream": "none"}}, match={"token": "cd" * 32})
    early = client.send("/3/device/" + TOKEN, headers(jwt), ALERT)
    late = client.send("/3/device/" + "cd" * 32, headers(jwt), ALERT)
    assert client.wait_until(lambda: client.goaway)
    assert client.goaway.last_stream_id == early
    # Python's h2 closes itself at GOAWAY; the records tell what was processed.
    assert [r["token"] for r in sim.records()] == [TOKEN, TOKEN]
    assert late > early


def test_fault__goaway_with_a_number__told_as_it_is(sim, client):
    sim.fault("apns", {"goaway": {"last_stream": 0, "code": 11}}, count=1)
    with pytest.raises(Lost):
        push(client, sim)
    assert (client.goaway.last_stream_id, client.goaway.error_code) == (0, 11)
    assert sim.records() == []


def test_many_streams__two_connections__every_one_answered_and_recorded(sim):
    jwt = sim.provider_token()
    clients = [Client(sim.ports["apns"], sim.ca) for _ in range(2)]
    for c in clients:
        assert push(c, sim, jwt=jwt)[0] == 200
        assert c.wait_until(lambda: c.streams_max() == 1000)
    sent = [(c, c.send(f"/3/device/{i:04x}", headers(jwt), ALERT)) for i in range(100) for c in clients]
    assert {c.wait(stream)[0] for c, stream in sent} == {200}
    assert len(sim.records(provider="apns")) == 202
    for c in clients:
        c.close()


def test_connections__goaway_while_idle__no_stream_lost(sim, client):
    assert push(client, sim)[0] == 200
    assert sim.control("POST", "/connections", {"provider": "apns", "action": "goaway"})[1]["connections"] >= 1
    assert client.wait_until(lambda: client.goaway)
    assert client.goaway.last_stream_id == 1


def test_fault__drop__connection_ends_without_answer(sim, client):
    sim.fault("apns", {"drop_connection": True, "accept": True}, count=1)
    with pytest.raises(Lost):
        push(client, sim)
    assert client.closed
    assert len(sim.records()) == 1


def test_fault__silent__open_and_mute(sim, client):
    sim.fault("apns", {"silent": True}, count=1)
    stream = client.send("/3/device/" + TOKEN, headers(sim.provider_token()), ALERT)
    with pytest.raises(Lost):
        client.wait(stream, seconds=1)
    client.h2.ping(b"12345678")
    client._flush()
    client.pump(0.5)
    assert not client.closed
    assert sim.records() == []


def test_fault__silent_at_connect__handshake_never_ends(sim):
    fault = sim.fault("apns", {"silent": True, "stage": "connect"}, count=1)
    started = subprocess.run(["curl", "-sk", "--http2", "--max-time", "1", f"https://127.0.0.1:{sim.ports['apns']}/"],
                             check=False)
    assert started.returncode == 28
    assert sim.control("DELETE", f"/faults/{fault}")[0] == 200


def test_curl__http2__accepted(sim):
    command = ["curl", "-sS", "--http2", "--cacert", sim.ca, "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
               "-d", ALERT.decode()]
    for name, value in headers(sim.provider_token()):
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(command + [f"https://localhost:{sim.ports['apns']}/3/device/{TOKEN}"], check=True,
                          capture_output=True, text=True)
    assert done.stdout == "2 200"
    assert len(sim.records(provider="apns")) == 1
    assert KID not in json.dumps(sim.records())
