# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/2 client on the h2 library: several streams at once, and every event kept."""
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.events


class Lost(Exception):
    """The connection ended before the answer came."""


class Client:
    def __init__(self, port, ca, alpn=("h2",), certificate=None):
        context = ssl.create_default_context(cafile=str(ca))
        if certificate:
            context.load_cert_chain(certificate)
        context.set_alpn_protocols(list(alpn))
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock = context.wrap_socket(raw, server_hostname="localhost")
        self.h2 = h2.connection.H2Connection(config=h2.config.H2Configuration(header_encoding="utf-8"))
        self.port = port
        self.streams = {}
        self.resets = {}
        self.goaway = None
        self.closed = False
        self.settings_seen = 0
        self.h2.initiate_connection()
        self._flush()

    def close(self):
        self.sock.close()

    def _flush(self):
        data = self.h2.data_to_send()
        try:
            if data:
                self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError):
            pass  # the next read tells what came before the end, and that it ended

    def send(self, path, headers, body=b"", method="POST"):
        """Starts a request; gives its stream."""
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "https"), (":authority", f"localhost:{self.port}"), (":path", path)]
        self.streams[stream] = {"headers": {}, "body": b"", "done": False}
        self.h2.send_headers(stream, head + list(headers), end_stream=not body)
        if body:
            for start in range(0, len(body), 16000):
                part = body[start:start + 16000]
                self.h2.send_data(stream, part, end_stream=start + 16000 >= len(body))
        self._flush()
        return stream

    def pump(self, timeout=10.0):
        """Reads once; False when nothing came in time or the connection ended."""
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(65536)
        except (socket.timeout, TimeoutError):
            return False
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            self.closed = True
            return False
        for event in self.h2.receive_data(data):
            self._on(event)
        self._flush()
        return True

    def _on(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.streams[event.stream_id]["headers"] = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id]["body"] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id]["done"] = True
        elif isinstance(event, h2.events.StreamReset):
            self.resets[event.stream_id] = event.error_code
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings_seen += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event

    def wait(self, stream, seconds=10.0):
        """(status, headers, body) of a stream; Lost when it ends otherwise."""
        deadline = time.monotonic() + seconds
        while not self.streams[stream]["done"]:
            left = deadline - time.monotonic()
            if stream in self.resets or self.closed or left <= 0:
                raise Lost(f"reset={self.resets.get(stream)} closed={self.closed} goaway={self.goaway}")
            self.pump(left)
        answer = self.streams[stream]
        return int(answer["headers"][":status"]), answer["headers"], answer["body"]

    def request(self, path, headers, body=b"", method="POST"):
        return self.wait(self.send(path, headers, body, method))

    def wait_until(self, condition, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if not self.pump(left) and self.closed:
                return condition()
        return True

    def streams_max(self):
        return self.h2.remote_settings.max_concurrent_streams
