# SPDX-License-Identifier: Apache-2.0
"""The stand-in of a mail relay against Python's smtplib and curl."""
import email.message
import email.utils
import smtplib
import socket
import ssl
import subprocess

import pytest

from sim_server import SMTP_USER

SENDER, ANN, BOB = "bounce@demo.invalid", "ann@demo.invalid", "bob@demo.invalid"


def mail(**changes):
    m = email.message.EmailMessage()
    head = {"Date": email.utils.formatdate(), "From": "Surewire <push@demo.invalid>", "To": ANN,
            "Message-ID": "<m1@demo.invalid>", "Subject": "Grüße von Ann, " + "sehr lang " * 12, **changes}
    for name, value in head.items():
        if value is not None:
            m[name] = value
    m.set_content("hello\n.\n..two dots\nend\n")
    m.add_alternative("<p>hello</p>", subtype="html")
    return m


def raw(*remove, extra=b"", body=b"hello\r\n"):
    head = {"Date": b"Tue, 24 Nov 2026 03:00:00 +0000", "From": b"push@demo.invalid", "Message-ID": b"<m2@demo.invalid>",
            "Subject": b"hi", "MIME-Version": b"1.0"}
    lines = [n.encode() + b": " + v + b"\r\n" for n, v in head.items() if n not in remove]
    return b"".join(lines) + extra + b"\r\n" + body


@pytest.fixture(scope="module")
def context(sim_module):
    return ssl.create_default_context(cafile=str(sim_module.ca))


@pytest.fixture
def client(sim, context):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.starttls(context=context)
    c.login(SMTP_USER, sim.password)
    yield c
    c.close()


def dialogue(sim):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.ehlo()
    return c


def send_raw(client, text):
    """DATA without smtplib's own repairs: text goes as it is, then the dot."""
    assert client.mail(SENDER)[0] == 250
    assert client.rcpt(ANN)[0] == 250
    client.putcmd("data")
    assert client.getreply()[0] == 354
    client.send(text + b".\r\n")
    return client.getreply()


def test_mail__valid__recorded_unstuffed(sim, client):
    client.send_message(mail(), SENDER, [ANN, BOB])
    first, second = sim.records(provider="smtp")
    assert (first["token"], second["token"]) == (ANN, BOB)
    assert (first["id"], first["topic"]) == ("<m1@demo.invalid>", SENDER)
    assert "\r\n.\r\n..two dots\r\nend\r\n" in first["payload"]
    assert first["headers"]["MIME-Version"] == "1.0"


def test_mail__same_message_id_again__repeat(sim, client):
    for _ in range(2):
        client.send_message(mail(), SENDER, [ANN])
    assert [r["repeats"] for r in sim.records()] == [0, 1]


def test_auth__login_mechanism__accepted(sim, context):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.starttls(context=context)
    c.ehlo()
    c.user, c.password = SMTP_USER, sim.password
    assert c.auth("LOGIN", c.auth_login)[0] == 235
    c.quit()


@pytest.mark.parametrize("initial", [True, False])
def test_auth__plain__with_and_without_initial_response(sim, context, initial):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.starttls(context=context)
    c.ehlo()
    c.user, c.password = SMTP_USER, sim.password
    assert c.auth("PLAIN", c.auth_plain, initial_response_ok=initial)[0] == 235
    c.quit()


def test_auth__wrong_password__535(sim, context):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.starttls(context=context)
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        c.login(SMTP_USER, "wrong")
    assert caught.value.smtp_code == 535
    assert c.mail(SENDER)[0] == 530
    c.close()


def test_auth__before_tls__not_offered_and_refused(sim):
    c = dialogue(sim)
    assert not c.has_extn("auth")
    assert c.has_extn("starttls")
    assert c.docmd("AUTH", "PLAIN AGEAYg==")[0] == 538
    assert c.mail(SENDER)[0] == 530
    c.close()


def test_starttls__command_pipelined_behind__connection_ends(sim):
    with socket.create_connection(("127.0.0.1", sim.ports["smtp"]), timeout=10) as s:
        f = s.makefile("rb")
        f.readline()
        s.sendall(b"EHLO x\r\n")
        while not f.readline().startswith(b"250 "):
            pass
        s.sendall(b"STARTTLS\r\nMAIL FROM:<a@b>\r\n")
        assert f.readline().startswith(b"554 ")
        assert f.readline() == b""


def test_dialogue__wrong_order_and_syntax__refused(sim, client):
    assert client.docmd("RCPT", f"TO:<{ANN}>")[0] == 503
    assert client.docmd("DATA")[0] == 503
    assert client.docmd("MAIL", "FROM:ann")[0] == 501
    assert client.docmd("MAIL", f"FROM:<{SENDER}> NEW=1")[0] == 555
    assert client.docmd("BANANA")[0] == 500
    assert client.mail(SENDER)[0] == 250
    assert client.mail(SENDER)[0] == 503
    assert client.docmd("RCPT", "TO:<no-domain>")[0] == 501


def test_size__announced_too_big__552_at_mail(sim, client):
    assert client.docmd("MAIL", f"FROM:<{SENDER}> SIZE=70000")[0] == 552


def test_size__really_too_big__552_after_dot_and_goes_on(sim, client):
    code, _ = send_raw(client, raw(body=b"x" * 70 + b"\r\n") + (b"y" * 70 + b"\r\n") * 1000)
    assert code == 552
    assert send_raw(client, raw())[0] == 250


