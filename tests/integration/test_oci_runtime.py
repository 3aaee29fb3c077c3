"""ctr-runtime, verb by verb: the life of a container as an engine drives it."""

import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import time

import pytest

from oci_bundle import RUNTIME, Oci


@pytest.fixture
def oci():
    with Oci() as made:
        yield made


@pytest.fixture
def sleeper(oci):
    """A container that runs."""
    oci.write("sleep", "1000").create()
    oci.call("start", "c")
    yield oci
    oci.call("delete", "--force", "c")


# --- create, start, delete ---


def test_a_created_container_waits_for_its_start_when_its_creator_is_gone(oci):
    oci.write("echo", "begun").create("c", "--pid-file", oci.base / "pid")
    state = oci.state()
    assert state["status"] == "created"
    assert state["pid"] == int((oci.base / "pid").read_text())
    time.sleep(0.3)
    assert oci.state()["status"] == "created" and oci.output() == ""
    oci.call("start", "c")
    oci.wait_for_status("stopped")
    assert oci.output() == "begun\n"
    oci.call("delete", "c")


def test_the_state_has_what_the_specification_wants(oci):
    oci.config["annotations"] = {"org.example.key": "value"}
    oci.write("sleep", "100").create()
    state = oci.state()
    assert list(state) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"]
    assert state["id"] == "c" and state["owner"] == "root"
    assert state["bundle"] == str(oci.bundle) and state["rootfs"] == str(oci.rootfs)
    assert state["annotations"] == {"org.example.key": "value"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", state["created"])
    oci.call("delete", "c")


def test_a_created_container_can_be_deleted_without_force_and_a_running_one_not(oci):
    oci.write("sleep", "1000").create()
    oci.call("delete", "c")
    oci.create()
    oci.call("start", "c")
    done = oci.call("delete", "c", check=False)
    assert done.returncode == 1 and "cannot delete container c that is not stopped: running" in done.stderr
    oci.call("delete", "--force", "c")
    assert "container does not exist" in oci.call("state", "c", check=False).stderr


def test_what_a_state_forbids_is_refused_with_runcs_words(oci):
    oci.write("true").create()
    assert "container with given ID already exists" in _refused(oci, "create", "--bundle", oci.bundle, "c")
    assert "container not paused" in _refused(oci, "resume", "c")
    oci.call("start", "c")
    oci.wait_for_status("stopped")
    assert "cannot start a container that has stopped" in _refused(oci, "start", "c")
    assert "container not running" in _refused(oci, "kill", "c", "KILL")
    assert "container not running" in _refused(oci, "pause", "c")
    assert "container not running" in _refused(oci, "update", "--pids-limit", "9", "c")
    assert "cannot exec in a stopped container" in _refused(oci, "exec", "c", "true", code=255)
    oci.call("kill", "--all", "c", "KILL")
    oci.call("delete", "c")


def _refused(oci, *arguments, code=1):
    done = oci.call(*arguments, check=False)
    assert done.returncode == code, done
    return done.stderr


@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete", "pause", "resume", "ps", "events", "update"])
def test_a_container_that_is_not_there_is_said_to_be_so(oci, verb):
    assert "container does not exist" in _refused(oci, verb, "nobody")


def test_a_forced_delete_of_nothing_succeeds(oci):
    oci.call("delete", "--force", "nobody")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a\nb", "é", "x" * 1025])
def test_r22_an_id_that_could_be_a_path_is_refused(oci, name):
    oci.write("true")
    assert "container id" in _refused(oci, "create", "--bundle", oci.bundle, name).lower()


def test_a_start_after_a_start_is_refused(sleeper):
    assert "cannot start an already running container" in _refused(sleeper, "start", "c")


def test_a_command_that_is_missing_fails_the_creation_and_leaves_nothing(oci):
    oci.write("no-such-program")
    done = oci.run(check=False)
    assert done.returncode == 1
    assert 'exec: \\"no-such-program\\": executable file not found in $PATH' in done.stderr
    assert not oci.leftovers()


def test_a_program_that_cannot_be_executed_fails_the_start(oci):
    script = oci.rootfs / "bad"
    script.write_text("#!/no/interpreter\n")
    script.chmod(0o755)
    oci.write("/bad").create()
    assert "interpreter" in _refused(oci, "start", "c")
    assert oci.state()["status"] == "stopped"
    oci.call("delete", "c")


def test_a_creator_that_is_killed_leaves_no_process_and_what_delete_takes_away(oci):
    oci.write("sleep", "1000")
    for delay in (0.0, 0.001, 0.003, 0.006, 0.012, 0.05):
        creator = subprocess.Popen([RUNTIME, "--root", str(oci.root), "create", "--bundle", str(oci.bundle), "c"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        creator.kill()
        creator.wait()
        oci.call("delete", "--force", "c")
        assert not oci.leftovers()


def test_a_start_that_is_killed_does_not_stop_another_one(oci):
    oci.write("echo", "begun").create()
    # Connects and goes: the container waits for the next.
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
        visitor.connect(str(oci.root / "c/start.sock"))
    oci.call("start", "c")
    oci.wait_for_status("stopped")
    assert oci.output() == "begun\n"
    oci.call("delete", "c")


def test_many_at_once_fight_for_one_container_and_one_wins(oci):
    oci.write("sleep", "1000")
    command = [RUNTIME, "--root", str(oci.root), "create", "--bundle", str(oci.bundle), "c"]
    racers = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL) for _ in range(8)]
    assert sorted(racer.wait() for racer in racers) == [0] + [1] * 7
    starters = [subprocess.Popen([RUNTIME, "--root", str(oci.root), "start", "c"], stderr=subprocess.DEVNULL)
                for _ in range(8)]
    assert sorted(starter.wait() for starter in starters) == [0] + [1] * 7
    oci.call("delete", "--force", "c")


def test_the_state_directory_is_closed_to_others(oci):
    oci.write("sleep", "100").create()
    assert oci.root.stat().st_mode & 0o777 == 0o700
    assert (oci.root / "c").stat().st_mode & 0o777 == 0o700
    oci.call("delete", "c")


def test_a_reused_pid_is_not_taken_for_the_container(sleeper):
    path = sleeper.root / "c/state.json"
    original = path.read_text()
    record = json.loads(original)
    record["pid"] = os.getpid()  # a process that began at another time
    path.write_text(json.dumps(record))
    assert sleeper.state()["status"] == "stopped"
    path.write_text(original)


# --- run ---


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 7", 7), ("exit 255", 255)])
def test_run_ends_as_its_program_does(oci, script, code):
    oci.write("sh", "-c", script)
    done = oci.run(check=False)
    assert done.returncode == code
    assert not oci.leftovers()


def test_run_passes_output_and_input(oci):
    oci.write("cat")
    assert oci.run(input="typed").stdout == "typed"


def test_run_passes_signals_on(oci):
    oci.write("sh", "-c", "trap 'exit 42' TERM; echo ready; while :; do sleep 0.1; done")
    runner = subprocess.Popen([RUNTIME, "--root", str(oci.root), "run", "-b", str(oci.bundle), "c"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert runner.stdout.readline() == "ready\n"
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(30) == 42
    runner.stdout.close()


def test_a_detached_run_goes_on_and_keeps_its_container(oci):
    oci.write("sleep", "1000")
    oci.run("--detach", "--pid-file", oci.base / "pid", capture_output=False, stdout=subprocess.DEVNULL)
    assert oci.state()["status"] == "running"
    assert oci.state()["pid"] == int((oci.base / "pid").read_text())
    oci.call("delete", "--force", "c")


def test_a_kept_container_can_still_be_looked_at(oci):
    oci.write("true")
    oci.run("--keep")
    assert oci.state()["status"] == "stopped"
    oci.call("delete", "c")


def test_a_container_that_runs_in_the_foreground_can_be_paused_and_killed_by_others(oci):
    oci.write("sleep", "1000")
    runner = subprocess.Popen([RUNTIME, "--root", str(oci.root), "run", "-b", str(oci.bundle), "c"],
                              stdin=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while oci.call("state", "c", check=False).returncode != 0 or oci.state()["status"] != "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    oci.call("pause", "c")
    oci.call("resume", "c")
    oci.call("delete", "--force", "c")
    assert runner.wait(30) == 137


# --- terminals and descriptors ---


def test_a_terminal_goes_to_the_console_socket(oci):
    oci.write("sh", "-c", "tty; stty size; test -t 0 && echo is-terminal", terminal=True,
              consoleSize={"height": 33, "width": 77})
    path = str(oci.base / "console.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        oci.create("c", "--console-socket", path)
        connection, _ = listener.accept()
        name, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        connection.close()
    assert name.startswith(b"/dev/pts/") and len(descriptors) == 1
    oci.call("start", "c")
    shown = b""
    while b"is-terminal" not in shown:
        shown += os.read(descriptors[0], 4096)
    os.close(descriptors[0])
    assert b"/dev/" in shown and b"33 77" in shown
    oci.wait_for_status("stopped")
    oci.call("delete", "c")


def test_a_terminal_without_somebody_to_hold_it_is_refused(oci):
    oci.write("true", terminal=True)
    oci.create(check=False)
    assert "cannot allocate tty" in oci.errors() and "--console-socket" in oci.errors()
    oci.write("true", terminal=False)
    oci.create("c", "--console-socket", "/nowhere", check=False)
    assert "cannot use console socket" in oci.errors()


def test_run_relays_a_terminal(oci):
    oci.write("sh", "-c", "read line; echo got $line; exit 3", terminal=True)
    runner, master = pty.fork()
    if runner == 0:
        os.execv(RUNTIME, [RUNTIME, "--root", str(oci.root), "run", "-b", str(oci.bundle), "c"])
    os.write(master, b"hello\n")
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:
        pass
    os.close(master)
    assert b"got hello" in shown
    assert os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1]) == 3


def test_e04_only_the_descriptors_that_were_asked_for_reach_the_program(oci):
    oci.write("ls", "-l", "/proc/self/fd")
    with open("/etc/hostname") as one, open("/etc/shadow") as secret:
        os.set_inheritable(one.fileno(), True)
        os.set_inheritable(secret.fileno(), True)
        done = subprocess.run(["sh", "-c", f'exec "$0" "$@" 3</etc/hostname 9</etc/shadow', RUNTIME, "--root",
                               str(oci.root), "run", "--preserve-fds", "1", "-b", str(oci.bundle), "c"],
                              pass_fds=(one.fileno(), secret.fileno()), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "/etc/hostname" in done.stdout and "shadow" not in done.stdout
    numbers = sorted(int(n) for n in re.findall(r" (\d+) -> ", done.stdout))
    assert numbers in ([0, 1, 2, 3], [0, 1, 2, 3, 4])  # 4 is ls's own


def test_a_descriptor_that_is_not_open_cannot_be_preserved(oci):
    oci.write("true")
    assert "descriptor 3 is not open" in _refused(oci, "run", "--preserve-fds", "1", "-b", oci.bundle, "c")


def test_a_pidfd_is_sent_to_who_asks(oci):
    oci.write("sleep", "1000")
    path = str(oci.base / "pidfd.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        oci.create("c", "--pidfd-socket", path)
        connection, _ = listener.accept()
        _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        connection.close()
    signal.pidfd_send_signal(descriptors[0], signal.SIGKILL)
    os.close(descriptors[0])
    oci.wait_for_status("stopped")
    oci.call("delete", "c")


def test_e01_the_program_of_the_runtime_cannot_be_written_from_the_container(oci):
    """An interpreter of /proc/self/exe, and a look at the waiting first process (CVE-2019-5736)."""
    before = pathlib.Path(RUNTIME).read_bytes()
    script = oci.rootfs / "evil"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    oci.write("/evil")
    oci.run(check=False)
    oci.config["process"]["capabilities"] = {name: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]
                                             for name in ("bounding", "effective", "permitted")}
    oci.config["linux"]["namespaces"] = [n for n in oci.config["linux"]["namespaces"] if n["type"] != "pid"]
    oci.write("sleep", "100").create()
    waiting = oci.state()["pid"]
    with pytest.raises(OSError):
        open(f"/proc/{waiting}/exe", "r+b").close()
    oci.call("delete", "c")
    assert pathlib.Path(RUNTIME).read_bytes() == before


# --- exec ---


def test_exec_runs_one_more_process_and_ends_as_it_does(sleeper):
    done = sleeper.call("exec", "c", "sh", "-c", "echo out; echo err >&2; exit 5", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, "out\n", "err\n")


def test_exec_takes_its_options(sleeper):
    done = sleeper.call("exec", "--user", "5:6", "--additional-gids", "7", "--cwd", "/tmp", "--env", "A=b", "c",
                        "sh", "-c", "id -u; id -g; id -G; pwd; echo $A")
    assert done.stdout.split("\n")[:5] == ["5", "6", "6 7", "/tmp", "b"]


def test_exec_takes_a_process_from_a_file_and_inherits_what_it_does_not_say(sleeper):
    file = sleeper.base / "process.json"
    file.write_text(json.dumps({"args": ["sh", "-c", "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status"],
                                "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True,
                                "env": ["PATH=/bin:/usr/bin"]}))
    inside = sleeper.call("exec", "c", "grep", "CapEff", "/proc/1/status").stdout
    done = sleeper.call("exec", "--process", file, "c")
    assert done.stdout == "0\n" + inside + "NoNewPrivs:\t1\n"


def test_exec_detached_writes_a_pid_file_and_goes_on(sleeper):
    sleeper.call("exec", "--detach", "--pid-file", sleeper.base / "pid", "c", "sleep", "999",
                 capture_output=False, stdout=subprocess.DEVNULL)
    pid = int((sleeper.base / "pid").read_text())
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00999\x00"
    assert pid in json.loads(sleeper.call("ps", "-f", "json", "c").stdout)
    assert sleeper.name in pathlib.Path(f"/proc/{pid}/cgroup").read_text()


def test_exec_of_what_is_not_there_says_so(sleeper):
    done = sleeper.call("exec", "c", "no-such-program", check=False)
    assert done.returncode == 255 and "executable file not found in $PATH" in done.stderr
    assert "args must not be empty" in _refused(sleeper, "exec", "c", code=255)
    assert "cwd must be an absolute path" in _refused(sleeper, "exec", "--cwd", "tmp", "c", "true", code=255)
    assert "--user" in _refused(sleeper, "exec", "--user", "root", "c", "true", code=255)
    assert "unknown capability" in _refused(sleeper, "exec", "--cap", "CAP_NO", "c", "true", code=255)


def test_exec_adds_a_capability(sleeper):
    before = int(sleeper.call("exec", "c", "sh", "-c", "grep CapEff /proc/self/status").stdout.split()[1], 16)
    after = sleeper.call("exec", "--cap", "CAP_CHOWN", "c", "grep", "CapEff", "/proc/self/status").stdout
    assert int(after.split()[1], 16) == before | 1


def test_exec_into_a_paused_container_is_refused(sleeper):
    sleeper.call("pause", "c")
    assert "cannot exec in a paused container (use --ignore-paused to override)" in _refused(
        sleeper, "exec", "c", "true", code=255)
    sleeper.call("resume", "c")
    sleeper.call("exec", "c", "true")


def test_exec_runs_in_a_cgroup_below_the_containers(sleeper):
    for path in sleeper.cgroup_directories("c"):
        (path / "sub").mkdir()
        if (path / "sub/cpuset.cpus").exists():
            for file in ("cpuset.cpus", "cpuset.mems"):
                (path / "sub" / file).write_text((path / file).read_text())
    sleeper.call("exec", "--detach", "--pid-file", sleeper.base / "pid", "--cgroup", "/sub", "c", "sleep", "99",
                 capture_output=False, stdout=subprocess.DEVNULL)
    pid = (sleeper.base / "pid").read_text()
    assert f"{sleeper.name}/c/sub" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    assert "no such cgroup" in _refused(sleeper, "exec", "--cgroup", "/other", "c", "true", code=255)


# --- the rest ---


def test_pause_and_resume_stop_and_go_on(sleeper):
    sleeper.call("pause", "c")
    assert sleeper.state()["status"] == "paused"
    assert "cannot delete container c that is not stopped: paused" in _refused(sleeper, "delete", "c")
    assert "container not running" in _refused(sleeper, "pause", "c")
    sleeper.call("resume", "c")
    assert sleeper.state()["status"] == "running"


def test_a_paused_container_can_be_killed(sleeper):
    sleeper.call("pause", "c")
    sleeper.call("kill", "c", "KILL")
    sleeper.wait_for_status("stopped")


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "sigterm", "15"])
def test_kill_knows_signals_by_name_and_number(oci, name):
    oci.write("sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done").create()
    oci.call("start", "c")
    end = time.monotonic() + 30
    while oci.output() != "ready\n":
        assert time.monotonic() < end
        time.sleep(0.02)
    oci.call("kill", "c", name)
    oci.wait_for_status("stopped")
    oci.call("delete", "c")


def test_an_unknown_signal_is_refused(sleeper):
    assert 'unknown signal \\"FOO\\"' in _refused(sleeper, "kill", "c", "FOO")


def test_kill_all_reaches_every_process(sleeper):
    sleeper.call("exec", "--detach", "--pid-file", sleeper.base / "pid", "c", "sleep", "999",
                 capture_output=False, stdout=subprocess.DEVNULL)
    sleeper.call("kill", "--all", "c", "KILL")
    sleeper.wait_for_status("stopped")
    assert json.loads(sleeper.call("ps", "-f", "json", "c").stdout) == []


def test_in_the_hosts_pid_namespace_nothing_outlives_the_first_process(oci):
    oci.config["linux"]["namespaces"] = [n for n in oci.config["linux"]["namespaces"] if n["type"] != "pid"]
    oci.write("sh", "-c", "sleep 1001 & sleep 1002 & wait").create()
    oci.call("start", "c")
    end = time.monotonic() + 30
    while len(json.loads(oci.call("ps", "-f", "json", "c").stdout)) < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    oci.call("kill", "c", "KILL")
    oci.wait_for_status("stopped")
    oci.call("delete", "c")


def test_list_shows_all_in_each_form(sleeper):
    rows = json.loads(sleeper.call("list", "--format", "json").stdout)
    assert [row["id"] for row in rows] == ["c"] and rows[0]["status"] == "running"
    assert sleeper.call("list", "-q").stdout == "c\n"
    table = sleeper.call("list").stdout.splitlines()
    assert table[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert table[1].split()[:3] == ["c", str(rows[0]["pid"]), "running"]


def test_ps_shows_the_containers_processes_only(sleeper):
    lines = sleeper.call("ps", "c").stdout.splitlines()
    assert len(lines) == 2 and "PID" in lines[0] and "sleep 1000" in lines[1]
    assert sleeper.call("ps", "c", "-o", "pid,comm").stdout.splitlines()[1].split()[1] == "sleep"


def test_update_changes_limits_by_option_file_and_standard_input(sleeper):
    def limits():
        files = [path / "pids.max" for path in sleeper.cgroup_directories("c")]
        return {path.read_text().strip() for path in files if path.exists()}
    sleeper.call("update", "--pids-limit", "77", "c")
    assert limits() == {"77"}
    sleeper.call("update", "--resources", "-", "c", input=json.dumps({"pids": {"limit": 78}}))
    assert limits() == {"78"}
    file = sleeper.base / "resources.json"
    file.write_text(json.dumps({"pids": {"limit": 79}, "memory": {"limit": 64 << 20}}))
    sleeper.call("update", "-r", file, "c")
    assert limits() == {"79"}
    assert "--memory takes a size" in _refused(sleeper, "update", "--memory", "much", "c")
    done = sleeper.call("update", "-r", "-", "c", input='{"pids": {"limit": "many"}}', check=False)
    assert done.returncode == 1 and "resources.pids.limit: expected a whole number" in done.stderr


def test_events_show_what_it_uses(sleeper):
    event = json.loads(sleeper.call("events", "--stats", "c").stdout)
    assert event["type"] == "stats" and event["id"] == "c"
    assert event["data"]["pids"]["current"] == 1
    assert event["data"]["cpu"]["usage"]["total"] > 0 and event["data"]["memory"]["usage"]["usage"] > 0


def test_events_go_on_until_the_container_ends(oci):
    oci.write("sleep", "1000").create()
    oci.call("start", "c")
    watcher = subprocess.Popen([RUNTIME, "--root", str(oci.root), "events", "--interval", "100ms", "c"],
                               stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        assert json.loads(watcher.stdout.readline())["type"] == "stats"
    oci.call("delete", "--force", "c")
    watcher.stdout.read()
    assert watcher.wait(30) == 0
    watcher.stdout.close()


def test_features_are_json(oci):
    features = json.loads(oci.call("features").stdout)
    assert features["ociVersionMin"] == "1.0.0" and "rro" in features["mountOptions"]


def test_spec_writes_a_config_that_runs_and_overwrites_none(oci):
    (oci.bundle / "config.json").unlink(missing_ok=True)
    oci.call("spec", "--bundle", oci.bundle)
    assert json.loads((oci.bundle / "config.json").read_text())["process"]["args"] == ["sh"]
    assert "exists. Remove it first" in _refused(oci, "spec", "--bundle", oci.bundle)


@pytest.mark.parametrize("verb", ["checkpoint", "restore"])
def test_checkpoints_are_said_not_to_be_supported(oci, verb):
    assert f"{verb} is not supported" in _refused(oci, verb, "--image-path", "/tmp", "c")


# --- the command line and the log ---

VERBS = ["checkpoint", "create", "delete", "events", "exec", "features", "kill", "list", "pause", "ps", "restore",
         "resume", "run", "spec", "start", "state", "update"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help(oci, verb):
    done = oci.call(verb, "--help")
    assert done.stdout.startswith("Usage: ctr-runtime") and verb in done.stdout


def test_errors_go_to_the_log_as_json_and_to_standard_error(oci):
    log = oci.base / "log"
    done = oci.call("state", "nobody", check=False, globals=["--log", str(log), "--log-format", "json"])
    assert done.stderr == "container does not exist: nobody\n"
    line = json.loads(log.read_text())
    assert list(line) == ["level", "msg", "time"] and line["level"] == "error"
    assert line["msg"] == "container does not exist: nobody"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"])


@pytest.mark.parametrize("arguments", [["--log-format", "yaml", "list"], ["--bogus"], ["bogus"], ["state"],
                                       ["state", "a", "b"], ["list", "a"], ["run", "--bogus", "c"],
                                       ["run", "--preserve-fds", "x", "c"], ["--rootless", "maybe", "list"],
                                       ["--cgroup-manager", "none", "list"], ["events", "--interval", "0", "c"],
                                       ["run", "--bundle"], ["--log", "/no/such/directory/log", "list"]])
def test_a_command_line_that_cannot_be_meant_is_refused(oci, arguments):
    done = oci.call(*arguments, check=False)
    assert done.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT) and done.stderr


def test_empty_arguments_and_annotations_are_kept(oci):
    oci.config["annotations"] = {"empty": ""}
    oci.write("sh", "-c", "echo $#", "x", "", "").create()
    assert oci.state()["annotations"] == {"empty": ""}
    oci.call("start", "c")
    oci.wait_for_status("stopped")
    assert oci.output() == "2\n"
    oci.call("delete", "c")
