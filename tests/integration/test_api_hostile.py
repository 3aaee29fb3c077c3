"""Every route of the API with what no client sends: wrong types, missing and extra fields, huge and deep JSON,
bad encodings, half bodies, clients that go away, and requests that contradict each other at the same time. The
answers are refusals with a message, the daemon lives, and nothing is left behind (which the engine checks)."""

import itertools
import json
import random
import re
import socket
import threading
import urllib.parse

import pytest

from engine import TOP, Engine

# Valid bodies, whose every field is then spoilt. Names in braces are what the fixture made.
CREATE = {
    "Image": "busybox", "Cmd": ["true"], "Entrypoint": ["sh"], "Env": ["A=b"], "Labels": {"a": "b"}, "User": "0",
    "WorkingDir": "/", "Hostname": "h", "Domainname": "d", "Tty": False, "OpenStdin": False, "StdinOnce": False,
    "AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}},
    "StopSignal": "TERM", "StopTimeout": 1, "MacAddress": "02:42:ac:11:00:09", "NetworkDisabled": False, "OnBuild": [],
    "Shell": ["/bin/sh"], "ArgsEscaped": False,
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000, "Timeout": 1000000000, "Retries": 1,
                    "StartPeriod": 0, "StartInterval": 0},
    "HostConfig": {
        "Binds": ["/tmp:/t:ro"], "NetworkMode": "none", "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "AutoRemove": False, "VolumesFrom": ["{stopped}"],
        "CapAdd": ["NET_RAW"], "CapDrop": ["MKNOD"], "CgroupnsMode": "private", "Dns": ["1.1.1.1"], "DnsOptions": ["a"],
        "DnsSearch": ["b"], "ExtraHosts": ["a:1.2.3.4"], "GroupAdd": ["1"], "IpcMode": "private", "Cgroup": "",
        "Links": ["{running}:x"], "OomScoreAdj": 1, "PidMode": "", "Privileged": False, "PublishAllPorts": False,
        "ReadonlyRootfs": False, "SecurityOpt": ["no-new-privileges"], "StorageOpt": {"size": "1G"}, "Tmpfs": {"/x": "size=1m"},
        "UTSMode": "", "UsernsMode": "", "ShmSize": 65536, "Sysctls": {"net.ipv4.ip_forward": "1"}, "Runtime": "",
        "ConsoleSize": [10, 20], "Isolation": "", "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        "CpuShares": 2, "Memory": 6291456, "CgroupParent": "", "BlkioWeight": 10, "CpuPeriod": 100000, "CpuQuota": 50000,
        "BlkioWeightDevice": [{"Path": "/dev/null", "Weight": 10}], "BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 1}],
        "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0, "CpusetCpus": "0", "CpusetMems": "0", "DeviceCgroupRules": ["c 1:3 r"],
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/n", "CgroupPermissions": "r"}],
        "DeviceRequests": [{"Driver": "", "Count": 1, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}],
        "MemoryReservation": 0, "MemorySwap": 0, "MemorySwappiness": 1, "NanoCpus": 0, "OomKillDisable": False,
        "PidsLimit": 5, "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}], "MaskedPaths": ["/proc/x"],
        "ReadonlyPaths": ["/proc/y"], "Init": False, "Annotations": {"a": "b"},
        "Mounts": [{"Type": "tmpfs", "Target": "/m", "ReadOnly": False, "Consistency": "", "TmpfsOptions": {"SizeBytes": 4096, "Mode": 511}},
                   {"Type": "volume", "Source": "{volume}", "Target": "/n", "VolumeOptions": {"NoCopy": True, "Labels": {"a": "b"},
                    "Subpath": "", "DriverConfig": {"Name": "local", "Options": {}}}},
                   {"Type": "bind", "Source": "/tmp", "Target": "/o", "BindOptions": {"Propagation": "rprivate", "NonRecursive": False}}],
    },
    "NetworkingConfig": {"EndpointsConfig": {"{network}": {"IPAMConfig": {"IPv4Address": "10.77.0.9", "IPv6Address": "",
        "LinkLocalIPs": []}, "Links": ["{running}:y"], "Aliases": ["z"], "MacAddress": "", "DriverOpts": {"a": "b"}, "GwPriority": 1}}},
}
NETWORK = {"Name": "hostile", "Driver": "bridge", "CheckDuplicate": True, "Internal": False, "Attachable": False, "Ingress": False,
           "EnableIPv6": False, "Options": {"com.docker.network.driver.mtu": "1400"}, "Labels": {"a": "b"}, "Scope": "local",
           "ConfigOnly": False, "ConfigFrom": {"Network": ""},
           "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "10.78.0.0/24", "Gateway": "10.78.0.1",
                    "IPRange": "10.78.0.0/25", "AuxiliaryAddresses": {"a": "10.78.0.9"}}]}}
