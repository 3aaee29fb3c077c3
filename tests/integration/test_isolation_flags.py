"""What each flag of `ctr run` changes in a container, and what it is not allowed to change."""

import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from engine import has_apparmor, wait_for
from probe_report import (DEFAULT_CAPABILITIES, NONE, mount_at, options_at, refused, run_probe,
                          start_probed)

HOST = "/proc/self/ns/"
# For what the AppArmor profile would stop where the other barriers are lifted, as Docker's does.
NO_PROFILE = ["--security-opt", "apparmor=unconfined"]


@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


def cgroup_value(engine, name, *files):
    """The first of the files (v2's or v1's name) in a running container's cgroup, on the host."""
    for directory in engine.cgroups(engine.inspect(name)["Id"]):
        for file in files:
            path = pathlib.Path(directory) / file
            if path.exists():
                return path.read_text().strip()
    raise AssertionError(f"none of {files} in {engine.cgroups(engine.inspect(name)['Id'])}")


@pytest.fixture
def running(engine):
    """Starts containers that sleep and removes them."""
    names = []

    def start(*flags, image="busybox", command=("sleep", "300")):
        name = f"flag{len(names)}"
        names.append(name)
        engine.ctr("run", "-d", "--name", name, *flags, image, *command)
        return name
    yield start
    if names:
        engine.ctr("rm", "-f", *names)


# --- privileges

def test_privileged_has_everything(engine):
    report = run_probe(engine, "--privileged")
    assert int(report["capabilities"]["CapEff"], 16) > int(DEFAULT_CAPABILITIES, 16)
    assert report["seccomp"] == "0"
    assert "rw" in options_at(report, "/sys")
    assert report["calls"]["mount"] == "ok"
    assert report["masked"]["/proc/timer_list"]["bytes"] != 0
    assert report["write"]["/proc/sys/kernel/core_pattern"] == "ok"
    assert report["nodes"]["mem c 1:1"]["read"] != "EPERM" or not os.path.exists("/dev/mem")
    host = {name for name in os.listdir("/dev") if pathlib.Path("/dev", name).is_char_device()}
    inside = {path[5:] for path in report["devices"] if path.count("/") == 2}
    assert not host - inside - {"console", "ptmx"}


@pytest.mark.parametrize("flags, expected", [
    (["--cap-drop", "ALL"], 0),
    (["--cap-drop", "all", "--cap-add", "chown"], 1),
    (["--cap-drop", "ALL", "--cap-add", "CAP_NET_ADMIN"], 1 << 12),
    (["--cap-add", "SYS_ADMIN"], int(DEFAULT_CAPABILITIES, 16) | 1 << 21),
    (["--cap-drop", "MKNOD", "--cap-drop", "CAP_NET_RAW"], int(DEFAULT_CAPABILITIES, 16) & ~(1 << 27 | 1 << 13)),
], ids=str)
def test_i03_capabilities_are_added_and_dropped(engine, flags, expected):
    capabilities = run_probe(engine, *flags, mode="process")["capabilities"]
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(capabilities[name], 16) == expected, name
    assert capabilities["CapInh"] == capabilities["CapAmb"] == NONE


def test_i03_all_capabilities_can_be_added_and_unknown_ones_not(engine):
    capabilities = run_probe(engine, "--cap-add", "ALL", mode="process")["capabilities"]
    own = pathlib.Path("/proc/self/status").read_text()
    assert capabilities["CapEff"] == re.search(r"CapBnd:\t(\w+)", own)[1]
    assert "nknown capability" in refused(engine, "--cap-add", "NOPE")
    assert "nknown capability" in refused(engine, "--cap-drop", "CAP_NOPE")


def test_a_capability_opens_its_calls(engine):
    assert run_probe(engine, "--cap-add", "SYS_ADMIN", *NO_PROFILE)["calls"]["mount"] == "ok"
    assert run_probe(engine, "--cap-drop", "SYS_CHROOT")["calls"]["chroot"] == "EPERM"
    assert run_probe(engine, "--cap-drop", "MKNOD")["nodes"]["null c 1:3"]["mknod"] == "EPERM"


