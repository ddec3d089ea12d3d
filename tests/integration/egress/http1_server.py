#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 server on plain asyncio streams that misbehaves on command; the path says how.

http1_server.py CERT_DIR PORT [--plain] [--cert NAME] [--client-ca]
"""
import argparse
import asyncio
import json
import socket
import ssl

STATS = {"connections": 0, "requests": 0, "open": 0, "open_max": 0, "bodies": 0}


def head(status, *lines, length=0):
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, f"Content-Length: {length}", "", ""]).encode()


class Connection:
    """One connection: its requests one after the other, until a verb ends it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.requests = 0
        self.deaf = False  # takes the next request whole and then breaks, without a byte of answer

    async def run(self):
        STATS["connections"] += 1
        try:
            while await self.serve_one():
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.writer.transport.abort()

    async def serve_one(self):
        """Whether the connection goes on."""
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        start, *fields = text.strip().split("\r\n")
        headers = dict((name.lower(), value) for name, value in (field.split(": ", 1) for field in fields))
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        method, path, version = start.split(" ")
        STATS["requests"] += 1
        STATS["bodies"] += len(body)
        self.requests += 1
        if self.deaf:
            return False
        STATS["open"] += 1
        STATS["open_max"] = max(STATS["open_max"], STATS["open"])
        verb, *args = path.split("?")[0].strip("/").split("/")
        request = {"method": method, "path": path, "version": version, "headers": headers, "body": body.decode()}
        try:
            return await getattr(self, "do_" + verb)(request, *args)
        finally:
            STATS["open"] -= 1

    async def say(self, data):
        self.writer.write(data)
        await self.writer.drain()
        return True

    async def say_json(self, value):
        text = json.dumps(value).encode()
        return await self.say(head(200, "Content-Type: application/json", "X-Served:  yes ", length=len(text)) + text)

    async def do_ok(self, request):
        return await self.say_json(request | {"request": self.requests})

    async def do_stats(self, request):
        return await self.say_json(STATS)

    async def do_status(self, request, status):
        return await self.say(head(status, "Retry-After: 9"))

    async def do_later(self, request, ms):
        await asyncio.sleep(int(ms) / 1000)
        return await self.say(head(200))

    async def do_redirect(self, request):
        return await self.say(head(302, "Location: /ok"))

    async def do_never(self, request):
        await asyncio.sleep(600)

    async def do_cut(self, request):
        return False

    async def do_bye(self, request):
        """A connection that should go on, but is closed once the answer is out."""
        await self.say(head(200))
        self.writer.close()
        await self.writer.wait_closed()
        return False

    async def do_deafen(self, request):
        """Answers, and will break under the next request."""
        self.deaf = True
        return await self.say(head(200))

    async def do_huge(self, request):
        return await self.say(head(200, length=300_000) + b"x" * 300_000)

    async def do_half(self, request):
        """A whole head, and a body that ends too soon."""
        await self.say(head(503, "Retry-After: 7", length=100) + b"half")
        self.writer.close()
        await self.writer.wait_closed()
        return False

    async def do_stall(self, request):
        """A whole head, and a body that does not come."""
        await self.say(head(410, length=100) + b"half")
        await asyncio.sleep(600)

    async def do_early(self, request):
        """Half of a head."""
        await self.say(b"HTTP/1.1 200 OK\r\nContent-Le")
        return False

    async def do_informed(self, request):
        await self.say(b"HTTP/1.1 103 Early Hints\r\nX-Served: no\r\nRetry-After: 1\r\n\r\n")
        return await self.say_json({})

    async def do_garbage(self, request):
        await self.say(b"\x00\x01 this is no HTTP\r\n\r\n")
        return False

    async def do_fields(self, request):
        return await self.say(head(200, *(f"X-{i}: {'v' * 400}" for i in range(40))))

    async def do_endless(self, request):
        """A head of 500 KB."""
        await self.say(b"HTTP/1.1 200 OK\r\n")
        for _ in range(500):
            if self.writer.is_closing():
                break
            await self.say(b"X-Field: " + b"v" * 1000 + b"\r\n")
        return False


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("port", type=int)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--cert", default="server")
    parser.add_argument("--client-ca", action="store_true")
    args = parser.parse_args()
    context = None
    if not args.plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{args.dir}/{args.cert}.pem", f"{args.dir}/{args.cert}.key")
        context.set_alpn_protocols(["h2", "http/1.1"])
        if args.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(f"{args.dir}/ca.pem")
    listener = socket.create_server(("127.0.0.1", args.port))
    server = await asyncio.start_server(lambda r, w: Connection(r, w).run(), sock=listener, ssl=context)
    print("PORT", listener.getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
