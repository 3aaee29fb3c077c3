"""The containers' and execs' part of the Engine API, spoken as Docker's clients speak it."""

import json
import os
import pathlib
import signal
import socket
import struct
import threading
import time

import pytest

from engine import wait_for

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


class Stream:
    """One request whose connection stays open: attach, exec, wait, logs."""

    def __init__(self, engine, method, path, body=None, headers=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(engine.socket))
        text = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: docker", f"Content-Length: {len(text)}"]
        if body is not None:
            lines.append("Content-Type: application/json")
        lines += [f"{name}: {value}" for name, value in (headers or {"Connection": "close"}).items()]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
        self.pending = b""
        head = self.read_until(b"\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.head = head.lower()

    def read_until(self, mark):
        while mark not in self.pending:
            data = self.socket.recv(65536)
            if not data:
                break
            self.pending += data
        found, _, self.pending = self.pending.partition(mark)
        return found

    def read_all(self):
        while data := self.socket.recv(65536):
            self.pending += data
        result, self.pending = self.pending, b""
        return result

    def send(self, data):
        self.socket.sendall(data)

    def end_input(self):
        self.socket.shutdown(socket.SHUT_WR)

    def body(self):
        """The decoded body of a chunked answer."""
        text, result = self.read_all(), b""
        while text:
            size, _, text = text.partition(b"\r\n")
            count = int(size, 16)
            if count == 0:
                break
            result, text = result + text[:count], text[count + 2:]
        return result

    def close(self):
        self.socket.close()


def demultiplex(data):
    """(stdout, stderr) of a framed stream."""
    streams = {1: b"", 2: b""}
    while data:
        kind, size = struct.unpack(">BxxxI", data[:8])
        assert kind in streams and len(data) >= 8 + size
        streams[kind] += data[8:8 + size]
        data = data[8 + size:]
    return streams[1], streams[2]


@pytest.fixture
def api(shared_engine):
    yield shared_engine.api
    shared_engine.remove_all()


def create(engine, *command, name=None, **config):
    host = config.pop("HostConfig", {})
    status, answer = engine.api("POST", "/containers/create" + (f"?name={name}" if name else ""),
                                {"Image": "busybox", "Cmd": list(command), "HostConfig": host, **config})
    assert status == 201, answer
    return answer["Id"]


def attach(engine, id, stdin=False, query=""):
    stream = Stream(engine, "POST", f"/v1.51/containers/{id}/attach?stream=1&stdout=1&stderr=1"
                    + ("&stdin=1" if stdin else "") + query, headers=UPGRADE)
    assert stream.status == 101
    return stream


def start(engine, id):
    status, answer = engine.api("POST", f"/containers/{id}/start")
    assert status == 204, answer


def wait(engine, id, condition="not-running"):
    status, answer = engine.api("POST", f"/containers/{id}/wait?condition={condition}")
    assert status == 200, answer
    return answer["StatusCode"]


def run(engine, *command, **config):
    """(exit code, stdout, stderr), by Docker's sequence: create, attach, wait, start."""
    id = create(engine, *command, **config)
    stream = attach(engine, id)
    waiting = Stream(engine, "POST", f"/containers/{id}/wait?condition=next-exit")
    start(engine, id)
    out, err = demultiplex(stream.read_all())
    code = json.loads(waiting.body())["StatusCode"]
    return code, out.decode(), err.decode()


def test_docker_run_by_its_calls(shared_engine, api):
    code, out, err = run(shared_engine, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (code, out, err) == (7, "out\n", "err\n")


def test_output_of_the_shortest_process_is_never_lost(shared_engine, api):
    for _ in range(20):
        assert run(shared_engine, "echo", "x")[:2] == (0, "x\n")


def test_attach_says_what_kind_of_stream_follows(shared_engine, api):
    framed = create(shared_engine, "true")
    assert "application/vnd.docker.multiplexed-stream" in attach(shared_engine, framed).head
    raw = create(shared_engine, "true", Tty=True)
    assert "application/vnd.docker.raw-stream" in attach(shared_engine, raw).head
    old = Stream(shared_engine, "POST", f"/v1.41/containers/{framed}/attach?stream=1&stdout=1")
    assert old.status == 200 and "application/vnd.docker.raw-stream" in old.head


def test_input_reaches_the_process_and_its_end_closes_it(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "cat; echo done", OpenStdin=True, StdinOnce=True)
    stream = attach(shared_engine, id, stdin=True)
    stream.send(b"early ")
    start(shared_engine, id)
    stream.send(b"late\n")
    stream.end_input()
    assert demultiplex(stream.read_all())[0] == b"early late\ndone\n"
    assert wait(shared_engine, id) == 0


def test_bytes_sent_with_the_request_are_not_lost(shared_engine, api):
    id = create(shared_engine, "cat", OpenStdin=True, StdinOnce=True)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(shared_engine.socket))
    connection.sendall(f"POST /containers/{id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n"
                       "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nsent along\n".encode())
    connection.shutdown(socket.SHUT_WR)
    start(shared_engine, id)
    data = b""
    while piece := connection.recv(65536):
        data += piece
    assert demultiplex(data.partition(b"\r\n\r\n")[2])[0] == b"sent along\n"


def test_a_terminal_is_one_raw_stream(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "stty size; tty", Tty=True,
                HostConfig={"ConsoleSize": [24, 100]})
    stream = attach(shared_engine, id)
    start(shared_engine, id)
    assert stream.read_all() == b"24 100\r\n/dev/pts/0\r\n"


def test_resize_reaches_the_terminal(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "trap 'stty size; exit' WINCH; while :; do sleep 0.1; done", Tty=True)
    stream = attach(shared_engine, id)
    start(shared_engine, id)
    time.sleep(0.5)
    assert shared_engine.api("POST", f"/containers/{id}/resize?h=33&w=77")[0] == 200
    assert b"33 77" in stream.read_all()
    for query in ("", "h=1", "h=-1&w=1", "h=65536&w=1", "h=x&w=1"):
        assert shared_engine.api("POST", f"/containers/{id}/resize?{query}")[0] == 400


def test_logs_are_what_was_printed(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "for i in 1 2 3; do echo $i; done; echo e >&2")
    start(shared_engine, id)
    wait(shared_engine, id)
    logs = Stream(shared_engine, "GET", f"/containers/{id}/logs?stdout=1&stderr=1")
    assert "multiplexed-stream" in logs.head
    assert demultiplex(logs.body()) == (b"1\n2\n3\n", b"e\n")
    tail = Stream(shared_engine, "GET", f"/containers/{id}/logs?stdout=1&tail=1&timestamps=1")
    assert demultiplex(tail.body())[0].split(b" ")[-1] in (b"", b"3\n")
    status, answer = shared_engine.api("GET", f"/containers/{id}/logs")
    assert (status, answer["message"]) == (400, "Bad parameters: you must choose at least one stream")


def test_followed_logs_end_with_the_container(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "echo a; sleep 1; echo b")
    start(shared_engine, id)
    logs = Stream(shared_engine, "GET", f"/containers/{id}/logs?stdout=1&follow=1")
    assert demultiplex(logs.body())[0] == b"a\nb\n"


def test_attach_can_begin_with_the_log(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "echo before; sleep 2; echo after")
    start(shared_engine, id)
    wait_for(lambda: b"before" in Stream(shared_engine, "GET", f"/containers/{id}/logs?stdout=1").body(),
             "the first line")
    assert demultiplex(attach(shared_engine, id, query="&logs=1").read_all())[0] == b"before\nafter\n"


def test_wait_sends_its_header_before_the_exit(shared_engine, api):
    id = create(shared_engine, "sleep", "60")
    waiting = Stream(shared_engine, "POST", f"/containers/{id}/wait?condition=next-exit")
    assert waiting.status == 200
    start(shared_engine, id)
    assert shared_engine.api("POST", f"/containers/{id}/kill")[0] == 204
    assert json.loads(waiting.body()) == {"StatusCode": 137, "Error": None}
    assert wait(shared_engine, id) == 137
    assert shared_engine.api("POST", f"/containers/{id}/wait?condition=maybe")[0] == 400


def test_rm_removes_the_container_and_tells_who_waits(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "exit 3", HostConfig={"AutoRemove": True})
    waiting = Stream(shared_engine, "POST", f"/containers/{id}/wait?condition=removed")
    start(shared_engine, id)
    assert json.loads(waiting.body())["StatusCode"] == 3
    assert shared_engine.api("GET", f"/containers/{id}/json")[0] == 404


@pytest.mark.parametrize("command, code, text", [
    (["/nonexistent"], 127, "no such file or directory"),
    (["nonexistent"], 127, "executable file not found in $PATH"),
    (["/etc/passwd"], 126, "permission denied"),
    (["/etc"], 126, ""),
])
def test_a_command_that_cannot_run_is_an_error_of_the_start(shared_engine, api, command, code, text):
    id = create(shared_engine, *command)
    status, answer = shared_engine.api("POST", f"/containers/{id}/start")
    assert status == 400 and text in answer["message"]
    state = shared_engine.api("GET", f"/containers/{id}/json")[1]["State"]
    assert state["ExitCode"] == code and state["Status"] == "created" and text in state["Error"]
    assert not shared_engine.cgroups(id) or wait_for(lambda: not shared_engine.cgroups(id), "no cgroup")


def test_start_and_stop_twice_change_nothing(shared_engine, api):
    id = create(shared_engine, "sleep", "60")
    start(shared_engine, id)
    assert shared_engine.api("POST", f"/containers/{id}/start")[0] == 304
    assert shared_engine.api("POST", f"/containers/{id}/stop?t=0")[0] == 204
    assert shared_engine.api("POST", f"/containers/{id}/stop")[0] == 304
    assert shared_engine.api("POST", f"/containers/{id}/kill")[0] == 409
    start(shared_engine, id)
    assert shared_engine.api("POST", f"/containers/{id}/restart?t=0")[0] == 204
    assert shared_engine.inspect(id)["State"]["Running"]


def test_stop_is_the_stop_signal_and_then_sigkill(shared_engine, api):
    polite = create(shared_engine, "sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done")
    deaf = create(shared_engine, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    own = create(shared_engine, "sh", "-c", "trap 'exit 6' USR1; while :; do sleep 0.1; done", StopSignal="USR1")
    for id in (polite, deaf, own):
        start(shared_engine, id)
    time.sleep(0.5)
    for id, code in ((polite, 5), (deaf, 137), (own, 6)):
        assert shared_engine.api("POST", f"/containers/{id}/stop?t=1")[0] == 204
        assert shared_engine.inspect(id)["State"]["ExitCode"] == code


def test_pause_stops_everything_and_a_stop_still_works(shared_engine, api):
    id = create(shared_engine, "sleep", "60")
    assert shared_engine.api("POST", f"/containers/{id}/pause")[0] == 409
    start(shared_engine, id)
    assert shared_engine.api("POST", f"/containers/{id}/pause")[0] == 204
    state = shared_engine.inspect(id)["State"]
    assert (state["Status"], state["Running"], state["Paused"]) == ("paused", True, True)
    assert shared_engine.api("POST", f"/containers/{id}/pause")[0] == 409
    assert shared_engine.api("POST", f"/containers/{id}/exec", {"Cmd": ["true"]})[0] == 409
    assert shared_engine.api("DELETE", f"/containers/{id}")[0] == 409
    assert shared_engine.api("POST", f"/containers/{id}/unpause")[0] == 204
    assert shared_engine.api("POST", f"/containers/{id}/unpause")[0] == 409
    assert shared_engine.api("POST", f"/containers/{id}/pause")[0] == 204
    assert shared_engine.api("POST", f"/containers/{id}/stop?t=1")[0] == 204
    assert shared_engine.inspect(id)["State"]["ExitCode"] == 137


def test_names_are_unique_until_the_container_is_gone(shared_engine, api):
    id = create(shared_engine, "true", name="first")
    status, answer = shared_engine.api("POST", "/containers/create?name=first", {"Image": "busybox", "Cmd": ["true"]})
    assert status == 409
    assert answer["message"] == (
        f'Conflict. The container name "/first" is already in use by container "{id}". You have to remove '
        "(or rename) that container to be able to reuse that name.")
    assert shared_engine.api("POST", f"/containers/{id}/rename?name=second")[0] == 204
    assert shared_engine.inspect("second")["Id"] == id
    assert shared_engine.api("GET", "/containers/first/json")[0] == 404
    create(shared_engine, "true", name="first")
    assert shared_engine.api("POST", "/containers/first/rename?name=second")[0] == 409
    assert shared_engine.api("POST", "/containers/first/rename?name=")[0] == 400
    for name in ("a", "-x", "a%2Fb", "a%20b"):
        assert shared_engine.api("POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": ["true"]})[0] == 400


def test_what_is_not_there_is_404_in_dockers_words(shared_engine, api):
    for method, path in (("GET", "/containers/none/json"), ("POST", "/containers/none/start"),
                         ("POST", "/containers/none/exec"), ("DELETE", "/containers/none"),
                         ("GET", "/containers/none/logs?stdout=1"), ("POST", "/containers/none/wait")):
        status, answer = shared_engine.api(method, path, {} if path.endswith("exec") else None)
        assert (status, answer["message"]) == (404, "No such container: none"), path
    status, answer = shared_engine.api("POST", "/containers/create", {"Image": "nothere", "Cmd": ["x"]})
    assert status == 404 and "No such image: nothere" in answer["message"]
    status, answer = shared_engine.api("GET", "/exec/none/json")
    assert (status, answer["message"]) == (404, "No such exec instance: none")


def test_removal_needs_a_stop_or_force(shared_engine, api):
    id = create(shared_engine, "sleep", "60", name="busy")
    start(shared_engine, id)
    status, answer = shared_engine.api("DELETE", "/containers/busy")
    assert status == 409 and 'cannot remove container "busy": container is running' in answer["message"]
    assert shared_engine.api("DELETE", "/containers/busy?force=1")[0] == 204
    assert shared_engine.api("DELETE", "/containers/busy?force=1")[0] == 404
    wait_for(lambda: not shared_engine.cgroups(id), "the cgroup to go")
    wait_for(lambda: not (shared_engine.data / "containers" / id).exists(), "the directory to go")


def test_host_config_is_stored_and_echoed_whole(shared_engine, api):
    host = {"Binds": ["/tmp:/host:ro"], "Memory": 67108864, "CpuShares": 512, "CapAdd": ["NET_ADMIN"],
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}, "Dns": ["1.1.1.1"],
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "ShmSize": 1048576,
            "Ulimits": [{"Name": "nofile", "Soft": 64, "Hard": 128}], "ExtraHosts": ["a:1.2.3.4"],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}, "NetworkMode": "default",
            "OomScoreAdj": 10, "Sysctls": {"net.core.somaxconn": "128"}, "Tmpfs": {"/t": "size=1m"}}
    id = create(shared_engine, "true", HostConfig=host, Labels={"a": "b"}, Env=["A=1"])
    stored = shared_engine.inspect(id)
    for key, value in host.items():
        expected = "bridge" if key == "NetworkMode" else value
        assert stored["HostConfig"][key] == expected, key
    assert stored["Config"]["Labels"] == {"a": "b"} and "A=1" in stored["Config"]["Env"]
    assert stored["Config"]["Hostname"] == id[:12]
    assert stored["Mounts"][0]["Source"] == "/tmp" and stored["Mounts"][0]["RW"] is False
    assert stored["State"]["StartedAt"] == "0001-01-01T00:00:00Z"
    for key in ("Path", "Args", "Image", "LogPath", "Name", "RestartCount", "Driver", "Platform", "GraphDriver",
                "NetworkSettings", "HostsPath", "ExecIDs", "Created"):
        assert key in stored


