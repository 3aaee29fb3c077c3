"""Names on user-defined networks: who finds whom, what is passed on, and what happens while no daemon runs."""

import json
import socket
import struct
import subprocess
import threading

import pytest

from engine import Engine, wait_for


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        running.ctr("network", "create", "--subnet", "10.95.0.0/24", "blue")
        running.ctr("network", "create", "--subnet", "10.96.0.0/24", "red")
        for name, network, *more in [("web", "blue", "--network-alias", "site", "--hostname", "Www"), ("db", "blue"),
                                     ("db2", "blue", "--network-alias", "pool"), ("db3", "blue", "--network-alias", "pool"),
                                     ("far", "red")]:
            running.ctr("run", "-d", "--name", name, "--network", network, *more, "alpine", "sleep", "6000")
        yield running
        running.remove_all()
        running.ctr("network", "rm", "blue", "red")


def addresses(engine, asker, name):
    done = engine.ctr("exec", asker, "nslookup", "-type=a", name, check=False)
    found = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("Address")]
    return sorted(address for address in found if not address.endswith(":53"))


def address_of(engine, name, network="blue"):
    return engine.inspect(name)["NetworkSettings"]["Networks"][network]["IPAddress"]


def test_names_aliases_ids_and_host_names_are_found(engine):
    web = address_of(engine, "web")
    short = engine.inspect("web")["Id"][:12]
    for name in ("web", "WEB", "site", "www", short, "web.blue"):
        assert addresses(engine, "db", name) == [web], name
    assert engine.out("exec", "db", "ping", "-c", "1", "-W", "3", "web").count("1 packets received") == 1
    assert "nameserver 127.0.0.11" in engine.out("exec", "db", "cat", "/etc/resolv.conf")


def test_an_alias_of_several_is_all_of_them(engine):
    assert addresses(engine, "web", "pool") == sorted([address_of(engine, "db2"), address_of(engine, "db3")])


def test_an_address_has_a_name(engine):
    assert "web.blue" in engine.out("exec", "db", "nslookup", address_of(engine, "web"))


def test_networks_do_not_know_each_others_names_until_they_are_connected(engine):
    assert addresses(engine, "far", "web") == []
    assert addresses(engine, "web", "far") == []
    engine.ctr("network", "connect", "red", "web")
    assert addresses(engine, "far", "web") == [address_of(engine, "web", "red")]
    assert addresses(engine, "web", "far") == [address_of(engine, "far", "red")]
    engine.ctr("network", "disconnect", "red", "web")
    assert addresses(engine, "far", "web") == []


def test_a_container_of_the_default_bridge_gets_names_when_it_is_connected(engine):
    engine.ctr("run", "-d", "--name", "late", "alpine", "sleep", "600")
    assert "127.0.0.11" not in engine.out("exec", "late", "cat", "/etc/resolv.conf")
    engine.ctr("network", "connect", "blue", "late")
    assert addresses(engine, "late", "web") == [address_of(engine, "web")]
    assert addresses(engine, "web", "late") == [address_of(engine, "late")]
    engine.ctr("rm", "-f", "late")
    assert addresses(engine, "web", "late") == []


def test_the_first_question_of_a_program_is_answered(engine):
    for _ in range(10):
        out = engine.out("run", "--rm", "--network", "blue", "alpine", "nslookup", "-type=a", "web")
        assert address_of(engine, "web") in out


def test_questions_wait_for_the_next_daemon(engine):
    engine.kill()
    asking = subprocess.Popen(["nsenter", "-t", str(engine_pid(engine, "db")), "-n", "-m", "nslookup", "-type=a", "web"],
                              stdout=subprocess.PIPE, text=True)
    engine.start()
    output, _ = asking.communicate(timeout=30)
    assert address_of(engine, "web") in output


def engine_pid(engine, name):
    path = next(engine.run_dir.glob(f"containers/{IDS[name]}*"))
    return json.loads((path / "state.json").read_text())["pid"]


IDS = {}


@pytest.fixture(autouse=True)
def ids(engine):
    if not IDS:
        for name in ("web", "db", "far"):
            IDS[name] = engine.inspect(name)["Id"]


