"""The monitor in reserve (daemon/monitor_spawner.h): whatever happens to it, starts go on, and it never outlives its
daemon."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from engine import Engine, wait_for


@pytest.fixture
def engine():
    with Engine() as running:
        running.ctr("pull", "busybox")
        yield running
        running.remove_all()


def spares(engine):
    """Pids of the monitors of this daemon that belong to no container yet."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{engine.run_dir}/containers/-".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def await_spare(engine, *but_not):
    return wait_for(lambda: [pid for pid in spares(engine) if pid not in but_not], "a monitor in reserve")[0]


def test_there_is_one_before_the_first_start_and_again_after_each(engine):
    first = await_spare(engine)
    assert engine.out("run", "--rm", "busybox", "echo", "hello") == "hello"
    second = await_spare(engine, first)
    assert second != first and len(spares(engine)) == 1


def test_the_spare_becomes_the_containers_monitor(engine):
    spare = await_spare(engine)
    engine.ctr("run", "-d", "--name", "owned", "busybox", "sleep", "600")
    assert engine.monitors() == [spare]
    identity = engine.inspect("owned")["Id"]
    assert identity.encode() in pathlib.Path(f"/proc/{spare}/cmdline").read_bytes(), "ps shows whose it is"


def test_a_spare_that_was_killed_is_replaced(engine):
    """It is noticed by the next start at the latest, which does not fail."""
    for _ in range(5):
        spare = await_spare(engine)
        os.kill(spare, signal.SIGKILL)
        wait_for(lambda: spare not in spares(engine), "the killed one to go")
        assert engine.out("run", "--rm", "busybox", "echo", "hello") == "hello"


def test_a_killed_daemon_takes_its_spare_with_it_and_the_next_has_its_own(engine):
    old = await_spare(engine)
    engine.ctr("run", "-d", "--name", "kept", "busybox", "sleep", "600")
    old = await_spare(engine, old)
    engine.kill()
    wait_for(lambda: not spares(engine), "the spare of the dead daemon to end")
    engine.start()
    assert engine.inspect("kept")["State"]["Running"]
    await_spare(engine, old)
    assert engine.out("exec", "kept", "echo", "hello") == "hello"


def test_a_stopped_daemon_leaves_no_spare(engine):
    await_spare(engine)
    engine.stop()
    wait_for(lambda: not spares(engine), "the spare to end")
    engine.start()


def test_a_daemon_killed_while_starts_are_under_way_leaves_each_container_whole(engine):
    """Whoever had been given a container when the daemon died runs it or is cleaned up: nothing in between."""
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.04):
        processes = [engine.popen("run", "-d", "--name", f"n{index}", "busybox", "sleep", "600", stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) for index in range(4)]
        time.sleep(delay)
        engine.kill()
        for process in processes:
            process.wait(60)
        engine.start()
        for line in engine.out("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines():
            name, state = line.split()
            assert state in ("running", "created", "exited"), line
            if state == "running":
                assert engine.out("exec", name, "echo", "hello") == "hello"
        engine.remove_all()
        wait_for(lambda: len(spares(engine)) <= 1 and not engine.monitors(), "all monitors to end")
