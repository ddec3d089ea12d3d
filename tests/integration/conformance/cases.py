# SPDX-License-Identifier: Apache-2.0
"""What a case is, how it runs, and how its result is judged. The lists of cases are in cases_*.py.

A case sends its pieces, waits for the last event that it expects, closes with 1000 unless the other side is to end the
connection, and reads to the end: so every event is seen, and no time is part of a verdict. Verdicts:

  OK          exactly the events and the end that were expected
  NON-STRICT  within RFC 6455, but not what a strict reading likes best (see loosely())
  FAILED      anything else, silence too
"""
import dataclasses
import time

import ws_wire
from ws_wire import Peer, close_frame

OK, NON_STRICT, FAILED = "OK", "NON-STRICT", "FAILED"
LIMIT = 65536  # bytes of a message, the echo server's and SW_WS_LIMITS_DEFAULT's


class Await:
    """A step between pieces: go on when this event has come."""

    def __init__(self, event):
        self.event = event


@dataclasses.dataclass
class Case:
    id: str
    what: str
    send: list                  # bytes, each by one call, and Await
    events: list                # expected before the close frame
    close: object = None        # code that the other side is to fail with; None: it echoes ours
    late: list = dataclasses.field(default_factory=list)  # NON-STRICT when it only fails after these too
    our_close: object = 1000    # code of our close frame, when close is None; None: the pieces hold one themselves
    echo: tuple = None          # codes that may come back when the pieces close
    headers: tuple = ()


@dataclasses.dataclass
class Result:
    id: str
    what: str
    expected: str
    got: str
    result: str
    note: str
    ms: float


def show_event(event):
    if event[0] == "close":
        return f"close {event[1] if event[1] is not None else 'without a code'}"
    payload = event[1]
    text = payload.hex() if len(payload) <= 12 else f"{payload[:4].hex()}…"
    return f"{event[0]}[{len(payload)}]" + (f" {text}" if payload else "")


def show(events, end=None):
    shown = [show_event(event) for event in events]
    if len(shown) > 6:
        shown = shown[:3] + [f"… {len(shown) - 5} more …"] + shown[-2:]
    return ", ".join(shown + ([end] if end else [])) or "nothing"


def closes(case):
    """The codes one of which is to end the connection."""
    if case.close is not None:
        return (case.close,)
    return case.echo if case.our_close is None else (case.our_close,)


def loosely(expected, got):
    """Sections 5.5.2 and 5.5.3: a pong may come after a message that followed its ping, and one pong may answer
    several pings when it is that of the latest."""
    pongs = [event for event in expected if event[0] == "pong"]
    seen = [event for event in got if event[0] == "pong"]
    rest = iter(pongs)
    in_order = all(any(event == other for other in rest) for event in seen)
    others = [event for event in expected if event[0] != "pong"] == [event for event in got if event[0] != "pong"]
    return bool(pongs) and others and in_order and seen[-1:] == pongs[-1:]


def judge(case, peer, fast):
    """(verdict, note)"""
    got = [event for event in peer.events if event[0] != "close"]
    ends = [event for event in peer.events if event[0] == "close"]
    if peer.end == "silence":
        return FAILED, "the other side did not end the connection"
    if len(ends) > 1 or (ends and peer.events[-1] != ends[0]):
        return FAILED, "frames behind a close frame"
    if ends and ends[0][1] not in closes(case):
        return FAILED, "closed with another code"
    if got != case.events and not loosely(case.events, got):
        return FAILED, "other events"
    if not ends:
        return (NON_STRICT if case.close else FAILED), "the connection ended without a close frame"
    if not fast:
        return NON_STRICT, "failed only when the rest of the message was in"
    return (OK, "") if got == case.events else (NON_STRICT, "pongs: fewer or later than pings (RFC 6455, 5.5.2 and 5.5.3)")


def play(case, peer):
    """Gives whether it ended as soon as it had to."""
    for step in case.send:
        if isinstance(step, Await):
            peer.read_until(lambda events, step=step: step.event in events)
        elif not peer.send(step):
            break
    if case.close is not None:
        if not case.late:
            peer.read_until(lambda events: len(events) > len(case.events))
            if not peer.end and peer.events[-1][0] != "close":
                peer.send(close_frame(1000))  # it did not notice: no need to wait for more
            peer.read_to_end()
            return True
        peer.sock.settimeout(ws_wire.SILENCE_S / 2)
        peer.read_to_end()
        if peer.end != "silence":
            return True
        peer.end = None
        peer.sock.settimeout(ws_wire.SILENCE_S)
        for piece in case.late:
            peer.send(piece)
        peer.read_to_end()
        return False
    if case.our_close is not None:
        last = case.events[-1] if case.events else None
        count = len([event for event in case.events if event == last])
        peer.read_until(lambda events: last is None or len([e for e in events if e == last]) >= count or
                        (events and events[-1][0] == "close"))
        peer.send(close_frame(case.our_close))
    peer.read_to_end()
    return True


def run(case, address):
    started = time.monotonic()
    expected = show(case.events) if case.events else "nothing"
    expected += ", close " + " or ".join("without a code" if code is None else str(code) for code in closes(case))
    try:
        with Peer(address, headers=case.headers) as peer:
            negotiated = peer.headers.get("sec-websocket-extensions")
            fast = play(case, peer)
            verdict, note = judge(case, peer, fast)
            got = show(peer.events, peer.end)
            if negotiated is not None:
                verdict, note = FAILED, f"an extension was negotiated: {negotiated}"
    except AssertionError as error:
        verdict, note, got = FAILED, str(error), "a frame that a server must not send"
    return Result(case.id, case.what, expected, got, verdict, note, round((time.monotonic() - started) * 1000, 1))
