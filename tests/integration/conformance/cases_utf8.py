# SPDX-License-Identifier: Apache-2.0
"""6 UTF-8. The groups from 6.5 on are those of Markus Kuhn's UTF-8 decoder stress test; what is valid is decided by
Python's strict decoder, and said in the lists only where it is the point of the group."""
from cases import Await, Case
from ws_wire import CONT, PING, TEXT, chop, frame, fragments

KOSME = bytes.fromhex("cebae1bdb9cf83cebcceb5")
MIXED = "Hello-µ@ßöäüàá-UTF-8!!".encode()
SURROGATE = KOSME + bytes.fromhex("eda080") + b"edited"
TOO_HIGH = KOSME + bytes.fromhex("f4908080") + b"edited"
CUT = ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"]
LEADS = ((0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb), (0xfc, 0xfd))
HIGH, LOW = ("eda080", "edadbf", "edae80", "edafbf"), ("edb080", "edbe80", "edbfbf")

GROUPS = [
    ("valid texts", [b"hello\x24world".hex(), "hello¢world".encode().hex(), "hello€world".encode().hex(),
                     "hello\U00024b62world".encode().hex(), KOSME.hex()]),
    ("prefixes of a valid text", [KOSME[:i].hex() for i in range(1, len(KOSME) + 1)]),
    ("first of each length", ["00", "c280", "e0a080", "f0908080"]),
    ("first of five and six bytes", ["f888808080", "fc8480808080"]),
    ("last of each length", ["7f", "dfbf", "efbfbf", "f48fbfbf"]),
    ("last of four, five and six bytes", ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"]),
    ("other boundaries", ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"]),
    ("continuation bytes alone", ["80", "bf", *("80bf80bf80bf"[:2 * n] for n in range(2, 7)),
                                  bytes(range(0x80, 0xbf)).hex()]),
    ("leads alone", [b"".join(bytes([lead, 0x20]) for lead in range(first, last)).hex() for first, last in LEADS]),
    ("last continuation byte missing", CUT),
    ("all of those in a row", ["".join(CUT)]),
    ("impossible bytes", ["fe", "ff", "fefeffff"]),
    ("overlong ASCII", ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"]),
    ("longest overlong", ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"]),
    ("overlong NUL", ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"]),
    ("single surrogates", [*HIGH, *LOW]),
    ("pairs of surrogates", [high + low for high in HIGH for low in (LOW[0], LOW[2])]),
    ("code points that are no characters", [chr(plane << 16 | low).encode().hex() for plane in range(17)
                                            for low in (0xfffe, 0xffff)]),
    ("specials", [chr(code).encode().hex() for code in range(0xfff9, 0x10000)]),
]


def is_valid(payload):
    try:
        payload.decode("utf-8", "strict")
        return True
    except UnicodeDecodeError:
        return False


def text_case(name, what, payload, pieces=None):
    pieces = [frame(TEXT, payload)] if pieces is None else pieces
    if is_valid(payload):
        return Case(name, what, pieces, [("text", payload)])
    return Case(name, what, pieces, [], close=1007)


def basic():
    empty = [frame(TEXT, b"", fin=False), frame(CONT, b"", fin=False), frame(CONT, b"")]
    yield Case("6.1.1", "empty text", [frame(TEXT)], [("text", b"")])
    yield Case("6.1.2", "text in three fragments, all empty", empty, [("text", b"")])
    yield Case("6.1.3", "the same with a payload in the middle", [empty[0], frame(CONT, b"middle", fin=False), empty[2]],
               [("text", b"middle")])
    yield text_case("6.2.1", "valid, in one frame", MIXED)
    yield text_case("6.2.2", "valid, two fragments at a character", MIXED,
                    [frame(TEXT, MIXED[:8], fin=False), frame(CONT, MIXED[8:])])
    yield text_case("6.2.3", "valid, fragments of one byte", MIXED, fragments(TEXT, MIXED, 1))
    yield text_case("6.2.4", "valid, fragments of one byte, longer characters", KOSME, fragments(TEXT, KOSME, 1))
    yield text_case("6.3.1", "surrogate, in one frame", SURROGATE)
    yield text_case("6.3.2", "surrogate, fragments of one byte", SURROGATE, fragments(TEXT, SURROGATE, 1))


def fail_fast():
    """The message is not complete when it can be known to be wrong: the rest is sent only to one who waits for it. The
    pong between shows that the first fragment was taken."""
    proof = [frame(PING, b"still there?"), Await(("pong", b"still there?"))]
    for number, at, upto in ((1, 11, 15), (2, 12, 13)):
        first, second, third = TOO_HIGH[:at], TOO_HIGH[at:upto], TOO_HIGH[upto:]
        yield Case(f"6.4.{number}", f"wrong in its second fragment, {upto - at} bytes of it",
                   [frame(TEXT, first, fin=False), *proof, frame(CONT, second, fin=False)], [("pong", b"still there?")],
                   close=1007, late=[frame(CONT, third)])
        whole = frame(TEXT, TOO_HIGH)
        cut = len(whole) - len(third)
        yield Case(f"6.4.{number + 2}", f"wrong in the middle of its only frame, after {cut} bytes of {len(whole)}",
                   [whole[:cut - len(second)], whole[cut - len(second):cut]], [], close=1007, late=[whole[cut:]])


def cases():
    yield from basic()
    yield from fail_fast()
    for number, (what, payloads) in enumerate(GROUPS, 5):
        for index, payload in enumerate(payloads, 1):
            yield text_case(f"6.{number}.{index}", f"{what}: {payload[:40]}", bytes.fromhex(payload))
    for index, (what, payload) in enumerate((("surrogate", SURROGATE), ("overlong", b"ab\xc0\x80"), ("cut", KOSME[:-1])), 1):
        yield text_case(f"S.6.{index}", f"{what}, byte by byte on the wire", payload, chop(frame(TEXT, payload), 1))
