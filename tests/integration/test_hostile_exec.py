"""Attack class E: what a process in a container can do to those that come after it, and to their engine."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest

from canary import HostCanary
from engine import BIN, Engine, wait_for
from hostile import ATTACKER, ITERATIONS, Companion, allowed_failures, entry, import_image
from oci_bundle import Oci

EXECS = max(ITERATIONS, 60)


@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


def exec_often(engine, name, *command, flags=()):
    """How many of them did not end as they must."""
    return sum(engine.ctr("exec", *flags, name, *command, check=False).returncode != 0 for _ in range(EXECS))


# --- E01: our programs ---

def test_e01_no_program_of_ours_can_be_written_through_proc(engine, canary):
    spy = Companion(engine, "overwriter", "--cap-add", "SYS_PTRACE", mode=["overwrite"])
    assert exec_often(engine, "overwriter", "/bin/true") <= allowed_failures(EXECS)
    found = spy.finish()
    assert found["written"] == 0, found


def test_e01_an_image_whose_programs_are_the_runtime_itself(engine, canary):
    """CVE-2019-5736 as it was: the entrypoint and the shell are links to, or scripts for, /proc/self/exe.

    At that moment it is our monitor's program, which then runs as the container's, with no more rights than that.
    """
    import_image(engine, "e01", entry("bin/sh", content="#!/proc/self/exe\n", mode=0o755),
                 entry("entry", "/proc/self/exe"))
    for command in (["/bin/sh"], ["/entry"], ["sh", "-c", "true"]):
        done = engine.ctr("run", "--rm", "e01", *command, check=False, timeout=60)
        assert done.returncode in (125, 126, 127, 2), (command, done.stdout, done.stderr)


# --- E02: the working directory ---

def test_e02_a_link_of_the_image_to_a_descriptor_is_no_working_directory(engine, canary):
    links = [entry(f"w{number}", f"/proc/self/fd/{number}") for number in range(3, 40)]
    import_image(engine, "e02", *links)
    engine.ctr("run", "-d", "--name", "e02", "e02", "sleep", "600")
    for number in range(3, 40):
        done = engine.ctr("exec", "-w", f"/w{number}", "e02", "pwd", check=False)
        assert done.returncode != 0, (number, done.stdout)
    for number in (3, 7, 8, 12):
        done = engine.ctr("run", "--rm", "-w", f"/w{number}", "e02", "pwd", check=False)
        assert done.returncode != 0 or done.stdout.startswith("/"), done.stdout
        canary.check_output(done.stdout)
    engine.ctr("rm", "-f", "e02")


# --- E03: newcomers ---

def assert_nothing_gained(found):
    assert found["seen"] > 0, found
    assert found["gains"] == [], found


def test_e03_an_exec_has_nothing_to_give_when_it_comes_into_view(engine, canary):
    spy = Companion(engine, "watcher", "--cap-add", "SYS_PTRACE", mode=["watch", str(canary.path)])
    failures = exec_often(engine, "watcher", "/bin/true")
    found = spy.finish()
    assert_nothing_gained(found)
    # One that is traced at its birth may be held up, and is none of ours any more.
    assert failures <= found["traced"] + allowed_failures(EXECS), found


def test_e03_nor_has_one_with_a_terminal_or_a_user_of_its_own(engine, canary):
    spy = Companion(engine, "watcher2", "--cap-add", "SYS_PTRACE", mode=["watch", str(canary.path)])
    for flags in (["-t"], ["-u", "33"], ["-w", "/tmp"], ["-e", "A=b"]):
        for _ in range(10):
            engine.ctr("exec", *flags, "watcher2", "/bin/true", check=False)
    assert_nothing_gained(spy.finish())


def test_e03_a_filter_of_the_user_s_own_changes_nothing(engine, canary, tmp_path):
    """One that lets everything pass but what nobody needs; and one under which there is no fork."""
    for name, refused in (("lenient", ["reboot"]), ("strict", ["setsid"])):
        profile = tmp_path / f"{name}.json"
        profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": refused, "action": "SCMP_ACT_ERRNO"}]}))
        engine.ctr("run", "-d", "--name", name, "--security-opt", f"seccomp={profile}", "busybox", "sleep", "600")
        status = engine.out("exec", name, "grep", "-E", "^(Seccomp|CapEff)", "/proc/self/status").split()
        assert status[1] == "00000000a80425fb" and status[3] == "2", status
        engine.ctr("rm", "-f", name)


def start_watcher(oci, canary):
    process = oci.config["process"]
    for kind in ("bounding", "effective", "permitted"):
        process["capabilities"][kind] = ["CAP_KILL", "CAP_SYS_PTRACE"]
    oci.config["mounts"].append({"destination": "/attacker", "type": "bind", "source": str(ATTACKER),
                                 "options": ["bind", "ro"]})
    oci.write("/attacker", "watch", str(canary.path))
    oci.create("c")
    oci.call("start", "c")
    wait_for(lambda: "ready" in oci.output("c"), "the attacker to be ready")


def end_watcher(oci):
    oci.call("kill", "c", "TERM")
    oci.wait_for_status("stopped")
    found = json.loads(oci.output("c").splitlines()[-1])
    oci.call("delete", "c")
    return found


def test_e03_nor_does_the_oci_runtime_show_more(oci):
    with HostCanary() as canary:
        start_watcher(oci, canary)
        for _ in range(EXECS):
            oci.call("exec", "c", "/bin/true", check=False)
        found = end_watcher(oci)
    assert_nothing_gained(found)


def test_e03_nor_has_a_container_that_comes_into_the_same_pid_namespace(engine, canary):
    spy = Companion(engine, "host03", "--cap-add", "SYS_PTRACE", mode=["watch", str(canary.path)])
    for turn in range(max(15, ITERATIONS // 10)):
        done = engine.ctr("run", "--rm", "--pid", "container:host03", "busybox", "sh", "-c",
                          "cat /proc/self/oom_score_adj; test -d /proc/1/task && ps | grep -c attacker", check=False)
        assert done.returncode == 0 and done.stdout.split()[0] == "0" and int(done.stdout.split()[1]) > 0, done
    assert_nothing_gained(spy.finish())


# --- E04: descriptors ---

def test_e04_what_the_daemon_was_started_with_does_not_reach_containers(canary):
    """Open descriptors of whoever started the daemon, none of them close-on-exec."""
    directory = os.open("/", os.O_RDONLY)
    secret = os.open(canary.path / "readable", os.O_RDONLY)
    left, right = socket.socketpair()
    try:
        for number, fd in ((33, directory), (39, secret), (50, right.fileno())):
            os.dup2(fd, number, inheritable=True)
        with InheritingEngine(33, 39, 50) as engine:
            engine.load_alpine()
            for command in (["run", "--rm", "busybox"], ["exec", "sleeper"]):
                if command[0] == "exec":
                    engine.ctr("run", "-d", "--name", "sleeper", "busybox", "sleep", "600")
                listed = engine.out(*command, "ls", "-l", "/proc/self/fd")
                numbers = {line.split()[8] for line in listed.splitlines() if "->" in line}
                assert numbers <= {"0", "1", "2", "3"}, listed  # 3: the directory that ls reads
                canary.check_output(listed)
    finally:
        for fd in (directory, secret, 33, 39, 50):
            os.close(fd)
        left.close()
        right.close()


class InheritingEngine(Engine):
    """Whose daemon has descriptors that it does not know of."""

    def __init__(self, *descriptors):
        super().__init__()
        self.descriptors = descriptors

    def start(self, *more_flags):
        before = subprocess.Popen
        descriptors = self.descriptors
        try:
            subprocess.Popen = lambda *words, **options: before(*words, **{**options, "pass_fds": descriptors}) \
                if words and words[0][0] == "nsenter" else before(*words, **options)
            super().start(*more_flags)
        finally:
            subprocess.Popen = before


def test_e04_a_created_process_holds_what_it_needs_and_no_more(oci):
    """Between create and start: standard streams, its channel, the socket at which it waits."""
    oci.write("/bin/true")
    oci.create("c")
    pid = oci.state("c")["pid"]
    for name in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{name}")
        known = int(name) <= 2 or target.startswith(("socket:", "/proc", "/dev/pts", "/"))
        assert known, (name, target)
        if int(name) > 2 and target.startswith("/"):
            # Of the container's own tree: what lies on the host cannot be named from in there.
            assert not os.path.exists(target) or os.path.samefile(f"/proc/{pid}/fd/{name}", f"/proc/{pid}/root{target}"), target
    oci.call("delete", "--force", "c")


# --- E06: ends and numbers ---

def test_e06_an_exec_that_meets_the_end_of_its_container_says_so(engine, canary):
    answers = set()
    for turn in range(max(15, ITERATIONS // 4)):
        engine.ctr("run", "-d", "--name", f"brief{turn}", "busybox", "sh", "-c", f"usleep {turn % 15 * 8000}")
        for _ in range(8):
            done = engine.ctr("exec", f"brief{turn}", "true", check=False)
            if done.returncode == 0:
                continue
            answers.add(done.returncode)
            # 137: it ran and was killed with the container.
            assert done.returncode in (1, 126, 137), (done.returncode, done.stderr)
            if done.returncode != 137:
                assert "is not running" in done.stderr, (done.returncode, done.stdout, done.stderr)
                break
        engine.ctr("rm", "-f", f"brief{turn}")
    assert answers, "none met it"


def test_e06_inspect_of_an_exec_never_says_running_after_its_stream_has_ended(engine, canary):
    engine.ctr("run", "-d", "--name", "inspected", "busybox", "sleep", "600")
    for command in (["true"], ["false"], ["no-such-program"], ["/"]) * max(10, ITERATIONS // 10):
        _, made = engine.api("POST", "/containers/inspected/exec", {"Cmd": command, "AttachStdout": True,
                                                                  "AttachStderr": True})
        read_exec(engine, made["Id"])
        _, seen = engine.api("GET", f"/exec/{made['Id']}/json")
        assert seen["Running"] is False and seen["ExitCode"] is not None, (command, seen)
    engine.ctr("rm", "-f", "inspected")


def read_exec(engine, number):
    """All of its stream."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(engine.socket))
        body = b'{"Detach":false,"Tty":false}'
        client.sendall(b"POST /v1.43/exec/%s/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %d\r\n\r\n%s"
                       % (number.encode(), len(body), body))
        text = b""
        while data := client.recv(65536):
            text += data
    return text


