"""The requests that test_api_peers.py sends to both engines, in this order.

Each is named by its request; a word before it tells two of the same apart. {names} stand for what an earlier
answer gave. Images "rich:1" and "plain:1" are there; a container's command is a busybox applet.
"""

import dataclasses
import io
import json
import tarfile
import urllib.parse


@dataclasses.dataclass
class Question:
    method: str
    path: str
    body: object = None
    note: str = ""
    keep: str = ""  # the name under which the answer's Id is kept
    until: object = None  # asked again until this holds of the answer
    version: str = "1.41"
    starts: bool = False  # what was made is started, too, and then removed

    @property
    def name(self):
        version = "" if self.version == "1.41" else f" /v{self.version}"
        body = f" {json.dumps(self.body)}"[:100] if isinstance(self.body, dict) and not self.note else ""
        return f"{self.note + ': ' if self.note else ''}{self.method}{version} {self.path}{body}"


def get(path, **more):
    return Question("GET", path, **more)


def post(path, body=None, **more):
    return Question("POST", path, body, **more)


def delete(path, **more):
    return Question("DELETE", path, **more)


def filters(**values):
    return urllib.parse.quote(json.dumps(values, separators=(",", ":")), safe='{}[]":,=!')


def tar_of(**files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            entry.mtime = 1_600_000_000
            archive.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()


def container(name, *command, host=None, network=None, note="", **config):
    body = {"Image": "plain:1", "Cmd": list(command), "HostConfig": host or {}, **config}
    if network:
        body["NetworkingConfig"] = {"EndpointsConfig": network}
    return post(f"/containers/create?name={name}", body, note=note)


def bad(note, host=None, network=None, query="name=bad", **config):
    """A container that cannot be made, or cannot be started."""
    body = {"Image": "plain:1", "Cmd": ["true"], "HostConfig": host or {}, **config}
    if network:
        body["NetworkingConfig"] = {"EndpointsConfig": network}
    return post(f"/containers/create?{query}", body, note=note, starts=True)


def ended(answer):
    return answer["body"]["State"]["Status"] == "exited"


SYSTEM = [
    get("/_ping"), Question("HEAD", "/_ping"), get("/version"), get("/info"), get("/system/df"), get("/nothing"), post("/_ping"), Question("PUT", "/containers/json"),
    get("/version", version="9.9"), get("/version", version="1.11"), get("/version", version="x"),
    post("/auth", {"username": "a", "password": "b", "serveraddress": "127.0.0.1:9"}), post("/auth", "{", note="half"),
    get("/swarm"), get("/nodes"), get("/services"), get("/tasks"), get("/secrets"), get("/configs"), get("/plugins"),
    get("/plugins/none/json"), post("/swarm/leave"),
    get("/events?since=x"), get("/events?until=x"), get("/events?filters=x"),
    get(f"/events?since=1&until=1&filters={filters(nothing=['a'])}"), get("/session"), get("/distribution/UPPER/json"),
]

RICH_HOST = {
    "Binds": ["/tmp:/t:ro", "named:/n"], "Tmpfs": {"/tm": "size=1m"}, "Memory": 64 << 20, "MemoryReservation": 32 << 20,
    "CpuShares": 512, "CpuPeriod": 100000, "CpuQuota": 50000, "CpusetCpus": "0", "PidsLimit": 50, "OomScoreAdj": 10,
    "CapAdd": ["net_admin"], "CapDrop": ["CAP_MKNOD"], "Dns": ["10.0.0.1"], "DnsOptions": ["ndots:1"], "DnsSearch": ["a.example"],
    "ExtraHosts": ["h:10.0.0.2"], "GroupAdd": ["7"], "ShmSize": 1 << 20, "Sysctls": {"net.ipv4.ip_default_ttl": "50"},
    "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}], "SecurityOpt": ["no-new-privileges"],
    "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/n", "CgroupPermissions": "rwm"}],
    "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}, "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
    "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}], "53/udp": [{"HostPort": "18053"}]},
    "ReadonlyRootfs": True, "Init": False, "NanoCpus": 0,
    "Mounts": [{"Type": "tmpfs", "Target": "/tm2", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700}},
               {"Type": "volume", "Source": "other", "Target": "/o", "ReadOnly": True},
               {"Type": "bind", "Source": "/etc/hostname", "Target": "/h", "ReadOnly": True}]}

