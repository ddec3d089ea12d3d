# SPDX-License-Identifier: Apache-2.0
"""All faults by name, in the order of the table."""
from fault import Nothing
from faults_broker import BrokerAlarm, BrokerCloses, BrokerFull, BrokerQueueDeleted
from faults_network import Credentials, Network, Provider, ProviderAway
from faults_process import Clock, Descriptors, Freeze, Kill, Stop
from faults_server import FileSizes, ServerFreeze, ServerKill, ServerRestart
from faults_store import StoreFull, StoreLock, StoreReadOnly, StoreTerminate


def _kinds():
    """name to function that makes the fault, in the order of the table."""
    processes = [(f"kill-{role}", Kill, role) for role in ("gateway", "sequencer", "mailbox", "pusher", "admin")]
    processes += [("kill-all", Kill, None)]
    processes += [(f"stop-{role}", Stop, role) for role in ("gateway", "sequencer", "mailbox", "pusher")]
    processes += [(f"freeze-{role}", Freeze, role) for role in ("gateway", "sequencer", "mailbox", "pusher")]
    processes += [("files-gateway", Descriptors, "gateway"), ("files-sequencer", Descriptors, "sequencer")]
    kinds = {"none": Nothing}
    kinds.update({name: lambda name=name, make=make, role=role: make(name, role) for name, make, role in processes})
    for role in ("gateway", "sequencer", "pusher"):
        for word, seconds in (("forward", 3600), ("back", -3600)):
            name = f"clock-{word}-{role}"
            kinds[name] = lambda name=name, role=role, seconds=seconds: Clock(name, role, seconds)
    kinds["broker-stop"] = lambda: ServerRestart("broker-stop", "rabbit", 4.0)
    kinds["broker-kill"] = lambda: ServerKill("broker-kill", "rabbit")
    kinds["broker-freeze"] = lambda: ServerFreeze("broker-freeze", "rabbit")
    kinds["broker-memory"] = lambda: BrokerAlarm("broker-memory", "set_vm_memory_high_watermark", "0", "0.4")
    kinds["broker-disk"] = lambda: BrokerAlarm("broker-disk", "set_disk_free_limit", str(10**15), "50MB")
    kinds.update({make.name: make for make in (BrokerFull, BrokerCloses, BrokerQueueDeleted)})
    kinds["store-restart"] = lambda: ServerRestart("store-restart", "pg", 1.0)
    kinds["store-kill"] = lambda: ServerKill("store-kill", "pg")
    kinds["store-freeze"] = lambda: ServerFreeze("store-freeze", "pg")
    kinds.update({make.name: make for make in (StoreTerminate, StoreReadOnly, StoreFull)})
    for table in ("inbox", "event", "writer_owner", "delivery"):
        kinds[f"store-lock-{table}"] = lambda table=table: StoreLock(table)
    kinds["broker-disk-full"] = lambda: FileSizes("broker-disk-full", "rabbit", 1 << 16)
    kinds["store-disk-full"] = lambda: FileSizes("store-disk-full", "pg", 1 << 16)
    for what in ("bus", "store", "clients", "push"):
        for how in ("cut", "refuse", "pause", "slow"):
            kinds[f"net-{what}-{how}"] = lambda what=what, how=how: Network(what, how)
    kinds.update(_providers())
    return kinds


def _providers():
    actions = {
        "503": {"apns": {"status": 503, "retry_after": 1}, "fcm": {"status": 503}, "smtp": {"smtp_code": 451}},
        "slow": {"apns": {"delay_ms": 2500}, "fcm": {"delay_ms": 2500}, "smtp": {"delay_ms": 2500}},
        "goaway": {"apns": {"goaway": {"last_stream": "none"}}, "fcm": {"goaway": {"last_stream": "all"}}},
        "refused": {"apns": {"rst": "REFUSED_STREAM"}, "fcm": {"rst": "REFUSED_STREAM"}},
        "lies": {"apns": {"drop_connection": True, "accept": True}, "fcm": {"rst": "INTERNAL_ERROR", "accept": True},
                 "smtp": {"cut_after_dot": True}},
        "silent": {"apns": {"silent": "stream"}, "fcm": {"silent": "stream"}},
        "dead-tokens": {"apns": {"token_dead_ms": 0}, "fcm": {"token_dead_ms": 0}},
        "rejects": {"apns": {"status": 400, "reason": "PayloadEmpty"}, "smtp": {"smtp_code": 554}},
    }
    kinds = {f"provider-{name}": lambda name=name: Provider(name, actions[name], 0.5) for name in actions}
    return {**kinds, ProviderAway.name: ProviderAway, Credentials.name: Credentials}


KINDS = _kinds()


def make(name, folder):
    """A fault by its name; folder is for the files that it needs."""
    fault = KINDS[name]()
    if isinstance(fault, Clock):
        fault.folder = folder
    return fault