def test_list_and_its_filters(shared_engine, api):
    up = create(shared_engine, "sleep", "60", name="filter-up", Labels={"tier": "front"})
    start(shared_engine, up)
    ended = create(shared_engine, "sh", "-c", "exit 4", name="filter-ended", Labels={"tier": "back"})
    start(shared_engine, ended)
    wait(shared_engine, ended)
    new = create(shared_engine, "true", name="filter-new")

    def listed(**filters):
        text = json.dumps(filters).replace('"', "%22").replace(" ", "").replace("{", "%7B").replace("}", "%7D")
        text = text.replace("[", "%5B").replace("]", "%5D")
        status, answer = shared_engine.api("GET", f"/containers/json?all=1&filters={text}")
        assert status == 200, answer
        return [entry["Names"][0][1:].removeprefix("filter-") for entry in answer]

    assert [entry["Id"] for entry in shared_engine.api("GET", "/containers/json")[1]] == [up]
    assert listed() == ["new", "ended", "up"]
    assert listed(status=["exited"]) == ["ended"]
    assert listed(status={"running": True}) == ["up"]
    assert listed(exited=["4"]) == ["ended"]
    assert listed(label=["tier"]) == ["ended", "up"]
    assert listed(label=["tier=front"]) == ["up"]
    assert listed(name=["filter-n"]) == ["new"]
    assert listed(id=[up[:10]]) == ["up"]
    assert listed(ancestor=["busybox"]) == ["new", "ended", "up"]
    assert listed(before=["filter-new"]) == ["ended", "up"]
    assert listed(since=["filter-up"]) == ["new", "ended"]
    assert listed(network=["bridge"]) == ["new", "ended", "up"]
    assert listed(ancestor=["nothing"]) == []
    assert shared_engine.api("GET", "/containers/json?filters=%7B%22x%22%3A%5B%22y%22%5D%7D")[0] == 400
    entries = {entry["Id"]: entry for entry in shared_engine.api("GET", "/containers/json?all=1&size=1")[1]}
    assert entries[up]["Status"].startswith("Up ") and entries[up]["State"] == "running"
    assert entries[ended]["Status"].startswith("Exited (4) ")
    assert entries[new]["Status"] == "Created" and entries[new]["SizeRootFs"] > 0
    assert len(shared_engine.api("GET", "/containers/json?limit=2")[1]) == 2