def test_i19_no_new_privileges_is_set(engine):
    for option in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"):
        report = run_probe(engine, "--security-opt", option, mode="process")
        assert report["no_new_privs"] == "1" and report["seccomp"] == "2"


def test_the_filter_can_be_taken_off(engine):
    report = run_probe(engine, "--security-opt", "seccomp=unconfined")
    assert report["seccomp"] == "0" and report["calls"]["unshare user"] == "ok"


def test_a_profile_of_the_users_own_is_obeyed(engine, tmp_path):
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}))
    report = run_probe(engine, "--security-opt", f"seccomp={profile}")
    assert report["seccomp"] == "2" and report["calls"]["chroot"] == "EOPNOTSUPP"
    profile.write_text('{"defaultAction": "SCMP_ACT_NOPE"}')
    assert "seccomp" in refused(engine, "--security-opt", f"seccomp={profile}")
    refused(engine, "--security-opt", "seccomp=/nonexistent")
    refused(engine, "--security-opt", "nonsense=1")


def test_system_paths_can_be_unconfined(engine):
    report = run_probe(engine, "--security-opt", "systempaths=unconfined", *NO_PROFILE)
    assert report["masked"]["/proc/timer_list"]["bytes"] != 0
    assert report["write"]["/proc/sys/kernel/core_pattern"] == "ok"
    assert report["capabilities"]["CapEff"] == DEFAULT_CAPABILITIES


def test_r14_a_read_only_root_is(engine):
    report = run_probe(engine, "--read-only")
    assert report["write"]["/"] == "EROFS"
    assert "ro" in options_at(report, "/")
    for point in ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname"):
        assert "ro" in options_at(report, point)
    for point in ("/proc", "/dev", "/dev/shm", "/dev/pts"):
        assert "rw" in options_at(report, point)


# --- devices

def test_a_device_is_given_with_its_permissions(engine):
    script = "cat /dev/kmsg >/dev/null & sleep 0.2; kill $! && echo read; echo x > /dev/kmsg && echo wrote"
    done = engine.ctr("run", "--rm", "--device", "/dev/kmsg:/dev/kmsg:r", "busybox", "sh", "-c", script, check=False)
    assert "wrote" not in done.stdout and "not permitted" in done.stderr
    report = run_probe(engine, "--device", "/dev/net/tun:/dev/given")
    assert report["devices"]["/dev/given"]["rdev"] == [10, 200]
    assert "gathering device information" in refused(engine, "--device", "/dev/nonexistent")


# A kernel that has the device wants CAP_SYS_RAWIO, too; for one that has not, only the rule is left to refuse.
@pytest.mark.skipif(os.path.exists("/sys/class/mem/mem"), reason="this kernel has a /dev/mem with rules of its own")
@pytest.mark.parametrize("rule, opens", [("c 1:1 r", (True, False)), ("c 1:* rw", (True, True)),
                                         ("b *:* rwm", (False, False))])
def test_i08_a_device_rule_opens_that_device(engine, rule, opens):
    verdict = run_probe(engine, "--device-cgroup-rule", rule)["nodes"]["mem c 1:1"]
    assert (verdict["read"] != "EPERM", verdict["write"] != "EPERM") == opens


@pytest.mark.parametrize("rule", ["c 1:1", "x 1:1 r", "c 1:1 q", "c -1:1 r", "c 1:1 rwmr"])
def test_i08_odd_device_rules_are_refused(engine, rule):
    refused(engine, "--device-cgroup-rule", rule)


# --- namespaces

@pytest.mark.parametrize("flag, kind", [("--pid", "pid"), ("--ipc", "ipc"), ("--uts", "uts"),
                                        ("--cgroupns", "cgroup")])
