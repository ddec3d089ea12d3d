# SPDX-License-Identifier: Apache-2.0
"""5 fragmentation."""
from cases import Await, Case
from ws_wire import BINARY, CONT, PING, PONG, TEXT, chop, frame

ONE, TWO = b"fragment1", b"fragment2"
WHOLE = ("text", ONE + TWO)
PAIR = [frame(TEXT, ONE, fin=False), frame(CONT, TWO)]


def ways(number, what, frames, **expected):
    """The three ways in which frames are sent: in one piece, each by itself, byte by byte."""
    whole = b"".join(frames)
    for offset, (way, pieces) in enumerate((("one piece", [whole]), ("frame by frame", frames), ("byte by byte", chop(whole, 1)))):
        yield Case(f"5.{number + offset}", f"{what}; {way}", pieces, **expected)


def lone_continuations():
    hello = frame(TEXT, b"Hello, world!")
    yield from ways(9, "continuation with FIN and nothing to continue, then a text", [frame(CONT, b"lone"), hello],
                    events=[], close=1002)
    yield from ways(12, "continuation without FIN and nothing to continue, then a text",
                    [frame(CONT, b"lone", fin=False), hello], events=[], close=1002)
    yield Case("5.15", "text in two fragments, continuation without FIN and nothing to continue, text",
               [b"".join(PAIR) + frame(CONT, b"lone", fin=False) + hello], [WHOLE], close=1002)
    for number, fin in ((16, False), (17, True)):
        once = [frame(CONT, b"lone", fin=fin), *PAIR]
        yield Case(f"5.{number}", f"twice: lone continuation {'with' if fin else 'without'} FIN, text in two fragments",
                   once + once, [], close=1002)


def long_talk(await_all):
    """Fragments with pings between; the second half goes out when the pong of the first has come."""
    parts = [b"fragment%d" % i for i in range(1, 6)]
    frames = [frame(TEXT if i == 0 else CONT, part, fin=i == 4) for i, part in enumerate(parts)]
    first, second = ("pong", b"pongme 1!"), ("pong", b"pongme 2!")
    steps = [frames[0], frames[1], frame(PING, first[1]), Await(first), frames[2], frames[3], frame(PING, second[1])]
    steps += ([Await(second)] if await_all else []) + [frames[4]]
    return steps, [first, second, ("text", b"".join(parts))]


def cases():
    yield Case("5.1", "ping in two fragments", [frame(PING, ONE, fin=False), frame(CONT, TWO)], [], close=1002)
    yield Case("5.2", "pong in two fragments", [frame(PONG, ONE, fin=False), frame(CONT, TWO)], [], close=1002)
    yield from ways(3, "text in two fragments", PAIR, events=[WHOLE])
    yield from ways(6, "text in two fragments with a ping between", [PAIR[0], frame(PING, b"ping"), PAIR[1]],
                    events=[("pong", b"ping"), WHOLE])
    yield from lone_continuations()
    yield Case("5.18", "text in two fragments, both with the opcode of a text", [frame(TEXT, ONE, fin=False), frame(TEXT, TWO)],
               [], close=1002)
    for number, await_all in ((19, False), (20, True)):
        steps, events = long_talk(await_all)
        yield Case(f"5.{number}", "text in five fragments, two pings between" + (", each awaited" if await_all else ""), steps,
                   events)
    yield Case("S.5.1", "fragments without any payload but in the middle",
               [frame(TEXT, b"", fin=False), frame(CONT, ONE, fin=False), frame(CONT, b"")], [("text", ONE)])
    yield Case("S.5.2", "binary within a text in fragments", [frame(TEXT, ONE, fin=False), frame(BINARY, TWO)], [], close=1002)
    yield Case("S.5.3", "first fragment of a binary message", [frame(BINARY, ONE, fin=False)], [], close=1003)
