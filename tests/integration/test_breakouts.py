"""Archives that try to leave their directory, through every door that an archive comes in by: a layer of
each compression, `load`, `import` and `cp`. The vectors are those that the suites of other engines know.

A neighbour of the place that is unpacked into (`victim`) and a directory of the host that both absolute and
relative names reach must stay as they were.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tarfile

import pytest

from engine import Engine
from test_layers import LAYER_TOOL, Place, directory, file, hardlink, symlink, tar

UP = "../../../../../../../.."  # more than any of the directories is deep


def canary_vectors(host):
    """What aims at `host`, a directory with `hello` in it, and at the neighbour."""
    vectors = {}
    for name, target in {"neighbour": "../victim", "slash": "/../victim", "host": host, "up": UP + host}.items():
        vectors |= {
            f"T01 file in {name}": [file(f"{target}/dotdot")],
            f"T04 hard link reads {name}": [hardlink(f"{target}/hello", "stolen")],
            f"T04 hard link to {name}, write through": [hardlink(target, "hole"), file("hole/file")],
            f"T04 hard link to {name}, symlink reads": [hardlink(target, "hole"), symlink("hole/hello", "read")],
            f"T04 hard link to {name}, hard link reads": [hardlink(target, "hole"), hardlink("hole/hello", "read")],
            f"T04 hard link to {name}, replaced": [hardlink(target, "hole"), file("hole")],
            f"T02 symlink to {name}, write through": [symlink(target, "hole"), file("hole/file")],
            f"T02 symlink to {name}, new directories": [directory("dir"), symlink("../" + target, "dir/hole"),
                                                        file("dir/hole/newdir/newfile")],
            f"T02 symlink to {name}, symlink reads": [symlink(target, "hole"), symlink("hole/hello", "read")],
            f"T02 symlink to {name}, hard link reads": [symlink(target, "hole"), hardlink("hole/hello", "read")],
            f"T02 symlink to {name}, replaced": [symlink(target, "hole"), file("hole")],
            f"T02 symlink to a file of {name}, overwritten": [symlink(f"{target}/hello", "hole"), file("hole", b"!")],
            f"T02 symlink to {name}, device": [symlink(target, "hole"), ("hole/null", 1, 3)],
            f"T05 two hops to {name}": [directory("inner"), symlink("..", "inner/go_up"),
                                        symlink(target, "inner/go_up/escape"),
                                        file("inner/go_up/escape/newfile")],
            f"T06 sibling by prefix of {name}": [hardlink(f"{target}-evil/secret", "stolen")],
            f"T08 directory becomes a symlink to {name}": [directory("foo"), file("foo/hello", b"mine"),
                                                           symlink(target, "foo"), file("foo/hello", b"!"),
                                                           directory("foo", mode=0o700)],
            f"T10 mode of a hard link to a symlink to {name}": [symlink(f"{target}/hello", "p"),
                                                                hardlink("p", "h", mode=0o777)],
            f"T10 owner of a hard link to a symlink to {name}": [symlink(f"{target}/hello", "p"),
                                                                 hardlink("p", "h", uid=7)],
            f"T11 times of a directory that became a symlink to {name}": [directory("d", mtime=1, mode=0o700),
                                                                          symlink(target, "d")],
            f"T13 whiteout through a symlink to {name}": [symlink(target, "hole"), file("hole/.wh.hello", b"")],
            f"T13 opaque whiteout through a symlink to {name}": [symlink(target, "hole"),
                                                                 file("hole/.wh..wh..opq", b"")],
            f"T15 attributes through a symlink to {name}": [
                symlink(target, "hole"), file("hole/hello", b"", pax_headers={"SCHILY.xattr.user.evil": "1"})],
        }
    return {name: [entry_of(part) for part in parts] for name, parts in vectors.items()}


def entry_of(part):
    if len(part) == 2:
        return part
    info = tarfile.TarInfo(part[0])
    info.type, info.devmajor, info.devminor, info.mode = tarfile.CHRTYPE, part[1], part[2], 0o600
    return info, b""


class Host:
    """A directory of the host that nobody may touch."""

    def __init__(self, base):
        self.base = base
        for name in ("host", "host-evil"):
            (base / name).mkdir()
            (base / name / "hello").write_text("of the host")
            (base / name / "secret").write_text("of the host")
            (base / name / "secret").chmod(0o400)
        self.path = str(base / "host")
        self.before = self.look()

    def look(self):
        found = {}
        for path in sorted(self.base.rglob("host*/**/*")) + [self.base / "host"]:
            status = os.lstat(path)
            found[str(path)] = (status.st_mode, status.st_uid, status.st_nlink, status.st_mtime_ns,
                                os.listxattr(path), path.read_bytes() if path.is_file() else b"")
        return found

    def check(self, what):
        assert self.look() == self.before, f"{what} reached the host"


@pytest.fixture
def host(tmp_path):
    (tmp_path / "far").mkdir()
    return Host(tmp_path / "far")


def packed(data, form):
    if form == "gzip":
        return gzip.compress(data, 1)
    if form == "zstd":
        return subprocess.run(["zstd", "-q", "-1", "-c"], input=data, capture_output=True, check=True).stdout
    return data


def contents(top):
    """Of all regular files below, symlinks not followed."""
    return b"".join(path.read_bytes() for path in pathlib.Path(top).rglob("*")
                    if stat.S_ISREG(os.lstat(path).st_mode))


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_t01_to_t15_no_layer_leaves_its_directory(host, tmp_path, form):
    for number, (name, entries) in enumerate(canary_vectors(host.path).items()):
        base = tmp_path / str(number)
        base.mkdir()
        place = Place(base)
        data = tar(*entries)
        place.unpack(packed(data, form), "sha256:" + hashlib.sha256(data).hexdigest())
        assert b"of the host" not in contents(base / "store"), name
        host.check(name)


def test_t01_to_t15_no_applied_layer_leaves_its_directory(host, tmp_path):
    for number, (name, entries) in enumerate(canary_vectors(host.path).items()):
        base = tmp_path / str(number)
        base.mkdir()
        place = Place(base)
        place.apply(tar(*entries))
        assert b"of the host" not in contents(place.root), name
        host.check(name)


# Links that lead out by their words and inside by their meaning: the file is read or written in the root.
UNBROKEN = {
    "absolute": [directory("etc"), symlink("/etc", "l"), file("/l/it", b"unbroken")],
    "up and out": [directory("etc"), directory("d"), symlink("/d/../etc", "l"), file("/l/it", b"unbroken")],
    "several, absolute": [directory("etc"), directory("d"), symlink("/etc", "/d/etc"), symlink("/d/etc", "l"),
                          file("/d/etc/it", b"unbroken")],
    "several, relative": [directory("etc"), directory("d"), symlink("/etc", "/d/etc"), symlink("./d/etc", "l"),
                          file("l/it", b"unbroken")],
    "emptied and filled": [directory("etc"), file("etc/it", b"longer than it will be"), symlink("/etc", "l"),
                           file("/l/it", b""), file("/l/it", b"unbroken")],
    "hard link, relative": [directory("etc"), file("/etc/it", b"unbroken"), directory("b"),
                            symlink("../../etc", "b/d1"), hardlink("/b/d1/it", "b/mine")],
    "hard link, down and out": [directory("etc"), file("/etc/it", b"unbroken"), directory("b"), directory("down"),
                                symlink("../down/../../etc", "b/d1"), hardlink("/b/d1/it", "b/mine")],
    "hard link, absolute": [directory("etc"), file("/etc/it", b"unbroken"), symlink("/etc", "l"),
                            hardlink("/l/it", "mine")],
    "hard link, far up": [directory("etc"), file("/etc/it", b"unbroken"), symlink(UP + "/etc", "l"),
                          hardlink("/l/it", "mine")],
    "hard link, up through nothing": [directory("etc"), file("/etc/it", b"unbroken"), directory("up"),
                                      symlink("up/../../../etc", "l"), hardlink("/l/it", "mine")],
    "hard link, direct and relative": [directory("etc"), file("/etc/it", b"unbroken"), hardlink(UP + "/etc/it", "mine")],
    "hard link, direct and absolute": [directory("etc"), file("/etc/it", b"unbroken"), hardlink("/etc/it", "mine")],
    "hard link to a relative symlink": [directory("etc"), file("/etc/it", b"unbroken"),
                                        symlink(UP + "/etc/it", "l"), hardlink("/l", "mine")],
    "hard link to an absolute symlink": [directory("etc"), file("/etc/it", b"unbroken"), symlink("/etc/it", "l"),
                                         hardlink("/l", "mine")],
}


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("name", UNBROKEN)
def test_t03_t12_links_mean_what_they_mean_in_a_container(tmp_path, name, form):
    place = Place(tmp_path)
    data = tar(*UNBROKEN[name])
    done = place.unpack(packed(data, form), "sha256:" + hashlib.sha256(data).hexdigest())
    assert done.returncode == 0, done.stderr
    assert (place.root / "etc/it").read_bytes() == b"unbroken"
    for mine in place.root.rglob("mine"):
        target = place.root / "l" if mine.is_symlink() else place.root / "etc/it"
        assert os.lstat(mine).st_ino == os.lstat(target).st_ino


# --- through the daemon ---------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def engine():
    with Engine(bridge=False) as running:
        running.ctr("run", "--rm", "--network", "none", "busybox", "true")
        yield running


def known_names(engine):
    """Everything of the daemon's directories but what bears a digest or an id: layers, blobs, containers."""
    found = set()
    for top, names, files in os.walk(engine.data):
        names[:] = [name for name in names if len(name) != 64 and name != "trash"]
        found |= {os.path.join(top, name) for name in names + files if len(name) != 64}
    return found


