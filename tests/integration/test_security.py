"""Capabilities, limits and the system call filter on the kernel, without a container.

Needs root. The tool is build/<preset>/bin/security_tool.
"""

import json
import pathlib
import platform
import re
import subprocess

import pytest

from tools import built

ROOT = pathlib.Path(__file__).resolve().parents[2]
EPERM, ENOSYS = "1", "38"


TOOL = built("security_tool")
x86_64_only = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")


def tool(*words):
    return subprocess.run([TOOL, *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)


def status(*changes):
    output = tool("run", *changes, "--", "cat", "/proc/self/status").stdout
    return dict(line.split(":\t", 1) for line in output.splitlines() if ":\t" in line)


def calls():
    """The lists of the unit tests: ([name by number], {names of a list})."""
    text = (ROOT / "tests/unit/security/x86_64_calls.h").read_text()
    lists = {}
    for name, body in re.findall(r"string_view (\w+) =\n(.*?);", text, re.S):
        lists[name] = " ".join(re.findall(r'"(.*?)"', body)).split()
    return lists


def test_root_has_the_fourteen_and_nothing_to_inherit():
    fields = status()
    for field in ("CapPrm", "CapEff", "CapBnd"):
        assert fields[field] == "00000000a80425fb"
    for field in ("CapInh", "CapAmb"):
        assert fields[field] == "0000000000000000"
    assert fields["Seccomp"] == "2"
    assert fields["NoNewPrivs"] == "0"


def test_a_user_has_none_but_keeps_the_bound():
    fields = status("uid=1000")
    assert fields["CapPrm"] == fields["CapEff"] == "0000000000000000"
    assert fields["CapBnd"] == "00000000a80425fb"


def test_dropping_all_leaves_none():
    fields = status("drop=ALL")
    assert {fields[field] for field in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")} == {
        "0000000000000000"}


def test_the_filter_may_come_last_with_no_new_privs():
    fields = status("drop=ALL", "uid=1000", "nnp")
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_unknown_capabilities_are_refused():
    result = tool("run", "add=NOPE", "--", "true")
    assert result.returncode == 1
    assert result.stdout == 'invalid CapAdd: unknown capability: "CAP_NOPE"\n'


def test_limits_are_set():
    result = tool("run", "ulimit=nofile=50:60", "--", "sh", "-c", "ulimit -Sn; ulimit -Hn")
    assert result.stdout == "50\n60\n"


def test_a_default_limit_is_clamped_and_a_wanted_one_is_not():
    """Without CAP_SYS_RESOURCE: the first run drops it, the second tries to raise."""
    def nested(kind):
        return tool("run", "ulimit=nofile=500:500", "filter=none", "--", TOOL, "run",
                    f"{kind}=nofile=1000:1000", "filter=none", "--", "sh", "-c", "ulimit -Hn")
    assert nested("default").stdout == "500\n"
    refused = nested("ulimit")
    assert refused.returncode == 1 and "may not raise it" in refused.stdout


@x86_64_only
def test_every_call_is_answered_as_the_profile_says():
    """S04: each call with arguments that no call takes; what is allowed gets another answer."""
    lists = calls()
    names = lists["names_by_number"]
    answers = dict(line.split() for line in tool("probe").stdout.splitlines())
    bare = dict(line.split() for line in
                tool("probe", "filter=none", "drop=ALL").stdout.splitlines())
    for number, answer in answers.items():
        name = names[int(number)] if int(number) < len(names) else "-"
        if name in ("uprobe", "uretprobe"):
            continue  # Linux 6.14 lets these two past every filter; they refuse all but the kernel's
        if name == "clone3" or int(number) > 466:
            assert answer == ENOSYS, name
        elif name in lists["opened_by_capability"] + lists["never_allowed"] or name == "-":
            assert answer == EPERM, name
        elif name in lists["allowed_always"] and answer == EPERM:
            assert bare[number] == EPERM, name  # the kernel says so itself


@x86_64_only
def test_upper_halves_open_nothing():
    """S01"""
    script = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    result = libc.syscall(*map(ctypes.c_long, words))
    return ctypes.get_errno() if result < 0 else 0
high = 1 << 32
print(call(41, 40, 1, 0), call(41, high | 40, 1, 0), call(41, high | 38, 5, 0),
      call(135, high | 0x40000), call(56, high | 0x10000000 | 17, 0, 0, 0, 0), call(41, high | 1, 1, 0))
"""
    result = tool("run", "--", "/usr/bin/python3", "-c", script)
    assert result.stdout.split() == [EPERM] * 5 + ["0"]


@x86_64_only
def test_32_bit_and_x32_calls_do_not_exist(tmp_path):
    """S02: int 0x80 and numbers with x32's bit, by a program of a few bytes."""
    source = tmp_path / "foreign.c"
    source.write_text("""
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static int old(int number) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory");
  return result;
}
int main(int count, char** arguments) {
  if (count == 2) { /* getpid, mount, unshare, socketcall */
    printf("%d %d %d %d\\n", old(20), old(21), old(310), old(102));
    return 0;
  }
  syscall(0x40000000 | 39);
  printf("%d\\n", errno);
}
""")
    program = tmp_path / "foreign"
    subprocess.run(["gcc", "-o", program, source], check=True)
    assert tool("run", "--", program).stdout == "38\n"
    kernel_has_them = subprocess.run([program, "32"], stdout=subprocess.DEVNULL).returncode == 0
    result = tool("run", "--", program, "32")
    if kernel_has_them:
        assert result.stdout == "-38 -38 -38 -38\n"
    else:  # without CONFIG_IA32_EMULATION int 0x80 is a fault, filtered or not
        assert result.stdout == "" and result.returncode != 0


def test_a_profile_of_the_users_own_is_obeyed(tmp_path):
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}))
    result = tool("run", f"filter={profile}", "--", "mkdir", tmp_path / "x")
    assert result.returncode == 1 and "Operation not supported" in result.stdout


def test_a_hostile_profile_is_refused_at_once(tmp_path):
    """S08"""
    profile = tmp_path / "profile.json"
    for text in ("[" * 1_000_000, '{"defaultAction":"SCMP_ACT_FOO"}', '{"a":' * 100_000, "\0" * 100,
                 json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                     {"names": ["read"], "action": "SCMP_ACT_ALLOW",
                      "args": [{"index": 0, "value": n, "op": "SCMP_CMP_EQ"}]}
                     for n in range(9000)]})):
        profile.write_text(text)
        result = tool("compile", str(profile))
        assert result.returncode == 1 and "invalid seccomp profile" in result.stdout
