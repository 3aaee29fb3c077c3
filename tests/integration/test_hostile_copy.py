"""Attack class X: archives, logs and exports of containers that are changing things meanwhile."""

import bz2
import gzip
import io
import lzma
import os
import socket
import subprocess
import tarfile
import urllib.parse

import pytest

from canary import HostCanary
from engine import wait_for
from hostile import ITERATIONS, Companion, entry, import_image


@pytest.fixture(scope="module")
def engine(shared_engine):
    yield shared_engine


@pytest.fixture
def canary(engine):
    with HostCanary(engine) as watching:
        yield watching


def archive(*entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for header, content in entries:
            tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def request(engine, method, target, body=b"", seconds=60):
    """(status, body) of a request with whatever bytes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(str(engine.socket))
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            client.sendall(head.encode() + body)
        except BrokenPipeError:
            pass  # it was refused before all of it was read
        with client.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            headers = {}
            while (line := answer.readline().strip()):
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            if headers.get("transfer-encoding") == "chunked":
                text = b""
                while (size := int(answer.readline().strip() or b"0", 16)):
                    text += answer.read(size)
                    answer.readline()
                return status, text
            return status, answer.read()


def put(engine, name, path, body, **query):
    return request(engine, "PUT", f"/containers/{name}/archive?" + urllib.parse.urlencode({"path": path, **query}), body)


def get(engine, name, path, seconds=60):
    return request(engine, "GET", f"/containers/{name}/archive?" + urllib.parse.urlencode({"path": path}), seconds=seconds)


# --- X01: races ---

PREPARE = "mkdir -p /w/a/b /w/real; echo inside > /w/a/b/readable; ln -s {target} /w/link; "


@pytest.fixture(params=["path", "parent"])
def raced(engine, canary, request):
    """A container that exchanges a directory with a link to the host's canary, or with one that leads up."""
    first, second = ("/w/a", "/w/link") if request.param == "path" else ("/w/a/b", "/w/link")
    name = f"x01{request.param}"
    engine.ctr("run", "--rm", "-v", f"{name}:/w", "busybox", "sh", "-c", PREPARE.format(target=canary.path))
    spy = Companion(engine, name, "-v", f"{name}:/w", mode=["exchange", first, second])
    yield name
    assert spy.finish()["done"] > 0
    engine.ctr("volume", "rm", name)


def test_x01_what_is_copied_out_during_exchanges_is_the_container_s(engine, canary, raced):
    """CVE-2018-15664"""
    outcomes = {"inside": 0, "not found": 0}
    for _ in range(ITERATIONS):
        status, body = get(engine, raced, "/w/a/b/readable")
        assert canary.token.encode() not in body
        assert status in (200, 404), (status, body)
        outcomes["inside" if b"inside" in body else "not found"] += 1
    assert outcomes["inside"] > 0, outcomes


def test_x01_what_is_copied_in_during_exchanges_lands_in_the_container(engine, canary, raced):
    body = archive(entry("dropped/file", content="from outside"), entry("secret", content="overwritten"),
                   entry("readable", content="inside"))
    outcomes = []
    for _ in range(ITERATIONS):
        status, text = put(engine, raced, "/w/a/b", body)
        outcomes.append(status)
        assert status in (200, 404, 400), (status, text)
    canary.check()
    assert 200 in outcomes, set(outcomes)


# --- X02, X03: programs and libraries of the image ---

TRAP = "#!/bin/sh\ntouch /trapped; id >> /trapped; env >> /trapped\n"


def test_x02_no_program_of_the_image_is_run_to_unpack(engine, canary):
    """moby's TestCopyToContainerXZBinaryNotExecutedOnDaemon: magic numbers of every compression, then garbage."""
    programs = [entry(f"usr/bin/{name}", content=TRAP, mode=0o755)
                for name in ("xz", "gzip", "unpigz", "pigz", "zstd", "bzip2", "tar", "unxz", "lz4")]
    import_image(engine, "x02", *programs)
    engine.ctr("run", "-d", "--name", "x02", "x02", "sleep", "600")
    plain = archive(entry("dropped", content="x"))
    bodies = [b"\xfd7zXZ\x00" + b"garbage" * 100, b"\x1f\x8b\x08" + b"garbage" * 100, b"\x28\xb5\x2f\xfd" + b"garbage" * 100,
              b"BZh9" + b"garbage" * 100, b"\x04\x22\x4d\x18" + b"garbage" * 100, b"", b"garbage" * 1000]
    for body in bodies:
        status, _ = put(engine, "x02", "/tmp", body)
        assert 200 <= status < 600 and status != 502, (body[:8], status)
    for body in (plain, gzip.compress(plain), lzma.compress(plain), bz2.compress(plain)):
        put(engine, "x02", "/tmp", body)
    assert engine.ctr("exec", "x02", "test", "-e", "/trapped", check=False).returncode != 0
    assert not os.path.exists("/trapped")
    engine.ctr("rm", "-f", "x02")


def test_x03_no_library_of_the_image_is_loaded_by_ours(engine, canary):
    """CVE-2019-14271: what the C library looks up when it is asked for a user, in the root that it finds itself in."""
    libraries = [f"lib/x86_64-linux-gnu/{name}" for name in ("libnss_files.so.2", "libnss_compat.so.2", "libc.so.6",
                                                             "libgcc_s.so.1")] + ["lib64/ld-linux-x86-64.so.2", "etc/ld.so.preload"]
    import_image(engine, "x03", *[entry(name, content="\x7fELF hostile", mode=0o755) for name in libraries],
                 entry("etc/nsswitch.conf", content="passwd: files evil\ngroup: evil\n"), entry("etc/ld.so.cache", content="x"))
    engine.ctr("run", "-d", "--name", "x03", "x03", "sleep", "600")
    assert put(engine, "x03", "/tmp", archive(entry("f", content="x")), copyUIDGID="1")[0] == 200
    assert get(engine, "x03", "/etc")[0] == 200
    assert request(engine, "GET", "/containers/x03/export")[0] == 200
    assert engine.out("exec", "-u", "daemon", "x03", "id", "-u") == "1"
    engine.ctr("rm", "-f", "x03")


# --- X04 to X06: mounts and names ---

def test_x04_volumes_of_a_stopped_container_are_mounted_inside_for_a_copy(engine, canary, tmp_path):
    """CVE-2026-41568: the copy mounts them in its own view of the root, whose directories may have become links."""
    (tmp_path / "bound").mkdir()
    engine.ctr("run", "--name", "x04", "-v", f"{tmp_path}/bound:/data/sub", "-v", "x04:/vol/sub", "busybox", "sh", "-c", "true")
    # What the container could do while it ran, had nothing been mounted there: its own writable files.
    engine.ctr("commit", "x04", "x04base")
    engine.ctr("rm", "x04")
    import_image(engine, "x04link", entry("data", str(canary.path)), entry("vol", "../../.." + str(canary.path)))
    engine.ctr("create", "--name", "x04", "-v", f"{tmp_path}/bound:/data/new", "-v", "x04:/vol/new2", "x04link", "true")
    for path in ("/data/new", "/vol/new2", "/tmp"):
        assert put(engine, "x04", path, archive(entry("f", content="x")))[0] in (200, 404)
        status, body = get(engine, "x04", path)
        assert status in (200, 404) and canary.token.encode() not in body
    assert get(engine, "x04", "/data/readable")[0] == 404
    engine.ctr("rm", "x04")
    engine.ctr("volume", "rm", "x04")
    engine.ctr("rmi", "x04base")


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("path", ["/proc/1/root/../..{c}/readable", "/proc/self/root{c}/readable", "/proc/self/cwd{c}/readable",
                                  "/dev/fd/0", "/proc/kcore", "/../../..{c}/readable", "/proc/self/exe", "/proc/1/environ",
                                  "/proc/self/fd/3", "/proc/self/fd", "/proc/thread-self/root"])
def test_x05_magic_links_and_steps_upwards_stay_in_the_container_s_view(engine, canary, path, state):
    engine.ctr("run", "-d", "--name", "x05", "busybox", "sleep", "600" if state == "running" else "0")
    if state == "stopped":
        engine.ctr("wait", "x05")
    status, body = get(engine, "x05", path.format(c=canary.path))
    assert canary.token.encode() not in body
    assert b"ctrd" not in body, "a descriptor, a variable or the program of the daemon"
    assert status in (200, 400, 403, 404, 500), (status, body[:300])
    engine.ctr("rm", "-f", "x05")


def test_x06_a_link_of_the_container_s_own_is_followed(engine, canary):
    import_image(engine, "x06", entry("var/run", "/run"), entry("run/"), without=["var/run"])
    engine.ctr("run", "-d", "--name", "x06", "x06", "sh", "-c", "echo found > /run/x; sleep 600")
    wait_for(lambda: get(engine, "x06", "/var/run/x")[0] == 200, "the file")
    assert b"found" in get(engine, "x06", "/var/run/x")[1]
    assert put(engine, "x06", "/var/run", archive(entry("y", content="in")))[0] == 200
    assert engine.out("exec", "x06", "cat", "/run/y") == "in"
    engine.ctr("rm", "-f", "x06")


# --- X07: logs ---

@pytest.mark.parametrize("option", ["path=../../x", "path=/etc/x", "max-size=-2x", "max-file=x", "nosuch=1"])
def test_x07_options_of_a_log_choose_no_file(engine, canary, option):
    done = engine.ctr("create", "--log-opt", option, "busybox", "true", check=False)
    assert done.returncode != 0, done.stdout


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_x07_a_log_that_has_become_something_else_is_not_followed_and_blocks_nobody(engine, canary, kind):
    number = engine.out("run", "-d", "busybox", "echo", "hello")
    engine.ctr("wait", number)
    log = next((engine.data / "containers" / number).rglob("*json.log*"))
    log.unlink()
    if kind == "link":
        log.symlink_to(canary.path / "readable")
    elif kind == "fifo":
        os.mkfifo(log)
    else:
        log.mkdir()
    status, body = request(engine, "GET", f"/containers/{number}/logs?stdout=1&stderr=1", seconds=20)
    assert canary.token.encode() not in body and status in (200, 404, 500), (status, body)
    engine.ctr("rm", "-f", number)


# --- X08: exports ---

def test_x08_an_export_during_exchanges_ends_and_holds_nothing_of_the_host(engine, canary):
    spy = Companion(engine, "x08", mode=["exchange", "/w/a", "/w/link"],
                    prepare=f"mkdir -p /w/a; echo inside > /w/a/inner; ln -s {canary.path} /w/link")
    for _ in range(max(5, ITERATIONS // 20)):
        status, body = request(engine, "GET", "/containers/x08/export")
        assert status == 200 and canary.token.encode() not in body
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            assert "bin/busybox" in tar.getnames()
    assert spy.finish()["done"] > 0


def test_x08_holes_sockets_devices_links_and_attributes_are_told_as_they_are(engine, canary):
    import_image(engine, "x08b")
    engine.ctr("run", "--name", "x08b", "--entrypoint", "sh", "x08b", "-c",
               "truncate -s 200M /sparse 2>/dev/null; echo x > /one; ln /one /two; mknod /node c 1 3; mkfifo /pipe; "
               "nc -l -p 1 -s local:/sock & sleep 0.2; true")
    size = 0
    kinds = {}
    reader = subprocess.Popen(["curl", "-sS", "--unix-socket", str(engine.socket), "http://x/containers/x08b/export"],
                              stdout=subprocess.PIPE)
    with tarfile.open(fileobj=reader.stdout, mode="r|") as tar:
        for member in tar:
            kinds[member.name] = member.type
            size += member.size
    reader.wait(60)
    assert kinds["node"] == tarfile.CHRTYPE and kinds["pipe"] == tarfile.FIFOTYPE
    assert sorted((kinds["one"], kinds["two"])) == [tarfile.REGTYPE, tarfile.LNKTYPE]
    engine.ctr("rm", "x08b")


# --- X09: what is put ---

def made(name, kind=tarfile.REGTYPE, target="", mode=0o644, uid=0):
    header = tarfile.TarInfo(name)
    header.type, header.linkname, header.mode, header.uid = kind, target, mode, uid
    content = b"dropped" if kind == tarfile.REGTYPE else b""
    header.size = len(content)
    return header, content


def test_x09_names_that_lead_out_of_the_root_lead_nowhere(engine, canary):
    engine.ctr("run", "-d", "--name", "x09", "busybox", "sleep", "600")
    host = str(canary.path)
    bodies = [archive(made("../../../../.." + host + "/dropped")), archive(made(host + "/dropped")),
              archive(made("up", tarfile.SYMTYPE, "../../../../.." + host), made("up/dropped")),
              archive(made("abs", tarfile.SYMTYPE, host), made("abs/dropped"), made("abs/sub", tarfile.DIRTYPE)),
              archive(made("hard", tarfile.LNKTYPE, "../../../../.." + host + "/readable")),
              archive(made("hard", tarfile.LNKTYPE, host + "/readable")),
              archive(made(".", tarfile.SYMTYPE, host)), archive(made("", tarfile.SYMTYPE, host)),
              archive(made("..", tarfile.SYMTYPE, host)), archive(made("a/../../../../" + host[1:] + "/dropped"))]
    for body in bodies:
        for path in ("/tmp", "/"):
            status, text = put(engine, "x09", path, body)
            assert status in (200, 400, 403, 404, 409, 500) and canary.token.encode() not in text, (status, text)
    canary.check()
    engine.ctr("rm", "-f", "x09")


def test_x09_devices_modes_and_owners_are_as_docker_makes_them(engine, canary):
    engine.ctr("run", "-d", "--name", "x09b", "busybox", "sleep", "600")
    body = archive(made("suid", mode=0o4755, uid=1234), made("node", tarfile.CHRTYPE, mode=0o666))
    assert put(engine, "x09b", "/tmp", body, copyUIDGID="1")[0] in (200, 400, 403)
    # Whatever came of the node, it cannot be opened: the device rules are the container's.
    assert engine.ctr("exec", "x09b", "sh", "-c", "cat /tmp/node", check=False).returncode != 0
    assert put(engine, "x09b", "/no/such", body)[0] == 404
    assert put(engine, "x09b", "/etc/passwd", body)[0] == 400
    over = archive(made("etc"))
    assert put(engine, "x09b", "/", over, noOverwriteDirNonDir="true")[0] in (400, 409)
    engine.ctr("rm", "-f", "x09b")


# --- X10: what never ends ---

@pytest.mark.parametrize("path", ["/pipe", "/dev/console", "/dev/zero", "/dev/pts/ptmx"])
def test_x10_a_file_that_gives_nothing_or_never_ends_holds_up_nobody(engine, canary, path):
    engine.ctr("run", "-dt", "--name", "x10", "busybox", "sh", "-c", "mkfifo /pipe; touch /ready; sleep 600")
    wait_for(lambda: get(engine, "x10", "/ready")[0] == 200, "the files")
    status, body = get(engine, "x10", path, seconds=30)
    assert status in (200, 400, 403, 404) and len(body) < 1 << 20, (status, len(body))
    engine.ctr("rm", "-f", "x10")


def test_x10_a_growing_file_ends_and_a_client_that_goes_away_frees_the_daemon(engine, canary):
    engine.ctr("run", "-d", "--name", "x10b", "busybox", "sh", "-c", "while true; do head -c 100000 /dev/zero >> /grow; done")
    wait_for(lambda: len(get(engine, "x10b", "/grow")[1]) > 100_000, "the file")
    status, body = get(engine, "x10b", "/grow")
    assert status == 200
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        assert tar.getmember("grow").size > 0
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(engine.socket))
            client.sendall(b"GET /containers/x10b/export HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(1000)
    engine.ctr("rm", "-f", "x10b")