def test_the_host_s_namespace_is_given_when_asked_for(engine, flag, kind):
    assert run_probe(engine, flag, "host")["namespaces"][kind] == os.readlink(HOST + kind)


def test_the_host_s_network_is_given_when_asked_for(engine):
    report = run_probe(engine, "--network", "host")
    assert report["namespaces"]["net"] == os.readlink(f"/proc/{engine.pid}/ns/net")
    assert report["hostname"] == os.uname().nodename


@pytest.mark.parametrize("flag, kind", [("--pid", "pid"), ("--ipc", "ipc"), ("--network", "net")])
def test_i22_another_container_s_namespace_is_shared(engine, running, flag, kind):
    other = running("--ipc", "shareable")
    pid = engine.inspect(other)["State"]["Pid"]
    assert run_probe(engine, flag, f"container:{other}")["namespaces"][kind] == os.readlink(f"/proc/{pid}/ns/{kind}")
    refused(engine, flag, "container:nosuchcontainer")


def test_i22_a_private_ipc_namespace_is_not_shared(engine, running):
    assert "non-shareable IPC" in refused(engine, "--ipc", f"container:{running('--ipc', 'private')}")


def test_i22_a_stopped_container_is_not_joined(engine, running):
    other = running(command=("true",))
    wait_for(lambda: not engine.inspect(other)["State"]["Running"], "the other to end")
    assert "non running" in refused(engine, "--network", f"container:{other}")


# --- mounts

def test_tmpfs_and_shm_have_the_sizes_that_were_asked_for(engine):
    report = run_probe(engine, "--tmpfs", "/scratch:size=1m,mode=700", "--shm-size", "8m", "--tmpfs", "/plain")
    assert mount_at(report, "/scratch")["type"] == "tmpfs"
    assert {"size=1024k", "mode=700"} <= set(mount_at(report, "/scratch")["super"])
    for point in ("/scratch", "/plain"):
        assert {"nosuid", "nodev", "noexec"} <= options_at(report, point)
    assert "size=8192k" in mount_at(report, "/dev/shm")["super"]
    assert "invalid tmpfs option" in refused(engine, "--tmpfs", "/x:execute")


@pytest.fixture
def nested(tmp_path):
    """A directory with a file system mounted inside of it."""
    (tmp_path / "inner").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "ctrtest", tmp_path / "inner"], check=True)
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path / "inner"], check=True)


def test_r16_a_read_only_bind_is_read_only_all_the_way_down(engine, nested):
    script = "touch /b/x; touch /b/inner/x; echo done"
    done = engine.ctr("run", "--rm", "-v", f"{nested}:/b:ro", "busybox", "sh", "-c", script)
    assert done.stderr.count("Read-only file system") == 2
    done = engine.ctr("run", "--rm", "--mount", f"type=bind,src={nested},dst=/b,readonly,bind-recursive=writable",
                      "busybox", "sh", "-c", script)
    assert done.stderr.count("Read-only file system") == 1
    assert not (nested / "x").exists()


def test_r17_binds_are_private_unless_it_is_asked_otherwise(engine, tmp_path):
    point = mount_at(run_probe(engine, "-v", f"{tmp_path}:/b"), "/b")
    assert point["propagation"] == []
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    engine.ctr("run", "--rm", "--privileged", "-v", f"{tmp_path}:/b", "busybox", "sh", "-c",
               "mkdir /b/m && mount -t tmpfs none /b/m && touch /b/m/inside")
    assert not (tmp_path / "m/inside").exists()
    assert pathlib.Path("/proc/self/mountinfo").read_text().count(str(tmp_path)) == before.count(str(tmp_path))
    refused(engine, "-v", f"{tmp_path}:/b:sharedish")


