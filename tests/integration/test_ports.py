"""Published ports, from every side: the host, its loopback, a neighbour, containers."""

import contextlib
import secrets
import subprocess
import time

import pytest

from engine import Engine, docker_client

HOST, NEIGHBOUR = "10.97.0.1", "10.97.0.2"


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(scope="module")
def neighbour(engine):
    """The name of a network namespace with a link to the engine's."""
    name = engine.name + "-n"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        engine.in_netns("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", name)
        engine.in_netns("ip", "addr", "add", f"{HOST}/24", "dev", "up0")
        engine.in_netns("ip", "link", "set", "up0", "up")
        for command in (["addr", "add", f"{NEIGHBOUR}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                        ["link", "set", "lo", "up"]):
            subprocess.run(["ip", "-n", name, *command], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


# Answers each connection with its client's address.
WHO = r"while true; do nc -l -p 80 -e sh -c 'netstat -tn 2>/dev/null | grep :80'; done"


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


def test_a_neighbours_address_is_kept_w05(engine, neighbour):
    with server(engine, "-p", "8080:80", script=WHO):
        seen = None
        for _ in range(50):
            done = subprocess.run(["nsenter", f"--net=/run/netns/{neighbour}", "busybox", "nc", "-w", "3",
                                   HOST, "8080"], capture_output=True, text=True, input="")
            seen = done.stdout
            if seen:
                break
            time.sleep(0.1)
        assert NEIGHBOUR + ":" in seen


def test_a_port_published_on_loopback_is_not_reached_from_a_neighbour_w06(engine, neighbour):
    with server(engine, "-p", "127.0.0.1:8080:80") as name:
        address = engine.inspect(name)["NetworkSettings"]["IPAddress"]
        assert fetch(engine.name, "127.0.0.1", 8080) is not None
        assert fetch(neighbour, HOST, 8080, tries=1) is None
        attack = ["ip", "-n", neighbour]
        subprocess.run([*attack, "addr", "del", "127.0.0.1/8", "dev", "lo"], check=True)
        subprocess.run([*attack, "route", "del", "local", "127.0.0.0/8", "dev", "lo", "table", "local"], check=False)
        subprocess.run([*attack, "route", "add", "127.0.0.0/8", "via", HOST], check=True)
        subprocess.run([*attack, "route", "add", address, "via", HOST], check=True)
        try:
            for on in ("0", "1"):
                engine.in_netns("sysctl", "-qw", f"net.ipv4.conf.up0.route_localnet={on}")
                assert fetch(neighbour, "127.0.0.1", 8080, tries=1) is None
            assert fetch(neighbour, address, 80, tries=1) is None
        finally:
            engine.in_netns("sysctl", "-qw", "net.ipv4.conf.up0.route_localnet=0")
            subprocess.run([*attack, "route", "del", "127.0.0.0/8"], check=True)
            subprocess.run([*attack, "route", "del", address], check=True)


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


def test_a_taken_port_is_named_and_nothing_is_left_w07(engine):
    with server(engine, "-p", "8080:80"):
        refused = engine.ctr("run", "-d", "--name", "second", "-p", "8081:81", "-p", "8080:80", "busybox",
                             "sleep", "100", check=False)
        assert refused.returncode == 125
        assert "Bind for 0.0.0.0:8080 failed: port is already allocated" in refused.stderr
        engine.ctr("rm", "second")
        rules = engine.in_netns("nft", "list", "ruleset", capture_output=True, text=True).stdout
        assert "8081" not in rules
        with server(engine, "-p", "8081:80"):
            pass


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
