"""dockerd's settings that its users rely on, as flags and as keys of the configuration file: each has its effect, or
is refused with a clear word."""

import grp
import json
import pathlib
import subprocess

import pytest

from engine import BIN, Engine
from peer_images import docker_archive
from probe_report import exec_probe, mount_at, run_probe

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
IMAGE = "plain:1"


def ip_forward(engine):
    return engine.in_netns("cat", "/proc/sys/net/ipv4/ip_forward", capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """Half of the settings are flags, half are in the file."""
    directory = tmp_path_factory.mktemp("settings")
    (directory / "profile.json").write_text(json.dumps(PROFILE))
    (directory / "images.tar").write_bytes(docker_archive())
    (directory / "daemon.json").write_text(json.dumps({
        "no-new-privileges": True, "default-ipc-mode": "shareable", "init": True, "default-shm-size": "1m",
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 100, "Hard": 200}}, "dns": ["10.1.2.3"], "dns-search": ["a.example"],
        "dns-opts": ["ndots:3"], "labels": ["from=file"], "log-opts": {"max-size": "1m"}, "ip": "127.0.0.1", "icc": False,
        "default-address-pools": [{"base": "10.67.0.0/16", "size": 24}], "max-download-attempts": 1, "features": {"buildkit": True},
        "live-restore": True, "shutdown-timeout": 5, "max-concurrent-uploads": 2, "exec-opts": ["native.cgroupdriver=cgroupfs"]}))
    with Engine("--config-file", str(directory / "daemon.json"), "--seccomp-profile", str(directory / "profile.json"),
                "--default-cgroupns-mode", "host", "--bip", "10.66.0.1/16", "--fixed-cidr", "10.66.7.0/24", "--mtu", "1400",
                "--ip-masq=false", "--ip-forward=false", "--group", "daemon", "--debug",
                "--host", f"unix://{directory}/second.sock") as running:
        running.second = f"unix://{directory}/second.sock"
        running.ctr("load", "-i", str(directory / "images.tar"))
        running.ctr("run", "-d", "--name", "sleeper", IMAGE, "sleep", "1000")
        yield running


@pytest.fixture(scope="module")
def report(engine):
    return run_probe(engine, image=IMAGE)


def test_a_file_can_be_the_filter_of_containers_that_name_none(engine, report):
    assert report["calls"]["chroot"] == "ENOSYS" and report["calls"]["keyctl"] == "ok"
    own = run_probe(engine, "--security-opt", "seccomp=builtin", image=IMAGE)["calls"]
    assert own["chroot"] == "ok" and own["keyctl"] == "EPERM"
    assert run_probe(engine, "--security-opt", "seccomp=unconfined", image=IMAGE)["calls"]["chroot"] == "ok"


def test_new_privileges_are_forbidden_where_nobody_allows_them(engine, report):
    assert report["no_new_privs"] == "1"
    assert run_probe(engine, "--security-opt", "no-new-privileges=false", image=IMAGE, mode="process")["no_new_privs"] == "0"
    assert {"name=no-new-privileges"} <= set(engine.api("GET", "/info")[1]["SecurityOptions"])


def test_the_cgroup_namespace_is_the_host_s(report):
    assert report["namespaces"]["cgroup"] == pathlib.Path("/proc/self/ns/cgroup").readlink().as_posix()


def test_an_ipc_namespace_can_be_shared_by_default(engine):
    assert engine.inspect("sleeper")["HostConfig"]["IpcMode"] == "shareable"
    assert engine.out("run", "--rm", "--ipc", "container:sleeper", IMAGE, "echo", "joined") == "joined"


def test_an_init_is_the_first_process_unless_a_container_wants_none(engine, report):
    assert report["pid"] != 1
    assert run_probe(engine, "--init=false", image=IMAGE, mode="process")["pid"] == 1


def test_limits_and_sizes_are_those_of_the_file(engine, report):
    assert report["limits"]["nofile"] == [100, 200]
    assert "size=1024k" in mount_at(report, "/dev/shm")["super"]
    assert engine.inspect("sleeper")["HostConfig"]["ShmSize"] == 1 << 20


def test_name_servers_are_those_of_the_file(engine):
    lines = engine.out("exec", "sleeper", "cat", "/etc/resolv.conf").splitlines()
    assert {"nameserver 10.1.2.3", "search a.example", "options ndots:3"} <= set(lines)


def test_addresses_are_from_the_part_that_containers_get(engine):
    assert engine.inspect("sleeper")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"].startswith("10.66.7.")
    network = engine.api("GET", "/networks/bridge")[1]
    assert network["IPAM"]["Config"][0]["IPRange"] == "10.66.7.0/24"
    assert engine.out("exec", "sleeper", "cat", "/sys/class/net/eth0/mtu") == "1400"


def test_containers_of_the_bridge_do_not_reach_each_other(engine):
    address = engine.inspect("sleeper")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert engine.ctr("run", "--rm", IMAGE, "ping", "-c", "1", "-W", "2", address, check=False).returncode == 1
    assert engine.in_netns("busybox", "ping", "-c", "1", "-W", "5", address, check=False, capture_output=True).returncode == 0
    assert engine.api("GET", "/networks/bridge")[1]["Options"]["com.docker.network.bridge.enable_icc"] == "false"


