"""What a container is given when nobody asks for anything, seen from inside and from the host.

Numbers are those of the attacks in hostile-inputs.md. What flags change is in test_isolation_flags.py.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from oci_layout import unpack_layout
from probe_report import (DEFAULT_CAPABILITIES, NONE, PROBE, exec_probe, mount_at, options_at,
                          run_probe, start_probed)



@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


@pytest.fixture(scope="module")
def default(engine):
    """A container without any flag, and its first process's number on the host."""
    report, pid = start_probed(engine, "default")
    yield report, pid
    engine.ctr("rm", "-f", "default")


@pytest.fixture(scope="module")
def report(default):
    return default[0]


def host_status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def host_namespace(kind, pid="self"):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


# --- identity and privileges

def test_i01_root_has_docker_s_fourteen_capabilities_and_none_to_inherit(report):
    assert report["capabilities"] == {"CapInh": NONE, "CapAmb": NONE, "CapPrm": DEFAULT_CAPABILITIES,
                                      "CapEff": DEFAULT_CAPABILITIES, "CapBnd": DEFAULT_CAPABILITIES}


def test_i01_the_host_sees_the_same(default):
    status = host_status(default[1])
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {DEFAULT_CAPABILITIES}
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "0"


def test_i02_exec_inherits_nothing_either(engine, default):
    assert exec_probe(engine, "default")["capabilities"]["CapInh"] == NONE
    assert exec_probe(engine, "default", "--privileged")["capabilities"]["CapInh"] == NONE


def test_i03_a_user_has_no_capabilities(engine):
    capabilities = run_probe(engine, "--user", "1000", mode="process")["capabilities"]
    assert capabilities["CapEff"] == capabilities["CapPrm"] == NONE
    assert capabilities["CapBnd"] == DEFAULT_CAPABILITIES


def test_the_first_process_starts_clean(report):
    assert report["pid"] == 1 and report["leads_session"]
    assert report["umask"] == 0o022 and report["cwd"] == "/"
    assert report["signals"]["SigBlk"] == NONE
    assert report["oom_score_adj"] == "0"


# --- what is protected

def test_i04_masked_paths_are_empty_and_stay_so(report):
    seen = set()
    for path, verdict in report["masked"].items():
        if verdict["kind"] == "missing":
            continue
        seen.add(path)
        assert verdict["umount"] in ("EPERM", "EROFS", "EBUSY"), path
        if verdict["kind"] == "file":
            assert verdict["bytes"] == 0, path
            assert verdict["unlink"] in ("EPERM", "EROFS", "EBUSY"), path
        else:
            assert verdict["entries"] == 0, path
            assert verdict["create"] == "EROFS", path
            assert verdict["rmdir"] in ("EPERM", "EROFS", "EBUSY"), path
    assert {"/proc/keys", "/proc/timer_list", "/proc/interrupts", "/sys/firmware"} <= seen


def test_i05_kernel_settings_are_read_only(report):
    # EISDIR and ENOENT: not a file, or not there, on this kernel.
    assert report["write"]["/proc/sys/kernel/core_pattern"] == "EROFS"
    for path, verdict in report["write"].items():
        if path.startswith(("/proc/", "/sys/")):
            assert verdict in ("EROFS", "ENOENT", "EISDIR", "EACCES"), path


def test_i06_the_container_cannot_change_its_own_limits(engine):
    # cgroup.procs, the limit of memory and of processes, release agents: v1 and v2.
    script = """cd /sys/fs/cgroup
for file in cgroup.procs memory.max pids.max */cgroup.procs memory/memory.limit_in_bytes pids/pids.max \
    memory/notify_on_release memory/release_agent; do
  [ -e $file ] || continue
  echo 1 > $file && echo "wrote $file"
done
mkdir x memory/x && echo made; mount -o remount,rw /sys/fs/cgroup && echo remounted"""
    done = engine.ctr("run", "--rm", "-m", "64m", "busybox", "sh", "-c", script, check=False)
    assert done.stdout == "", done.stdout
    assert "Read-only file system" in done.stderr


