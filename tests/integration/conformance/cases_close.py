# SPDX-License-Identifier: Apache-2.0
"""7 close handling."""
import struct

from cases import LIMIT, Case
from ws_wire import CLOSE, CONT, PING, TEXT, close_frame, frame

GOOD = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
BAD = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
NORMAL = close_frame(1000)


def closing(name, what, pieces, echo=(1000,), events=()):
    """The pieces hold a close frame, which is answered in kind."""
    return Case(name, what, list(pieces), list(events), our_close=None, echo=echo)


def basic():
    hello = frame(TEXT, b"Hello World!")
    big = frame(TEXT, b"*" * LIMIT)
    yield closing("7.1.1", "text, then close", [hello, NORMAL], events=[("text", b"Hello World!")])
    yield closing("7.1.2", "two close frames", [NORMAL + NORMAL])
    yield closing("7.1.3", "close, then ping", [NORMAL + frame(PING)])
    yield closing("7.1.4", "close, then text", [NORMAL + hello])
    yield closing("7.1.5", "first fragment, close, last fragment",
                  [frame(TEXT, b"fragment1", fin=False), NORMAL + frame(CONT, b"fragment2")])
    yield closing("7.1.6", f"text of {LIMIT} bytes, close, ping", [big + NORMAL + frame(PING)], events=[("text", b"*" * LIMIT)])


def payloads():
    longest = b"*" * 123
    yield closing("7.3.1", "close without a payload", [close_frame()], echo=(None, 1000))
    yield Case("7.3.2", "close with a payload of one byte", [frame(CLOSE, b"a")], [], close=1002)
    yield closing("7.3.3", "close with a code", [NORMAL])
    yield closing("7.3.4", "close with code and reason", [close_frame(1000, b"Hello World!")])
    yield closing("7.3.5", "close with a reason of 123 bytes", [close_frame(1000, longest)])
    yield Case("7.3.6", "close with a reason of 124 bytes", [close_frame(1000, longest + b"*")], [], close=1002)
    yield Case("7.5.1", "close with a reason that is not UTF-8",
               [close_frame(1000, bytes.fromhex("cebae1bdb9cf83cebcceb5eda080656469746564"))], [], close=1007)


def codes():
    for number, code in enumerate(GOOD, 1):
        yield closing(f"7.7.{number}", f"close with the good code {code}", [close_frame(code)], echo=(code,))
    for number, code in enumerate(BAD, 1):
        yield Case(f"7.9.{number}", f"close with the bad code {code}", [close_frame(code)], [], close=1002)
    yield Case("7.13.1", "close with code 5000", [close_frame(5000)], [], close=1002)
    yield Case("7.13.2", "close with code 65535", [close_frame(65535)], [], close=1002)


def own():
    for number, code in enumerate((1012, 1013, 1014), 1):
        yield closing(f"S.7.{number}", f"close with code {code} of the IANA registry", [close_frame(code)], echo=(code,))
    yield Case("S.7.4", "close with code 1015", [close_frame(1015)], [], close=1002)
    yield Case("S.7.5", "close without FIN", [frame(CLOSE, struct.pack(">H", 1000), fin=False)], [], close=1002)
    yield closing("S.7.6", "close byte by byte", [bytes([b]) for b in close_frame(1000, "tschüß".encode())])
    yield closing("S.7.8", "ping and close in one piece", [frame(PING, b"ping") + NORMAL], events=[("pong", b"ping")])
    yield Case("S.7.7", "close with a reason cut inside a character", [close_frame(1000, "ü".encode()[:1])], [], close=1007)


def cases():
    for group in (basic, payloads, codes, own):
        yield from group()
