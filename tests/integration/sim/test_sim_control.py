# SPDX-License-Identifier: Apache-2.0
"""The control API, the command line, and the end of the program."""
import os
import smtplib
import socket
import ssl
import subprocess
import urllib.request

import pytest

import sim_server

ACTION = {"status": 503}


@pytest.mark.parametrize("body, text", [
    ({"action": ACTION}, "provider"),
    ({"provider": "wns", "action": ACTION}, "fault.provider: expected apns, fcm, oauth,"),
    ({"provider": "apns"}, "fault.action"),
    ({"provider": "apns", "action": {}}, "fault.action"),
    ({"provider": "apns", "action": {"stauts": 503}}, 'unknown key "stauts"'),
    ({"provider": "apns", "action": {"status": 99}}, "action.status: expected 200 to 599"),
    ({"provider": "apns", "action": {"rst": "NOPE"}}, "action.rst"),
    ({"provider": "apns", "action": {"goaway": {"last": 1}}}, "action.goaway"),
    ({"provider": "apns", "action": {"reason": "a\r\nb"}}, "action.reason"),
    ({"provider": "apns", "action": {"smtp_code": 450}}, "are for smtp"),
    ({"provider": "smtp", "action": {"status": 503}}, "are for HTTP"),
    ({"provider": "smtp", "action": {"cut_after_dot": True, "smtp_stage": "rcpt"}}, "only at stage dot"),
    ({"provider": "apns", "action": ACTION, "match": {"share": 2}}, "match.share"),
    ({"provider": "apns", "action": ACTION, "count": 0}, "fault.count"),
    ({"provider": "apns", "action": ACTION, "for_s": -1}, "fault.for_s"),
    ([], "expected a JSON object"),
])
def test_fault__malformed__refused_with_what_was_expected(sim, body, text):
    status, answer = sim.control("POST", "/faults", body)
    assert status == 400
    assert text in answer["error"]
    assert sim.control("GET", "/faults")[1] == {"faults": []}


def test_script__a_fault_for_each_step(sim):
    steps = [{"for_s": 30, "action": {"status": 503}}, {"for_s": 10, "action": {"status": 429, "retry_after": 10}}]
    status, answer = sim.control("POST", "/scripts", {"provider": "apns", "match": {"token": "ab"}, "steps": steps})
    assert status == 201
    listed = sim.control("GET", "/faults")[1]["faults"]
    assert [f["id"] for f in listed] == answer["ids"]
    assert [(f["fault"]["after_s"], f["fault"]["for_s"], f["fault"]["action"]["status"]) for f in listed] == [
        (0, 30, 503),
        (30, 10, 429),
    ]
    assert {f["fault"]["match"]["token"] for f in listed} == {"ab"}


@pytest.mark.parametrize("steps, text", [
    ([], "script.steps: expected 1 to 16 steps"),
    ([{"for_s": 1, "action": ACTION}] * 17, "script.steps"),
    ([{"action": ACTION}, {"for_s": 1, "action": ACTION}], "step 1: for_s: expected seconds"),
    ([{"for_s": 1, "action": ACTION}, {"action": {"status": 99}}], "step 2: action.status"),
    (["fine"], "step 1: fault.action"),
])
def test_script__malformed__refused_as_a_whole(sim, steps, text):
    status, answer = sim.control("POST", "/scripts", {"provider": "apns", "steps": steps})
    assert (status, text in answer["error"]) == (400, True), answer
    assert sim.control("GET", "/faults")[1] == {"faults": []}


def test_fault__listed_deleted_and_cleared(sim):
    first = sim.fault("apns", ACTION, match={"token": "ab"}, count=3)
    second = sim.fault("fcm", ACTION, for_s=60)
    listed = sim.control("GET", "/faults")[1]["faults"]
    assert [(f["id"], f["hits"], f["over"]) for f in listed] == [(first, 0, False), (second, 0, False)]
    assert listed[0]["fault"] == {"provider": "apns", "action": ACTION, "match": {"token": "ab"}, "count": 3}
    assert sim.control("DELETE", f"/faults/{first}")[0] == 200
    assert sim.control("DELETE", f"/faults/{first}")[0] == 404
    assert sim.control("DELETE", "/faults")[0] == 200
    assert sim.control("GET", "/faults")[1] == {"faults": []}


def test_faults__too_many__refused(sim):
    for _ in range(256):
        sim.fault("apns", ACTION)
    assert sim.control("POST", "/faults", {"provider": "apns", "action": ACTION})[0] == 409


def test_page__given_as_html(sim):
    with urllib.request.urlopen(f"http://127.0.0.1:{sim.ports['control']}/", timeout=10) as answer:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "What arrived" in answer.read().decode()


def test_control__unknown_path_and_method__told(sim):
    assert sim.control("GET", "/nothing")[0] == 404
    assert sim.control("PUT", "/records")[0] == 405
    assert sim.control("GET", "/records?since=x")[0] == 400
    assert sim.control("POST", "/settings", {"oauth_expires_in_s": 0})[0] == 400
    assert sim.control("POST", "/connections", {"provider": "smtp", "action": "goaway"})[0] == 400


