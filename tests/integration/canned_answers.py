"""What a daemon answers, for tests of what its clients print. Times are relative to now, so that
"2 minutes ago" is the same for both clients."""

import time

from fake_daemon import Answer, error

NOW = int(time.time())


def stamp(seconds_ago):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW - seconds_ago)) + ".123456789Z"


ALPINE = "sha256:" + "a1b2c3d4e5f60718" * 4
UBUNTU = "sha256:" + "0f1e2d3c4b5a6978" * 4
DANGLING = "sha256:" + "77665544332211aa" * 4
WEB, JOB, LONG = "c0ffee" + "12ab" * 14 + "34", "dead00" + "beef" * 14 + "56", "5eed" * 16

CONTAINERS = [
    {
        "Id": WEB, "Names": ["/web", "/other/alias"], "Image": "alpine:latest", "ImageID": ALPINE,
        "Command": "/bin/sh -c 'echo hello from a long command line'", "Created": NOW - 200,
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"PrivatePort": 443, "Type": "tcp"},
            {"PrivatePort": 444, "Type": "tcp"},
            {"PrivatePort": 53, "Type": "udp"},
            {"IP": "127.0.0.1", "PrivatePort": 9000, "PublicPort": 9000, "Type": "tcp"},
            {"IP": "127.0.0.1", "PrivatePort": 9001, "PublicPort": 9001, "Type": "tcp"},
        ],
        "Labels": {"com.example.tier": "front", "app": "web"}, "State": "running",
        "Status": "Up 3 minutes (healthy)", "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "n1"}}},
        "Mounts": [
            {"Type": "volume", "Name": "v" * 64, "Source": "", "Destination": "/data",
             "Driver": "local", "Mode": "z", "RW": True, "Propagation": ""},
            {"Type": "bind", "Source": "/srv/www", "Destination": "/www", "Mode": "", "RW": False,
             "Propagation": "rprivate"},
        ],
        "SizeRw": 12345, "SizeRootFs": 7812345,
    },
    {
        "Id": JOB, "Names": ["/nostalgic_noether"], "Image": UBUNTU, "ImageID": UBUNTU,
        "Command": "sleep 10", "Created": NOW - 90000, "Ports": [], "Labels": {}, "State": "exited",
        "Status": "Exited (0) 2 minutes ago", "HostConfig": {"NetworkMode": "host"},
        "NetworkSettings": {"Networks": {"host": {"NetworkID": "n3"}}}, "Mounts": [],
    },
    {
        "Id": LONG, "Names": ["/wörld", "/web/linked"], "Image": "registry.example.com:5000/team/app@" + ALPINE,
        "ImageID": ALPINE, "Command": "täglich \"quoted\" grüße und mehr", "Created": NOW - 8000000,
        "Ports": None, "Labels": None, "State": "created", "Status": "Created",
        "HostConfig": {"NetworkMode": "none"}, "NetworkSettings": None, "Mounts": None,
    },
]

IMAGES = [
    {"Id": ALPINE, "ParentId": "", "RepoTags": ["alpine:latest", "alpine:3.20", "registry.example.com:5000/team/app:v1"],
     "RepoDigests": ["alpine@sha256:" + "d1" * 32, "other@sha256:" + "d2" * 32],
     "Created": NOW - 5000000, "Size": 7797760, "SharedSize": -1, "Labels": None, "Containers": -1},
    {"Id": UBUNTU, "ParentId": "", "RepoTags": ["ubuntu:24.04"], "RepoDigests": [],
     "Created": NOW - 3700, "Size": 78123456, "SharedSize": -1, "Labels": {"a": "b"}, "Containers": -1},
    {"Id": DANGLING, "ParentId": "", "RepoTags": [], "RepoDigests": [], "Created": NOW - 30,
     "Size": 1240, "SharedSize": -1, "Labels": {}, "Containers": -1},
    {"Id": "sha256:" + "9" * 64, "ParentId": "", "RepoTags": None, "RepoDigests": ["pinned@sha256:" + "d3" * 32],
     "Created": NOW - 86400 * 800, "Size": 999950, "SharedSize": -1, "Labels": {}, "Containers": -1},
]

