# SPDX-License-Identifier: Apache-2.0
"""Addresses that are taken off: by a click of a mail program (RFC 8058), and by bounces that a mail system pipes in.
Mails are taken by aiosmtpd and read by Python's email package; words of our own make are signed with Python's hmac."""
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.client
import os
import pathlib
import re
import secrets
import struct
import subprocess
import time
import urllib.parse

import pytest

import mail_relay
import push_world
from surewire_env import clean_environment, free_ports, surewire_bin, wait_until

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "bounce"
URL = "https://chat.surewire.invalid/v1/mail/unsubscribe"
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def linked(module_deployment):
    """(world, relay): every message in a mail of its own, with links."""
    keys = module_deployment.keys
    password = (keys / "smtp.password").read_text().strip()
    (keys / "mail.key").write_text(secrets.token_hex(32) + "\n")
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(
            mail_relay.MailRelay(keys / "tls" / "server.pem", keys / "tls" / "server.key", "surewire", password))
        world = push_world.World(module_deployment, {
            "push.email.port": relay.port, "push.email.digest_interval": "0", "push.email.unsubscribe_url": URL,
            "push.email.bounce_address": "bounces@surewire.invalid", "push.email.signing_key_file": keys / "mail.key",
        }, sim=False)
        stack.callback(world.node.stop)
        yield world, relay


class Mail:
    """The newest mail to an address, and the words in it."""

    def __init__(self, relay, address, count=1):
        wait_until(lambda: len(self._all(relay, address)) >= count, f"{count} mails to {address}")
        taken = self._all(relay, address)
        assert len(taken) == count
        self.envelope_from = taken[-1]["from"]
        self.message = email.message_from_bytes(taken[-1]["content"], policy=email.policy.default)
        self.link = re.fullmatch(r"<(https://[^<>\s,]+)>", self.message["list-unsubscribe"])[1]
        self.word = urllib.parse.parse_qs(urllib.parse.urlsplit(self.link).query)["t"][0]
        self.bounce_word = re.fullmatch(r"bounces\+([a-z2-7]{52})@surewire\.invalid", self.envelope_from)[1]

    @staticmethod
    def _all(relay, address):
        return [taken for taken in relay.taken if taken["to"] == [address]]