def test_i06_the_container_is_in_its_own_cgroup(engine, default):
    _, pid = default
    identity = engine.inspect("default")["Id"]
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::") and pathlib.Path("/sys/fs/cgroup/pids").exists():
            continue  # hybrid: nothing is limited there
        if not line.endswith(":/"):  # a v1 hierarchy in which nothing is limited
            assert line.endswith(f"/{identity}"), line
    assert engine.cgroups(identity)


def test_i07_the_release_agent_exploit_fails_at_its_first_step(engine, report):
    """CVE-2022-0492"""
    done = engine.ctr("run", "--rm", "busybox", "sh", "-c",
                      "unshare -Urm sh -c 'mkdir /tmp/c; mount -t cgroup -o rdma cgroup /tmp/c'", check=False)
    assert done.returncode != 0 and "Operation not permitted" in done.stderr
    for call, verdict in report["calls"].items():
        if call.startswith("unshare "):
            assert verdict == "EPERM", call


def test_calls_that_reach_the_host_are_refused(report):
    calls = report["calls"]
    assert calls["clone3"] == "ENOSYS"
    for call in ("mount", "remount root", "keyctl", "sethostname", "vsock", "syslog", "bpf"):
        assert calls[call] == "EPERM", call
    for call in ("chroot", "setuid", "raw socket"):
        assert calls[call] == "ok", call


def test_i08_the_nodes_of_dev_are_these_and_no_others(report):
    nodes = {path: node for path, node in report["devices"].items() if node["type"] in "cb"}
    assert {path: tuple(node["rdev"]) for path, node in nodes.items()} == {
        "/dev/null": (1, 3), "/dev/zero": (1, 5), "/dev/full": (1, 7), "/dev/random": (1, 8),
        "/dev/urandom": (1, 9), "/dev/tty": (5, 0), "/dev/pts/ptmx": (5, 2)}
    assert {node["mode"] for node in nodes.values()} == {0o666}
    links = {path: node["target"] for path, node in report["devices"].items() if node["type"] == "l"}
    expected = {"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1",
                "/dev/stderr": "/proc/self/fd/2", "/dev/ptmx": "pts/ptmx"}
    if pathlib.Path("/proc/kcore").exists():
        expected["/dev/core"] = "/proc/kcore"
    assert links == expected


def test_i08_a_node_of_a_foreign_device_can_be_made_and_not_opened(report):
    for name, verdict in report["nodes"].items():
        assert verdict["mknod"] == "ok", name
        expected = "ok" if name == "null c 1:3" else "EPERM"
        if name != "tun c 10:200":  # allowed, as with runc
            assert (verdict["read"], verdict["write"]) == (expected, expected), name


MOUNTS = {
    "/": ("overlay", {"rw", "relatime"}),
    "/proc": ("proc", {"rw", "nosuid", "nodev", "noexec", "relatime"}),
    "/dev": ("tmpfs", {"rw", "nosuid"}),
    "/dev/pts": ("devpts", {"rw", "nosuid", "noexec", "relatime"}),
    "/sys": ("sysfs", {"ro", "nosuid", "nodev", "noexec", "relatime"}),
    "/dev/mqueue": ("mqueue", {"rw", "nosuid", "nodev", "noexec", "relatime"}),
    "/dev/shm": ("tmpfs", {"rw", "nosuid", "nodev", "noexec", "relatime"}),
}


@pytest.mark.parametrize("point", MOUNTS)
def test_i09_mounts_have_docker_s_flags(report, point):
    kind, options = MOUNTS[point]
    mount = mount_at(report, point)
    assert mount["type"] == kind and set(mount["options"]) == options
    assert mount["propagation"] == []


