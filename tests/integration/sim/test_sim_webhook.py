# SPDX-License-Identifier: Apache-2.0
"""The stand-in of a receiver of webhooks against Python's http.client."""
import base64
import hashlib
import hmac
import http.client
import json
import ssl
import time

import pytest

from sim_server import WEBHOOK_SECRETS


@pytest.fixture
def client(sim):
    connection = http.client.HTTPSConnection("localhost", sim.ports["webhook"], timeout=20,
                                             context=ssl.create_default_context(cafile=sim.ca))
    yield connection
    connection.close()


def sign(secret, message, at, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def post(client, message="m1", path="/hook/a", method="POST", at=None, signature=None, body=None, **members):
    """Status and answer. signature: what to send instead of a good one."""
    at = str(int(time.time())) if at is None else at
    if body is None:
        body = json.dumps({"id": message, "kind": "alert", "data": {"message": "17"}, **members}).encode()
    headers = {"content-type": "application/json", "webhook-id": message, "webhook-timestamp": at,
               "webhook-signature": signature or sign(WEBHOOK_SECRETS[0], message, at, body)}
    client.request(method, path, body, headers)
    answer = client.getresponse()
    return answer.status, json.loads(answer.read()), dict(answer.getheaders())


def test_post__good__recorded_by_the_id_in_its_path(sim, client):
    assert post(client, "m1", "/hook/first")[:2] == (200, {"received": True})
    assert post(client, "m1", "/hook/first")[0] == 200
    first, second = sim.records(provider="webhook", token="first")
    assert (first["id"], first["repeats"], second["repeats"]) == ("m1", 0, 1)
    assert json.loads(first["payload"])["data"] == {"message": "17"}


def test_post__with_a_token__recorded_by_it(sim, client):
    assert post(client, "m2", "/hook/all", token="key:1")[0] == 200
    [record] = sim.records(provider="webhook", token="key:1")
    assert record["id"] == "m2"


def test_post__any_of_the_secrets_and_signatures__taken(client):
    at, body = str(int(time.time())), b'{"id":"m3","kind":"silent","data":{}}'
    second = sign(WEBHOOK_SECRETS[1], "m3", at, body)
    assert post(client, "m3", at=at, body=body, signature=second)[0] == 200
    assert post(client, "m3", at=at, body=body, signature=f"v1a,other v1,AAAA {second}")[0] == 200


@pytest.mark.parametrize("change, status, error", [
    ({"signature": "v1,AAAA"}, 401, "BadSignature"),
    ({"at": str(int(time.time()) - 400)}, 401, "TimestampTooOld"),
    ({"at": str(int(time.time()) + 4000)}, 401, "TimestampTooNew"),
    ({"at": "soon"}, 400, "BadTimestamp"),
    ({"path": "/other"}, 404, "NoSuchPath"),
    ({"method": "PUT"}, 405, "MethodNotAllowed"),
    ({"body": b"no json"}, 400, "BadJson"),
    ({"id": "another"}, 400, "IdMismatch"),
    ({"kind": "loud"}, 400, "BadKind"),
    ({"data": {"seq": 1}}, 400, "BadData"),
])
def test_post__not_by_the_rules__refused_with_a_reason(sim, client, change, status, error):
    before = sim.stats()["webhook"]["refused"].get(error, 0)
    assert post(client, **change)[:2] == (status, {"error": error})
    assert sim.stats()["webhook"]["refused"][error] == before + 1


def test_fault__status_and_retry_after__for_its_token_only(sim, client):
    sim.fault("webhook", {"status": 503, "retry_after": 7}, match={"token": "sick"}, count=1)
    assert post(client, "m4", "/hook/well")[0] == 200
    status, answer, headers = post(client, "m4", "/hook/sick")
    assert (status, answer, headers["retry-after"]) == (503, {"error": "Injected"}, "7")
    assert post(client, "m4", "/hook/sick")[0] == 200


def test_fault__dropped_though_taken__recorded_and_the_connection_gone(sim, client):
    sim.fault("webhook", {"drop_connection": True, "accept": True}, match={"token": "lost"}, count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError)):
        post(client, "m5", "/hook/lost")
    assert len(sim.records(provider="webhook", token="lost")) == 1