def test_r17_a_slave_bind_receives_the_host_s_mounts(engine, running, tmp_path):
    subprocess.run(["mount", "--bind", tmp_path, tmp_path], check=True)
    subprocess.run(["mount", "--make-shared", tmp_path], check=True)
    try:
        (tmp_path / "late").mkdir()
        slave, private = running("-v", f"{tmp_path}:/b:rslave"), running("-v", f"{tmp_path}:/b")
        subprocess.run(["mount", "-t", "tmpfs", "ctrtest", tmp_path / "late"], check=True)
        (tmp_path / "late/file").touch()
        assert engine.out("exec", slave, "ls", "/b/late") == "file"
        assert engine.out("exec", private, "ls", "/b/late") == ""
    finally:
        subprocess.run(["umount", "-R", "-l", tmp_path], check=True)


def test_mounts_that_cannot_be_are_refused(engine, tmp_path):
    (tmp_path / "file").touch()
    assert "does not exist" in refused(engine, "--mount", f"type=bind,src={tmp_path}/none,dst=/b")
    for mount in ("type=bind,src=relative,dst=/b", f"type=bind,src={tmp_path}", "type=nonsense,dst=/b",
                  f"type=bind,src={tmp_path},dst=relative", f"type=bind,src={tmp_path},dst=/",
                  "type=tmpfs,src=/x,dst=/b"):
        refused(engine, "--mount", mount)
    assert "it is a directory" in refused(engine, "-v", f"{tmp_path}/file:/etc")


# --- resources

def test_memory_is_limited(engine, running):
    name = running("-m", "64m")
    assert cgroup_value(engine, name, "memory.max", "memory.limit_in_bytes") == str(64 << 20)


def test_i17_memory_over_the_limit_kills_inside_only(engine):
    engine.ctr("run", "--name", "hungry", "-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c",
               "x=a; while :; do x=$x$x; done", check=False)
    state = engine.inspect("hungry")["State"]
    engine.ctr("rm", "hungry")
    assert state["OOMKilled"] and state["ExitCode"] == 137
    assert engine.answers()


def test_processor_limits_reach_the_cgroup(engine, running):
    name = running("--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0")
    quota = cgroup_value(engine, name, "cpu.max", "cpu.cfs_quota_us")
    assert quota in ("50000 100000", "50000")
    assert cgroup_value(engine, name, "cpuset.cpus") == "0"
    assert engine.out("exec", name, "nproc") == "1"
    if "cpu.shares" in str(os.listdir(engine.cgroups(engine.inspect(name)["Id"])[0])):
        assert cgroup_value(engine, name, "cpu.shares") == "512"


def test_i18_half_a_processor_is_half_a_processor(engine, running):
    name = running("--cpus", "0.5", command=("sh", "-c", "while :; do :; done"))
    pid = engine.inspect(name)["State"]["Pid"]

    def used():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    begin, before = time.monotonic(), used()
    time.sleep(3)
    assert (used() - before) / (time.monotonic() - begin) < 0.56


def test_i16_a_fork_bomb_is_stopped(engine):
    engine.ctr("run", "-d", "--name", "bomb", "--pids-limit", "20", "busybox", "sh", "-c",
               "b() { b | b & }; b; sleep 300")
    try:
        assert cgroup_value(engine, "bomb", "pids.max") == "20"
        wait_for(lambda: "fork" in engine.ctr("logs", "bomb").stderr or not
                 engine.inspect("bomb")["State"]["Running"], "the bomb to fail")
        begin = time.monotonic()
        engine.ctr("stop", "-t", "1", "bomb")
        assert time.monotonic() - begin < 4
    finally:
        engine.ctr("rm", "-f", "bomb")


def test_limits_of_the_process_are_set(engine):
    report = run_probe(engine, "--ulimit", "nofile=1000:2000", "--ulimit", "core=0", "--oom-score-adj", "250",
                       mode="process")
    assert report["limits"]["nofile"] == [1000, 2000] and report["limits"]["core"] == [0, 0]
    assert report["oom_score_adj"] == "250"
    refused(engine, "--ulimit", "nofile=2000:1000")
    refused(engine, "--ulimit", "nonsense=1")
    refused(engine, "--oom-score-adj", "1001")
    refused(engine, "-m", "1m")
    refused(engine, "--cpus", "10000")
    refused(engine, "--cpuset-cpus", "9999")


