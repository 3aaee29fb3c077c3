"""What the runtime specification has beyond the daily: time namespaces, schedulers, priorities, processors,
memory policy, personality, devices of the network, labels. As ctr-runtime's config.json says it, seen from inside."""

import contextlib
import json
import os
import pathlib
import subprocess

import pytest

from engine import has_apparmor
from oci_bundle import Oci


@pytest.fixture
def oci():
    with Oci() as made:
        yield made


def refused(oci, *words):
    """Without anything made, and with a message that has these words."""
    done = oci.write("true").run(check=False)
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr, done.stderr


def started(oci, **process):
    oci.write("sleep", "600", **process).create()
    oci.call("start", "c")
    return oci.state()["pid"]


@pytest.fixture
def running(oci):
    """A container of this configuration that is deleted when the test is over."""
    yield lambda **process: started(oci, **process)
    oci.call("delete", "--force", "c")


# --- time ---


def clocks(text):
    return {line.split()[0]: int(line.split()[1]) for line in text.splitlines()}


@pytest.mark.parametrize("user_namespace", [False, True])
def test_clocks_of_a_time_namespace_are_ahead_by_the_offsets(oci, user_namespace):
    oci.config["linux"]["namespaces"].append({"type": "time"})
    oci.config["linux"]["timeOffsets"] = {"monotonic": {"secs": 1000, "nanosecs": 5}, "boottime": {"secs": 200_000}}
    if user_namespace:
        oci.config["linux"]["namespaces"].append({"type": "user"})
        maps = [{"containerID": 0, "hostID": 100_000, "size": 65_536}]
        oci.config["linux"].update(uidMappings=maps, gidMappings=maps)
        subprocess.run(["chown", "-R", "100000:100000", str(oci.rootfs)], check=True)
        for directory in (oci.base, oci.bundle):
            directory.chmod(0o755)
    done = oci.write("sh", "-c", "cat /proc/self/timens_offsets; cat /proc/uptime").run()
    lines = done.stdout.splitlines()
    assert clocks("\n".join(lines[:2])) == {"monotonic": 1000, "boottime": 200_000}
    host = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    assert abs(float(lines[2].split()[0]) - host - 200_000) < 60


def test_an_exec_is_in_the_containers_time_namespace(oci, running):
    oci.config["linux"]["namespaces"].append({"type": "time"})
    oci.config["linux"]["timeOffsets"] = {"boottime": {"secs": 300_000}}
    running()
    inside = float(oci.call("exec", "c", "cat", "/proc/uptime").stdout.split()[0])
    assert inside > 300_000


def test_time_offsets_that_cannot_be_are_refused(oci):
    oci.config["linux"]["timeOffsets"] = {"boottime": {"secs": 1}}
    refused(oci, "timeOffsets need a new time namespace")
    oci.config["linux"]["namespaces"].append({"type": "time"})
    oci.config["linux"]["timeOffsets"] = {"realtime": {"secs": 1}}
    refused(oci, "linux.timeOffsets.realtime", "monotonic and boottime")
    oci.config["linux"]["timeOffsets"] = {"boottime": {"nanosecs": 1_000_000_000}}
    refused(oci, "linux.timeOffsets.boottime.nanosecs")


# --- scheduling ---


def test_the_scheduler_and_the_nice_value_are_as_configured(oci, running):
    pid = running(scheduler={"policy": "SCHED_BATCH", "nice": 7})
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, pid) == 7


def test_an_exec_has_the_containers_scheduler_unless_it_names_its_own(oci, running):
    running(scheduler={"policy": "SCHED_BATCH", "nice": 7})
    nice = ["sh", "-c", "cut -d' ' -f19 /proc/self/stat"]
    assert oci.call("exec", "c", *nice).stdout == "7\n"
    process = {**oci.config["process"], "args": nice, "scheduler": {"policy": "SCHED_OTHER", "nice": 3}}
    file = oci.base / "process.json"
    file.write_text(json.dumps(process))
    assert oci.call("exec", "--process", file, "c").stdout == "3\n"


