"""The same container under ctrd and under Debian's dockerd, and the same bundle under ctr-runtime and runc: what a
process sees and may do, compared field by field. What stays different is listed in isolation_differences.json with its
reason; what is not listed fails, and so does what is listed and not there any more."""

import json
import os
import pathlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import Engine, docker_client
from oci_bundle import RUNTIME, Oci
from peer_comparison import Meant, compare, normalise
from peer_images import docker_archive
from peers import capable_runc, docker, find_program, unlike_the_reference
from probe_report import PROBE

MEANT = Meant("isolation_differences.json")

# What stands between `docker run` and the image; "exec" are the flags of an exec in the same container.
SHAPES = {
    "default": [], "user": ["--user", "1000:1000"], "named user": ["--user", "daemon"], "groups": ["--group-add", "5", "--group-add", "77"],
    "privileged": ["--privileged"], "privileged user": ["--privileged", "--user", "1000"],
    "all capabilities": ["--cap-add", "ALL"], "no capabilities": ["--cap-drop", "ALL"],
    "few capabilities": ["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN"],
    "read-only": ["--read-only"], "read-only with tmpfs": ["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/run:size=1m,mode=700,exec"],
    "terminal": ["-t"], "init": ["--init"], "no network": ["--network", "none"], "host network": ["--network", "host"],
    "host processes": ["--pid", "host"], "host ipc": ["--ipc", "host"], "no ipc": ["--ipc", "none"], "other's ipc": ["--ipc", "container:other"],
    "other's processes": ["--pid", "container:other"], "other's network": ["--network", "container:other"],
    "host names": ["--uts", "host"], "host cgroups": ["--cgroupns", "host"], "names": ["--hostname", "hh", "--domainname", "dd.example"],
    "no new privileges": ["--security-opt", "no-new-privileges"], "no seccomp": ["--security-opt", "seccomp=unconfined"],
    "system paths": ["--security-opt", "systempaths=unconfined"], "device": ["--device", "/dev/null:/dev/other:r"],
    "device rule": ["--device-cgroup-rule", "c 42:* rmw"],
    "binds": ["-v", "/etc/hostname:/h:ro", "-v", "/usr/lib:/u", "-v", "/usr/share:/s:ro", "-v", "named:/n", "-v", "/a"],
    "mounts": ["--mount", "type=tmpfs,target=/m,tmpfs-size=1m,tmpfs-mode=700", "--mount", "type=volume,source=vol,target=/v,readonly",
               "--mount", "type=bind,source=/usr/lib,target=/b,readonly"],
    "shared memory": ["--shm-size", "1m"], "limits": ["--ulimit", "nofile=100:200", "--ulimit", "core=0", "--oom-score-adj", "300"],
    "resources": ["--memory", "64m", "--pids-limit", "50", "--cpu-shares", "512", "--cpus", "0.5", "--cpuset-cpus", "0"],
    "sysctls": ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=9000"],
    "environment": ["--env", "A=b", "--env", "PATH=/bin", "--workdir", "/new/place"], "entry point": ["--entrypoint", "/probe"],
}
EXECS = {
    "exec": [], "exec by user": ["--user", "1000:1000"], "exec privileged": ["--privileged"], "exec on a terminal": ["-t"],
    "exec elsewhere": ["--workdir", "/tmp", "--env", "A=b"],
}


def by_point(mounts):
    """Of each point the mount that shows; what lies below it is counted."""
    points = {}
    for mount in mounts:
        known = points.get(mount["point"])
        points[mount["point"]] = {"type": mount["type"], "source": mount["source"], "options": ",".join(sorted(mount["options"])),
                                  "super": ",".join(sorted(mount["super"])), "propagation": re.sub(r"\d+", "N", ",".join(mount["propagation"])),
                                  "mounts": known["mounts"] + 1 if known else 1}
    return points


def comparable(report, places):
    """Without what two containers never have in common: numbers of namespaces, pipes, processes and pseudo-terminals."""
    report["mounts"] = by_point(report["mounts"])
    report["namespaces"] = {kind: "the host's" if link == os.readlink(f"/proc/self/ns/{kind}") else "its own"
                            for kind, link in report["namespaces"].items()}
    report["descriptors"] = {name: re.sub(r"\d+", "N", target) for name, target in report["descriptors"].items()}
    report["devices"] = {path: node for path, node in report["devices"].items() if not re.fullmatch(r"/dev/pts/\d+", path)}
    for name in ("environment", "root"):
        report[name] = {entry: True for entry in sorted(report[name])}
    report["cgroup"] = {line.split(":")[1]: line.split(":")[2] for line in report["cgroup"]}
    report["cgroup_files"] = {name: "; ".join(sorted(lines)) for name, lines in report["cgroup_files"].items()}
    report["pid"] = "the first" if report["pid"] == 1 else "a later one"
    for verdict in report["masked"].values():
        if isinstance(verdict.get("bytes"), int) and verdict["bytes"] > 0:
            verdict["bytes"] = "some"
    return normalise(report, places)


