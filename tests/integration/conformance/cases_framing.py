# SPDX-License-Identifier: Apache-2.0
"""1 framing, 2 pings and pongs, 3 reserved bits, 4 opcodes. Binary messages are refused with 1003 (docs/protocol.md)."""
from cases import Case
from ws_wire import BINARY, CLOSE, PING, PONG, TEXT, chop, frame

SIZES = (0, 125, 126, 127, 128, 65535, 65536)
HELLO = b"Hello, world!"
ECHO = ("text", HELLO)


def messages():
    for number, size in enumerate(SIZES, 1):
        yield Case(f"1.1.{number}", f"text message of {size} bytes", [frame(TEXT, b"*" * size)], [("text", b"*" * size)])
    yield Case("1.1.8", "text message of 65536 bytes in pieces of 997", chop(frame(TEXT, b"*" * 65536), 997),
               [("text", b"*" * 65536)])
    for number, size in enumerate(SIZES, 1):
        yield Case(f"1.2.{number}", f"binary message of {size} bytes", [frame(BINARY, b"\xfe" * size)], [], close=1003)
    yield Case("1.2.8", "binary message of 65536 bytes in pieces of 997", chop(frame(BINARY, b"\xfe" * 65536), 997), [],
               close=1003)


def pings():
    binary = bytes([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff])
    tens = [b"payload-%d" % i for i in range(10)]
    yield Case("2.1", "ping without a payload", [frame(PING)], [("pong", b"")])
    yield Case("2.2", "ping with a text", [frame(PING, HELLO)], [("pong", HELLO)])
    yield Case("2.3", "ping with bytes that are not UTF-8", [frame(PING, binary)], [("pong", binary)])
    yield Case("2.4", "ping of 125 bytes", [frame(PING, b"\xfe" * 125)], [("pong", b"\xfe" * 125)])
    yield Case("2.5", "ping of 126 bytes", [frame(PING, b"\xfe" * 126)], [], close=1002)
    yield Case("2.6", "ping of 125 bytes, byte by byte", chop(frame(PING, b"\xfe" * 125), 1), [("pong", b"\xfe" * 125)])
    yield Case("2.7", "unasked pong without a payload", [frame(PONG)], [])
    yield Case("2.8", "unasked pong with a payload", [frame(PONG, b"unasked")], [])
    yield Case("2.9", "unasked pong, then a ping", [frame(PONG, b"unasked"), frame(PING, b"ping")], [("pong", b"ping")])
    yield Case("2.10", "ten pings", [frame(PING, one) for one in tens], [("pong", one) for one in tens])
    yield Case("2.11", "ten pings, byte by byte", [b for one in tens for b in chop(frame(PING, one), 1)],
               [("pong", one) for one in tens])


def reserved_bits():
    hello, ping = frame(TEXT, HELLO), frame(PING)
    yield Case("3.1", "text with RSV 1", [frame(TEXT, HELLO, rsv=1)], [], close=1002)
    yield Case("3.2", "text, text with RSV 2, ping", [hello, frame(TEXT, HELLO, rsv=2), ping], [ECHO], close=1002)
    yield Case("3.3", "text, text with RSV 3, ping, in one piece", [hello + frame(TEXT, HELLO, rsv=3) + ping], [ECHO],
               close=1002)
    yield Case("3.4", "text, text with RSV 4, ping, byte by byte", chop(hello + frame(TEXT, HELLO, rsv=4) + ping, 1),
               [ECHO], close=1002)
    yield Case("3.5", "binary with RSV 5", [frame(BINARY, b"\x00\xff", rsv=5)], [], close=1002)
    yield Case("3.6", "ping with RSV 6", [frame(PING, HELLO, rsv=6)], [], close=1002)
    yield Case("3.7", "close with RSV 7", [frame(CLOSE, rsv=7)], [], close=1002)


def opcodes():
    hello, ping = frame(TEXT, HELLO), frame(PING)
    for group, kind, first in (("4.1", "data", 3), ("4.2", "control", 11)):
        yield Case(f"{group}.1", f"reserved {kind} opcode {first}", [frame(first)], [], close=1002)
        yield Case(f"{group}.2", f"reserved {kind} opcode {first + 1} with a payload", [frame(first + 1, b"reserved")], [],
                   close=1002)
        yield Case(f"{group}.3", f"text, reserved {kind} opcode {first + 2}, ping", [hello, frame(first + 2), ping], [ECHO],
                   close=1002)
        yield Case(f"{group}.4", f"text, reserved {kind} opcode {first + 3} with a payload, ping",
                   [hello, frame(first + 3, HELLO), ping], [ECHO], close=1002)
        yield Case(f"{group}.5", f"the same with opcode {first + 4}, byte by byte",
                   chop(hello + frame(first + 4, HELLO) + ping, 1), [ECHO], close=1002)


def own():
    """S: what the list of cases does not have."""
    yield Case("S.1.1", "frame without a mask", [frame(TEXT, HELLO, key=None)], [], close=1002)
    yield Case("S.1.2", "13 bytes as a 16 bit length", [frame(TEXT, HELLO, length=b"\x7e\x00\x0d")], [], close=1002)
    yield Case("S.1.3", "13 bytes as a 64 bit length", [frame(TEXT, HELLO, length=b"\x7f" + bytes(7) + b"\x0d")], [],
               close=1002)
    yield Case("S.1.4", "64 bit length with its highest bit", [frame(TEXT, HELLO, length=b"\x7f\x80" + bytes(7))], [],
               close=1002)
    yield Case("S.1.5", "mask of zeros", [frame(TEXT, HELLO, key=bytes(4))], [ECHO])
    yield Case("S.1.6", "text, then an unmasked ping", [frame(TEXT, HELLO), frame(PING, key=None)], [ECHO], close=1002)
    yield Case("S.1.7", "ping with a 16 bit length", [frame(PING, b"x" * 5, length=b"\x7e\x00\x05")], [], close=1002)


def cases():
    for group in (messages, pings, reserved_bits, opcodes, own):
        yield from group()
