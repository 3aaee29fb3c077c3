"""Attack class S: every number of a system call, in every way in which it can be made, against the profile.

What the profile says is in tests/unit/security/x86_64_calls.h; here it is the kernel that answers, in containers.
"""

import json
import platform
import subprocess

import pytest

from canary import HostCanary
from hostile import ATTACKER
from oci_bundle import Oci
from test_security import calls as profile_lists

EPERM, ENOSYS = 1, 38

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")


@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


@pytest.fixture(scope="module")
def bare():
    """Without any filter, and without capabilities: what the kernel itself refuses. A container's own namespaces and
    capabilities can only make it refuse less, so that an EPERM of these is none of the filter's."""
    done = subprocess.run(["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--reuid", "65534", "--clear-groups",
                           str(ATTACKER), "calls", "native"], capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(engine):
    with HostCanary(engine):
        engine.ctr("run", "-d", "--name", "calls", "-v", f"{ATTACKER}:/attacker:ro", "busybox", "sleep", "600")
        inside = json.loads(engine.ctr("run", "--rm", "-v", f"{ATTACKER}:/attacker:ro", "busybox", "/attacker", "calls").stdout)
    yield inside
    engine.ctr("rm", "-f", "calls")


@pytest.fixture(scope="module")
def names():
    return profile_lists()["names_by_number"]


def is_refused(lists, name):
    return name == "-" or name in lists["opened_by_capability"] + lists["never_allowed"]


def test_s04_every_call_is_answered_as_the_profile_says(answers, bare, names):
    lists = profile_lists()
    for number, answer in enumerate(answers["plain"]):
        name = names[number] if number < len(names) else "-"
        if name in ("uprobe", "uretprobe"):
            continue  # Linux 6.14 lets these two past every filter; they refuse all but the kernel's
        if name == "clone3" or number > 466:
            assert answer == ENOSYS, (number, name)
        elif is_refused(lists, name):
            assert answer == EPERM, (number, name, answer)
        elif name in lists["allowed_always"] and answer == EPERM:
            assert bare["plain"][number] == EPERM, (number, name)  # the kernel says so itself


def test_s01_upper_halves_of_arguments_open_nothing(answers, names):
    lists = profile_lists()
    for number, answer in enumerate(answers["high"]):
        name = names[number] if number < len(names) else "-"
        if name in ("uprobe", "uretprobe"):
            continue
        if is_refused(lists, name) or name == "clone3":
            assert answer == answers["plain"][number], (number, name, answer)


def test_s02_calls_of_x32_do_not_exist(answers):
    assert set(answers["x32"]) == {ENOSYS}


def test_s02_calls_by_int_80_do_not_exist(answers):
    """-1: a kernel without 32-bit calls kills who tries, filtered or not."""
    assert set(answers["int80"]) in ({ENOSYS}, {-1}), set(answers["int80"])


@pytest.mark.parametrize("way", ["clone", "unshare", "setns"])
def test_s03_no_namespace_can_be_made_or_entered(answers, way):
    for kind, refusals in answers[way].items():
        assert refusals == [EPERM, EPERM], (way, kind, refusals)


def test_s05_numbers_that_nobody_knows_are_not_implemented(answers):
    assert set(answers["unknown"]) == {ENOSYS}


def told(answers):
    """-1 and 0 alike: whether a call that ends its process, or lets it run wild, was seen to end by a signal is chance."""
    return [max(answer, 0) for answer in answers]


def test_s09_an_exec_is_answered_alike(engine, answers):
    inside = json.loads(engine.ctr("exec", "calls", "/attacker", "calls", "native").stdout)
    for way in ("plain", "high", "unknown"):
        assert told(inside[way]) == told(answers[way]), way
    for way in ("clone", "unshare", "setns"):
        assert inside[way] == answers[way], way


def test_s09_the_filter_is_there_after_a_restart_of_container_and_daemon(engine):
    engine.ctr("run", "-d", "--name", "s09", "busybox", "sleep", "600")

    def modes():
        script = "grep -h ^Seccomp: /proc/1/status /proc/self/status"
        return engine.out("exec", "s09", "sh", "-c", script).split()[1::2]
    assert modes() == ["2", "2"]
    engine.ctr("restart", "-t", "0", "s09")
    assert modes() == ["2", "2"]
    engine.restart()
    assert modes() == ["2", "2"]
    engine.ctr("rm", "-f", "s09")


def test_s06_tracing_works_inside_and_reaches_nobody_outside(engine):
    """strace in a container is what people expect; a process of the host has no number in there."""
    out = engine.out("run", "--rm", "-v", f"{ATTACKER}:/attacker:ro", "-e", "ATTACK_SECONDS=1", "busybox", "sh", "-c",
                     "sleep 50 & /attacker hold sleep")
    assert json.loads(out.splitlines()[-1])["held"] > 1, out


@pytest.mark.parametrize("flag,calls", [("--cap-add=SYSLOG", {"syslog"}), ("--cap-add=SYS_RAWIO", {"iopl", "ioperm"}),
                                        ("--cap-add=SYS_TIME", {"settimeofday", "clock_settime", "adjtimex", "clock_adjtime"}),
                                        ("--cap-drop=SYS_CHROOT", {"chroot"})])
def test_s07_a_capability_opens_or_closes_its_calls_and_no_others(engine, answers, names, flag, calls):
    inside = json.loads(engine.ctr("run", "--rm", flag, "-v", f"{ATTACKER}:/attacker:ro", "busybox", "/attacker", "calls",
                                   "native").stdout)
    changed = {names[number] for number, answer in enumerate(inside["plain"])
               if (answer == EPERM) != (answers["plain"][number] == EPERM)}
    assert changed and changed <= calls, changed


def test_s08_a_filter_of_a_bundle_holds_for_its_execs_and_in_every_way():
    """The OCI runtime's own: the same tables, with a profile that refuses a single call."""
    with Oci() as oci:
        oci.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 117},
                         {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [
                             {"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}
        oci.config["mounts"].append({"destination": "/attacker", "type": "bind", "source": str(ATTACKER),
                                     "options": ["bind", "ro"]})
        oci.write("/bin/sleep", "600")
        oci.create("c")
        oci.call("start", "c")
        inside = json.loads(oci.call("exec", "c", "/attacker", "calls", timeout=300).stdout)
        mkdir, last = 83, 470
        assert inside["plain"][mkdir] == inside["high"][mkdir] == 117
        assert 117 not in inside["plain"][:mkdir] + inside["plain"][mkdir + 1:last]
        # A second way to everything that a filter refuses: none is open that it does not name.
        assert 117 not in inside["x32"] and set(inside["int80"]) in ({ENOSYS}, {-1}), set(inside["int80"])
        oci.call("delete", "--force", "c")
