# SPDX-License-Identifier: Apache-2.0
"""All cases, and those that make sense against a gateway, which does not echo: what breaks a connection, pings, closes."""
import cases_close
import cases_framing
import cases_fragments
import cases_limits
import cases_utf8
from cases import Case
from ws_wire import TEXT, frame, fragments, length_bytes

ALL = [case for part in (cases_framing, cases_fragments, cases_utf8, cases_close, cases_limits) for case in part.cases()]


def for_gateway(limit):
    """limit: the gateway's frame_max. Nothing is a whole text: that would be judged as a hello."""
    for case in ALL:
        if case.close != 1009 and not case.headers and all(event[0] == "pong" for event in case.events):
            yield case
    yield Case("G.1", f"text of {limit + 1} bytes", [frame(TEXT, b"*" * 1000, length=length_bytes(limit + 1))], [], close=1009)
    yield Case("G.2", f"text of {limit + 1} bytes in fragments", fragments(TEXT, b"*" * (limit + 1), limit // 2), [], close=1009)
    yield Case("G.3", "header of a frame of 2^63 - 1 bytes", [frame(TEXT, b"*", length=b"\x7f\x7f" + b"\xff" * 7)], [],
               close=1009)
    yield Case("G.4", "a text before hello", [frame(TEXT, b"{\"t\":\"ack\",\"pos\":\"1\"}")], [], close=4401)
