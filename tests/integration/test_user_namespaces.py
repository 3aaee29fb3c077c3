"""User namespaces: each container's root is nobody outside of it, and files keep their owners on disk."""

import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import tarfile

import pytest

from engine import CTR, Engine, docker_client, wait_for

AUTO = ["--userns", "auto"]
FIRST = 0x7001_0000  # of the ids that --userns=auto gives out


@pytest.fixture(scope="module")
def engine():
    """A daemon that gives user namespaces to who asks."""
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture(scope="module")
def remapped():
    """A daemon that gives each container one that does not say otherwise."""
    with Engine("--userns-remap", "auto") as running:
        running.load_alpine()
        yield running


@pytest.fixture
def box(engine):
    engine.ctr("run", "-d", "--name", "box", *AUTO, "alpine", "sleep", "600")
    yield "box"
    engine.ctr("rm", "-f", "box")


def id_map(engine, name):
    """(first id of the host's, how many) of a container that runs."""
    inside, outside, size = map(int, engine.out("exec", name, "cat", "/proc/self/uid_map").split())
    assert inside == 0
    return outside, size


def host_pid(engine, name):
    return engine.inspect(name)["State"]["Pid"]


def upper(engine, name):
    return engine.data / "containers" / engine.inspect(name)["Id"] / "upper"