@pytest.mark.parametrize("text, word", [
    (raw("Date"), b"Date"),
    (raw("From"), b"From"),
    (raw("Message-ID"), b"Message-ID"),
    (raw("Subject"), b"Subject"),
    (raw("MIME-Version"), b"MIME-Version"),
    (raw(extra=b"Message-ID: <m3@demo.invalid>\r\n"), b"Message-ID occurs 2"),
    (raw("Message-ID", extra=b"Message-ID: m3\r\n"), b"Message-ID"),
    (raw("Date", extra=b"Date: yesterday\r\n"), b"Date"),
    (raw(extra=b"X-Fold: a\r\n \r\n"), b"folded"),
    (raw(extra=b"no colon here\r\n"), b"Name: value"),
    (raw(extra=b"X: gr\xc3\xbc\xc3\x9fe\r\n"), b"US-ASCII"),
    (raw(extra=b"X: " + b"a" * 996 + b"\r\n"), b"998"),
    (raw(body=b"bare\nline\r\n"), b"bare LF"),
    (raw(body=b"bare\rcr\r\n"), b"bare CR"),
    (raw(body=b"\xff\r\n"), b"US-ASCII"),
], ids=lambda value: value.decode() if len(value) < 20 else "")
def test_mail__malformed__554_says_what(sim, client, text, word):
    code, answer = send_raw(client, text)
    assert code == 554
    assert answer.startswith(b"5.6.0 ")
    assert word in answer
    assert sim.records() == []


def test_mail__smuggled_end_of_data__is_not_an_end(sim, client):
    assert client.mail(SENDER)[0] == 250
    assert client.rcpt(ANN)[0] == 250
    client.putcmd("data")
    assert client.getreply()[0] == 354
    client.send(raw(body=b"hello\n.\nMAIL FROM:<x@y>\r\n") + b".\r\n")
    assert client.getreply()[0] == 554


@pytest.mark.parametrize("stage, code, enhanced", [
    ("rcpt", 450, "4.2.1"), ("rcpt", 550, "5.1.1"), ("data", 451, "4.3.0"), ("dot", 452, "4.3.1"), ("dot", 554, "5.7.1")])
def test_fault__code_at_stage__for_the_recipient_only(sim, client, stage, code, enhanced):
    sim.fault("smtp", {"smtp_code": code, "smtp_enhanced": enhanced, "smtp_stage": stage}, match={"token": ANN})
    with pytest.raises(smtplib.SMTPException) as caught:
        client.send_message(mail(), SENDER, [ANN])
    told = caught.value.recipients[ANN] if stage == "rcpt" else (caught.value.smtp_code, caught.value.smtp_error)
    assert told[0] == code
    assert told[1].startswith(enhanced.encode())
    assert sim.records() == []
    client.rset()
    client.send_message(mail(), SENDER, [BOB])
    assert [r["token"] for r in sim.records()] == [BOB]


def test_fault__code_at_mail__sender_refused(sim, client):
    sim.fault("smtp", {"smtp_code": 451, "smtp_stage": "mail"}, count=1)
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        client.send_message(mail(), SENDER, [ANN])
    assert caught.value.smtp_code == 451
    client.send_message(mail(), SENDER, [ANN])


def test_fault__421_at_connect__no_greeting(sim):
    sim.fault("smtp", {"smtp_code": 421, "smtp_enhanced": "4.3.2", "smtp_stage": "connect"}, count=1)
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    assert caught.value.smtp_code == 421


@pytest.mark.parametrize("stage, command", [("ehlo", "ehlo"), ("auth", "auth")])
def test_fault__code_at_ehlo_or_auth(sim, context, stage, command):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.starttls(context=context)
    if command == "auth":
        c.ehlo()
    sim.fault("smtp", {"smtp_code": 454, "smtp_enhanced": "4.7.0", "smtp_stage": stage}, count=1)
    answer = c.ehlo() if command == "ehlo" else c.docmd("AUTH", "PLAIN AGEAYg==")
    assert answer[0] == 454
    c.close()


def test_fault__cut_after_dot__received_but_never_answered(sim, client):
    sim.fault("smtp", {"cut_after_dot": True}, count=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail(), SENDER, [ANN])
    record, = sim.records(provider="smtp", token=ANN)
    assert record["payload"].endswith("--\r\n")
    assert record["id"] == "<m1@demo.invalid>"


def test_fault__dead_address__550(sim, client):
    sim.fault("smtp", {"token_dead_ms": 0}, match={"token": ANN})
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        client.send_message(mail(), SENDER, [ANN])
    assert caught.value.recipients[ANN][0] == 550
    assert caught.value.recipients[ANN][1].startswith(b"5.1.1")


def test_fault__drop__not_recorded(sim, client):
    sim.fault("smtp", {"drop_connection": True, "smtp_stage": "dot"}, count=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail(), SENDER, [ANN])
    assert sim.records() == []


def test_fault__silent__no_answer(sim, client):
    sim.fault("smtp", {"silent": True, "smtp_stage": "rcpt"}, count=1)
    client.sock.settimeout(1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail(), SENDER, [ANN])


def test_curl__starttls_and_auth__accepted(sim, tmp_path):
    (tmp_path / "mail").write_bytes(raw(body=b".hidden dot\r\n"))
    subprocess.run(["curl", "-sS", "--ssl-reqd", "--cacert", sim.ca, "-u", f"{SMTP_USER}:{sim.password}",
                    f"smtp://localhost:{sim.ports['smtp']}/client.invalid", "--mail-from", SENDER, "--mail-rcpt", ANN,
                    "-T", tmp_path / "mail"], check=True)
    record, = sim.records(provider="smtp")
    assert record["payload"].endswith("\r\n\r\n.hidden dot\r\n")