def execute(engine, id, *command, input=None, **config):
    """(exit code, stdout, stderr) of an exec."""
    status, answer = engine.api("POST", f"/containers/{id}/exec",
                                {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True,
                                 "AttachStdin": input is not None, **config})
    assert status == 201, answer
    stream = Stream(engine, "POST", f"/exec/{answer['Id']}/start", {"Detach": False}, UPGRADE)
    assert stream.status == 101
    if input is not None:
        stream.send(input)
        stream.end_input()
    out, err = demultiplex(stream.read_all())
    state = engine.api("GET", f"/exec/{answer['Id']}/json")[1]
    assert state["Running"] is False
    return state["ExitCode"], out, err


def test_exec_runs_beside_the_first_process(shared_engine, api):
    id = create(shared_engine, "sleep", "60", Env=["FROM=container"])
    start(shared_engine, id)
    assert execute(shared_engine, id, "sh", "-c", "echo $FROM $OWN; pwd; exit 9", Env=["OWN=exec"],
                   WorkingDir="/tmp") == (9, b"container exec\n/tmp\n", b"")
    assert execute(shared_engine, id, "cat", input=b"x" * 300_000) == (0, b"x" * 300_000, b"")
    code, out, err = execute(shared_engine, id, "nonexistent")
    assert code == 127 and b"executable file not found" in out + err
    assert execute(shared_engine, id, "id", "-u", User="1000")[1] == b"1000\n"


