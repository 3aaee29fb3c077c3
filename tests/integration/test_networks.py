"""User-defined networks: made, connected to while containers run, left again."""

import json
import pathlib
import subprocess

import pytest

from engine import BIN, Engine, wait_for
from lan import HOST, HOST6, OUTSIDE, Lan, run_in


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


def interfaces(engine, name):
    lines = engine.out("exec", name, "sh", "-c", "ip -o -4 addr | awk '{print $2, $4}'").splitlines()
    return dict(line.split() for line in lines)


def test_a_network_is_created_listed_inspected_and_removed(engine):
    identity = engine.out("network", "create", "--subnet", "10.91.0.0/24", "--label", "a=b", "blue")
    assert len(identity) == 64
    assert engine.docker("network", "ls", "--format", "{{.Name}} {{.Driver}}").stdout.splitlines() == [
        "blue bridge", "bridge bridge", "host host", "none null"]
    assert engine.out("network", "ls", "-q", "-f", "label=a=b") == identity[:12]
    network = json.loads(engine.docker("network", "inspect", "blue").stdout)[0]
    assert network["IPAM"]["Config"] == [{"Subnet": "10.91.0.0/24", "Gateway": "10.91.0.1"}]
    engine.ctr("network", "rm", "blue")
    done = engine.ctr("network", "rm", "blue", check=False)
    assert done.returncode == 1 and "network blue not found" in done.stderr
    assert "pre-defined" in engine.ctr("network", "rm", "bridge", check=False).stderr


def test_a_running_container_is_connected_and_disconnected(engine):
    engine.ctr("network", "create", "--subnet", "10.92.0.0/24", "red")
    engine.ctr("run", "-d", "--name", "c1", "alpine", "sleep", "600")
    assert set(interfaces(engine, "c1")) == {"lo", "eth0"}
    engine.docker("network", "connect", "--ip", "10.92.0.77", "--alias", "one", "red", "c1")
    assert interfaces(engine, "c1")["eth1"] == "10.92.0.77/24"
    networks = engine.inspect("c1")["NetworkSettings"]["Networks"]
    assert set(networks) == {"bridge", "red"} and networks["red"]["IPAddress"] == "10.92.0.77"
    assert networks["red"]["Aliases"] == ["one"]
    done = engine.ctr("network", "connect", "red", "c1", check=False)
    assert done.returncode == 1 and "already exists in network red" in done.stderr
    # The way out stays, and the new network's other members are reached.
    engine.ctr("run", "-d", "--name", "c2", "--network", "red", "alpine", "sleep", "600")
    address = engine.inspect("c2")["NetworkSettings"]["Networks"]["red"]["IPAddress"]
    engine.ctr("exec", "c1", "ping", "-c", "1", "-W", "3", address)
    assert "default via" in engine.out("exec", "c1", "ip", "route")
    # Its own network goes: the other one takes over the way out.
    engine.ctr("network", "disconnect", "bridge", "c1")
    assert set(interfaces(engine, "c1")) == {"lo", "eth1"}
    assert "default via 10.92.0.1" in engine.out("exec", "c1", "ip", "route")
    engine.ctr("rm", "-f", "c1", "c2")
    engine.ctr("network", "rm", "red")


def test_what_was_connected_is_connected_after_a_restart(engine):
    engine.ctr("network", "create", "--subnet", "10.93.0.0/24", "green")
    engine.ctr("create", "--name", "c3", "alpine", "sleep", "600")
    engine.ctr("network", "connect", "green", "c3")
    engine.ctr("network", "disconnect", "bridge", "c3")
    engine.restart()
    engine.ctr("start", "c3")
    assert list(interfaces(engine, "c3").values())[1].startswith("10.93.0.")
    assert set(engine.inspect("c3")["NetworkSettings"]["Networks"]) == {"green"}
    engine.ctr("restart", "-t", "0", "c3")
    assert set(engine.inspect("c3")["NetworkSettings"]["Networks"]) == {"green"}
    assert "has active endpoints" in engine.ctr("network", "rm", "green", check=False).stderr
    engine.ctr("rm", "-f", "c3")
    assert "green" in engine.ctr("network", "prune", "-f").stdout


