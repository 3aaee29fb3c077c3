"""Runs ctrd for a test and looks behind it when it is gone.

CTRD_FLAGS in the environment adds flags to each: CTRD_FLAGS="--userns-remap auto" tests/run
"""

import hashlib
import json
import os
import pathlib
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from tools import BUILD, TOP

BIN = BUILD / "bin"
CTR = str(BIN / "ctr")


def docker_client():
    """Debian's docker client, fetched by tests/run; else whatever docker is installed."""
    fetched = TOP / "build/docker/usr/bin/docker"
    return str(fetched) if fetched.exists() else shutil.which("docker")


def wait_for(condition, what, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"timed out waiting for {what}")


def has_apparmor():
    path = pathlib.Path("/sys/module/apparmor/parameters/enabled")
    return path.exists() and path.read_text().startswith("Y")


class Engine:
    """A ctrd of its own, in a network namespace of its own. Use it as a context manager."""

    def __init__(self, *flags, bridge=True):
        self.name = "ctrtest-" + secrets.token_hex(4)
        self.flags = list(flags)
        self.bridge = bridge
        self.base = pathlib.Path(tempfile.mkdtemp(prefix=self.name + "-", dir="/var/tmp"))
        self.data = self.base / "data"
        self.run_dir = pathlib.Path("/run") / self.name
        self.socket = self.run_dir / "ctrd.sock"
        self.host = f"unix://{self.socket}"
        self.log = self.base / "ctrd.log"
        self.process = None
        self.registries = []
        self.wrapper = []  # a command that runs ctrd: what it does to the host is its own

    # --- life ---

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.in_netns("ip", "link", "set", "lo", "up")
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.remove_all()
        finally:
            # While the daemon runs: it deletes behind the client's back.
            left = self.leftovers() if kind is None else []
            self.stop()
            left += self.remove_parent_cgroups() if kind is None else []
            self.force_clean()
        if kind is None:
            assert not left, f"left behind: {left}\n{self.log_tail()}"
        else:
            print(self.log_tail())

    def start(self, *more_flags):
        self.run_dir.mkdir(mode=0o711, exist_ok=True)
        command = [str(BIN / "ctrd"), "--data-root", str(self.data), "--exec-root", str(self.run_dir),
                   "-H", self.host, "--pidfile", str(self.run_dir / "ctrd.pid"),
                   "--bridge", "ctrtest0" if self.bridge else "none",
                   *shlex.split(os.environ.get("CTRD_FLAGS", "")), *self.flags, *more_flags]
        for insecure in self.registries:
            command += ["--registry-mirror", f"http://{insecure}"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.name}", *self.wrapper, *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, "LSAN_OPTIONS": "detect_leaks=0"})
        wait_for(self.answers, "ctrd to answer", 20)

    def answers(self):
        assert self.process.poll() is None, f"ctrd ended: {self.log_tail()}"
        return self.socket.exists() and self.ctr("version", check=False).returncode == 0

    def stop(self, number=signal.SIGTERM):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        self.process.wait(timeout=20)

    def kill(self):
        self.stop(signal.SIGKILL)

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        self.start()

    @property
    def pid(self):
        return self.process.pid

    # --- what a user does ---

    def ctr(self, *arguments, check=True, **options):
        return self.command(CTR, *arguments, check=check, **options)

    def docker(self, *arguments, check=True, **options):
        return self.command(docker_client(), *arguments, check=check, **options)

    def command(self, program, *arguments, check=True, timeout=120, **options):
        options.setdefault("capture_output", True)
        options.setdefault("text", True)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        environment = {**os.environ, "DOCKER_HOST": self.host, "CTR_HOST": self.host,
                       "DOCKER_CONFIG": str(self.base / "docker-config")}
        done = subprocess.run([program, *map(str, arguments)], env=environment, timeout=timeout,
                              **options)
        if check and done.returncode != 0:
            raise AssertionError(
                f"{program} {' '.join(map(str, arguments))}: exit {done.returncode}\n"
                f"stdout: {done.stdout}\nstderr: {done.stderr}\n{self.log_tail()}")
        return done

    def popen(self, *arguments, **options):
        return subprocess.Popen([CTR, *map(str, arguments)],
                                env={**os.environ, "CTR_HOST": self.host}, **options)

    def out(self, *arguments, **options):
        return self.ctr(*arguments, **options).stdout.strip()

    def inspect(self, name):
        return json.loads(self.ctr("inspect", name).stdout)[0]

    def api(self, method, path, body=None, check=True):
        """(status, decoded body) of a request to the API."""
        command = ["curl", "-sS", "--globoff", "--unix-socket", str(self.socket), "-X", method, "-w", "\n%{http_code}",
                   "--max-time", "60", f"http://ctr{path}"]
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            command += ["-H", "Content-Type: application/json", "--data-binary", text]
        done = subprocess.run(command, capture_output=True, text=True, check=check)
        text, _, status = done.stdout.rpartition("\n")
        try:
            return int(status), json.loads(text) if text.strip() else None
        except json.JSONDecodeError:
            return int(status), text

    def in_netns(self, *command, **options):
        options.setdefault("check", True)
        return subprocess.run(["nsenter", f"--net=/run/netns/{self.name}", *command], **options)

    # --- images ---

    def load_layout(self, layout, reference):
        """Puts an OCI layout into the engine through a real registry that lives only as long as this."""
        from registry import Registry
        with Registry(self) as registry:
            registry.push(layout, reference)
            self.ctr("pull", f"{registry.address}/{reference}")
            self.ctr("tag", f"{registry.address}/{reference}", reference)
            self.ctr("rmi", f"{registry.address}/{reference}")

    def load_alpine(self):
        from images import alpine_layout, busybox_layout
        self.load_layout(alpine_layout(), "alpine:latest")
        self.load_layout(busybox_layout(), "busybox:latest")

    # --- looking behind ---

    def remove_all(self):
        ids = self.out("ps", "-aq").split()
        if ids:
            self.ctr("rm", "-f", *ids)

    def monitors(self):
        """Of containers; the spare one has another name."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if line[0].endswith(b"ctr-monitor") and str(self.run_dir).encode() in b" ".join(line):
                    found.append(int(entry.name))
        return found

    def cgroups(self, container_id):
        """The container's directories in every hierarchy. os.walk passes over what vanishes meanwhile."""
        return [os.path.join(parent, name) for parent, names, _ in os.walk("/sys/fs/cgroup")
                for name in names if name == container_id]

    def remove_parent_cgroups(self):
        """What a daemon keeps for its next container, and a test that is over has no use for: empty, or a leak."""
        name = "ctr-" + hashlib.sha256(str(self.run_dir).encode()).hexdigest()[:12]
        left = []
        for tree in [pathlib.Path("/sys/fs/cgroup"), *pathlib.Path("/sys/fs/cgroup").iterdir()]:
            try:
                (tree / name).rmdir()
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                left.append(f"{tree / name}: {error}")
        return left

    def leftovers(self):
        """Everything that a removed container or a stopped daemon must not leave."""
        def now():
            left = []
            mounts = pathlib.Path("/proc/self/mountinfo").read_text()
            left += [line for line in mounts.splitlines() if self.name in line and "/run/netns/" not in line]
            left += [f"process {pid}" for pid in self.monitors()]
            for directory in (self.run_dir / "containers", self.data / "containers"):
                if directory.exists():
                    left += [str(path) for path in directory.iterdir()
                             if path.name != "trash" or any(path.iterdir())]
            links = self.in_netns("ip", "-o", "link", capture_output=True, text=True).stdout
            left += [line for line in links.splitlines() if "veth" in line]
            return left
        end = time.monotonic() + 10
        while (left := now()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def force_clean(self):
        for pid in self.monitors():
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def log_tail(self):
        if not self.log.exists():
            return ""
        return "ctrd log:\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
