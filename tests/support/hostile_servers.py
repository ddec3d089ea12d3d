# SPDX-License-Identifier: Apache-2.0
"""Push services that misbehave on demand: HTTP/2 on the hyper-h2 library with frames written by hand where the library would
refuse to write them, HTTP/1.1 and SMTP on bare sockets. Every server is on localhost, in threads of its own.

What is to go wrong is said per device token and used up by one request each, in turn; whatever is not said goes well.
"""
import contextlib
import datetime
import json
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HUGE_BYTES = 1_000_000
POLL_S = 0.05


class Certificates:
    """Server certificates in a folder: "good", and each that no client may take."""

    def __init__(self, tls, folder):
        self._folder = folder
        self._tls = tls
        ca = x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes())
        ca_key = serialization.load_pem_private_key((tls / "ca.key").read_bytes(), None)
        own_key = ec.generate_private_key(ec.SECP256R1())
        self._issue("expired", ca.subject, ca_key, "localhost", -10, -1)
        self._issue("other_name", ca.subject, ca_key, "elsewhere.invalid", -1, 10)
        self._issue("unknown_authority", x509.Name([]), own_key, "localhost", -1, 10)

    def context(self, name, protocols):
        if name == "good":
            files = self._tls / "server.pem", self._tls / "server.key"
        else:
            files = (self._folder / f"{name}.pem",)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        context.set_alpn_protocols(protocols)
        return context

    def _issue(self, name, issuer, issuer_key, host, from_days, to_days):
        now, key = datetime.datetime.utcnow(), ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]))
            .issuer_name(issuer).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=from_days))
            .not_valid_after(now + datetime.timedelta(days=to_days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
            .sign(issuer_key, hashes.SHA256()))
        key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        (self._folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key_pem)


class Listener:
    """Accepts, and gives each connection a thread; serve(sock) is the subclass's. next_connection: "silent" or "cut" for the
    connections from now on, None when they are served."""

    def __init__(self):
        self.next_connection = None
        self.connections = 0
        self._open = set()
        self._ended = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self._ended = True
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.drop_all()
        self._thread.join(10)

    def drop_all(self):
        """Ends every connection, so that the next request needs a new one."""
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def serve(self, sock):
        raise NotImplementedError

    def _accept(self):
        while not self._ended:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(sock, self.next_connection), daemon=True).start()

    def _run(self, sock, how):
        self._open.add(sock)
        try:
            if how == "silent":
                while sock.recv(65536):
                    pass
            elif how is None:
                self.serve(sock)
        except (OSError, ssl.SSLError, EOFError, h2.exceptions.H2Error):
            pass
        finally:
            self._open.discard(sock)
            sock.close()


class Faults:
    """token to what is to go wrong with its next requests."""

    def __init__(self):
        self._lock = threading.Lock()
        self._of = {}

    def set(self, token, *faults):
        with self._lock:
            self._of[token] = list(faults)

    def take(self, text):
        """Of the token in a request: None when all goes well."""
        with self._lock:
            for token, faults in self._of.items():
                if token in text and faults:
                    return faults.pop(0)
        return None


# ---- HTTP/2 ----


def frame(kind, flags, stream, payload=b"", length=None):
    """The bytes of one frame (RFC 9113, 4.1); length: what it claims to be."""
    length = len(payload) if length is None else length
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
STATUS_200 = b"\x88"  # in the static table of HPACK