def test_networks_that_cannot_be_joined_say_so(engine):
    engine.ctr("network", "create", "grey")
    engine.ctr("run", "-d", "--name", "hh", "--network", "host", "alpine", "sleep", "600")
    engine.ctr("run", "-d", "--name", "nn", "--network", "none", "alpine", "sleep", "600")
    assert "sharing network namespace" in engine.ctr("network", "connect", "grey", "hh", check=False).stderr
    assert "(none) mode" in engine.ctr("network", "connect", "grey", "nn", check=False).stderr
    assert "not connected to network" in engine.ctr("network", "disconnect", "grey", "nn", check=False).stderr
    assert "not found" in engine.ctr("network", "connect", "pink", "nn", check=False).stderr
    engine.ctr("rm", "-f", "hh", "nn")
    engine.ctr("network", "rm", "grey")


def test_a_daemon_that_is_uninstalled_leaves_nothing_on_the_host():
    """A daemon of its own, since it is taken away."""
    with Engine() as gone:
        gone.load_alpine()
        gone.ctr("network", "create", "--subnet", "10.90.0.0/24", "extra")
        gone.ctr("run", "--rm", "--network", "extra", "alpine", "true")
        parent = max((path for path in pathlib.Path("/sys/fs/cgroup").glob("*/ctr-*")), key=lambda path: path.stat().st_ctime)
        gone.stop()
        gone.in_netns(str(BIN / "ctrd"), "--data-root", str(gone.data), "--exec-root", str(gone.run_dir),
                      "--bridge", "ctrtest0", "--remove-host-state")
        links = gone.in_netns("ip", "-o", "link", capture_output=True, text=True).stdout
        tables = gone.in_netns("nft", "list", "tables", capture_output=True, text=True).stdout
        assert links.count("\n") == 1 and tables == "" and not parent.exists()
        gone.start()
        gone.ctr("run", "--rm", "--network", "extra", "alpine", "true")


# --- IPv6 ---


@pytest.fixture(scope="module")
def dual(engine):
    """A network of both families with two containers, and a neighbour of the host that routes to it."""
    engine.ctr("network", "create", "--ipv6", "--subnet", "10.97.0.0/24", "--subnet", "fd00:97::/64", "dual")
    for name in ("six1", "six2"):
        engine.ctr("run", "-d", "--name", name, "--network", "dual", "alpine", "sleep", "6000")
    yield
    engine.ctr("rm", "-f", "six1", "six2")
    engine.ctr("network", "rm", "dual")


def test_a_network_with_ipv6_shows_its_addresses(engine, dual):
    network = json.loads(engine.docker("network", "inspect", "dual").stdout)[0]
    assert network["EnableIPv6"] is True
    assert network["IPAM"]["Config"] == [{"Subnet": "10.97.0.0/24", "Gateway": "10.97.0.1"},
                                         {"Subnet": "fd00:97::/64", "Gateway": "fd00:97::1"}]
    endpoint = engine.inspect("six1")["NetworkSettings"]["Networks"]["dual"]
    assert (endpoint["GlobalIPv6Address"], endpoint["GlobalIPv6PrefixLen"], endpoint["IPv6Gateway"]) == (
        "fd00:97::2", 64, "fd00:97::1")
    shown = [c["IPv6Address"] for c in network["Containers"].values()]
    assert sorted(shown) == ["fd00:97::2/64", "fd00:97::3/64"]
    assert engine.out("network", "ls", "--format", "{{.Name}} {{.IPv6}}", "-f", "name=dual") == "dual true"


def test_containers_reach_each_other_and_the_host_by_ipv6_and_by_name(engine, dual):
    for target in ("fd00:97::3", "fd00:97::1", "six2"):
        engine.ctr("exec", "six1", "ping", "-6", "-c", "1", "-W", "3", target)
    assert "default via fd00:97::1" in engine.out("exec", "six1", "ip", "-6", "route")
    assert "fd00:97::3" in engine.out("exec", "six1", "nslookup", "-type=aaaa", "six2")
    assert "fd00:97::2\t" in engine.out("exec", "six1", "cat", "/etc/hosts")
    assert "six2.dual" in engine.out("exec", "six1", "nslookup", "fd00:97::3")