def test_exec_can_be_detached_and_runs_once(shared_engine, api):
    id = create(shared_engine, "sleep", "60")
    start(shared_engine, id)
    exec_id = shared_engine.api("POST", f"/containers/{id}/exec", {"Cmd": ["touch", "/done"]})[1]["Id"]
    assert shared_engine.api("POST", f"/exec/{exec_id}/start", {"Detach": True})[0] == 200
    wait_for(lambda: execute(shared_engine, id, "test", "-e", "/done")[0] == 0, "the detached exec")
    assert shared_engine.api("POST", f"/exec/{exec_id}/start", {"Detach": True})[0] == 409
    assert shared_engine.api("POST", f"/containers/{id}/exec", {"Cmd": []})[0] == 400


def test_top_shows_the_processes(shared_engine, api):
    id = create(shared_engine, "sleep", "60")
    start(shared_engine, id)
    status, answer = shared_engine.api("GET", f"/containers/{id}/top")
    assert status == 200 and answer["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert [row[7] for row in answer["Processes"]] == ["sleep 60"]
    status, answer = shared_engine.api("GET", f"/containers/{id}/top?ps_args=-o%20pid,comm%20-e")
    assert status == 200 and answer["Processes"][0][1] == "sleep"


def test_stats_count_what_the_container_takes(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "while :; do :; done", HostConfig={"Memory": 64 << 20})
    start(shared_engine, id)
    status, answer = shared_engine.api("GET", f"/containers/{id}/stats?stream=0")
    assert status == 200
    assert answer["cpu_stats"]["cpu_usage"]["total_usage"] > answer["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert answer["memory_stats"]["limit"] == 64 << 20
    assert answer["pids_stats"]["current"] >= 1
    assert "eth0" in answer["networks"]


def test_update_changes_limits_of_a_running_container(shared_engine, api):
    id = create(shared_engine, "sleep", "60", HostConfig={"Memory": 64 << 20, "MemorySwap": -1})
    start(shared_engine, id)
    assert shared_engine.api("POST", f"/containers/{id}/update", {"Memory": 128 << 20, "CpuShares": 256})[0] == 200
    host = shared_engine.inspect(id)["HostConfig"]
    assert (host["Memory"], host["CpuShares"]) == (128 << 20, 256)
    status, answer = shared_engine.api("POST", f"/containers/{id}/update", {"Memory": 1})
    assert (status, answer["message"]) == (400, "Minimum memory limit allowed is 6MB")


def test_prune_takes_only_what_has_ended(shared_engine, api):
    up = create(shared_engine, "sleep", "60")
    start(shared_engine, up)
    ended = create(shared_engine, "true")
    status, answer = shared_engine.api("POST", "/containers/prune")
    assert (status, answer["ContainersDeleted"]) == (200, [ended])
    assert shared_engine.inspect(up)["State"]["Running"]


@pytest.mark.parametrize("body, text", [
    ({"HostConfig": {"Memory": "x"}}, "Memory"),
    ({"HostConfig": {"Memory": 1}}, "Minimum memory limit allowed is 6MB"),
    ({"HostConfig": {"Binds": ["/:/"]}}, "destination can't be '/'"),
    ({"HostConfig": {"Binds": ["a"]}}, ""),
    ({"HostConfig": {"PidMode": "container:none"}}, "No such container: none"),
    ({"HostConfig": {"VolumesFrom": ["none"]}}, "No such container: none"),
    ({"HostConfig": {"Links": ["none:x"]}}, "No such container: none"),
    ({"HostConfig": {"CapAdd": ["NONSENSE"]}}, "NONSENSE"),
    ({"HostConfig": {"Mounts": [{"Type": "bind", "Source": "/does/not/exist", "Target": "/x"}]}}, "/does/not/exist"),
    ({"HostConfig": {"Sysctls": {"kernel.core_pattern": "x"}}}, "kernel.core_pattern"),
    ({"HostConfig": {"RestartPolicy": {"Name": "always"}, "AutoRemove": True}}, "AutoRemove"),
    ({"Cmd": [], "Entrypoint": [""]}, "no command specified"),
    ({"WorkingDir": "rel"}, "working directory 'rel' is invalid"),
    ({"Hostname": "a b"}, ""),
    ({"Env": ["A\0B"]}, ""),
])
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(shared_engine, api, body, text):
    status, answer = shared_engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], **body})
    assert status == 400 and text in answer["message"]  # 404 would be the image, which clients then pull
    assert shared_engine.api("GET", "/containers/json?all=1")[1] == []


