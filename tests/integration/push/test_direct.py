# SPDX-License-Identifier: Apache-2.0
"""Pushes that another system asks for: to each kind of recipient, once for each key, watched, and called off."""
import json
import secrets
import threading
import time
import urllib.error
import urllib.request

import pytest

import push_world
import surewire_env
from surewire_env import wait_until

USAGE = 64
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
    """The role admin in a process of its own, so that it can be killed alone."""
    world = push_world.World(module_deployment, {"node.roles": "gateway,sequencer,mailbox,pusher",
                                                 "pusher.direct_attempts_max": "2"})
    world.admin = module_deployment.node("admin")
    return world


@pytest.fixture(autouse=True)
def running_admin(world):
    """Also after a test that failed between kill and restart."""
    if not world.admin.running():
        world.admin.restart()


def api(world, method, path, body=None, key=None, url=None, raw=None):
    """(status, answer) of the operators' API."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request((url or world.admin.admin_url) + path, method=method, data=data)
    request.add_header("Authorization", f"Bearer {world.deployment.admin_token}")
    request.add_header("Content-Type", "application/json")
    if key is not None:
        request.add_header("Idempotency-Key", key)
    try:
        with surewire_env.proxyless().open(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def push(world, to, notification=None, key=None, **more):
    """The id of a new push."""
    body = {"to": to, "notification": notification or {"title": "t", "body": "b"}, **more}
    status, answer = api(world, "POST", "/v1/push", body, key)
    assert status == 202 and answer["repeated"] is False, (status, answer)
    return answer["id"]


def status_of(world, number):
    status, answer = api(world, "GET", f"/v1/push/{number}")
    assert status == 200, (status, answer)
    return answer


def ended(world, number, timeout_s=60):
    """Its status, once all of its jobs have ended."""

    def look():
        found = status_of(world, number)
        return found if found["state"] in ("done", "cancelled") and found["waiting"] == 0 else None

    return wait_until(look, f"push {number} has ended", timeout_s)


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
