"""Unpacking layers: hostile archives (the T and D vectors of hostile-inputs.md) and honest ones.

Runs as root. The tool under test is `layer_tool`, the unpack pipeline without a daemon, from the build
directory that CTR_BUILD names.
"""

import gzip
import hashlib
import importlib
import io
import os
import pathlib
import random
import resource
import shutil
import stat
import subprocess
import tarfile
import time

import pytest

from tools import built

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LAYER_TOOL = built("layer_tool")
ALPINE = pathlib.Path(os.environ.get(
    "CTR_ALPINE", REPOSITORY.parent / "shared/images/alpine-minirootfs-x86_64.tar.gz"))


# --- archives ---------------------------------------------------------------------------------------

def entry(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.mode = mode
    info.size = len(data)
    info.mtime = more.pop("mtime", 1_000_000_000)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def file(name, data=b"content", **more):
    return entry(name, data=data, **more)


def directory(name, mode=0o755, **more):
    return entry(name, tarfile.DIRTYPE, mode=mode, **more)


def symlink(target, name, **more):
    return entry(name, tarfile.SYMTYPE, link=target, mode=0o777, **more)


def hardlink(target, name, **more):
    return entry(name, tarfile.LNKTYPE, link=target, **more)


def device(name, major, minor, kind=tarfile.CHRTYPE):
    return entry(name, kind, devmajor=major, devminor=minor)


def tar(*entries, format=tarfile.PAX_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format, encoding="utf-8") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def raw_header(name=b"x", size=b"00000000000\0", typeflag=b"0", link=b"", uid=b"0000000\0",
               major=b"0000000\0", minor=b"0000000\0", mtime=b"00000000000\0", checksum=None):
    """A ustar header, field by field, for what tarfile will not write."""
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:116] = uid
    block[116:124] = b"0000000\0"
    block[124:136] = size
    block[136:148] = mtime
    block[148:156] = b" " * 8
    block[156:157] = typeflag
    block[157:157 + len(link)] = link
    block[257:265] = b"ustar\00000"
    block[329:337] = major
    block[337:345] = minor
    value = sum(block) if checksum is None else checksum
    block[148:156] = b"%06o\0 " % value
    return bytes(block)


END = b"\0" * 1024


# --- running ----------------------------------------------------------------------------------------

class Place:
    """A directory to unpack into, between neighbours that must not change."""

    def __init__(self, base):
        self.base = base
        self.root = base / "x"
        self.root.mkdir()
        victim = base / "victim"
        victim.mkdir()
        (victim / "hello").write_text("hello")
        (victim / "secret").write_text("secret")
        (victim / "secret").chmod(0o400)
        os.mkfifo(victim / "fifo")
        (base / "x-evil").mkdir()
        (base / "x-evil" / "secret").write_text("sibling")
        self.store = base / "store"
        self.before = self.canary()

    def canary(self):
        ours = {self.root, self.base / "store"}
        found = {}
        for top in sorted(self.base.iterdir()):
            if top in ours:
                continue
            for path in [top, *sorted(top.rglob("*"))]:
                status = os.lstat(path)
                found[str(path)] = (status.st_mode, status.st_ino, status.st_nlink,
                                    status.st_mtime_ns, status.st_uid,
                                    path.read_bytes() if path.is_file() else b"")
        return found

    def check(self):
        assert self.canary() == self.before, "the archive reached out of its directory"

    def apply(self, data):
        result = subprocess.run([LAYER_TOOL, "apply", str(self.root)], input=data,
                                capture_output=True, timeout=120)
        self.check()
        assert result.returncode in (0, 1), result.stderr
        if result.returncode == 1:
            assert result.stderr.startswith(b"layer_tool: "), result.stderr
        return result

    def unpack(self, data, diff_id=None):
        """Through the store; self.root becomes the unpacked tree."""
        digest = diff_id or "sha256:" + hashlib.sha256(plain_of(data)).hexdigest()
        result = subprocess.run([LAYER_TOOL, "unpack", str(self.store), digest], input=data,
                                capture_output=True, timeout=120)
        self.check()
        assert result.returncode in (0, 1), result.stderr
        left = [name for name in os.listdir(self.store) if name.startswith("tmp-")]
        assert left == [], "unpacking left something behind"
        if result.returncode == 0:
            self.root = pathlib.Path(result.stdout.decode().split(" ", 1)[1].rstrip("\n"))
        else:
            assert os.listdir(self.store) == ["trash"], "a failed layer is visible"
        return result


def plain_of(data):
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(params=["apply", "unpack", "unpack-gzip"])
def run(request, place):
    """Both forms of whiteouts, and the pipeline with compression."""
    def runner(data):
        if request.param == "apply":
            return place.apply(data)
        return place.unpack(gzip.compress(data, 1) if request.param == "unpack-gzip" else data)
    runner.form = request.param
    return runner