@pytest.mark.parametrize("mode, text", [("container:none", "No such container: none"), ("nonet", "network nonet not found")])
def test_a_network_that_is_not_there_is_missed_at_the_start(shared_engine, api, mode, text):
    status, created = shared_engine.api("POST", "/containers/create", {
        "Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": mode}})
    assert status == 201
    status, answer = shared_engine.api("POST", f"/containers/{created['Id']}/start")
    assert status == 404 and text in answer["message"]
    shared_engine.ctr("rm", created["Id"])


def test_files_volumes_and_hosts(shared_engine, api, tmp_path):
    (tmp_path / "note").write_text("from the host\n")
    code, out, err = run(shared_engine, "sh", "-c",
                         "cat /in/note; touch /in/x; echo kept > /vol/f; hostname; grep extra /etc/hosts; id -u",
                         Hostname="own", User="root",
                         HostConfig={"Binds": [f"{tmp_path}:/in:ro", "named:/vol"], "ExtraHosts": ["extra:10.1.2.3"]})
    assert "from the host\n" in out and "own\n" in out and "10.1.2.3" in out
    assert "Read-only file system" in err
    assert run(shared_engine, "cat", "/vol/f", HostConfig={"Binds": ["named:/vol:ro"]})[1] == "kept\n"
    status, answer = shared_engine.api("GET", "/containers/json?all=1&filters=%7B%22volume%22%3A%5B%22named%22%5D%7D")
    assert len(answer) == 2


