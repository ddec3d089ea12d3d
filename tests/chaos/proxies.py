# SPDX-License-Identifier: Apache-2.0
"""TCP proxies in a process of their own, so that their threads do not hold up the clients of the load."""
import multiprocessing
import os
import pathlib
import sys


def _serve(pipe):
    """Runs in the other process: makes proxies and calls their methods until the pipe closes."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
    from tcp_proxy import TcpProxy  # pylint: disable=import-outside-toplevel

    proxies = []
    while True:
        try:
            index, method, kwargs = pipe.recv()
        except EOFError:
            os._exit(0)
        if index is None:
            proxies.append(TcpProxy(tuple(kwargs["target"])))
            pipe.send((len(proxies) - 1, proxies[-1].port))
        else:
            pipe.send(getattr(proxies[index], method)(**kwargs))


class ProxyHost:
    """One such process. Not for several threads at once."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def proxy(self, target):
        index, port = self.call(None, "new", target=target)
        return RemoteProxy(self, index, port)

    def call(self, index, method, **kwargs):
        self._pipe.send((index, method, kwargs))
        return self._pipe.recv()

    def close(self):
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()


class RemoteProxy:
    """The methods of TcpProxy that faults use."""

    def __init__(self, host, index, port):
        self._host, self._index, self.port = host, index, port

    def pause(self, direction=None):
        self._host.call(self._index, "pause", direction=direction)

    def delay(self, seconds):
        self._host.call(self._index, "delay", seconds=seconds)

    def cut(self, refuse=False, reset=False):
        self._host.call(self._index, "cut", refuse=refuse, reset=reset)

    def heal(self):
        self._host.call(self._index, "heal")