class Upstream:
    """A resolver in the engine's network namespace that knows outside.example."""

    def __init__(self, engine):
        self.engine = engine
        self.asked = []
        script = r"""
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.98.0.53", 53)); print("ready", flush=True)
while True:
    q, who = s.recvfrom(4096)
    print(q[12:].split(b"\0")[0], flush=True)
    if b"outside" in q:
        end = q.index(b"\0", 12) + 5
        a = q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x62\0\x07"
    else:
        end = q.index(b"\0", 12) + 5
        a = q[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + q[12:end]
    s.sendto(a, who)
"""
        engine.in_netns("ip", "addr", "add", "10.98.0.53/32", "dev", "lo")
        self.process = subprocess.Popen(["nsenter", f"--net=/run/netns/{engine.name}", "python3", "-c", script],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.thread = threading.Thread(target=lambda: self.asked.extend(self.process.stdout), daemon=True)
        self.thread.start()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.engine.in_netns("ip", "addr", "del", "10.98.0.53/32", "dev", "lo")


@pytest.fixture
def upstream(engine):
    server = Upstream(engine)
    yield server
    server.close()


def test_other_names_are_passed_on_and_neighbours_are_not(engine, upstream):
    engine.ctr("run", "-d", "--name", "asker", "--network", "blue", "--dns", "10.98.0.53", "alpine", "sleep", "600")
    assert addresses(engine, "asker", "outside.example") == ["10.98.0.7"]
    assert addresses(engine, "asker", "nobody.example") == []
    assert addresses(engine, "asker", "web") == [address_of(engine, "web")]
    wait_for(lambda: any("outside" in line for line in upstream.asked), "the resolver to be asked")
    assert not any("web" in line for line in upstream.asked)
    engine.ctr("rm", "-f", "asker")


def test_an_internal_network_asks_nobody_outside(engine, upstream):
    engine.ctr("network", "create", "--internal", "--subnet", "10.94.0.0/24", "inner")
    engine.ctr("run", "-d", "--name", "inside", "--network", "inner", "--dns", "10.98.0.53", "alpine", "sleep", "600")
    assert addresses(engine, "inside", "outside.example") == []
    assert addresses(engine, "inside", "inside") == [address_of(engine, "inside", "inner")]
    assert not any("outside" in line for line in upstream.asked)
    engine.ctr("rm", "-f", "inside")
    engine.ctr("network", "rm", "inner")


def test_hostile_questions_do_no_harm(engine):
    script = r"""
import socket, os
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in list(range(0, 64)) + [512, 4000, 60000]:
    s.sendto(os.urandom(size), ("127.0.0.11", 53))
s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", ("127.0.0.11", 53))
t = socket.create_connection(("127.0.0.11", 53)); t.sendall(b"\xff\xff" + os.urandom(100)); t.close()
many = [socket.create_connection(("127.0.0.11", 53)) for _ in range(60)]
"""
    subprocess.run(["nsenter", "-t", str(engine_pid(engine, "db")), "-n", "/usr/bin/python3", "-c", script], check=True)
    assert addresses(engine, "db", "web") == [address_of(engine, "web")]


def test_names_are_found_by_tcp_too(engine):
    name = b"\3web\0\0\1\0\1"
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name
    script = f"import socket,sys\ns=socket.create_connection(('127.0.0.11',53))\ns.sendall({struct.pack('>H', len(query))!r}+{query!r})\n" \
             "sys.stdout.buffer.write(s.recv(4096))"
    answer = subprocess.run(["nsenter", "-t", str(engine_pid(engine, "db")), "-n", "/usr/bin/python3", "-c", script],
                            check=True, capture_output=True).stdout
    assert answer[2:4] == b"\x12\x34" and answer.endswith(socket.inet_aton(address_of(engine, "web")))


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_STREAM"])
def test_a_name_server_of_a_container_may_have_port_53_on_every_address(engine, kind):
    """Ours is not in its way, and still answers the container itself."""
    serve = (f"import socket; s=socket.socket(socket.AF_INET,socket.{kind}); s.bind(('0.0.0.0',53))\n"
             "if s.type==socket.SOCK_STREAM: s.listen(); print('up',flush=True); s=s.accept()[0]\nelse: print('up',flush=True)\n"
             "data,who=s.recvfrom(99); s.sendto(b'mine:'+data,who) if who else s.sendall(b'mine:'+data)")
    ask = (f"import socket; s=socket.socket(socket.AF_INET,socket.{kind}); s.settimeout(9); s.connect(('{address_of(engine, 'db')}',53))\n"
           "s.sendall(b'hello'); print(s.recv(99).decode())")
    server = subprocess.Popen(["nsenter", "-t", str(engine_pid(engine, "db")), "-n", "/usr/bin/python3", "-c", serve],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "up\n"
        assert addresses(engine, "db", "web") == [address_of(engine, "web")]
        answer = subprocess.run(["nsenter", "-t", str(engine_pid(engine, "web")), "-n", "/usr/bin/python3", "-c", ask],
                                check=True, capture_output=True, text=True)
        assert answer.stdout == "mine:hello\n"
    finally:
        server.kill()
        server.wait()


def test_a_containers_own_firewall_does_not_part_it_from_its_names(engine):
    """Conntrack sees each conversation as one, whichever rules make it look."""
    engine.ctr("run", "-d", "--name", "strict", "--network", "blue", "--cap-add", "NET_ADMIN", "alpine", "sleep", "600")
    pid = engine.inspect("strict")["State"]["Pid"]
    rules = ("table ip strict { chain input { type filter hook input priority 0; policy drop;\n"
             "ct state established,related accept\niifname lo ct state new accept\n}\n}\n")
    subprocess.run(["nsenter", "-t", str(pid), "-n", "nft", "-f", "-"], input=rules, text=True, check=True)
    assert addresses(engine, "strict", "web") == [address_of(engine, "web")]
    engine.ctr("rm", "-f", "strict")
