"""What ctr asks a daemon for, in which order, and what it makes of the answers."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import time

import pytest
from engine import CTR, wait_for
from scripted_daemon import ID, ScriptedDaemon, frame


def start(daemon, *arguments, **options):
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               **options}
    environment = {**os.environ, "DOCKER_CONFIG": "/nonexistent"}
    return subprocess.Popen([CTR, "-H", daemon.url, *arguments], env=environment, **options)


def finish(process, data=None):
    out, err = process.communicate(data, timeout=20)
    return process.returncode, out.decode(), err.decode()


def run(daemon, *arguments, **options):
    return finish(start(daemon, *arguments, **options))


def test_run_attaches_and_waits_before_it_starts():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "--name", "box", "alpine", "echo", "hi")
        connection, _ = daemon.attached.get(timeout=10)
        daemon.started.wait(10)
        connection.sendall(frame(1, b"hi\n") + frame(2, b"oh\n"))
        connection.close()
        daemon.exit_code.put(3)
        assert finish(process) == (3, "hi\n", "oh\n")
        assert daemon.calls() == ["POST create", "POST attach", "POST wait", "POST start"]
        queries = {path.rsplit("/", 1)[-1]: query for _, path, query in daemon.requests}
        assert queries["create"] == {"name": "box"}
        assert queries["attach"] == {"stream": "1", "stdout": "1", "stderr": "1"}
        assert queries["wait"] == {"condition": "next-exit"}


def test_run_pulls_a_missing_image_and_shows_it_on_stderr():
    with ScriptedDaemon(missing_image=True) as daemon:
        process = start(daemon, "run", "-d", "alpine")
        code, out, err = finish(process)
        assert (code, out) == (0, ID + "\n")
        assert daemon.calls() == ["POST create", "POST create", "POST create", "POST start"]
        assert daemon.requests[1][1:] == (
            "/images/create", {"fromImage": "docker.io/library/alpine", "tag": "latest"})
        assert err.splitlines() == [
            "Unable to find image 'alpine:latest' locally",
            "latest: Pulling from library/alpine",
            "aaaaaaaaaaaa: Pulling fs layer",
            "aaaaaaaaaaaa: Pull complete",
            "Status: Downloaded newer image for alpine:latest",
        ]


@pytest.mark.parametrize("policy,calls", [
    ("never", ["/containers/create"]),
    ("always", ["/images/create", "/containers/create"]),
])
def test_run_pull_policies(policy, calls):
    with ScriptedDaemon(missing_image=policy == "never") as daemon:
        code, out, err = run(daemon, "create", "--pull", policy, "-q", "alpine")
        assert [path for _, path, _ in daemon.requests] == calls
        assert (code, out) == ((1, "") if policy == "never" else (0, ID + "\n"))
        assert ("No such image" in err) == (policy == "never")


def test_a_pull_that_fails_in_its_stream_fails_the_run_with_125():
    with ScriptedDaemon(missing_image=True) as daemon:
        daemon.pull_messages = [{"errorDetail": {"message": "manifest unknown"}, "error": "x"}]
        code, _, err = run(daemon, "run", "alpine")
        assert code == 125
        assert err.splitlines()[-1] == "ctr: manifest unknown"


@pytest.mark.parametrize("message,code", [
    ('exec: "nope": executable file not found in $PATH', 127),
    ('exec: "/bin": is a directory', 126),
    ('exec: "/x": permission denied', 126),
    ("no space left on device", 125),
])
def test_what_could_not_start_has_the_exit_code_of_a_shell(message, code):
    with ScriptedDaemon(start_error=(400, {"message": message})) as daemon:
        result, out, err = run(daemon, "run", "alpine", "nope")
        assert (result, out, err) == (code, "", f"ctr: {message}\n")


def test_input_is_passed_on_and_its_end_is_a_half_close():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "-i", "--rm", "alpine", "cat", stdin=subprocess.PIPE)
        connection, early = daemon.attached.get(timeout=10)
        data = os.urandom(3_000_000)

        def cat():
            received = early
            while chunk := connection.recv(65536):
                received += chunk
                connection.sendall(frame(1, chunk))
            connection.close()
            daemon.exit_code.put(0)
            return received

        import threading
        thread = threading.Thread(target=cat)
        thread.start()
        out, _ = process.communicate(data, timeout=30)
        thread.join()
        assert out == data
        assert process.returncode == 0
        assert daemon.requests[2][2] == {"condition": "removed"}


def test_signals_are_passed_on_where_there_is_no_terminal():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "alpine", "sleep", "9")
        connection, _ = daemon.attached.get(timeout=10)
        daemon.started.wait(10)
        wait_for(lambda: "POST start" in daemon.calls(), "the start")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        wait_for(lambda: "POST kill" in daemon.calls(), "the signal")
        process.send_signal(signal.SIGUSR1)
        wait_for(lambda: daemon.calls().count("POST kill") == 2, "the second signal")
        connection.close()
        daemon.exit_code.put(130)
        assert finish(process)[0] == 130
        assert [q for _, p, q in daemon.requests if p.endswith("kill")] == [
            {"signal": "SIGINT"}, {"signal": "SIGUSR1"}]


def test_without_sig_proxy_a_signal_ends_the_client_only():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "--sig-proxy=false", "alpine", "sleep", "9")
        daemon.attached.get(timeout=10)
        daemon.started.wait(10)
        process.send_signal(signal.SIGTERM)
        assert finish(process)[0] == -signal.SIGTERM
        assert "POST kill" not in daemon.calls()


def test_the_exit_code_is_right_after_the_daemon_was_away():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "alpine", "sleep", "9")
        connection, _ = daemon.attached.get(timeout=10)
        daemon.started.wait(10)
        time.sleep(0.1)
        daemon.go_away()
        connection.sendall(frame(1, b"still here\n"))
        time.sleep(0.3)
        daemon.listen()
        connection.close()
        daemon.exit_code.put(7)
        assert finish(process) == (7, "still here\n", "")
        waits = [query for _, path, query in daemon.requests if path.endswith("/wait")]
        assert waits == [{"condition": "next-exit"}, {"condition": "not-running"}]


def test_a_reader_that_goes_away_ends_the_client_quietly():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "alpine", "yes")
        connection, _ = daemon.attached.get(timeout=10)
        daemon.started.wait(10)
        process.stdout.close()
        try:
            for _ in range(100):
                connection.sendall(frame(1, b"y\n" * 5000))
        except OSError:
            pass
        assert process.wait(10) == 141
        assert process.stderr.read() == b""


def test_the_cidfile_appears_with_the_container_and_is_never_overwritten(tmp_path):
    path = tmp_path / "cid"
    with ScriptedDaemon() as daemon:
        assert run(daemon, "create", "--cidfile", str(path), "alpine")[0] == 0
        assert path.read_text() == ID
        code, _, err = run(daemon, "create", "--cidfile", str(path), "alpine")
        assert code == 1 and "container ID file found" in err
    with ScriptedDaemon(missing_image=True) as daemon:
        assert run(daemon, "create", "--pull=never", "--cidfile", str(tmp_path / "x"), "a")[0] == 1
        assert not (tmp_path / "x").exists()


def test_the_daemons_warnings_are_shown():
    with ScriptedDaemon(warnings=["no swap limit here"]) as daemon:
        code, out, err = run(daemon, "create", "alpine")
        assert (code, out, err) == (0, ID + "\n", "ctr: warning: no swap limit here\n")


def test_credentials_go_to_their_registry_only(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"r.test": {"auth": "dTpw"}}}))
    with ScriptedDaemon() as daemon:
        for image in ("r.test/a", "other.test/a"):
            subprocess.run([CTR, "-H", daemon.url, "--config", tmp_path, "pull", "-q", image], check=True,
                           stdout=subprocess.DEVNULL)
            expected = "eyJwYXNzd29yZCI6InAiLCJzZXJ2ZXJhZGRyZXNzIjoici50ZXN0IiwidXNlcm5hbWUiOiJ1In0="
            sent = daemon.headers["/images/create"].get("x-registry-auth")
            assert sent == (expected if image == "r.test/a" else None)


def test_exec_relays_and_asks_for_the_exit_code():
    with ScriptedDaemon() as daemon:
        daemon.exec_exit_code = 5
        process = start(daemon, "exec", "-e", "A=1", "-w", "/x", "box", "ls", "-l")
        connection, _ = daemon.attached.get(timeout=10)
        connection.sendall(frame(1, b"file\n"))
        connection.close()
        assert finish(process) == (5, "file\n", "")
        assert daemon.calls() == ["POST exec", "POST start", "GET json"]
        body = json.loads(daemon.bodies["/containers/box/exec"])
        assert body["Cmd"] == ["ls", "-l"] and body["Env"] == ["A=1"] and body["WorkingDir"] == "/x"


def test_rm_goes_on_after_an_error():
    with ScriptedDaemon() as daemon:
        daemon._answer = lambda c, m, p, *rest: daemon._send(
            c, *((404, {"message": "No such container: b"}) if p == "/containers/b" else (204,)))
        code, out, err = run(daemon, "rm", "a", "b", "c")
        assert (code, out) == (1, "a\nc\n")
        assert err == "ctr: No such container: b; 'ctr ps -a' lists the containers\n"
        assert run(daemon, "rm", "-f", "b")[0] == 0


@pytest.mark.parametrize("arguments,code,text", [
    (["run"], 125, "needs an image"),
    (["run", "--nmae", "x", "alpine"], 125, "did you mean --name?"),
    (["run", "Alpine"], 125, "must be lowercase"),
    (["run", "-it", "alpine"], 125, "the input device is not a TTY"),
    (["run", "-d", "-a", "stdout", "alpine"], 125, "--attach and --detach"),
    (["rnu", "alpine"], 1, "Did you mean 'run'?"),
    (["container", "strat"], 1, "Did you mean 'start'?"),
    (["stop"], 1, "needs more arguments"),
    (["start", "-a", "a", "b"], 1, "multiple containers"),
])
def test_mistakes_are_named_and_ask_the_daemon_nothing(arguments, code, text):
    with ScriptedDaemon() as daemon:
        result, out, err = run(daemon, *arguments)
        assert (result, out) == (code, "")
        assert text in err and err.startswith("ctr: ")
        assert daemon.requests == []


def test_no_daemon_no_permission_no_socket(tmp_path):
    class Missing:
        url = f"unix://{tmp_path}/none.sock"
    code, _, err = run(Missing, "run", "alpine")
    assert code == 125 and "is the daemon running?" in err and len(err.splitlines()) == 1
    (tmp_path / "file").write_text("")

    class NoSocket:
        url = f"unix://{tmp_path}/file"
    code, _, err = run(NoSocket, "stop", "x")
    assert code == 1 and "it is not a socket" in err


class Terminal:
    """A client on a terminal of 40 rows and 100 columns."""

    def __init__(self, daemon, *arguments):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.process = start(daemon, *arguments, stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def read_until(self, text):
        seen = b""
        while text not in seen:
            seen += os.read(self.master, 4096)
        return seen

    def end(self, code):
        assert self.process.wait(10) == code
        assert termios.tcgetattr(self.slave) == self.before


def sizes(daemon):
    return [(q["h"], q["w"]) for _, p, q in daemon.requests if p.endswith("/resize")]


def test_a_terminal_is_raw_sized_and_restored():
    with ScriptedDaemon(tty=True) as daemon:
        terminal = Terminal(daemon, "run", "-it", "alpine", "sh")
        connection, _ = daemon.attached.get(timeout=10)
        wait_for(lambda: sizes(daemon) == [("40", "100")], "the size")
        assert json.loads(daemon.bodies["/containers/create"])["HostConfig"]["ConsoleSize"] == [40, 100]
        wait_for(terminal.is_raw, "raw mode")
        os.write(terminal.master, b"\x03")
        assert connection.recv(10) == b"\x03"
        fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 90, 0, 0))
        wait_for(lambda: sizes(daemon)[-1] == ("50", "90"), "the new size")
        connection.sendall(b"bye\r\n")
        assert terminal.read_until(b"bye") == b"bye\r\n"
        connection.close()
        daemon.exit_code.put(0)
        terminal.end(0)


def test_detaching_leaves_the_container_and_restores_the_terminal():
    with ScriptedDaemon(tty=True) as daemon:
        terminal = Terminal(daemon, "run", "-it", "--detach-keys", "ctrl-a,x", "alpine", "sh")
        connection, _ = daemon.attached.get(timeout=10)
        wait_for(terminal.is_raw, "raw mode")
        os.write(terminal.master, b"\x01x")
        assert connection.recv(10) == b"\x01x"
        connection.close()
        terminal.read_until(b"read escape sequence")
        terminal.end(0)
        assert daemon.requests[1][2]["detachKeys"] == "ctrl-a,x"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_the_terminal_is_restored_by_signals_too(number):
    with ScriptedDaemon(tty=True) as daemon:
        terminal = Terminal(daemon, "run", "-it", "alpine", "sh")
        daemon.attached.get(timeout=10)
        wait_for(terminal.is_raw, "raw mode")
        terminal.process.send_signal(number)
        terminal.end(-number)


def test_a_terminal_outlives_the_daemon():
    with ScriptedDaemon(tty=True) as daemon:
        terminal = Terminal(daemon, "run", "-it", "alpine", "sh")
        connection, _ = daemon.attached.get(timeout=10)
        wait_for(terminal.is_raw, "raw mode")
        daemon.go_away()
        os.write(terminal.master, b"x")
        assert connection.recv(10) == b"x"
        fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 30, 0, 0))
        time.sleep(0.3)
        daemon.listen()
        wait_for(lambda: sizes(daemon)[-1:] == [("20", "30")], "the size after the restart")
        connection.close()
        daemon.exit_code.put(4)
        terminal.end(4)


def test_pull_draws_bars_on_a_terminal():
    with ScriptedDaemon() as daemon:
        terminal = Terminal(daemon, "pull", "alpine")
        seen = terminal.read_until(b"docker.io/library/alpine:latest")
        assert b"overall" in seen and b"1/1 layers" in seen and b"\x1b[J" in seen
        terminal.end(0)


def test_output_is_shown_whole_before_an_exit_code_that_is_lost():
    with ScriptedDaemon() as daemon:
        process = start(daemon, "run", "--rm", "alpine", "sleep", "9")
        connection, _ = daemon.attached.get(timeout=10)
        daemon.started.wait(10)
        time.sleep(0.1)
        daemon.go_away()
        daemon._answer = lambda c, *rest: daemon._send(c, 404, {"message": "No such container: x"})
        daemon.listen()
        time.sleep(0.3)
        connection.sendall(frame(1, b"last words\n"))
        connection.close()
        code, out, err = finish(process)
        assert (code, out) == (125, "last words\n")
        assert "its exit code is not known" in err
