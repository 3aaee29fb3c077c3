"""Bundles, and ctr-runtime (or a peer) run on them: what the tests of the OCI command line share."""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

from engine import BIN, TOP

RUNTIME = str(BIN / "ctr-runtime")


@functools.cache
def busybox_root():
    """Made once: a root file system of links takes seconds on a loaded machine."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ctroci-root-", dir="/var/tmp"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    subprocess.run([str(TOP / "image/embedded/make_busybox_root.sh"), "/bin/busybox", str(directory / "rootfs")],
                   check=True)
    return directory / "rootfs"


def default_config():
    """What `ctr-runtime spec` writes, for a program without a terminal."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([RUNTIME, "spec", "--bundle", directory], check=True)
        config = json.loads((pathlib.Path(directory) / "config.json").read_text())
    config["process"]["terminal"] = False
    config["root"]["readonly"] = False
    return config


class Oci:
    """A state directory and a bundle of its own for one test; looks behind the runtime when it is gone."""

    def __init__(self, program=RUNTIME):
        self.name = "ctroci-" + secrets.token_hex(4)
        self.base = pathlib.Path(tempfile.mkdtemp(prefix=self.name + "-", dir="/var/tmp"))
        self.program = program
        self.root = self.base / "state"
        self.bundle = self.base / "bundle"
        self.rootfs = self.bundle / "rootfs"
        self.bundle.mkdir()
        subprocess.run(["cp", "-a", str(busybox_root()), str(self.rootfs)], check=True)
        self.config = default_config()
        self.cgroup = "/" + self.name
        self.config["linux"]["cgroupsPath"] = self.cgroup + "/c"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        left = self.leftovers() if kind is None else []
        for directory in list(self.root.glob("*")) if self.root.exists() else []:
            self.call("delete", "--force", directory.name, check=False)
        shutil.rmtree(self.base, ignore_errors=True)
        for path in self.cgroup_directories(""):
            with contextlib.suppress(OSError):
                path.rmdir()
        assert not left, f"left behind: {left}"

    def write(self, *args, **process):
        """config.json with this command line."""
        if args:
            self.config["process"]["args"] = list(args)
        self.config["process"].update(process)
        (self.bundle / "config.json").write_text(json.dumps(self.config))
        return self

    def call(self, *arguments, check=True, timeout=60, globals=(), **options):
        options.setdefault("capture_output", True)
        options.setdefault("text", True)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        command = [self.program, "--root", str(self.root), *globals, *map(str, arguments)]
        done = subprocess.run(command, timeout=timeout, **options)
        if check:
            assert done.returncode == 0, f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def create(self, name="c", *more, **options):
        """Into files: what a created container holds open must not keep a pipe of ours open."""
        with open(self.base / f"{name}.out", "wb") as out, open(self.base / f"{name}.err", "wb") as err:
            done = self.call("create", "--bundle", self.bundle, *more, name, capture_output=False, stdout=out,
                             stderr=err, **options)
        return done

    def run(self, *more, name="c", **options):
        return self.call("run", "--bundle", self.bundle, *more, name, **options)

    def output(self, name="c"):
        return (self.base / f"{name}.out").read_text()

    def errors(self, name="c"):
        return (self.base / f"{name}.err").read_text()

    def state(self, name="c"):
        return json.loads(self.call("state", name).stdout)

    def wait_for_status(self, status, name="c", seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.state(name)["status"] == status:
                return
            time.sleep(0.02)
        raise AssertionError(f"{name} is {self.state(name)['status']}, not {status}")

    def cgroup_directories(self, name):
        """Those of /<test>/<name> in every hierarchy."""
        trees = [pathlib.Path("/sys/fs/cgroup"), *pathlib.Path("/sys/fs/cgroup").iterdir()]
        return [path for tree in trees if (path := tree / self.name / name).is_dir()]

    def leftovers(self):
        """What a deleted container, or one that could not be made, must not leave."""
        def now():
            left = [str(path) for path in self.root.glob("*")] if self.root.exists() else []
            left += self.cgroup_directories("c")
            left += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                     if self.name in line]
            return left + self.processes()
        end = time.monotonic() + 10
        while (left := now()) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def processes(self):
        """Processes whose root file system is the bundle's, or that are a ctr-runtime of ours."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                cgroup = (entry / "cgroup").read_text()
                if str(self.root).encode() in line or self.name in cgroup:
                    found.append(f"process {entry.name}: {line.decode(errors='replace')}")
        return found


def kill_quietly(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