def ok(result):
    assert result.returncode == 0, result.stderr.decode()


def refused(result):
    assert result.returncode == 1
    assert b"invalid archive" in result.stderr, result.stderr


# --- T01 to T08: names and links that try to leave ---------------------------------------------------

ESCAPING_NAMES = ["../victim/dotdot", "/../victim/slash-dotdot", "../pwned", "../../pwned",
                  "a/../../b", "./../x2", "/../../../../../../../../tmp/ctr-pwned",
                  "../x-evil/secret", "back\\slash", "new\nline", "a//b///c", "./."[:1] + "/q"]


@pytest.mark.parametrize("name", ESCAPING_NAMES)
def test_t01_names_land_inside(run, place, name):
    ok(run(tar(file(name))))
    assert sum(1 for p in place.root.rglob("*") if p.is_file()) == 1
    assert not os.path.exists("/tmp/ctr-pwned")


@pytest.mark.parametrize("name", ["..", "/", ".", "./", "/.", "../..", "a/.."])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
                                  tarfile.CHRTYPE])
def test_t09_nothing_replaces_the_root(run, place, name, kind):
    if kind == tarfile.REGTYPE and name.endswith("/"):
        pytest.skip("a file whose name ends in a slash is a directory, since the first tar")
    refused(run(tar(file("a/kept"), entry(name, kind, link="../victim", devmajor=1, devminor=3))))


@pytest.mark.parametrize("name", [".", "./", "/", "/."])
def test_t09_a_directory_entry_describes_the_root(run, place, name):
    ok(run(tar(directory(name, mode=0o711, mtime=12345, uid=7), file("f"))))
    status = os.stat(place.root)
    assert (stat.S_IMODE(status.st_mode), status.st_mtime, status.st_uid) == (0o711, 12345, 7)


def test_t01_empty_name_is_refused(run):
    refused(run(raw_header(name=b"") + END))


@pytest.mark.parametrize("length,fits", [(255, True), (256, False), (4096, False)])
def test_t01_long_names(run, place, length, fits):
    (ok if fits else refused)(run(tar(file("n" * length))))


def test_t01_deep_path_is_refused_cleanly(run):
    refused(run(tar(file("/".join(["d" * 200] * 30)))))


ESCAPING_LINKS = {
    "T02 relative link, write through": [symlink("../victim", "loophole-victim"),
                                         file("loophole-victim/file")],
    "T02 link in a directory": [directory("dir"), symlink("../../victim", "dir/loophole"),
                                file("dir/loophole/newdir/newfile")],
    "T02 link to the parent": [symlink("..", "up"), file("up/victim/file")],
    "T05 two hops": [directory("inner"), symlink("..", "inner/go_up"),
                     symlink("../victim", "inner/go_up/escape"),
                     file("inner/go_up/escape/newfile")],
    "T02 absolute link": [symlink("/victim", "abs"), file("abs/file")],
    "T02 link to /proc/self/root": [symlink("/proc/self/root/tmp", "magic"), file("magic/file")],
    "T08 link in a directory's place": [directory("foo"), file("foo/tmp/f"), symlink("/", "foo"),
                                        file("foo/tmp/f"), directory("foo")],
    "T18 changing types": [directory("a"), file("a/b"), file("a"), directory("a"), file("a/c"),
                           symlink("../victim", "a"), directory("a"), file("a/d")],
    "T08 whiteout through a link": [symlink("../victim", "v"), file("v/.wh.hello", b""),
                                    file("v/.wh..wh..opq", b"")],
    "T02 dangling chain": [symlink("one/two", "zero"), symlink("../victim", "one"),
                           file("zero/file")],
    "T13 whiteout of a link's target": [symlink("../victim", "v"), file(".wh.v", b"")],
}


@pytest.mark.parametrize("name", ESCAPING_LINKS)
def test_t02_t05_t08_links_never_lead_outside(run, place, name):
    ok(run(tar(*ESCAPING_LINKS[name])))


def test_t03_absolute_link_lands_in_the_layers_own_etc(run, place):
    ok(run(tar(directory("etc"), symlink("/etc", "localetc"), file("localetc/unbroken", b"here"))))
    assert (place.root / "etc/unbroken").read_bytes() == b"here"
    assert os.readlink(place.root / "localetc") == "/etc"


def test_t03_chains_of_links_are_followed_inside(run, place):
    ok(run(tar(directory("etc"), directory("dummy"), symlink("/etc", "dummy/etc"),
               symlink("./dummy/etc", "localetc"), symlink("/dummy/../etc", "out"),
               file("localetc/a"), file("/out/b"))))
    assert sorted(os.listdir(place.root / "etc")) == ["a", "b"]


