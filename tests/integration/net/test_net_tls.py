# SPDX-License-Identifier: Apache-2.0
"""The same server behind TLS, with certificates made here."""
import asyncio
import datetime
import http.client
import ipaddress
import os
import ssl
import subprocess

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from net_echo import Server, frame, read_frame, upgrade_request


def write_certificate(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return cert.public_bytes(serialization.Encoding.DER)


@pytest.fixture
def folder(tmp_path):
    write_certificate(tmp_path, "first")
    return tmp_path


@pytest.fixture
def server(folder):
    server = Server("--tls", str(folder / "cert.pem"), str(folder / "key.pem"))
    yield server
    server.stop()


def trusting(folder, **limits):
    context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    for name, value in limits.items():
        setattr(context, name, value)
    return context


def wrap(server, context):
    return context.wrap_socket(server.connect(), server_hostname="localhost")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_websockets_over_tls(server, folder, version):
    async def talk():
        url = "wss://127.0.0.1:%d/v1/ws" % server.port
        async with websockets.connect(url, ssl=trusting(folder, maximum_version=version),
                                      subprotocols=["surewire.v1"], max_size=None) as ws:
            for length in (1, 126, 16384, 16385, 65536):
                await ws.send("t" * length)
                assert await ws.recv() == "t" * length
            await ws.send("flood:900")
            assert sum([len(await ws.recv()) for _ in range(900)]) == 900 * 1024
            await (await ws.ping(b"over tls"))
    asyncio.run(asyncio.wait_for(talk(), 60))
    server.wait_closed("closed 1000 ")


def test_http_over_tls_with_a_large_answer(server, folder):
    client = http.client.HTTPSConnection("localhost", server.port, context=trusting(folder), timeout=20)
    client._create_connection = lambda *_: server.connect()
    client.request("GET", "/big/5000000")
    assert client.getresponse().read() == b"b" * 5000000
    client.request("POST", "/echo", b"e" * 60000)
    assert client.getresponse().read() == b"e" * 60000
    client.close()


def test_the_goodbye_is_orderly(server, folder):
    context = trusting(folder)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    with context.wrap_socket(server.connect(), server_hostname="localhost", suppress_ragged_eofs=False) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        while sock.recv(4096):  # an end without close_notify would be an error here
            pass


def test_alpn_and_versions(server, folder):
    context = trusting(folder)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with wrap(server, context) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1" and sock.version() == "TLSv1.3"
    old = trusting(folder, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        wrap(server, old)


def test_reload_serves_the_new_certificate_to_new_connections(server, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with wrap(server, context) as old:
        old.sendall(upgrade_request())
        assert old.recv(4096).startswith(b"HTTP/1.1 101")
        first = old.getpeercert(True)
        second = write_certificate(folder, "second")
        with wrap(server, context) as sock:
            assert sock.getpeercert(True) == first
            sock.sendall(b"POST /reload HTTP/1.1\r\nHost: h\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 204")
        with wrap(server, context) as sock:
            assert sock.getpeercert(True) == second
        (folder / "cert.pem").write_text("rubbish")
        with wrap(server, context) as sock:
            assert sock.getpeercert(True) == second
            sock.sendall(b"POST /reload HTTP/1.1\r\nHost: h\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 500")
        with wrap(server, context) as sock:
            assert sock.getpeercert(True) == second
        old.sendall(frame(1, b"still here"))
        assert read_frame(old) == (1, b"still here")


def test_records_byte_by_byte(server, folder):
    """Through a memory BIO, so that the ciphertext can be cut anywhere."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(folder).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with server.connect() as sock:
        def pump(step):
            while True:
                try:
                    result = step()
                except ssl.SSLWantReadError:
                    result = None
                for byte in outgoing.read():
                    sock.sendall(bytes([byte]))
                if result is not None:
                    return result
                incoming.write(sock.recv(1))
        pump(lambda: tls.do_handshake() or True)
        tls.write(upgrade_request() + frame(1, b"hello"))
        data = b""
        while not data.endswith(b"\x81\x05hello"):
            data += pump(lambda: tls.read(4096))


def test_plain_text_and_rubbish_on_the_tls_port(server, folder):
    for data in (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 70000, b"\x00" * 100):
        with server.connect() as sock:
            try:
                sock.sendall(data)
                while sock.recv(4096):
                    pass
            except ConnectionError:
                pass
    with wrap(server, trusting(folder)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"


def test_a_client_that_vanishes_in_the_handshake(server, folder):
    with server.connect() as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00")
    with wrap(server, trusting(folder)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("broken,expected", [
    ("missing.pem key.pem", "missing.pem: a PEM certificate chain was expected"),
    ("cert.pem cert.pem", "cert.pem: an unencrypted PEM private key"),
    ("cert.pem other.pem", "key values mismatch"),
    ("cert.pem rsa.pem", "rsa.pem is not the key of the certificate"),
    ("cert.pem locked.pem", "an unencrypted PEM private key"),
])
def test_bad_files_are_named(folder, broken, expected):
    other = ec.generate_private_key(ec.SECP256R1())
    for name, key, encryption in (("other.pem", other, serialization.NoEncryption()),
                                  ("rsa.pem", rsa.generate_private_key(65537, 2048), serialization.NoEncryption()),
                                  ("locked.pem", other, serialization.BestAvailableEncryption(b"secret"))):
        (folder / name).write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    paths = [str(folder / name) for name in broken.split()]
    done = subprocess.run([os.environ["SUREWIRE_NET_ECHO"], "--tls", *paths], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=20)
    assert done.returncode == 1 and expected in done.stderr and done.stdout == ""