def test_an_anonymous_volume_goes_with_its_container(shared_engine, api):
    id = create(shared_engine, "true", Volumes={"/data": {}})
    mount = shared_engine.inspect(id)["Mounts"][0]
    assert pathlib.Path(mount["Source"]).is_dir() and mount["Type"] == "volume"
    assert shared_engine.api("DELETE", f"/containers/{id}?v=1")[0] == 204
    wait_for(lambda: not pathlib.Path(mount["Source"]).exists(), "the volume to go")


def test_containers_share_namespaces_when_asked(shared_engine, api):
    id = create(shared_engine, "sleep", "60", name="owner")
    start(shared_engine, id)
    assert run(shared_engine, "hostname", HostConfig={"NetworkMode": "container:owner"})[1] == f"{id[:12]}\n"
    out = run(shared_engine, "sh", "-c", "ps", HostConfig={"PidMode": "container:owner"})[1]
    assert "sleep 60" in out
    shared_engine.api("POST", f"/containers/{id}/stop?t=0")
    joined = create(shared_engine, "true", HostConfig={"PidMode": "container:owner"})
    assert shared_engine.api("POST", f"/containers/{joined}/start")[0] == 409


def test_init_reaps_and_passes_signals_on(shared_engine, api):
    code, out, _ = run(shared_engine, "sh", "-c", "cat /proc/1/cmdline; exit 4", HostConfig={"Init": True})
    assert code == 4 and "docker-init" in out