@pytest.mark.parametrize("target", ["etc/passwd", "/etc/passwd", "../../../../etc/passwd",
                                    "/../etc/passwd", "abs/passwd", "up/../etc/passwd"])
def test_t04_t12_hard_links_resolve_inside(run, place, target):
    ok(run(tar(directory("etc"), file("etc/passwd", b"ours"), symlink("/etc", "abs"),
               symlink("..", "up"), hardlink(target, "linked"))))
    assert (place.root / "linked").read_bytes() == b"ours"
    assert os.stat(place.root / "linked").st_ino == os.stat(place.root / "etc/passwd").st_ino


@pytest.mark.parametrize("target", ["../victim/hello", "/../victim/hello", "missing", "dir", "/",
                                    "../x-evil/secret", "..", "through/hello", "f/below"])
def test_t04_t06_hard_links_to_elsewhere_are_refused(run, target):
    refused(run(tar(directory("dir"), file("f"), symlink("../victim", "through"),
                    hardlink(target, "linked"))))


def test_t04_hard_link_to_itself_keeps_the_file(run, place):
    ok(run(tar(file("f", b"kept"), hardlink("f", "f"), hardlink("./f", "f"))))
    assert (place.root / "f").read_bytes() == b"kept"


def test_t04_t10_a_hard_link_to_a_symlink_links_the_symlink(run, place):
    secret = place.base / "victim/secret"
    ok(run(tar(symlink(str(secret), "p"), hardlink("p", "h", mode=0o777, uid=5))))
    assert os.path.islink(place.root / "h")
    assert stat.S_IMODE(os.stat(secret).st_mode) == 0o400


def test_t07_loops_and_long_chains(run, place):
    refused(run(tar(symlink("b", "a"), symlink("a", "b"), file("a/x"))))


def test_t07_a_chain_of_41_links_is_refused(run):
    links = [symlink(f"l{i + 1}", f"l{i}") for i in range(41)]
    refused(run(tar(directory("l41"), *links, file("l0/x"))))


def test_t11_directory_metadata_never_follows_a_link(run, place):
    mode = stat.S_IMODE(os.stat(place.base / "victim").st_mode)
    ok(run(tar(directory("d", mode=0o700, mtime=1), symlink("../victim", "d"), file("e"))))
    assert stat.S_IMODE(os.stat(place.base / "victim").st_mode) == mode


def test_a_file_is_no_parent(run):
    refused(run(tar(file("f"), file("f/below"))))


# --- T13: whiteouts ---------------------------------------------------------------------------------

@pytest.mark.parametrize("name", [".wh...", ".wh..", "etc/.wh...", "etc/.wh..", ".wh.", "etc/.wh."])
def test_t13_whiteouts_of_nothing_are_refused(run, place, name):
    refused(run(tar(directory("etc"), file("etc/kept"), file(name, b""))))


