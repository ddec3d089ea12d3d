#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 server on the hyper-h2 library that misbehaves on command; the path says how.

h2_server.py CERT_DIR PORT [--cert NAME] [--alpn PROTOCOL] [--streams N] [--delay-ms N] [--client-ca] [--mute]
"""
import argparse
import asyncio
import json
import socket
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
from hyperframe.frame import GoAwayFrame

STATS = {"connections": 0, "requests": 0, "open_max": 0, "open_before_success": 0, "open_after_limit": 0, "goaways": 0, "pings": 0}


class Server(asyncio.Protocol):
    def __init__(self, args):
        self.args = args
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests = {}  # stream id -> (headers, body)
        self.open = set()
        self.held = []
        self.pending = {}  # stream id -> bytes still to send
        self.succeeded = False
        self.limited = False
        self.frozen = False

    def connection_made(self, transport):
        STATS["connections"] += 1
        self.transport = transport
        if self.args.mute:
            return
        settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.args.streams}
        self.conn.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.conn.initiate_connection()
        self.flush()

    def flush(self):
        if not self.transport.is_closing():
            self.transport.write(self.conn.data_to_send())

    def data_received(self, data):
        if self.frozen or self.args.mute:
            return
        for event in self.conn.receive_data(data):
            self.on_event(event)
        self.flush()

    def on_event(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = (dict(event.headers), b"", list(event.headers))
            self.open.add(event.stream_id)
            STATS["requests"] += 1
            STATS["open_max"] = max(STATS["open_max"], len(self.open))
            if not self.succeeded:
                STATS["open_before_success"] = max(STATS["open_before_success"], len(self.open))
            if self.limited:
                STATS["open_after_limit"] = max(STATS["open_after_limit"], len(self.open))
            if dict(event.headers)[":path"] == "/early":
                self.answer(event.stream_id, 413, b"too large")
        elif isinstance(event, h2.events.DataReceived):
            headers, body, raw = self.requests[event.stream_id]
            self.requests[event.stream_id] = (headers, body + event.data, raw)
            self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            if event.stream_id in self.open:
                asyncio.get_event_loop().call_later(self.args.delay_ms / 1000, self.act, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.open.discard(event.stream_id)
            self.pending.pop(event.stream_id, None)
            STATS.setdefault("resets", []).append(int(event.error_code))
        elif isinstance(event, h2.events.WindowUpdated):
            self.push_pending()
        elif isinstance(event, h2.events.SettingsAcknowledged):
            if h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS in event.changed_settings and \
                    event.changed_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS].new_value == 1:
                self.limited = True
        elif isinstance(event, h2.events.PingReceived):
            STATS["pings"] += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            STATS["goaways"] += 1

    def answer(self, stream, status, body, extra=()):
        self.succeeded = self.succeeded or status // 100 == 2
        self.open.discard(stream)
        self.conn.send_headers(stream, [(":status", str(status)), ("content-type", "application/json"), *extra],
                               end_stream=not body)
        if body:
            self.conn.send_data(stream, body, end_stream=True)

    def push_pending(self):
        for stream, body in list(self.pending.items()):
            known = self.conn.streams.get(stream)
            if known is None or known.closed:  # its reset is a later event of the same read
                del self.pending[stream]
                continue
            while body:
                n = min(len(body), self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size)
                if n <= 0:
                    break
                self.conn.send_data(stream, body[:n], end_stream=n == len(body))
                body = body[n:]
            if body:
                self.pending[stream] = body
            else:
                del self.pending[stream]

    def goaway(self, last, error=0):
        frame = GoAwayFrame(stream_id=0, last_stream_id=last, error_code=error, additional_data=b'{"reason":"Shutdown"}')
        self.transport.write(self.conn.data_to_send() + frame.serialize())

    def act(self, stream):
        if stream not in self.open or self.transport.is_closing():
            return
        headers, body, raw = self.requests[stream]
        verb, *args = headers[":path"].strip("/").split("/")
        getattr(self, "do_" + verb)(stream, headers, body, *args)
        self.flush()

    def do_ok(self, stream, headers, body, *args):
        self.answer(stream, 200, b"")

    def do_echo(self, stream, headers, body, *args):
        hidden = [h[0] for h in self.requests[stream][2] if not h.indexable]
        self.answer(stream, 200, json.dumps({"headers": self.requests[stream][2], "length": len(body),
                                             "never_indexed": hidden}).encode(),
                    [("apns-id", "EC1BF194"), ("x-empty", "")])

    def do_status(self, stream, headers, body, status):
        self.answer(stream, int(status), b'{"reason":"told so"}', [("retry-after", "7")])

    def do_stats(self, stream, headers, body):
        self.answer(stream, 200, json.dumps(STATS).encode())

    def do_hints(self, stream, headers, body):
        self.conn.send_headers(stream, [(":status", "103"), ("x-stage", "hint")])
        self.conn.send_headers(stream, [(":status", "200"), ("x-stage", "final")])
        self.conn.send_data(stream, b"body")
        self.conn.send_headers(stream, [("x-trailer", "ignored")], end_stream=True)
        self.open.discard(stream)

    def do_reset(self, stream, headers, body, code):
        self.open.discard(stream)
        self.conn.reset_stream(stream, int(code))

    def do_half(self, stream, headers, body, code):
        """An answer begins, then the stream is reset."""
        self.open.discard(stream)
        self.conn.send_headers(stream, [(":status", "200")])
        self.conn.reset_stream(stream, int(code))

    def do_never(self, stream, headers, body, *args):
        pass

    def do_later(self, stream, headers, body, ms):
        asyncio.get_event_loop().call_later(int(ms) / 1000, self.late, stream)

    def late(self, stream):
        if stream in self.open and not self.transport.is_closing():
            self.answer(stream, 200, b"")
            self.flush()

    def do_hold(self, stream, headers, body, *args):
        self.held.append(stream)

    def do_last(self, stream, headers, body):
        """Ends the holding: the held streams are answered, then this one."""
        for held in [*self.held, stream]:
            self.answer(held, 200, b"")
        self.held = []

    def do_close(self, stream, headers, body):
        self.transport.abort()

    def do_freeze(self, stream, headers, body):
        self.frozen = True

    def do_goaway(self, stream, headers, body, keep, error="0"):
        """Of the held streams the first `keep` are answered after the GOAWAY, those above were not processed."""
        self.held.sort()
        keep = int(keep)
        last = self.held[keep - 1] if keep else 0
        self.goaway(last, int(error))
        for held in self.held[:keep]:
            self.answer(held, 200, b"")
        self.held = []
        self.open.clear()

    def do_graceful(self, stream, headers, body):
        """RFC 9113, 6.8: a GOAWAY that names no stream, then the real one."""
        self.goaway(2 ** 31 - 1)
        self.answer(stream, 200, b"")

    def do_limit(self, stream, headers, body, streams):
        self.conn.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: int(streams)})
        self.answer(stream, 200, b"")

    def do_huge(self, stream, headers, body):
        self.open.discard(stream)
        self.conn.send_headers(stream, [(":status", "200")])
        self.pending[stream] = b"x" * 10_000_000
        self.push_pending()

    def do_manyheaders(self, stream, headers, body):
        self.answer(stream, 200, b"", [("x-%d" % i, "v" * 400) for i in range(40)])


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("port", type=int)
    parser.add_argument("--cert", default="server")
    parser.add_argument("--alpn", default="h2")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--client-ca", action="store_true")
    parser.add_argument("--mute", action="store_true", help="TLS, then not a byte")
    args = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{args.dir}/{args.cert}.pem", f"{args.dir}/{args.cert}.key")
    context.set_alpn_protocols([args.alpn])
    if args.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f"{args.dir}/ca.pem")
    listener = socket.create_server(("127.0.0.1", args.port))
    server = await asyncio.get_running_loop().create_server(lambda: Server(args), sock=listener, ssl=context)
    print("PORT", listener.getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
