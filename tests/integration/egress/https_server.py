#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 server by Python's http.server; the path says what happens. https_server.py CERT_DIR PORT [--plain]"""
import http.server
import json
import socket
import ssl
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        verb = self.path.strip("/").split("?")[0]
        status, answer, extra = 200, b"", {}
        if verb == "token":
            answer = json.dumps({"type": self.headers["content-type"], "body": body.decode(),
                                 "expect": self.headers["expect"]}).encode()
        elif verb == "redirect":
            status, extra = 302, {"Location": "/token"}
        elif verb == "refused":
            status, answer, extra = 401, b'{"error":"invalid_grant"}', {"Retry-After": "9"}
        elif verb == "huge":
            answer = b"x" * 100_000
        elif verb == "longhead":
            extra = {"X-Field": "v" * 400_000}
        elif verb == "slow":
            time.sleep(600)
        elif verb == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


directory, port = sys.argv[1], int(sys.argv[2])
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.daemon_threads = True
if "--plain" not in sys.argv:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/server.pem", f"{directory}/server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("PORT", server.server_address[1], flush=True)
server.serve_forever()
