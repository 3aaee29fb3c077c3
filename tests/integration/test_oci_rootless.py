"""ctr-runtime for a user without any privileges on the host: what runc and crun do there, too."""

import json
import os
import shutil
import subprocess

import pytest

from oci_bundle import RUNTIME, Oci

NOBODY = 65534
SUBORDINATE = 200_000


class RootlessOci(Oci):
    """All of it is nobody's, the state directory and a copy of the runtime included."""

    def __init__(self):
        super().__init__()
        self.program = str(self.base / "ctr-runtime")
        shutil.copy(RUNTIME, self.program)
        template = subprocess.run(self.as_nobody(self.program, "spec", "--rootless", "--bundle", str(self.base)),
                                  cwd=self.give(), capture_output=True, text=True)
        assert template.returncode == 0, template.stderr
        self.config = json.loads((self.base / "config.json").read_text())
        self.config["process"]["terminal"] = False
        self.config["root"]["readonly"] = False
        self.prefix = []

    def give(self):
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.base)], check=True)
        return self.base

    def as_nobody(self, *command):
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]

    def call(self, *arguments, check=True, timeout=60, globals=(), **options):
        options.setdefault("capture_output", True)
        options.setdefault("text", True)
        options.setdefault("stdin", subprocess.DEVNULL)
        command = [*self.prefix, *self.as_nobody(self.program, "--root", str(self.root), *globals, *map(str, arguments))]
        done = subprocess.run(command, timeout=timeout, cwd=self.base, **options)
        if check:
            assert done.returncode == 0, f"{command}: exit {done.returncode}: {done.stdout}{done.stderr}"
        return done


@pytest.fixture
def oci():
    with RootlessOci() as container:
        yield container


def test_a_user_is_root_inside_and_himself_outside(oci):
    script = "id -u; id -g; touch /made; cat /proc/self/uid_map; ls -l /dev/null; echo $$"
    lines = oci.write("sh", "-c", script).run().stdout.splitlines()
    assert lines[:2] == ["0", "0"] and lines[2].split() == ["0", str(NOBODY), "1"]
    assert lines[3].startswith("crw") and lines[4] == "1"
    assert os.stat(oci.rootfs / "made").st_uid == NOBODY


def test_a_users_container_has_a_life(oci):
    oci.write("sh", "-c", "echo started; exec sleep 1000").create()
    assert oci.state()["status"] == "created"
    oci.call("start", "c")
    oci.wait_for_status("running")
    assert os.stat(f"/proc/{oci.state()['pid']}").st_uid == NOBODY
    inside = oci.call("exec", "c", "sh", "-c", "id -u; hostname; cat /proc/1/comm").stdout
    assert inside.splitlines() == ["0", oci.config["hostname"], "sleep"]
    assert oci.call("list", "-q").stdout.split() == ["c"]
    oci.call("kill", "c", "KILL")
    oci.wait_for_status("stopped")
    assert oci.output() == "started\n"
    oci.call("delete", "c")


def test_an_exit_code_comes_back_and_a_missing_command_is_named(oci):
    assert oci.write("sh", "-c", "exit 7").run(check=False).returncode == 7
    done = oci.write("no-such-command").run(check=False)
    assert done.returncode != 0 and "no-such-command" in done.stderr


@pytest.mark.parametrize("resources", [{"memory": {"limit": 64 << 20}}, {"pids": {"limit": 10}}])
def test_a_limit_without_a_cgroup_to_put_it_in_is_refused(oci, resources):
    oci.config["linux"]["resources"] = resources
    done = oci.write("true").run(check=False)
    assert done.returncode != 0
    assert "limits need a cgroup" in done.stderr and "Delegate=yes" in done.stderr


def test_rules_for_devices_are_passed_over_since_no_node_can_be_made(oci):
    oci.config["linux"]["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    done = oci.write("sh", "-c", "echo x > /dev/null && ! mknod /made c 1 3 && echo fine").run()
    assert done.stdout == "fine\n"


def test_what_needs_a_cgroup_says_that_there_is_none(oci):
    oci.write("sleep", "1000").create()
    oci.call("start", "c")
    for verb in ("pause", "ps"):
        done = oci.call(verb, "c", check=False)
        assert done.returncode != 0 and "has no cgroup" in done.stderr, verb
    oci.call("delete", "--force", "c")


def test_more_ids_come_from_the_users_range_in_etc_subuid(oci):
    ranges = oci.base / "ranges"
    ranges.write_text(f"nobody:{SUBORDINATE}:65536\n")
    for file in ("subuid", "subgid"):
        oci.prefix += ["unshare", "-m", "sh", "-c", f'mount --bind {ranges} /etc/{file} && exec "$@"', "sh"]
    maps = [{"containerID": 0, "hostID": NOBODY, "size": 1},
            {"containerID": 1, "hostID": SUBORDINATE, "size": 65536}]
    oci.config["linux"]["uidMappings"] = oci.config["linux"]["gidMappings"] = maps
    oci.config["process"]["user"]["additionalGids"] = [10]
    for name in ("bounding", "effective", "permitted"):
        oci.config["process"]["capabilities"][name] += ["CAP_CHOWN", "CAP_FOWNER"]
    out = oci.write("sh", "-c", "touch /made; chown 5:6 /made; ls -ln /made; id -G").run().stdout.splitlines()
    assert out[0].split()[2:4] == ["5", "6"] and "10" in out[1].split()
    made = os.stat(oci.rootfs / "made")
    assert (made.st_uid, made.st_gid) == (SUBORDINATE + 4, SUBORDINATE + 5)


def test_ids_of_others_are_refused(oci):
    maps = [{"containerID": 0, "hostID": NOBODY, "size": 1}, {"containerID": 1, "hostID": 0, "size": 1}]
    oci.config["linux"]["uidMappings"] = maps
    done = oci.write("true").run(check=False)
    assert done.returncode != 0 and "newuidmap" in done.stderr


def test_groups_that_a_user_may_not_take_are_refused(oci):
    oci.config["process"]["user"]["additionalGids"] = [10]
    done = oci.write("true").run(check=False)
    assert done.returncode != 0 and "the id 10 is not mapped" in done.stderr