UPDATE = {"CpuShares": 2, "Memory": 6291456, "PidsLimit": 9, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
          "CpuQuota": 50000, "BlkioWeight": 10, "CpusetCpus": "0", "MemorySwap": -1}
EXEC = {"AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "DetachKeys": "ctrl-p", "Tty": False, "Env": ["A=b"],
        "Cmd": ["true"], "Privileged": False, "User": "0", "WorkingDir": "/", "ConsoleSize": [1, 2]}

BODIES = {
    ("POST", "/containers/create"): CREATE,
    ("POST", "/containers/{running}/update"): UPDATE,
    ("POST", "/containers/{running}/exec"): EXEC,
    ("POST", "/exec/{exec}/start"): {"Detach": False, "Tty": False, "ConsoleSize": [1, 2]},
    ("POST", "/networks/create"): NETWORK,
    ("POST", "/networks/{network}/connect"): {"Container": "{stopped}", "EndpointConfig": CREATE["NetworkingConfig"]["EndpointsConfig"]["{network}"]},
    ("POST", "/networks/{network}/disconnect"): {"Container": "{stopped}", "Force": False},
    ("POST", "/volumes/create"): {"Name": "hostile", "Driver": "local", "DriverOpts": {"type": "tmpfs", "device": "tmpfs"},
                                  "Labels": {"a": "b"}, "ClusterVolumeSpec": None},
    ("POST", "/commit?container={stopped}&repo=hostile"): {"Cmd": ["x"], "Env": ["A=b"], "Labels": {"a": "b"}, "ExposedPorts": {"1/tcp": {}}},
    ("POST", "/auth"): {"username": "a", "password": "b", "email": "c", "serveraddress": "127.0.0.1:9"},
}
# The others, with the parameters that they read. {id} is what must not be destroyed and does not exist.
QUERIES = {
    ("GET", "/containers/json"): ["all", "limit", "size", "filters"],
    ("GET", "/containers/{running}/json"): ["size"],
    ("GET", "/containers/{running}/top"): ["ps_args"],
    ("GET", "/containers/{stopped}/logs"): ["stdout", "stderr", "since", "until", "tail", "timestamps", "follow", "details"],
    ("GET", "/containers/{running}/stats"): ["stream", "one-shot"],
    ("GET", "/containers/{stopped}/changes"): [],
    ("GET", "/containers/{stopped}/export"): [],
    ("GET", "/containers/{stopped}/archive"): ["path"],
    ("HEAD", "/containers/{stopped}/archive"): ["path"],
    ("PUT", "/containers/{stopped}/archive"): ["path", "noOverwriteDirNonDir", "copyUIDGID"],
    ("POST", "/containers/{stopped}/attach"): ["stream", "logs", "stdin", "stdout", "stderr", "detachKeys"],
    ("POST", "/containers/{stopped}/wait"): ["condition"],
    ("POST", "/containers/{running}/resize"): ["h", "w"],
    ("POST", "/containers/{running}/kill"): ["signal"],
    ("POST", "/containers/{id}/start"): ["detachKeys"],
    ("POST", "/containers/{id}/stop"): ["t", "signal"],
    ("POST", "/containers/{id}/restart"): ["t", "signal"],
    ("POST", "/containers/{id}/pause"): [],
    ("POST", "/containers/{id}/unpause"): [],
    ("POST", "/containers/{stopped}/rename"): ["name"],
    ("DELETE", "/containers/{id}"): ["v", "force", "link"],
    ("POST", "/containers/prune"): ["filters"],
    ("POST", "/exec/{exec}/resize"): ["h", "w"],
    ("GET", "/exec/{exec}/json"): [],
    ("GET", "/ctr/v1/containers/{id}/timeline"): [],
    ("GET", "/containers/{id}/attach/ws"): ["detachKeys", "logs", "stream", "stdin", "stdout", "stderr"],
    ("GET", "/images/json"): ["all", "filters", "digests", "shared-size", "manifests"],
    ("GET", "/images/busybox/json"): ["manifests"],
    ("GET", "/images/busybox/history"): ["platform"],
    ("GET", "/images/busybox/get"): ["platform"],
    ("GET", "/images/get"): ["names", "platform"],
    ("POST", "/images/load"): ["quiet", "platform"],
    ("POST", "/images/create"): ["fromImage", "fromSrc", "repo", "tag", "message", "changes", "platform"],
    ("POST", "/images/busybox/tag"): ["repo", "tag"],
    ("POST", "/images/nothing/push"): ["tag", "platform"],
    ("POST", "/images/prune"): ["filters"],
    ("GET", "/images/search"): ["term", "limit", "filters"],
    ("DELETE", "/images/{id}"): ["force", "noprune", "platforms"],
    ("GET", "/distribution/127.0.0.1:9/x/json"): [],
    ("GET", "/networks"): ["filters"],
    ("GET", "/networks/{network}"): ["verbose", "scope"],
    ("DELETE", "/networks/{id}"): [],
    ("POST", "/networks/prune"): ["filters"],
    ("GET", "/volumes"): ["filters"],
    ("GET", "/volumes/{volume}"): [],
    ("DELETE", "/volumes/{id}"): ["force"],
    ("POST", "/volumes/prune"): ["filters"],
    ("GET", "/events"): ["since", "until", "filters"],
    ("GET", "/system/df"): ["type", "verbose"],
    ("POST", "/build"): ["t", "remote", "dockerfile"], ("POST", "/build/cancel"): ["id"], ("POST", "/build/prune"): ["filters", "all"],
    ("POST", "/session"): [], ("POST", "/grpc"): [],
    ("GET", "/info"): [], ("GET", "/version"): [], ("GET", "/_ping"): [], ("HEAD", "/_ping"): [], ("GET", "/plugins"): ["filters"],
    ("GET", "/plugins/x/json"): [], ("POST", "/plugins/pull"): ["remote"], ("GET", "/swarm"): [], ("POST", "/swarm/leave"): ["force"], ("GET", "/swarm/unlockkey"): [],
}

