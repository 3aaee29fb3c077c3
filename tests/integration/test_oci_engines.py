"""ctr-runtime under the engines that it is a drop-in for: podman, dockerd and containerd."""

import pathlib
import secrets
import subprocess

import pytest

from engine import wait_for
from oci_bundle import RUNTIME
from peers import Peer, daemon, docker, find_program, missing, podman

# Where systemd runs, it is what podman and dockerd take by themselves.
MANAGERS = ["cgroupfs", *(["systemd"] if pathlib.Path("/run/systemd/system").exists() else [])]


def need(*names):
    if missing(*names):
        pytest.skip(f"not to be had here: {', '.join(missing(*names))}; tests/run fetches them")


@pytest.fixture(scope="module", params=[f"{kind}-{manager}" for kind in ("podman", "docker") for manager in MANAGERS])
def engine(request):
    kind, manager = request.param.split("-")
    need(*{"podman": ["podman", "conmon"], "docker": ["dockerd", "docker", "containerd"]}[kind])
    with {"podman": podman, "docker": docker}[kind](manager, RUNTIME) as peer:
        yield peer


under_docker = pytest.mark.parametrize("engine", [f"docker-{manager}" for manager in MANAGERS], indirect=True)


@pytest.fixture
def sleeper(engine):
    """A container that runs, with limits."""
    name = "c" + secrets.token_hex(3)
    engine.call("run", "-d", "--name", name, "--network", "none", "--memory", "64m", "--pids-limit", "50",
                *engine.image, "sh", "-c", "echo logged; sleep 1000")
    yield engine, name
    engine.call("rm", "-f", name)


def test_a_container_runs_to_its_end(engine):
    run = ["run", "--rm", "--network", "none", *engine.image]
    assert engine.call(*run, "echo", "hello").stdout == "hello\n"
    assert engine.call(*run, "sh", "-c", "exit 7", check=False).returncode == 7


def test_the_engine_understands_that_a_command_is_missing(engine):
    done = engine.call("run", "--rm", "--network", "none", *engine.image, "no-such-program", check=False)
    assert done.returncode == 127 and "executable file not found in $PATH" in done.stderr


def test_limits_reach_the_container(sleeper):
    engine, name = sleeper
    pid = engine.call("inspect", "--format", "{{.State.Pid}}", name).stdout.strip()
    lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    paths = {controller: line.split(":")[2] for line in lines for controller in line.split(":")[1].split(",")}
    trees = pathlib.Path("/sys/fs/cgroup")
    if (trees / "cgroup.controllers").exists():
        directory = trees / paths[""].lstrip("/")
        assert (directory / "memory.max").read_text().strip() == str(64 << 20)
        assert (directory / "pids.max").read_text().strip() == "50"
    else:
        assert (trees / f"memory{paths['memory']}/memory.limit_in_bytes").read_text().strip() == str(64 << 20)
        assert (trees / f"pids{paths['pids']}/pids.max").read_text().strip() == "50"


def test_exec_runs_and_ends_as_its_process_does(sleeper):
    engine, name = sleeper
    done = engine.call("exec", name, "sh", "-c", "echo inside; exit 3", check=False)
    assert (done.returncode, done.stdout) == (3, "inside\n")
    assert engine.call("exec", "--user", "5:6", name, "id", "-u").stdout == "5\n"


def test_a_container_is_paused_and_goes_on(sleeper):
    engine, name = sleeper
    engine.call("pause", name)
    assert engine.call("inspect", "--format", "{{.State.Status}}", name).stdout == "paused\n"
    engine.call("unpause", name)
    assert engine.call("inspect", "--format", "{{.State.Status}}", name).stdout == "running\n"


def test_logs_processes_and_figures_are_there(sleeper):
    engine, name = sleeper
    wait_for(lambda: engine.call("logs", name).stdout == "logged\n", "the log", 60)
    assert "sleep 1000" in engine.call("top", name).stdout
    stats = engine.call("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", name).stdout
    assert stats.split()[0] == name and int(stats.split()[1]) >= 1


def test_a_container_is_killed_and_removed(sleeper):
    engine, name = sleeper
    engine.call("kill", name)
    wait_for(lambda: engine.call("inspect", "--format", "{{.State.Running}}", name).stdout == "false\n", "its end", 60)
    assert engine.call("inspect", "--format", "{{.State.ExitCode}}", name).stdout == "137\n"


def test_a_container_has_a_terminal(engine):
    shown = engine.on_terminal("run", "--rm", "-t", "--network", "none", *engine.image, "tty")
    assert shown.strip().startswith("/dev/pts/")


@under_docker
def test_docker_changes_limits_of_a_running_container(engine):
    engine.call("run", "-d", "--name", "updated", "--network", "none", *engine.image, "sleep", "1000")
    engine.call("update", "--pids-limit", "77", "updated")
    assert engine.call("inspect", "--format", "{{.HostConfig.PidsLimit}}", "updated").stdout == "77\n"
    engine.call("rm", "-f", "updated")


@under_docker
def test_docker_runs_a_privileged_container_and_one_with_a_readonly_root(engine):
    run = ["run", "--rm", "--network", "none"]
    assert engine.call(*run, "--privileged", *engine.image, "grep", "CapBnd", "/proc/self/status").stdout
    done = engine.call(*run, "--read-only", *engine.image, "touch", "/x", check=False)
    assert done.returncode == 1 and "Read-only file system" in done.stderr


# --- containerd, by its own tool ---


@pytest.fixture(scope="module")
def containerd():
    need("containerd", "ctr", "containerd-shim-runc-v2")
    peer = Peer("containerd")
    config = peer.base / "config.toml"
    config.write_text(f'version = 2\nroot = "{peer.base}/root"\nstate = "{peer.base}/state"\n'
                      f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                      f'[grpc]\naddress = "{peer.base}/containerd.sock"\n'
                      f'[plugins."io.containerd.internal.v1.opt"]\npath = "{peer.base}/opt"\n')
    peer.command = [find_program("ctr"), "--address", f"{peer.base}/containerd.sock"]
    with daemon(peer, [find_program("containerd"), "--config", str(config)],
                lambda: peer.call("version", check=False).returncode == 0):
        yield peer
        for name in peer.call("containers", "ls", "-q").stdout.split():
            peer.call("tasks", "kill", "-s", "KILL", name, check=False)
            peer.call("tasks", "rm", "-f", name, check=False)
            peer.call("containers", "rm", name, check=False)
    peer.remove()


def test_containerds_tool_runs_execs_pauses_and_kills(containerd):
    run = ["run", "--runc-binary", RUNTIME, "--rootfs"]
    done = containerd.call(*run, "--rm", containerd.rootfs, "once", "echo", "hello")
    assert done.stdout == "hello\n"
    containerd.call(*run, "--detach", containerd.rootfs, "sleeper", "sleep", "1000")
    assert containerd.call("tasks", "exec", "--exec-id", "e1", "sleeper", "echo", "inside").stdout == "inside\n"
    containerd.call("tasks", "pause", "sleeper")
    assert "PAUSED" in containerd.call("tasks", "ls").stdout
    containerd.call("tasks", "resume", "sleeper")
    assert "pids" in containerd.call("tasks", "metrics", "--format", "json", "sleeper").stdout
    containerd.call("tasks", "kill", "-s", "KILL", "sleeper")
    wait_for(lambda: "STOPPED" in containerd.call("tasks", "ls").stdout, "its end", 60)
    containerd.call("tasks", "rm", "sleeper")
    containerd.call("containers", "rm", "sleeper")