def owner(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid


def refused(engine, *arguments):
    done = engine.ctr(*arguments, check=False)
    assert done.returncode == 125, (arguments, done.stdout, done.stderr)
    return done.stderr


def private_mounts(*commands):
    """A wrapper of ctrd with mounts that only it has."""
    script = "; ".join(["set -e", *commands, 'exec "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


# --- what it is ---


def test_i10_root_inside_is_nobody_outside(engine, box):
    first, size = id_map(engine, box)
    assert first >= FIRST and size == 65536
    status = pathlib.Path(f"/proc/{host_pid(engine, box)}/status").read_text().splitlines()
    assert f"Uid:\t{first}\t{first}\t{first}\t{first}" in status
    assert engine.out("exec", box, "id", "-u") == "0"
    assert engine.out("exec", box, "cat", "/proc/self/gid_map").split() == ["0", str(first), "65536"]
    ours, theirs = (os.readlink(f"/proc/{pid}/ns/user") for pid in ("self", host_pid(engine, box)))
    assert ours != theirs
    assert engine.inspect(box)["HostConfig"]["UsernsMode"] == "auto"


def test_i03_all_capabilities_of_a_user_namespace_are_nothing_outside_of_it(engine):
    free = [*AUTO, "--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
    script = ("mknod /n c 1 3; echo $?; date -s 2001-01-01 >/dev/null; date +%Y; echo 1 > /proc/sys/vm/drop_caches; echo $?; "
              "dmesg -c >/dev/null; echo $?; grep CapEff /proc/self/status; mount -t tmpfs x /mnt; echo $?")
    words = engine.out("run", "--rm", *free, "alpine", "sh", "-c", script).split()
    assert words[0] != "0" and words[1] != "2001" and words[2] != "0" and words[3] != "0"
    assert int(words[5], 16) & 1 << 21 and words[6] == "0"  # CAP_SYS_ADMIN, of its own mounts


def test_files_keep_their_owners_on_disk(engine, box):
    engine.ctr("exec", box, "sh", "-c", "touch /made; mkdir /dir; touch /dir/other; chown 1000:1001 /dir/other; rm /etc/motd")
    assert engine.out("exec", box, "stat", "-c", "%u:%g", "/bin/busybox", "/made", "/dir/other").split() == ["0:0", "0:0", "1000:1001"]
    layer = upper(engine, box)
    assert owner(layer / "made") == (0, 0) and owner(layer / "dir/other") == (1000, 1001)
    # The container has it again with other ids, and without any.
    first, _ = id_map(engine, box)
    engine.ctr("stop", "-t", "0", box)
    run_directory = engine.run_dir / "containers" / engine.inspect(box)["Id"]
    wait_for(lambda: not run_directory.exists(), "the run to be cleaned up, and its ids given back")
    engine.ctr("run", "-d", "--name", "taker", *AUTO, "alpine", "sleep", "600")
    engine.ctr("start", box)
    assert id_map(engine, "taker")[0] == first and id_map(engine, box)[0] != first
    assert engine.out("exec", box, "stat", "-c", "%u:%g", "/made", "/dir/other").split() == ["0:0", "1000:1001"]
    engine.ctr("rm", "-f", "taker")


def test_no_two_containers_have_an_id_in_common_and_ranges_are_given_back(engine):
    for name in ("one", "two", "three"):
        engine.ctr("run", "-d", "--name", name, *AUTO, "alpine", "sleep", "600")
    maps = [id_map(engine, name) for name in ("one", "two", "three")]
    firsts = sorted(first for first, _ in maps)
    assert firsts[0] + 65536 <= firsts[1] and firsts[1] + 65536 <= firsts[2]
    freed = id_map(engine, "two")[0]
    engine.ctr("rm", "-f", "two")
    engine.ctr("run", "-d", "--name", "four", *AUTO, "alpine", "sleep", "600")
    assert id_map(engine, "four")[0] in (freed, firsts[2] + 65536)  # the removal may still be under way
    engine.ctr("rm", "-f", "one", "three", "four")
    # One after the other they have the same: nothing is used up.
    for _ in range(5):
        out = engine.out("run", "--rm", *AUTO, "alpine", "cat", "/proc/self/uid_map").split()
        assert int(out[1]) < FIRST + 20 * 65536


def test_the_number_of_ids_can_be_asked_for(engine):
    big = ["--userns", "auto:size=200000"]
    assert engine.out("run", "--rm", *big, "alpine", "cat", "/proc/self/uid_map").split()[2] == "200000"
    assert engine.out("run", "--rm", *big, "--user", "150000:70000", "alpine", "id", "-u") == "150000"
    done = engine.ctr("run", "--rm", *AUTO, "--user", "150000", "alpine", "id", check=False)
    assert done.returncode != 0 and "150000" in done.stderr, done.stderr
    assert engine.out("run", "--rm", "--userns", "auto:size=1024", "alpine", "id", "-u") == "0"


@pytest.mark.parametrize("mode", ["private", "keep-id", "auto:size=", "auto:size=1", "auto:size=x", "auto:size=9999999999", "yes"])
def test_another_mode_is_refused(engine, mode):
    message = refused(engine, "run", "--rm", "--userns", mode, "alpine", "true")
    assert mode in message and len(message.strip().splitlines()) <= 2
    status, answer = engine.api("POST", "/v1.43/containers/create", {"Image": "alpine", "HostConfig": {"UsernsMode": mode}})
    assert status == 400 and f"invalid user namespace mode: {mode}" in answer["message"]


@pytest.mark.parametrize("flag, words", [
    (["--privileged"], "privileged mode is incompatible with user namespaces"),
    (["--pid", "host"], "cannot share the host PID namespace when user namespaces are enabled"),
    (["--network", "host"], "cannot share the host's network namespace when user namespaces are enabled"),
])
def test_what_docker_refuses_is_refused_in_a_line_that_says_what_to_do(engine, remapped, flag, words):
    for daemon, flags in ((engine, AUTO), (remapped, [])):
        message = refused(daemon, "run", "--rm", *flags, *flag, "alpine", "true")
        assert words in message and "--userns=host" in message
        assert daemon.out("ps", "-aq") == ""
    remapped.ctr("run", "--rm", "--userns", "host", *flag, "alpine", "true")


# --- using it ---


def test_an_exec_is_in_it_too(engine, box):
    first, _ = id_map(engine, box)
    assert engine.out("exec", "-u", "7:8", box, "sh", "-c", "id -u; id -g").split() == ["7", "8"]
    assert engine.out("exec", "-u", "nobody", box, "id", "-u") == "65534"
    assert engine.out("exec", "-i", box, "sh", "-c", "cat >/dev/stdout", input="through\n", stdin=None) == "through"
    engine.ctr("exec", "-d", "-u", "1000", box, "sleep", "601")
    entry = wait_for(lambda: [line for line in engine.out("top", box).splitlines() if "sleep 601" in line], "the exec")
    assert str(first + 1000) in entry[0].split()[0] or entry[0].split()[0].isdigit()
    done = engine.ctr("exec", "--privileged", box, "sh", "-c", "mknod /n c 1 3", check=False)
    assert done.returncode != 0


def test_a_terminal_works_in_it(engine, box):
    for command in (["run", "--rm", "-it", *AUTO, "alpine"], ["exec", "-it", box]):
        line = " ".join([CTR, *command, "sh", "-c", "'tty; stat -c %u $(tty); echo x >/dev/tty && test -t 0 && echo ok'"])
        out = subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                             env={**os.environ, "CTR_HOST": engine.host}, timeout=60).stdout.split()
        words = [word for word in (word.strip("^@") for word in out) if word]
        assert words[0].startswith("/dev/pts/") and words[1:] == ["0", "x", "ok"]


def test_output_can_be_opened_again(engine):
    """/dev/stdout of who is not the owner of the pipe behind it is what nginx and others write to."""
    assert engine.out("run", "--rm", *AUTO, "alpine", "sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr") == "out"
    engine.ctr("run", "--name", "teller", *AUTO, "alpine", "sh", "-c", "echo one > /proc/self/fd/1; echo two >&2")
    done = engine.ctr("logs", "teller")
    assert (done.stdout, done.stderr) == ("one\n", "two\n")
    engine.ctr("rm", "teller")


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("client", ["ctr", "docker"])
def test_files_are_copied_both_ways_with_their_owners(engine, tmp_path, state, client):
    cp = engine.docker if client == "docker" else engine.ctr
    engine.ctr("run", "-d", "--name", "copied", *AUTO, "-v", "/volume", "--tmpfs", "/scratch", "alpine", "sh", "-c",
               "mkdir -p /work/sub; echo a > /work/a; echo b > /work/sub/b; chown -R 1000:1001 /work/sub; touch /ready; sleep 600")
    wait_for(lambda: engine.ctr("exec", "copied", "test", "-e", "/ready", check=False).returncode == 0, "the files")
    if state == "stopped":
        engine.ctr("stop", "-t", "0", "copied")
    archive = tarfile.open(fileobj=io.BytesIO(cp("cp", "copied:/work", "-", text=False).stdout))
    owners = {entry.name: (entry.uid, entry.gid) for entry in archive}
    assert owners == {"work": (0, 0), "work/a": (0, 0), "work/sub": (1000, 1001), "work/sub/b": (1000, 1001)}
    source = tmp_path / "new"
    (source / "deep").mkdir(parents=True)
    (source / "deep/file").write_text("from the host\n")
    os.symlink("file", source / "deep/link")
    os.chown(source / "deep/file", 33, 34)
    cp("cp", "-a", source, "copied:/work/")
    cp("cp", source, "copied:/volume/")
    if state == "stopped":
        engine.ctr("start", "copied")
    else:
        cp("cp", source, "copied:/scratch/")
        assert engine.out("exec", "copied", "cat", "/scratch/new/deep/link") == "from the host"
    looked = engine.out("exec", "copied", "stat", "-c", "%u:%g", "/work/new/deep", "/work/new/deep/file", "/volume/new/deep").split()
    assert looked == ["0:0", "33:34", "0:0"]
    assert engine.out("exec", "copied", "cat", "/volume/new/deep/link") == "from the host"
    # With the ids of who it is for, and those of the container's root on disk.
    assert owner(upper(engine, "copied") / "work/new/deep/file") == (33, 34)
    engine.ctr("rm", "-fv", "copied")


def test_an_owner_that_the_container_has_not_is_an_error_not_another_owner(engine, box):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("far")
        entry.uid = entry.gid = 70000
        tar.addfile(entry)
    done = engine.ctr("cp", "-a", "-", f"{box}:/", input=archive.getvalue(), text=False, stdin=None, check=False)
    assert done.returncode != 0 and b"70000" in done.stderr
    assert engine.ctr("exec", box, "test", "-e", "/far", check=False).returncode != 0


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_export_commit_and_diff_know_the_containers_owners(engine, box, state):
    engine.ctr("exec", box, "sh", "-c", "touch /mine; echo x > /theirs; chown 1000:1001 /theirs; rm /etc/motd")
    if state == "stopped":
        engine.ctr("stop", "-t", "0", box)
    changes = engine.out("diff", box).splitlines()
    assert set(changes) >= {"A /mine", "A /theirs", "D /etc/motd"}
    archive = tarfile.open(fileobj=io.BytesIO(engine.ctr("export", box, text=False).stdout))
    owners = {entry.name.removeprefix("./"): (entry.uid, entry.gid) for entry in archive}
    assert owners["mine"] == (0, 0) and owners["theirs"] == (1000, 1001) and owners["bin/busybox"] == (0, 0)
    engine.ctr("commit", box, "committed")
    for flags in ([], AUTO):
        out = engine.out("run", "--rm", *flags, "committed", "sh", "-c", "stat -c %u:%g /mine /theirs; ls /etc/motd 2>&1; true")
        assert out.split()[:2] == ["0:0", "1000:1001"] and "No such file" in out
    engine.ctr("rmi", "committed")


def test_volumes_are_filled_shared_and_keep_their_owners(engine):
    engine.ctr("run", "--name", "seed", *AUTO, "alpine", "sh", "-c", "mkdir /data; touch /data/file; chown 1000:1001 /data /data/file")
    engine.ctr("commit", "seed", "seeded")
    engine.ctr("rm", "seed")
    script = ["sh", "-c", "stat -c %u:%g /data /data/file; touch /data/$0"]
    for name, flags in (("auto", AUTO), ("again", AUTO), ("plain", [])):
        out = engine.out("run", "--rm", *flags, "-v", "owned:/data", "seeded", *script, name).split()
        assert out == ["1000:1001", "1000:1001"]
    volume = engine.data / "volumes/owned/_data"
    assert owner(volume / "file") == (1000, 1001) and {owner(volume / made) for made in ("auto", "again", "plain")} == {(0, 0)}
    done = engine.ctr("run", "--rm", *AUTO, "-v", "owned:/data:ro", "seeded", "touch", "/data/x", check=False)
    assert done.returncode == 1 and "Read-only" in done.stderr
    # An anonymous one, as root and as another user.
    for user in ("0", "1000:1001"):
        engine.ctr("run", "--rm", *AUTO, "-u", user, "-v", "/data", "seeded", "sh", "-c", "echo x > /data/new && cat /data/new")
    engine.ctr("volume", "rm", "owned")
    engine.ctr("rmi", "seeded")


def test_binds_are_written_as_the_user_that_the_container_has(engine, tmp_path):
    (tmp_path / "hosts").write_text("root's own\n")
    (tmp_path / "hosts").chmod(0o600)
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, 1000, 1001)
    os.chmod(work, 0o700)
    out = engine.out("run", "--rm", *AUTO, "-u", "1000:1001", "-v", f"{work}:/work", "alpine", "sh", "-c",
                     "echo x > /work/file; stat -c %u:%g /work /work/file").split()
    assert out == ["1000:1001", "1000:1001"] and owner(work / "file") == (1000, 1001)
    assert engine.out("run", "--rm", *AUTO, "-v", f"{tmp_path}/hosts:/one:ro", "alpine", "cat", "/one") == "root's own"
    done = engine.ctr("run", "--rm", *AUTO, "-v", f"{tmp_path}:/d:ro", "alpine", "sh", "-c", "echo no > /d/hosts", check=False)
    assert done.returncode != 0 and (tmp_path / "hosts").read_text() == "root's own\n"


def test_a_volume_of_a_file_system_that_only_the_host_can_mount(engine, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(b"")
    os.truncate(disk, 8 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "root_owner=1000:1001", disk], check=True)
    loop = subprocess.run(["losetup", "--find", "--show", disk], check=True, capture_output=True, text=True).stdout.strip()
    try:
        engine.ctr("volume", "create", "-o", "type=ext4", "-o", f"device={loop}", "disk")
        run = ["run", "--rm", *AUTO, "-v", "disk:/data", "alpine"]
        assert engine.out(*run, "sh", "-c", "stat -c %u:%g /data; echo kept > /data/file; stat -c %u /data/file").split() == ["1000:1001", "0"]
        assert engine.out(*run, "cat", "/data/file") == "kept"
        engine.ctr("volume", "rm", "disk")
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)


def test_published_ports_reach_it(engine):
    engine.ctr("run", "-d", "--name", "web", *AUTO, "-p", "127.0.0.1:8088:80", "busybox", "sh", "-c",
               "echo hello > /index.html; exec busybox httpd -f -p 80 -h /")
    def fetch():
        done = engine.in_netns("curl", "-s", "http://127.0.0.1:8088/index.html", capture_output=True, text=True, check=False)
        return done.stdout
    assert wait_for(fetch, "the server") == "hello\n"
    assert engine.out("port", "web") == "80/tcp -> 127.0.0.1:8088"
    engine.ctr("rm", "-f", "web")


def test_names_addresses_and_sysctls_of_its_network_are_its_own(engine):
    engine.ctr("network", "create", "lan")
    engine.ctr("run", "-d", "--name", "server", *AUTO, "--network", "lan", "alpine", "sleep", "600")
    run = ["run", "--rm", *AUTO, "--network", "lan", "--sysctl", "net.ipv4.ip_default_ttl=63", "alpine", "sh", "-c"]
    out = engine.out(*run, "ping -c 1 -W 5 server | grep -c ttl; cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/ping_group_range; "
                           "echo 127.0.0.9 more >> /etc/hosts && grep -c more /etc/hosts").split()
    assert out == ["1", "63", "0", "65535", "1"]
    engine.ctr("network", "create", "late")
    engine.ctr("network", "connect", "late", "server")
    assert len(engine.out("exec", "server", "sh", "-c", "ls -d /sys/class/net/eth*").split()) == 2
    engine.ctr("rm", "-f", "server")
    engine.ctr("network", "rm", "lan", "late")


def test_devices_are_there_with_their_owners_and_rules(engine):
    run = ["run", "--rm", *AUTO, "--device", "/dev/loop-control:/dev/control:r", "--device", "/dev/fuse", "alpine", "sh", "-c"]
    out = engine.out(*run, "stat -c %u:%F /dev/null /dev/control /dev/fuse | tr ' ' _; true < /dev/control; echo $?; echo x > /dev/null; echo $?; "
                           "(true > /dev/control) 2>/dev/null; echo $?; (true <> /dev/fuse); echo $?; mknod /tmp/n c 1 5; echo $?").split()
    assert out[:3] == ["0:character_special_file"] * 3
    assert out[3] == out[4] == "0" and out[5] != "0" and out[6] == "0" and out[7] != "0"


def test_init_tmpfs_and_shared_memory(engine):
    out = engine.out("run", "--rm", *AUTO, "--init", "--read-only", "--tmpfs", "/fast:uid=1000,gid=1001,mode=700,size=1m", "--shm-size", "2m",
                     "-v", "/var/x", "alpine", "sh", "-c",
                     "cat /proc/1/comm; stat -c %u:%g:%a /fast; grep -c ' /dev/shm tmpfs.*size=2048k' /proc/mounts; echo x > /dev/shm/f && "
                     "echo x > /fast/f && echo x > /var/x/f && echo ok; touch /no 2>/dev/null || echo read-only").split()
    assert out == ["docker-init", "1000:1001:700", "1", "ok", "read-only"] or out[0] == "tini-static" and out[1:] == ["1000:1001:700", "1", "ok", "read-only"]


def test_the_hosts_ipc_namespace_can_be_shared(engine):
    out = engine.out("run", "--rm", *AUTO, "--ipc", "host", "alpine", "sh", "-c", "readlink /proc/self/ns/ipc; echo x > /dev/shm/$$ && rm /dev/shm/$$ && echo ok")
    assert out.split() == [os.readlink("/proc/self/ns/ipc"), "ok"]


@pytest.mark.parametrize("cgroupns", ["private", "host"])
def test_cgroups_can_be_looked_at(engine, cgroupns):
    assert engine.out("run", "--rm", *AUTO, "--cgroupns", cgroupns, "--memory", "64m", "alpine", "sh", "-c", "ls /sys/fs/cgroup | wc -l; cat /proc/self/cgroup | wc -l")


@pytest.mark.parametrize("flags", [["--network", "container:box"], ["--pid", "container:box"], ["--network", "container:box", "--pid", "container:box"]])
def test_who_joins_a_container_joins_its_user_namespace(engine, box, flags):
    expected = os.readlink(f"/proc/{host_pid(engine, box)}/ns/user")
    engine.ctr("run", "-d", "--name", "guest", *AUTO, *flags, "-v", "joined:/data", "alpine", "sh", "-c", "id -u; touch /made /data/made; sleep 600")
    assert os.readlink(f"/proc/{host_pid(engine, 'guest')}/ns/user") == expected
    assert engine.out("exec", "guest", "sh", "-c", "stat -c %u:%g /made /data/made").split() == ["0:0", "0:0"]
    for flag in flags:
        kind = {"--network": "net", "--pid": "pid"}.get(flag)
        assert kind is None or engine.out("exec", box, "readlink", f"/proc/self/ns/{kind}") == engine.out("exec", "guest", "readlink", f"/proc/self/ns/{kind}")
    engine.ctr("cp", "guest:/made", "-", text=False)
    assert owner(engine.data / "volumes/joined/_data/made") == (0, 0)
    # The ids stay taken for as long as one of the two is there.
    shared = id_map(engine, box)
    if "--pid" not in flags:
        engine.ctr("stop", "-t", "0", box)
        assert int(engine.out("run", "--rm", *AUTO, "alpine", "cat", "/proc/self/uid_map").split()[1]) != shared[0]
    engine.ctr("rm", "-f", "guest")
    engine.ctr("volume", "rm", "joined")


def test_who_cannot_join_is_told_why(engine, box):
    engine.ctr("run", "-d", "--name", "plain", "alpine", "sleep", "600")
    engine.ctr("run", "-d", "--name", "third", *AUTO, "alpine", "sleep", "600")
    message = refused(engine, "run", "--rm", *AUTO, "--network", "container:plain", "alpine", "true")
    assert "plain" in message and "has no user namespace" in message and "--userns=host" in message
    message = refused(engine, "run", "--rm", *AUTO, "--network", "container:box", "--pid", "container:third", "alpine", "true")
    assert "different user namespaces" in message
    # Without one of its own it may join who has one.
    assert engine.out("run", "--rm", "--network", "container:box", "alpine", "cat", "/proc/self/uid_map").split()[2] == "4294967295"
    engine.ctr("rm", "-f", "plain", "third")


# --- its life ---


def test_health_is_checked_in_it(engine):
    engine.ctr("run", "-d", "--name", "patient", *AUTO, "--health-cmd", "test $(id -u) = 0 && cat /proc/self/uid_map", "--health-interval", "1s",
               "alpine", "sleep", "600")
    wait_for(lambda: engine.inspect("patient")["State"]["Health"]["Status"] == "healthy", "a healthy container")
    output = engine.inspect("patient")["State"]["Health"]["Log"][-1]["Output"].split()
    assert int(output[1]) >= FIRST
    engine.ctr("rm", "-f", "patient")


def test_it_is_stopped_restarted_paused_and_limited(engine):
    engine.ctr("run", "-d", "--name", "lively", *AUTO, "--memory", "64m", "--pids-limit", "20", "--restart", "on-failure:2", "alpine", "sh", "-c",
               "trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 0.1; done")
    wait_for(lambda: "up" in engine.out("logs", "lively"), "its output")
    engine.ctr("pause", "lively")
    engine.ctr("unpause", "lively")
    engine.ctr("exec", "lively", "kill", "1")  # a failure: it is started again
    wait_for(lambda: engine.inspect("lively")["RestartCount"] == 1 and engine.inspect("lively")["State"]["Running"], "the restart")
    wait_for(lambda: engine.out("logs", "lively").count("up") == 2, "its second output")
    engine.ctr("restart", "-t", "5", "lively")
    assert id_map(engine, "lively")[1] == 65536
    engine.ctr("stop", "-t", "5", "lively")
    assert engine.inspect("lively")["State"]["ExitCode"] == 3
    engine.ctr("rm", "lively")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_l01_ids_are_known_again_after_a_restart_of_the_daemon(engine, box, number):
    taken = id_map(engine, box)
    engine.restart(number)
    assert id_map(engine, box) == taken
    out = engine.out("run", "--rm", *AUTO, "alpine", "cat", "/proc/self/uid_map").split()
    assert int(out[1]) >= taken[0] + taken[1] or int(out[1]) + int(out[2]) <= taken[0]
    engine.ctr("cp", f"{box}:/etc/passwd", "-", text=False)
    engine.ctr("exec", box, "touch", "/after")
    assert owner(upper(engine, box) / "after") == (0, 0)
    engine.ctr("stop", "-t", "0", box)
    engine.ctr("start", box)


def test_a_container_that_cannot_start_gives_its_ids_back(engine):
    for _ in range(3):
        assert engine.ctr("run", "--rm", *AUTO, "alpine", "/no/such", check=False).returncode == 127
    assert engine.out("ps", "-aq") == ""
    out = engine.out("run", "--rm", *AUTO, "alpine", "cat", "/proc/self/uid_map").split()
    assert int(out[1]) < FIRST + 20 * 65536


# --- the daemon's setting ---


def test_a_remapped_daemon_says_so_and_gives_each_container_one(remapped):
    options = remapped.api("GET", "/v1.43/info")[1]["SecurityOptions"]
    assert "name=userns" in options
    assert "userns" in remapped.docker("info").stdout and "userns" in remapped.out("info")
    for name in ("one", "two"):
        remapped.ctr("run", "-d", "--name", name, "alpine", "sleep", "600")
    assert id_map(remapped, "one")[0] >= FIRST and id_map(remapped, "one") != id_map(remapped, "two")
    assert remapped.inspect("one")["HostConfig"]["UsernsMode"] == ""
    remapped.ctr("rm", "-f", "one", "two")
    assert remapped.out("run", "--rm", "--userns", "auto:size=1024", "alpine", "cat", "/proc/self/uid_map").split()[2] == "1024"


def test_a_container_of_a_remapped_daemon_can_do_without(remapped, engine):
    out = remapped.docker("run", "--rm", "--userns=host", "alpine", "cat", "/proc/self/uid_map").stdout.split()
    assert out == ["0", "0", "4294967295"]
    assert "name=userns" not in engine.api("GET", "/v1.43/info")[1]["SecurityOptions"]
    remapped.docker("create", "--name", "without", "--userns=host", "alpine")
    assert remapped.inspect("without")["HostConfig"]["UsernsMode"] == "host"
    remapped.ctr("rm", "without")


@pytest.mark.parametrize("setting", ["nobody", "nobody:nogroup", "65534:65534"])
def test_a_user_of_subuid_gives_all_containers_its_ids(tmp_path, setting):
    (tmp_path / "subuid").write_text("someone:1:1\nnobody:300000:65536\n")
    (tmp_path / "subgid").write_text("nobody:400000:65536\nnogroup:400000:65536\n")
    running = Engine("--userns-remap", setting)
    running.wrapper = private_mounts(*(f"mount --bind {tmp_path}/{name} /etc/{name}" for name in ("subuid", "subgid")))
    for name in ("subuid", "subgid"):
        if not pathlib.Path("/etc", name).exists():
            pytest.fail(f"/etc/{name} is missing")
    with running:
        running.load_alpine()
        for name in ("one", "two"):
            running.ctr("run", "-d", "--name", name, "alpine", "sleep", "600")
            assert running.out("exec", name, "cat", "/proc/self/uid_map").split() == ["0", "300000", "65536"]
            assert running.out("exec", name, "cat", "/proc/self/gid_map").split() == ["0", "400000", "65536"]
        running.ctr("exec", "one", "touch", "/made")
        assert owner(upper(running, "one") / "made") == (0, 0)


def test_default_needs_no_setting_up(tmp_path):
    (tmp_path / "none").write_text("")
    running = Engine()
    running.wrapper = private_mounts(*(f"mount --bind {tmp_path}/none /etc/{name}" for name in ("subuid", "subgid")))
    settings = tmp_path / "daemon.json"
    settings.write_text(json.dumps({"userns-remap": "default"}))
    running.flags += ["--config-file", str(settings)]
    with running:
        running.load_alpine()
        assert running.out("run", "--rm", "alpine", "cat", "/proc/self/uid_map").split() == ["0", str(0x7000_0000), "65536"]


@pytest.mark.parametrize("setting, words", [("no-such-user", "there is no user 'no-such-user'"),
                                            ("root:no-such-group", "there is no group 'no-such-group'")])
def test_a_setting_that_cannot_be_is_an_error_at_the_start(tmp_path, setting, words):
    command = [str(CTR) + "d", "--data-root", tmp_path / "data", "--exec-root", tmp_path / "run", "--bridge", "none", "--userns-remap", setting]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_a_data_root_whose_ids_cannot_be_mapped_is_refused_with_advice():
    running = Engine()
    running.wrapper = private_mounts(f"mkdir -p {running.data}", f"mount -t ramfs none {running.data}")
    with running:
        running.load_alpine()
        running.ctr("run", "--rm", "alpine", "true")
        message = running.ctr("run", "--rm", *AUTO, "alpine", "true", check=False).stderr
        assert "file system" in message and "--userns=host" in message
