"""Containers live on whatever happens to the daemon, and end as they are told to.

The numbers (L01 …) are those of the project's list of scenarios to survive.
"""

import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from engine import BIN, Engine, wait_for

COUNT = "i=0; while [ $i -lt {0} ]; do i=$((i+1)); echo line $i; sleep 0.01; done; exit {1}"


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


def run_detached(engine, *arguments):
    return engine.out("run", "-d", *arguments)


def state(engine, name):
    return engine.inspect(name)["State"]


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end_from_outside(pid):
    assert pid > 1  # 0 would be all of ourselves
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid), f"process {pid} to end")


def wait_for_output(engine, name, text):
    wait_for(lambda: text in engine.ctr("logs", name).stdout, f"{text!r} in the log of {name}")


def lines(count):
    return [f"line {number}" for number in range(1, count + 1)]


# --- the daemon dies and comes back ---

def test_l01_a_killed_daemon_leaves_its_containers_running_and_loses_no_output(engine):
    name = run_detached(engine, "busybox", "sh", "-c", COUNT.format(300, 5))
    wait_for_output(engine, name, "line 5")
    pid = state(engine, name)["Pid"]
    engine.kill()
    time.sleep(0.5)
    assert is_alive(pid)
    engine.start()
    now = state(engine, name)
    assert (now["Status"], now["Running"], now["Pid"]) == ("running", True, pid)
    assert "Up" in engine.out("ps", "--filter", f"id={name}")
    follower = engine.popen("logs", "-f", name, stdout=subprocess.PIPE, text=True)
    waiter = engine.popen("wait", name, stdout=subprocess.PIPE, text=True)
    assert engine.ctr("exec", name, "sh", "-c", "echo in; exit 4", check=False).returncode == 4
    assert follower.communicate(timeout=30)[0].splitlines() == lines(300)
    assert waiter.communicate(timeout=30)[0].strip() == "5"
    assert engine.ctr("logs", name).stdout.splitlines() == lines(300)
    ended = state(engine, name)
    assert (ended["Status"], ended["ExitCode"], ended["Pid"]) == ("exited", 5, 0)