def test_router_advertisements_are_not_taken(engine, dual):
    """W01, W03: neither by the container nor by the host's bridge."""
    assert engine.out("exec", "six1", "cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra") == "0"
    bridge = "br-" + json.loads(engine.docker("network", "inspect", "dual").stdout)[0]["Id"][:12]
    assert engine.in_netns("cat", f"/proc/sys/net/ipv6/conf/{bridge}/accept_ra", capture_output=True).stdout == b"0\n"


def test_a_container_without_ipv6_has_none(engine, dual):
    engine.ctr("run", "-d", "--name", "four", "alpine", "sleep", "600")
    assert "inet6" not in engine.out("exec", "four", "ip", "addr", "show", "dev", "eth0")
    engine.ctr("network", "connect", "--ip6", "fd00:97::77", "dual", "four")
    assert "fd00:97::77/64" in engine.out("exec", "four", "ip", "addr", "show", "dev", "eth1")
    engine.ctr("exec", "four", "ping", "-6", "-c", "1", "-W", "3", "fd00:97::2")
    assert "default via fd00:97::1" in engine.out("exec", "four", "ip", "-6", "route")
    assert "via 172" in engine.out("exec", "four", "ip", "route") or "via 1" in engine.out("exec", "four", "ip", "route")
    engine.ctr("network", "disconnect", "dual", "four")
    engine.ctr("exec", "four", "sh", "-c", "! ip -6 route | grep default")
    engine.ctr("rm", "-f", "four")


def test_published_ports_lead_in_by_both_families(engine, dual):
    engine.ctr("run", "-d", "--name", "server", "--network", "dual", "-p", "8097:80", "busybox", "sh", "-c",
               "mkdir /www; echo hello > /www/index.html; exec httpd -f -h /www")
    assert sorted(engine.out("port", "server").splitlines()) == ["80/tcp -> 0.0.0.0:8097", "80/tcp -> [::]:8097"]
    with Lan(engine) as lan:
        def fetch():
            return run_in(lan.neighbour, "curl", "-sg", "-m", "3", f"http://[{HOST6}]:8097/", check=False).stdout == "hello\n"
        wait_for(fetch, "an answer by IPv6")
    engine.restart()
    assert "[::]:8097" in engine.out("port", "server")
    engine.ctr("rm", "-f", "server")


def test_a_port_of_ipv6_needs_a_network_that_has_it(engine):
    done = engine.ctr("run", "--rm", "-p", "[::1]:8098:80", "alpine", "true", check=False)
    assert done.returncode == 125 and "has no IPv6 subnet" in done.stderr


def test_an_ipv6_network_without_a_subnet_has_a_unique_local_one(engine):
    engine.ctr("network", "create", "--ipv6", "unique")
    network = json.loads(engine.docker("network", "inspect", "unique").stdout)[0]
    assert network["IPAM"]["Config"][1]["Subnet"].startswith("fd")
    engine.ctr("network", "rm", "unique")


@pytest.mark.parametrize("arguments, word", [
    (["--subnet", "fd00:99::/64"], "needs a network with IPv6"),
    (["--ipv6", "--subnet", "fe80::/64"], "link-local"),
    (["--ipv6", "--subnet", "fd00:99::/64", "--gateway", "fd00:98::1"], "no matching subnet for gateway"),
    (["--ipv6", "--gateway", "fd00:98::1"], "needs a --subnet"),
    (["--subnet", "10.1.0.0/24", "--subnet", "10.2.0.0/24"], "doesn't support multiple subnets"),
    (["--subnet", "10.1.0.0/24", "--aux-address", "a=10.2.0.5"], "no matching subnet for aux-address"),
])
def test_subnets_that_cannot_be_are_refused(engine, arguments, word):
    done = engine.ctr("network", "create", *arguments, "bad", check=False)
    assert done.returncode == 1 and word in done.stderr, done.stderr


