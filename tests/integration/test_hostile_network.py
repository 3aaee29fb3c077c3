"""Attacks W01 to W10 on a host's network: from a container, and from a neighbour on the LAN."""

import json
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from engine import Engine, wait_for
from lan import HOST, HOST6, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, ROUTER, Lan, run_in


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(scope="module")
def lan(engine):
    with Lan(engine) as around:
        yield around


@pytest.fixture
def start(engine):
    """Starts containers that are gone after the test."""
    names = []

    def begin(name, *flags, command=("sleep", "600"), image="busybox"):
        engine.ctr("run", "-d", "--name", name, *flags, image, *command)
        names.append(name)
        return engine.inspect(name)["State"]["Pid"]
    yield begin
    if names:
        engine.ctr("rm", "-f", *names, check=False)


@pytest.fixture
def network(engine):
    """Makes networks that are gone after the test; to be asked for before `start`."""
    names = []

    def make(name, *flags):
        engine.ctr("network", "create", *flags, name)
        names.append(name)
        return json.loads(engine.ctr("network", "inspect", name).stdout)[0]
    yield make
    for name in names:
        for container in json.loads(engine.ctr("network", "inspect", name).stdout)[0]["Containers"].values():
            engine.ctr("rm", "-f", container["Name"], check=False)
        engine.ctr("network", "rm", name)


WEB = ("sh", "-c", "mkdir -p /www; echo hello > /www/index.html; exec httpd -f -h /www")


def address_of(engine, name, network="bridge"):
    return engine.inspect(name)["NetworkSettings"]["Networks"][network]["IPAddress"]


def fetches(namespace, address, port):
    address = f"[{address}]" if ":" in address else address
    return run_in(namespace, "curl", "-sg", "--noproxy", "*", "--max-time", "2", f"http://{address}:{port}/",
                  check=False).stdout == "hello\n"


def rules(engine):
    return run_in(engine.name, "nft", "list", "ruleset").stdout


# --- W01, W03: forged packets from a container -----------------------------------------------------

FORGE = r"""
import socket, struct, sys
kind, interface, target = sys.argv[1:]
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); raw.bind((interface, 0))
mine = raw.getsockname()[4][:6]

def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

if kind == "arp":  # "I am the router", asked by nobody, as an answer and as a question
    for operation in (1, 2):
        arp = struct.pack(">HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, mine, socket.inet_aton(target),
                          b"\xff" * 6, socket.inet_aton(target))
        raw.send(b"\xff" * 6 + mine + b"\x08\x06" + arp)
else:  # a router advertisement with a prefix of the attacker's, a long life and the highest preference
    source = socket.inet_pton(socket.AF_INET6, "fe80::bad")
    everyone = socket.inet_pton(socket.AF_INET6, "ff02::1")
    prefix = struct.pack(">BBBBIII16s", 3, 4, 64, 0xc0, 86400, 86400, 0, socket.inet_pton(socket.AF_INET6, target))
    link = struct.pack(">BB6s", 1, 1, mine)
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0x08, 9000, 0, 0) + prefix + link
    pseudo = source + everyone + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", checksum(pseudo + body)) + body[4:]
    ip6 = struct.pack(">IHBB16s16s", 6 << 28, len(body), 58, 255, source, everyone)
    raw.send(b"\x33\x33\0\0\0\x01" + mine + b"\x86\xdd" + ip6 + body)
"""


def forge(pid, kind, interface, target):
    for _ in range(3):
        run_in(pid, "/usr/bin/python3", "-c", FORGE, kind, interface, target)
        time.sleep(0.05)


def host_view(lan):
    """What a forged packet would change of the host: routes, addresses of IPv6, who the router is."""
    lan.reaches(lan.engine, ROUTER)
    router = lan.ip(lan.engine, f"neigh show {ROUTER} dev up0").split()
    return (lan.ip(lan.engine, "route show default"), lan.ip(lan.engine, "-6 route show default"),
            [line.split()[1:4] for line in lan.ip(lan.engine, "-6 -o addr").splitlines()],
            router[router.index("lladdr") + 1])


def addresses_and_routes(engine, name):
    lines = engine.out("exec", name, "ip", "-o", "addr").splitlines()
    return [line.split()[1:4] for line in lines if "inet" in line], engine.out("exec", name, "ip", "-6", "route").splitlines()


@pytest.mark.parametrize("family", ["4", "4 and 6"])
def test_w01_forged_arp_and_router_advertisements_change_nothing_on_the_host(engine, lan, network, start, family):
    network("victims", "--subnet", "10.171.0.0/24", *(["--ipv6", "--subnet", "fd00:171::/64"] if "6" in family else []))
    evil = start("evil", "--network", "victims")
    start("bystander", "--network", "victims")
    before = host_view(lan)
    seen = addresses_and_routes(engine, "bystander")
    forge(evil, "arp", "eth0", ROUTER)
    forge(evil, "arp", "eth0", "10.171.0.1")
    forge(evil, "ra", "eth0", "2001:db8:bad::")
    assert host_view(lan) == before
    assert addresses_and_routes(engine, "bystander") == seen
    assert lan.reaches(evil, OUTSIDE)