def test_i09_the_file_systems_have_docker_s_sizes_and_modes(report):
    assert {"size=65536k", "mode=755"} <= set(mount_at(report, "/dev")["super"])
    assert "size=65536k" in mount_at(report, "/dev/shm")["super"]
    assert {"gid=5", "mode=620", "ptmxmode=666"} <= set(mount_at(report, "/dev/pts")["super"])


def test_i09_there_is_no_other_mount(report):
    points = {mount["point"] for mount in report["mounts"]}
    known = set(MOUNTS) | {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/probe"}
    protected = tuple(report["masked"]) + ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                           "/proc/sysrq-trigger", "/sys/devices/system/cpu/", "/sys/fs/cgroup")
    assert not [point for point in points - known if not point.startswith(protected)]
    assert "ro" in options_at(report, "/sys/fs/cgroup")
    assert "ro" in options_at(report, "/proc/sys")


def test_i10_every_namespace_is_the_container_s_own(default):
    _, pid = default
    for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup"):
        assert host_namespace(kind, pid) != host_namespace(kind), kind
    assert host_namespace("user", pid) == host_namespace("user")


def test_i11_the_host_is_out_of_sight(engine):
    script = ("ls /proc | grep -c '^[0-9]'; head -1 /proc/kallsyms | cut -c1-16; dmesg 2>&1 | head -1;"
              "ls /proc/1/root/ | tr '\\n' ' '")
    counted, address, messages, root = engine.out("run", "--rm", "busybox", "sh", "-c", script).split("\n")
    assert int(counted) <= 6
    assert set(address) <= {"0"}
    assert "not permitted" in messages
    assert "work" not in root.split()


def test_i12_a_user_may_ping_and_bind_low_ports(engine, report):
    assert report["sysctls"]["net.ipv4.ip_unprivileged_port_start"] == "0"
    assert report["sysctls"]["net.ipv4.ping_group_range"].split() == ["0", "2147483647"]
    calls = run_probe(engine, "--user", "1000", "--cap-drop", "ALL")["calls"]
    assert calls["ping socket"] == calls["bind port 80"] == "ok"


def test_i14_the_session_keyring_is_not_the_host_s(engine, report):
    assert report["calls"]["keyctl"] == "EPERM"
    assert report["masked"]["/proc/keys"]["bytes"] == 0
    rings = [run_probe(engine, "--security-opt", "seccomp=unconfined")["calls"]["keyctl"] for _ in range(2)]
    assert rings == ["ok", "ok"]


def test_i15_the_monitor_dies_later_than_the_container(default):
    container = int(pathlib.Path(f"/proc/{default[1]}/oom_score_adj").read_text())
    parent = host_status(default[1])["PPid"]
    assert int(pathlib.Path(f"/proc/{parent}/oom_score_adj").read_text()) <= container


def test_i20_the_data_of_containers_is_out_of_a_host_user_s_reach(engine):
    """CVE-2021-41091"""
    for root in (engine.data, engine.run_dir / "containers"):
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "find",
                               str(root), "-mindepth", "1"], capture_output=True, text=True)
        assert done.stdout == "", done.stdout[:500]


def test_i21_nulls_of_the_api_do_not_open_anything(engine):
    status, created = engine.api("POST", "/v1.43/containers/create?name=nulls", {
        "Image": "busybox", "Cmd": ["/probe"], "HostConfig": {
            "Privileged": None, "CapAdd": None, "CapDrop": None, "SecurityOpt": None, "MaskedPaths": None,
            "ReadonlyPaths": None, "IpcMode": None, "PidMode": None, "Devices": None, "CgroupnsMode": None,
            "Binds": [f"{PROBE}:/probe:ro"]}})
    assert status == 201, created
    engine.ctr("start", "-a", "nulls", check=False)
    report = json.loads(engine.ctr("logs", "nulls").stdout)
    assert report["capabilities"]["CapBnd"] == DEFAULT_CAPABILITIES and report["seccomp"] == "2"
    assert report["masked"]["/proc/keys"]["bytes"] == 0
    assert report["write"]["/proc/sys/kernel/core_pattern"] == "EROFS"
    engine.ctr("rm", "nulls")


