"""Where the time of a start goes: GET /ctr/v1/containers/{id}/timeline, and `ctr timeline` over it."""

import json

# In the order of each side; the sides overlap.
HOST_STEPS = ["monitor: told to start", "launch: make the cgroup", "launch: clone into the cgroup",
              "launch: connect the network", "monitor: write the state", "monitor: started"]
CONTAINER_STEPS = ["mount the root file system", "mount file systems", "create devices", "enter the root file system",
                   "mask paths", "load the system call filter", "take the identity", "wait for the start"]


def steps_of(engine, name):
    status, steps = engine.api("GET", f"/ctr/v1/containers/{name}/timeline")
    assert status == 200, steps
    return steps


def test_the_steps_of_a_start_are_told_in_order(shared_engine):
    shared_engine.ctr("run", "-d", "--name", "timed", "busybox", "sleep", "1000")
    steps = steps_of(shared_engine, "timed")
    times = [step["at"] for step in steps]
    assert times == sorted(times) and times[-1] > 0
    names = [step["name"] for step in steps]
    for side in (HOST_STEPS, CONTAINER_STEPS):
        places = [names.index(name) for name in side]
        assert places == sorted(places), names
    shared_engine.ctr("rm", "-f", "timed")


def test_the_client_shows_when_each_step_was_done_and_what_it_took(shared_engine):
    shared_engine.ctr("run", "-d", "--name", "shown", "busybox", "sleep", "1000")
    lines = shared_engine.out("timeline", "shown").splitlines()
    assert lines[0].split("  ")[0] == "AT (ms)" and "TOOK (ms)" in lines[0] and "STEP" in lines[0]
    assert any("container" in line and "mask paths" in line for line in lines)
    assert any("host" in line and "launch: clone into the cgroup" in line for line in lines)
    assert len(lines) - 1 == len(steps_of(shared_engine, "shown"))
    assert json.loads(shared_engine.out("container", "timeline", "--json", "shown")) == steps_of(shared_engine, "shown")
    shared_engine.ctr("rm", "-f", "shown")


def test_a_timeline_outlives_the_daemon(engine):
    engine.ctr("run", "-d", "--name", "kept", "busybox", "sleep", "1000")
    before = steps_of(engine, "kept")
    engine.kill()
    engine.start()
    assert steps_of(engine, "kept") == before


def test_a_container_that_does_not_run_has_none(shared_engine):
    shared_engine.ctr("create", "--name", "idle", "busybox", "true")
    status, answer = shared_engine.api("GET", "/ctr/v1/containers/idle/timeline")
    assert status == 409 and "is not running" in answer["message"]
    done = shared_engine.ctr("timeline", "idle", check=False)
    assert done.returncode == 1 and "is not running" in done.stderr
    status, answer = shared_engine.api("GET", "/ctr/v1/containers/nobody/timeline")
    assert status == 404 and "No such container: nobody" in answer["message"]
    shared_engine.ctr("rm", "idle")
