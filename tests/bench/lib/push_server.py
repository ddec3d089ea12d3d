# SPDX-License-Identifier: Apache-2.0
"""nghttpd in the place of APNs: takes every push to the devices made and answers 200 without a body, as Apple does. It checks no
token and no header."""
import contextlib
import pathlib
import socket
import ssl
import subprocess
import time

import bench_env
import surewire_env

TOKEN = "ab" * 32
MAKE_CERTS = pathlib.Path(__file__).parents[2] / "integration/egress/make_certs.sh"
START_TIMEOUT_S = 10


def pinned(processor, command):
    """The command on one processor; None: on any."""
    return command if processor is None else ["taskset", "--cpu-list", str(processor), *command]


def make_keys(folder):
    """ca.pem, server.pem, server.key, and key.p8 as Apple issues it."""
    subprocess.run(["sh", MAKE_CERTS, folder], check=True)
    with open(folder / "key.p8", "w") as file:
        command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run(command, check=True, stdout=file, stderr=subprocess.DEVNULL)


def token(number):
    """Of the device of a person by number."""
    return f"{number:064x}"


def make_devices(folder, tokens):
    """Pushes to other tokens are answered 404."""
    devices = folder / "www/3/device"
    devices.mkdir(parents=True, exist_ok=True)
    for each in tokens:
        (devices / each).touch()


@contextlib.contextmanager
def nghttpd(folder, processor, streams_max):
    """The server with an empty answer to every push: its port and pid."""
    make_devices(folder, [TOKEN])
    port = surewire_env.free_ports(1)[0]
    options = ["--workers=1", "--address=127.0.0.1", f"--htdocs={folder}/www", f"--max-concurrent-streams={streams_max}"]
    command = ["nghttpd", *options, str(port), str(folder / "server.key"), str(folder / "server.pem")]
    with open(folder / "nghttpd.log", "w") as log:
        process = subprocess.Popen(pinned(processor, command), stdout=log, stderr=log)
    try:
        await_tls(port, process)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def await_tls(port, process):
    context = ssl._create_unverified_context()  # only asks whether it is there
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock, context.wrap_socket(sock):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise bench_env.Broken(f"nghttpd does not answer: {error}") from error
            time.sleep(0.05)