def is_whiteout(path):
    status = os.lstat(path)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def opaque(path):
    try:
        return os.getxattr(path, "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


def test_t13_overlay_form(place):
    ok(place.unpack(tar(file("etc/.wh.gone", b""), directory("srv"), file("srv/.wh..wh..opq", b""),
                        file("srv/new"), file(".wh..wh.plnk/12.34", b""), file(".wh..wh.aufs", b""),
                        file(".wh.etc2/somefile"))))
    assert is_whiteout(place.root / "etc/gone")
    assert opaque(place.root / "srv") and (place.root / "srv/new").is_file()
    assert (place.root / ".wh.etc2/somefile").is_file()
    assert sorted(os.listdir(place.root)) == [".wh.etc2", "etc", "srv"]


def test_t13_what_the_layer_brings_stays_in_overlay_form(place):
    ok(place.unpack(tar(file("a"), file(".wh.a", b""), file(".wh.b", b""), file("b"),
                        directory("c"), file("c/x"), file(".wh.c", b""),
                        file(".wh.d", b""), directory("d"), file("d/x"),
                        file(".wh.e", b""), file("e/deep/x"), file("g"), directory("g"))))
    assert (place.root / "a").is_file() and (place.root / "b").is_file()
    for name in "cdeg":
        assert opaque(place.root / name), name
    assert (place.root / "e/deep/x").is_file()


def lower(root):
    for name in ["keep/a", "keep/sub/b", "gone/x/y", "opq/old", "opq/sub/old", "file"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("lower")


def names(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())


def test_t13_applying_deletes_for_real(place):
    lower(place.root)
    ok(place.apply(tar(file(".wh.gone", b""), file(".wh.file", b""), file(".wh.never", b""),
                       file("keep/.wh.a", b""))))
    assert names(place.root) == ["keep/sub/b", "opq/old", "opq/sub/old"]


@pytest.mark.parametrize("first", [True, False])
def test_t13_opaque_removes_what_was_there_before_wherever_it_stands(place, first):
    lower(place.root)
    new = [file("opq/new"), file("opq/sub/new"), file("opq/fresh/new"), file("opq/old", b"new")]
    mark = [file("opq/.wh..wh..opq", b"")]
    ok(place.apply(tar(*(mark + new if first else new + mark))))
    assert names(place.root / "opq") == ["fresh/new", "new", "old", "sub/new"]
    assert (place.root / "opq/old").read_text() == "new"
    assert (place.root / "keep/a").exists()


def test_t13_opaque_twice_and_nested(place):
    lower(place.root)
    ok(place.apply(tar(file("opq/sub/new"), file("opq/sub/.wh..wh..opq", b""), file("opq/new"),
                       file("opq/.wh..wh..opq", b""), file("opq/.wh..wh..opq", b""),
                       file("opq/sub/later"))))
    assert names(place.root / "opq") == ["new", "sub/later", "sub/new"]


def test_t13_opaque_at_the_root(place):
    lower(place.root)
    ok(place.apply(tar(file("mine"), file(".wh..wh..opq", b""))))
    assert names(place.root) == ["mine"]


def test_t13_whiteout_of_a_file_of_the_same_layer_spares_it(place):
    lower(place.root)
    ok(place.apply(tar(file("file", b"new"), file(".wh.file", b""), file("gone/new"),
                       file(".wh.gone", b""))))
    assert names(place.root / "gone") == ["new"]
    assert (place.root / "file").read_text() == "new"


def test_d04_many_opaque_whiteouts_are_linear(place):
    for i in range(20_000):
        (place.root / f"f{i}").touch()
    marks = [file(".wh..wh..opq", b"")] * 500
    news = [file(f"n{i}", b"") for i in range(2000)]
    start = time.monotonic()
    ok(place.apply(tar(*news, *marks)))
    assert time.monotonic() - start < 20
    assert len(os.listdir(place.root)) == 2000


# --- T14, T15, T19: devices, attributes, modes --------------------------------------------------------

def test_t14_devices_and_fifos(run, place):
    ok(run(tar(device("dev/console", 5, 1), device("dev/sda", 8, 0, tarfile.BLKTYPE),
               entry("pipe", tarfile.FIFOTYPE, mode=0o620))))
    assert os.lstat(place.root / "dev/console").st_rdev == os.makedev(5, 1)
    assert stat.S_ISBLK(os.lstat(place.root / "dev/sda").st_mode)
    assert stat.S_ISFIFO(os.lstat(place.root / "pipe").st_mode)
    assert stat.S_IMODE(os.lstat(place.root / "pipe").st_mode) == 0o620


@pytest.mark.parametrize("major", [b"\x80\0\0\1\0\0\0\0", b"\xff" * 8, b"7777777\0"])
def test_t14_device_numbers_out_of_range(run, major):
    refused(run(raw_header(b"dev", typeflag=b"3", major=major) + END))


def test_t14_an_overlay_whiteout_is_no_device(run, place):
    refused(run(tar(device("null0", 0, 0))))


def xattr_file(name, xattrs, prefix="SCHILY.xattr."):
    return file(name, pax_headers={prefix + key: value for key, value in xattrs.items()})


def test_t15_overlay_attributes_are_dropped(run, place):
    hostile = {"trusted.overlay.opaque": "y", "trusted.overlay.redirect": "/etc",
               "trusted.overlay.metacopy": "x", "user.overlay.opaque": "y",
               "user.overlay.redirect": "/x", "user.kept": "yes"}
    ok(run(tar(xattr_file("f", hostile), directory("d", pax_headers={
        "SCHILY.xattr." + key: value for key, value in hostile.items()}),
        xattr_file("g", {"trusted.overlay.opaque": "eQ=="}, "LIBARCHIVE.xattr."))))
    for name in "fdg":
        attributes = os.listxattr(place.root / name)
        assert [a for a in attributes if "overlay" in a] == []
    try:
        os.setxattr(place.base, "user.probe", b"1")
    except OSError:
        return
    assert os.getxattr(place.root / "f", "user.kept") == b"yes"


def test_t15_file_capabilities_survive_the_change_of_owner(run, place):
    capability = bytes([1, 0, 0, 2, 0, 4, 0, 0] + [0] * 12)
    info, data = file("ping", b"elf", mode=0o4755, uid=1000)
    info.pax_headers = {"SCHILY.xattr.security.capability":
                        capability.decode("utf-8", "surrogateescape")}
    ok(run(tar((info, data))))
    assert os.getxattr(place.root / "ping", "security.capability") == capability
    assert stat.S_IMODE(os.stat(place.root / "ping").st_mode) == 0o4755


@pytest.mark.parametrize("key,value", [("user.big", "v" * 65537), ("", "v"), ("no-namespace", "v"),
                                       ("security.selinux", "label"), ("user." + "k" * 300, "v"),
                                       ("system.posix_acl_access", "garbage"), ("user.empty", "")])
def test_t15_odd_attributes_never_crash(run, place, key, value):
    run(tar(xattr_file("f", {key: value})))


def test_t19_modes_owners_and_times(run, place):
    os.umask(0o077)
    try:
        ok(run(tar(file("suid", mode=0o4755, uid=1000, gid=1001), file("sgid", mode=0o2711),
                   directory("sticky", mode=0o1777), directory("group", mode=0o2775, gid=50),
                   file("group/f", gid=0), file("implied/deep/f"),
                   file("time", mtime=1234567890.123456789), file("old", mtime=-5),
                   symlink("x", "link", uid=9, mtime=77), directory("ro", mode=0o555),
                   file("ro/f"), directory("timed", mtime=4242), file("timed/a"), file("timed/b/c"),
                   file("timed/d"))))
    finally:
        os.umask(0o022)
    def mode(name):
        return stat.S_IMODE(os.lstat(place.root / name).st_mode)
    assert [mode(n) for n in ["suid", "sgid", "sticky", "group", "ro"]] == \
        [0o4755, 0o2711, 0o1777, 0o2775, 0o555]
    assert (os.stat(place.root / "suid").st_uid, os.stat(place.root / "suid").st_gid) == (1000, 1001)
    assert os.stat(place.root / "group/f").st_gid == 0
    assert (mode("implied"), mode("implied/deep")) == (0o755, 0o755)
    assert os.stat(place.root / "time").st_mtime_ns // 1000 == 1234567890123456
    assert os.stat(place.root / "old").st_mtime == -5
    assert (os.lstat(place.root / "link").st_uid, os.lstat(place.root / "link").st_mtime) == (9, 77)
    assert os.stat(place.root / "timed").st_mtime == 4242


# --- T16: formats and their oddities ------------------------------------------------------------------

@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_t16_formats(run, place, format):
    long = "d" * 90 + "/" + "f" * 90
    ok(run(tar(file(long), symlink("t" * 90, "s"), file("grüße"), format=format)))
    assert (place.root / long).is_file() and (place.root / "grüße").is_file()


def test_t16_decomposed_names_stay_as_they_are(run, place):
    ok(run(tar(file("e\u0301"), file("\u00e9"))))
    assert sorted(os.listdir(os.fsencode(place.root))) == [b"e\xcc\x81", b"\xc3\xa9"]


def test_t16_pax_path_overrides_and_global_headers(run, place):
    info, data = file("decoy", b"x", pax_headers={"path": "real", "mtime": "5.5"})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT,
                      pax_headers={"comment": "global"}) as archive:
        archive.addfile(info, io.BytesIO(data))
    ok(run(stream.getvalue()))
    assert os.listdir(place.root) == ["real"]


HOSTILE = {
    "negative size": raw_header(size=b"\xff" * 12) + END,
    "size 2^63": raw_header(size=b"\x80\0\0\0\x80\0\0\0\0\0\0\0") + END,
    "size beyond the archive": raw_header(size=b"00000100000\0") + b"x" * 512 + END,
    "wrong checksum": tar(file("a"))[:1024] + raw_header(b"b", checksum=1) + END,
    "wrong checksum first": raw_header(b"b", checksum=1) + END,
    "truncated header": tar(file("a"))[:700],
    "truncated data": tar(file("a", b"y" * 5000))[:3000],
    "owner 2^32-1": raw_header(uid=b"\x80\0\0\0\xff\xff\xff\xff") + END,
    "owner -1": raw_header(uid=b"\xff" * 8) + END,
    "garbage": b"this is no archive at all" * 100,
    "link without target": raw_header(typeflag=b"2") + END,
    "hard link without target": raw_header(typeflag=b"1") + END,
    "long link target": tar(symlink("t" * 5000, "s")),
    "pax header of 2 MiB": raw_header(typeflag=b"x", size=b"00010000000\0") + b"0" * (2 << 20) + END,
    "sparse 1.0 map beyond the file": tar(file(
        "s", b"1\n999999999999\n10\n".ljust(512, b"\0") + b"x" * 10,
        pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s",
                     "GNU.sparse.realsize": "100"})),
    "sparse 1.0 negative map": tar(file(
        "s", b"1\n-5\n10\n".ljust(512, b"\0") + b"x" * 10,
        pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s",
                     "GNU.sparse.realsize": "100"})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_t16_malformed_archives_are_refused(run, name):
    refused(run(HOSTILE[name]))


TOLERATED = {
    "no trailer": tar(file("a"))[:1024],
    "empty stream": b"",
    "only a trailer": END,
    "concatenated": tar(file("a")) + tar(file("b")),
    "trailing garbage": tar(file("a")) + b"garbage" * 1000,
    "mtime 2^63": raw_header(b"a", mtime=b"\x80\0\0\0\x7f" + b"\xff" * 7) + END,
    "mtime negative": raw_header(b"a", mtime=b"\xff" * 12) + END,
    "mtime nan": tar(file("a", pax_headers={"mtime": "nan"})),
    "owner 2^31": raw_header(b"a", uid=b"\x80\0\0\0\x80\0\0\0") + END,
    "old directory": raw_header(b"d/") + END,
    "duplicate names": tar(file("a", b"1"), file("A", b"2"), file("a", b"3")),
}


@pytest.mark.parametrize("name", TOLERATED)
def test_t16_oddities_are_taken(run, name):
    ok(run(TOLERATED[name]))


def test_t16_the_digest_covers_trailing_bytes(place):
    good = tar(file("a"))
    digest = "sha256:" + hashlib.sha256(good).hexdigest()
    result = place.unpack(good + b"more", digest)
    assert result.returncode == 1 and b"does not match its diff ID" in result.stderr
    ok(place.unpack(good, digest))  # T20: the next try works


def sparse_archive(tmp_path, *options):
    source = tmp_path / "sparse-source"
    with open(source, "wb") as hole:
        hole.seek(3 << 20)
        hole.write(b"middle")
        hole.truncate(9 << 20)
    archive = subprocess.run(["tar", "-C", str(tmp_path), "-S", *options, "-cf", "-", source.name],
                             capture_output=True, check=True).stdout
    assert len(archive) < 1 << 20
    return archive, source


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=pax", "--sparse-version=0.0"],
                                     ["--format=pax", "--sparse-version=0.1"],
                                     ["--format=pax", "--sparse-version=1.0"]])
