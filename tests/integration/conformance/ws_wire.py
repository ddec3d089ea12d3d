# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames over a raw socket: what a library refuses to send is sent here on purpose. What comes back is read
into events until the other side ends: ("text", bytes), ("binary", bytes), ("ping", bytes), ("pong", bytes),
("close", code or None, reason). Knows nothing of cases."""
import base64
import hashlib
import os
import socket
import struct

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {TEXT: "text", BINARY: "binary", PING: "ping", PONG: "pong"}
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SILENCE_S = 10  # bounds a test that would hang; nothing is decided by it


def length_bytes(length):
    """The last seven bits of the second byte, and what follows it."""
    if length < 126:
        return bytes([length])
    return b"\x7e" + struct.pack(">H", length) if length < 65536 else b"\x7f" + struct.pack(">Q", length)


def mask(payload, key):
    repeated = (key * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, rsv=0, key=b"\x37\xfa\x21\x3d", length=None):
    """A client's frame. key None: unmasked. length: the raw length bytes, to lie about it."""
    length = length_bytes(len(payload)) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if key is None:
        return head + length + payload
    return head + bytes([length[0] | 0x80]) + length[1:] + key + mask(payload, key)


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


def fragments(opcode, payload, size):
    """One message in frames of at most size bytes."""
    parts = [payload[i:i + size] for i in range(0, len(payload), size)] or [b""]
    return [frame(opcode if i == 0 else CONT, part, fin=i == len(parts) - 1) for i, part in enumerate(parts)]


def chop(data, size):
    """The same bytes in pieces, each to be sent by a call of its own."""
    return [data[i:i + size] for i in range(0, len(data), size)]


class Peer:
    """One connection. end is None, "eof", "reset" or "silence"."""

    def __init__(self, address, path="/v1/ws", headers=(), subprotocol="surewire.v1"):
        self.sock = socket.create_connection(address, SILENCE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.events, self.end, self.data, self.message = [], None, b"", None
        self.handshake(path, headers, subprotocol)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def handshake(self, path, headers, subprotocol):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Protocol: {subprotocol}", *headers]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.data and self._receive():
            pass
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert self.status == 101 and self.headers["sec-websocket-accept"] == accept, head

    def send(self, data):
        """False when the other side has gone already."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _receive(self):
        try:
            part = self.sock.recv(262144)
        except ConnectionResetError:
            self.end = "reset"
            return False
        except (socket.timeout, TimeoutError):
            self.end = "silence"
            return False
        self.data += part
        self.end = None if part else "eof"
        return bool(part)

    def _next_frame(self):
        """(first byte, payload) off the front of what was received, or None."""
        if len(self.data) < 2:
            return None
        assert not self.data[1] & 0x80, "a server's frame is masked"
        length, at = self.data[1], 2
        if length >= 126:
            at = 4 if length == 126 else 10
            if len(self.data) < at:
                return None
            length = int.from_bytes(self.data[2:at], "big")
        if len(self.data) < at + length:
            return None
        found = self.data[0], self.data[at:at + length]
        self.data = self.data[at + length:]
        return found

    def _take_frame(self, first, payload):
        assert not first & 0x70, f"a server's frame has reserved bits: {first:#x}"
        opcode, fin = first & 15, first & 0x80
        if opcode == CLOSE:
            code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else None
            assert len(payload) != 1, "a server's close frame has a payload of one byte"
            self.events.append(("close", code, payload[2:]))
        elif opcode in (PING, PONG):
            assert fin and len(payload) <= 125, "a server's control frame is too long or in fragments"
            self.events.append((NAMES[opcode], payload))
        else:
            started = self.message if opcode == CONT else (NAMES[opcode], b"")
            assert started and (opcode == CONT) == (self.message is not None), f"a server's frame is out of place: {opcode}"
            self.message = started[0], started[1] + payload
            if fin:
                self.events.append(self.message)
                self.message = None

    def read_until(self, wanted):
        """Reads events until wanted(events) holds, or there are no more."""
        while True:
            while found := self._next_frame():
                self._take_frame(*found)
            if self.end or wanted(self.events) or not self._receive():
                return self.events

    def read_to_end(self):
        return self.read_until(lambda _: False)