DEEP = eval("[" * 90 + "]" * 90)  # noqa: S307
SPOILT = [None, True, -1, 2**31, 2**63, 2**64, 1e300, 0.5, "", "x", "a\x00b", "a\nb", "../../etc", "-x", "\ud800", "é" * 3000,
          [], [1], [None], ["x", "x"], {}, {"a": 1}, {"": ""}, DEEP]
WORDS = ["", "x", "-1", "0", "1", "true", "99999999999999999999", "1e300", "%00", "%ff%fe", "%0a", "..%2f..%2fetc", "[", "{}",
         '{"a":1}', '{"label":{"a":true}}', '{"label":[1]}', '{"until":["x"]}', '{"name":["(((("]}', '{"dangling":["x"]}', "a" * 9000,
         "%7B%22status%22%3A%5B%22%5Cu0000%22%5D%7D"]
# What is an error of the server's all the same, in Docker's words and codes.
SERVERS_OWN = re.compile(r"not supported|port is already allocated|failed to|cannot reach|No such image|registry|reach|swarm|plugin", re.I)


class Api:
    def __init__(self, engine, names):
        self.engine, self.names = engine, names

    def fill(self, value):
        if isinstance(value, str):
            for name, real in self.names.items():
                value = value.replace("{" + name + "}", real)
            return value
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        return value

    def connect(self, timeout=20):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(str(self.engine.socket))
        return connection

    def send(self, method, path, body=b"", headers=()):
        """Status and text of the answer, as far as it comes within moments: streams are left."""
        lines = [f"{method} {self.fill(path)} HTTP/1.1", "Host: x", "Connection: close", *headers]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        with self.connect() as connection:
            try:
                connection.sendall("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)
            except BrokenPipeError:
                pass
            connection.settimeout(0.3 if "events" in path else 5)
            data = b""
            try:
                while len(data) < 65536 and (piece := connection.recv(65536)):
                    data += piece
                    if "stats" in path and b"\r\n\r\n" in data:
                        break  # one sample a second, for ever
            except (TimeoutError, ConnectionResetError):
                pass
        head, _, text = data.partition(b"\r\n\r\n")
        return int(head.split()[1]) if head else 0, text.decode("utf-8", "replace")

    def refused_or_done(self, method, path, body=b"", headers=()):
        status, text = self.send(method, path, body, headers)
        shown = f"{method} {path[:200]} {body[:300]!r}: {status} {text[:400]}"
        assert status != 0, f"no answer: {shown}"
        if status >= 500:
            assert status in (501, 503) or SERVERS_OWN.search(text), shown
        if 400 <= status and method != "HEAD":
            assert '"message"' in text and len(text) > 15, f"no message: {shown}"
        return status


@pytest.fixture(scope="module")
def api():
    with Engine() as engine:
        engine.ctr("pull", "busybox")
        engine.ctr("network", "create", "--subnet", "10.77.0.0/24", "net0")
        engine.ctr("volume", "create", "vol0")
        engine.ctr("run", "-d", "--name", "runner", "busybox", "sleep", "100000")
        engine.ctr("run", "--name", "halted", "busybox", "echo", "hello")
        _, exec_ = engine.api("POST", "/containers/runner/exec", {"Cmd": ["true"]})
        yield Api(engine, {"running": "runner", "stopped": "halted", "network": "net0", "volume": "vol0", "exec": exec_["Id"],
                           "id": "nothing"})
        assert engine.process.poll() is None, engine.log_tail()
        assert engine.inspect("runner")["State"]["Running"], "a request ended a container that it did not name"
        engine.remove_all()
        for name in engine.docker("volume", "ls", "-q").stdout.split():
            engine.ctr("volume", "rm", name)
        for name in engine.docker("network", "ls", "-q", "--filter", "type=custom").stdout.split():
            engine.ctr("network", "rm", name)


@pytest.fixture(autouse=True)
def tidy(api):
    """What a spoilt request made all the same must not stand in the next one's way."""
    yield
    engine = api.engine
    left = [name for name in engine.out("ps", "-a", "--format", "{{.Names}}").split() if name not in ("runner", "halted")]
    if left:
        engine.ctr("rm", "-f", "-v", *left)
    for name in engine.docker("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}").stdout.split():
        if name != "net0":
            engine.ctr("network", "rm", name)


def paths_in(value, path=()):
    """The place of every value in a body, the body itself included."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths_in(child, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def removed(value, path):
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = removed(copy[path[0]], path[1:])
    return copy


def encode(value):
    return json.dumps(value).encode()


def test_every_route_of_the_daemon_is_in_these_tables():
    known = {(method, re.sub(r"\{\w+\}", "{}", path.split("?")[0])) for method, path in [*BODIES, *QUERIES]}
    known |= {(method, path.replace("busybox", "{}").replace("nothing", "{}").replace("127.0.0.1:9/x", "{}").replace("/x/", "/{}/"))
              for method, path in known}
    missing = []
    for file in (TOP / "daemon").rglob("*.cc"):
        for method, path in re.findall(r'add\("(GET|HEAD|POST|PUT|DELETE)", "(/[^"]*)"', file.read_text()):
            if (method, re.sub(r"\{[^}]+\}", "{}", path)) not in known:
                missing.append((method, path))
    assert not missing


@pytest.mark.parametrize("method, path", BODIES, ids=lambda value: str(value).split("?")[0])
def test_spoilt_fields_are_refused_or_understood(api, method, path):
    body = api.fill(BODIES[method, path])
    chosen = random.Random(path)
    for place in paths_in(body):
        # All of them where there are few places, some where there are many: hundreds of creations.
        for value in SPOILT if len(body) < 12 else chosen.sample(SPOILT, 7):
            api.refused_or_done(method, path, encode(replaced(body, place, value)))


@pytest.mark.parametrize("method, path", BODIES, ids=lambda value: str(value).split("?")[0])
def test_missing_and_extra_fields_are_refused_or_understood(api, method, path):
    body = api.fill(BODIES[method, path])
    for place in paths_in(body):
        if place:
            api.refused_or_done(method, path, encode(removed(body, place)))
    api.refused_or_done(method, path, encode({**body, "NoSuchField": DEEP, "": 1, "a" * 5000: [1] * 5000}))
    api.refused_or_done(method, path, encode({key.lower(): value for key, value in body.items()}))


@pytest.mark.parametrize("method, path", BODIES, ids=lambda value: str(value).split("?")[0])
def test_what_is_no_json_is_a_400(api, method, path):
    whole = encode(api.fill(BODIES[method, path]))
    for body in (b"{", b"[", b"nul", b"{}{}", b"\xff\xfe{}", whole[:-1], whole + b"x", b'{"Image": "\xff"}', b'{"a": ' * 30000,
                 b"[" * 100000, b'{"a": 1e999999}', b"\x00" * 100):
        assert api.refused_or_done(method, path, body) in (400, 404, 413), body[:40]


@pytest.mark.parametrize("method, path", QUERIES, ids=str)
def test_spoilt_parameters_are_refused_or_understood(api, method, path):
    # A container that is asked to end does: that is no bad input.
    harmless = WORDS if "kill" not in path else [word for word in WORDS if word not in ("", "0", "1")]
    for name, word in itertools.product(QUERIES[method, path] or ["x"], harmless):
        quoted = word if word.startswith("%") or "%2f" in word else urllib.parse.quote(word)
        api.refused_or_done(method, f"{path}?{name}={quoted}")
        if "rename" in path:
            api.send("POST", f"/containers/{quoted}/rename?name=halted")


@pytest.mark.parametrize("name", ["%00", "..%2f..", "%2e%2e", "a%0ab", "%ff", "a" * 4000, "sha256:" + "0" * 64, "-", "%20", "*", "{}"])
def test_names_that_are_none_are_not_found(api, name):
    for method, path in [*BODIES, *QUERIES]:
        if "{" not in path or "?" in path:
            continue
        place = re.sub(r"\{\w+\}", lambda _: name, path)
        status = api.refused_or_done(method, place, encode(api.fill(BODIES[method, path])) if (method, path) in BODIES else b"")
        assert status >= 300 or (method, path) in {("DELETE", "/volumes/{id}")}, (method, place, status)


def test_half_bodies_and_clients_that_go_hold_nothing(api):
    before = api.engine.api("GET", "/info")[1]["Containers"]
    for (method, path), body in BODIES.items():
        whole = encode(api.fill(body))
        for cut in (0, 1, len(whole) // 2, len(whole) - 1):
            with api.connect() as connection:
                head = f"{method} {api.fill(path)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(whole)}\r\n\r\n"
                connection.sendall(head.encode() + whole[:cut])
        for cut in (1, 10, 40):
            with api.connect() as connection:
                connection.sendall(f"{method} {api.fill(path)} HTTP/1.1\r\nHost: x\r\n"[:cut].encode())
    assert api.engine.api("GET", "/info")[1]["Containers"] == before, "half a request was carried out"


def test_clients_that_leave_their_answers_harm_nobody(api):
    for path in ("/events", "/containers/runner/stats", "/containers/runner/logs?follow=1&stdout=1", "/images/busybox/get",
                 "/containers/halted/export", "/containers/runner/attach?stream=1&stdout=1", "/system/df"):
        for _ in range(10):
            with api.connect() as connection:
                method = "POST" if "attach" in path else "GET"
                connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                if _ % 2:
                    connection.recv(100)
    assert api.send("GET", "/_ping")[0] == 200


def test_requests_that_contradict_each_other_end_in_a_state_that_is_one(api):
    engine = api.engine
    engine.ctr("create", "--name", "torn", "busybox", "sleep", "1000")
    verbs = ["start", "stop?t=0", "restart?t=0", "pause", "unpause", "kill", "rename?name=torn", "update", "wait?condition=not-running"]
    answers = []

    def storm(seed):
        chosen = random.Random(seed)
        for _ in range(25):
            answers.append(api.send("POST", "/containers/torn/" + chosen.choice(verbs[:-1]), b"{}"))

    threads = [threading.Thread(target=storm, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200
    bad = [answer for answer in answers if answer[0] >= 500 or answer[0] == 0]
    assert not bad, bad[:5]
    state = engine.inspect("torn")["State"]
    assert state["Status"] in ("running", "exited", "paused")
    engine.ctr("rm", "-f", "torn")


def test_creations_and_removals_of_one_name_at_once_leave_one_or_none(api):
    results = []

    def maker():
        for _ in range(15):
            results.append(api.send("POST", "/containers/create?name=twin", encode({"Image": "busybox", "Cmd": ["true"]}))[0])
            results.append(api.send("DELETE", "/containers/twin?force=1")[0])

    threads = [threading.Thread(target=maker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(results) <= {201, 204, 404, 409}, set(results)