CONTAINER = {
    "Id": WEB, "Created": stamp(200), "Path": "/bin/sh", "Args": ["-c", "echo <hello> & more"],
    "State": {"Status": "running", "Running": True, "Paused": False, "Restarting": False,
              "OOMKilled": False, "Dead": False, "Pid": 4711, "ExitCode": 0, "Error": "",
              "StartedAt": stamp(199), "FinishedAt": "0001-01-01T00:00:00Z"},
    "Image": ALPINE, "ResolvConfPath": "/r", "HostnamePath": "/h", "HostsPath": "/o", "LogPath": "/l",
    "Name": "/web", "RestartCount": 0, "Driver": "overlay2", "Platform": "linux", "MountLabel": "",
    "ProcessLabel": "", "AppArmorProfile": "", "ExecIDs": None,
    "HostConfig": {
        "Binds": None, "ContainerIDFile": "", "LogConfig": {"Type": "json-file", "Config": {}},
        "NetworkMode": "bridge",
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "AutoRemove": False,
        "VolumeDriver": "", "VolumesFrom": None, "ConsoleSize": [24, 80], "CapAdd": None,
        "CapDrop": None, "CgroupnsMode": "private", "Dns": [], "DnsOptions": [], "DnsSearch": [],
        "ExtraHosts": None, "GroupAdd": None, "IpcMode": "private", "Cgroup": "", "Links": None,
        "OomScoreAdj": 0, "PidMode": "", "Privileged": False, "PublishAllPorts": False,
        "ReadonlyRootfs": False, "SecurityOpt": None, "UTSMode": "", "UsernsMode": "",
        "ShmSize": 67108864, "Runtime": "runc", "Isolation": "", "CpuShares": 0, "Memory": 268435456,
        "NanoCpus": 1500000000, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": [],
        "BlkioDeviceReadBps": [], "BlkioDeviceWriteBps": [], "BlkioDeviceReadIOps": [],
        "BlkioDeviceWriteIOps": [], "CpuPeriod": 0, "CpuQuota": 0, "CpuRealtimePeriod": 0,
        "CpuRealtimeRuntime": 0, "CpusetCpus": "", "CpusetMems": "", "Devices": [],
        "DeviceCgroupRules": None, "DeviceRequests": None, "MemoryReservation": 0, "MemorySwap": -1,
        "MemorySwappiness": None, "OomKillDisable": None, "PidsLimit": None, "Ulimits": [],
        "CpuCount": 0, "CpuPercent": 0, "IOMaximumIOps": 0, "IOMaximumBandwidth": 0,
        "MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]},
    "GraphDriver": {"Data": {"LowerDir": "/lower", "MergedDir": "/merged", "UpperDir": "/upper",
                             "WorkDir": "/work"}, "Name": "overlay2"},
    "Mounts": [{"Type": "bind", "Source": "/srv/www", "Destination": "/www", "Mode": "", "RW": False,
                "Propagation": "rprivate"}],
    "Config": {
        "Hostname": "c0ffee12ab12", "Domainname": "", "User": "", "AttachStdin": False,
        "AttachStdout": True, "AttachStderr": True, "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
        "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": ["PATH=/bin", "A=b c"],
        "Cmd": ["-c", "echo"], "Image": "alpine", "Volumes": None, "WorkingDir": "/",
        "Entrypoint": ["/bin/sh"], "OnBuild": None, "Labels": {"app": "web", "com.example.tier": "front"}},
    "NetworkSettings": {
        "Bridge": "", "SandboxID": "s", "SandboxKey": "/k",
        "Ports": {"443/tcp": None, "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                                              {"HostIp": "::", "HostPort": "8080"}]},
        "HairpinMode": False, "LinkLocalIPv6Address": "", "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None, "SecondaryIPv6Addresses": None, "EndpointID": "e",
        "Gateway": "172.17.0.1", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
        "IPAddress": "172.17.0.2", "IPPrefixLen": 16, "IPv6Gateway": "", "MacAddress": "02:42:ac:11:00:02",
        "Networks": {"bridge": {
            "IPAMConfig": None, "Links": None, "Aliases": None, "MacAddress": "02:42:ac:11:00:02",
            "DriverOpts": None, "GwPriority": 0, "NetworkID": "n1", "EndpointID": "e",
            "Gateway": "172.17.0.1", "IPAddress": "172.17.0.2", "IPPrefixLen": 16, "IPv6Gateway": "",
            "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "DNSNames": None}}},
}

IMAGE = {
    "Id": ALPINE, "RepoTags": ["alpine:latest"], "RepoDigests": ["alpine@sha256:" + "d1" * 32],
    "Parent": "", "Comment": "", "Created": stamp(5000000), "DockerVersion": "", "Author": "",
    "Architecture": "amd64", "Os": "linux", "Size": 7797760,
    "GraphDriver": {"Data": {"UpperDir": "/u"}, "Name": "overlay2"},
    "RootFS": {"Type": "layers", "Layers": ["sha256:" + "e1" * 32]},
    "Metadata": {"LastTagTime": stamp(100)},
    "Config": {"Cmd": ["/bin/sh"], "Entrypoint": None, "Env": ["PATH=/bin"], "Labels": None,
               "OnBuild": None, "User": "", "Volumes": None, "WorkingDir": "/"},
}

HISTORY = [
    {"Id": ALPINE, "Created": NOW - 5000000, "CreatedBy": '/bin/sh -c #(nop)  CMD ["/bin/sh"]',
     "Tags": ["alpine:latest"], "Size": 0, "Comment": ""},
    {"Id": "<missing>", "Created": NOW - 5000100, "CreatedBy": "ADD alpine-minirootfs-3.20.tar.gz / # buildkit, long enough",
     "Tags": None, "Size": 7797760, "Comment": "buildkit.dockerfile.v0"},
]

VERSION = {
    "Platform": {"Name": "ctr"},
    "Components": [
        {"Name": "Engine", "Version": "28.5.2-ctr", "Details": {
            "ApiVersion": "1.50", "Arch": "amd64", "BuildTime": "2025-05-30T12:07:14.000000000+00:00",
            "Experimental": "false", "GitCommit": "abc", "GoVersion": "none", "KernelVersion": "6.1.0",
            "MinAPIVersion": "1.24", "Os": "linux"}},
        {"Name": "ctr-monitor", "Version": "0.1.0", "Details": {"GitCommit": "def"}}],
    "Version": "28.5.2-ctr", "ApiVersion": "1.50", "MinAPIVersion": "1.24", "GitCommit": "abc",
    "GoVersion": "none", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1.0",
    "BuildTime": "2025-05-30T12:07:14.000000000+00:00",
}

INFO = {
    "ID": "5d3a-11", "Containers": 3, "ContainersRunning": 1, "ContainersPaused": 0,
    "ContainersStopped": 2, "Images": 4, "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
    "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "null"], "Authorization": None,
                "Log": ["json-file", "none"]},
    "MemoryLimit": True, "SwapLimit": True, "CpuCfsPeriod": True, "CpuCfsQuota": True,
    "CPUShares": True, "CPUSet": True, "PidsLimit": True, "IPv4Forwarding": True, "Debug": False,
    "NFd": 30, "OomKillDisable": False, "NGoroutines": 40, "SystemTime": stamp(1),
    "LoggingDriver": "json-file", "CgroupDriver": "cgroupfs", "CgroupVersion": "2",
    "NEventsListener": 0, "KernelVersion": "6.1.0-18-amd64", "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "OSVersion": "12", "OSType": "linux", "Architecture": "x86_64",
    "IndexServerAddress": "https://index.docker.io/v1/",
    "RegistryConfig": {"IndexConfigs": {"docker.io": {"Mirrors": ["http://mirror:5000/"], "Name": "docker.io",
                                                      "Official": True, "Secure": True}},
                       "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8"], "Mirrors": ["http://mirror:5000/"]},
    "NCPU": 2, "MemTotal": 8327368704, "GenericResources": None, "DockerRootDir": "/var/lib/ctr",
    "HttpProxy": "", "HttpsProxy": "", "NoProxy": "", "Name": "host1", "Labels": ["tier=dev"],
    "ExperimentalBuild": False, "ServerVersion": "28.5.2-ctr",
    "Runtimes": {"runc": {"path": "runc"}}, "DefaultRuntime": "ctr",
    "Swarm": {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False,
              "Error": "", "RemoteManagers": None},
    "LiveRestoreEnabled": True, "Isolation": "", "InitBinary": "tini",
    "ContainerdCommit": {"ID": ""}, "RuncCommit": {"ID": ""}, "InitCommit": {"ID": "de40ad0"},
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    "Warnings": ["WARNING: No swap limit support"],
}

EVENTS = b"".join(
    __import__("json").dumps(event).encode() + b"\n" for event in [
        {"status": "create", "id": WEB, "from": "alpine", "Type": "container", "Action": "create",
         "Actor": {"ID": WEB, "Attributes": {"app": "web", "image": "alpine", "name": "web"}},
         "scope": "local", "time": 1700000000, "timeNano": 1700000000123456789},
        {"Type": "network", "Action": "connect", "Actor": {"ID": "n1", "Attributes": {
            "container": WEB, "name": "bridge", "type": "bridge"}},
         "scope": "local", "time": 1700000001, "timeNano": 1700000001000000000},
        {"status": "exec_create: ls <x>", "id": WEB, "from": "alpine", "Type": "container",
         "Action": "exec_create: ls <x>", "Actor": {"ID": WEB, "Attributes": {}},
         "scope": "local", "time": 1700000002, "timeNano": 1700000002500000000},
    ])

TOP = {"Titles": ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
       "Processes": [["root", "4711", "4700", "0", "12:00", "?", "00:00:00", "/bin/sh -c sleep 100"],
                     ["root", "4712", "4711", "0", "12:00", "?", "00:00:00", "sleep 100"]]}

DISK_USAGE = {
    "LayersSize": 85921216,
    "Images": [
        {**IMAGES[0], "Containers": 2, "SharedSize": 0}, {**IMAGES[1], "Containers": 0, "SharedSize": 0},
        {**IMAGES[2], "Containers": 0, "SharedSize": 0}],
    "Containers": [{**CONTAINERS[0]}, {**CONTAINERS[1], "SizeRw": 1000000}],
    "Volumes": [
        {"CreatedAt": stamp(5000), "Driver": "local", "Labels": {}, "Mountpoint": "/m", "Name": "data",
         "Options": None, "Scope": "local", "UsageData": {"RefCount": 1, "Size": 52428800}},
        {"CreatedAt": stamp(50), "Driver": "local", "Labels": None, "Mountpoint": "/m2", "Name": "spare",
         "Options": None, "Scope": "local", "UsageData": {"RefCount": 0, "Size": 1000}}],
    "BuildCache": [],
}

IMAGE_REMOVED = [{"Untagged": "alpine:latest"}, {"Untagged": "alpine@sha256:" + "d1" * 32},
                 {"Deleted": ALPINE}]


def containers(query, body):
    if query.get("all") == ["1"] or query.get("limit", ["0"])[0] not in ("0", "-1"):
        return CONTAINERS
    return CONTAINERS[:1]


ANSWERS = {
    "GET /containers/json": containers,
    "GET /containers/web/json": CONTAINER,
    "GET /containers/c0ffee/json": CONTAINER,
    "GET /containers/web/top": TOP,
    "GET /containers/gone/json": error(404, "No such container: gone"),
    "GET /images/json": IMAGES,
    "GET /images/alpine/json": IMAGE,
    "GET /images/alpine:latest/json": IMAGE,
    "GET /images/gone/json": error(404, "No such image: gone"),
    "GET /images/alpine/history": HISTORY,
    "DELETE /images/alpine": IMAGE_REMOVED,
    "DELETE /images/busy": error(409, "conflict: unable to remove repository reference \"busy\" (must force)"),
    "DELETE /images/gone": error(404, "No such image: gone"),
    "POST /images/alpine/tag": Answer(b"", 201),
    "POST /images/gone/tag": error(404, "No such image: gone"),
    "POST /containers/prune": {"ContainersDeleted": [WEB, JOB], "SpaceReclaimed": 1234567},
    "POST /images/prune": {"ImagesDeleted": IMAGE_REMOVED, "SpaceReclaimed": 7797760},
    "GET /system/df": DISK_USAGE,
    "GET /version": VERSION,
    "GET /info": INFO,
    "GET /events": Answer(EVENTS),
}
