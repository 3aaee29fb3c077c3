"""ctr-runtime and user namespaces: root inside is nobody outside."""

import json
import os
import subprocess

import pytest

from oci_bundle import Oci

HOST = 100_000


@pytest.fixture
def oci():
    with Oci() as container:
        container.config["linux"]["namespaces"].append({"type": "user"})
        maps = [{"containerID": 0, "hostID": HOST, "size": 65536}]
        container.config["linux"]["uidMappings"] = container.config["linux"]["gidMappings"] = maps
        subprocess.run(["chown", "-R", f"{HOST}:{HOST}", str(container.rootfs)], check=True)
        for directory in (container.base, container.bundle):
            os.chmod(directory, 0o711)
        yield container


def test_root_inside_is_nobody_outside(oci):
    script = "id -u; cat /proc/self/uid_map; touch /made; ls -ln /made; echo x > /dev/null && ls -l /dev/null"
    lines = oci.write("sh", "-c", script).run().stdout.splitlines()
    assert lines[0] == "0" and lines[1].split() == ["0", str(HOST), "65536"]
    assert lines[2].split()[2:4] == ["0", "0"] and lines[3].startswith("crw")
    assert (os.stat(oci.rootfs / "made").st_uid, os.stat(oci.rootfs / "made").st_gid) == (HOST, HOST)


def test_another_user_and_its_groups_are_mapped_too(oci):
    oci.config["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6]}
    out = oci.write("sh", "-c", "id -u; id -g; id -G; sleep 0.1").run().stdout.split("\n")
    assert out[0] == "1000" and out[1] == "1001" and set(out[2].split()) >= {"1001", "5", "6"}


def test_the_hosts_files_and_processes_are_out_of_reach(oci, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    secret.chmod(0o600)
    oci.config["mounts"].append({"destination": "/secret", "type": "bind", "source": str(secret), "options": ["rbind"]})
    everything = ["CAP_" + name for name in ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER MKNOD SYS_ADMIN SYS_CHROOT SETUID "
                                            "SETGID SYS_MODULE SYS_RAWIO SYS_TIME").split()]
    oci.config["process"]["capabilities"] = {kind: everything for kind in ("bounding", "effective", "permitted")}
    script = "cat /secret; echo $?; hostname changed && hostname; mknod /n c 1 3; echo $?; echo 1 > /proc/sys/vm/drop_caches; echo $?"
    done = oci.write("sh", "-c", script).run(check=False)
    assert done.stdout.split() == ["1", "changed", "1", "1"]


def test_an_exec_is_in_the_same_user_namespace(oci):
    oci.write("sleep", "600").create()
    oci.call("start", "c")
    out = oci.call("exec", "c", "sh", "-c", "id -u; cat /proc/self/uid_map").stdout.split()
    assert out == ["0", "0", str(HOST), "65536"]
    out = oci.call("exec", "--user", "7:8", "c", "sh", "-c", "id -u; id -g").stdout.split()
    assert out == ["7", "8"]
    oci.call("delete", "--force", "c")


def test_limits_that_only_the_host_may_raise_are_given_from_outside(oci):
    oci.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 2048, "hard": 4096}]
    oci.config["process"]["oomScoreAdj"] = 100
    out = oci.write("sh", "-c", "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj").run().stdout.split()
    assert out == ["2048", "4096", "100"]


def test_a_terminal_works_in_it(oci):
    oci.write("sh", "-c", "tty; stat -c %u $(tty)", terminal=True)
    line = f"{oci.program} --root {oci.root} run --bundle {oci.bundle} c"
    out = subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                         timeout=60).stdout.split()
    assert [word.strip("^@") for word in out] == ["/dev/pts/0", "0"]


@pytest.mark.parametrize("maps, message", [
    ([], "needs mappings"),
    ([{"containerID": 0, "hostID": 1, "size": 0}], "is empty"),
    ([{"containerID": 5, "hostID": 1, "size": 5}], "nothing is mapped to 0"),
    ([{"containerID": 0, "hostID": 1, "size": 5}, {"containerID": 4, "hostID": 100, "size": 5}], "overlap"),
])
def test_mappings_that_cannot_be_meant_are_refused(oci, maps, message):
    oci.config["linux"]["uidMappings"] = maps
    done = oci.write("true").run(check=False)
    assert done.returncode != 0 and "uidMappings" in done.stderr and message in done.stderr


def test_state_and_kill_work_from_outside(oci):
    oci.write("sleep", "600").create()
    oci.call("start", "c")
    state = json.loads(oci.call("state", "c").stdout)
    assert state["status"] == "running" and os.stat(f"/proc/{state['pid']}").st_uid == HOST
    oci.call("kill", "c", "KILL")
    oci.wait_for_status("stopped")
    oci.call("delete", "c")


def test_a_mount_with_mapped_ids_shows_the_hosts_owners_as_the_containers(oci, tmp_path):
    (tmp_path / "file").write_text("x")
    os.chown(tmp_path / "file", 5, 6)
    oci.config["mounts"].append({"destination": "/mapped", "type": "bind", "source": str(tmp_path), "options": ["rbind", "idmap"]})
    out = oci.write("sh", "-c", "stat -c %u:%g /mapped/file; touch /mapped/new").run(check=False)
    if "ids cannot be mapped on the file system" in out.stderr:
        pytest.skip("the file system of the temporary directory cannot map ids")
    assert out.stdout == "5:6\n"
    assert os.stat(tmp_path / "new").st_uid == 0  # root inside, and so root on the disk, as it is mapped


def test_a_mount_can_be_mapped_without_a_user_namespace(tmp_path):
    with Oci() as oci:
        tmp_path.chmod(0o755)
        (tmp_path / "file").write_text("x")
        os.chown(tmp_path / "file", 1000, 1000)
        maps = [{"containerID": 1000, "hostID": 2000, "size": 1}]
        oci.config["mounts"].append({"destination": "/mapped", "type": "bind", "source": str(tmp_path), "options": ["rbind"],
                                     "uidMappings": maps, "gidMappings": maps})
        out = oci.write("stat", "-c", "%u:%g", "/mapped/file").run(check=False)
        if "ids cannot be mapped on the file system" in out.stderr:
            pytest.skip("the file system of the temporary directory cannot map ids")
        assert out.stdout == "2000:2000\n", out.stderr
