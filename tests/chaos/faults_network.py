# SPDX-License-Identifier: Apache-2.0
"""What befalls the ways between the processes, and the providers behind the last of them."""
import json
import signal
import time
import urllib.request

from fault import Fault
from surewire_env import proxyless


class Network(Fault):
    """what: bus, store, clients or push; how: cut, refuse, pause or slow. Of half of the processes, or of all."""

    def __init__(self, what, how):
        self.name, self.what, self.how = f"net-{what}-{how}", what, how
        # A job on a connection that the broker gave up is another pusher's as well.
        self.unrecorded = what == "bus"
        self._proxies = []

    def start(self, cluster, rng):
        of = {"bus": [m.bus for m in cluster.members], "store": [m.store for m in cluster.members],
              "clients": [m.front for m in cluster.members if m.front], "push": list(cluster.push_proxies.values())}
        every = of[self.what]
        self._proxies = rng.sample(every, rng.choice([len(every), (len(every) + 1) // 2]))
        for proxy in self._proxies:
            if self.how == "cut":
                proxy.cut(reset=rng.random() < 0.5)
            elif self.how == "refuse":
                proxy.cut(refuse=True)
            elif self.how == "pause":
                proxy.pause(rng.choice([None, "up", "down"]))
            else:
                proxy.delay(rng.uniform(0.02, 0.2))

    def heal(self, cluster):
        for proxy in self._proxies:
            proxy.heal()


# ---- the providers ----


class Provider(Fault):
    """The stand-ins misbehave as real ones do."""

    def __init__(self, name, actions, share=None):
        self.name, self.actions, self.share = f"provider-{name}", actions, share
        self._faults = []

    def start(self, cluster, rng):
        for provider, action in self.actions.items():
            if "token_dead_ms" in action:
                action = {**action, "token_dead_ms": int(time.time() * 1000)}
            fault = {"provider": provider, "action": action}
            if self.share:
                fault["match"] = {"share": self.share}
            request = urllib.request.Request(cluster.stands.url + "/faults", data=json.dumps(fault).encode())
            with proxyless().open(request, timeout=10) as answer:
                self._faults.append(json.loads(answer.read())["id"])

    def heal(self, cluster):
        while self._faults:
            cluster.stands.remove(self._faults.pop())


class ProviderAway(Fault):
    """The process is killed, and comes back with nothing in memory but an empty record: so it is frozen instead."""

    name = "provider-away"
    hold_s = 8.0

    def start(self, cluster, rng):
        cluster.sim.signal(signal.SIGSTOP)

    def heal(self, cluster):
        cluster.sim.signal(signal.SIGCONT)


class Credentials(Fault):
    """All tokens of the providers expire at once, several times."""

    name = "provider-credentials"

    def start(self, cluster, rng):
        for _ in range(3):
            cluster.stands.expire_credentials()
            time.sleep(rng.uniform(0.3, 1.2))

    def heal(self, cluster):
        pass