def test_w03_a_network_without_ipv6_gives_none_whatever_a_neighbour_says(engine, network, start):
    network("four", "--subnet", "10.172.0.0/24")
    evil = start("evil", "--network", "four")
    start("victim", "--network", "four")
    start("late")
    engine.ctr("network", "connect", "four", "late")
    for interface, name in (("eth0", "victim"), ("eth1", "late")):
        assert "inet6" not in engine.out("exec", name, "ip", "addr", "show", "dev", interface)
        forge(evil, "ra", "eth0", "2001:db8:bad::")
        assert "inet6" not in engine.out("exec", name, "ip", "addr", "show", "dev", interface)
        assert "default" not in engine.out("exec", name, "ip", "-6", "route")


# --- W02, W04, W08: networks are apart -------------------------------------------------------------


def test_w02_an_internal_network_has_no_way_out_not_even_one_that_a_container_makes(engine, lan, network, start):
    network("inner", "--internal", "--subnet", "10.173.0.0/24")
    pid = start("inside", "--network", "inner", "--dns", ROUTER)
    start("peer", "--network", "inner", command=WEB)
    start("elsewhere", "-p", "8080:80", command=WEB)
    # The resolver that it names hears nothing from it.
    listen = ("import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('0.0.0.0',53)); s.settimeout(4)\n"
              "print('up',flush=True)\ntry: print(s.recv(512))\nexcept TimeoutError: print('silence')")
    resolver = subprocess.Popen(["nsenter", f"--net=/run/netns/{lan.router}", "/usr/bin/python3", "-c", listen],
                                stdout=subprocess.PIPE, text=True)
    assert resolver.stdout.readline() == "up\n"
    assert engine.ctr("exec", "inside", "nslookup", "outside.example", check=False).returncode != 0
    assert resolver.communicate()[0] == "silence\n"
    assert lan.ip(pid, "route show default") == ""
    lan.ip(pid, "route add default via 10.173.0.1")
    for address in (OUTSIDE, NEIGHBOUR, address_of(engine, "elsewhere")):
        assert not lan.reaches(pid, address), address
    wait_for(lambda: fetches(pid, address_of(engine, "peer", "inner"), 80), "a neighbour inside")
    # Nor is there a way in.
    lan.ip(lan.neighbour, f"route add 10.173.0.0/24 via {HOST}")
    assert not lan.reaches(lan.neighbour, address_of(engine, "inside", "inner"))
    lan.ip(lan.neighbour, "route del 10.173.0.0/24")


def flush(engine, *words):
    run_in(engine.name, "nft", *words)


def table_of(made):
    return "ctr_br-" + made["Id"][:12]


def test_w04_networks_are_apart_and_are_so_again_after_rules_were_flushed(engine, lan, network, start):
    red = network("red", "--subnet", "10.174.0.0/24", "--ipv6", "--subnet", "fd00:174::/64")
    network("blue", "--subnet", "10.175.0.0/24")
    start("in-red", "--network", "red", "-p", "8081:80", command=WEB)
    pid = start("in-blue", "--network", "blue")
    target = address_of(engine, "in-red", "red")

    def apart():
        return not lan.reaches(pid, target) and not fetches(pid, target, 80)

    def whole():
        text = rules(engine)
        bridge = table_of(red).removeprefix("ctr_")
        return text.count(f'oifname "{bridge}" iifname != "{bridge}" drop') == 2 and f"8081 : {target} . 80" in text
    assert apart() and whole()
    table = table_of(red)
    for words in (["flush", "ruleset"], ["delete", "table", "ip", table], ["delete", "table", "ip6", table],
                  ["flush", "table", "ip", table], ["flush", "ruleset"]):
        flush(engine, *words)
        wait_for(whole, f"the rules after nft {' '.join(words)}")
        assert apart(), words
        assert fetches(lan.neighbour, HOST, 8081) and fetches(lan.neighbour, HOST6, 8081), words
        assert lan.reaches(pid, OUTSIDE), words


def test_w04_rules_that_were_flushed_while_no_daemon_ran_are_there_when_it_does(engine, lan, network, start):
    made = network("red", "--subnet", "10.174.0.0/24")
    start("in-red", "--network", "red", "-p", "8081:80", command=WEB)
    engine.kill()
    flush(engine, "flush", "ruleset")
    engine.start()
    assert table_of(made) in rules(engine)
    wait_for(lambda: fetches(lan.neighbour, HOST, 8081), "the published port")