def test_t16_sparse_files(place, tmp_path, options):
    directory = tmp_path / "made"
    directory.mkdir()
    archive, source = sparse_archive(directory, *options)
    place.before = place.canary()
    ok(place.apply(archive))
    made = place.root / source.name
    assert made.read_bytes() == source.read_bytes()
    assert os.stat(made).st_blocks * 512 < 1 << 20, "the holes were filled"


# --- T17, T20, D01, D05: bounds, cleanliness, damage ----------------------------------------------------

def run_limited(arguments, source, limit_bytes):
    """Feeds a process from a generator; fails if it ever held more memory than the limit."""
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    peak = 0
    try:
        for piece in source:
            process.stdin.write(piece)
        process.stdin.flush()
        with open(f"/proc/{process.pid}/status") as status:
            peak = max([int(line.split()[1]) for line in status if line.startswith("VmHWM")] + [0])
        process.stdin.close()
    except BrokenPipeError:
        pass
    errors = process.stderr.read()
    process.stderr.close()
    assert peak < limit_bytes >> 10, f"took {peak} KiB"
    return process.wait(), errors


def test_d01_a_gzip_bomb_takes_no_memory(place):
    # 1 GiB of zeros in one sparse-like file of a layer: 1 MB compressed.
    header = raw_header(b"bomb", size=b"%011o\0" % (1 << 30))
    compressor = gzip.zlib.compressobj(1, gzip.zlib.DEFLATED, 31)
    digest = hashlib.sha256()

    def plain():
        yield header
        for _ in range(1024):
            yield b"\0" * (1 << 20)
        yield END

    pieces = []
    for piece in plain():
        digest.update(piece)
        pieces.append(compressor.compress(piece))
    pieces.append(compressor.flush())
    code, errors = run_limited([LAYER_TOOL, "unpack", str(place.store), "sha256:" + digest.hexdigest()],
                               pieces, 200 << 20)
    assert code == 0, errors
    shutil.rmtree(place.store)


