# SPDX-License-Identifier: Apache-2.0
"""The operators' API for pushes and topics, and the World that its tests run in."""
import json
import urllib.error
import urllib.request

import push_world
import surewire_env
from surewire_env import wait_until


def make_world(deployment):
    """The role admin in a process of its own, so that it can be killed alone."""
    deployment.sim("--record-max=100000")
    config = {"node.roles": "gateway,sequencer,mailbox,pusher", "pusher.direct_attempts_max": "2"}
    world = push_world.World(deployment, config, sim=False)
    world.admin = deployment.node("admin")
    return world


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


def subscribe(world, topic, add=(), remove=()):
    status, answer = api(world, "POST", f"/v1/topics/{topic}/subscribers", {"add": list(add), "remove": list(remove)})
    assert status == 200, answer
    return answer["added"], answer["removed"]
