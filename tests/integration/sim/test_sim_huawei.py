# SPDX-License-Identifier: Apache-2.0
"""The stand-in of Huawei Push Kit and its token endpoint against Python's h2 and curl."""
import json
import subprocess
import time
import urllib.parse

import pytest

from h2_client import Client, Lost
from sim_server import HUAWEI_CLIENT, HUAWEI_OTHER, HUAWEI_PROJECT, HUAWEI_SECRET

SEND = f"/v1/{HUAWEI_CLIENT}/messages:send"
TOKEN = "IQAAAACy0kXw-_x"
OAUTH = "/oauth2/v3/token"
FORM = {"grant_type": "client_credentials", "client_id": HUAWEI_CLIENT, "client_secret": HUAWEI_SECRET}
FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.fixture
def client(sim):
    c = Client(sim.ports["huawei"], sim.ca)
    yield c
    c.close()


def ask_token(client, kind=FORM_TYPE, **changes):
    form = urllib.parse.urlencode({k: v for k, v in {**FORM, **changes}.items() if v is not None})
    status, _, body = client.request(OAUTH, [("content-type", kind)], form.encode())
    return status, json.loads(body)


@pytest.fixture
def access(client):
    status, answer = ask_token(client)
    assert status == 200, answer
    return answer["access_token"]


def send(client, access, body, path=SEND, kind="application/json;charset=UTF-8"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [("content-type", kind)]
    if access:
        head.append(("authorization", "Bearer " + access))
    status, head, answer = client.request(path, head, data)
    return status, head, json.loads(answer) if head["content-type"].startswith("application/json") else answer


def message(*tokens, **more):
    return {"validate_only": False, "message": {
        "token": list(tokens or (TOKEN,)), "data": json.dumps({"message": "17"}),
        "notification": {"title": "t", "body": "b"},
        "android": {"urgency": "NORMAL", "ttl": "3600s", "notification": {"click_action": {"type": 3}, "tag": "c9"}},
        **more}}


def test_token__good_client__issued_with_an_escaped_slash(client):
    status, _, body = client.request(OAUTH, [("content-type", FORM_TYPE)], urllib.parse.urlencode(FORM).encode())
    answer = json.loads(body)
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3599)
    assert b"\\/" in body and "/" in answer["access_token"]


@pytest.mark.parametrize("changes, error, sub_error", [
    ({"grant_type": None}, 1102, 20181),
    ({"grant_type": "password"}, 1101, 20182),
    ({"client_id": None}, 1102, 20001),
    ({"client_id": "10a"}, 1101, 20002),
    ({"client_id": "1" * 65}, 1101, 20002),
    ({"client_id": "999"}, 1101, 20003),
    ({"client_secret": None}, 1101, 20171),
    ({"client_secret": "a b"}, 1101, 20172),
    ({"client_secret": "abc"}, 1101, 12304),
    ({"kind": "application/json"}, 1102, 20181),
])
def test_token__refused__with_huaweis_numbers(client, changes, error, sub_error):
    status, answer = ask_token(client, **changes)
    assert (status, answer["error"], answer["sub_error"]) == (400, error, sub_error)
    assert answer["error_description"]


def test_token__get__405(client):
    assert client.request(OAUTH, [], method="GET")[0] == 405


def test_send__accepted_and_recorded(sim, client, access):
    status, _, answer = send(client, access, message())
    assert (status, answer["code"], answer["msg"]) == (200, "80000000", "Success")
    [record] = sim.records(provider="huawei")
    assert (record["token"], record["topic"], record["collapse_id"]) == (TOKEN, HUAWEI_CLIENT, "c9")
    assert record["id"] == answer["requestId"]
    assert json.loads(record["payload"]) == message()


def test_send__same_tag__counted_as_a_repeat(sim, client, access):
    for tag in ("c9", "c9", "c10"):
        body = message()
        body["message"]["android"]["notification"]["tag"] = tag
        assert send(client, access, body)[2]["code"] == "80000000"
    assert [r["repeats"] for r in sim.records(provider="huawei")] == [0, 1, 0]


def test_send__validate_only__not_recorded(sim, client, access):
    assert send(client, access, {**message(), "validate_only": True})[2]["code"] == "80000000"
    assert sim.records() == []


def test_send__some_tokens_illegal__the_others_taken(sim, client, access):
    status, _, answer = send(client, access, message("good1", "b d", "good2"))
    assert (status, answer["code"]) == (200, "80100000")
    assert json.loads(answer["msg"]) == {"success": 2, "failure": 1, "illegal_tokens": ["b d"]}
    assert [r["token"] for r in sim.records()] == ["good1", "good2"]


def test_send__all_tokens_illegal__80300007(sim, client, access):
    status, _, answer = send(client, access, message("b d", "e f"))
    assert (status, answer["code"]) == (200, "80300007")
    assert sim.records() == []


def test_send__v2__by_the_project_of_the_client(sim, client, access):
    _, answer = ask_token(client, client_id=HUAWEI_OTHER)
    path = f"/v2/{HUAWEI_PROJECT}/messages:send"
    assert send(client, answer["access_token"], message(), path)[2]["code"] == "80000000"
    assert sim.records()[0]["topic"] == HUAWEI_PROJECT
    assert send(client, access, message(), path)[2]["code"] == "80200001"
    assert send(client, access, message(), "/v2//messages:send")[0] == 404


@pytest.mark.parametrize("token", [None, "x", "DQEA+/0000"])
def test_send__no_or_unknown_token__401(client, token):
    status, _, answer = send(client, token, message())
    assert (status, answer["code"]) == (401, "80200001")


