"""The engines that ctr is held against, from Debian's packages (beside the system: tests/lib.sh,
fetch_engines): each with directories, a socket and a network namespace of its own."""

import contextlib
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile

from engine import TOP, wait_for
from oci_bundle import busybox_root

PEERS = TOP / "build/engines"
DOCKER = TOP / "build/docker"


def find_program(name):
    """One that was fetched, else one of the system's packages: not our own `ctr` for containerd's."""
    for base in (PEERS, DOCKER, pathlib.Path("/")):
        for directory in ("usr/bin", "usr/sbin"):
            if (base / directory / name).exists():
                return str(base / directory / name)
    return shutil.which(name)


def missing(*names):
    return [name for name in names if not find_program(name)]


def unlike_the_reference():
    """Why the lists of differences cannot hold here: they are those from Debian 12's dockerd and runc on cgroup v1."""
    absent = missing("dockerd", "docker", "containerd", "runc", "iptables")
    if absent:
        return f"not to be had here: {', '.join(absent)}; tests/run fetches them"
    version = subprocess.run([find_program("dockerd"), "--version"], capture_output=True, text=True).stdout
    if " 20.10." not in version:
        return f"the lists of differences are those from dockerd 20.10, this is {version.strip()}"
    if (pathlib.Path("/sys/fs/cgroup/cgroup.controllers")).exists():
        return "the lists of differences are those on cgroup v1"
    return ""


def environment(**more):
    libraries = ":".join(str(path) for path in (PEERS / "usr/lib").glob("*-linux-gnu"))
    programs = ":".join(str(base / d) for base in (PEERS, DOCKER) for d in ("usr/bin", "usr/sbin"))
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LD_LIBRARY_PATH": libraries, **more}


class Peer:
    """One engine with directories of its own; `command` is what stands before a verb of its client."""

    def __init__(self, kind):
        self.name = f"ctreng-{kind}-{secrets.token_hex(3)}"
        self.base = pathlib.Path(tempfile.mkdtemp(prefix=self.name + "-", dir="/var/tmp"))
        self.env = environment()
        self.command = []
        self.rootfs = self.base / "rootfs"
        subprocess.run(["cp", "-a", str(busybox_root()), str(self.rootfs)], check=True)

    def call(self, *arguments, check=True, timeout=180, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([*self.command, *map(str, arguments)], env=self.env, timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        if check:
            assert done.returncode == 0, f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def on_terminal(self, *arguments):
        """The output of a client that has a terminal."""
        line = " ".join(f"'{word}'" for word in [*self.command, *map(str, arguments)])
        return subprocess.run(["script", "-qec", line, "/dev/null"], env=self.env, timeout=180, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout

    def our_processes(self):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and str(self.base).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def remove(self):
        mounts = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(str(self.base))), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.base, ignore_errors=True)


@contextlib.contextmanager
def daemon(peer, command, answers):
    """A daemon in a network namespace of its own, ended by its pid."""
    subprocess.run(["ip", "netns", "add", peer.name], check=True)
    subprocess.run(["ip", "-n", peer.name, "link", "set", "lo", "up"], check=True)
    log = open(peer.base / "daemon.log", "wb")
    process = subprocess.Popen(["nsenter", f"--net=/run/netns/{peer.name}", *command], stdin=subprocess.DEVNULL,
                               stdout=log, stderr=log, env=peer.env)
    try:
        def ready():
            assert process.poll() is None, (peer.base / "daemon.log").read_text()[-3000:]
            return answers()
        wait_for(ready, f"{command[0]} to answer", 60)
        yield
    finally:
        process.terminate()
        process.wait(60)
        log.close()
        subprocess.run(["ip", "netns", "del", peer.name], check=False)


# runc refuses to give what the machine's own root does not have, and Docker gives a privileged container everything.
CAPABLE_RUNC = """#!/usr/bin/python3
import json, os, sys
arguments, runc, known = sys.argv[1:], {runc!r}, set({known!r})
def trim(file, process_of):
    document = json.load(open(file))
    for kind, names in process_of(document).get("capabilities", {{}}).items():
        process_of(document)["capabilities"][kind] = [name for name in names if name in known]
    json.dump(document, open(file, "w"))
if "create" in arguments:
    trim(arguments[arguments.index("--bundle") + 1] + "/config.json", lambda config: config["process"])
if "exec" in arguments:
    trim(arguments[arguments.index("--process") + 1], lambda process: process)
os.execv(runc, [runc, *arguments])
"""


def capable_runc(file):
    """A program that runs runc with those capabilities only that this machine has to give."""
    numbers = re.findall(r"#define (CAP_\w+)\s+(\d+)\n", pathlib.Path("/usr/include/linux/capability.h").read_text())
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    bounding = next(int(line.split()[1], 16) for line in lines if line.startswith("CapBnd"))
    known = [name for name, number in numbers if bounding >> int(number) & 1]
    pathlib.Path(file).write_text(CAPABLE_RUNC.format(runc=find_program("runc"), known=known))
    os.chmod(file, 0o755)
    return str(file)


@contextlib.contextmanager
def podman(manager="cgroupfs", runtime="runc", storage="vfs"):
    """Runs what its `image` says; `runtime` is a name or a path."""
    peer = Peer("podman")
    conf = peer.base / "containers.conf"
    conf.write_text('[containers]\ndefault_ulimits=["nofile=4000:4000","nproc=4000:4000"]\n'
                    '[engine]\nevents_logger="file"\n'
                    f'cgroup_manager="{manager}"\n'
                    f'conmon_path=["{find_program("conmon")}"]\n')
    peer.env["CONTAINERS_CONF"] = str(conf)
    peer.command = [find_program("podman"), "--root", str(peer.base / "root"), "--runroot", str(peer.base / "run"),
                    "--tmpdir", str(peer.base / "tmp"), "--storage-driver", storage, "--runtime", runtime]
    peer.image = ["--rootfs", str(peer.rootfs)]
    yield peer
    peer.call("rm", "--all", "--force", check=False)
    peer.remove()


@contextlib.contextmanager
def docker(manager="cgroupfs", runtime=None, storage="vfs", bridge=False):
    """`runtime`: a path of another one than its own runc. With a bridge, its default network, too."""
    peer = Peer("dockerd")
    host = f"unix://{peer.base}/docker.sock"
    peer.command = [find_program("docker"), "-H", host]
    peer.image = ["busybox"]
    command = [find_program("dockerd"), "--data-root", f"{peer.base}/data", "--exec-root", f"{peer.base}/run", "-H", host,
               "--pidfile", f"{peer.base}/pid", "--storage-driver", storage, "--exec-opt", f"native.cgroupdriver={manager}"]
    command += [] if bridge and shutil.which("iptables") else ["--iptables=false"]
    command += [] if bridge else ["--bridge", "none"]
    # Debian's docker-init is a link to a program of another package.
    command += ["--init-path", shutil.which("tini-static")] if shutil.which("tini-static") else []
    command += ["--add-runtime", f"ctr={runtime}", "--default-runtime", "ctr"] if runtime else []
    with daemon(peer, command, lambda: peer.call("version", check=False).returncode == 0):
        archive = peer.base / "root.tar"
        subprocess.run(["tar", "-cf", str(archive), "-C", str(peer.rootfs), "."], check=True)
        peer.call("import", archive, "busybox")
        yield peer
        left = peer.call("ps", "-aq").stdout.split()
        if left:
            peer.call("rm", "-f", *left)
    peer.remove()