def test_l01_after_a_kill_a_container_can_be_attached_to_and_stopped(engine):
    name = run_detached(engine, "-i", "busybox", "sh", "-c",
                        "trap 'echo bye; exit 9' TERM; while read x; do echo got $x; done; sleep 60 & wait")
    engine.kill()
    engine.start()
    client = engine.popen("attach", name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    client.stdin.write("hello\n")
    client.stdin.flush()
    assert client.stdout.readline() == "got hello\n"
    began = time.monotonic()
    client.stdin.close()
    engine.ctr("stop", "-t", "20", name)
    assert time.monotonic() - began < 10
    assert client.stdout.read() == "bye\n"
    assert client.wait(10) == 9
    assert state(engine, name)["ExitCode"] == 9


def test_l01_a_paused_container_is_paused_after_a_kill(engine):
    name = run_detached(engine, "busybox", "sleep", "60")
    engine.ctr("pause", name)
    engine.kill()
    engine.start()
    assert state(engine, name)["Status"] == "paused"
    engine.ctr("unpause", name)
    assert state(engine, name)["Status"] == "running"


def test_l01_a_container_that_a_dying_daemon_left_frozen_runs_again(engine):
    """As one that died while it wrote device rules, or ended processes one by one."""
    name = run_detached(engine, "busybox", "sleep", "60")
    engine.kill()
    freezers = [(pathlib.Path(cgroup) / file, value) for cgroup in engine.cgroups(name)
                for file, value in (("freezer.state", "FROZEN"), ("cgroup.freeze", "1"))]
    file, value = next((file, value) for file, value in freezers if file.exists())
    file.write_text(value)
    engine.start()
    assert state(engine, name)["Status"] == "running"
    assert engine.out("exec", name, "echo", "alive") == "alive"


def test_l02_sigterm_leaves_containers_running_and_ends_the_streams(engine):
    name = run_detached(engine, "busybox", "sleep", "60")
    pid = state(engine, name)["Pid"]
    clients = [engine.popen("logs", "-f", name, stdout=subprocess.PIPE, stderr=subprocess.PIPE),
               engine.popen("events", stdout=subprocess.PIPE, stderr=subprocess.PIPE)]
    time.sleep(0.5)
    began = time.monotonic()
    engine.process.send_signal(signal.SIGTERM)
    assert engine.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 2
    for client in clients:
        client.communicate(timeout=5)
    assert is_alive(pid)
    engine.start()
    assert state(engine, name)["Pid"] == pid


def test_l07_a_container_that_ends_while_the_daemon_is_down_is_known_exactly(engine):
    name = run_detached(engine, "busybox", "sh", "-c", "sleep 0.7; echo last words; exit 43")
    automatic = run_detached(engine, "--rm", "busybox", "sh", "-c", "sleep 0.5")
    pids = [state(engine, each)["Pid"] for each in (name, automatic)]
    engine.kill()
    wait_for(lambda: not any(map(is_alive, pids)), "the containers to end")
    ended = time.time()
    time.sleep(1.5)
    engine.start()
    now = state(engine, name)
    assert (now["Status"], now["ExitCode"], now["OOMKilled"]) == ("exited", 43, False)
    finished = subprocess.run(["date", "-d", now["FinishedAt"], "+%s.%N"], capture_output=True, text=True)
    assert abs(float(finished.stdout) - ended) < 10
    assert engine.ctr("logs", name).stdout == "last words\n"
    assert engine.out("wait", name) == "43"
    wait_for(lambda: engine.ctr("inspect", automatic, check=False).returncode != 0, "--rm to be honoured")


def test_l07_out_of_memory_while_the_daemon_is_down_is_known(engine):
    name = run_detached(engine, "-m", "24m", "--memory-swap", "24m", "busybox", "sh", "-c",
                        "sleep 0.7; exec tail /dev/zero")
    pid = state(engine, name)["Pid"]
    engine.kill()
    wait_for(lambda: not is_alive(pid), "the kernel to kill it", 30)
    engine.start()
    now = state(engine, name)
    assert (now["ExitCode"], now["OOMKilled"]) == (137, True)


def test_an_exec_that_ends_while_the_daemon_is_down_keeps_its_exit_code(engine):
    name = run_detached(engine, "busybox", "sleep", "60")
    status, answer = engine.api("POST", f"/containers/{name}/exec",
                                {"Cmd": ["sh", "-c", "sleep 0.7; exit 17"]})
    assert status == 201
    assert engine.api("POST", f"/exec/{answer['Id']}/start", {"Detach": True})[0] == 200
    engine.kill()
    time.sleep(1.5)
    engine.start()
    status, exec_state = engine.api("GET", f"/exec/{answer['Id']}/json")
    assert (status, exec_state["Running"], exec_state["ExitCode"]) == (200, False, 17)


def test_an_exec_that_runs_through_a_restart_is_reported_when_it_ends(engine):
    name = run_detached(engine, "busybox", "sleep", "60")
    _, answer = engine.api("POST", f"/containers/{name}/exec",
                           {"Cmd": ["sh", "-c", "while ! test -e /go; do sleep 0.05; done; exit 18"]})
    engine.api("POST", f"/exec/{answer['Id']}/start", {"Detach": True})
    engine.kill()
    engine.start()
    assert engine.api("GET", f"/exec/{answer['Id']}/json")[1]["Running"] is True
    engine.ctr("exec", name, "touch", "/go")
    wait_for(lambda: engine.api("GET", f"/exec/{answer['Id']}/json")[1]["ExitCode"] == 18, "its exit code")


class Terminal:
    """A client with a pseudo terminal of its own, as a user sits at it."""

    def __init__(self, engine, *arguments):
        self.master, slave = pty.openpty()
        self.process = engine.popen(*arguments, stdin=slave, stdout=slave, stderr=slave,
                                    start_new_session=True)
        os.close(slave)
        self.seen = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=15):
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"terminal ended before {pattern!r}: {self.seen!r}") from None
        self.seen = self.seen[found.end():]
        return found

    def close(self, seconds=20):
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()
            os.close(self.master)


