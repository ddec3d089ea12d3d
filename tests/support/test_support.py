# SPDX-License-Identifier: Apache-2.0
"""Tests of the tests' own tools that need no server: proxy, ports, processes, configuration."""
import configparser
import os
import pathlib
import signal
import socket
import subprocess
import threading

import pytest

import surewire_env
import tcp_proxy


@pytest.fixture
def echo():
    """(host, port) of a server that sends everything back."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client):
        with client:
            try:
                while data := client.recv(65536):
                    client.sendall(data)
            except OSError:
                pass

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def connect(proxy):
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    client.sendall(b"hello")
    assert client.recv(100) == b"hello"
    return client


def test_proxy__plain__carries_a_megabyte_both_ways(echo):
    with tcp_proxy.TcpProxy(echo) as proxy, connect(proxy) as client:
        sent = os.urandom(1 << 20)
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        got = bytearray()
        while len(got) < len(sent):
            got += client.recv(65536)
        assert bytes(got) == sent


def test_proxy__paused__keeps_the_connection_and_delivers_after_resume(echo):
    with tcp_proxy.TcpProxy(echo) as proxy, connect(proxy) as client:
        proxy.pause(tcp_proxy.DOWN)
        client.sendall(b"held")
        client.settimeout(0.3)
        with pytest.raises(socket.timeout):
            client.recv(100)
        client.settimeout(5)
        proxy.resume()
        assert client.recv(100) == b"held"


def test_proxy__cut_and_refusing__closes_refuses_and_heals_on_the_same_port(echo):
    with tcp_proxy.TcpProxy(echo) as proxy:
        port = proxy.port
        with connect(proxy) as client:
            proxy.cut(refuse=True)
            assert client.recv(100) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        proxy.heal()
        assert proxy.port == port
        connect(proxy).close()
        surewire_env.wait_until(lambda: proxy.connections() == 0, "the proxy forgets closed connections")


def test_proxy__cut_by_reset__is_seen_as_a_reset(echo):
    with tcp_proxy.TcpProxy(echo) as proxy, connect(proxy) as client:
        proxy.cut(reset=True)
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_proxy__target_away__closes_the_client():
    (port,) = surewire_env.free_ports(1)
    with tcp_proxy.TcpProxy(("127.0.0.1", port)) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            assert client.recv(100) == b""


def test_proxy__one_side_finished__still_hears_the_other(echo):
    with tcp_proxy.TcpProxy(echo) as proxy, connect(proxy) as client:
        client.sendall(b"last")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b"last"
        assert client.recv(100) == b""


def test_free_ports__many__are_different_and_below_the_ephemeral_range():
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = surewire_env.free_ports(10)
    assert len(set(ports)) == 10
    assert all(10240 <= port < max(low, 32768) for port in ports)


def test_through__url_with_login__keeps_the_login_and_path():
    with tcp_proxy.TcpProxy(("127.0.0.1", 1)) as proxy:
        url = surewire_env.through("amqp://u:p@127.0.0.1:5672/v", proxy)
        assert url == f"amqp://u:p@127.0.0.1:{proxy.port}/v"
        assert surewire_env.address(url) == ("127.0.0.1", proxy.port)


def test_process__killed_stopped_failed__ends_and_tells(tmp_path):
    process = surewire_env.Process(["sleep", "100"], tmp_path / "log").start()
    process.freeze()
    assert process.stop() == -signal.SIGTERM
    process.start()
    process.kill()
    assert not process.running()
    process.end()
    broken = surewire_env.Process(["bash", "-c", "echo why; exit 3"], tmp_path / "broken.log").start()
    with pytest.raises(AssertionError, match="ended with 3(.|\n)*why"):
        broken._popen.wait()
        broken.end()


def test_config__overrides__replace_add_and_leave_out(tmp_path):
    env = dict(os.environ, SUREWIRE_AMQP_URL="amqp://a", SUREWIRE_PG="postgresql://c")
    subprocess.run([surewire_env.SETUP, "keys", tmp_path / "keys"], check=True)
    subprocess.run(
        [surewire_env.SETUP, "config", tmp_path / "x.ini", tmp_path / "keys", "1 2 3 4 5 6 7 8 9"]
        + ["log.level=debug", "auth.issuer=", "push.apns.added=a = b; c"],
        check=True,
        env=env,
    )
    config = configparser.ConfigParser(interpolation=None)
    config.read(tmp_path / "x.ini")
    assert config["gateway"]["listen"] == "127.0.0.1:1"
    assert config["log"]["level"] == "debug"
    assert "issuer" not in config["auth"]
    assert config["push.apns"]["added"] == "a = b; c"
    secret = pathlib.Path(config["store"]["url_file"])
    assert secret.read_text() == "postgresql://c\n"
    assert secret.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("arguments", [["config", "x"], ["keys"], [], ["ports", "x"], ["bogus"]])
def test_setup__bad_arguments__one_line_and_64(arguments):
    done = subprocess.run([surewire_env.SETUP, *arguments], capture_output=True, text=True)
    assert done.returncode == 64
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", ["deploy/up", "deploy/servers"])
@pytest.mark.parametrize("arguments", [["bogus"], ["start", "/nowhere", "more"]])
def test_deploy__bad_arguments__one_line_and_64(program, arguments):
    done = subprocess.run([surewire_env.ROOT / program, *arguments], capture_output=True, text=True)
    assert done.returncode == 64
    assert done.stderr.count("\n") == 1