def test_a_realtime_scheduler_has_its_priority(oci):
    oci.write("sh", "-c", "cut -d' ' -f40,41 /proc/self/stat", scheduler={"policy": "SCHED_FIFO", "priority": 5})
    done = oci.run(check=False)
    if done.returncode != 0:  # a machine whose cgroup has no realtime budget
        assert "sched_setattr" in done.stderr and "operation not permitted" in done.stderr
    else:
        assert done.stdout == "5 1\n"


@pytest.mark.parametrize("scheduler, word", [
    ({"policy": "SCHED_X"}, "scheduler.policy: 'SCHED_X' is none of SCHED_OTHER"),
    ({"policy": "SCHED_OTHER", "nice": 20}, "scheduler.nice"),
    ({"policy": "SCHED_OTHER", "priority": 1}, "SCHED_FIFO and SCHED_RR only"),
    ({"policy": "SCHED_OTHER", "runtime": 1}, "SCHED_DEADLINE only"),
    ({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_X"]}, "scheduler.flags"),
])
def test_a_scheduler_that_cannot_be_is_refused(oci, scheduler, word):
    oci.config["process"]["scheduler"] = scheduler
    refused(oci, word)


def test_the_io_priority_is_as_configured(oci, running):
    pid = running(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 6})
    shown = subprocess.run(["ionice", "-p", str(pid)], check=True, capture_output=True, text=True).stdout
    assert shown == "best-effort: prio 6\n"


@pytest.mark.parametrize("priority, word", [({"class": "X"}, "ioPriority.class"),
                                            ({"class": "IOPRIO_CLASS_RT", "priority": 8}, "ioPriority.priority")])
def test_an_io_priority_that_cannot_be_is_refused(oci, priority, word):
    oci.config["process"]["ioPriority"] = priority
    refused(oci, word)


def test_an_exec_runs_on_its_final_processors(oci, running):
    last = max(os.sched_getaffinity(0))
    running(execCPUAffinity={"initial": "0", "final": str(last)})
    assert pathlib.Path(f"/proc/{oci.state()['pid']}/status").read_text().split("Cpus_allowed_list:\t")[1].split("\n")[0] \
        != str(last) or last == 0, "the container's own process is not meant"
    shown = oci.call("exec", "c", "grep", "Cpus_allowed_list", "/proc/self/status").stdout
    assert shown.split() == ["Cpus_allowed_list:", str(last)]


def test_a_list_of_processors_that_is_none_is_refused(oci):
    oci.config["process"]["execCPUAffinity"] = {"initial": "1-0"}
    refused(oci, "execCPUAffinity.initial", "invalid list")


# --- memory policy and personality ---


def test_the_memory_policy_is_as_configured(oci, running):
    oci.config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
    pid = running()
    assert "bind=static:0" in pathlib.Path(f"/proc/{pid}/numa_maps").read_text()


@pytest.mark.parametrize("policy, word", [({"mode": "X"}, "memoryPolicy.mode"),
                                          ({"mode": "MPOL_BIND"}, "needs some"),
                                          ({"mode": "MPOL_LOCAL", "nodes": "0"}, "takes none"),
                                          ({"mode": "MPOL_BIND", "nodes": "x"}, "memoryPolicy.nodes")])
def test_a_memory_policy_that_cannot_be_is_refused(oci, policy, word):
    oci.config["linux"]["memoryPolicy"] = policy
    refused(oci, word)


def test_a_personality_of_32_bits_shows_in_uname(oci):
    oci.config["linux"]["personality"] = {"domain": "LINUX32"}
    assert oci.write("uname", "-m").run().stdout == "i686\n"


def test_an_unknown_personality_is_refused(oci):
    oci.config["linux"]["personality"] = {"domain": "BSD"}
    refused(oci, "personality.domain")


# --- devices of the network ---


@contextlib.contextmanager
def pair_of_links(name):
    """In a network namespace of its own, so that nothing happens to the host's."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        for line in ["link add dev0 type veth peer name dev1", "addr add 192.0.2.7/24 dev dev0",
                     "addr add 2001:db8::7/64 dev dev0", "link set dev1 up", "link set dev0 up"]:
            subprocess.run(["ip", "-n", name, *line.split()], check=True)
        yield ["nsenter", f"--net=/run/netns/{name}"]
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.parametrize("joined", [False, True])
def test_a_device_moves_into_the_container_with_its_addresses(oci, joined):
    oci.config["linux"]["netDevices"] = {"dev0": {"name": "ctr_net"}}
    oci.write("sh", "-c", "ip addr show dev ctr_net")
    with pair_of_links(oci.name) as host, contextlib.ExitStack() as stack:
        if joined:
            subprocess.run(["ip", "netns", "add", oci.name + "j"], check=True)
            stack.callback(subprocess.run, ["ip", "netns", "del", oci.name + "j"], check=True)
            space = next(s for s in oci.config["linux"]["namespaces"] if s["type"] == "network")
            space["path"] = f"/run/netns/{oci.name}j"
            oci.write()
        done = subprocess.run([*host, oci.program, "--root", oci.root, "run", "--bundle", oci.bundle, "c"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "inet 192.0.2.7/24" in done.stdout and "inet6 2001:db8::7/64" in done.stdout and "UP" in done.stdout
        assert "dev0" not in subprocess.run(["ip", "-n", oci.name, "link"], capture_output=True, text=True).stdout


def test_a_network_device_that_is_not_there_is_named(oci):
    oci.config["linux"]["netDevices"] = {"nothing0": {}}
    refused(oci, "there is no network device 'nothing0'")


def test_names_of_network_devices_are_checked(oci):
    oci.config["linux"]["netDevices"] = {"a": {"name": "x/y"}}
    refused(oci, "linux.netDevices.a")
    oci.config["linux"]["netDevices"] = {"a": {"name": "c"}, "b": {"name": "c"}}
    refused(oci, "linux.netDevices.b")


# --- labels and what the machine lacks ---


def test_an_apparmor_profile_confines_or_is_refused_before_anything_is_made(oci):
    oci.config["process"]["apparmorProfile"] = "ctr-no-such-profile"
    if not has_apparmor():
        return refused(oci, "process.apparmorProfile: AppArmor is not enabled on this machine")
    refused(oci, "the AppArmor profile 'ctr-no-such-profile' is not loaded")


@pytest.mark.skipif(not has_apparmor(), reason="AppArmor is not enabled here; tests/vm/run has it")
def test_an_apparmor_profile_is_that_of_the_process_and_of_an_exec(oci, running):
    profile = f"ctr_test_{oci.name.replace('-', '_')}"
    text = f"profile {profile} flags=(attach_disconnected) {{\n file,\n network,\n capability,\n signal,\n ptrace,\n" \
           " deny /etc/forbidden r,\n}\n"
    subprocess.run(["apparmor_parser", "-K", "-a"], input=text, text=True, check=True)
    try:
        (oci.rootfs / "etc").mkdir(exist_ok=True)
        (oci.rootfs / "etc/forbidden").write_text("secret")
        running(apparmorProfile=profile)
        done = oci.call("exec", "c", "cat", "/proc/self/attr/current", "/etc/forbidden", check=False)
        assert done.returncode != 0 and done.stdout == f"{profile} (enforce)\n" and "Permission denied" in done.stderr
        oci.call("delete", "--force", "c")
    finally:
        subprocess.run(["apparmor_parser", "-R"], input=text, text=True, check=True)


def test_an_unconfined_profile_is_always_to_be_had(oci):
    oci.config["process"]["apparmorProfile"] = "unconfined"
    assert oci.write("echo", "yes").run().stdout == "yes\n"


def test_what_this_machine_has_not_is_refused_by_its_field(oci):
    oci.config["linux"]["intelRdt"] = {"closID": "x"}
    refused(oci, "linux.intelRdt")
    del oci.config["linux"]["intelRdt"]
    oci.config["linux"]["mountLabel"] = "system_u:object_r:container_file_t:s0"
    refused(oci, "linux.mountLabel")
    if not pathlib.Path("/sys/fs/selinux/enforce").exists():
        del oci.config["linux"]["mountLabel"]
        oci.config["process"]["selinuxLabel"] = "system_u:system_r:container_t:s0"
        refused(oci, "process.selinuxLabel", "SELinux is not enabled")


def test_a_sysctl_may_be_written_with_slashes(oci):
    oci.config["linux"]["sysctl"] = {"net/ipv4/conf/lo/forwarding": "1"}
    assert oci.write("cat", "/proc/sys/net/ipv4/conf/lo/forwarding").run().stdout == "1\n"