class Side:
    """An engine that Docker's client speaks to."""

    def __init__(self, call, places):
        self.call = call
        self.places = places

    def load(self, archive):
        """And starts a container whose namespaces others join."""
        self.call("load", "-i", archive)
        self.call("run", "-d", "--name", "other", "--ipc", "shareable", "-v", f"{PROBE}:/probe:ro", "plain:1", "sleep", "1000")

    def report(self, words):
        done = self.call(*words, check=False)
        if done.returncode != 0:
            return normalise({"exit": done.returncode, "error": done.stderr}, self.places)
        return comparable(json.loads(done.stdout), self.places)

    def reports(self, archive):
        self.load(archive)
        mount = ["-v", f"{PROBE}:/probe:ro"]
        found = {}
        for name, flags in SHAPES.items():
            command = ["plain:1"] if "--entrypoint" in flags else ["plain:1", "/probe"]
            found[name] = self.report(["run", "--rm", *mount, *flags, *command])
        for name, flags in EXECS.items():
            found[name] = self.report(["exec", *flags, "other", "/probe"])
        return found


@pytest.fixture(scope="module")
def under_docker(tmp_path_factory):
    if why := unlike_the_reference():
        pytest.skip(why)
    directory = tmp_path_factory.mktemp("peers")
    runtime = capable_runc(directory / "runc")
    archive = directory / "images.tar"
    archive.write_bytes(docker_archive())
    with Engine() as engine, docker(bridge=True, storage="overlay2", runtime=runtime) as peer, ThreadPoolExecutor() as pool:
        sides = [Side(engine.docker, {str(engine.data): "<data>", str(engine.run_dir): "<run>"}),
                 Side(peer.call, {f"{peer.base}/data": "<data>", f"{peer.base}/run": "<run>"})]
        ours, theirs = pool.map(lambda side: side.reports(archive), sides)
    return {name: compare(name, ours[name], theirs[name]) for name in ours}


@pytest.mark.parametrize("name", [*SHAPES, *EXECS])
def test_a_container_is_the_same_as_dockers(under_docker, name):
    left = MEANT.unlisted(under_docker[name])
    assert not left, "\n" + "\n".join(left)


# --- one bundle, two runtimes

def unchanged(config):
    pass


def with_user(config):
    config["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o027}
    config["process"]["oomScoreAdj"] = 100


def read_only(config):
    config["root"]["readonly"] = True


def with_limits(config):
    config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    config["linux"]["resources"].update(memory={"limit": 64 << 20}, pids={"limit": 50}, cpu={"shares": 512, "quota": 50000, "period": 100000})
    config["linux"]["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "0", "kernel.msgmax": "9000"}


def with_capabilities(config):
    names = ["CAP_NET_ADMIN", "CAP_CHOWN"]
    config["process"]["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    config["process"]["noNewPrivileges"] = True


def with_mounts(config):
    config["mounts"] += [
        {"destination": "/b", "type": "bind", "source": "/usr/lib", "options": ["rbind", "ro", "nosuid", "rslave"]},
        {"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "mode=700", "noexec", "noatime"]},
        {"destination": "/etc/hostname", "type": "bind", "source": "/etc/hostname", "options": ["bind", "nodev"]}]
    config["linux"]["rootfsPropagation"] = "rslave"


def with_devices(config):
    config["linux"]["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o660, "uid": 1, "gid": 2},
                                  {"path": "/dev/deep/er", "type": "p", "fileMode": 0o600}]
    config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]


def with_filter(config):
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                                  "syscalls": [{"names": ["keyctl", "chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
                                               {"names": ["setuid"], "action": "SCMP_ACT_ERRNO"}]}


def few_namespaces(config):
    config["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "pid", "ipc")]
    config.pop("hostname")
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "sysfs"]


BUNDLES = {"bundle": unchanged, "bundle with user": with_user, "bundle read-only": read_only, "bundle with limits": with_limits,
           "bundle with capabilities": with_capabilities, "bundle with mounts": with_mounts, "bundle with devices": with_devices,
           "bundle with filter": with_filter, "bundle with few namespaces": few_namespaces}


def bundle_report(program, change):
    with Oci(program) as oci:
        shutil.copy(PROBE, oci.rootfs / "probe")
        change(oci.config)
        done = oci.write("/probe").run()
        return comparable(json.loads(done.stdout), {oci.name: "<bundle>"})


@pytest.fixture(scope="module")
def under_runc():
    if why := unlike_the_reference():
        pytest.skip(why)
    return {name: compare(name, bundle_report(RUNTIME, change), bundle_report(find_program("runc"), change))
            for name, change in BUNDLES.items()}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_runs_as_under_runc(under_runc, name):
    left = MEANT.unlisted(under_runc[name])
    assert not left, "\n" + "\n".join(left)


def test_every_listed_difference_is_still_there(under_docker, under_runc):
    found = [difference for side in (under_docker, under_runc) for differences in side.values() for difference in differences]
    assert not MEANT.gone(found), MEANT.gone(found)