# --- names, environment, sysctls

def test_i13_sysctls_of_the_container_s_namespaces_can_be_set(engine):
    report = run_probe(engine, "--sysctl", "net.core.somaxconn=777", "--sysctl", "kernel.msgmax=9000",
                       "--sysctl", "net.ipv4.ip_unprivileged_port_start=500")
    assert report["sysctls"]["net.core.somaxconn"] == "777"
    assert report["sysctls"]["kernel.msgmax"] == "9000"
    assert report["sysctls"]["net.ipv4.ip_unprivileged_port_start"] == "500"


@pytest.mark.parametrize("flags", [
    ["--sysctl", "kernel.core_pattern=|/bin/x"], ["--sysctl", "vm.swappiness=1"],
    ["--sysctl", "net.x/../../kernel.core_pattern=x"], ["--sysctl", "net.core.somaxconn=1\n2"],
    ["--network", "host", "--sysctl", "net.core.somaxconn=7"], ["--ipc", "host", "--sysctl", "kernel.msgmax=7"],
    ["--sysctl", "kernel/../kernel.core_pattern=x"], ["--sysctl", "net/../kernel/core_pattern=x"]], ids=str)
def test_i13_sysctls_of_the_host_cannot(engine, flags):
    before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    refused(engine, *flags)
    assert pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == before


def test_names_and_environment_are_as_asked(engine, tmp_path):
    (tmp_path / "env").write_text("# comment\nFROM_FILE=1\nB=file\nPATH\n")
    report = run_probe(engine, "-h", "box", "-w", "/made/here", "-e", "A=1", "-e", "B=2", "--env-file",
                       tmp_path / "env")
    assert report["hostname"] == "box" and report["cwd"] == "/made/here"
    environment = report["environment"]
    assert {"A=1", "B=2", "FROM_FILE=1", "HOSTNAME=box", "HOME=/root"} <= set(environment)
    assert len(environment) == len({entry.split("=")[0] for entry in environment})


def test_init_and_entrypoint(engine):
    first = engine.out("run", "--rm", "--init", "busybox", "sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '; echo $$")
    assert "docker-init" in first and first.endswith(tuple("23456789"))
    assert engine.out("run", "--rm", "--entrypoint", "/bin/echo", "busybox", "a", "b") == "a b"


