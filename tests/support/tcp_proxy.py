# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy to put between any two parties, which can be paused, delayed, cut and healed while it runs.

Knows nothing of the protocols that pass. Threads: one that accepts, two per connection.
"""
import contextlib
import socket
import struct
import threading
import time

UP = "up"  # from the one who connected to the target
DOWN = "down"


class TcpProxy:
    """Listens on 127.0.0.1:port (chosen free when 0) and connects each client to target (host, port)."""

    def __init__(self, target, port=0):
        self.target = target
        self._gates = {UP: threading.Event(), DOWN: threading.Event()}
        self._delay_s = {UP: 0.0, DOWN: 0.0}
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = None
        self.port = port
        for gate in self._gates.values():
            gate.set()
        self._listen()

    def pause(self, direction=None):
        """Bytes stop flowing and both ends believe that they are connected: the half-open connection."""
        for name in self._directions(direction):
            self._gates[name].clear()

    def resume(self, direction=None):
        for name in self._directions(direction):
            self._gates[name].set()

    def delay(self, seconds, direction=None):
        """Each piece waits so long before it goes on; the order stays."""
        for name in self._directions(direction):
            self._delay_s[name] = seconds

    def cut(self, refuse=False, reset=False):
        """Closes every connection, by RST with reset. With refuse new ones are refused until heal()."""
        if refuse:
            self._close_listener()
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._close_pair(pair, reset)

    def heal(self):
        """Everything flows again, on the same port."""
        self.delay(0.0)
        self.resume()
        if self._listener is None:
            self._listen()

    def connections(self):
        with self._lock:
            return len(self._pairs)

    def close(self):
        self._close_listener()
        self.cut()
        self.resume()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _directions(direction):
        return (UP, DOWN) if direction is None else (direction,)

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _close_listener(self):
        listener, self._listener = self._listener, None
        if listener is not None:
            # close() alone would not wake the thread that accepts.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        down = threading.Thread(target=self._pump, args=(server, client, DOWN, pair), daemon=True)
        down.start()
        self._pump(client, server, UP, pair)
        down.join()
        self._close_pair(pair, reset=False)

    def _pump(self, source, sink, direction, pair):
        try:
            while True:
                data = source.recv(65536)
                self._gates[direction].wait()
                if self._delay_s[direction]:
                    time.sleep(self._delay_s[direction])
                if not data:
                    # The other direction may still have something to say.
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
        except OSError:
            self._close_pair(pair, reset=False)

    def _close_pair(self, pair, reset):
        with self._lock:
            if pair not in self._pairs:
                return
            self._pairs.discard(pair)
        for sock in pair:
            with contextlib.suppress(OSError):
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    sock.shutdown(socket.SHUT_RDWR)
            if not reset:
                sock.close()
        if reset:
            self._reset(pair)

    @staticmethod
    def _reset(pair):
        for sock in pair:
            # A blocked recv keeps the descriptor in use, and close() would send nothing: wake it first by a new
            # connect to nowhere (AF_UNSPEC), which is what sends the RST at once.
            with contextlib.suppress(OSError):
                _disconnect(sock)
            sock.close()


def _disconnect(sock):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    unspec = struct.pack("H14x", socket.AF_UNSPEC)
    libc.connect(sock.fileno(), unspec, len(unspec))
