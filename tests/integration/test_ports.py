"""Published ports, from every side: the host, its loopback, a neighbour, containers."""

import contextlib
import secrets
import subprocess
import time

import pytest

from engine import Engine, docker_client
from lan import HOST, HOST6, NEIGHBOUR, Lan


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(scope="module")
def neighbour(engine):
    """The name of a network namespace on the engine's LAN."""
    with Lan(engine) as lan:
        yield lan.neighbour


@contextlib.contextmanager
def server(engine, *flags, script="httpd -f -h /www", name=None):
    name = name or "srv-" + secrets.token_hex(3)
    engine.ctr("run", "-d", "--name", name, *flags, "busybox", "sh", "-c",
               f"mkdir -p /www; hostname > /www/index.html; {script}")
    try:
        yield name
    finally:
        engine.ctr("rm", "-f", name)


def fetch(namespace, address, port, tries=40):
    """What a web server says to a client in a network namespace (its name, or the id of a process in it);
    None if nobody answers."""
    where = f"/proc/{namespace}/ns/net" if isinstance(namespace, int) else f"/run/netns/{namespace}"
    for attempt in range(tries):
        done = subprocess.run(["nsenter", f"--net={where}", "curl", "-s", "--noproxy", "*", "--max-time", "3",
                               f"http://{address}:{port}/"], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
        if attempt + 1 < tries:
            time.sleep(0.1)
    return None


def pid_of(engine, name):
    return engine.inspect(name)["State"]["Pid"]


def published(engine, name):
    return engine.inspect(name)["NetworkSettings"]["Ports"]


def test_a_published_port_is_reached_from_the_host_its_loopback_and_a_neighbour(engine, neighbour):
    with server(engine, "-p", "8080:80") as name:
        expected = engine.inspect(name)["Config"]["Hostname"]
        assert fetch(engine.name, HOST, 8080) == expected
        assert fetch(engine.name, "127.0.0.1", 8080) == expected
        assert fetch(neighbour, HOST, 8080) == expected
        assert published(engine, name) == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
        assert engine.out("port", name, "80") == "0.0.0.0:8080"
        assert "0.0.0.0:8080->80/tcp" in engine.out("ps")


def test_containers_reach_a_published_port_at_the_hosts_address_their_own_too(engine, neighbour):
    with server(engine, "-p", "8080:80") as name:
        expected = engine.inspect(name)["Config"]["Hostname"]
        assert fetch(neighbour, HOST, 8080) == expected
        assert fetch(pid_of(engine, name), HOST, 8080) == expected
        with server(engine) as other:
            assert fetch(pid_of(engine, other), HOST, 8080) == expected


def test_a_container_reaches_nothing_on_the_hosts_loopback(engine):
    script = ("import http.server;"
              "http.server.HTTPServer(('127.0.0.1',7070),http.server.SimpleHTTPRequestHandler).serve_forever()")
    listener = subprocess.Popen(["nsenter", f"--net=/run/netns/{engine.name}", "/usr/bin/python3", "-c", script],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with server(engine, "-p", "8080:80") as name:
            pid = pid_of(engine, name)
            gateway = engine.inspect(name)["NetworkSettings"]["Gateway"]
            assert fetch(engine.name, "127.0.0.1", 7070) is not None
            assert fetch(pid, gateway, 8080) is not None  # the way that the attack takes is there
            for command in ("addr del 127.0.0.1/8 dev lo", "route add 127.0.0.0/8 via " + gateway):
                subprocess.run(["nsenter", "-n", "-t", str(pid), "ip", *command.split()], check=True)
            assert fetch(pid, "127.0.0.1", 7070, tries=1) is None
    finally:
        listener.kill()
        listener.wait()


def test_free_ports_ranges_and_publish_all(engine):
    with server(engine, "-p", "80", "-p", "9000-9001:90-91", "-p", "9000-9010:70", "-p", "5353:53/udp",
                "--expose", "81", "-P") as name:
        ports = published(engine, name)
        assert int(ports["80/tcp"][0]["HostPort"]) > 1023
        assert ports["90/tcp"][0]["HostPort"] == "9000" and ports["91/tcp"][0]["HostPort"] == "9001"
        assert 9002 <= int(ports["70/tcp"][0]["HostPort"]) <= 9010
        assert ports["53/udp"] == [{"HostIp": "0.0.0.0", "HostPort": "5353"}]
        assert int(ports["81/tcp"][0]["HostPort"]) > 1023
        assert fetch(engine.name, "127.0.0.1", ports["80/tcp"][0]["HostPort"]) is not None


def test_datagrams_arrive_and_answers_come_back(engine, neighbour):
    echo = ("import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('0.0.0.0',53)); print('up',flush=True)\n"
            "while True:\n  data,peer=s.recvfrom(100); s.sendto(data+peer[0].encode(),peer)")
    ask = ("import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(5);"
           f"s.sendto(b'hello ',('{HOST}',5354)); print(s.recv(100).decode())")
    with server(engine, "-p", "5354:53/udp") as name:
        pid = pid_of(engine, name)
        echoing = subprocess.Popen(["nsenter", "-n", "-t", str(pid), "/usr/bin/python3", "-c", echo],
                                   stdout=subprocess.PIPE, text=True)
        try:
            assert echoing.stdout.readline() == "up\n"
            done = subprocess.run(["nsenter", f"--net=/run/netns/{neighbour}", "/usr/bin/python3", "-c", ask],
                                  capture_output=True, text=True)
            assert done.stdout == f"hello {NEIGHBOUR}\n", done.stderr
        finally:
            echoing.kill()
            echoing.wait()


def test_a_port_that_a_process_of_the_host_has_is_taken_and_ours_are_held(engine):
    hold = ("import socket,sys; s=socket.socket(); s.bind(('0.0.0.0',8088)); s.listen(); print('up', flush=True);"
            "sys.stdin.read()")
    holder = subprocess.Popen(["nsenter", f"--net=/run/netns/{engine.name}", "/usr/bin/python3", "-c", hold],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "up\n"
        refused = engine.ctr("run", "--rm", "-p", "8088:80", "busybox", "true", check=False)
        assert "0.0.0.0:8088 failed: port is already allocated" in refused.stderr
    finally:
        holder.communicate()
    with server(engine, "-p", "8088:80"):
        again = engine.in_netns("/usr/bin/python3", "-c", hold, stdin=subprocess.DEVNULL, check=False,
                                capture_output=True, text=True)
        assert "Address already in use" in again.stderr


def test_a_port_is_free_as_soon_as_its_container_was_stopped_or_removed(engine):
    for number in range(5):
        name = f"again{number}"
        engine.ctr("run", "-d", "--name", name, "-p", "8080:80", "busybox", "sleep", "100")
        engine.ctr("rm", "-f", name) if number % 2 else engine.ctr("stop", "-t", "0", name)
        if number % 2 == 0:
            with server(engine, "-p", "8080:80"):
                pass
            engine.ctr("rm", "-f", name)


def test_a_port_works_while_the_daemon_is_down_and_after_its_restart(engine):
    with server(engine, "-p", "8080:80") as name:
        expected = fetch(engine.name, "127.0.0.1", 8080)
        assert expected
        engine.kill()
        assert fetch(engine.name, "127.0.0.1", 8080) == expected
        engine.start()
        assert fetch(engine.name, "127.0.0.1", 8080) == expected
        assert published(engine, name)["80/tcp"][0]["HostPort"] == "8080"
        refused = engine.ctr("run", "--rm", "-p", "8080:80", "busybox", "true", check=False)
        assert "port is already allocated" in refused.stderr


def test_another_tables_rules_are_left_alone(engine):
    engine.in_netns("nft", "add", "table", "ip", "foreign")
    with server(engine, "-p", "8080:80"):
        pass
    rules = engine.in_netns("nft", "list", "tables", capture_output=True, text=True).stdout
    assert "table ip foreign" in rules
    engine.in_netns("nft", "delete", "table", "ip", "foreign")


# --- ports go where the way out goes ---


@pytest.fixture(scope="module")
def networks(engine):
    engine.ctr("network", "create", "--subnet", "10.181.0.0/24", "app")
    engine.ctr("network", "create", "--internal", "--subnet", "10.182.0.0/24", "inner")
    engine.ctr("network", "create", "--ipv6", "--subnet", "10.183.0.0/24", "--subnet", "fd00:183::/64", "dual")
    yield
    engine.ctr("network", "rm", "app", "inner", "dual")


def test_ports_move_to_the_network_that_is_left_when_theirs_is_disconnected(engine, neighbour, networks):
    with server(engine, "--network", "app", "-p", "8080:80", "-p", "81") as name:
        before = published(engine, name)
        expected = fetch(neighbour, HOST, 8080)
        assert expected
        engine.ctr("network", "connect", "inner", name)
        engine.ctr("network", "connect", "bridge", name)
        assert fetch(neighbour, HOST, 8080) == expected
        engine.ctr("network", "disconnect", "app", name)
        assert fetch(neighbour, HOST, 8080) == expected and fetch(engine.name, "127.0.0.1", 8080) == expected
        assert published(engine, name) == before  # the number that was free is the same, too
        engine.restart()
        assert fetch(neighbour, HOST, 8080) == expected
        engine.ctr("network", "disconnect", "bridge", name)  # what is left is internal
        assert fetch(neighbour, HOST, 8080, tries=1) is None
        engine.ctr("network", "connect", "app", name)
        assert fetch(neighbour, HOST, 8080) == expected
        engine.ctr("network", "disconnect", "inner", name)


def test_a_network_of_a_higher_priority_takes_the_way_out_and_the_ports(engine, neighbour, networks):
    with server(engine, "-p", "8080:80") as name:
        expected = fetch(neighbour, HOST, 8080)
        engine.ctr("network", "connect", "--gw-priority", "5", "dual", name)
        assert "default via 10.183.0.1" in engine.out("exec", name, "ip", "route")
        assert "default via fd00:183::1" in engine.out("exec", name, "ip", "-6", "route")
        assert fetch(neighbour, HOST, 8080) == expected and fetch(neighbour, f"[{HOST6}]", 8080) == expected
        assert sorted(p["HostIp"] for p in published(engine, name)["80/tcp"]) == ["0.0.0.0", "::"]
        engine.ctr("network", "disconnect", "dual", name)
        assert "default via 10.183" not in engine.out("exec", name, "ip", "route")
        assert fetch(neighbour, HOST, 8080) == expected
        assert [p["HostIp"] for p in published(engine, name)["80/tcp"]] == ["0.0.0.0"]
    with server(engine, "-p", "8080:80"):
        pass  # no socket stayed behind


def test_a_port_that_is_taken_keeps_a_container_from_being_connected_and_nothing_changes(engine, neighbour, networks):
    with server(engine, "-p", "8080:80"), server(engine, "--network", "inner", "-p", "8080:80") as name:
        refused = engine.ctr("network", "connect", "app", name, check=False)
        assert refused.returncode == 1 and "port is already allocated" in refused.stderr
        assert set(engine.inspect(name)["NetworkSettings"]["Networks"]) == {"inner"}
        assert "eth1" not in engine.out("exec", name, "ip", "addr")


def test_options_of_a_network_say_where_its_ports_are_and_how_its_containers_leave_the_host(engine, neighbour):
    engine.ctr("network", "create", "-o", "com.docker.network.bridge.host_binding_ipv4=127.0.0.1",
               "-o", "com.docker.network.host_ipv4=10.197.0.99", "-o", "com.docker.network.container_iface_prefix=lan",
               "--subnet", "10.184.0.0/24", "special")
    engine.in_netns("ip", "addr", "add", "10.197.0.99/24", "dev", "up0")
    try:
        with server(engine, "--network", "special", "-p", "8080:80", "-p", "0.0.0.0:8081:80") as name:
            assert fetch(engine.name, "127.0.0.1", 8080) and fetch(neighbour, HOST, 8081)
            assert fetch(neighbour, HOST, 8080, tries=1) is None
            assert published(engine, name)["80/tcp"][0]["HostIp"] in ("127.0.0.1", "0.0.0.0")
            assert "lan0" in engine.out("exec", name, "ip", "addr")
            hear = ("import socket; s=socket.socket(); s.bind(('0.0.0.0',7000)); s.listen(); print('up',flush=True);"
                    "print(s.accept()[1][0])")
            listener = subprocess.Popen(["nsenter", f"--net=/run/netns/{neighbour}", "/usr/bin/python3", "-c", hear],
                                        stdout=subprocess.PIPE, text=True)
            assert listener.stdout.readline() == "up\n"
            engine.ctr("exec", name, "nc", "-w", "1", NEIGHBOUR, "7000", check=False)
            assert listener.communicate(timeout=20)[0] == "10.197.0.99\n"
    finally:
        engine.in_netns("ip", "addr", "del", "10.197.0.99/24", "dev", "up0")
        engine.ctr("network", "rm", "special")


def test_an_endpoint_names_its_interface(engine):
    name = engine.out("run", "--rm", "--network", "name=bridge,driver-opt=com.docker.network.endpoint.ifname=wan7", "busybox",
                      "ip", "-o", "addr", "show", "wan7")
    assert "inet 172" in name or "inet " in name


@pytest.mark.parametrize("publish, words", [
    ("[::1]:8080:80", "IPv6"),
    ("10.1.2.3:8080:80", "annot assign requested address"),
])
def test_what_cannot_be_published_is_an_error(engine, publish, words):
    done = engine.ctr("run", "--rm", "-p", publish, "busybox", "true", check=False)
    assert done.returncode == 125 and words in done.stderr


def test_dockers_own_client_publishes_and_lists(engine):
    if docker_client() is None:
        pytest.fail("no docker client: run tests/run, which fetches it")
    engine.docker("run", "-d", "--name", "by-docker", "-p", "127.0.0.1:8080:80", "busybox", "sleep", "100")
    try:
        assert engine.docker("port", "by-docker").stdout.strip() == "80/tcp -> 127.0.0.1:8080"
        assert "127.0.0.1:8080->80/tcp" in engine.docker("ps").stdout
    finally:
        engine.docker("rm", "-f", "by-docker")