def test_hosts_and_name_servers_are_written_to_the_container_s_files(engine):
    done = engine.out("run", "--rm", "--add-host", "db:10.1.2.3", "--dns", "10.9.9.9", "--dns-search", "corp",
                      "-h", "box", "busybox", "cat", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname")
    assert "10.1.2.3\tdb" in done and "nameserver 10.9.9.9" in done and "search corp" in done
    assert done.endswith("box")


# --- users

@pytest.mark.parametrize("user, expected", [
    ("1000", (1000, 0, [0])), ("1", (1, 1, [1])), ("daemon", (1, 1, [1])), ("0:", (0, 0, [0, 10])),
    ("1000:1000", (1000, 1000, [1000])), (":5", (0, 5, [5])), ("root:", (0, 0, [0, 10]))])
def test_u01_u03_users_are_those_of_docker(engine, user, expected):
    report = run_probe(engine, "--user", user, mode="process")
    assert (report["uid"], report["gid"], sorted(report["groups"])) == expected


@pytest.mark.parametrize("user", ["4294967296", "2147483648", "-1", "0x0", "1e3", " 0", "1000:1000:extra", "nobodyhere",
                                  "0:nogrouphere", "0\n"])
def test_u02_u04_u05_odd_users_are_refused(engine, user):
    refused(engine, f"--user={user}", command=("id",))


def test_u06_groups_can_be_added(engine):
    report = run_probe(engine, "--user", "1000:50", "--group-add", "1234", "--group-add", "daemon", mode="process")
    assert sorted(report["groups"]) == [1, 50, 1234]
    refused(engine, "--group-add", "nogrouphere")


@pytest.mark.parametrize("flags", [["--add-host", "a\nb:1.2.3.4"], ["-h", "a b\n"], ["--add-host", "a:1.2.3.4\nx"],
                                   ["--dns", "1.2.3.4\nx"], ["-e", "=x"]], ids=str)
def test_u07_line_breaks_do_not_reach_generated_files(engine, flags):
    refused(engine, *flags)


def test_u07_line_breaks_in_variables_stay_in_them(engine):
    done = engine.out("run", "--rm", "-e", "HOME=/x\n6.6.6.6 evil", "-e", "A=1\n2", "busybox", "sh", "-c",
                      "cat /etc/hosts /etc/passwd /etc/resolv.conf; echo \"$A\"")
    assert "evil" not in done and done.endswith("1\n2")


def test_u08_nothing_of_the_daemon_s_environment_gets_in(engine):
    environment = run_probe(engine, mode="process")["environment"]
    assert {entry.split("=")[0] for entry in environment} == {"PATH", "HOSTNAME", "HOME"}
    assert not [entry for entry in environment if "CTR" in entry]


def test_the_limit_of_processes_has_a_default(engine, running):
    assert 0 < int(cgroup_value(engine, running(), "pids.max")) <= 32768


def test_a_container_that_ended_leaves_no_cgroup(engine):
    start_probed(engine, "gone")
    identity = engine.inspect("gone")["Id"]
    assert engine.cgroups(identity)
    engine.ctr("rm", "-f", "gone")
    wait_for(lambda: not engine.cgroups(identity), "the cgroups to go")


# --- AppArmor ---


@pytest.mark.skipif(not has_apparmor(), reason="AppArmor is not enabled here; tests/vm/run has it")
def test_containers_are_confined_by_a_profile_unless_they_ask_for_another(shared_engine):
    engine = shared_engine
    shown = ["cat", "/proc/self/attr/current"]
    assert engine.out("run", "--rm", "busybox", *shown) == "ctr-default (enforce)"
    assert engine.out("run", "--rm", "--privileged", "busybox", *shown) == "unconfined"
    assert engine.out("run", "--rm", "--security-opt", "apparmor=unconfined", "busybox", *shown) == "unconfined"
    assert "name=apparmor" in engine.api("GET", "/info")[1]["SecurityOptions"]
    engine.ctr("run", "-d", "--name", "confined", "busybox", "sleep", "600")
    assert engine.inspect("confined")["AppArmorProfile"] == "ctr-default"
    assert engine.out("exec", "confined", *shown) == "ctr-default (enforce)"
    assert engine.out("exec", "--privileged", "confined", *shown) == "unconfined"
    # What the profile stops, with every other barrier out of the way.
    free = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"]
    done = engine.ctr("run", "--rm", *free, "busybox", "mount", "-t", "tmpfs", "none", "/tmp", check=False)
    assert done.returncode != 0 and "denied" in done.stderr.lower()
    done = engine.ctr("run", "--rm", *free, "busybox", "sh", "-c", "echo h > /proc/sysrq-trigger", check=False)
    assert done.returncode != 0
    engine.ctr("kill", "confined")
    engine.ctr("rm", "-f", "confined")
    done = engine.ctr("run", "--rm", "--security-opt", "apparmor=no-such-profile", "busybox", "true", check=False)
    assert done.returncode == 125 and "'no-such-profile' is not loaded" in done.stderr


@pytest.mark.skipif(has_apparmor(), reason="AppArmor is enabled here")
def test_without_apparmor_a_profile_is_asked_for_in_vain(shared_engine):
    assert shared_engine.out("run", "--rm", "--security-opt", "apparmor=docker-default", "busybox", "echo", "yes") == "yes"
    assert "name=apparmor" not in shared_engine.api("GET", "/info")[1]["SecurityOptions"]