# --- descriptors, exec

def test_e04_only_the_standard_streams_are_open(engine, default):
    report, pid = default
    assert set(report["descriptors"]) == {"0", "1", "2"}
    assert set(os.listdir(f"/proc/{pid}/fd")) == {"0", "1", "2"}
    assert set(exec_probe(engine, "default")["descriptors"]) == {"0", "1", "2"}


@pytest.mark.parametrize("number", [0, 3, 5, 9, 12, 40])
def test_e02_the_working_directory_is_never_outside(engine, default, number):
    """CVE-2024-21626"""
    path = f"/proc/self/fd/{number}"
    for words in (["run", "--rm", "-w", path, "busybox", "pwd"], ["exec", "-w", path, "default", "/probe", "process"]):
        done = engine.ctr(*words, check=False)
        assert done.returncode != 0, (words, done.stdout)


@pytest.mark.parametrize("number", [3, 5, 9])
def test_e05_a_descriptor_is_not_a_command(engine, default, number):
    for words in (["run", "--rm", "busybox"], ["exec", "default"]):
        done = engine.ctr(*words, f"/proc/self/fd/{number}", check=False)
        assert done.returncode in (126, 127), done


EXEC_FIELDS = ("uid", "gid", "groups", "capabilities", "seccomp", "no_new_privs", "limits", "umask", "cwd",
               "oom_score_adj", "cpus_allowed", "signals")


@pytest.mark.parametrize("flags", [
    [], ["--user", "1000:1000", "--group-add", "77"], ["--cap-drop", "ALL", "--cap-add", "CHOWN"],
    ["--security-opt", "no-new-privileges"], ["--security-opt", "seccomp=unconfined"],
    ["--ulimit", "nofile=100:200", "--oom-score-adj", "300", "-w", "/tmp"], ["--privileged"],
    ["--cpuset-cpus", "0"]], ids=" ".join)
def test_e07_exec_gets_what_the_first_process_has(engine, flags):
    first, pid = start_probed(engine, "twin", *flags)
    try:
        second = exec_probe(engine, "twin", mode="all")
        # Nothing is masked in a privileged container: there the first probe's own attempts (it unmounts
        # and removes what it can) show in what the second one finds.
        masks = () if "--privileged" in flags else ("mounts", "masked", "write")
        for field in (*EXEC_FIELDS, "namespaces", "cgroup", "calls", *masks):
            assert second[field] == first[field], field
        missing = {e for e in first["environment"] if e not in second["environment"]}
        assert not missing
    finally:
        engine.ctr("rm", "-f", "twin")


def test_e10_exec_gets_only_what_was_asked_for(engine):
    start_probed(engine, "user", "--user", "1000:1000")
    try:
        assert exec_probe(engine, "user")["uid"] == 1000
        as_root = exec_probe(engine, "user", "--user", "0")
        assert as_root["uid"] == 0 and as_root["capabilities"]["CapEff"] == DEFAULT_CAPABILITIES
        privileged = exec_probe(engine, "user", "--privileged")
        assert privileged["uid"] == 1000 and privileged["capabilities"]["CapEff"] == NONE
        both = exec_probe(engine, "user", "--privileged", "--user", "0")
        assert int(both["capabilities"]["CapEff"], 16) > int(DEFAULT_CAPABILITIES, 16)
        assert exec_probe(engine, "user")["uid"] == 1000
        for path in ("/exec/" + "0" * 64 + "/json", "/exec/nothing/json"):
            assert engine.api("GET", path)[0] == 404
    finally:
        engine.ctr("rm", "-f", "user")


# --- the same under Debian's runc