@pytest.mark.parametrize("request_text", [b"GET /stats\r\n\r\n", b"GET /stats HTTP/1.1\nHost: x\n\n",
                                          b"POST /faults HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                          b"POST /faults HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
                                          b"GET /stats HTTP/1.1\r\nX: " + b"a" * 40000],
                         ids=["no version", "bare LF", "chunked", "too long", "endless head"])
def test_control__malformed_request__400_and_closed(sim, request_text):
    with socket.create_connection(("127.0.0.1", sim.ports["control"]), timeout=10) as s:
        s.sendall(request_text)
        answer = b""
        try:
            while part := s.recv(4096):
                answer += part
        except ConnectionError:
            pass
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_stats__smtp_session__counted(sim):
    before = sim.stats()["smtp"]
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    c.docmd("BANANA")
    assert sim.stats()["smtp"]["open"] == before["open"] + 1
    assert sim.stats()["smtp"]["connections"] == before["connections"] + 1
    assert sim.stats()["smtp"]["refused"]["500 5.5.2"] == before["refused"].get("500 5.5.2", 0) + 1
    c.quit()


def test_connections__drop__session_ends(sim):
    c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
    assert sim.control("POST", "/connections", {"provider": "smtp", "action": "drop"})[1]["connections"] >= 1
    with pytest.raises(smtplib.SMTPServerDisconnected):
        for _ in range(100):
            c.noop()


def test_records__ring_and_paging(tmp_path):
    sim = sim_server.Sim(tmp_path, "--record-max", "3")
    try:
        mail = ("Date: Tue, 24 Nov 2026 03:00:00 +0000\r\nFrom: a@b.c\r\nMessage-ID: <{}@b.c>\r\nSubject: s\r\n"
                "MIME-Version: 1.0\r\n\r\nx\r\n")
        c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
        c.ehlo()
        refused = c.mail("a@b.c")[0]
        assert refused == 530
        c.close()
        c = smtplib.SMTP("localhost", sim.ports["smtp"], timeout=10)
        c.starttls(context=ssl.create_default_context(cafile=str(sim.ca)))
        c.login(sim_server.SMTP_USER, sim.password)
        for i in range(5):
            c.sendmail("a@b.c", ["d@e.f"], mail.format(i))
        assert [r["seq"] for r in sim.records()] == [3, 4, 5]
        assert [r["seq"] for r in sim.records(since=3, limit=1)] == [4]
        page = sim.control("GET", "/records?since=3&limit=1")[1]
        assert (page["next"], page["more"]) == (4, True)
        assert sim.control("GET", "/records?since=5")[1] == {"records": [], "next": 5, "more": False}
        assert sim.records(token="nobody@e.f") == []
        sim.control("DELETE", "/records")
        assert sim.records() == []
        c.sendmail("a@b.c", ["d@e.f"], mail.format(9))
        assert [r["seq"] for r in sim.records()] == [6]
    finally:
        sim.stop()


@pytest.mark.parametrize("change, code, text", [
    ({"--cert": "/nowhere.pem"}, 78, "/nowhere.pem"),
    ({"--apns-key": "KEY=/nowhere.p8"}, 78, "/nowhere.p8"),
    ({"--apns-key": "/nowhere.p8"}, 78, "KID=FILE"),
    ({"--fcm-account": "cert.pem"}, 78, "service-account file in JSON"),
    ({"--listen": "everywhere"}, 78, "IPv4 address"),
    ({"--apns-port": "70000"}, 64, "expected a number from 0 to 65535"),
    ({"--smtp-user": "me"}, 78, "password file"),
])
def test_command_line__bad_value__one_line_and_code(tmp_path, change, code, text):
    sim_server.write_certificate(tmp_path)
    options = {"--cert": "cert.pem", "--key": "key.pem", **change}
    done = subprocess.run([os.environ["SUREWIRE_SIM_PROGRAM"], *[w for pair in options.items() for w in pair]],
                          cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == code
    assert text in done.stderr


def test_command_line__port_in_use__69(sim, tmp_path):
    sim_server.write_certificate(tmp_path)
    done = subprocess.run([os.environ["SUREWIRE_SIM_PROGRAM"], "--cert", "cert.pem", "--key", "key.pem", "--apns-port",
                           str(sim.ports["apns"])], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 69
    assert str(sim.ports["apns"]) in done.stderr


def test_program__ended_with_open_connections__leaves_in_order(tmp_path):
    sim = sim_server.Sim(tmp_path)
    sim.fault("smtp", {"silent": True, "smtp_stage": "connect"}, count=1)
    held = [socket.create_connection(("127.0.0.1", sim.ports[name])) for name in ("apns", "fcm", "smtp", "control")]
    held.append(socket.create_connection(("127.0.0.1", sim.ports["smtp"])))
    sim.stop()
    for s in held:
        s.close()
