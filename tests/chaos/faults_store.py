# SPDX-License-Identifier: Apache-2.0
"""What befalls PostgreSQL and not RabbitMQ."""
import time

import psycopg2

from fault import Fault


class Store(Fault):
    """By SQL."""

    @staticmethod
    def administer(cluster, sql, parameters=()):
        connection = psycopg2.connect(cluster.servers.pg)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
        finally:
            connection.close()


class StoreTerminate(Store):
    """All backends, again and again, as by an administrator or the kernel's memory killer in a mild mood."""

    name = "store-terminate"

    def start(self, cluster, rng):
        for _ in range(5):
            self.administer(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE datname = %s AND pid <> pg_backend_pid()", (cluster.space.name,))
            time.sleep(rng.uniform(0.1, 0.8))

    def heal(self, cluster):
        pass


class StoreReadOnly(Store):
    name = "store-readonly"

    def start(self, cluster, rng):
        self.administer(cluster, "ALTER SYSTEM SET default_transaction_read_only = on")
        self.administer(cluster, "SELECT pg_reload_conf()")

    def heal(self, cluster):
        connection = psycopg2.connect(cluster.servers.pg, options="-c default_transaction_read_only=off")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
            cursor.execute("SELECT pg_reload_conf()")
        connection.close()


class StoreFull(Store):
    """Every connection that PostgreSQL has to give is held by somebody else, after those in use were closed."""

    name = "store-connections"

    def __init__(self):
        self._held = []

    def start(self, cluster, rng):
        deadline = time.monotonic() + 2
        self.administer(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = %s AND pid <> pg_backend_pid()", (cluster.space.name,))
        while time.monotonic() < deadline:
            try:
                self._held.append(psycopg2.connect(cluster.servers.pg))
            except psycopg2.OperationalError:
                time.sleep(0.02)

    def heal(self, cluster):
        while self._held:
            self._held.pop().close()


class StoreLock(Store):
    """A migration by hand, or a backup with a too strong lock."""

    hold_s = 5.0

    def __init__(self, table):
        self.name, self.table = f"store-lock-{table}", table
        self._connection = None

    def start(self, cluster, rng):
        self._connection = cluster.space.connect()
        with self._connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE")

    def heal(self, cluster):
        self._connection.close()
