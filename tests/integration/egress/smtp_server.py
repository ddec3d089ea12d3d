#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A mail relay on aiosmtpd. The recipient says what happens; accepted mails are taken apart by Python's email package
and appended as JSON lines to CERT_DIR/mails.jsonl.

smtp_server.py CERT_DIR PORT [--mode starttls|tls|plain|nostarttls] [--greeting LINE] [--cert NAME]
"""
import argparse
import asyncio
import email
import email.policy
import json
import socket
import ssl
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

warnings.simplefilter("ignore")  # AUTH without TLS is what some tests are about
STATS = {"connections": 0}


class Handler:
    def __init__(self, args):
        self.args = args

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("badsender"):
            return "553 5.1.8 sender not allowed"
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        verb = address.split("@")[0].split("+")[0]
        if verb == "greylist":
            return "451 4.7.1 try again later"
        if verb == "nobody":
            return "550-5.1.1 no such\r\n550 5.1.1 user here"
        if verb == "cutrcpt":
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        verb = envelope.rcpt_tos[0].split("@")[0].split("+")[0]
        if verb == "cut":
            server.transport.abort()
            return "250 never seen"
        if verb == "spam":
            return "554 5.7.1 looks like spam"
        if verb == "full":
            return "452 4.2.2 mailbox full"
        if verb == "slow":
            await asyncio.sleep(600)
        if verb == "pause":
            await asyncio.sleep(1)
        self.keep(session, envelope)
        return "250 2.0.0 Ok: queued as 4F2A"

    def keep(self, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        text = message.get_body(("plain",))
        html = message.get_body(("html",))
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "ehlo": session.host_name,
            "headers": [[k, str(v)] for k, v in message.items() if not k.lower().startswith("content-")],
            "defects": [repr(d) for part in message.walk() for d in part.defects],
            "types": [part.get_content_type() for part in message.walk()],
            "charset": text.get_content_charset(),
            "text": text.get_content().replace("\r\n", "\n"),
            "html": html.get_content().replace("\r\n", "\n") if html else None,
            "line_max": max(len(line) for line in envelope.original_content.split(b"\r\n")),
            "bare_lf": envelope.original_content.count(b"\n") - envelope.original_content.count(b"\r\n"),
            "connections": STATS["connections"],
        }
        with open(f"{self.args.dir}/mails.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


class Authenticator:
    def __call__(self, server, session, envelope, mechanism, data):
        if isinstance(data, LoginPassword) and (data.login, data.password) == (b"relay", b"pass word"):
            return AuthResult(success=True, auth_data=data)
        if isinstance(data, LoginPassword) and data.login == b"later":
            return AuthResult(success=False, handled=False, message="454 4.7.0 temporary authentication failure")
        return AuthResult(success=False, handled=False, message="535 5.7.8 wrong credentials")


class Server(SMTP):
    def connection_made(self, transport):
        if not getattr(self, "counted", False):
            self.counted = True
            STATS["connections"] += 1
        super().connection_made(transport)


class Refusing(asyncio.Protocol):
    def __init__(self, line):
        self.line = line

    def connection_made(self, transport):
        transport.write(self.line.encode() + b"\r\n")
        transport.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("port", type=int)
    parser.add_argument("--mode", default="starttls")
    parser.add_argument("--cert", default="server")
    parser.add_argument("--greeting")
    args = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{args.dir}/{args.cert}.pem", f"{args.dir}/{args.cert}.key")
    handler = Handler(args)

    def make():
        if args.greeting:
            return Refusing(args.greeting)
        secure = args.mode in ("starttls", "tls")
        return Server(handler, hostname="relay.example", enable_SMTPUTF8=True,
                      tls_context=context if args.mode == "starttls" else None,
                      require_starttls=args.mode == "starttls",
                      authenticator=Authenticator(), auth_required=secure,
                      auth_require_tls=args.mode == "starttls")

    listener = socket.create_server(("127.0.0.1", args.port))
    server = await asyncio.get_running_loop().create_server(make, sock=listener,
                                                            ssl=context if args.mode == "tls" else None)
    print("PORT", listener.getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
