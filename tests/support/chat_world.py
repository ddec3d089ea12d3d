# SPDX-License-Identifier: Apache-2.0
"""What the chat tests are written in: people on a deployment, their clients, and waiting beside them."""
import asyncio
import functools
import itertools
import json
import time

import surewire_client
import surewire_env

# The limits of rate are tested on their own; everywhere else they would only stand in the way.
FAST = {
    "gateway.rate_user_per_s": 5000,
    "gateway.rate_user_burst": 5000,
    "gateway.rate_address_per_s": 5000,
    "gateway.rate_address_burst": 5000,
    "gateway.drain_timeout": "1s",
    "mailbox.ack_timeout": "2s",
}
WRITERS = "sequencer,mailbox,pusher,admin"
_ids = itertools.count(1_000_001)


def within(function):
    """A test written as a coroutine."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        return asyncio.run(function(*args, **kwargs))

    return run


class World:
    """People on a deployment: their accounts, tokens and clients."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.space = deployment.space

    def people(self, *names):
        """Accounts of this test alone: the names with a number behind them."""
        numbers = [next(_ids) for _ in names]
        made = [f"{name}{number}" for name, number in zip(names, numbers)]
        self.space.query(
            "INSERT INTO account (user_id, name, created_at_ms)"
            " SELECT user_id, name, 0 FROM unnest(%s::bigint[], %s::text[]) AS r(user_id, name)",
            (numbers, made),
        )
        return made if len(made) > 1 else made[0]

    def crowd(self, name, count):
        return self.people(*[name] * count)

    def user_id(self, name):
        return self.space.query("SELECT user_id FROM account WHERE name = %s", (name,))[0][0]

    def token(self, user, **claims):
        return surewire_client.make_token(self.deployment, user, **claims)

    def client(self, node, user, device="d1", **options):
        """Not opened yet. node: a Node, or the address of one's socket."""
        url = node if isinstance(node, str) else node.ws
        return surewire_client.Client(url, self.token(user), device, **options)

    async def login(self, node, user, device="d1", **options):
        return await self.client(node, user, device, **options).login()

    def api(self, node, user):
        return surewire_client.Api(node.url, self.token(user))

    def node(self, config=None, roles=surewire_env.ALL_ROLES, **more):
        return self.deployment.node(roles, {**FAST, **(config or {})}, **more)

    def inbox(self, user):
        """[(pos, conv, seq, text)] of the store, in order."""
        return self.space.query(
            "SELECT i.pos, i.conv, i.seq, e.body::json->>'text' FROM inbox i JOIN event e USING (conv, seq)"
            " JOIN account a USING (user_id) WHERE a.name = %s ORDER BY i.pos",
            (user,),
        )

    def await_inbox(self, user, count):
        """The inbox once it has so many rows: a message is stored before it is in the inboxes of its recipients."""

        def filled():
            rows = self.inbox(user)
            return rows if len(rows) >= count else None

        return surewire_env.wait_until(filled, f"{count} rows in the inbox of {user}")

    def check_inbox(self, user, texts):
        """The inbox of a user comes to hold these texts in this order, once each, pos and seq without a hole."""
        rows = self.await_inbox(user, len(texts))
        assert [row[3] for row in rows] == list(texts)
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        by_conv = {}
        for _, conv, seq, _ in rows:
            by_conv.setdefault(conv, []).append(seq)
        for conv, seqs in by_conv.items():
            assert seqs == list(range(1, len(seqs) + 1)), conv

    def pushes(self, provider="apns"):
        """What the stand-in of a provider has received."""
        url = f"{self.deployment.sim_control}/records?provider={provider}&limit=1000"
        with surewire_env.proxyless().open(url, timeout=10) as answer:
            records = json.loads(answer.read())
        return records["records"] if isinstance(records, dict) else records

    def pushed(self, text, provider="apns"):
        return [record for record in self.pushes(provider) if text in json.dumps(record)]


async def eventually(condition, what, timeout_s=30, every_s=0.1):
    """The value of condition() once it is true, without holding up the clients."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = await asyncio.get_running_loop().run_in_executor(None, condition)
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(every_s)
