"""Volumes: made, filled from the image, shared, listed, refused while they are used, removed."""

import json
import os
import pathlib
import time

import pytest

from engine import Engine, wait_for


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


def test_a_volume_is_created_listed_inspected_and_removed(engine):
    assert engine.out("volume", "create", "--label", "a=b", "books") == "books"
    assert "books" in engine.out("volume", "ls", "-q")
    assert engine.docker("volume", "ls", "--format", "{{.Driver}} {{.Name}}").stdout.strip() == "local books"
    volume = json.loads(engine.docker("volume", "inspect", "books").stdout)[0]
    assert volume["Labels"] == {"a": "b"} and volume["Scope"] == "local"
    assert volume["Mountpoint"] == str(engine.data / "volumes/books/_data")
    assert engine.out("volume", "inspect", "-f", "{{.Mountpoint}}", "books") == volume["Mountpoint"]
    assert engine.out("volume", "ls", "-q", "-f", "label=a=c") == ""
    assert engine.out("volume", "rm", "books") == "books"
    assert not pathlib.Path(volume["Mountpoint"]).exists()
    done = engine.ctr("volume", "rm", "books", check=False)
    assert done.returncode == 1 and "no such volume" in done.stderr


def test_data_outlives_containers_and_the_daemon(engine):
    engine.ctr("run", "--rm", "-v", "kept:/data", "alpine", "sh", "-c", "echo here > /data/file")
    engine.kill()
    engine.start()
    assert engine.out("run", "--rm", "-v", "kept:/data", "alpine", "cat", "/data/file") == "here"
    assert engine.docker("volume", "rm", "kept").returncode == 0


def test_a_volume_in_use_is_not_removed(engine):
    engine.ctr("create", "--name", "user", "-v", "used:/data", "alpine")
    done = engine.docker("volume", "rm", "used", check=False)
    container = engine.inspect("user")["Id"]
    assert done.returncode == 1 and f"volume is in use - [{container}]" in done.stderr
    assert engine.out("volume", "ls", "-q", "-f", "dangling=true") == ""
    engine.ctr("rm", "user")
    assert engine.out("volume", "ls", "-q", "-f", "dangling=true") == "used"
    engine.ctr("volume", "rm", "used")


def test_an_empty_volume_begins_with_what_the_image_has_there(engine):
    """Owner and mode included; nocopy and a volume that has something are left as they are."""
    expected = engine.out("run", "--rm", "alpine", "sh", "-c", "ls -A /etc | sort | grep -v -e hosts -e hostname -e resolv.conf")
    script = ["sh", "-c", "ls -A /copy | sort | grep -v -e hosts -e hostname -e resolv.conf"]
    engine.ctr("create", "--name", "filler", "-v", "full:/etc", "alpine")
    assert engine.out("run", "--rm", "-v", "full:/copy", "alpine", *script) == expected
    assert engine.out("run", "--rm", "-v", "bare:/etc:nocopy", "-v", "bare:/copy", "alpine", *script, check=False) == ""
    engine.ctr("run", "--rm", "-v", "mine:/data", "alpine", "touch", "/data/own")
    assert engine.out("run", "--rm", "-v", "mine:/etc", "alpine", "ls", "-A", "/etc").split().count("passwd") == 0
    assert engine.out("run", "--rm", "-v", "tmp:/tmp", "alpine", "stat", "-c", "%a", "/tmp") == "1777"
    engine.ctr("rm", "filler")
    engine.ctr("volume", "rm", "full", "bare", "mine", "tmp")


def test_anonymous_volumes_go_with_their_container_unless_somebody_else_uses_them(engine):
    engine.ctr("create", "--name", "one", "-v", "/data", "alpine")
    name = engine.inspect("one")["Mounts"][0]["Name"]
    engine.ctr("create", "--name", "two", "--volumes-from", "one", "alpine")
    engine.ctr("rm", "-v", "one")
    assert name in engine.out("volume", "ls", "-q")
    engine.ctr("rm", "-v", "two")
    assert name in engine.out("volume", "ls", "-q")  # it was not two's own
    assert name in engine.ctr("volume", "prune", "-f").stdout
    engine.ctr("volume", "create", "named")
    assert engine.ctr("volume", "prune", "-f").stdout.startswith("Total reclaimed space")
    assert "named" in engine.ctr("volume", "prune", "-af").stdout


def test_options_of_the_local_driver_mount_something_else(engine, tmp_path):
    (tmp_path / "file").write_text("of the host\n")
    engine.ctr("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={tmp_path}", "bound")
    assert engine.out("run", "--rm", "-v", "bound:/data", "alpine", "cat", "/data/file") == "of the host"
    engine.ctr("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m", "small")
    assert "tmpfs" in engine.out("run", "--rm", "-v", "small:/data", "alpine", "sh", "-c", "grep ' /data ' /proc/mounts")
    engine.ctr("volume", "rm", "bound", "small")
    assert (tmp_path / "file").exists()
    done = engine.ctr("volume", "create", "-o", "what=ever", "bad", check=False)
    assert done.returncode == 1 and 'invalid option: "what"' in done.stderr
    done = engine.ctr("volume", "create", "../bad", check=False)
    assert done.returncode == 1 and "invalid characters for a local volume name" in done.stderr


