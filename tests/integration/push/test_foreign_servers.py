# SPDX-License-Identifier: Apache-2.0
"""Pushes and mails judged by servers that are not ours: Node's http2 with node:crypto, and Python's aiosmtpd."""
import contextlib
import email
import email.policy
import email.utils
import json
import pathlib

import pytest

import mail_relay
import push_world
from node_peer import NodePeer
from push_world import TOPIC
from surewire_env import wait_until

SCRIPT = pathlib.Path(__file__).resolve().parent / "apns_stand_in.js"


class NodeApns(NodePeer):
    """The script as a process; got holds what it printed after its port."""

    def __init__(self, keys):
        apns = keys / "apns"
        words = [(apns / name).read_text().strip() for name in ("key_id", "team_id")]
        files = [keys / "tls" / "server.pem", keys / "tls" / "server.key", apns / "public.pem"]
        command = ["node", str(SCRIPT), *map(str, files), *words, TOPIC]
        super().__init__(command)


@pytest.fixture(scope="module")
def foreign(module_deployment):
    """(world, APNs by Node, relay by aiosmtpd)"""
    keys = module_deployment.keys
    password = (keys / "smtp.password").read_text().strip()
    with contextlib.ExitStack() as stack:
        apns = NodeApns(keys)
        stack.callback(apns.close)
        relay = stack.enter_context(
            mail_relay.MailRelay(keys / "tls" / "server.pem", keys / "tls" / "server.key", "surewire", password))
        config = {"push.apns.port": apns.port, "push.email.port": relay.port}
        world = push_world.World(module_deployment, config, sim=False)
        stack.callback(world.node.stop)
        yield world, apns, relay


def test_push__to_node_http2__is_accepted_with_verified_token_and_headers(foreign):
    world, apns, _ = foreign
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()
    answer = sender.send(bob, "hello “node” ☎")
    row = bob.delivery("iphone", "delivered")
    assert (row["attempts"], row["status"]) == (1, 200)
    [got] = [g for g in apns.got if token in g["headers"][":path"]]
    assert got["fault"] == ""  # the token's signature and claims, and the headers, are the script's to judge
    assert (got["alpn"], got["sni"]) == ("h2", "localhost")
    assert got["tls"] in ("TLSv1.2", "TLSv1.3")
    headers = got["headers"]
    assert headers[":path"] == f"/3/device/{token}"
    assert headers["apns-id"].lower() == row["job"]
    assert headers["apns-collapse-id"] == answer["id"]
    assert int(headers["content-length"]) == len(got["body"].encode())
    payload = json.loads(got["body"])
    assert payload["aps"]["alert"] == {"title": sender.name, "body": "hello “node” ☎"}
    assert payload["message"] == answer["id"]


def test_many_pushes__to_node_http2__each_once_over_few_connections(foreign):
    world, apns, _ = foreign
    sender, people = world.person("sender"), world.people("member", 60)
    tokens = [person.iphone() for person in people]
    answer = sender.send(sender.group("many", people), "to many")
    wait_until(lambda: world.states(answer) == {("delivered", 1): len(people)}, "all delivered")
    got = [g for g in apns.got if json.loads(g["body"])["message"] == answer["id"]]
    assert sorted(g["headers"][":path"] for g in got) == sorted(f"/3/device/{token}" for token in tokens)
    assert {g["fault"] for g in got} == {""}
    assert len({g["headers"]["authorization"] for g in got}) == 1  # one provider token for all
    assert len({g["headers"]["apns-id"] for g in got}) == len(people)


def test_mail__to_aiosmtpd__taken_within_tls_and_read_by_python(foreign):
    world, _, relay = foreign
    sender, bob = world.person("sender"), world.person("bob")
    address = bob.mail()
    text = "Grüße aus Köln\n.\n..dots\nFrom here <b>& there</b> " + "long " * 60
    title = "Überschrift, die länger ist als eine Zeile, damit sie umbrochen wird ✓"
    answer = sender.send(bob, "short", alert={"title": title, "body": text})
    row = bob.delivery("mail", "delivered")
    assert (row["attempts"], row["status"]) == (1, 250)
    [taken] = [t for t in relay.taken if t["to"] == [address]]
    assert taken["from"] == "surewire@surewire.invalid"
    assert taken["tls"] and taken["login"] == "surewire"
    assert {good for _, good in relay.logins} == {True}
    mail = email.message_from_bytes(taken["content"], policy=email.policy.default)
    assert [part.defects for part in mail.walk() if part.defects] == []
    assert mail["subject"] == title
    assert mail["message-id"] == f"<{row['job'].replace('-', '')}@surewire.invalid>"
    assert [a.addr_spec for a in mail["to"].addresses] == [address]
    assert [a.addr_spec for a in mail["from"].addresses] == ["surewire@surewire.invalid"]
    assert answer["conv"] in mail["references"]
    assert mail["auto-submitted"] == "auto-generated"
    sent_ms = email.utils.parsedate_to_datetime(mail["date"]).timestamp() * 1000
    assert abs(sent_ms - bob.attempts("mail")[0]["at_ms"]) < 60000
    # libcurl's outermost part is a multipart/mixed of one.
    types = [part.get_content_type() for part in mail.walk()]
    assert types[-3:] == ["multipart/alternative", "text/plain", "text/html"]
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
    assert "&lt;b&gt;&amp; there&lt;/b&gt;" in mail.get_body(("html",)).get_content()
    assert max(len(line) for line in taken["content"].split(b"\r\n")) <= 998
