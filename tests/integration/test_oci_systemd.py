"""ctr-runtime --systemd-cgroup: containers as transient scopes. Where systemd does not run (tests/vm/run has a
machine where it does) only that it says so is tested."""

import os
import pathlib
import secrets
import subprocess
import time

import pytest

from engine import wait_for
from oci_bundle import Oci

has_systemd = pathlib.Path("/run/systemd/system").exists()
with_systemd = pytest.mark.skipif(not has_systemd, reason="systemd does not run here; tests/vm/run has it")


@pytest.fixture
def oci():
    with Oci() as made:
        made.unit = f"ctrtest-{secrets.token_hex(4)}"
        made.config["linux"]["cgroupsPath"] = f"system.slice:ctrtest:{made.unit[8:]}"
        yield made
        if has_systemd:
            wait_for(lambda: property_of(made, "LoadState") == "not-found", "systemd to forget the scope", 10)


def property_of(oci, name):
    return subprocess.run(["systemctl", "show", "--property", name, "--value", oci.unit + ".scope"], check=True,
                          capture_output=True, text=True).stdout.strip()


def run_detached(oci, *arguments):
    oci.write(*arguments)
    # Into a file: the container would hold a pipe open.
    with open(oci.base / "c1.err", "wb") as errors:
        done = oci.run("--detach", name="c1", globals=["--systemd-cgroup"], capture_output=False, check=False,
                       stdout=subprocess.DEVNULL, stderr=errors)
    assert done.returncode == 0, oci.errors("c1")


@pytest.mark.skipif(has_systemd, reason="systemd runs here")
def test_without_systemd_the_flag_is_refused_before_anything_is_made(oci):
    oci.write("true")
    done = oci.run(name="c1", globals=["--systemd-cgroup"], check=False)
    assert done.returncode == 1 and "systemd does not run on this machine" in done.stderr
    assert "does not exist" in oci.call("state", "c1", check=False).stderr


def test_a_cgroups_path_of_another_form_is_refused(oci):
    oci.config["linux"]["cgroupsPath"] = "/a/b"
    oci.write("true")
    done = oci.run(name="c1", globals=["--systemd-cgroup"], check=False)
    assert done.returncode == 1 and 'slice:prefix:name' in done.stderr


@with_systemd
def test_a_container_is_a_scope_in_the_slice_that_was_asked_for(oci):
    oci.config["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 44},
                                        "cpu": {"quota": 50000, "period": 100000}}
    run_detached(oci, "sleep", "600")
    pid = oci.state("c1")["pid"]
    assert f"/system.slice/{oci.unit}.scope" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    assert property_of(oci, "ActiveState") == "active"
    assert property_of(oci, "Slice") == "system.slice"
    assert property_of(oci, "Delegate") == "yes"
    assert property_of(oci, "TasksMax") == "44"
    directory = pathlib.Path(f"/sys/fs/cgroup/system.slice/{oci.unit}.scope")
    assert directory.joinpath("pids.max").read_text() == "44\n"
    assert directory.joinpath("cgroup.procs").read_text() == f"{pid}\n", "nobody but the container is in there"
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert directory.joinpath("memory.max").read_text() == f"{64 << 20}\n"
    assert directory.joinpath("cpu.max").read_text() == "50000 100000\n"
    oci.call("delete", "--force", "c1")


@with_systemd
def test_an_update_is_told_to_systemd_and_outlives_its_reload(oci):
    run_detached(oci, "sleep", "600")
    oci.call("update", "--memory", str(32 << 20), "--pids-limit", "33", "c1")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    directory = pathlib.Path(f"/sys/fs/cgroup/system.slice/{oci.unit}.scope")
    assert directory.joinpath("memory.max").read_text() == f"{32 << 20}\n"
    assert directory.joinpath("pids.max").read_text() == "33\n"
    assert property_of(oci, "MemoryMax") == str(32 << 20)
    oci.call("pause", "c1")
    assert oci.state("c1")["status"] == "paused"
    oci.call("resume", "c1")
    oci.call("exec", "c1", "true")
    oci.call("kill", "c1", "KILL")
    wait_for(lambda: oci.state("c1")["status"] == "stopped", "the container to end")
    oci.call("delete", "c1")


@with_systemd
def test_a_name_can_be_used_again_at_once(oci):
    for _ in range(5):
        oci.write("true")
        oci.run(name="c1", globals=["--systemd-cgroup"])


@with_systemd
def test_two_containers_cannot_have_one_scope(oci):
    run_detached(oci, "sleep", "600")
    with Oci() as other:
        other.config["linux"]["cgroupsPath"] = oci.config["linux"]["cgroupsPath"]
        other.write("true")
        done = other.run(name="c2", globals=["--systemd-cgroup"], check=False)
        assert done.returncode == 1 and f"does not start the scope '{oci.unit}.scope'" in done.stderr
    assert oci.state("c1")["status"] == "running"
    oci.call("delete", "--force", "c1")


@with_systemd
def test_a_runtime_that_is_killed_on_its_way_leaves_no_scope(oci):
    oci.write("sleep", "600")
    for delay in (0.005, 0.01, 0.02, 0.04, 0.08):
        process = subprocess.Popen([oci.program, "--root", oci.root, "--systemd-cgroup", "create", "--bundle",
                                    oci.bundle, "c1"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(process.pid, 9)
        process.wait()
        oci.call("delete", "--force", "c1")
        wait_for(lambda: property_of(oci, "LoadState") == "not-found", "the scope to go", 10)


@with_systemd
def test_annotations_set_properties_of_the_scope(oci):
    oci.config["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000"}
    run_detached(oci, "sleep", "600")
    assert property_of(oci, "TimeoutStopUSec") == "7s"
    oci.call("delete", "--force", "c1")
