# SPDX-License-Identifier: Apache-2.0
"""9 limits and performance, scaled to a limit of 64 KiB for a message: what is larger is refused with 1009 when its
header is in, so only its beginning is sent. 10 automatic fragmentation. 12 and 13 compression, which is declined."""
import json
import zlib

from cases import LIMIT, Await, Case
from ws_wire import BINARY, CONT, TEXT, chop, frame, fragments, length_bytes

K = 1024
SIZES = (64 * K, 256 * K, K * K, 4 * K * K, 8 * K * K, 16 * K * K)
BODY = ("text", b"*" * LIMIT)


def announced(opcode, size):
    """The header of a frame of that size and its first 64 KiB."""
    return frame(opcode, b"*" * min(size, LIMIT), length=length_bytes(size))


def large():
    for number, size in enumerate(SIZES, 1):
        fits = size <= LIMIT
        yield Case(f"9.1.{number}", f"text of {size} bytes", [announced(TEXT, size)], [BODY] if fits else [],
                   close=None if fits else 1009)
        yield Case(f"9.2.{number}", f"binary of {size} bytes", [announced(BINARY, size)], [], close=1003)


def in_fragments():
    for number in range(1, 10):
        size = LIMIT >> 2 * (9 - number)
        text, binary = fragments(TEXT, BODY[1], size), fragments(BINARY, BODY[1], size)
        yield Case(f"9.3.{number}", f"text of {LIMIT} bytes in fragments of {size}", [b"".join(text)], [BODY])
        yield Case(f"9.4.{number}", f"binary of {LIMIT} bytes in fragments of {size}", [binary[0]], [], close=1003)


def in_pieces():
    for number, size in enumerate((64, 128, 256, 512, K, 2 * K), 1):
        yield Case(f"9.5.{number}", f"text of {LIMIT} bytes in pieces of {size}", chop(frame(TEXT, BODY[1]), size), [BODY])
        yield Case(f"9.6.{number}", f"binary of {LIMIT} bytes in pieces of {size}", [chop(frame(BINARY, BODY[1]), size)[0]], [],
                   close=1003)


def round_trips():
    for number, size in enumerate((0, 16, 64, 256, K, 4 * K), 1):
        texts = [(b"%08d" % i + b"*" * size)[:size] if size else b"" for i in range(1000)]
        steps = [step for text in texts for step in (frame(TEXT, text), Await(("text", text)))] if size > 8 else \
            [frame(TEXT, text) for text in texts]
        yield Case(f"9.7.{number}", f"1000 texts of {size} bytes", steps, [("text", text) for text in texts])
        yield Case(f"9.8.{number}", f"binary of {size} bytes, the first of 1000", [frame(BINARY, b"\xfe" * size)], [], close=1003)


def at_the_limit():
    one_more = fragments(TEXT, b"*" * (LIMIT + 1), LIMIT // 2)
    yield Case("10.1.1", f"text of {LIMIT} bytes in fragments of 1300", fragments(TEXT, BODY[1], 1300), [BODY])
    yield Case("S.9.1", f"text of {LIMIT + 1} bytes", [announced(TEXT, LIMIT + 1)], [], close=1009)
    yield Case("S.9.2", f"text of {LIMIT + 1} bytes in fragments", one_more, [], close=1009)
    yield Case("S.9.3", "header of a frame of 2^63 - 1 bytes", [frame(TEXT, b"*", length=b"\x7f\x7f" + b"\xff" * 7)], [],
               close=1009)
    yield Case("S.9.4", f"text of {LIMIT} bytes, twice", [frame(TEXT, BODY[1])] * 2, [BODY, BODY])
    yield Case("S.9.5", "first fragment at the limit, then an empty last one",
               [frame(TEXT, BODY[1], fin=False), frame(CONT)], [BODY])
    yield Case("S.9.6", "text, then one that is too large", [frame(TEXT, b"small"), announced(TEXT, 16 * K * K)],
               [("text", b"small")], close=1009)


OFFERS = [
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_max_window_bits; server_max_window_bits=9",
    "permessage-deflate; client_max_window_bits=15; server_max_window_bits=15",
    "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=15",
    "permessage-deflate; server_max_window_bits=9, permessage-deflate; client_max_window_bits, permessage-deflate",
]
PAYLOADS = [json.dumps({"cid": i, "body": "*" * i}).encode() for i in (16, 64, 256, 1024, 4096)]


def deflated(payload):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def compression():
    """Each offer is declined: the plain text comes back, and then RSV1 is what it is without an extension: an error."""
    kinds = [(f"12.{i}.1", OFFERS[2].split(";")[0] + "; client_max_window_bits", payload)
             for i, payload in enumerate(PAYLOADS, 1)]
    kinds += [(f"13.{i}.1", offer, PAYLOADS[1]) for i, offer in enumerate(OFFERS, 1)]
    for name, offer, payload in kinds:
        yield Case(name, f"declined: {offer}", [frame(TEXT, payload), frame(TEXT, deflated(payload), rsv=4)],
                   [("text", payload)], close=1002, headers=(f"Sec-WebSocket-Extensions: {offer}",))


def cases():
    for group in (large, in_fragments, in_pieces, round_trips, at_the_limit, compression):
        yield from group()
