# SPDX-License-Identifier: Apache-2.0
"""The stand-in of FCM and its token endpoint against Python's h2, http.client and curl."""
import json
import subprocess
import time
import urllib.parse

import pytest

from h2_client import Client, Lost

SEND = "/v1/projects/demo-project/messages:send"
TOKEN = "dev:APA91b-_x"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def client(sim):
    c = Client(sim.ports["fcm"], sim.ca)
    yield c
    c.close()


def ask_token(client, assertion, grant=GRANT):
    form = urllib.parse.urlencode({"grant_type": grant, "assertion": assertion}).encode()
    status, _, body = client.request("/token", [("content-type", "application/x-www-form-urlencoded")], form)
    return status, json.loads(body)


@pytest.fixture
def access(sim, client):
    status, answer = ask_token(client, sim.assertion())
    assert status == 200, answer
    return answer["access_token"]


def send(client, access, body, path=SEND):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [("content-type", "application/json; charset=UTF-8")]
    if access:
        head.append(("authorization", "Bearer " + access))
    status, head, answer = client.request(path, head, data)
    return status, head, json.loads(answer) if head["content-type"].startswith("application/json") else answer


def message(**more):
    return {"message": {"token": TOKEN, "data": {"message": "17"}, "android": {"priority": "HIGH", "ttl": "3600s",
                                                                               "collapse_key": "c9"}, **more}}


def detail(answer, kind):
    return next((d for d in answer["error"].get("details", ()) if d["@type"].endswith(kind)), None)


def test_token__good_assertion__issued(sim, client):
    status, answer = ask_token(client, sim.assertion())
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3599)


@pytest.mark.parametrize("claims, error, text", [
    ({"aud": "https://elsewhere.invalid/token"}, "invalid_grant", "audience"),
    ({"life": 3601}, "invalid_grant", "short-lived"),
    ({"iat": 1000, "exp": 4000}, "invalid_grant", "short-lived"),
    ({"exp": None}, "invalid_grant", "short-lived"),
    ({"scope": ""}, "invalid_scope", "scope"),
    ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope", "scope"),
    ({"iss": "nobody@demo.invalid"}, "invalid_grant", "account not found"),
])
def test_token__wrong_claims__rfc6749_error(sim, client, claims, error, text):
    status, answer = ask_token(client, sim.assertion(**claims))
    assert (status, answer["error"]) == (400, error)
    assert text in answer["error_description"]


def test_token__foreign_key__invalid_signature(sim, client):
    from cryptography.hazmat.primitives.asymmetric import rsa
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    status, answer = ask_token(client, sim.assertion(key=foreign))
    assert (status, answer) == (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})


def test_token__wrong_grant__refused(sim, client):
    assert ask_token(client, sim.assertion(), grant="password")[1]["error"] == "unsupported_grant_type"
    status, _, body = client.request("/token", [("content-type", "application/x-www-form-urlencoded")], b"a=b")
    assert (status, json.loads(body)["error"]) == (400, "invalid_request")


def test_token__audience_of_the_account_file__taken(sim, client):
    assert ask_token(client, sim.assertion(aud=sim.account["token_uri"]))[0] == 200


def test_send__valid__accepted_and_recorded(sim, client, access):
    status, _, answer = send(client, access, message())
    assert status == 200
    assert answer["name"].startswith("projects/demo-project/messages/")
    record, = sim.records(provider="fcm", token=TOKEN)
    assert (record["id"], record["topic"], record["collapse_id"]) == (answer["name"], "demo-project", "c9")
    assert json.loads(record["payload"]) == message()


def test_send__again__counted_as_repeat(sim, client, access):
    for _ in range(2):
        assert send(client, access, message())[0] == 200
    assert [r["repeats"] for r in sim.records(provider="fcm")] == [0, 1]


def test_send__validate_only__not_recorded(sim, client, access):
    status, _, answer = send(client, access, {"validate_only": True, **message()})
    assert (status, answer["name"]) == (200, "projects/demo-project/messages/fake_message_id")
    assert sim.records() == []