def saved_image(layer, compressed, tag):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": ["l/layer.tar"]}]
    return tar(file(name, config), file("l/layer.tar", compressed), file("manifest.json", json.dumps(manifest).encode()))


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_t01_to_t15_no_image_that_is_loaded_leaves_its_directory(engine, host, form):
    before = known_names(engine)
    for name, entries in canary_vectors(host.path).items():
        layer = tar(*entries)
        engine.ctr("load", input=saved_image(layer, packed(layer, form), "hostile:1"), text=False, check=False)
        host.check(name)
    assert b"of the host" not in contents(engine.data / "layers")
    assert known_names(engine) == before
    engine.ctr("rmi", "-f", "hostile:1", check=False)


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_t01_to_t15_nothing_that_is_imported_leaves_its_directory(engine, host, form):
    before = known_names(engine)
    for name, entries in canary_vectors(host.path).items():
        engine.ctr("import", "-", "hostile:2", input=packed(tar(*entries), form), text=False, check=False)
        host.check(name)
    assert b"of the host" not in contents(engine.data / "layers")
    assert known_names(engine) == before
    engine.ctr("rmi", "-f", "hostile:2", check=False)


@pytest.mark.parametrize("state", ["created", "running"])
def test_t01_to_t15_nothing_that_is_copied_leaves_its_container(engine, host, state):
    before = known_names(engine)
    engine.ctr("create", "--name", state, "--network", "none", "busybox", "sleep", "600")
    if state == "running":
        engine.ctr("start", state)
    for name, entries in canary_vectors(host.path).items():
        engine.ctr("cp", "-", f"{state}:/tmp", input=tar(*entries), text=False, check=False)
        host.check(name)
    export = engine.ctr("export", state, text=False).stdout
    assert b"of the host" not in export and tarfile.open(fileobj=io.BytesIO(export)).getnames()
    engine.ctr("rm", "-f", state)
    assert known_names(engine) == before