def test_networks_are_parts_of_the_pools(engine):
    subnets = []
    for name in ("first", "second"):
        engine.ctr("network", "create", name)
        subnets.append(engine.api("GET", f"/networks/{name}")[1]["IPAM"]["Config"][0]["Subnet"])
    engine.ctr("network", "rm", "first", "second")
    assert subnets == ["10.67.0.0/24", "10.67.1.0/24"]


def test_ports_without_an_address_are_published_on_the_one_given(engine):
    engine.ctr("run", "-d", "--name", "web", "-p", "8080:80", "-p", "0.0.0.0:8081:81", IMAGE, "sleep", "1000")
    try:
        ports = engine.inspect("web")["NetworkSettings"]["Ports"]
        assert ports["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "8080"}]
        assert ports["81/tcp"][0] == {"HostIp": "0.0.0.0", "HostPort": "8081"}
    finally:
        engine.ctr("rm", "-f", "web")


def test_neither_addresses_are_hidden_nor_packets_forwarded(engine):
    rules = engine.in_netns("nft", "list", "ruleset", capture_output=True, text=True).stdout
    assert "saddr 10.66.0.0/16 oifname" not in rules
    with Engine(bridge=False) as other:  # what a fresh network namespace has
        assert ip_forward(engine) == ip_forward(other)


def test_the_daemon_says_what_it_is_set_to(engine):
    info = engine.api("GET", "/info")[1]
    assert info["Labels"] == ["from=file"] and info["Debug"] and info["LoggingDriver"] == "json-file"
    assert any(option.startswith("name=seccomp,profile=/") for option in info["SecurityOptions"])
    log = engine.log.read_text()
    for name in ("features", "shutdown-timeout", "max-concurrent-uploads", "live-restore"):
        assert f"setting '{name}' has no effect in ctrd" in log


def test_every_socket_answers_and_belongs_to_the_group(engine):
    assert engine.out("--host", engine.second, "ps", "--format", "{{.Names}}") == "sleeper"
    socket = pathlib.Path(engine.second.removeprefix("unix://"))
    assert socket.stat().st_gid == grp.getgrnam("daemon").gr_gid and socket.stat().st_mode & 0o777 == 0o660


def test_a_download_is_tried_as_often_as_it_is_said(engine):
    status, answer = engine.api("POST", "/images/create?fromImage=127.0.0.1:9/none&tag=1")
    assert status == 503 and "cannot reach" in answer["message"]


def test_exec_is_under_the_same_rules(engine):
    engine.ctr("run", "-d", "--name", "twin", "-v", f"{BIN.parent}/tests/probe:/probe:ro", IMAGE, "sleep", "1000")
    try:
        seen = exec_probe(engine, "twin", mode="all")
        assert seen["calls"]["chroot"] == "ENOSYS" and seen["no_new_privs"] == "1" and seen["limits"]["nofile"] == [100, 200]
    finally:
        engine.ctr("rm", "-f", "twin")


REFUSED = {
    ("--seccomp-profile", "/none/such"): "seccomp profile",
    ("--selinux-enabled",): "selinux-enabled",
    ("--default-runtime", "runsc"): "invalid default-runtime 'runsc'",
    ("--exec-opt", "native.cgroupdriver=systemd"): "invalid exec-opt 'native.cgroupdriver=systemd'",
    ("--default-ipc-mode", "host"): "invalid default-ipc-mode 'host'",
    ("--default-cgroupns-mode", "x"): "invalid default-cgroupns-mode 'x'",
    ("--log-driver", "journald"): "invalid log-driver 'journald'",
    ("--default-address-pool", "10.0.0.0/8"): "invalid default-address-pool",
    ("--default-address-pool", "base=10.0.0.0/24,size=16"): "invalid default address pool",
    ("--bip", "10.1.0.1/16", "--fixed-cidr", "10.2.0.0/24"): "10.2.0.0/24",
    ("--max-download-attempts", "0"): "invalid max-download-attempts '0'",
    ("--ip", "x"): "invalid ip 'x'",
    ("-H", "tcp://127.0.0.1:2375"): "is not supported",
    ("--tlsverify",): "tlsverify",
    ("--authorization-plugin", "x"): "authorization-plugin",
    ("--no-such-setting",): "no-such-setting",
}


@pytest.mark.parametrize("flags", REFUSED, ids=" ".join)
def test_what_cannot_be_had_is_refused_by_name(tmp_path, flags):
    done = subprocess.run([BIN / "ctrd", "--data-root", tmp_path / "data", "--exec-root", tmp_path / "run", "--bridge", "ctrtest9",
                           "--validate", *flags], capture_output=True, text=True)
    assert done.returncode == 1 and REFUSED[flags] in done.stderr, done.stdout + done.stderr


def test_a_key_that_nobody_knows_is_refused_by_name(tmp_path):
    (tmp_path / "daemon.json").write_text('{"no-such-key": 1}')
    done = subprocess.run([BIN / "ctrd", "--validate", "--config-file", tmp_path / "daemon.json"], capture_output=True, text=True)
    assert done.returncode == 1 and "no-such-key" in done.stderr
