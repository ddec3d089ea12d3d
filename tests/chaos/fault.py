# SPDX-License-Identifier: Apache-2.0
"""What every fault is."""


class Fault:
    """Starts, is held for hold_s, and heals. Blocking calls.

    unrecorded: a push may be sent of which no record is left: the pusher died, or its job was given to another one
    while it was at it. lossy: an operator's act threw accepted messages away. config, preload: what the cluster must
    be started with; preload(number of the process) gives words NAME=VALUE of its environment.
    """

    name = None
    hold_s = 4.0
    unrecorded = False
    lossy = False
    config = {}
    preload = None

    def start(self, cluster, rng):
        raise NotImplementedError

    def heal(self, cluster):
        raise NotImplementedError


class Nothing(Fault):
    name = "none"

    def start(self, cluster, rng):
        pass

    def heal(self, cluster):
        pass
