"""The API's transport: what goes over the socket before any resource is involved. Raw bytes against a
real ctrd without networks; hostile-inputs.md P01-P09, P12-P15."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from engine import BIN, docker_client, wait_for

CTRD = str(BIN / "ctrd")


class Daemon:
    """ctrd with directories of its own and no bridge: it changes nothing on the host."""

    def __init__(self, *flags):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="ctr-api-"))
        self.data, self.run_dir = self.base / "data", self.base / "run"
        self.socket = self.run_dir / "ctrd.sock"
        self.log = self.base / "log"
        self.command = [CTRD, "--data-root", str(self.data), "--exec-root", str(self.run_dir),
                        "--bridge", "none", "--config-file", str(self.base / "daemon.json"), *flags]
        (self.base / "daemon.json").write_text("{}")
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.base)

    def start(self, **options):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, **options)
        wait_for(self.answers, "ctrd to answer")

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/_ping").status == 200
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    def connect(self, timeout=10):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.socket))  # with a timeout, a full backlog would be an error
        connection.settimeout(timeout)
        return connection

    def send(self, data, timeout=10):
        """The answer to raw bytes."""
        with self.connect(timeout) as connection:
            try:
                connection.sendall(data)
            except BrokenPipeError:
                pass
            return Answer.read(connection)

    def get(self, path, *headers):
        return self.request("GET", path, *headers)

    def request(self, method, path, *headers, body=b""):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
        if body:
            lines += [f"Content-Length: {len(body)}"]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def resident_kilobytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["message"]

    @staticmethod
    def read(connection, head=False):
        """One answer from a connection that may stay open."""
        file = connection.makefile("rb")
        line = file.readline()
        if not line:
            return Answer(0, {}, b"")
        status, headers = int(line.split()[1]), {}
        while (line := file.readline().rstrip()):
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while (size := int(file.readline(), 16)):
                body += file.read(size)
                file.readline()
        elif not head and status not in (100, 101, 204, 304):
            body = file.read(int(headers.get("content-length", 0)))
        return Answer(status, headers, body)


@pytest.fixture(scope="module")
def daemon():
    if os.geteuid() != 0:
        pytest.skip("ctrd needs root")
    with Daemon() as running:
        yield running
        assert running.process.poll() is None, "the daemon died"


# --- the handshake ---

def test_every_answer_says_who_we_are(daemon):
    for path in ("/_ping", "/v1.41/version", "/nothing", "/v1.99/info", "/events?since=x"):
        headers = daemon.get(path).headers
        assert headers["api-version"] == "1.51"
        assert headers["ostype"] == "linux"
        assert re.fullmatch(r"Docker/\d+\.\d+\.\d+-ctr \(linux\)", headers["server"])


def test_ping(daemon):
    answer = daemon.get("/_ping")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["docker-experimental"] == "false"
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
    assert answer.headers["pragma"] == "no-cache"
    with daemon.connect() as connection:
        connection.sendall(b"HEAD /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = Answer.read(connection, head=True)
        assert (answer.status, answer.headers["content-length"]) == (200, "0")
        connection.sendall(b"GET /v1.24/_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert Answer.read(connection).body == b"OK"


def test_versions(daemon):
    answer = daemon.get("/v1.23/info")
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body.decode().strip() == (
        "client version 1.23 is too old. Minimum supported API version is 1.24, "
        "please upgrade your client to a newer version")
    answer = daemon.get("/v1.52/info")
    assert answer.status == 400
    assert answer.message == ("client version 1.52 is too new. "
                              "Maximum supported API version is 1.51")
    assert daemon.get("/v1.24/info").status == 200
    assert daemon.get("/info").status == 200


def test_paths_and_methods(daemon):
    assert daemon.get("/nothing").status == 404
    assert daemon.get("/nothing").message == "page not found"
    assert daemon.request("PATCH", "/info").status == 405
    assert daemon.request("OPTIONS", "*").status == 200
    assert daemon.get("http://docker/v1.41/info").status == 200
    assert daemon.get("//_ping").status == 200
    assert daemon.get("/%5Fping").status == 200
    for path in ("/a%00b", "/a%zz", "/_ping?x=%"):
        assert daemon.get(path).status == 400, path


def test_version_and_info_have_what_clients_read(daemon):
    version = daemon.get("/version").json
    assert version["ApiVersion"] == "1.51" and version["MinAPIVersion"] == "1.24"
    assert tuple(map(int, version["Version"].split("-")[0].split("."))) >= (1, 6, 0)
    assert version["Components"][0]["Name"] == "Engine"
    info = daemon.get("/info").json
    assert info["KernelVersion"] == os.uname().release
    assert info["NCPU"] == os.cpu_count()
    assert info["DockerRootDir"] == str(daemon.data)
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["OSType"] == "linux" and info["MemTotal"] > 0 and info["ID"]
    assert daemon.get("/info").json["ID"] == info["ID"]
    assert "FirewallBackend" not in daemon.get("/v1.48/info").json


def test_what_there_is_not(daemon):
    answer = daemon.get("/services")
    assert answer.status == 503
    assert answer.message.startswith("This node is not a swarm manager.")
    assert daemon.get("/plugins").json == []


def test_the_docker_client_understands_us(daemon):
    client = docker_client()
    if client is None:
        pytest.skip("no docker client")
    for arguments in (["version"], ["info"], ["images"], ["system", "df"],
                      ["events", "--since", "1m", "--until", "0s"]):
        done = subprocess.run([client, "-H", f"unix://{daemon.socket}", *arguments], timeout=20,
                              capture_output=True, text=True)
        assert done.returncode == 0, (arguments, done.stderr)
        assert "ERROR" not in done.stdout + done.stderr


# --- requests that are none (P06) ---

MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/0.9": b"GET /_ping\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "line feeds only": b"GET /_ping HTTP/1.1\nHost: x\n\n",
    "NUL in the target": b"GET /_pi\x00ng HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET /_ping HTTP/1.1\r\nHost: \x00\r\n\r\n",
    "blank in a name": b"GET /_ping HTTP/1.1\r\nContent Length: 3\r\n\r\n",
    "negative length": b"POST /auth HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"POST /auth HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "two lengths": b"POST /auth HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST /auth HTTP/1.1\r\nContent-Length: 2\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another encoding": b"POST /auth HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "encoding twice": b"POST /auth HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk size overflow": b"POST /auth HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"fffffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "chunk size no number": b"POST /auth HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "target without slash": b"GET _ping HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_refused(daemon, name):
    with daemon.connect() as connection:
        connection.sendall(MALFORMED[name])
        answer = Answer.read(connection)
        assert 400 <= answer.status < 500
        assert answer.message
        if answer.headers.get("connection") == "close":
            assert connection.recv(1) == b""


@pytest.mark.parametrize("data", [
    b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(10000)) + b"\r\n",
], ids=["request line", "one field", "10000 fields"])
def test_large_headers_are_refused(daemon, data):
    assert daemon.send(data).status == 431


def test_large_request_lines_below_the_limit_are_not(daemon):
    assert daemon.get("/_ping?x=" + "a" * 40000).status == 200


def test_pipelined_requests_are_answered_in_order(daemon):
    with daemon.connect() as connection:
        connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 20 +
                           b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = b""
        while (piece := connection.recv(65536)):
            data += piece
    assert data.count(b"HTTP/1.1 200 OK") == 20
    assert data.count(b"HTTP/1.1 404") == 1 and data.rstrip().endswith(b"}")


def test_http_1_0_is_answered_and_closed(daemon):
    with daemon.connect() as connection:
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        data = b""
        while (piece := connection.recv(4096)):
            data += piece
    assert data.endswith(b"OK")


def test_half_a_request_holds_nobody_up(daemon):
    with daemon.connect() as half:
        half.sendall(b"POST /containers/create HTTP/1.1\r\nContent-Le")
        assert daemon.get("/_ping").status == 200
        half.shutdown(socket.SHUT_WR)
        half.recv(4096)
    with daemon.connect() as half:
        half.sendall(b"POST /auth HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        half.shutdown(socket.SHUT_WR)
        answer = Answer.read(half)
        assert (answer.status, answer.message) == (400, "the request's body ended early")


# --- bodies (P07) ---

def post_auth(daemon, body, *headers):
    return daemon.request("POST", "/auth", "Content-Type: application/json", *headers, body=body)


def test_bad_json_is_a_400_that_says_what(daemon):
    assert post_auth(daemon, b"{").message.startswith("invalid JSON")
    assert post_auth(daemon, b"[]").status == 400
    assert post_auth(daemon, b'{"username": 1}').message == (
        "json: cannot unmarshal number into field username of type string")
    assert post_auth(daemon, b"[" * 100000).message.startswith("invalid JSON: nested deeper")
    assert post_auth(daemon, b'{"a":' * 200 + b"1" + b"}" * 200).status == 400
    assert post_auth(daemon, b"1e400").status == 400
    assert post_auth(daemon, b'{"username": "\xff"}').status == 400
    assert post_auth(daemon, b'{"username": null, "unknown": [1, {}]}').message == (
        "no credentials given")


def test_other_content_types_are_refused(daemon):
    answer = daemon.request("POST", "/auth", "Content-Type: text/plain", body=b"{}")
    assert answer.status == 400
    assert answer.message == (
        "unsupported Content-Type header (text/plain): must be 'application/json'")
    answer = post_auth(daemon, b"{}", "Content-Type: application/json; charset=utf-8")
    assert answer.message == "no credentials given"


def test_large_bodies_are_a_413(daemon):
    assert post_auth(daemon, b" " * ((16 << 20) + 1)).status == 413
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = daemon.send(b"POST /auth HTTP/1.1\r\nContent-Type: application/json\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17 + b"0\r\n\r\n")
    assert answer.status == 413


def test_chunked_bodies_are_read(daemon):
    answer = daemon.send(b"POST /auth HTTP/1.1\r\nContent-Type: application/json\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n"
                         b'5;x=y\r\n{"use\r\nb\r\nrname": 1}\n\r\n0\r\nTrailer: x\r\n\r\n')
    assert answer.message == "json: cannot unmarshal number into field username of type string"


def test_expect_100_continue(daemon):
    head = (b"POST /auth HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            b"Expect: 100-continue\r\n\r\n")
    with daemon.connect() as connection:
        connection.sendall(head)
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert Answer.read(connection).message == "no credentials given"
    with daemon.connect() as connection:  # an answer that needs no body comes at once
        connection.sendall(head.replace(b"/auth", b"/nothing"))
        answer = Answer.read(connection)
        assert answer.status == 404 and answer.headers["connection"] == "close"


def test_a_body_that_nobody_reads_does_not_become_the_next_request(daemon):
    smuggled = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    with daemon.connect() as connection:
        connection.sendall(b"GET /_ping HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(smuggled) +
                           smuggled + b"GET /_ping HTTP/1.1\r\nConnection: close\r\n\r\n")
        data = b""
        while (piece := connection.recv(65536)):
            data += piece
    assert data.count(b"HTTP/1.1 200 OK") == 2 and b"ApiVersion" not in data


# --- query ---

def test_filters_and_times(daemon):
    assert daemon.get("/events?filters=x").message == "invalid filter"
    assert daemon.get('/events?filters={"foo":["x"]}').message == "invalid filter 'foo'"
    assert daemon.get("/events?since=yesterday").status == 400
    assert daemon.get("/events?since=20&until=10").status == 400
    assert daemon.get("/events?since=1&until=2").body == b""


def test_patterns_cannot_occupy_the_daemon(daemon):  # P12
    started = time.monotonic()
    daemon.get('/images/json?filters={"reference":["((a%2B)%2B)%2B$"]}')
    daemon.get('/events?since=1&until=2&filters={"container":["((a%2B)%2B)%2B$"]}')
    assert time.monotonic() - started < 2


# --- streams ---

def test_events_send_their_header_at_once_and_notice_that_the_client_went(daemon):
    before = daemon.descriptors()
    streams = []
    for _ in range(50):
        connection = daemon.connect()
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        streams.append(connection)
    assert daemon.get("/info").json["NEventsListener"] == 50
    for connection in streams:
        connection.close()
    wait_for(lambda: daemon.descriptors() <= before, "the streams to be forgotten", 5)
    assert daemon.get("/info").json["NEventsListener"] == 0


def test_events_end_at_until(daemon):
    started = time.monotonic()
    answer = daemon.get(f"/events?until={time.time() + 1:.3f}")
    assert answer.status == 200 and 0.5 < time.monotonic() - started < 3


# --- many connections (P06, P08) ---

def test_one_connection_serves_thousands_of_requests_in_flat_memory(daemon):
    with daemon.connect() as connection:
        file = connection.makefile("rb")
        before = None
        for i in range(20):
            connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
            for _ in range(500):
                while file.readline() != b"\r\n":
                    pass
                assert file.read(2) == b"OK"
            before = before or daemon.resident_kilobytes()
        assert daemon.resident_kilobytes() < before + 1024


def test_idle_connections_do_not_lock_anybody_out(daemon):
    idle = []
    try:
        for _ in range(3000):
            idle.append(daemon.connect())
        time.sleep(0.3)
        answers = [daemon.get("/_ping").status for _ in range(20)]
        assert answers.count(200) >= 18 and set(answers) <= {200, 503}
        assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) < 1100
    finally:
        for connection in idle:
            connection.close()
    wait_for(lambda: len(os.listdir(f"/proc/{daemon.process.pid}/task")) < 20, "threads to end")
    assert daemon.get("/_ping").status == 200


def test_few_descriptors_are_an_inconvenience(daemon):  # L39
    with Daemon() as small:
        small.stop()
        small.command = ["prlimit", "--nofile=64:64", *small.command]
        small.start()
        held = [small.connect() for _ in range(200)]
        time.sleep(0.3)
        assert small.process.poll() is None
        for connection in held:
            connection.close()
        assert wait_for(small.answers, "ctrd to recover")


# --- the process ---

def test_the_socket_is_for_root_and_the_group(daemon):  # P01, P02
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o660
    assert daemon.socket.stat().st_uid == 0
    assert stat.S_IMODE(daemon.data.stat().st_mode) == 0o711
    assert stat.S_IMODE((daemon.data / "engine-id").stat().st_mode) == 0o600


def test_no_tcp_and_no_abstract_sockets(daemon):  # P03, P04
    inodes = {os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}")
              for fd in os.listdir(f"/proc/{daemon.process.pid}/fd")}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            assert f"socket:[{line.split()[9]}]" not in inodes
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[6]}]" in inodes and len(fields) > 7:
            assert not fields[7].startswith("@")


def test_an_idle_daemon_is_small():
    with Daemon() as fresh:
        for path in ("/info", "/version", "/images/json"):
            assert fresh.get(path).status == 200
        assert fresh.resident_kilobytes() < 24 * 1024
        wait_for(lambda: fresh.resident_kilobytes() < 12 * 1024, "memory to be given back", 20)
        assert fresh.get("/info").status == 200


def test_a_second_daemon_is_refused(daemon):  # L26
    for flags in ([], ["--exec-root", str(daemon.base / "other")]):
        done = subprocess.run([*daemon.command, *flags], capture_output=True, text=True, timeout=10)
        assert done.returncode == 1
        assert done.stderr == f"ctrd: another ctrd (pid {daemon.process.pid}) uses " \
                              f"'{daemon.data}' already\n"


def test_bad_settings_are_one_message(daemon):
    def fails(*flags, **files):
        for name, text in files.items():
            (daemon.base / name).write_text(text)
        done = subprocess.run([CTRD, *flags], capture_output=True, text=True, timeout=10)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        return done.stderr
    assert "--nosuch" in fails("--nosuch")
    assert "TCP" in fails("-H", "tcp://0.0.0.0:2375")
    bad = str(daemon.base / "bad.json")
    assert "nosuch" in fails("--config-file", bad, **{"bad.json": '{"nosuch": 1}'})
    assert "both as a flag and in the configuration file: mtu" in fails(
        "--config-file", bad, "--mtu", "1400", **{"bad.json": '{"mtu": 1500}'})
    done = subprocess.run([CTRD, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.startswith("ctrd version ")) == (0, True)


def test_without_root_there_is_a_clear_message():
    directory = tempfile.mkdtemp(prefix="ctr-api-")
    os.chmod(directory, 0o755)
    try:
        program = shutil.copy(CTRD, directory)
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", program],
                              capture_output=True, text=True)
        assert done.returncode == 1 and "needs root" in done.stderr
    finally:
        shutil.rmtree(directory)


def test_stopping_ends_streams_cleanly_and_soon():
    with Daemon() as stopping:
        with stopping.connect() as stream, stopping.connect() as idle:
            stream.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            assert stream.recv(4096).startswith(b"HTTP/1.1 200 OK")
            started = time.monotonic()
            stopping.process.send_signal(signal.SIGTERM)
            data = b""
            while (piece := stream.recv(4096)):
                data += piece
            assert data.endswith(b"0\r\n\r\n")
            assert idle.recv(1) == b""
            assert stopping.process.wait(5) == 0
            assert time.monotonic() - started < 2
        assert not (stopping.run_dir / "ctrd.pid").exists()
        stopping.start()  # the socket that was left is taken over


def test_a_killed_daemon_starts_again():
    with Daemon() as killed:
        killed.process.kill()
        killed.process.wait()
        killed.start()


def test_requests_from_many_clients_at_once(daemon):
    failures = []

    def work():
        for _ in range(50):
            if daemon.get("/version").status != 200:
                failures.append(1)
    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