def test_addresses_of_ipv6_come_from_the_part_of_the_subnet_that_was_given(engine):
    engine.ctr("network", "create", "--ipv6", "--subnet", "10.88.0.0/24", "--subnet", "fd00:88::/64",
               "--ip-range", "10.88.0.128/25", "--ip-range", "fd00:88::a000/116", "part")
    engine.ctr("run", "-d", "--name", "r1", "--network", "part", "alpine", "sleep", "600")
    endpoint = engine.inspect("r1")["NetworkSettings"]["Networks"]["part"]
    assert endpoint["GlobalIPv6Address"].startswith("fd00:88::a0") and int(endpoint["IPAddress"].split(".")[3]) >= 128
    configuration = json.loads(engine.docker("network", "inspect", "part").stdout)[0]["IPAM"]["Config"]
    assert [part["IPRange"] for part in configuration] == ["10.88.0.128/25", "fd00:88::a000/116"]
    engine.ctr("rm", "-f", "r1")
    engine.ctr("network", "rm", "part")


def test_the_default_bridge_has_ipv6_if_the_daemon_is_told_so():
    """By flags and by daemon.json; and it is gone when the daemon is started without."""
    with Engine("--ipv6", "--fixed-cidr-v6", "fd00:87::/64") as six:
        six.load_alpine()
        with Lan(six) as lan:
            serve = "mkdir /www; echo hello > /www/index.html; exec httpd -f -h /www"
            six.ctr("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", serve)
            endpoint = six.inspect("web")["NetworkSettings"]
            assert (endpoint["GlobalIPv6Address"], endpoint["IPv6Gateway"]) == ("fd00:87::2", "fd00:87::1")
            for address in (f"[{HOST6}]", HOST):
                wait_for(lambda: run_in(lan.neighbour, "curl", "-sg", "-m", "3", f"http://{address}:8080/", check=False).stdout
                         == "hello\n", address)
            six.ctr("run", "--rm", "alpine", "ping", "-6", "-c", "1", "-W", "3", "fd00:87::2")
            six.ctr("rm", "-f", "web")
            six.stop()
            six.flags = []
            six.start()
            assert "inet6" not in six.out("run", "--rm", "alpine", "ip", "addr", "show", "dev", "eth0")
            assert "table ip6 ctr_" not in run_in(six.name, "nft", "list", "tables").stdout
            six.stop()
            (six.base / "daemon.json").write_text(json.dumps({"ipv6": True, "fixed-cidr-v6": "fd00:86::/64", "ip": "127.0.0.1",
                                                              "fixed-cidr": "172.17.9.0/24", "bip": "172.17.0.1/16"}))
            six.flags = ["--config-file", str(six.base / "daemon.json")]
            six.start()
            six.ctr("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", serve)
            endpoint = six.inspect("web")["NetworkSettings"]
            assert endpoint["GlobalIPv6Address"].startswith("fd00:86::") and endpoint["IPAddress"].startswith("172.17.9.")
            assert endpoint["Ports"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}
            assert lan.reaches(six.inspect("web")["State"]["Pid"], OUTSIDE)


# --- auxiliary addresses, containers kept apart, gateway priority ---


def test_an_auxiliary_address_is_given_to_nobody_and_shown(engine):
    engine.ctr("network", "create", "--subnet", "10.98.0.0/24", "--aux-address", "router=10.98.0.2", "aux")
    engine.ctr("run", "-d", "--name", "a1", "--network", "aux", "alpine", "sleep", "600")
    assert engine.inspect("a1")["NetworkSettings"]["Networks"]["aux"]["IPAddress"] == "10.98.0.3"
    network = json.loads(engine.docker("network", "inspect", "aux").stdout)[0]
    assert network["IPAM"]["Config"][0]["AuxiliaryAddresses"] == {"router": "10.98.0.2"}
    engine.ctr("rm", "-f", "a1")
    engine.ctr("network", "rm", "aux")