def test_on_failure_restarts_as_often_as_it_says(shared_engine, api):
    id = create(shared_engine, "sh", "-c", "exit 1",
                HostConfig={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}})
    start(shared_engine, id)
    wait_for(lambda: shared_engine.inspect(id)["State"]["Status"] == "exited", "the last try")
    assert shared_engine.inspect(id)["RestartCount"] == 2


def test_always_restarts_until_it_is_stopped(shared_engine, api):
    id = create(shared_engine, "sleep", "60", HostConfig={"RestartPolicy": {"Name": "always"}})
    start(shared_engine, id)
    first = shared_engine.inspect(id)["State"]["Pid"]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: shared_engine.inspect(id)["State"]["Pid"] not in (0, first), "another process")
    assert shared_engine.api("POST", f"/containers/{id}/stop?t=0")[0] == 204
    time.sleep(0.5)
    assert shared_engine.inspect(id)["State"]["Status"] == "exited"


def test_a_killed_monitor_is_noticed(shared_engine, api):
    """L04"""
    id = create(shared_engine, "sleep", "60")
    start(shared_engine, id)
    for pid in shared_engine.monitors():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not shared_engine.inspect(id)["State"]["Running"], "the end", 2)
    state = shared_engine.inspect(id)["State"]
    assert (state["ExitCode"], state["Error"]) == (137, "monitor died")
    wait_for(lambda: not shared_engine.cgroups(id), "the cgroup to go")
    start(shared_engine, id)


def test_fifty_clients_on_twenty_containers_get_no_500(shared_engine, api):
    """L16"""
    names = [f"crowd{i}" for i in range(20)]
    for name in names:
        create(shared_engine, "sleep", "60", name=name)
    answers = []

    def work(seed):
        import random
        choose = random.Random(seed)
        for _ in range(20):
            name = choose.choice(names)
            method, path = choose.choice([
                ("POST", f"/containers/{name}/start"), ("POST", f"/containers/{name}/stop?t=0"),
                ("POST", f"/containers/{name}/kill"), ("POST", f"/containers/{name}/restart?t=0"),
                ("POST", f"/containers/{name}/pause"), ("POST", f"/containers/{name}/unpause"),
                ("GET", f"/containers/{name}/json"), ("GET", "/containers/json?all=1"),
                ("POST", f"/containers/{name}/rename?name={name}x"), ("POST", f"/containers/{name}x/rename?name={name}"),
                ("DELETE", f"/containers/{name}?force={choose.choice('01')}")])
            stream = Stream(shared_engine, method, path)
            answers.append((stream.status, path, stream.read_all()))
            stream.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
        assert not thread.is_alive(), "deadlock"
    assert len(answers) == 1000
    assert not [answer for answer in answers if answer[0] >= 500]


