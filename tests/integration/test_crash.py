"""Monitors, daemons and containers die in every combination and order, and nothing leaks.

The numbers (L04 …) are those of the project's list of scenarios to survive.
"""

import concurrent.futures
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import time

import pytest

from engine import Engine, wait_for


@pytest.fixture(scope="module")
def daemon():
    """One daemon for the file, which its tests kill and start again; knows the embedded images only."""
    with Engine() as running:
        yield running


@pytest.fixture
def engine(daemon):
    yield daemon
    if daemon.process.poll() is not None:
        daemon.start()
    daemon.remove_all()


def state(engine, name):
    return engine.inspect(name)["State"]


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid):
    assert pid > 1  # 0 would be all of ourselves
    os.kill(pid, signal.SIGKILL)


def monitor_of(engine, container_id):
    for pid in engine.monitors():
        if container_id in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    raise AssertionError(f"no monitor of {container_id}")


def descriptors(engine):
    return len(os.listdir(f"/proc/{engine.pid}/fd"))


def threads(engine):
    return len(os.listdir(f"/proc/{engine.pid}/task"))


def endpoints(engine):
    """How many addresses the database says are taken."""
    with sqlite3.connect(f"file:{engine.data}/ctr.db?mode=ro", uri=True, timeout=10) as database:
        return database.execute("select count(*) from network_endpoints").fetchone()[0]


def veths(engine):
    out = engine.in_netns("ip", "-o", "link", capture_output=True, text=True).stdout
    return sum("veth" in line for line in out.splitlines())


def entries(path):
    return {each.name for each in path.iterdir()} - {"trash"} if path.exists() else set()


def traces(engine, container_ids=()):
    """What containers leave while they are there, and must not leave when they are gone."""
    return {"monitors": len(engine.monitors()), "veths": veths(engine), "addresses": endpoints(engine),
            "directories": len(entries(engine.data / "containers")),
            "runs": len(entries(engine.run_dir / "containers")),
            "cgroups": sum(len(engine.cgroups(each)) for each in container_ids)}


def expect_no_traces(engine, container_ids=()):
    def clean():
        return not any(traces(engine, container_ids).values())
    try:
        wait_for(clean, "everything to be gone", 20)
    except AssertionError:
        raise AssertionError(f"left: {traces(engine, container_ids)}\n{engine.log_tail()}") from None


# --- monitors die ---

def test_l04_a_killed_monitor_is_noticed_and_its_container_ended_and_reported(engine):
    name = engine.out("run", "-d", "busybox", "sleep", "60")
    pid = state(engine, name)["Pid"]
    began = time.monotonic()
    kill(monitor_of(engine, name))
    wait_for(lambda: state(engine, name)["Status"] == "exited", "the daemon to notice", 5)
    assert time.monotonic() - began < 2
    now = state(engine, name)
    assert (now["ExitCode"], now["Running"], now["Pid"]) == (137, False, 0)
    assert "monitor died" in now["Error"]
    wait_for(lambda: not is_alive(pid), "the container to end", 2)
    wait_for(lambda: not engine.cgroups(name), "the cgroup to go", 5)
    engine.ctr("start", name)
    assert state(engine, name)["Running"] is True
    assert engine.ctr("exec", name, "echo", "again").stdout == "again\n"


def test_l04_who_waits_for_a_container_hears_of_its_monitors_death(engine):
    attached = engine.popen("run", "--name", "orphan", "busybox", "sleep", "60", stdout=subprocess.PIPE)
    wait_for(lambda: engine.ctr("inspect", "orphan", check=False).returncode == 0 and
             state(engine, "orphan")["Running"], "the container to run")
    waiter = engine.popen("wait", "orphan", stdout=subprocess.PIPE, text=True)
    follower = engine.popen("logs", "-f", "orphan", stdout=subprocess.PIPE)
    time.sleep(0.3)
    kill(monitor_of(engine, engine.inspect("orphan")["Id"]))
    assert waiter.communicate(timeout=10)[0].strip() == "137"
    assert attached.wait(10) == 137
    follower.communicate(timeout=10)
    attached.stdout.close()