def tmpfs_mounts(engine):
    return [line for line in open("/proc/self/mountinfo") if f"{engine.data}/volumes/" in line]


def test_a_tmpfs_volume_is_shared_by_the_containers_that_use_it_and_gone_with_the_last(engine):
    engine.ctr("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2m,mode=1770,uid=7,noexec", "memory")
    assert tmpfs_mounts(engine) == []
    for name in ("m1", "m2"):
        engine.ctr("run", "-d", "--name", name, "-v", "memory:/data", "alpine", "sleep", "600")
    assert len(tmpfs_mounts(engine)) == 1
    engine.ctr("exec", "m1", "sh", "-c", "echo shared > /data/file")
    assert engine.out("exec", "m2", "cat", "/data/file") == "shared"
    assert engine.out("exec", "m2", "stat", "-c", "%a %u", "/data") == "1770 7"
    assert "noexec" in engine.out("exec", "m2", "grep", " /data ", "/proc/mounts")
    assert engine.ctr("exec", "m2", "dd", "if=/dev/zero", "of=/data/big", "bs=1M", "count=3", check=False).returncode != 0
    for number in (15, 9):  # a new daemon knows who uses it
        engine.restart(number)
        assert engine.out("exec", "m2", "cat", "/data/file") == "shared"
    engine.ctr("rm", "-f", "m1")
    assert engine.out("run", "--rm", "-v", "memory:/data:ro", "alpine", "cat", "/data/file") == "shared"
    assert "in use" in engine.ctr("volume", "rm", "memory", check=False).stderr
    engine.ctr("stop", "-t", "0", "m2")
    wait_for(lambda: tmpfs_mounts(engine) == [], "the file system to go")
    engine.ctr("start", "m2")
    assert engine.out("exec", "m2", "ls", "/data") == ""
    engine.ctr("rm", "-f", "m2")
    engine.ctr("volume", "rm", "memory")
    assert tmpfs_mounts(engine) == []


def test_a_tmpfs_volume_that_a_crash_left_mounted_is_taken_down(engine):
    engine.ctr("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "left")
    engine.ctr("run", "-d", "--name", "m3", "-v", "left:/data", "alpine", "sleep", "600")
    pid = engine.inspect("m3")["State"]["Pid"]
    engine.kill()
    for process in (*engine.monitors(), pid):
        os.kill(process, 9)
    engine.start()
    wait_for(lambda: tmpfs_mounts(engine) == [], "the file system to go")
    engine.ctr("rm", "m3")
    engine.ctr("volume", "rm", "left")


def test_the_server_of_a_network_volume_may_be_a_host_name(engine):
    """No server is there: the error tells how far it came."""
    for name, words in (("localhost", None), ("nobody.invalid", "error resolving passed in network volume address 'nobody.invalid'")):
        engine.ctr("volume", "create", "-o", "type=nfs", "-o", f"o=addr={name},soft,timeo=5,retrans=1,vers=4", "-o", "device=:/x", "far")
        done = engine.ctr("run", "--rm", "-v", "far:/data", "alpine", "true", check=False)
        assert done.returncode in (125, 126, 127) and (words is None) == ("error resolving" not in done.stderr), done.stderr
        assert words is None or words in done.stderr
        engine.ctr("volume", "rm", "far")


def test_a_part_of_a_volume_is_mounted_and_nothing_outside_of_it(engine):
    engine.ctr("run", "--rm", "-v", "parts:/data", "alpine", "sh", "-c",
               "mkdir -p /data/a/b; echo deep > /data/a/b/file; ln -s /etc /data/out")
    mount = "type=volume,source=parts,target=/part,volume-subpath="
    assert engine.out("run", "--rm", "--mount", mount + "a/b", "alpine", "cat", "/part/file") == "deep"
    done = engine.ctr("run", "--rm", "--mount", mount + "no/such", "alpine", "true", check=False)
    assert done.returncode == 125 and "cannot access path" in done.stderr
    # The link to /etc is resolved inside the volume, where there is none.
    assert engine.ctr("run", "--rm", "--mount", mount + "out", "alpine", "true", check=False).returncode == 125
    engine.ctr("volume", "rm", "parts")


def test_disk_usage_and_events_know_volumes(engine):
    engine.ctr("run", "--rm", "-v", "counted:/data", "alpine", "dd", "if=/dev/zero", "of=/data/x", "bs=1k", "count=100")
    status, usage = engine.api("GET", "/v1.43/system/df?type=volume")
    entry = next(volume for volume in usage["Volumes"] if volume["Name"] == "counted")
    assert status == 200 and entry["UsageData"] == {"Size": 102400, "RefCount": 0}
    engine.ctr("volume", "rm", "counted")
    events = engine.out("events", "--since", "10m", "--until", int(time.time()) + 1, "--filter", "type=volume", "--filter", "volume=counted",
                        "--format", "{{.Action}}").split()
    assert events == ["create", "mount", "unmount", "destroy"]