def literal(name, value):
    """A header field without indexing (RFC 7541, 6.2.2)."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


# What a server may not write, by what is wrong with it. Each is given the number of the stream.
BROKEN_CONNECTION = {
    "no_http2": lambda stream: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "frame_too_large": lambda stream: frame(HEADERS, END_HEADERS, stream, b"\x88", length=0xFFFFFF),
    "headers_on_stream_0": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, 0, STATUS_200),
    "bad_hpack": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\xff\xff\xff\xff\xff\xff\xff"),
    "endless_head": lambda stream: frame(HEADERS, 0, stream, STATUS_200)
    + frame(CONTINUATION, 0, stream, literal(b"x-more", b"v" * 100) * 100) * 100,
    "data_before_head": lambda stream: frame(DATA, END_STREAM, stream, b"early"),
    "push_promise": lambda stream: frame(PUSH_PROMISE, END_HEADERS, stream, b"\0\0\0\2" + STATUS_200),
    "window_overflow": lambda stream: frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    "settings_flood": lambda stream: frame(SETTINGS, 0, 0) * 20000,
    "ping_flood": lambda stream: frame(PING, 0, 0, b"pingping") * 20000,
    "goaway_with_noise": lambda stream: frame(GOAWAY, 0, 0, b"\0\0\0\0" + b"\0\0\0\x0b" + bytes(range(256)) * 30),
    "cut_in_a_frame": lambda stream: frame(HEADERS, END_HEADERS, stream, STATUS_200, length=100),
}
BROKEN_STREAM = {
    "no_status": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b"server", b"x")),
    "status_of_letters": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b":status", b"abc")),
    "name_in_capitals": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200 + literal(b"Apns-Id", b"x")),
    "length_that_lies": lambda stream: frame(HEADERS, END_HEADERS, stream, STATUS_200 + literal(b"content-length", b"9"))
    + frame(DATA, END_STREAM, stream, b"{}"),
    "information_only": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b":status", b"103")),
    "reset": lambda stream: frame(RST_STREAM, 0, stream, b"\0\0\0\2"),
}


class Answer:
    """A whole answer: after so many seconds, status, body, content type."""

    def __init__(self, status, body=b"", content_type="application/json", after_s=0.0):
        self.status, self.body, self.content_type, self.after_s = status, body, content_type, after_s


class H2Service(Listener):
    """good: the Answer of a service that takes the push. certificate and protocols hold for the connections to come.
    requests: (path, headers, body), as they come."""

    def __init__(self, certificates, good):
        self.faults = Faults()
        self.certificate = "good"
        self.protocols = ["h2"]
        self.mute = False  # after TLS not a byte
        self.requests = []
        self._certificates, self._good = certificates, good
        super().__init__()

    def of(self, token):
        return [request for request in self.requests if token in request[0] or token.encode() in request[2]]

    def serve(self, sock):
        context = self._certificates.context(self.certificate, self.protocols)
        with context.wrap_socket(sock, server_side=True) as tls:
            self._open.add(tls)
            try:
                if self.mute:
                    while tls.recv(65536):
                        pass
                else:
                    H2Connection(self, tls).run()
            finally:
                self._open.discard(tls)

    def answer_to(self, path, headers, body):
        self.requests.append((path, headers, body))
        return self.faults.take(path + body.decode("latin-1")) or self._good


class H2Connection:
    def __init__(self, service, tls):
        self._service, self._tls = service, tls
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._asked = {}
        self._late = []  # (when, stream, answer)
        self._bodies = {}  # stream to what of its body is not sent yet
        self._dripping = set()

    def run(self):
        self._h2.initiate_connection()
        self._tls.settimeout(POLL_S)
        while True:
            self._flush()
            try:
                data = self._tls.recv(65536)
            except TimeoutError:
                data = None
            if data == b"":
                return
            for event in self._h2.receive_data(data) if data else []:
                self._on_event(event)
            self._on_time()

    def _flush(self):
        self._raw(self._h2.data_to_send())

    def _raw(self, data):
        self._tls.settimeout(10)
        self._tls.sendall(data)
        self._tls.settimeout(POLL_S)

    def _on_event(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self._asked[event.stream_id] = [dict(event.headers), b""]
        elif isinstance(event, h2.events.DataReceived):
            self._asked[event.stream_id][1] += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._act(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._bodies.pop(event.stream_id, None)
            self._dripping.discard(event.stream_id)
        elif isinstance(event, h2.events.WindowUpdated):
            self._send_bodies()

    def _act(self, stream):
        headers, body = self._asked.pop(stream)
        what = self._service.answer_to(headers[":path"], headers, body)
        if isinstance(what, Answer):
            self._late.append((time.monotonic() + what.after_s, stream, what))
        elif what == "drip":
            self._h2.send_headers(stream, [(":status", "200")])
            self._dripping.add(stream)
        elif what in BROKEN_STREAM:
            self._flush()
            self._raw(BROKEN_STREAM[what](stream))
        elif what in BROKEN_CONNECTION:
            self._flush()
            self._raw(BROKEN_CONNECTION[what](stream))
            if what == "cut_in_a_frame":
                raise EOFError
        else:
            assert what == "never", what

    def _on_time(self):
        now = time.monotonic()
        for late in [each for each in self._late if each[0] <= now]:
            self._late.remove(late)
            self._answer(*late[1:])
        for stream in list(self._dripping):
            with contextlib.suppress(h2.exceptions.H2Error):
                self._h2.send_data(stream, b" ")

    def _answer(self, stream, answer):
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            fields = [(":status", str(answer.status)), ("content-type", answer.content_type)]
            self._h2.send_headers(stream, fields, end_stream=not answer.body)
            if answer.body:
                self._bodies[stream] = answer.body
                self._send_bodies()

    def _send_bodies(self):
        for stream, body in list(self._bodies.items()):
            try:
                while body:
                    n = min(len(body), self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
                    if n <= 0:
                        break
                    self._h2.send_data(stream, body[:n], end_stream=n == len(body))
                    body = body[n:]
            except h2.exceptions.H2Error:
                body = b""
            self._bodies[stream] = body
            if not body:
                del self._bodies[stream]


# ---- HTTP/1.1: token endpoints and receivers of webhooks ----


def http1(status, body=b"", content_type="application/json"):
    return (f"HTTP/1.1 {status} Said\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode() + body


ACCESS_TOKEN = {"access_token": "token-of-a-hostile-service", "token_type": "Bearer", "expires_in": 3600}
BROKEN_HTTP1 = {
    "nothing": b"",
    "no_http": b"\x00\x01\x02 this is no HTTP\r\n\r\n",
    "half_a_head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "endless_head": b"HTTP/1.1 200 OK\r\n" + b"X-Field: " + b"v" * 400_000 + b"\r\n\r\n",
    "status_of_letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "empty": http1(200),
    "html": http1(200, b"<html>welcome to the hotel's network</html>", "text/html"),
    "huge": http1(200, b" " * HUGE_BYTES),
    "half_a_body": http1(200, b"{}").replace(b"Content-Length: 2", b"Content-Length: 200"),
    "not_json": http1(200, b'{"access_token": '),
    "wrong_types": http1(200, b'{"access_token": 1, "token_type": [], "expires_in": "soon"}'),
    "server_error": http1(500, b"<html>oops</html>", "text/html"),
}


class Http1Service(Listener):
    """One request a connection; good: what it answers when all goes well. faults are by any text of the request."""

    def __init__(self, certificates, good=http1(200, json.dumps(ACCESS_TOKEN).encode())):
        self.faults = Faults()
        self.requests = []
        self._certificates, self._good = certificates, good
        super().__init__()

    def serve(self, sock):
        with self._certificates.context("good", ["http/1.1"]).wrap_socket(sock, server_side=True) as tls:
            text = self._read(tls)
            self.requests.append(text)
            fault = self.faults.take(text)
            tls.sendall(self._good if fault is None else BROKEN_HTTP1[fault])

    @staticmethod
    def _read(tls):
        data = b""
        while b"\r\n\r\n" not in data:
            data += _some(tls)
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while len(body) < sum(lengths):
            body += _some(tls)
        return (head + b"\r\n\r\n" + body).decode("latin-1")


def _some(sock):
    data = sock.recv(65536)
    if not data:
        raise EOFError
    return data


# ---- SMTP: in front of a relay that works ----


BROKEN_SMTP = {
    "no_smtp": b"\x00\x01\x02\r\nHTTP/1.1 400 Bad Request\r\n\r\n",
    "endless_line": b"220 " + b"x" * HUGE_BYTES,
    "cut": b"",
    "refuses": b"554 5.3.2 not today\r\n",
}


class SmtpFront(Listener):
    """Hands connections on to the relay, but for so many of the next ones, which get what BROKEN_SMTP says."""

    def __init__(self, relay_port):
        self.faults = []
        self._relay_port = relay_port
        super().__init__()

    def serve(self, sock):
        if self.faults:
            sock.sendall(BROKEN_SMTP[self.faults.pop(0)])
            return
        with socket.create_connection(("127.0.0.1", self._relay_port)) as relay:
            back = threading.Thread(target=self._copy, args=(relay, sock), daemon=True)
            back.start()
            self._copy(sock, relay)
            back.join(10)

    @staticmethod
    def _copy(source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)