def test_an_attached_terminal_goes_on_through_a_kill_and_a_restart(engine):
    terminal = Terminal(engine, "run", "-it", "--rm", "--name", "through", "busybox", "sh")
    terminal.type("echo $((20+1))-before\n")
    terminal.expect("21-before")
    engine.kill()
    terminal.type("echo $((20+2))-away\n")
    terminal.expect("22-away")
    engine.start()
    terminal.type("echo $((20+3))-after\n")
    terminal.expect("23-after")
    terminal.type("exit 6\n")
    assert terminal.close() == 6


def test_an_attached_terminal_whose_container_ends_while_the_daemon_is_down_ends_right(engine):
    terminal = Terminal(engine, "run", "-it", "--name", "ends", "busybox", "sh")
    terminal.type("echo $((20+1))-before\n")
    terminal.expect("21-before")
    engine.kill()
    terminal.type("exit 8\n")
    time.sleep(1)
    engine.start()
    assert terminal.close() == 8
    assert state(engine, "ends")["ExitCode"] == 8


def test_l26_a_second_daemon_on_the_same_root_refuses(engine):
    other = engine.run_dir / "other"
    done = subprocess.run([BIN / "ctrd", "--data-root", engine.data, "--exec-root", other, "-H",
                           f"unix://{other}.sock", "--bridge", "none", "--pidfile", f"{other}.pid"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert str(engine.data) in done.stderr, done.stderr
    assert engine.answers()
    subprocess.run(["rm", "-rf", other])


# --- stop, kill, remove ---

def test_stop_is_sigterm_then_sigkill(engine):
    obeys = run_detached(engine, "busybox", "sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done")
    ignores = run_detached(engine, "busybox", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    for name in (obeys, ignores):
        wait_for_output(engine, name, "up")
    began = time.monotonic()
    engine.ctr("stop", obeys)
    assert time.monotonic() - began < 5
    began = time.monotonic()
    engine.ctr("stop", "-t", "1", ignores)
    assert 1 <= time.monotonic() - began < 6
    assert [state(engine, name)["ExitCode"] for name in (obeys, ignores)] == [3, 137]
    assert engine.ctr("stop", obeys).returncode == 0


def test_l13_stop_kill_and_remove_reach_a_paused_container(engine):
    trap = "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"
    names = [run_detached(engine, "busybox", "sh", "-c", trap) for _ in range(3)]
    for name in names:
        wait_for_output(engine, name, "up")
        engine.ctr("pause", name)
        assert state(engine, name)["Paused"] is True
    engine.ctr("stop", names[0])
    assert state(engine, names[0])["ExitCode"] == 3
    engine.ctr("kill", names[1])
    assert (state(engine, names[1])["ExitCode"], state(engine, names[1])["Paused"]) == (137, False)
    began = time.monotonic()
    engine.ctr("rm", "-f", names[2])
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("number, code", [("KILL", 137), ("SIGTERM", 143), ("9", 137), ("usr1", 138),
                                          ("INT", 130), ("RTMIN+1", 163)])
def test_l11_kill_sends_the_signal_that_was_asked_for(engine, number, code):
    # --init: the first process of a pid namespace ignores what it does not handle.
    name = run_detached(engine, "--init", "busybox", "sleep", "60")
    wait_for(lambda: "sleep" in engine.ctr("top", name).stdout, "sleep to run under init")
    time.sleep(0.2)
    engine.ctr("kill", "-s", number, name)
    assert engine.out("wait", name) == str(code)


def test_kill_refuses_what_is_no_signal_and_what_does_not_run(engine):
    name = run_detached(engine, "busybox", "true")
    engine.ctr("wait", name)
    assert "is not running" in engine.ctr("kill", name, check=False).stderr
    assert "nvalid signal" in engine.ctr("kill", "-s", "NOPE", name, check=False).stderr


def test_out_of_memory_is_137_and_said(engine):
    done = engine.ctr("run", "--name", "hungry", "-m", "24m", "--memory-swap", "24m", "busybox",
                      "tail", "/dev/zero", check=False)
    assert done.returncode == 137
    assert state(engine, "hungry")["OOMKilled"] is True


def test_restart_policies_are_kept(engine):
    fails = run_detached(engine, "--restart", "on-failure:2", "busybox", "sh", "-c", "echo try; exit 1")
    wait_for(lambda: state(engine, fails)["Status"] == "exited", "the tries to be used up", 20)
    assert engine.ctr("logs", fails).stdout == "try\n" * 3
    assert engine.inspect(fails)["RestartCount"] == 2
    always = run_detached(engine, "--restart", "always", "busybox", "sleep", "60")
    first = state(engine, always)["Pid"]
    end_from_outside(first)

    def runs_anew():
        return state(engine, always)["Pid"] not in (0, first) and state(engine, always)["Pid"]
    second = wait_for(runs_anew, "the container to run again")
    engine.kill()
    end_from_outside(second)
    engine.start()
    third = wait_for(lambda: state(engine, always)["Pid"], "the daemon to start it")
    assert third != second


def test_what_was_stopped_starts_with_the_daemon_only_if_always_is_said(engine):
    always, unless = [run_detached(engine, "--restart", policy, "busybox", "sleep", "60")
                      for policy in ("always", "unless-stopped")]
    engine.ctr("stop", "-t", "0", always, unless)
    engine.restart()
    wait_for(lambda: state(engine, always)["Status"] == "running", "the container to run again")
    time.sleep(0.2)
    assert state(engine, unless)["Status"] == "exited"


# --- streams ---

@pytest.mark.parametrize("size", [1_500_000, 50_000_000], ids=["1.5 MB", "50 MB"])
def test_l22_what_goes_through_an_exec_comes_back_unchanged(engine, size):
    name = run_detached(engine, "busybox", "sleep", "60")
    data = os.urandom(size)
    done = engine.ctr("exec", "-i", name, "cat", input=data, text=False)
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()
    assert done.stderr == b""


def test_the_end_of_input_reaches_the_process_and_its_answer_still_comes_back(engine):
    done = engine.ctr("run", "-i", "--rm", "busybox", "sh", "-c",
                      "wc -c; sleep 0.3; echo late; echo wrong >&2; exit 2", input="12345\n", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "6\nlate\n", "wrong\n")


def test_output_without_terminal_keeps_its_two_streams_apart(engine):
    script = "for i in 1 2 3 4 5 6 7 8; do echo out $i; echo err $i >&2; done"
    done = engine.ctr("run", "--name", "both", "busybox", "sh", "-c", script)
    logged = engine.ctr("logs", "both")
    for each in (done, logged):
        assert each.stdout == "".join(f"out {i}\n" for i in range(1, 9))
        assert each.stderr == "".join(f"err {i}\n" for i in range(1, 9))


def test_several_clients_see_the_same_output(engine):
    name = engine.out("create", "busybox", "sh", "-c", "sleep 0.3; seq 1 2000")
    engine.ctr("start", name)
    clients = [engine.popen("logs", "-f", name, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    expected = "".join(f"{i}\n" for i in range(1, 2001))
    assert all(client.communicate(timeout=20)[0] == expected for client in clients)


# --- logs ---

def log_files(engine, name):
    path = pathlib.Path(engine.inspect(name)["LogPath"])
    return sorted(path.parent.glob(path.name + "*"))


def test_l18_rotated_logs_keep_whole_records_and_their_size(engine):
    name = run_detached(engine, "--log-opt", "max-size=20k", "--log-opt", "max-file=3", "busybox", "seq", "1",
                        "5000")
    engine.ctr("wait", name)
    files = log_files(engine, name)
    assert len(files) == 3
    for path in files:
        assert path.stat().st_size < 21_000
        for line in path.read_text().splitlines():
            json.loads(line)
    kept = engine.ctr("logs", name).stdout.splitlines()
    assert kept == [str(i) for i in range(int(kept[0]), 5001)] and len(kept) > 300


def test_l18_following_across_rotations_loses_nothing(engine):
    script = "sleep 0.5; i=0; while [ $i -lt 1200 ]; do i=$((i+1)); echo line $i; " \
             "[ $((i % 20)) = 0 ] && sleep 0.02; done"
    name = run_detached(engine, "--log-opt", "max-size=8k", "--log-opt", "max-file=4", "busybox", "sh", "-c",
                        script)
    follower = engine.popen("logs", "-f", name, stdout=subprocess.PIPE, text=True)
    assert follower.communicate(timeout=40)[0].splitlines() == lines(1200)


def test_logs_are_cut_by_time_and_by_number(engine):
    name = run_detached(engine, "busybox", "sh", "-c", "echo one; echo two; sleep 1.2; echo three; echo four")
    engine.ctr("wait", name)

    def logs(*options):
        return engine.ctr("logs", *options, name).stdout.splitlines()
    stamped = logs("-t")
    assert [line.split(" ", 1)[1] for line in stamped] == ["one", "two", "three", "four"]
    times = [line.split(" ", 1)[0] for line in stamped]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", each) for each in times)
    assert logs("--tail", "1") == ["four"]
    assert logs("--tail", "0") == []
    assert logs("--tail", "3") == ["two", "three", "four"]
    assert logs("--tail", "all") == ["one", "two", "three", "four"]
    assert logs("--since", times[2]) == ["three", "four"]
    assert logs("--until", times[1])[:1] == ["one"] and "three" not in logs("--until", times[1])
    assert logs("--since", "1h") == ["one", "two", "three", "four"]
    assert logs("--until", "1h") == []


def test_l20_a_long_line_and_odd_bytes_come_back_as_they_were(engine):
    name = run_detached(engine, "busybox", "sh", "-c",
                        "head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'a\\000b\\n'; printf 'no end'")
    engine.ctr("wait", name)
    done = engine.ctr("logs", name, text=False)
    assert done.stdout == b"x" * 100000 + b"\na\0b\nno end"


def test_an_empty_argument_is_an_argument(engine):
    count = ["sh", "-c", "echo $# [$2]", "x", "a", ""]
    assert engine.out("run", "--rm", "busybox", *count) == "2 []"
    assert engine.docker("run", "--rm", "--entrypoint", "", "busybox", *count).stdout == "2 []\n"
    engine.ctr("run", "-d", "--name", "empty", "--label", "none=", "busybox", "sleep", "600")
    assert engine.out("exec", "empty", *count) == "2 []"
    engine.ctr("rm", "-f", "empty")


def test_a_start_that_fails_is_one_message_of_dockers_client(engine):
    """With --rm, it waits for the removal, and complains if it has no answer when the start has failed."""
    for _ in range(10):
        done = engine.docker("run", "--rm", "busybox", "no-such-command", check=False)
        assert done.returncode == 127
        lines = [line for line in done.stderr.splitlines() if line and "docker run --help" not in line]
        assert len(lines) == 1 and "executable file not found" in lines[0], done.stderr
    assert engine.out("ps", "-aq") == ""


def test_d17_a_container_that_holds_the_lock_of_its_output_is_stopped_all_the_same(engine):
    """cat(1) of busybox copies by sendfile(2), which holds the pipe while it waits for a terminal's input: whoever
    reads the pipe, the monitor, sleeps where no signal comes."""
    # The second file's turn comes while there is still something of the first to be read.
    script = "yes output | head -n 100000 > /tmp/text; exec cat /tmp/text /dev/ptmx"
    engine.ctr("run", "-d", "--name", "held", "busybox", "sh", "-c", script)
    (monitor,) = engine.monitors()
    wait_for(lambda: pathlib.Path(f"/proc/{monitor}/stat").read_text().rsplit(")", 1)[1].split()[0] == "D",
             "the monitor to sleep")
    assert engine.out("run", "--rm", "busybox", "echo", "others run") == "others run"
    assert "output" in engine.out("logs", "--tail", "1", "held")
    engine.ctr("stop", "-t", "1", "held")
    state = engine.inspect("held")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 137)
    engine.ctr("start", "held")
    engine.ctr("kill", "held")
    engine.ctr("rm", "-f", "held")
