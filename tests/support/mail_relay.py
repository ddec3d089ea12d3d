# SPDX-License-Identifier: Apache-2.0
"""A mail relay on aiosmtpd, with STARTTLS and AUTH demanded, that keeps what it took."""
import asyncio
import contextlib
import ssl
import threading
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class MailRelay:
    """Runs in a thread of its own: with MailRelay(cert, key, user, password) as relay: … relay.port, relay.taken."""

    def __init__(self, cert, key, user, password):
        self.taken = []  # of every mail: sender, recipients, options, content, whether within TLS, who logged in
        self.refusal = None  # a reply to every mail in place of 250, while it is set
        self.logins = []
        self._lock = threading.Lock()
        self._silent = False
        self._login = (user.encode(), password.encode())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self._controller = _Controller(self, context)

    @property
    def port(self):
        return self._controller.server.sockets[0].getsockname()[1]

    def __enter__(self):
        warnings.simplefilter("ignore")
        self._controller.start()
        return self

    def __exit__(self, *unused):
        self._controller.stop()

    @contextlib.contextmanager
    def silent(self):
        """Takes mails and says nothing to their final dot."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def check(self, server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == self._login
        with self._lock:
            self.logins.append((mechanism, good))
        return AuthResult(success=good, auth_data=data.login.decode() if good else None, handled=good)

    async def handle_DATA(self, server, session, envelope):
        if self.refusal:
            return self.refusal
        with self._lock:
            self.taken.append({
                "from": envelope.mail_from,
                "to": list(envelope.rcpt_tos),
                "content": envelope.content,
                "ehlo": session.host_name,
                "tls": session.ssl["cipher"] if isinstance(session.ssl, dict) else session.ssl is not None,
                "login": session.auth_data,
            })
        while self._silent:
            await asyncio.sleep(0.05)
        return "250 2.0.0 taken"


class _Controller(Controller):
    def __init__(self, relay, context):
        self._relay, self._context = relay, context
        super().__init__(relay, hostname="127.0.0.1", port=0, ready_timeout=30)

    def factory(self):
        return SMTP(
            self._relay, tls_context=self._context, require_starttls=True, auth_required=True,
            authenticator=self._relay.check, enable_SMTPUTF8=True, decode_data=False,
        )

    def _trigger_server(self):
        """The base class connects to the port it was given, which is 0 here: the listening socket knows better."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