CREATE = [
    container("plain", "sleep", "1000"), get("/containers/plain/json", note="created"),
    post("/containers/create?name=rich", {
        "Image": "rich:1", "Cmd": ["sh", "-c", "echo out; sleep 0.3; echo err >&2; sleep 1000"], "Env": ["A=b", "EMPTY=", "UNSET"],
        "Labels": {"l": "v"}, "User": "0:0", "WorkingDir": "/work/deep", "Hostname": "hh", "Domainname": "dd.example",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "StopSignal": "SIGINT", "StopTimeout": 1, "AttachStdout": True,
        "AttachStderr": True, "Healthcheck": {"Test": ["CMD", "true"], "Interval": 3600 * 10**9, "Retries": 2},
        "HostConfig": RICH_HOST}),
    get("/containers/rich/json", note="created"),
    post("/containers/create?name=once", {"Image": "rich:1"}), get("/containers/once/json", note="created"),
    container("failing", "sh", "-c", "echo said; exit 7"), container("term", "sleep", "1000", Tty=True, OpenStdin=True),
    container("hosted", "sleep", "1000", host={"NetworkMode": "host", "PidMode": "host", "IpcMode": "host", "UTSMode": "host"}),
    get("/containers/hosted/json", note="created"),
    container("privileged", "true", host={"Privileged": True, "AutoRemove": False}),
    get("/containers/privileged/json", note="created"),
    container("shared", "true", host={"NetworkMode": "container:plain", "IpcMode": "shareable", "VolumesFrom": ["once:ro"]}),
    get("/containers/shared/json", note="created"),
    post("/containers/create?name=/slash", {"Image": "plain:1", "Cmd": "one-word", "Entrypoint": "entry"}),
    get("/containers/slash/json", note="created"),
    post("/containers/create?name=bare", {"Image": "plain:1"}), get("/containers/bare/json", note="created"),
]

