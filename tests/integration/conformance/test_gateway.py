# SPDX-License-Identifier: Apache-2.0
"""The cases that break or close a connection, against a whole gateway before hello: its limits, and its close codes."""
import os

import cases
import lists
import report
from chat_world import World

FRAME_MAX = 131072


def test_frames__that_break_the_protocol__close_with_their_code(deploy, servers):
    world = World(deploy(servers))
    node = world.node({"gateway.frame_max": "128k", "gateway.rate_address_burst": 1000})
    address = ("127.0.0.1", node.gateway_port)
    results = [cases.run(case, address) for case in lists.for_gateway(FRAME_MAX)]
    print(report.write(os.environ.get("SUREWIRE_CONFORMANCE_REPORT", "."), "gateway", results))
    assert not [result for result in results if result.result == cases.FAILED]
    assert len(results) > 150
