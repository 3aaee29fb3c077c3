"""The network of a start, on both sides, without a daemon: in network namespaces of our own.

Needs root, iproute2, nft and busybox. The tool is build/<preset>/bin/network_tool.
"""

import os
import re
import shutil
import subprocess
import uuid

import pytest

from tools import built

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


TOOL = built("network_tool")


class Host:
    """A network namespace that stands for a host, and a database of its own."""

    def __init__(self, directory, bridge="ctr0"):
        self.name = "ctrtest-" + uuid.uuid4().hex[:8]
        self.database = os.path.join(directory, self.name + ".db")
        self.bridge = bridge
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "set", "lo", "up")

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def run(self, *command, check=True):
        result = subprocess.run(["ip", "netns", "exec", self.name, *command], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if check:
            assert result.returncode == 0, result.stdout
        return result.stdout if check else result

    def start(self, bip=None, **options):
        return self.run(TOOL, "start", self.database, self.bridge, *([bip] if bip else []), **options)

    def container(self, script, network="bridge", **options):
        return self.run(TOOL, "run", self.database, self.bridge, network, "sh", "-c", script, **options)

    def popen_container(self, script, network="bridge"):
        command = ["ip", "netns", "exec", self.name, TOOL, "run", self.database, self.bridge, network,
                   "sh", "-c", script]
        return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def state(self):
        """What must be as before once everything is over."""
        links = re.findall(r"^\d+: ([^:@]+)", self.run("ip", "-o", "link"), re.M)
        return {"links": links, "tables": self.run("nft", "list", "tables"),
                "routes": self.run("ip", "route"), "addresses": self.run("ip", "-br", "addr")}


@pytest.fixture
def host(tmp_path):
    made = Host(str(tmp_path))
    yield made
    made.close()


@pytest.fixture
def outside(host):
    """A third namespace: a neighbour of the host, 192.0.2.2, that knows no route to containers."""
    neighbour = "ctrtest-" + uuid.uuid4().hex[:8]
    subprocess.run(["ip", "netns", "add", neighbour], check=True)
    host.run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", neighbour)
    host.run("ip", "addr", "add", "192.0.2.1/24", "dev", "uplink")
    host.run("ip", "link", "set", "uplink", "up")
    enter = ["ip", "netns", "exec", neighbour]
    subprocess.run([*enter, "ip", "addr", "add", "192.0.2.2/24", "dev", "eth0"], check=True)
    subprocess.run([*enter, "ip", "link", "set", "eth0", "up"], check=True)
    yield enter
    subprocess.run(["ip", "netns", "del", neighbour], check=True)


def test_what_a_container_sees(host):
    host.start()
    links = host.container("ip -o addr; ip route; cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
    assert "inet 172.17.0.2/16 brd 172.17.255.255" in links
    assert "default via 172.17.0.1 dev eth0" in links
    assert "127.0.0.1/8" in links
    # W03: no IPv6 address but the loopback's.
    assert re.findall(r"inet6 (\S+)", links) == ["::1/128"]
    assert links.strip().endswith("1")
    assert "02:42:ac:11:00:03" in host.container("ip link show eth0")


def test_first_packet_is_not_lost(host):
    host.start()
    for _ in range(30):
        host.container("busybox ping -q -c 1 -W 1 172.17.0.1")


def test_two_containers_reach_each_other(host):
    host.start()
    server = host.popen_container("echo $ADDRESS; read line")
    address = server.stdout.readline().split("/")[0]
    assert "0% packet loss" in host.container(f"busybox ping -c 1 -W 2 {address}")
    server.communicate("\n", timeout=10)
    assert server.returncode == 0


def test_nat_and_no_way_in(host, outside):
    host.start()
    assert "0% packet loss" in host.container("busybox ping -c 1 -W 2 192.0.2.2")
    # The neighbour has no route to 172.17/16, so the answer above went to the host's address. With a
    # route (W06), it must still not reach a container.
    server = host.popen_container("echo $ADDRESS; read line")
    address = server.stdout.readline().split("/")[0]
    subprocess.run([*outside, "ip", "route", "add", "172.17.0.0/16", "via", "192.0.2.1"], check=True)
    ping = subprocess.run([*outside, "busybox", "ping", "-c", "1", "-W", "1", address],
                          stdout=subprocess.DEVNULL)
    assert ping.returncode != 0
    server.communicate("\n", timeout=10)


def test_networks_are_isolated_from_each_other(host):
    host.start()
    host.run(TOOL, "create", host.database, host.bridge, "other")
    server = host.popen_container("echo $ADDRESS; read line")
    address = server.stdout.readline().split("/")[0]
    inside = host.container(f"busybox ping -c 1 -W 1 {address}", network="other", check=False)
    assert inside.returncode != 0  # W04
    server.communicate("\n", timeout=10)


def test_internal_network_has_no_way_out(host, outside):
    host.start()
    host.run(TOOL, "create", host.database, host.bridge, "inside", "internal")
    result = host.container("ip route; busybox ping -c 1 -W 1 192.0.2.2", network="inside", check=False)
    assert result.returncode != 0 and "default" not in result.stdout  # W02
    # Also for who adds the route: the host forwards nothing.
    forced = host.container("ip route add default via 172.18.0.1; busybox ping -c 1 -W 1 192.0.2.2",
                            network="inside", check=False)
    assert forced.returncode != 0


def test_start_is_idempotent_and_everything_goes_again(host):
    before = host.state()
    first = host.start()
    state = host.state()
    assert host.start() == first and host.state() == state
    assert state != before
    host.container("true")
    host.run(TOOL, "remove", host.database)
    assert host.state() == before


def test_flushed_firewall_and_deleted_bridge_come_back(host, outside):
    host.start()
    host.run("nft", "flush", "ruleset")
    host.container("busybox ping -q -c 1 -W 2 192.0.2.2")
    host.run("ip", "link", "del", host.bridge)
    host.container("busybox ping -q -c 1 -W 2 192.0.2.2")


def test_default_pool_avoids_the_hosts_routes(host):
    host.run("ip", "route", "add", "172.17.4.0/24", "dev", "lo")
    assert "172.18.0.0/16" in host.start()


def test_two_daemons_side_by_side(host, tmp_path):
    host.start()
    second = os.path.join(str(tmp_path), "second.db")
    assert "172.18.0.0/16" in host.run(TOOL, "start", second, "ctr1")
    host.run(TOOL, "remove", second)
    host.container("busybox ping -q -c 1 -W 2 172.17.0.1")


def test_bip_changes_the_bridge(host):
    host.start()
    assert "10.77.0.0/24" in host.start(bip="10.77.0.1/24")
    assert re.findall(r"inet (\S+)", host.run("ip", "addr", "show", host.bridge)) == ["10.77.0.1/24"]
    host.container("busybox ping -q -c 1 -W 2 10.77.0.1")


def test_an_administrators_bridge_is_used_and_left_alone(host):
    host.run("ip", "link", "add", host.bridge, "type", "bridge")
    host.run("ip", "addr", "add", "10.55.0.1/24", "dev", host.bridge)
    assert "10.55.0.0/24" in host.start()
    host.container("busybox ping -q -c 1 -W 2 10.55.0.1")
    host.run(TOOL, "remove", host.database)
    assert "10.55.0.1/24" in host.run("ip", "addr", "show", host.bridge)


def test_recovery_removes_stale_links(host):
    host.start()
    left = host.popen_container("echo up; read line")
    left.stdout.readline()
    assert "vethc" in host.run("ip", "-o", "link")
    host.run("ip", "link", "add", "mine", "type", "veth", "peer", "name", "mine2")
    host.run("ip", "link", "set", "mine", "master", host.bridge)
    host.run(TOOL, "recover", host.database, host.bridge)
    links = host.run("ip", "-o", "link")
    assert "vethc" not in links and "mine" in links
    left.communicate("\n", timeout=10)


def test_a_forged_router_advertisement_changes_nothing(host):
    host.start()
    for file, value in (("accept_ra", "0"), ("disable_ipv6", "1")):  # W01
        assert host.run("cat", f"/proc/sys/net/ipv6/conf/{host.bridge}/{file}").strip() == value
    assert "inet6" not in host.run("ip", "addr", "show", host.bridge)


@pytest.mark.skipif(not shutil.which("iptables"), reason="needs iptables")
def test_a_host_with_dockerds_firewall(host, outside):
    host.run("iptables", "-P", "FORWARD", "DROP")
    assert "iptables drops forwarded packets" in host.start()
    assert host.container("busybox ping -q -c 1 -W 1 192.0.2.2", check=False).returncode != 0
    host.run("iptables", "-N", "DOCKER-USER")
    host.run("iptables", "-I", "FORWARD", "-j", "DOCKER-USER")
    assert "iptables drops" not in host.start()
    host.start()
    assert host.run("iptables", "-S", "DOCKER-USER").count("-A DOCKER-USER") == 2
    host.container("busybox ping -q -c 1 -W 2 192.0.2.2")
    host.run(TOOL, "remove", host.database)
    assert host.run("iptables", "-S", "DOCKER-USER").count("-A DOCKER-USER") == 0


def test_missing_nft_is_one_warning(host):
    # A mount namespace in which nft is not there.
    script = ("for f in /usr/sbin/nft /sbin/nft; do [ -e $f ] && mount --bind /dev/null $f; done; "
              f"{TOOL} start {host.database} {host.bridge} 2>&1; "
              f"{TOOL} run {host.database} {host.bridge} bridge true")
    output = host.run("unshare", "-m", "sh", "-c", script)
    assert "the program 'nft' is missing" in output
    assert "172.17.0.0/16" in output


def test_200_connects_in_parallel(host, capsys):
    host.start()
    before = host.state()
    output = host.run(TOOL, "bench", host.database, host.bridge, "200", "8")
    with capsys.disabled():
        print("\n" + output + host.run(TOOL, "bench", host.database, host.bridge, "100", "1"))
    for _ in range(100):  # the kernel takes links of dead namespaces down in the background
        if host.state()["links"] == before["links"]:
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert host.state()["links"] == before["links"]
