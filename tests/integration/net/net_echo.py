# SPDX-License-Identifier: Apache-2.0
"""Starts the echo server, and speaks to it in bytes."""
import base64
import os
import socket
import struct
import subprocess
import threading

SUBPROTOCOL = "surewire.v1"


class Server:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["SUREWIRE_NET_ECHO"], *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("port "), self.process.stderr.read()
        self.port = int(line.split()[1])
        self.closes = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.closes.append(line.rstrip("\n"))
                self._changed.notify_all()

    def wait_closed(self, line, seconds=10):
        with self._changed:
            assert self._changed.wait_for(lambda: line in self.closes, seconds), self.closes

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def stop(self):
        self.process.stdin.close()
        error = self.process.stderr.read()
        code = self.process.wait(20)
        assert code == 0 and error == "", error


def upgrade_request(path="/v1/ws", **change):
    """The head of a handshake; change replaces or (None) drops header lines."""
    headers = {
        "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(), "Sec-WebSocket-Protocol": SUBPROTOCOL}
    for name, value in change.items():
        headers[name.replace("_", "-")] = value
    lines = ["%s: %s" % item for item in headers.items() if item[1] is not None]
    return ("GET %s HTTP/1.1\r\n%s\r\n\r\n" % (path, "\r\n".join(lines))).encode()


def read_until(sock, end):
    data = b""
    while end not in data:
        part = sock.recv(65536)
        if not part:
            break
        data += part
    return data


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError(data)
        data += part
    return data


def read_all(sock):
    """To the end of the stream; a reset is an end too."""
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def open_raw(server, early=b""):
    """A socket with the handshake done; early: bytes in the same packet as the request."""
    sock = server.connect()
    sock.sendall(upgrade_request() + early)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(sock, 1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return sock


def frame(opcode, payload=b"", fin=True, mask=b"\x11\x22\x33\x44", rsv=0, length=None):
    """A client frame; mask None: unmasked; length: the raw length bytes, to lie about it."""
    if length is None:
        if len(payload) < 126:
            length = bytes([len(payload)])
        elif len(payload) < 65536:
            length = b"\x7e" + struct.pack(">H", len(payload))
        else:
            length = b"\x7f" + struct.pack(">Q", len(payload))
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if mask is None:
        return head + length + payload
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + bytes([length[0] | 0x80]) + length[1:] + mask + masked


def read_frame(sock):
    """(opcode, payload) of an unmasked frame that is not fragmented."""
    first, second = read_exactly(sock, 2)
    assert first & 0x80 and not second & 0x80
    length = second
    if length == 126:
        length = struct.unpack(">H", read_exactly(sock, 2))[0]
    elif length == 127:
        length = struct.unpack(">Q", read_exactly(sock, 8))[0]
    return first & 15, read_exactly(sock, length)


def expect_close(sock, code):
    opcode, payload = read_frame(sock)
    assert opcode == 8 and struct.unpack(">H", payload[:2])[0] == code, (opcode, payload)
    assert read_all(sock) == b""  # the server ends its side at once