def ask(world, method, query, body=None, headers=None):
    """(status, type, text) as anybody's program would get it: no cookies, no log-in, no redirects followed."""
    connection = http.client.HTTPConnection("127.0.0.1", world.node.gateway_port, timeout=30)
    try:
        connection.request(method, f"/v1/mail/unsubscribe{query}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read().decode()
    finally:
        connection.close()


def click(world, word, body=ONE_CLICK, headers=None):
    return ask(world, "POST", f"?t={word}", body, headers or FORM)[0]


def other_character(word, index):
    return word[:index] + ("b" if word[index] == "a" else "a") + word[index + 1:]


def sign(world, use, person, device, address, issued_s):
    """A word as the product makes it."""
    def run(part):
        return struct.pack(">I", len(part)) + part

    [(user,)] = world.space.query("SELECT user_id FROM account WHERE name = %s", (person.name,))
    owner = struct.pack(">q", user) + device.encode()
    digest = bytearray(hashlib.sha256(b"surewire.address" + run(owner) + run(address.encode())).digest()[:8])
    digest[6] = digest[6] & 0x0f | 0x80
    claim = struct.pack(">q", user) + bytes(digest) + struct.pack(">I", issued_s)
    key = (world.deployment.keys / "mail.key").read_text().strip().encode()
    mac = hmac.new(key, f"surewire.mail.{use}\0".encode() + claim, hashlib.sha256).digest()[:12]
    return base64.b32encode(claim + mac).decode().rstrip("=").lower()


def mailed(world, relay, text="hello"):
    """(sender, person, address, mail) after one message."""
    ann, bob = world.person("ann"), world.person("bob")
    address = bob.mail()
    ann.send(bob, text)
    mail = Mail(relay, address)
    bob.delivery("mail", "delivered")
    return ann, bob, address, mail


def assert_no_mail(world, relay, ann, bob, address, count=1):
    """After another message, and one to somebody else that was mailed."""
    ann.send(bob, "nobody mails this")
    other = world.person("other")
    control = other.mail()
    ann.send(other, "after it")
    Mail(relay, control)
    assert len([taken for taken in relay.taken if taken["to"] == [address]]) == count


# ---- what a mail carries ----


def test_mail__has_the_headers_of_one_click_and_signed_words(linked):
    world, relay = linked
    _, bob, address, mail = mailed(world, relay)
    assert mail.link == f"{URL}?t={mail.word}"
    assert mail.message["list-unsubscribe-post"] == ONE_CLICK
    assert mail.message["auto-submitted"] == "auto-generated"
    assert f"No more mails to this address: {mail.link}" in mail.message.get_body(("plain",)).get_content()
    assert f'<a href="{mail.link}">' in mail.message.get_body(("html",)).get_content()
    assert len(mail.envelope_from.partition("@")[0]) <= 64
    issued_s = struct.unpack(">I", base64.b32decode(mail.word.upper() + "====")[16:20])[0]
    assert abs(issued_s - time.time()) < 600
    assert mail.word == sign(world, "unsubscribe", bob, "mail", address, issued_s)
    assert mail.bounce_word == sign(world, "bounce", bob, "mail", address, issued_s)


# ---- unsubscribe ----


def test_post__as_a_mail_provider_does_it__no_more_mails(linked):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    assert click(world, mail.word) == 200
    assert bob.stored_token("mail") == ""
    assert click(world, mail.word) == 200  # again, as providers do
    assert_no_mail(world, relay, ann, bob, address)
    bob.mail()  # they want them again
    ann.send(bob, "mailed again")
    again = Mail(relay, address, 2)
    assert click(world, again.word.upper()) == 200
    assert bob.stored_token("mail") == ""


def test_post__multipart__no_more_mails(linked):
    world, relay = linked
    _, bob, _, mail = mailed(world, relay)
    body = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    assert click(world, mail.word, body, {"Content-Type": 'multipart/form-data; boundary="x"'}) == 200
    assert bob.stored_token("mail") == ""


def test_post__a_mail_under_way__is_dropped(linked):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    relay.refusal = "421 4.3.2 come back later"
    try:
        ann.send(bob, "under way")
        wait_until(lambda: bob.deliveries("mail")[-1]["state"] == "retry", "it waits")
        assert click(world, mail.word) == 200
    finally:
        relay.refusal = None
    wait_until(lambda: bob.deliveries("mail")[-1]["reason"] == "token_gone", "it is dropped")
    assert [row["state"] for row in bob.deliveries("mail")] == ["delivered", "dropped"]
    assert len([taken for taken in relay.taken if taken["to"] == [address]]) == 1


def test_post__only_the_address_it_is_about(linked):
    world, relay = linked
    ann, bob, _, mail = mailed(world, relay)
    second = bob.device("second", "email", f"second-{bob.name}@surewire.invalid", app="")
    assert click(world, mail.word) == 200
    assert (bob.stored_token("mail"), bob.stored_token("second")) == ("", second)
    ann.send(bob, "to the second")
    Mail(relay, second)


def test_get__shows_a_form_and_changes_nothing(linked):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    for _ in range(3):
        status, kind, page = ask(world, "GET", f"?t={mail.word}")
        assert (status, kind) == (200, "text/html")
        assert '<form method="post">' in page
        assert 'name="List-Unsubscribe" value="One-Click"' in page
        assert bob.name not in page
    assert ask(world, "HEAD", f"?t={mail.word}")[0] in (405, 200)
    ann.send(bob, "still mailed")
    Mail(relay, address, 2)
    assert bob.stored_token("mail") == address


def test_post__without_the_field__is_refused(linked):
    world, relay = linked
    _, bob, address, mail = mailed(world, relay)
    for body, headers in (
        ("", FORM), ("List-Unsubscribe=Yes", FORM), ("x=One-Click", FORM), ("List-Unsubscribe=One-Click" * 2, FORM),
        ('--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nNo\r\n--x--\r\n',
         {"Content-Type": "multipart/form-data; boundary=x"}),
        ('--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"', {"Content-Type": "multipart/form-data"}),
    ):
        assert click(world, mail.word, body, headers) == 400, body
    assert bob.stored_token("mail") == address


def test_words_that_are_not_ours__are_refused_by_both(linked):
    world, relay = linked
    _, bob, address, mail = mailed(world, relay)
    now_s = int(time.time())
    words = {
        **{other_character(mail.word, i): 403 for i in range(51)},
        mail.bounce_word: 403,
        base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=").lower(): 403,
        mail.word[:-1]: 400,
        mail.word + "a": 400,
        "": 400,
        "%00": 400,
        "x" * 3000: 400,
        sign(world, "unsubscribe", bob, "mail", address, now_s - 400 * 86400): 410,
    }
    for word, status in words.items():
        assert click(world, word) == status, word
        answer, kind, text = ask(world, "GET", f"?t={word}")
        assert (answer, kind) == (status, "application/problem+json"), (word, text)
    assert ask(world, "POST", "", ONE_CLICK, FORM)[0] == 400
    assert ask(world, "PUT", f"?t={mail.word}", ONE_CLICK, FORM)[0] == 405
    assert bob.stored_token("mail") == address


# ---- bounces ----


def bounce(world, text, *arguments, config=None):
    """(exit code, what it said) of the command a mail system runs."""
    done = subprocess.run(
        [surewire_bin(), f"--config={config or world.node.config}", "bounce", *arguments],
        input=text, capture_output=True, env=clean_environment(), timeout=60)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def sample(name, word):
    return (SAMPLES / f"{name}.eml").read_bytes().replace(b"WORD", word.encode())


@pytest.mark.parametrize("name", ["postfix_failed", "exim_failed", "sendmail_failed", "postfix_lf"])
def test_bounce__permanent__no_more_mails(linked, name):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    for _ in range(2):  # mail systems may run it twice
        code, said = bounce(world, sample(name, mail.bounce_word))
        assert code == os.EX_OK, said
        assert "event=bounce.read" in said and "address=dropped" in said
    wait_until(lambda: bob.stored_token("mail") == "", "the address is dropped")
    assert_no_mail(world, relay, ann, bob, address)


def test_bounce__permanent__the_next_message_goes_to_the_other_address(linked):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    second = bob.device("second", "email", f"second-{bob.name}@surewire.invalid", app="")
    assert bounce(world, sample("postfix_failed", mail.bounce_word))[0] == os.EX_OK
    wait_until(lambda: bob.stored_token("mail") == "", "the address is dropped")
    ann.send(bob, "to the second")
    Mail(relay, second)
    assert len([taken for taken in relay.taken if taken["to"] == [address]]) == 1


@pytest.mark.parametrize("name", [
    "postfix_delayed", "postfix_expired", "postfix_full", "postfix_policy", "postfix_relayed", "sendmail_delayed"])
def test_bounce__not_about_the_address__kept(linked, name):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    code, said = bounce(world, sample(name, mail.bounce_word))
    assert code == os.EX_OK and "address=kept" in said
    ann.send(bob, "still mailed")
    Mail(relay, address, 2)
    assert bob.stored_token("mail") == address


def test_bounce__recipient_given__is_the_one_that_counts(linked):
    world, relay = linked
    _, bob, address, mail = mailed(world, relay)
    forged = bounce(world, sample("postfix_failed", mail.bounce_word), "--recipient=bounces+x@surewire.invalid")
    assert forged[0] == os.EX_DATAERR
    right = f"--recipient=Bounces+{mail.bounce_word.upper()}@SUREWIRE.INVALID"
    assert bounce(world, sample("postfix_failed", "a" * 52), right)[0] == os.EX_OK
    wait_until(lambda: bob.stored_token("mail") == "", "the address is dropped")


def test_bounce__of_a_mail_before_the_address_was_reported_again__kept(linked):
    world, relay = linked
    ann, bob, address, _ = mailed(world, relay)
    word = sign(world, "bounce", bob, "mail", address, int(time.time()) - 3600)
    code, said = bounce(world, sample("postfix_failed", word))
    assert code == os.EX_OK, said
    ann.send(bob, "still mailed")
    Mail(relay, address, 2)
    assert bob.stored_token("mail") == address


def test_bounce__bad_input__65_and_kept(linked):
    world, relay = linked
    ann, bob, address, mail = mailed(world, relay)
    word = mail.bounce_word
    old = sign(world, "bounce", bob, "mail", address, int(time.time()) - 40 * 86400)
    report = sample("postfix_failed", word)
    inputs = [
        *(sample("postfix_failed", other_character(word, i)) for i in (0, 12, 17, 25, 50)),
        sample("postfix_failed", mail.word),  # the one for unsubscribing
        sample("postfix_failed", old),
        report.replace(f"bounces+{word}".encode(), b"bounces"),
        *(sample(path.stem, word) for path in sorted(SAMPLES.glob("bad_*.eml"))),
        b"", b"\0" * 1000, b"hello\n", report[:200], report + b"x" * (1024 * 1024),
    ]
    for text in inputs:
        code, said = bounce(world, text)
        assert code == os.EX_DATAERR, (text[:2000], said)
        assert said.startswith("surewire: ") and said.count("\n") == 1, said
    ann.send(bob, "still mailed")
    Mail(relay, address, 2)
    assert bob.stored_token("mail") == address


def test_bounce__broker_away__75_and_taken_later(linked):
    world, relay = linked
    _, bob, _, mail = mailed(world, relay)
    [port] = free_ports(1)
    text = world.node.config.read_text()
    away = world.deployment.folder / "away.ini"
    away.write_text(re.sub(r"(?m)^\[bus\]\nurl_file.*$", f"[bus]\nurl = amqp://surewire:x@127.0.0.1:{port}/x", text))
    assert away.read_text() != text
    code, said = bounce(world, sample("postfix_failed", mail.bounce_word), config=away)
    assert code == os.EX_TEMPFAIL, said
    assert bounce(world, sample("bad_mixed", mail.bounce_word), config=away)[0] == os.EX_DATAERR
    assert bounce(world, sample("postfix_failed", mail.bounce_word))[0] == os.EX_OK
    wait_until(lambda: bob.stored_token("mail") == "", "the address is dropped")