def test_containers_of_a_network_without_icc_reach_the_host_and_not_each_other(engine):
    engine.ctr("network", "create", "--subnet", "10.99.0.0/24", "-o", "com.docker.network.bridge.enable_icc=false", "apart")
    for name in ("p1", "p2"):
        engine.ctr("run", "-d", "--name", name, "--network", "apart", "alpine", "sleep", "600")
    other = engine.inspect("p2")["NetworkSettings"]["Networks"]["apart"]["IPAddress"]
    engine.ctr("exec", "p1", "ping", "-c", "1", "-W", "3", "10.99.0.1")
    assert engine.ctr("exec", "p1", "ping", "-c", "1", "-W", "1", other, check=False).returncode != 0
    # Nor by way of the host.
    engine.ctr("exec", "--privileged", "p1", "sh", "-c",
               f"ip route del 10.99.0.0/24; ip route add 10.99.0.1 dev eth0; ip route replace default via 10.99.0.1")
    assert engine.ctr("exec", "p1", "ping", "-c", "1", "-W", "1", other, check=False).returncode != 0
    engine.ctr("rm", "-f", "p1", "p2")
    engine.ctr("network", "rm", "apart")


def test_the_way_out_is_through_the_network_of_the_highest_priority(engine):
    engine.ctr("network", "create", "--subnet", "10.90.0.0/24", "aaa")
    engine.ctr("network", "create", "--subnet", "10.89.0.0/24", "zzz")
    engine.ctr("run", "-d", "--name", "g1", "--network", "aaa", "--network", "name=zzz,gw-priority=9", "alpine", "sleep", "600")
    assert "default via 10.89.0.1" in engine.out("exec", "g1", "ip", "route")
    assert engine.inspect("g1")["NetworkSettings"]["Networks"]["zzz"]["GwPriority"] == 9
    engine.ctr("rm", "-f", "g1")
    engine.ctr("network", "rm", "aaa", "zzz")


# --- links ---


def test_a_link_on_the_default_bridge_is_a_name_and_variables(engine):
    engine.ctr("run", "-d", "--name", "backend", "--expose", "6379", "-e", "COLOR=blue", "alpine", "sleep", "600")
    address = engine.inspect("backend")["NetworkSettings"]["IPAddress"]
    out = engine.docker("run", "--rm", "--name", "front", "--link", "backend:redis", "alpine", "sh", "-c",
                        "cat /etc/hosts; env; ping -c 1 -W 3 redis").stdout
    assert f"{address}\tredis " in out and "1 packets received" in out
    assert f"REDIS_PORT_6379_TCP=tcp://{address}:6379" in out and "REDIS_ENV_COLOR=blue" in out
    assert "REDIS_NAME=/front/redis" in out
    engine.ctr("create", "--name", "front", "--link", "backend:redis", "alpine", "true")
    assert engine.inspect("front")["HostConfig"]["Links"] == ["/backend:/front/redis"]
    engine.ctr("stop", "-t", "0", "backend")
    done = engine.ctr("start", "front", check=False)
    assert "Cannot link to a non running container: /backend AS /front/redis" in done.stderr
    done = engine.ctr("create", "--link", "nobody", "alpine", check=False)
    assert "No such container: nobody" in done.stderr
    engine.ctr("rm", "-f", "front", "backend")


def test_a_link_on_a_users_network_is_known_to_its_container_only(engine):
    engine.ctr("network", "create", "linked")
    engine.ctr("run", "-d", "--name", "l1", "--network", "linked", "alpine", "sleep", "600")
    engine.docker("run", "-d", "--name", "l2", "--network", "linked", "--link", "l1:mine", "alpine", "sleep", "600")
    engine.ctr("run", "-d", "--name", "l3", "--network", "linked", "alpine", "sleep", "600")
    engine.ctr("exec", "l2", "ping", "-c", "1", "-W", "3", "mine")
    assert engine.ctr("exec", "l3", "ping", "-c", "1", "-W", "1", "mine", check=False).returncode != 0
    engine.ctr("rm", "-f", "l1", "l2", "l3")
    engine.ctr("network", "rm", "linked")