# field: why ctr's container differs from the same program under runc with Docker's settings.
MEANT = {
    "seccomp": "the bundle has no filter: Docker's is not part of runc",
    "seccomp_filters": "as seccomp",
    "calls": "as seccomp",
    "write": "compared below: only the directory of the v1 cgroups, which runc leaves writable",
    "groups": "Docker adds the memberships of the image's /etc/group, runc takes numbers only",
    "environment": "HOSTNAME and HOME are the engine's to give",
    "descriptors": "pipes have numbers of their own",
    "namespaces": "each container has its own",
    "hostname": "the container's name",
    "cgroup": "paths of their own",
    "cgroup_files": "limits are the engine's to give; test_isolation_peers compares them",
    "sysctls": "ping and low ports for users are the engine's to give",
    "mounts": "compared by point, type and flags below",
    "devices": "compared by number and mode below",
    "root": "/probe is a bind and the file of the bundle",
    "oom_score_adj": "runc leaves what it was started with",
    "signals": "runc, a Go program, leaves other signals ignored",
    "domainname": "runc leaves the host's",
}


def runc_bundle(directory):
    root = directory / "rootfs"
    unpack_layout(root)
    shutil.copy(PROBE, root / "probe")
    subprocess.run(["runc", "spec"], cwd=directory, check=True)
    config = json.loads((directory / "config.json").read_text())
    names = ["CAP_" + name for name in (
        "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
        "SYS_CHROOT KILL AUDIT_WRITE").split()]
    process = config["process"]
    process.update(args=["/probe"], terminal=False, noNewPrivileges=False, rlimits=[], cwd="/")
    process["capabilities"] = {"bounding": names, "effective": names, "permitted": names}
    process["user"]["umask"] = 0o022
    config["root"]["readonly"] = False
    for mount in config["mounts"]:
        if mount["destination"] == "/proc":
            mount["options"] = ["nosuid", "noexec", "nodev"]  # Docker's
    config["linux"]["maskedPaths"] += ["/proc/interrupts"]
    config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
    config["linux"]["cgroupsPath"] = f"/{directory.name}/probe"
    if not any(space["type"] == "cgroup" for space in config["linux"]["namespaces"]):
        config["linux"]["namespaces"].append({"type": "cgroup"})
    (directory / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def under_runc():
    if not shutil.which("runc"):
        pytest.skip("wants runc")
    with tempfile.TemporaryDirectory(prefix="ctrtest-runc-", dir="/var/tmp") as directory:
        directory = pathlib.Path(directory)
        runc_bundle(directory)
        done = subprocess.run(["runc", "--root", str(directory / "state"), "run", directory.name], cwd=directory,
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        for parent in pathlib.Path("/sys/fs/cgroup").glob(f"**/{directory.name}"):
            parent.rmdir()
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def flags_by_point(report):
    return {point: (mount_at(report, point)["type"], options_at(report, point)) for point in MOUNTS
            if point != "/"}


def test_ctr_and_runc_differ_only_where_it_is_meant(report, under_runc):
    differing = {field for field in report if report[field] != under_runc.get(field)}
    assert differing <= set(MEANT), {field: (report[field], under_runc.get(field))
                                     for field in differing - set(MEANT)}


def test_ctr_and_runc_mount_the_same(report, under_runc):
    assert flags_by_point(report) == flags_by_point(under_runc)


def test_ctr_and_runc_make_the_same_devices(report, under_runc):
    def nodes(seen):
        return {path: node for path, node in seen["devices"].items() if not path.startswith("/dev/pts/")}
    assert nodes(report) == nodes(under_runc)


def test_ctr_and_runc_protect_the_same(report, under_runc):
    assert report["masked"] == under_runc["masked"]
    assert report["nodes"] == under_runc["nodes"]
    for path, verdict in under_runc["write"].items():
        if path != "/sys/fs/cgroup":
            assert report["write"][path] == verdict, path