def test_send__token_of_another_client__401(client, access):
    status, _, answer = send(client, access, message(), f"/v1/{HUAWEI_OTHER}/messages:send")
    assert (status, answer["code"]) == (401, "80200001")


def test_send__token_expired__80200003(sim, client, access):
    sim.control("POST", "/credentials/expire")
    status, _, answer = send(client, access, message())
    assert (status, answer["code"]) == (401, "80200003")
    assert send(client, ask_token(client)[1]["access_token"], message())[2]["code"] == "80000000"


def test_send__short_lived_token__expires_by_itself(sim, client):
    sim.control("POST", "/settings", {"oauth_expires_in_s": 1})
    _, answer = ask_token(client)
    sim.control("POST", "/settings", {"oauth_expires_in_s": 3599})
    assert answer["expires_in"] == 1
    deadline = time.monotonic() + 10
    code = "80000000"
    while code == "80000000" and time.monotonic() < deadline:
        code = send(client, answer["access_token"], message())[2]["code"]
    assert code == "80200003"


@pytest.mark.parametrize("body, code", [
    (b"{", "80100003"),
    ({}, "80100003"),
    ({"message": {"token": [TOKEN]}}, "80100003"),
    (message(data="no JSON"), "80100003"),
    (message(android={"notification": {}}), "80100003"),
    (message(TOKEN, TOKEN), "80100001"),
    (message(data=json.dumps({"x": "y" * 4096})), "80300008"),
])
def test_send__bad_message__its_code(sim, client, access, body, code):
    status, _, answer = send(client, access, body)
    assert (status, answer["code"]) == (400 if code.startswith("8010") else 200, code)
    assert sim.records() == []


def test_send__not_json_type__refused(client, access):
    assert send(client, access, message(), kind="text/plain")[2]["code"] == "80100001"


@pytest.mark.parametrize("path", ["/", "/v3/1/messages:send", "/v1/1/2/messages:send", SEND + "x"])
def test_send__wrong_path__404_without_a_code(client, access, path):
    status, head, _ = send(client, access, message(), path)
    assert (status, head["content-type"]) == (404, "text/html")


# ---- faults ----


@pytest.mark.parametrize("action, status, code", [
    ({"status": 200, "reason": "80300002"}, 200, "80300002"),
    ({"status": 200}, 200, "81000001"),
    ({"status": 400}, 400, "80100001"),
    ({"status": 401}, 401, "80200001"),
    ({"status": 500}, 500, "81000001"),
    ({"token_dead_ms": 1}, 200, "80300007"),
])
def test_fault__answered_and_not_recorded(sim, client, access, action, status, code):
    sim.fault("huawei", action, match={"token": TOKEN}, count=1)
    got, _, answer = send(client, access, message())
    assert (got, answer["code"]) == (status, code)
    assert sim.records() == []
    assert send(client, access, message())[2]["code"] == "80000000"


def test_fault__partial__names_the_tokens_of_the_request(sim, client, access):
    sim.fault("huawei", {"status": 200, "reason": "80100000"}, count=1)
    answer = send(client, access, message())[2]
    assert json.loads(answer["msg"]) == {"success": 0, "failure": 1, "illegal_tokens": [TOKEN]}


def test_fault__flow_control__without_a_code_and_with_retry_after(sim, client, access):
    sim.fault("huawei", {"status": 503, "retry_after": 7}, count=1)
    status, head, _ = send(client, access, message())
    assert (status, head["retry-after"], head["content-type"]) == (503, "7", "text/html")


def test_fault__rst__lost_but_taken(sim, client, access):
    sim.fault("huawei", {"rst": 2, "accept": True}, count=1)
    with pytest.raises(Lost):
        send(client, access, message())
    assert len(sim.records()) == 1


def test_goaway_on_command__told(sim, client, access):
    status, answer = sim.control("POST", "/connections", {"provider": "huawei", "action": "goaway"})
    assert (status, answer["connections"] >= 1) == (200, True)
    assert client.wait_until(lambda: client.goaway is not None)


def test_fault__token_endpoint__its_own_shape(sim, client):
    sim.fault("huawei_oauth", {"status": 400}, match={"token": HUAWEI_CLIENT}, count=1)
    status, answer = ask_token(client)
    assert (status, answer["error"], answer["sub_error"]) == (400, 1101, 12304)
    assert ask_token(client)[0] == 200
    sim.fault("oauth", {"status": 503}, count=1)  # Google's
    assert ask_token(client)[0] == 200


@pytest.mark.parametrize("version, number", [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl__token_then_send__over_both_protocols(sim, version, number):
    base = ["curl", "-sS", version, "--cacert", sim.ca, "-w", "\n%{http_version} %{http_code}"]
    url = f"https://localhost:{sim.ports['huawei']}"
    form = [word for pair in FORM.items() for word in ("--data-urlencode", "=".join(pair))]
    done = subprocess.run(base + form + [url + OAUTH], check=True, capture_output=True, text=True)
    body, state = done.stdout.rsplit("\n", 1)
    assert state == number + " 200"
    token = json.loads(body)["access_token"]
    done = subprocess.run(base + ["-H", "Authorization: Bearer " + token, "-H", "Content-Type: application/json",
                                  "-d", json.dumps(message()), url + SEND], check=True, capture_output=True, text=True)
    assert done.stdout.rsplit("\n", 1)[1] == number + " 200"
    assert len(sim.records(provider="huawei")) == 1