def test_a_killed_daemon_finds_everything_again(engine):
    """L01, L07"""
    engine.load_alpine()
    running = create(engine, "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done", name="running")
    paused = create(engine, "sleep", "100", name="paused")
    ending = create(engine, "sh", "-c", "sleep 1; exit 42", name="ending")
    gone = create(engine, "sh", "-c", "sleep 1", name="gone", HostConfig={"AutoRemove": True})
    for id in (running, paused, ending, gone):
        start(engine, id)
    engine.api("POST", f"/containers/{paused}/pause")
    pid = engine.inspect(running)["State"]["Pid"]
    engine.kill()
    time.sleep(1.5)
    engine.start()
    state = engine.inspect(running)["State"]
    assert (state["Running"], state["Pid"]) == (True, pid)
    assert engine.inspect(paused)["State"]["Status"] == "paused"
    state = engine.inspect(ending)["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 42)
    wait_for(lambda: engine.api("GET", f"/containers/{gone}/json")[0] == 404, "--rm to be honoured")
    assert execute(engine, running, "echo", "again") == (0, b"again\n", b"")
    numbers = demultiplex(Stream(engine, "GET", f"/containers/{running}/logs?stdout=1").body())[0].split()
    assert numbers == [str(i + 1).encode() for i in range(len(numbers))]
    assert engine.api("POST", f"/containers/{running}/stop?t=0")[0] == 204
    assert engine.api("POST", f"/containers/{paused}/stop?t=0")[0] == 204


def test_a_client_that_is_slow_to_read_the_head_gets_no_output_with_it(shared_engine, api):
    """docker-py reads the stream from below the buffer into which it read the head: what came along would be lost."""
    box = create(shared_engine, "sleep", "600")
    start(shared_engine, box)
    _, answer = api("POST", f"/containers/{box}/exec", {"Cmd": ["echo", "at once"], "AttachStdout": True})
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(shared_engine.socket))
        lines = [f"POST /v1.41/exec/{answer['Id']}/start HTTP/1.1", "Host: docker", "Content-Type: application/json",
                 "Content-Length: 2", *(f"{name}: {value}" for name, value in UPGRADE.items())]
        client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n{}")
        client.recv(1, socket.MSG_PEEK)
        time.sleep(0.3)
        head = client.recv(65536)
        assert head.startswith(b"HTTP/1.1 101") and head.endswith(b"\r\n\r\n")
        output = b""
        while data := client.recv(65536):
            output += data
        assert output == b"\1\0\0\0\0\0\0\x08at once\n"


# --- what programs and clients of Docker look for


def test_a_program_sees_by_a_file_that_it_is_in_a_container(shared_engine):
    assert shared_engine.out("run", "--rm", "busybox", "stat", "-c", "%a %s", "/.dockerenv") == "755 0"
    shared_engine.ctr("run", "--name", "marked", "busybox", "touch", "/made")
    assert shared_engine.out("diff", "marked") == "A /made"
    shared_engine.ctr("rm", "marked")


def test_a_missing_working_directory_is_made_below_a_readonly_root(shared_engine):
    assert shared_engine.out("run", "--rm", "--read-only", "-w", "/new/place", "busybox", "pwd") == "/new/place"


def test_containers_are_found_by_the_ports_that_lead_to_them(shared_engine):
    shared_engine.ctr("run", "-d", "--name", "open", "-p", "18090:80", "-p", "18091:53/udp", "busybox", "sleep", "1000")
    found = {port: shared_engine.out("ps", "-q", "--filter", f"publish={port}") != ""
             for port in ("18090", "18090/tcp", "18090/udp", "18091/udp", "18080-18099", "80", "18089")}
    shared_engine.ctr("rm", "-f", "open")
    assert found == {"18090": True, "18090/tcp": True, "18090/udp": False, "18091/udp": True, "18080-18099": True,
                     "80": False, "18089": False}
    for value in ("x", "9-8", "70000"):
        assert shared_engine.ctr("ps", "--filter", f"publish={value}", check=False).returncode == 1


@pytest.mark.parametrize("host", [{"Links": ["none-such:x"]},
                                  {"VolumesFrom": ["none-such"]}, {"PidMode": "container:none-such"}], ids=str)
def test_only_a_missing_image_is_not_found_by_a_creation(shared_engine, host):
    """Docker's client takes 404 for that, pulls and says nothing of the real reason."""
    status, answer = shared_engine.api("POST", "/containers/create", {"Image": "busybox", "HostConfig": host, "Cmd": ["true"]})
    assert status == 400 and "none-such" in answer["message"]


def test_a_cgroup_parent_that_cannot_be_is_refused_before_anything_is_made(shared_engine):
    status, answer = shared_engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"],
                                                               "HostConfig": {"CgroupParent": "../up"}})
    assert status == 400 and "invalid cgroup parent '../up'" in answer["message"]
