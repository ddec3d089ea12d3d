# SPDX-License-Identifier: Apache-2.0
"""APNs by client certificate, judged by Node's http2 and its TLS: sent, replaced under way, refused."""
import contextlib
import pathlib
import signal
import subprocess

import pytest

import push_world
from node_peer import NodePeer
from push_world import TOPIC
from surewire_env import wait_until

SCRIPT = pathlib.Path(__file__).resolve().parent / "apns_certificate_stand_in.js"
EXTENSIONS = f"""
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
1.2.840.113635.100.6.3.1=ASN1:NULL
1.2.840.113635.100.6.3.2=ASN1:NULL
1.2.840.113635.100.6.3.6=ASN1:SEQUENCE:topics
[topics]
topic0=UTF8:{TOPIC}
uses0=SEQUENCE:app
topic1=UTF8:{TOPIC}.voip
uses1=SEQUENCE:voip
[app]
use=UTF8:app
[voip]
use=UTF8:voip
"""


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Issuer:
    """An authority in a folder, and certificates like Apple's from it."""

    def __init__(self, folder):
        self.folder = folder
        self.serial = 0x1000
        (folder / "extensions").write_text(EXTENSIONS)
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")

    def issue(self, name):
        """Writes NAME, certificate and key in one; its serial number as Node says it."""
        self.serial += 1
        openssl(self.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/UID={TOPIC}/CN=Apple Push Services: {TOPIC}", "-keyout", "leaf.key", "-out", "leaf.csr")
        openssl(self.folder, "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial",
                str(self.serial), "-days", "2", "-extfile", "extensions", "-out", "leaf.pem")
        both = "".join((self.folder / part).read_text() for part in ("leaf.pem", "leaf.key"))
        (self.folder / name).write_text(both)
        return f"{self.serial:X}"


@pytest.fixture(scope="module")
def by_certificate(module_deployment, tmp_path_factory):
    """(world, stand-in by Node, issuer, serial number of the certificate in use)"""
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    serial = issuer.issue("push.pem")
    tls = module_deployment.keys / "tls"
    with contextlib.ExitStack() as stack:
        files = [tls / "server.pem", tls / "server.key", issuer.folder / "ca.pem"]
        apns = NodePeer(["node", str(SCRIPT), *map(str, files)])
        stack.callback(apns.close)
        config = {"push.apns.port": apns.port, "push.apns.cert_file": issuer.folder / "push.pem",
                  **{f"push.apns.{key}": "" for key in ("key_file", "key_id", "team_id", "topics")}}
        world = push_world.World(module_deployment, config, sim=False)
        stack.callback(world.node.stop)
        yield world, apns, issuer, serial


def pushed(world, apns, name):
    """What the stand-in got of a message to a new person."""
    sender, bob = world.person("sender"), world.person(name)
    token = bob.iphone()
    sender.send(bob, "hello")
    row = bob.delivery("iphone", "delivered")
    assert (row["attempts"], row["status"]) == (1, 200)
    [got] = [g for g in apns.got if token in g["path"]]
    return got


def test_push__with_a_certificate__is_accepted_by_node_without_a_token(by_certificate):
    world, apns, _, serial = by_certificate
    got = pushed(world, apns, "bob")
    assert got["reason"] == ""  # authority, topic within the certificate and no token: the script's to judge
    assert (got["topic"], got["uid"], got["serial"], got["alpn"]) == (TOPIC, TOPIC, serial, "h2")


def test_certificate__replaced_and_hup__pushes_go_on_with_the_new_one(by_certificate):
    world, apns, issuer, _ = by_certificate
    before = pushed(world, apns, "carol")
    assert pushed(world, apns, "dave")["serial"] == before["serial"]
    serial = issuer.issue("push.pem")
    assert serial != before["serial"]
    world.node.signal(signal.SIGHUP)
    found = []

    def is_new():
        found.append(pushed(world, apns, f"erin{len(found)}"))
        return found[-1]["serial"] == serial

    wait_until(is_new, "a push with the new certificate")
    assert found[-1]["session"] > before["session"]
    assert {got["reason"] for got in apns.got} == {""}
    # A file that is no certificate leaves the one in force.
    (issuer.folder / "push.pem").write_text("nothing\n")
    world.node.signal(signal.SIGHUP)
    assert pushed(world, apns, "frank")["serial"] == serial


def test_certificate__of_another_authority__work_waits_and_goes_on_after_hup(by_certificate, tmp_path):
    world, apns, issuer, _ = by_certificate
    stranger = Issuer(tmp_path)
    stranger.issue("push.pem")
    serial = issuer.issue("push.pem")
    good = (issuer.folder / "push.pem").read_text()
    (issuer.folder / "push.pem").write_text((tmp_path / "push.pem").read_text())
    world.node.signal(signal.SIGHUP)
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()

    def is_refused():
        sender.send(bob, "hello")
        return any(g["reason"] == "BadCertificate" for g in apns.got)

    wait_until(is_refused, "a refusal")
    wait_until(lambda: world.node.metric("surewire_push_credential_ready", provider="apns") == 0, "it is told as refused")
    assert bob.stored_token("iphone") == token  # the operator's fault costs no device
    assert {(a["number"], a["outcome"]) for a in bob.attempts("iphone")} <= {(1, "delivered")}  # those before the HUP
    sent = len(bob.events())
    (issuer.folder / "push.pem").write_text(good)
    world.node.signal(signal.SIGHUP)
    wait_until(lambda: [(d["state"], d["attempts"]) for d in bob.deliveries()] == [("delivered", 1)] * sent, "all of them")
    assert pushed(world, apns, "gina")["serial"] == serial
    assert world.node.metric("surewire_push_credential_ready", provider="apns") == 1