def test_w04_somebody_elses_rules_stay_when_ours_are_put_back(engine, network):
    made = network("red", "--subnet", "10.174.0.0/24")
    flush(engine, "add", "table", "ip", "foreign")
    flush(engine, "delete", "table", "ip", table_of(made))
    wait_for(lambda: table_of(made) in rules(engine), "our rules")
    assert "table ip foreign" in rules(engine)
    flush(engine, "delete", "table", "ip", "foreign")


def test_w08_containers_of_a_bridge_without_icc_are_apart_and_reach_the_world(lan):
    with Engine("--icc=false") as apart:
        apart.load_alpine()
        with Lan(apart) as around:
            for name in ("aa", "bb"):
                apart.ctr("run", "-d", "--name", name, "-p", "80", "busybox", *WEB)
            pid = apart.inspect("aa")["State"]["Pid"]
            port = apart.inspect("bb")["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
            assert around.reaches(pid, OUTSIDE)
            assert not around.reaches(pid, address_of(apart, "bb")) and not fetches(pid, address_of(apart, "bb"), 80)
            wait_for(lambda: fetches(around.neighbour, HOST, port), "the published port from outside")


# --- W05 to W07: ports -----------------------------------------------------------------------------

WHO = ("import socket,sys; s=socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
       "s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind((sys.argv[1],80)); s.listen(); print('up',flush=True)\n"
       "while True:\n  c,who=s.accept(); c.sendall(who[0].encode()); c.close()")


@pytest.mark.parametrize("family, host, client", [("0.0.0.0", HOST, NEIGHBOUR), ("::", HOST6, NEIGHBOUR6)])
def test_w05_a_server_sees_who_its_client_is(engine, lan, network, start, family, host, client):
    network("dual", "--subnet", "10.176.0.0/24", "--ipv6", "--subnet", "fd00:176::/64")
    pid = start("server", "--network", "dual", "-p", "8082:80")
    server = subprocess.Popen(["nsenter", "-n", "-t", str(pid), "/usr/bin/python3", "-c", WHO, family],
                              stdout=subprocess.PIPE, text=True)
    ask = f"import socket; s=socket.create_connection(('{{}}',8082),5); print(s.recv(99).decode())"
    try:
        assert server.stdout.readline() == "up\n"
        assert run_in(lan.neighbour, "/usr/bin/python3", "-c", ask.format(host)).stdout.strip() == client
        if family == "0.0.0.0":  # from the host's loopback it is the host: 127.0.0.1 would be the server itself
            assert run_in(engine.name, "/usr/bin/python3", "-c", ask.format("127.0.0.1")).stdout.strip() == "10.176.0.1"
    finally:
        server.kill()
        server.wait()


def test_w06_loopback_ports_and_unpublished_ports_are_not_reached_by_a_neighbour_who_routes(engine, lan, network, start):
    network("dual", "--subnet", "10.177.0.0/24", "--ipv6", "--subnet", "fd00:177::/64")
    pid = start("server", "--network", "dual", "-p", "127.0.0.1:8083:80", "-p", "8084:81", command=WEB)
    endpoint = engine.inspect("server")["NetworkSettings"]["Networks"]["dual"]
    inner, inner6 = endpoint["IPAddress"], endpoint["GlobalIPv6Address"]
    wait_for(lambda: fetches(engine.name, "127.0.0.1", 8083), "the port on the host's loopback")
    assert fetches(engine.name, inner, 80)
    attack = lan.neighbour
    lan.ip(attack, "addr del 127.0.0.1/8 dev lo")
    lan.ip(attack, "route del local 127.0.0.0/8 dev lo table local", check=False)
    try:
        for line in (f"route add 127.0.0.0/8 via {HOST}", f"route add {inner} via {HOST}", f"-6 route add {inner6} via {HOST6}"):
            lan.ip(attack, line)
        for on in ("0", "1"):  # an administrator may have set it for a purpose of his own
            run_in(engine.name, "sysctl", "-qw", f"net.ipv4.conf.up0.route_localnet={on}")
            for address, port in (("127.0.0.1", 8083), (HOST, 8083), (HOST6, 8083), (inner, 80), (inner6, 80), (inner, 8083)):
                assert not fetches(attack, address, port), (address, port, on)
            assert not lan.reaches(attack, inner) and not lan.reaches(attack, inner6)
        # The container asked for nothing that would let these in, and its own questions are answered.
        assert lan.reaches(pid, NEIGHBOUR)
    finally:
        run_in(engine.name, "sysctl", "-qw", "net.ipv4.conf.up0.route_localnet=0")
        for line in ("route del 127.0.0.0/8", f"route del {inner}", f"-6 route del {inner6}", "addr add 127.0.0.1/8 dev lo"):
            lan.ip(attack, line)


def veths(engine):
    return [line for line in run_in(engine.name, "ip", "-o", "link").stdout.splitlines() if "veth" in line]


def test_w07_a_container_takes_no_port_of_the_host_and_a_conflict_leaves_nothing(engine, lan, start):
    start("quiet", command=WEB)
    wait_for(lambda: fetches(engine.name, address_of(engine, "quiet"), 80), "the server inside")
    assert not fetches(engine.name, "127.0.0.1", 80) and not fetches(lan.neighbour, HOST, 80)
    start("first", "-p", "8085:80")
    before = rules(engine), len(veths(engine)), json.loads(engine.ctr("network", "inspect", "bridge").stdout)[0]["Containers"]
    refused = engine.ctr("run", "-d", "--name", "second", "-p", "8086:80", "-p", "8085:80", "busybox", "true", check=False)
    assert refused.returncode == 125 and "Bind for 0.0.0.0:8085 failed: port is already allocated" in refused.stderr
    engine.ctr("rm", "second")
    wait_for(lambda: (rules(engine), len(veths(engine)),
                      json.loads(engine.ctr("network", "inspect", "bridge").stdout)[0]["Containers"]) == before,
             "everything as it was")
    start("third", "-p", "8086:80")


# --- W09: names ------------------------------------------------------------------------------------


def test_w09_names_that_containers_bear_do_no_harm_to_their_neighbours(engine, network, start):
    network("names", "--subnet", "10.178.0.0/24")
    start("honest", "--network", "names", image="alpine")
    start("reader", "--network", "names", image="alpine")
    for number, name in enumerate(["a b", "a\nb", "x\n10.0.0.1 honest", "a\0b", "../../etc/hosts", "$(reboot)", "é", "a" * 300,
                                   ".".join(["a" * 63] * 5)]):
        body = {"Image": "busybox", "Cmd": ["sleep", "600"], "Hostname": name,
                "NetworkingConfig": {"EndpointsConfig": {"names": {"Aliases": [name]}}}, "HostConfig": {"NetworkMode": "names"}}
        status, answer = engine.api("POST", f"/containers/create?name=evil{number}", body)
        if status == 201:
            engine.api("POST", f"/containers/{answer['Id']}/start")
            engine.ctr("rm", "-f", f"evil{number}") if number % 2 else None
        else:
            assert status == 400 and answer["message"], (name, status, answer)
        body["Hostname"] = ""
        status, answer = engine.api("POST", f"/containers/create?name=alias{number}", body)
        assert status in (201, 400), (name, status, answer)
        if status == 201:
            engine.api("POST", f"/containers/{answer['Id']}/start")
    assert address_of(engine, "honest", "names") in engine.out("exec", "reader", "nslookup", "-type=a", "honest")
    hosts = engine.out("exec", "reader", "cat", "/etc/hosts").splitlines()
    assert all(line.split()[0] in ("127.0.0.1", "::1", "fe00::", "ff00::", "ff02::1", "ff02::2",
                                   address_of(engine, "reader", "names")) for line in hosts if line.strip()), hosts
    for number in range(2, 30):  # what an address is called has to be a name, whatever its container says it is
        engine.ctr("exec", "reader", "nslookup", f"10.178.0.{number}", check=False)
    assert engine.ctr("ps").returncode == 0
    engine.remove_all()


# --- W10: after everything was killed --------------------------------------------------------------


def test_w10_nothing_is_left_of_what_was_killed_and_its_addresses_and_ports_are_free(engine, lan, network, start):
    network("mortal", "--subnet", "10.179.0.0/24", "--ipv6", "--subnet", "fd00:179::/64")
    pids = [start(f"mortal{number}", "--network", "mortal", "--ip", f"10.179.0.{100 + number}", "-p", f"{8090 + number}:80")
            for number in range(4)]
    engine.kill()
    for pid in engine.monitors() + pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    engine.start()

    def gone():
        text = rules(engine)
        return not veths(engine) and "10.179.0.100" not in text and " 8090 " not in text
    wait_for(gone, "links and rules to go")
    wait_for(lambda: json.loads(engine.ctr("network", "inspect", "mortal").stdout)[0]["Containers"] == {}, "endpoints to go")
    engine.ctr("rm", *[f"mortal{number}" for number in range(4)])
    pid = start("heir", "--network", "mortal", "--ip", "10.179.0.100", "-p", "8090:80", command=WEB)
    wait_for(lambda: fetches(lan.neighbour, HOST, 8090) and fetches(lan.neighbour, HOST6, 8090), "the heir's port")
    assert lan.reaches(pid, OUTSIDE)