def test_e06_a_reused_number_is_not_taken_for_the_container(engine, canary):
    """An exec joins by the pidfd of the first process, so that a number that is somebody else's by then is no help.

    A stale record of the runtime, whose container's pid now belongs to a process of the host.
    """
    with Oci() as oci:
        oci.write("/bin/sleep", "600")
        oci.create("c")
        oci.call("start", "c")
        pid = oci.state("c")["pid"]
        oci.call("kill", "c", "KILL")
        oci.wait_for_status("stopped")
        with subprocess.Popen(["sleep", "600"]) as other:
            rewrite_pid(oci.root / "c", pid, other.pid)
            done = oci.call("exec", "c", "/bin/true", check=False)
            assert done.returncode != 0 and other.poll() is None, done.stderr
            oci.call("delete", "--force", "c", check=False)
            assert other.poll() is None, "a process of the host was killed for the container's"
            other.kill()


def rewrite_pid(directory, before, after):
    for path in directory.iterdir():
        if path.is_file() and f'"pid":{before}' in (text := path.read_text().replace('"pid": ', '"pid":')):
            path.write_text(text.replace(f'"pid":{before}', f'"pid":{after}'))


# --- E08, E09: terminals and streams ---

def test_e08_a_container_types_nothing_into_its_terminal_from_outside(engine, canary):
    """TIOCSTI puts characters into a terminal's input: of the container's own at most, since the operator's is
    never inside."""
    script = ("import fcntl, termios, os\n"
              "try:\n fcntl.ioctl(0, termios.TIOCSTI, b'x')\n print('typed')\nexcept OSError as e:\n print(e.errno)\n")
    done = subprocess.run(["script", "-qec", f"{BIN}/ctr -H {engine.host} run --rm -t busybox sh -c "
                           "'readlink /proc/self/fd/0; stat -c %t:%T /dev/console'", "/dev/null"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert "/dev/pts/0" in done.stdout and "88:0" in done.stdout, (done.stdout, script)


def test_e09_a_container_cannot_forge_the_frames_of_its_stream(engine, canary):
    """What looks like a header is payload: all of it comes out of the stream that it went into."""
    forged = b"\x02\x00\x00\x00\x00\x00\x00\x05HELLO"
    words = "".join(f"\\{byte:03o}" for byte in forged)
    done = engine.ctr("run", "--rm", "busybox", "printf", words, text=False)
    assert done.stdout == forged and done.stderr == b""


def test_e09_two_hundred_megabytes_come_through_as_they_were(engine, canary):
    size = 200 << 20
    done = engine.ctr("run", "--rm", "--log-driver", "none", "busybox", "sh", "-c",
                      f"head -c {size} /dev/zero | tee /dev/null | sha256sum; head -c {size} /dev/zero | sha256sum >&2")
    assert done.stdout.split()[0] == done.stderr.split()[0]


# --- E10, E11: execs of others, sizes ---

def test_e10_an_exec_is_known_under_its_own_number_only(engine, canary):
    for guess in ("0" * 64, "a", "..%2f..%2fcontainers", "%00", "x" * 3000):
        for method, verb in (("GET", "json"), ("POST", "start"), ("POST", "resize?h=1&w=1")):
            status, _ = engine.api(method, f"/exec/{guess}/{verb}", {} if method == "POST" else None)
            assert status in (400, 404, 414), (guess, verb, status)


@pytest.mark.parametrize("query", ["h=0&w=x", "h=65536&w=1", "h=-1&w=1", "h=NaN&w=1", "h=&w=", "h=1e3&w=2"])
def test_e11_odd_sizes_are_refused(engine, canary, query):
    engine.ctr("run", "-dt", "--name", "sized", "busybox", "sleep", "600")
    try:
        status, _ = engine.api("POST", f"/containers/sized/resize?{query}")
        assert status == 400
    finally:
        engine.ctr("rm", "-f", "sized")


def test_e11_a_thousand_sizes_of_an_exec_that_has_ended_leak_nothing(engine, canary):
    engine.ctr("run", "-d", "--name", "resized", "busybox", "sleep", "600")
    _, made = engine.api("POST", "/containers/resized/exec", {"Cmd": ["true"], "Tty": True, "AttachStdout": True})
    read_exec(engine, made["Id"])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(engine.socket))
        answers = client.makefile("rb")
        for _ in range(1000):
            client.sendall(b"POST /exec/%s/resize?h=10&w=20 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                           % made["Id"].encode())
            head = b""
            while (line := answers.readline()) != b"\r\n":
                head += line
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            answers.read(length)
            assert head.split()[1] in (b"409", b"404", b"500"), head
    engine.ctr("rm", "-f", "resized")


# --- E12: monitor and daemon ---

def test_e12_monitor_and_daemon_are_out_of_sight_and_keep_no_secrets(engine, canary):
    engine.ctr("run", "-d", "--name", "looking", "--cap-add", "ALL", "busybox", "sleep", "600")
    listed = engine.out("exec", "looking", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
    assert "ctr-monitor" not in listed and "ctrd" not in listed
    for pid in engine.monitors():
        assert pathlib.Path(f"/proc/{pid}/environ").read_bytes() == b""
    engine.ctr("rm", "-f", "looking")


def test_e12_with_the_host_s_processes_in_sight_a_user_can_do_nothing_to_them(engine, canary):
    engine.ctr("run", "-d", "--name", "hostpid", "--pid", "host", "-u", "1000", "busybox", "sleep", "600")
    for pid in [engine.pid, *engine.monitors()]:
        for command in (f"kill -9 {pid}", f"renice -n 19 {pid}", f"cat /proc/{pid}/environ", f"ls /proc/{pid}/fd/"):
            done = engine.ctr("exec", "hostpid", "sh", "-c", command, check=False)
            assert done.returncode != 0, (command, done.stdout)
    engine.ctr("rm", "-f", "hostpid")


def test_e12_a_tracer_that_never_lets_go_does_not_keep_the_monitor_busy(engine, canary):
    """The kernel says that the traced process has ended and gives it to nobody: no reason to ask without a pause."""
    engine.ctr("run", "-d", "--name", "tracer", "--cap-add", "SYS_PTRACE", "-v", f"{ATTACKER}:/attacker:ro", "busybox",
               "/attacker", "hold", "victim")
    wait_for(lambda: "ready" in engine.ctr("logs", "tracer").stdout, "the attacker to be ready")
    client = engine.popen("exec", "tracer", "sh", "-c", "cp /attacker /tmp/victim; exec /tmp/victim hold nobody",
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        monitor = monitor_of(engine, "tracer")
        wait_for(lambda: "Z" in states_of_children(monitor), "the victim to be dead and held", 40)
        before = processor_time(monitor)
        time.sleep(3)
        # Some looks a second take no time that can be measured; looking without a pause takes all that there is.
        assert processor_time(monitor) - before < 0.1, "seconds"
    finally:
        engine.ctr("rm", "-f", "tracer")
        client.wait(30)


def monitor_of(engine, name):
    number = engine.inspect(name)["Id"]
    for pid in engine.monitors():
        with contextlib.suppress(OSError):  # of a container that has just ended
            if number in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                return pid
    raise AssertionError(f"{name} has no monitor")


def states_of_children(pid):
    listed = subprocess.run(["ps", "-o", "stat=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return "".join(line[0] for line in listed.split())


def processor_time(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