def test_d01_a_zstd_window_of_2_gib_is_refused(place):
    made = subprocess.run(["zstd", "--version"], capture_output=True)
    if made.returncode != 0:
        pytest.skip("zstd is not installed")
    data = tar(file("a", random.Random(1).randbytes(1 << 20)))
    bomb = subprocess.run(["zstd", "-q", "--ultra", "--long=31", "-c"], input=data,
                          capture_output=True, check=True).stdout
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    code, errors = run_limited([LAYER_TOOL, "unpack", str(place.store), digest], [bomb], 200 << 20)
    assert code == 1 and b"invalid zstd data" in errors


def test_t17_many_entries_take_bounded_memory(place):
    def entries():
        for i in range(100_000):
            name = b"d%d/f%d" % (i // 1000, i)
            yield raw_header(name)
        yield END

    digest = hashlib.sha256()
    pieces = list(entries())
    for piece in pieces:
        digest.update(piece)
    code, errors = run_limited([LAYER_TOOL, "unpack", str(place.store), "sha256:" + digest.hexdigest()],
                               pieces, 64 << 20)
    assert code == 0, errors


def test_t17_a_very_deep_tree_is_made_and_removed(place):
    """Links make a tree deeper than any path is long; the trash must still be emptied."""
    entries = [directory("a")]
    base = "a"
    for step in range(3):
        deep = "/".join(["d"] * 1500)
        entries += [directory(f"{base}/{deep}"), symlink(f"{base}/{deep}", f"l{step}")]
        base = f"l{step}"
    ok(place.apply(tar(*entries)))
    # Deeper than there are descriptors: deleting must not hold one a level.
    result = subprocess.run([LAYER_TOOL, "apply", str(place.root)], capture_output=True,
                            input=tar(file(".wh.a", b"")), preexec_fn=lambda: resource.setrlimit(
                                resource.RLIMIT_NOFILE, (256, 256)))
    assert result.returncode == 0, result.stderr
    assert not (place.root / "a").exists()


def test_t20_a_failed_layer_leaves_nothing(place):
    data = tar(*[file(f"f{i}", b"x" * 1000) for i in range(200)])
    result = place.unpack(gzip.compress(data[:-3000]), "sha256:" + "0" * 64)
    assert result.returncode == 1
    result = place.unpack(gzip.compress(data)[:-500], "sha256:" + hashlib.sha256(data).hexdigest())
    assert result.returncode == 1
    ok(place.unpack(gzip.compress(data)))


@pytest.mark.parametrize("method", ["gzip", "zstd"])
def test_d05_damage_anywhere_is_an_error_or_a_wrong_digest(place, method):
    if not shutil.which(method):
        pytest.skip(f"{method} is not installed")
    generator = random.Random(7)
    data = tar(*[file(f"f{i}", generator.randbytes(700)) for i in range(60)])
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    compressed = subprocess.run([method, "-c"], input=data, capture_output=True, check=True).stdout
    for offset in range(0, len(compressed), 1024):
        for damaged in (compressed[:offset] + bytes([compressed[offset] ^ 0x55])
                        + compressed[offset + 1:], compressed[:offset]):
            start = time.monotonic()
            result = place.unpack(damaged, digest)
            assert time.monotonic() - start < 5
            # A flipped byte may hit what does not matter (a time in gzip's header).
            if result.returncode == 0:
                shutil.rmtree(place.store)
                place.root = place.base / "x"


# --- honest layers --------------------------------------------------------------------------------------

def fingerprint(root):
    lines = []
    for path in sorted([root, *root.rglob("*")]):
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        content = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        links = status.st_nlink if kind != stat.S_IFDIR else 0
        attributes = {key: os.getxattr(path, key, follow_symlinks=False)
                      for key in os.listxattr(path, follow_symlinks=False)}
        lines.append((str(path.relative_to(root)), kind, stat.S_IMODE(status.st_mode),
                      status.st_uid, status.st_gid, status.st_mtime_ns, links, status.st_rdev,
                      content, attributes))
    return lines


def gnu_tar(data, target):
    target.mkdir()
    subprocess.run(["tar", "-C", str(target), "--xattrs", "--xattrs-include=*", "--numeric-owner",
                    "-xpf", "-"], input=data, check=True)
    return fingerprint(target)


def awkward_tree(base):
    """Made by hand and packed by GNU tar: what images have, in one archive."""
    source = base / "awkward"
    (source / "usr/bin").mkdir(parents=True)
    (source / "usr/bin/tool").write_bytes(random.Random(3).randbytes(300_000))
    os.link(source / "usr/bin/tool", source / "usr/bin/alias")
    os.symlink("usr/bin", source / "bin")
    os.symlink("/etc/passwd", source / "absolute")
    os.symlink("nowhere", source / "dangling")
    os.mkfifo(source / "pipe")
    os.mknod(source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (source / "ünïcødé name\twith tab").write_text("x")
    (source / ("l" * 200)).write_text("long")
    (source / "empty").mkdir(mode=0o700)
    (source / "tmp").mkdir()
    (source / "tmp").chmod(0o1777)
    (source / "suid").write_text("s")
    os.chown(source / "suid", 12, 34)
    (source / "suid").chmod(0o6755)
    os.setxattr(source / "suid", "security.capability", bytes([1, 0, 0, 2, 0, 4, 0, 0] + [0] * 12))
    with open(source / "sparse", "wb") as hole:
        hole.truncate(5 << 20)
        hole.seek(1 << 20)
        hole.write(b"data")
    for index, path in enumerate(sorted(source.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, 1_500_000_000_000_000_000 + index * 1_000_000_007),
                 follow_symlinks=False)
    archive = subprocess.run(["tar", "-C", str(source), "--format=pax", "--xattrs",
                              "--xattrs-include=*", "-S", "-cf", "-", "."],
                             capture_output=True, check=True).stdout
    return archive


def test_awkward_tree_is_what_gnu_tar_makes(run, tmp_path, tmp_path_factory):
    other = tmp_path_factory.mktemp("reference")
    data = awkward_tree(other)
    ok(run(data))
    place_root = tmp_path / "x"
    if run.form != "apply":
        digest = hashlib.sha256(data).hexdigest()
        place_root = tmp_path / "store" / digest / "diff"
    assert fingerprint(place_root) == gnu_tar(data, other / "gnu")


@pytest.mark.skipif(not ALPINE.exists(), reason="the Alpine image is not here")
def test_alpine_is_what_gnu_tar_makes(place, tmp_path_factory):
    data = ALPINE.read_bytes()
    ok(place.unpack(data))
    assert fingerprint(place.root) == gnu_tar(gzip.decompress(data),
                                              tmp_path_factory.mktemp("reference") / "gnu")


@pytest.mark.skipif(not ALPINE.exists() or not shutil.which("umoci"), reason="Alpine or umoci missing")
def test_alpine_is_what_umoci_makes(place, tmp_path_factory):
    base = tmp_path_factory.mktemp("umoci")
    data = gzip.decompress(ALPINE.read_bytes())
    layer = base / "layer.tar"
    layer.write_bytes(data)
    umoci = ["umoci", "--log=error"]
    subprocess.run([*umoci, "init", "--layout", str(base / "oci")], check=True)
    subprocess.run([*umoci, "new", "--image", f"{base}/oci:a"], check=True)
    subprocess.run([*umoci, "raw", "add-layer", "--image", f"{base}/oci:a", str(layer)], check=True)
    subprocess.run([*umoci, "raw", "unpack", "--image", f"{base}/oci:a", str(base / "out")],
                   check=True)
    ok(place.unpack(data))
    ours, theirs = fingerprint(place.root), fingerprint(base / "out")
    strip = [(*line[:9], {k: v for k, v in line[9].items() if not k.startswith("user.umoci")})
             for line in theirs if not line[0].startswith("umoci")]
    # umoci sets the root directory's own time differently; everything else must agree.
    assert ours[1:] == strip[1:]


def test_many_gzip_members(place):
    data = tar(*[file(f"f{i}", os.urandom(5000)) for i in range(50)])
    members = b"".join(gzip.compress(data[i:i + 777]) for i in range(0, len(data), 777))
    ok(place.unpack(members, "sha256:" + hashlib.sha256(data).hexdigest()))
    assert len(os.listdir(place.root)) == 50


def test_trailing_data_after_gzip_is_refused(place):
    data = tar(file("a"))
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    result = place.unpack(gzip.compress(data) + b"garbage", digest)
    assert result.returncode == 1 and b"trailing data" in result.stderr


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd is not installed")
def test_zstd_frames_and_skippable_frames(place):
    data = tar(*[file(f"f{i}", os.urandom(5000)) for i in range(50)])
    half = len(data) // 2
    frames = [subprocess.run(["zstd", "-q", "-c"], input=part, capture_output=True,
                             check=True).stdout for part in (data[:half], data[half:])]
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    ok(place.unpack(skippable + frames[0] + skippable + frames[1],
                    "sha256:" + hashlib.sha256(data).hexdigest()))
    assert len(os.listdir(place.root)) == 50


@pytest.mark.parametrize("method", ["lzma", "bz2"])
def test_xz_and_bzip2_are_unpacked_too(place, method):
    """Docker takes them in archives that are loaded, imported and copied."""
    data = tar(*[file(f"f{i}", os.urandom(5000)) for i in range(50)])
    packed = importlib.import_module(method).compress(data)
    ok(place.unpack(packed, "sha256:" + hashlib.sha256(data).hexdigest()))
    assert len(os.listdir(place.root)) == 50


def test_g04_a_wrong_diff_id_is_refused(place):
    result = place.unpack(gzip.compress(tar(file("a"))), "sha256:" + "1" * 64)
    assert result.returncode == 1
    assert b"does not match its diff ID sha256:111" in result.stderr


def test_two_unpackers_of_one_layer_both_succeed(place):
    data = tar(*[file(f"f{i}", b"x" * 3000) for i in range(300)])
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    place.store.mkdir()
    source = place.base / "layer.tar"
    source.write_bytes(data)
    processes = []
    for _ in range(3):
        with open(source, "rb") as stream:
            processes.append(subprocess.Popen([LAYER_TOOL, "unpack", str(place.store), digest],
                                              stdin=stream, stdout=subprocess.DEVNULL))
        time.sleep(0.05)
    codes = [process.wait() for process in processes]
    # A second daemon on one store would take the first one's temporary directory for a left-over; the
    # daemon's lock forbids that, and here it must at worst be a clean failure.
    assert 0 in codes
    assert len(os.listdir(place.store / digest[7:] / "diff")) == 300
