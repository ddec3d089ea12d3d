# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks as an operator would write it: Python's http.server, and hmac from the standard library after
"Standard Webhooks"."""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

WINDOW_S = 300


def secret_bytes(text):
    assert text.startswith("whsec_")
    return base64.b64decode(text.removeprefix("whsec_"), validate=True)


def verify(secret, headers, body):
    """What is wrong with a request, or None. headers: names in lower case."""
    message, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > WINDOW_S:
        return "timestamp"
    want = hmac.new(secret_bytes(secret), f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    given = [word.split(",", 1)[1] for word in headers.get("webhook-signature", "").split() if word.startswith("v1,")]
    if not any(hmac.compare_digest(base64.b64encode(want).decode(), each) for each in given):
        return "signature"
    return None


class Receiver:
    """In a thread of its own, https on localhost. got holds every request; answers, by path, what to say once and
    (status, headers, body) or "drop"."""

    def __init__(self, tls, secret):
        self.secret = secret
        self.got = []
        self.answers = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "server.pem", tls / "server.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def url(self, name):
        return f"https://localhost:{self.port}/in/{name}"

    def of(self, path):
        return [each for each in self.got if each["path"] == path]

    def _handler(receiver):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *unused):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fault = verify(receiver.secret, headers, body)
                receiver.got.append({"path": self.path, "headers": headers, "fault": fault, "payload": json.loads(body),
                                     "bytes": len(body)})
                todo = receiver.answers.get(self.path) or []
                answer = todo.pop(0) if todo else (401 if fault else 200, {}, b"")
                if answer == "drop":
                    self.close_connection = True
                    return
                status, more, text = answer
                self.send_response(status)
                for name, value in {**more, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

        return Handler