def test_x02_compressed_uploads_run_no_program_of_the_image(engine, tmp_path):
    """Magic numbers of every compression with garbage behind, and decompressors of the image's own on its PATH."""
    rootfs = tmp_path / "rootfs"
    (rootfs / "usr/bin").mkdir(parents=True)
    marker = tmp_path / "marker"
    for program in ("xz", "gzip", "unpigz", "zstd", "bzip2", "tar", "sh"):
        (rootfs / "usr/bin" / program).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (rootfs / "usr/bin" / program).chmod(0o755)
    image = subprocess.run(["tar", "-c", "-C", str(rootfs), "."], capture_output=True, check=True).stdout
    engine.ctr("import", "-", "trap:1", input=image, text=False)
    engine.ctr("create", "--name", "trap", "--network", "none", "-e", "PATH=/usr/bin", "trap:1", "/usr/bin/sh")
    for magic in (b"\xfd7zXZ\0", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh9", b"\x04\x22\x4d\x18"):
        done = engine.ctr("cp", "-", "trap:/", input=magic + os.urandom(5000), text=False, check=False)
        assert done.returncode == 1 and b"invalid" in done.stderr, done.stderr
    assert not marker.exists()
    engine.ctr("rm", "trap")
    engine.ctr("rmi", "trap:1")