REFUSED = [
    post("/containers/create", {"Image": "none:1"}, note="no image"), post("/containers/create", {"Image": ""}, note="empty image"),
    post("/containers/create", {}, note="no config"), post("/containers/create", note="no body"),
    post("/containers/create", "{", note="half"), post("/containers/create", "[]", note="a list"),
    post("/containers/create", b"{}", note="another type"),
    post("/containers/create", {"Image": 5}, note="a number for a string"),
    bad("Tty a string", Tty="yes"), bad("Env an object", Env={}), bad("Memory a string", {"Memory": "1m"}),
    bad("Labels a list", Labels=["a"]), bad("Binds a string", {"Binds": "/a:/b"}),
    bad("name taken", query="name=plain"), bad("name with blank", query="name=a%20b"), bad("name of one letter", query="name=a"),
    bad("name starting with dash", query="name=-abc"), bad("platform", query="platform=linux/none"),
    bad("memory too small", {"Memory": 1000}), bad("swap below memory", {"Memory": 64 << 20, "MemorySwap": 32 << 20}),
    bad("swap without memory", {"MemorySwap": 64 << 20}), bad("reservation above memory", {"Memory": 64 << 20, "MemoryReservation": 128 << 20}),
    bad("swappiness", {"MemorySwappiness": 101}), bad("cpus and quota", {"NanoCpus": 10**9, "CpuQuota": 1000}),
    bad("too many cpus", {"NanoCpus": 10**15}), bad("negative cpus", {"NanoCpus": -1}), bad("cpu period", {"CpuPeriod": 10}),
    bad("cpu quota", {"CpuQuota": 10}), bad("cpuset", {"CpusetCpus": "a-b"}), bad("cpuset not there", {"CpusetCpus": "900"}),
    bad("blkio weight", {"BlkioWeight": 5}), bad("pids limit", {"PidsLimit": -2}), bad("oom score", {"OomScoreAdj": 5000}),
    bad("shm size", {"ShmSize": -1}), bad("capability", {"CapAdd": ["NONE_SUCH"]}), bad("ulimit name", {"Ulimits": [{"Name": "x", "Soft": 1, "Hard": 2}]}),
    bad("ulimit order", {"Ulimits": [{"Name": "nofile", "Soft": 3, "Hard": 2}]}), bad("restart policy", {"RestartPolicy": {"Name": "often"}}),
    bad("restart count without failure", {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 3}}),
    bad("restart count negative", {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -3}}),
    bad("restart and remove", {"RestartPolicy": {"Name": "always"}, "AutoRemove": True}),
    bad("log driver", {"LogConfig": {"Type": "none-such"}}), bad("log option", {"LogConfig": {"Type": "json-file", "Config": {"x": "y"}}}),
    bad("log size", {"LogConfig": {"Type": "json-file", "Config": {"max-size": "much"}}}),
    bad("network mode", {"NetworkMode": "none-such"}), bad("network of no container", {"NetworkMode": "container:none-such"}),
    bad("ipc mode", {"IpcMode": "none-such"}), bad("pid mode", {"PidMode": "none-such"}), bad("uts mode", {"UTSMode": "none-such"}),
    bad("userns mode", {"UsernsMode": "none-such"}), bad("cgroupns mode", {"CgroupnsMode": "none-such"}),
    bad("ports with host network", {"NetworkMode": "host", "PortBindings": {"80/tcp": [{"HostPort": "80"}]}}),
    bad("port range", {"PortBindings": {"80-90/tcp": [{"HostPort": "80"}]}}), bad("port number", {"PortBindings": {"80/tcp": [{"HostPort": "99999"}]}}),
    bad("port name", {"PortBindings": {"http": [{"HostPort": "80"}]}}), bad("port protocol", {"PortBindings": {"80/x": [{"HostPort": "80"}]}}),
    bad("exposed port", ExposedPorts={"x/tcp": {}}), bad("links with host network", {"NetworkMode": "host", "Links": ["plain"]}),
    bad("link to nobody", {"Links": ["none-such:x"]}), bad("volumes from nobody", {"VolumesFrom": ["none-such"]}),
    bad("volumes from mode", {"VolumesFrom": ["plain:x"]}), bad("bind relative target", {"Binds": ["/tmp:a"]}),
    bad("bind to root", {"Binds": ["/tmp:/"]}), bad("bind mode", {"Binds": ["/tmp:/t:x"]}), bad("bind twice", {"Binds": ["/tmp:/t", "/etc:/t"]}),
    bad("bind of three colons", {"Binds": ["/a:/b:ro:z"]}), bad("volume name", {"Binds": ["a/b:/t"]}),
    bad("mount type", {"Mounts": [{"Type": "none-such", "Target": "/t"}]}), bad("mount without target", {"Mounts": [{"Type": "tmpfs"}]}),
    bad("mount of nothing", {"Mounts": [{"Type": "bind", "Source": "/none/such", "Target": "/t"}]}),
    bad("mount with foreign options", {"Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1}}]}),
    bad("mount propagation", {"Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/t", "BindOptions": {"Propagation": "x"}}]}),
    bad("tmpfs target", {"Tmpfs": {"relative": ""}}), bad("tmpfs option", {"Tmpfs": {"/t": "nonsense"}}),
    bad("sysctl of the host", {"Sysctls": {"kernel.panic": "1"}}), bad("security option", {"SecurityOpt": ["x"]}),
    bad("seccomp json", {"SecurityOpt": ["seccomp={"]}), bad("runtime", {"Runtime": "none-such"}), bad("isolation", {"Isolation": "hyperv"}),
    bad("hostname", Hostname="a b"), bad("long hostname", Hostname="a" * 70), bad("stop signal", StopSignal="NONE"),
    bad("working directory", WorkingDir="relative"), bad("mac address", MacAddress="x"), bad("health test", Healthcheck={"Test": ["SOMETHING"]}),
    bad("health interval", Healthcheck={"Test": ["CMD", "true"], "Interval": 5}), bad("environment", Env=["=x"]),
    bad("extra host", {"ExtraHosts": ["x"]}), bad("dns", {"Dns": ["x"]}), bad("device", {"Devices": [{"PathOnHost": "/none", "PathInContainer": "/n", "CgroupPermissions": "x"}]}),
    bad("device rule", {"DeviceCgroupRules": ["x"]}), bad("endpoint address", {"NetworkMode": "bridge"}, {"bridge": {"IPAMConfig": {"IPv4Address": "10.1.2.3"}}}),
    bad("two networks", {"NetworkMode": "bridge"}, {"bridge": {}, "none": {}}),
    bad("readonly and exec", {"GroupAdd": ["none-such-group"]}), bad("cgroup parent", {"CgroupParent": "../up"}),
    bad("init", {"Init": "yes"}), bad("gpu", {"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]]}]}),
    bad("storage option", {"StorageOpt": {"size": "1G"}}), bad("console size", {"ConsoleSize": [1]}),
    bad("user", User="none-such"), bad("old links", {"Links": ["plain:x"]}),
]

STATES = [
    post("/containers/plain/start"), post("/containers/plain/start", note="again"), post("/containers/none-such/start"),
    get("/containers/plain/json", note="running"), get("/containers/plain/json?size=1", note="running"),
    post("/containers/rich/start"), get("/containers/rich/json", note="running"),
    post("/containers/once/start"), get("/containers/once/json", note="ended", until=ended),
    post("/containers/failing/start"), post("/containers/failing/wait"), get("/containers/failing/json", note="ended", until=ended),
    post("/containers/term/start"), get("/containers/term/json", note="running"), post("/containers/hosted/start"),
    get("/containers/hosted/json", note="running"),
    post("/containers/slash/start", note="no such program"), get("/containers/slash/json", note="not begun"),
    post("/containers/bare/start"), post("/containers/bare/wait"),
    get("/containers/none-such/json"),
    post("/containers/plain/pause"), post("/containers/plain/pause", note="again"), get("/containers/plain/json", note="paused"),
    post("/containers/plain/exec", {"Cmd": ["true"]}, note="paused"),
    get("/containers/json?all=1", note="paused"),
    post("/containers/plain/unpause"), post("/containers/plain/unpause", note="again"), post("/containers/failing/pause", note="ended"),
    post("/containers/none-such/pause"), post("/containers/none-such/unpause"),
    post("/containers/plain/rename?name=renamed"), post("/containers/renamed/rename?name=plain"),
    post("/containers/plain/rename?name=rich"), post("/containers/plain/rename?name="), post("/containers/plain/rename?name=a%20b"),
    post("/containers/plain/rename?name=plain"), post("/containers/none-such/rename?name=x1"),
    post("/containers/plain/resize?h=20&w=30"), post("/containers/plain/resize?h=x&w=30"), post("/containers/none-such/resize?h=1&w=1"),
    post("/containers/term/resize?h=20&w=30"), post("/containers/failing/resize?h=20&w=30"),
    post("/containers/plain/kill?signal=CONT"), post("/containers/plain/kill?signal=NONE"), post("/containers/plain/kill?signal=0"),
    post("/containers/plain/kill?signal=99"),
    post("/containers/failing/kill"), post("/containers/none-such/kill"), post("/containers/none-such/stop"),
    post("/containers/failing/stop"), post("/containers/plain/stop?t=x"), post("/containers/none-such/restart"), post("/containers/plain/restart?t=0"),
    post("/containers/none-such/wait"), post("/containers/failing/wait?condition=not-running"), post("/containers/failing/wait?condition=x"),
]

LISTS = [
    get("/containers/json"), get("/containers/json?all=1"), get("/containers/json?all=true&size=1"), get("/containers/json?limit=1"),
    get("/containers/json?limit=x"), get("/containers/json?all=x"), get("/containers/json?filters=x"), get("/containers/json?filters=[]"),
    *[get(f"/containers/json?filters={filters(**{key: [value]})}", note=f"{key} {value}") for key, value in [
        ("name", "rich"), ("name", "^/plain$"), ("id", "none"), ("label", "l"), ("label", "l=v"), ("label", "l=w"), ("status", "exited"),
        ("status", "none-such"), ("exited", "7"), ("exited", "x"), ("ancestor", "rich:1"), ("ancestor", "none"), ("health", "healthy"),
        ("health", "none-such"), ("network", "host"), ("network", "none-such"), ("volume", "named"), ("volume", "/t"), ("publish", "18080"),
        ("expose", "80/tcp"), ("expose", "x"), ("before", "rich"), ("since", "rich"), ("before", "none-such"), ("is-task", "true"),
        ("none-such", "x")]],
    get('/containers/json?filters={"name":{"rich":true}}'), get('/containers/json?filters={"name":"rich"}'),
]

PROCESSES_AND_LOGS = [
    get("/containers/plain/top"), get("/containers/plain/top?ps_args=-o%20pid,args"), get("/containers/plain/top?ps_args=-z"),
    get("/containers/failing/top"), get("/containers/none-such/top"),
    get("/containers/rich/logs?stdout=1&stderr=1", until=lambda a: len(a["body"]) == 2), get("/containers/rich/logs?stdout=1"),
    get("/containers/rich/logs?stderr=1&tail=1"), get("/containers/rich/logs?stdout=1&details=1"), get("/containers/rich/logs"),
    get("/containers/rich/logs?stdout=1&since=x"), get("/containers/rich/logs?stdout=1&tail=x"), get("/containers/rich/logs?stdout=1&until=1"),
    get("/containers/failing/logs?stdout=1&follow=1"), get("/containers/failing/logs?stdout=1&timestamps=1"), get("/containers/none-such/logs?stdout=1"),
    get("/containers/term/logs?stdout=1"), get("/containers/rich/logs?stdout=1&tail=0"),
    get("/containers/plain/stats?stream=0"), get("/containers/plain/stats?stream=0&one-shot=1"), get("/containers/failing/stats?stream=0"),
    get("/containers/none-such/stats?stream=0"), get("/containers/hosted/stats?stream=0&one-shot=1"),
    post("/containers/plain/exec", {"Cmd": ["sh", "-c", "echo in; exit 3"], "AttachStdout": True, "AttachStderr": True, "Env": ["A=b"],
                                    "WorkingDir": "/tmp", "User": "1:2"}, keep="exec"),
    get("/exec/{exec}/json", note="made"), post("/exec/{exec}/start", {"Detach": False, "Tty": False}),
    get("/exec/{exec}/json", note="ended", until=lambda a: not a["body"]["Running"]), post("/exec/{exec}/start", {"Detach": True}, note="again"),
    post("/containers/plain/exec", {"Cmd": ["sleep", "1000"], "Tty": True}, keep="sleeper", note="terminal"),
    post("/exec/{sleeper}/start", {"Detach": True, "Tty": True}), get("/exec/{sleeper}/json", note="running"),
    post("/exec/{sleeper}/resize?h=10&w=20"), post("/exec/{sleeper}/resize?h=x&w=1"), get("/containers/plain/json", note="with exec"),
    post("/containers/plain/exec", {"Cmd": []}), post("/containers/plain/exec", {}, note="nothing"), post("/containers/plain/exec", "{", note="half"),
    post("/containers/failing/exec", {"Cmd": ["true"]}), post("/containers/none-such/exec", {"Cmd": ["true"]}),
    post("/containers/plain/exec", {"Cmd": ["none-such"], "AttachStdout": True, "AttachStderr": True}, keep="missing", note="no such program"),
    post("/exec/{missing}/start", {}), get("/exec/{missing}/json"),
    post("/containers/plain/exec", {"Cmd": ["true"], "User": "none-such"}, keep="stranger", note="no such user"), post("/exec/{stranger}/start", {}),
    post("/containers/plain/exec", {"Cmd": ["true"], "Env": ["="]}, note="bad env"),
    get("/exec/none-such/json"), post("/exec/none-such/start", {}), post("/exec/none-such/resize?h=1&w=1"),
    post("/containers/none-such/attach?stream=1&stdout=1"), post("/containers/failing/attach?logs=1&stdout=1&stderr=1"),
]

FILES = [
    Question("PUT", "/containers/plain/archive?path=/tmp", tar_of(one="first\n", two="")),
    get("/containers/plain/archive?path=/tmp/one"), Question("HEAD", "/containers/plain/archive?path=/tmp/one"),
    Question("HEAD", "/containers/plain/archive?path=/tmp"), Question("HEAD", "/containers/plain/archive?path=/bin/sh"),
    Question("HEAD", "/containers/plain/archive?path=/none"), get("/containers/plain/archive?path=/none"), get("/containers/plain/archive"),
    Question("HEAD", "/containers/none-such/archive?path=/"), get("/containers/none-such/archive?path=/"),
    Question("PUT", "/containers/plain/archive?path=/none", tar_of(x="")), Question("PUT", "/containers/plain/archive?path=/tmp/one", tar_of(x="")),
    Question("PUT", "/containers/plain/archive", tar_of(x="")), Question("PUT", "/containers/none-such/archive?path=/", tar_of(x="")),
    Question("PUT", "/containers/plain/archive?path=/tmp", b"no archive" * 100, note="no archive"), Question("PUT", "/containers/rich/archive?path=/", tar_of(x="")),
    get("/containers/failing/archive?path=/etc/hostname"), get("/containers/plain/changes"), get("/containers/none-such/changes"), get("/containers/failing/changes"),
    get("/containers/none-such/export"), get("/containers/failing/export"),
]

UPDATE = [
    post("/containers/plain/update", {"Memory": 128 << 20, "MemorySwap": 256 << 20, "CpuShares": 100, "PidsLimit": 99}), get("/containers/plain/json", note="updated"),
    post("/containers/plain/update", {"RestartPolicy": {"Name": "unless-stopped"}}), post("/containers/plain/update", {"RestartPolicy": {"Name": "x"}}),
    post("/containers/plain/update", {"Memory": 1}), post("/containers/plain/update", {"NanoCpus": -1}), post("/containers/plain/update", {"CpusetCpus": "900"}),
    post("/containers/plain/update", {}), post("/containers/plain/update", "{", note="half"), post("/containers/plain/update", {"Memory": "x"}, note="a string"),
    post("/containers/none-such/update", {}), post("/containers/failing/update", {"Memory": 128 << 20}, note="ended"), post("/containers/failing/update", {"Memory": 32 << 20}),
]

IMAGES = [
    get("/images/json"), get("/images/json?all=1&digests=1"), get("/images/json?filters=x"),
    *[get(f"/images/json?filters={filters(**{key: [value]})}", note=f"{key} {value}") for key, value in [
        ("reference", "rich:*"), ("reference", "none"), ("dangling", "true"), ("dangling", "x"), ("label", "of=image"), ("label", "x"),
        ("before", "plain:1"), ("since", "plain:1"), ("before", "none"), ("none-such", "x")]],
    get("/images/rich:1/json"), get("/images/plain:1/json"), get("/images/rich/json"), get("/images/none:1/json"), get("/images/UPPER/json"),
    get("/images/rich:1/history"), get("/images/plain:1/history"), get("/images/none:1/history"), get("/images/{image}/json"),
    post("/images/rich:1/tag?repo=second&tag=t"), post("/images/rich:1/tag?repo=second"), post("/images/rich:1/tag?repo=UPPER"),
    post("/images/rich:1/tag?repo="), post("/images/rich:1/tag?repo=second&tag=a%20b"), post("/images/none:1/tag?repo=x"),
    post("/images/rich:1/tag?repo=example.com:5000/a/b&tag=1"), get("/images/json", note="tagged"),
    delete("/images/second:t"), delete("/images/second:t", note="again"), delete("/images/rich:1", note="in use"), delete("/images/{image}", note="by id"),
    post("/images/plain:1/tag?repo=rich&tag=1", note="moved"), post("/images/{image}/tag?repo=rich&tag=1", note="back"),
    get("/images/none:1/get"), get("/images/get?names=none"), get("/images/plain:1/get"), get("/images/get?names=plain:1&names=rich:1"),
    post("/images/load", b"no archive" * 100), post("/images/load", b"", note="empty"), post("/images/load", tar_of(x="y"), note="another archive"),
    post("/images/create?fromSrc=-&repo=imported&tag=1&message=why&changes=ENV%20A=b&changes=CMD%20true", tar_of(file="text")),
    get("/images/imported:1/json"), get("/images/imported:1/history"),
    post("/images/create?fromSrc=-&repo=UPPER", tar_of(a="")), post("/images/create?fromSrc=-&repo=x&changes=RUN%20true", tar_of(a=""), note="bad change"),
    post("/images/create?fromImage=UPPER"), post("/images/create"), post("/images/create?fromImage=a&tag=b%20c"),
    post("/commit?container=failing&repo=committed&tag=1&comment=c&author=me&changes=LABEL%20x=y", {}), get("/images/committed:1/json"),
    get("/images/committed:1/history"), post("/commit?container=none-such", {}), post("/commit?container=failing&repo=UPPER", {}), post("/commit", {}, note="nothing"),
    post("/commit?container=failing&changes=RUN%20x", {}), post("/images/none:1/push"), post("/images/rich:1/push?tag=none"),
    delete("/images/committed:1"), delete("/images/imported:1"), delete("/images/none:1"), delete("/images/UPPER"),
    get("/images/search"), get("/images/search?term=x&limit=1000"),
    post(f"/images/prune?filters={filters(dangling=['x'])}"), post(f"/images/prune?filters={filters(none=['x'])}"), post("/images/prune"),
]

NETWORKS = [
    get("/networks"), get("/networks/bridge"), get("/networks/host"), get("/networks/none"), get("/networks/none-such"), get("/networks/bridge?verbose=1"),
    get("/networks/bridge?scope=x"),
    post("/networks/create", {"Name": "net", "Labels": {"a": "b"}, "Options": {"com.docker.network.driver.mtu": "1400"}, "Internal": True,
                              "IPAM": {"Config": [{"Subnet": "10.71.0.0/24", "IPRange": "10.71.0.128/25", "Gateway": "10.71.0.1"}]}}),
    get("/networks/net"), post("/networks/create", {"Name": "simple"}), get("/networks/simple"),
    post("/networks/create", {"Name": "simple", "CheckDuplicate": True}, note="taken"), post("/networks/create", {"Name": ""}, note="no name"),
    post("/networks/create", {"Name": "host"}, note="predefined"), post("/networks/create", {"Name": "a b"}, note="blank"), post("/networks/create", {"Name": "x1", "Driver": "none-such"}),
    post("/networks/create", "{", note="half"), post("/networks/create", note="no body"),
    post("/networks/create", {"Name": 5}, note="a number"),
    *[post("/networks/create", {"Name": "x2", "IPAM": {"Config": [config]}}, note=note) for note, config in [
        ("subnet", {"Subnet": "x"}), ("gateway outside", {"Subnet": "10.72.0.0/24", "Gateway": "10.73.0.1"}), ("range outside", {"Subnet": "10.72.0.0/24", "IPRange": "10.73.0.0/25"}),
        ("overlap", {"Subnet": "10.71.0.0/16"}), ("no subnet", {"Gateway": "10.72.0.1"})]],
    post("/networks/create", {"Name": "x3", "IPAM": {"Driver": "none-such"}}, note="ipam driver"),
    post("/networks/create", {"Name": "x4", "Options": {"com.docker.network.driver.mtu": "x"}}, note="mtu"),
    *[get(f"/networks?filters={filters(**{key: [value]})}", note=f"{key} {value}") for key, value in [
        ("name", "net"), ("driver", "bridge"), ("type", "custom"), ("type", "builtin"), ("type", "x"), ("scope", "local"), ("label", "a=b"), ("dangling", "true"),
        ("dangling", "x"), ("id", "none"), ("none-such", "x")]],
    get("/networks?filters=x"),
    post("/networks/net/connect", {"Container": "plain", "EndpointConfig": {"Aliases": ["al"], "IPAMConfig": {"IPv4Address": "10.71.0.77"}}}),
    get("/networks/net", note="connected"), get("/containers/plain/json", note="connected"),
    post("/networks/net/connect", {"Container": "plain"}, note="again"), post("/networks/net/connect", {"Container": "none-such"}),
    post("/networks/none-such/connect", {"Container": "plain"}), post("/networks/host/connect", {"Container": "plain"}), post("/networks/net/connect", {"Container": "hosted"}),
    post("/networks/net/connect", "{", note="half"), post("/networks/net/connect", {}, note="nobody"),
    post("/networks/simple/connect", {"Container": "plain", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.71.0.78"}}}, note="address on a chosen subnet"),
    post("/networks/net/connect", {"Container": "rich", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.71.0.77"}}}, note="address taken"),
    post("/networks/net/connect", {"Container": "rich", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "x"}}}, note="no address"),
    post("/networks/net/connect", {"Container": "failing"}, note="ended"), get("/containers/failing/json", note="connected"),
    delete("/networks/net", note="in use"), delete("/networks/bridge"), delete("/networks/none-such"),
    post("/networks/net/disconnect", {"Container": "plain"}), post("/networks/net/disconnect", {"Container": "plain"}, note="again"),
    post("/networks/net/disconnect", {"Container": "none-such"}), post("/networks/none-such/disconnect", {"Container": "plain"}),
    post("/networks/net/disconnect", {"Container": "failing", "Force": True}), post("/networks/host/disconnect", {"Container": "hosted"}),
    delete("/networks/net"), delete("/networks/net", note="again"), post(f"/networks/prune?filters={filters(none=['x'])}"), post("/networks/prune"),
]

VOLUMES = [
    get("/volumes"), post("/volumes/create", {"Name": "vol", "Labels": {"a": "b"}, "DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}),
    get("/volumes/vol"), post("/volumes/create", {"Name": "vol"}, note="again"), post("/volumes/create", {"Name": "plain"}), get("/volumes/plain"),
    post("/volumes/create", {"Name": "a b"}, note="blank"), post("/volumes/create", {"Name": "x"}, note="one letter"), post("/volumes/create", {"Name": "../up"}),
    post("/volumes/create", {"Name": "x5", "Driver": "none-such"}), post("/volumes/create", {"Name": "x6", "DriverOpts": {"none": "such"}}),
    post("/volumes/create", {"Name": "x7", "DriverOpts": {"type": "nfs"}}, note="half of the options"),
    post("/volumes/create", "{", note="half"), post("/volumes/create", note="no body"), post("/volumes/create", {"Name": 5}, note="a number"),
    get("/volumes/none-such"), get("/volumes/named"),
    *[get(f"/volumes?filters={filters(**{key: [value]})}", note=f"{key} {value}") for key, value in [
        ("name", "vo"), ("label", "a"), ("driver", "local"), ("driver", "x"), ("dangling", "true"), ("dangling", "x"), ("none-such", "x")]],
    get("/volumes?filters=x"), delete("/volumes/named", note="in use"), delete("/volumes/vol"), delete("/volumes/vol", note="again"), delete("/volumes/none-such?force=1"),
    post(f"/volumes/prune?filters={filters(none=['x'])}"), post(f"/volumes/prune?filters={filters(label=['none'])}"),
]

OLD = [get(path, version=version) for version in ("1.24", "1.40") for path in (
    "/version", "/info", "/containers/json?all=1", "/containers/plain/json", "/containers/rich/json", "/containers/failing/json", "/images/json",
    "/images/rich:1/json", "/networks", "/networks/bridge", "/volumes", "/containers/plain/stats?stream=0", "/containers/none-such/json",
    "/images/rich:1/history", "/containers/plain/top", "/containers/rich/logs?stdout=1", "/system/df", "/containers/failing/changes")] + [
    post("/containers/create?name=old", {"Image": "plain:1", "Cmd": ["true"]}, version="1.24"), get("/containers/old/json", version="1.24"),
    post("/containers/old/start", {"Binds": ["/tmp:/t"]}, note="with a host config", version="1.24"),
    post("/containers/old/start", version="1.24"), post("/containers/old/wait", version="1.24"), delete("/containers/old", version="1.24"),
]

REMOVAL = [
    delete("/containers/plain", note="running"), delete("/containers/none-such"), delete("/containers/plain?link=1"), delete("/containers/failing"),
    delete("/containers/failing", note="again"), post("/containers/plain/stop?t=0"), post("/containers/plain/stop", note="again"),
    get("/containers/plain/json", note="stopped"), post("/containers/rich/stop"), get("/containers/rich/json", note="stopped"),
    post("/containers/term/kill"), post("/containers/hosted/kill?signal=SIGKILL"), get("/containers/term/json", note="killed", until=ended),
    get("/containers/json?all=1", note="stopped"), delete("/containers/rich?force=1&v=1"), delete("/containers/once?v=1"), get("/volumes", note="removed"),
    get("/system/df", note="removed"), post(f"/containers/prune?filters={filters(none=['x'])}"), post(f"/containers/prune?filters={filters(until=['x'])}"),
    post(f"/containers/prune?filters={filters(label=['none'])}"),
]



def events(*about):
    return [get(f"/events?since={{begin}}&until={{now}}&filters={filters(**{key: [value]})}", note=f"{key} {value}") for key, value in about]


# Docker remembers 256 of them: what is asked about must not lie far back.
EVENTS = events(("container", "plain"), ("container", "rich"), ("container", "failing"), ("container", "slash"), ("image", "rich:1"),
                ("type", "volume"), ("label", "l=v"), ("none-such", "x"))
LATER_EVENTS = events(("container", "old"), ("type", "network"), ("type", "image"), ("event", "exec_die"), ("event", "copy"))

QUESTIONS = [*SYSTEM, *CREATE, *STATES, *EVENTS, *LISTS, *PROCESSES_AND_LOGS, *FILES, *UPDATE, *IMAGES, *NETWORKS, *VOLUMES, *OLD,
             *LATER_EVENTS, *REFUSED, *REMOVAL]