@pytest.mark.parametrize("body, field", [
    (message(topic="news"), "message"),
    ({"message": {"data": {"a": "b"}}}, "message"),
    ({}, "message"),
    ({"message": {"token": "bad token!"}}, "message.token"),
    (message(data={"n": 5}), "message.data"),
    (message(data={"from": "x"}), "message.data"),
    (message(data={"google.x": "x"}), "message.data"),
    (message(android={"ttl": 3600}), "message.android.ttl"),
    (message(android={"ttl": "2419201s"}), "message.android.ttl"),
    (message(android={"priority": "URGENT"}), "message.android.priority"),
    (message(surprise=1), "message"),
    (message(notification={"title": 5}), "message.notification.title"),
])
def test_send__wrong_shape__field_named(sim, client, access, body, field):
    status, _, answer = send(client, access, body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert detail(answer, "FcmError")["errorCode"] == "INVALID_ARGUMENT"
    assert detail(answer, "BadRequest")["fieldViolations"][0]["field"] == field
    assert sim.records() == []


def test_send__camel_case__taken(sim, client, access):
    assert send(client, access, message(android={"collapseKey": "k", "directBootOk": True}))[0] == 200
    assert sim.records()[0]["collapse_id"] == "k"


def test_send__too_big__no_details(sim, client, access):
    status, _, answer = send(client, access, message(data={"k": "x" * 4096}))
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "too big" in answer["error"]["message"]
    assert "details" not in answer["error"]


def test_send__not_json__refused(sim, client, access):
    assert send(client, access, b"{")[0] == 400


@pytest.mark.parametrize("token", [None, "ya29.guess"])
def test_send__no_good_access_token__401(sim, client, token):
    status, head, answer = send(client, token, message())
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert detail(answer, "FcmError") is None
    assert "www-authenticate" in head


def test_send__other_project__403(sim, client, access):
    status, _, answer = send(client, access, message(), path=SEND.replace("demo-project", "other"))
    assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert detail(answer, "FcmError") is None


def test_send__wrong_path__html(sim, client, access):
    status, _, answer = send(client, access, message(), path="/v1/projects/demo-project/messages")
    assert status == 404
    assert answer.startswith(b"<!DOCTYPE html>")


def test_access_token__expired_on_command__401_until_renewed(sim, client, access):
    assert send(client, access, message())[0] == 200
    sim.control("POST", "/credentials/expire")
    assert send(client, access, message())[0] == 401
    assert send(client, ask_token(client, sim.assertion())[1]["access_token"], message())[0] == 200


def test_access_token__short_life__expires_by_itself(sim, client):
    sim.control("POST", "/settings", {"oauth_expires_in_s": 1})
    status, answer = ask_token(client, sim.assertion())
    sim.control("POST", "/settings", {"oauth_expires_in_s": 3599})
    assert (status, answer["expires_in"]) == (200, 1)
    deadline = time.monotonic() + 20
    while send(client, answer["access_token"], message())[0] == 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("action, status, rpc, code", [
    ({"status": 404}, 404, "NOT_FOUND", "UNREGISTERED"),
    ({"token_dead_ms": 0}, 404, "NOT_FOUND", "UNREGISTERED"),
    ({"status": 403}, 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    ({"status": 401, "reason": "THIRD_PARTY_AUTH_ERROR"}, 401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
    ({"status": 500}, 500, "INTERNAL", "INTERNAL"),
    ({"status": 503}, 503, "UNAVAILABLE", "UNAVAILABLE"),
])
def test_fault__status__google_shape(sim, client, access, action, status, rpc, code):
    sim.fault("fcm", action, match={"token": TOKEN}, count=1)
    got, _, answer = send(client, access, message())
    assert (got, answer["error"]["status"], detail(answer, "FcmError")["errorCode"]) == (status, rpc, code)
    assert send(client, access, message())[0] == 200


def test_fault__429__retry_after_in_header_and_details(sim, client, access):
    sim.fault("fcm", {"status": 429, "retry_after": 25}, count=1)
    status, head, answer = send(client, access, message())
    assert (status, head["retry-after"]) == (429, "25")
    assert detail(answer, "RetryInfo")["retryDelay"] == "25s"


def test_fault__502__html(sim, client, access):
    sim.fault("fcm", {"status": 502}, count=1)
    status, head, _ = send(client, access, message())
    assert (status, head["content-type"]) == (502, "text/html; charset=UTF-8")


def test_fault__share_0__never(sim, client, access):
    sim.fault("fcm", {"status": 503}, match={"share": 0})
    assert send(client, access, message())[0] == 200


def test_fault__expire_credentials__401(sim, client, access):
    sim.fault("fcm", {"expire_credentials": True}, count=1)
    assert send(client, access, message())[0] == 401


def test_fault__token_endpoint__its_own_shape(sim, client):
    sim.fault("oauth", {"status": 503, "retry_after": 3}, match={"token": "push@demo.invalid"}, count=1)
    status, answer = ask_token(client, sim.assertion())
    assert (status, answer["error"]) == (503, "internal_failure")
    assert ask_token(client, sim.assertion())[0] == 200


def test_fault__rst__lost(sim, client, access):
    sim.fault("fcm", {"rst": 2, "accept": True}, count=1)
    with pytest.raises(Lost):
        send(client, access, message())
    assert list(client.resets.values()) == [2]
    assert len(sim.records()) == 1


@pytest.mark.parametrize("version, number", [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl__token_then_send__over_both_protocols(sim, version, number):
    base = ["curl", "-sS", version, "--cacert", sim.ca, "-w", "\n%{http_version} %{http_code}"]
    url = f"https://localhost:{sim.ports['fcm']}"
    done = subprocess.run(base + ["--data-urlencode", "grant_type=" + GRANT, "-d", "assertion=" + sim.assertion(),
                                  url + "/token"], check=True, capture_output=True, text=True)
    body, state = done.stdout.rsplit("\n", 1)
    assert state == number + " 200"
    token = json.loads(body)["access_token"]
    done = subprocess.run(base + ["-H", "Authorization: Bearer " + token, "-H", "Content-Type: application/json",
                                  "-d", json.dumps(message()), url + SEND], check=True, capture_output=True, text=True)
    assert done.stdout.rsplit("\n", 1)[1] == number + " 200"
    assert len(sim.records(provider="fcm")) == 1
