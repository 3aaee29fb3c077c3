"""Hooks of all six kinds: where and when they run, what they are told, and what a failure does."""

import json

import pytest

from oci_bundle import Oci


@pytest.fixture
def oci():
    with Oci() as container:
        yield container


def hook(oci, name, script="true", **more):
    """A hook that notes its name, its state and its mount namespace, and then does what the script says."""
    notes = oci.base / "notes"
    notes.touch()
    text = f"cat >> {notes}; echo >> {notes}; readlink /proc/self/ns/mnt > {oci.base}/{name}.ns; {script}"
    return {"path": "/bin/sh", "args": ["sh", "-c", text], "env": ["PATH=/usr/bin:/bin", f"NAME={name}"], **more}


def told(oci):
    return [json.loads(line) for line in (oci.base / "notes").read_text().splitlines() if line.strip()]


def test_each_kind_runs_at_its_moment_with_the_state_on_its_input(oci):
    kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
    oci.config["hooks"] = {kind: [hook(oci, kind)] for kind in kinds}
    oci.config["annotations"] = {"a": "b"}
    oci.config["hooks"]["startContainer"] = [
        {"path": "/bin/sh", "args": ["sh", "-c", "cat > /told; echo >> /told; echo $0 $X >> /told", "zero"], "env": ["X=y"]}]
    oci.write("sh", "-c", "cat /told")
    done = oci.run(name="c1")
    states = told(oci)
    assert [state["status"] for state in states] == ["creating", "creating", "creating", "running", "stopped"]
    for state in states:
        assert state["id"] == "c1" and state["bundle"] == str(oci.bundle) and state["annotations"] == {"a": "b"}
    assert states[0]["pid"] > 1 and states[0]["pid"] == states[1]["pid"] == states[3]["pid"]
    inside, line = done.stdout.splitlines()
    assert json.loads(inside)["status"] == "created" and line == "zero y"
    host = (oci.base / "prestart.ns").read_text()
    assert (oci.base / "createRuntime.ns").read_text() == host == (oci.base / "poststop.ns").read_text()
    assert (oci.base / "createContainer.ns").read_text() != host


def test_hooks_run_with_create_start_and_delete(oci):
    oci.config["hooks"] = {kind: [hook(oci, kind)] for kind in ("createRuntime", "poststart", "poststop")}
    oci.write("sleep", "600")
    oci.create("c1")
    assert [state["status"] for state in told(oci)] == ["creating"]
    oci.call("start", "c1")
    assert [state["status"] for state in told(oci)] == ["creating", "running"]
    oci.call("delete", "--force", "c1")
    assert [state["status"] for state in told(oci)] == ["creating", "running", "stopped"]


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer"])
def test_a_hook_that_fails_ends_the_start_and_leaves_nothing(oci, kind):
    oci.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", "echo my words >&2; exit 3"]}]}
    oci.write("true")
    done = oci.run(name="c1", check=False)
    assert done.returncode != 0
    assert f"{kind} hook #0 '/bin/sh'" in done.stderr and "exit status 3" in done.stderr and "my words" in done.stderr


@pytest.mark.parametrize("kind", ["poststart", "poststop"])
def test_a_late_hook_that_fails_is_a_warning_and_the_others_run(oci, kind):
    oci.config["hooks"] = {kind: [{"path": "/bin/false"}, hook(oci, kind)]}
    oci.write("echo", "runs")
    done = oci.run(name="c1")
    assert done.stdout == "runs\n" and "/bin/false" in done.stderr
    assert len(told(oci)) == 1


def test_a_hook_that_takes_too_long_is_killed(oci):
    oci.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "600"], "timeout": 1}]}
    oci.write("true")
    done = oci.run(name="c1", check=False)
    assert done.returncode != 0 and "did not end in 1 seconds and was killed" in done.stderr


def test_a_hook_that_is_not_there_is_named(oci):
    oci.config["hooks"] = {"prestart": [{"path": "/no/such/hook"}]}
    oci.write("true")
    done = oci.run(name="c1", check=False)
    assert done.returncode != 0 and "prestart hook #0 '/no/such/hook'" in done.stderr


def test_a_hook_need_not_read_its_input(oci):
    oci.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    oci.config["annotations"] = {f"key{i}": "x" * 1000 for i in range(1000)}
    oci.write("echo", "runs")
    assert oci.run(name="c1").stdout == "runs\n"
