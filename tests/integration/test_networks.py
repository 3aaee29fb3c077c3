"""User-defined networks: made, connected to while containers run, left again."""

import json
import pathlib

import pytest

from engine import BIN, Engine


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