def test_l04_a_monitor_killed_while_the_daemon_is_down_is_noticed_at_its_start(engine):
    name = engine.out("run", "-d", "busybox", "sleep", "60")
    pid, monitor = state(engine, name)["Pid"], monitor_of(engine, name)
    engine.kill()
    kill(monitor)
    wait_for(lambda: not is_alive(pid), "the container to end with its monitor", 5)
    engine.start()
    now = state(engine, name)
    assert (now["Status"], now["ExitCode"]) == ("exited", 137)
    assert "monitor died" in now["Error"]
    wait_for(lambda: not engine.cgroups(name), "the cgroup to go", 5)
    engine.ctr("start", name)
    assert state(engine, name)["Running"] is True


def test_l04_execs_of_a_container_whose_monitor_died_have_ended(engine):
    name = engine.out("run", "-d", "busybox", "sleep", "60")
    client = engine.popen("exec", name, "sleep", "60")
    wait_for(lambda: engine.inspect(name)["ExecIDs"], "the exec to run")
    exec_id = engine.inspect(name)["ExecIDs"][0]
    time.sleep(0.3)
    kill(monitor_of(engine, name))
    assert client.wait(10) == 137
    assert engine.api("GET", f"/exec/{exec_id}/json")[1]["Running"] is False


def test_l05_monitor_daemon_and_container_killed_together_leave_a_container_that_starts(engine):
    names = [engine.out("run", "-d", "busybox", "sleep", "60") for _ in range(3)]
    always = engine.out("run", "-d", "--restart", "always", "busybox", "sleep", "60")
    victims = [pid for name in [*names, always] for pid in (monitor_of(engine, name), state(engine, name)["Pid"])]
    victims.insert(3, engine.pid)
    for pid in victims:
        try:
            kill(pid)
        except ProcessLookupError:
            pass  # a container goes with its monitor
    engine.process.wait(10)
    engine.start()
    for name in names:
        now = state(engine, name)
        assert (now["Status"], now["ExitCode"] in (137, 255)) == ("exited", True), now
        engine.ctr("start", name)
        assert state(engine, name)["Running"] is True
    wait_for(lambda: state(engine, always)["Pid"], "the restart policy to be honoured")


# --- daemons die ---

class Chaos:
    """Clients that start, look into and remove containers while their daemon is killed under them."""

    def __init__(self, engine, seed):
        self.engine = engine
        self.random = random.Random(seed)
        self.number = 0

    def command(self):
        """One thing that a user does; its outcome is anything but a hang."""
        self.number += 1
        some = f"chaos{self.random.randrange(1, self.number + 1)}"
        return self.random.choice([
            ["run", "-d", "--name", f"chaos{self.number}", "busybox", "sleep", "60"],
            ["run", "--rm", "busybox", "echo", "short"],
            ["run", "-d", "--rm", "busybox", "true"],
            ["create", "busybox", "true"],
            ["exec", some, "echo", "inside"],
            ["logs", some],
            ["stop", "-t", "0", some],
            ["start", some],
            ["rm", "-f", some],
        ])

    def round(self):
        clients = [self.engine.popen(*self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL) for _ in range(3)]
        time.sleep(self.random.uniform(0, 0.25))
        self.engine.kill()
        for client in clients:
            if client.poll() is None:
                client.kill()  # some wait for the daemon to come back, which is not what is tried here
            client.wait()
        self.engine.start()


def check_consistent(engine):
    for name in engine.out("ps", "-aq", "--no-trunc").split():
        now = state(engine, name)
        if now["Running"]:
            assert is_alive(now["Pid"]), now
            if now["Paused"]:
                engine.ctr("unpause", name)
            done = engine.ctr("exec", name, "echo", "alive", check=False)
            assert done.stdout == "alive\n" or not state(engine, name)["Running"], done.stderr
        else:
            assert now["Status"] in ("created", "exited") and now["Pid"] == 0, now


def test_l01_a_daemon_killed_at_any_moment_leaves_nothing_half_done(engine):
    ballast = engine.out("run", "-d", "--name", "ballast", "busybox", "sleep", "600")
    pid = state(engine, ballast)["Pid"]
    chaos = Chaos(engine, 20240521)
    seen = set()
    for number in range(25):
        chaos.round()
        assert state(engine, ballast)["Pid"] == pid
        if number % 5 == 4:
            check_consistent(engine)
            seen.update(engine.out("ps", "-aq", "--no-trunc").split())
    running = set(engine.out("ps", "-q", "--no-trunc").split())
    wait_for(lambda: len(engine.monitors()) == len(engine.out("ps", "-q").split()),
             "as many monitors as running containers")
    assert ballast in running
    for name in seen:
        engine.ctr("rm", "-f", name, check=False)
    engine.remove_all()
    expect_no_traces(engine, seen)


# --- many at once ---

def test_200_short_containers_leave_nothing_behind(engine):
    def once(number):
        done = engine.ctr("run", "--rm", "busybox", "echo", f"container {number}", check=False)
        return (done.returncode, done.stdout, done.stderr) == (0, f"container {number}\n", "") or done
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(result is True for result in pool.map(once, range(16)))
        wait_for(lambda: not any(traces(engine).values()), "the first to be gone", 20)
        time.sleep(0.5)
        before = descriptors(engine), threads(engine)
        wrong = [result for result in pool.map(once, range(200)) if result is not True]
    assert not wrong, wrong
    expect_no_traces(engine)
    wait_for(lambda: descriptors(engine) <= before[0] and threads(engine) <= before[1] + 1,
             f"descriptors and threads to go back to {before}; "
             f"now {descriptors(engine)}, {threads(engine)}")


def test_l15_very_short_processes_never_lose_their_output_or_exit_code(engine):
    name = engine.out("run", "-d", "busybox", "sleep", "600")

    def once(number):
        code = number % 100
        arguments = ["exec", name] if number % 2 else ["run", "--rm", "busybox"]
        done = engine.ctr(*arguments, "sh", "-c", f"echo {number}; exit {code}", check=False)
        return done if (done.returncode, done.stdout) != (code, f"{number}\n") else None
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wrong = [done for done in pool.map(once, range(300)) if done]
    assert not wrong, wrong[:3]


def test_l16_random_operations_from_many_threads_end_in_answers_and_no_deadlock(engine):
    names = [engine.out("create", "--name", f"target{i}", "busybox", "sleep", "300") for i in range(8)]
    operations = [("POST", "/containers/{}/start", None), ("POST", "/containers/{}/stop?t=0", None),
                  ("POST", "/containers/{}/kill", None), ("POST", "/containers/{}/restart?t=0", None),
                  ("POST", "/containers/{}/pause", None), ("POST", "/containers/{}/unpause", None),
                  ("GET", "/containers/{}/json", None), ("GET", "/containers/json?all=1", None),
                  ("GET", "/containers/{}/logs?stdout=1", None),
                  ("POST", "/containers/{}/rename?name=other-{}", None),
                  ("POST", "/containers/{}/exec", {"Cmd": ["true"]})]

    def worker(seed):
        chance = random.Random(seed)
        wrong = []
        for _ in range(30):
            method, path, body = chance.choice(operations)
            name = chance.choice(names)
            status, answer = engine.api(method, path.format(name, seed), body, check=False)
            if status >= 500 or status == 0:
                wrong.append((method, path, status, answer))
            elif status == 201:
                started = engine.api("POST", f"/exec/{answer['Id']}/start", {"Detach": True}, check=False)
                if started[0] >= 500:
                    wrong.append(("POST", "exec start", *started))
        return wrong
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        wrong = [each for result in pool.map(worker, range(20)) for each in result]
    assert not wrong, wrong
    check_consistent(engine)
    for name in names:
        engine.ctr("rm", "-f", name)
    expect_no_traces(engine, names)
