"""Loading image archives into the stores without a daemon: what docker and skopeo save, and hostile ones.

Needs root (layers have owners). The tool is layer_tool of the build directory that CTR_BUILD names.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from test_layers import LAYER_TOOL, REPOSITORY, directory, file, raw_header, symlink, tar

BUSYBOX = REPOSITORY.parent / "shared/images/busybox-oci-amd64"


def load(root, data):
    return subprocess.run([LAYER_TOOL, "load", str(root)], input=data, capture_output=True,
                          timeout=60)


def loaded(root, data):
    result = load(root, data)
    assert result.returncode == 0, result.stderr
    assert not [name for name in os.listdir(root) if name.startswith("load-")]
    return [line.split() for line in result.stdout.decode().splitlines()]


def refused(root, data):
    result = load(root, data)
    assert result.returncode == 1 and result.stderr.startswith(b"layer_tool: "), result
    return result.stderr.decode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


LAYER = tar(directory("bin"), file("bin/sh", b"#!"))


def config(*layers):
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                       "rootfs": {"type": "layers",
                                  "diff_ids": ["sha256:" + sha256(layer) for layer in layers]}}
                      ).encode()


def saved(manifest, *files):
    return tar(*files, file("manifest.json", json.dumps(manifest).encode()))


def test_docker_save_with_layers_that_are_links(tmp_path):
    """Docker 1.10 to 24: every layer in a directory of its own, the same one saved once."""
    document = config(LAYER, LAYER)
    archive = saved([{"Config": "c.json", "RepoTags": ["a:1", "localhost:5000/b:2"],
                      "Layers": ["one/layer.tar", "two/layer.tar"]}],
                    directory("one"), file("one/layer.tar", LAYER), file("one/VERSION", b"1.0"),
                    directory("two"), symlink("../one/layer.tar", "two/layer.tar"),
                    file("c.json", document))
    for data in (archive, gzip.compress(archive)):
        lines = loaded(tmp_path / "root", data)
        assert lines == [["sha256:" + sha256(document), "a:1", "localhost:5000/b:2"]]
    tree = tmp_path / "root/layers" / sha256(LAYER) / "diff"
    assert (tree / "bin/sh").read_bytes() == b"#!"


@pytest.mark.skipif(not BUSYBOX.exists() or not shutil.which("skopeo"), reason="needs skopeo, busybox")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_what_skopeo_writes(tmp_path, form):
    archive = tmp_path / "image.tar"
    name = ":busybox:1" if form == "docker-archive" else ":docker.io/library/busybox:1"
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{BUSYBOX}",
                    f"{form}:{archive}{name}"], check=True)
    lines = loaded(tmp_path / "root", archive.read_bytes())
    assert [line[1:] for line in lines] == [["busybox:1"]]
    digest = lines[0][0].removeprefix("sha256:")
    diff_id = json.loads((tmp_path / "root/blobs/sha256" / digest).read_bytes())["rootfs"]["diff_ids"]
    assert os.path.exists(tmp_path / "root/layers" / diff_id[0].removeprefix("sha256:")
                          / "diff/bin/busybox")


@pytest.mark.skipif(not BUSYBOX.exists(), reason="needs busybox")
def test_an_oci_layout_in_a_tar(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(BUSYBOX, ".")
    lines = loaded(tmp_path / "root", stream.getvalue())
    assert lines[0][1] == "busybox:1.38.0-musl"


def test_a_manifest_of_ten_gigabytes_is_refused_before_it_is_read(tmp_path):
    """D03"""
    header = raw_header(b"manifest.json", size=b"\x80\0\0\0\0\0\0\x02\x80\0\0\0")
    assert "larger than" in refused(tmp_path / "root", header + b"[" * 4096)


def test_names_never_reach_the_file_system(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("{}")
    archive = saved([{"Config": "../victim", "RepoTags": None, "Layers": []}],
                    file("../../escaped"), symlink(str(victim), "victim"), symlink("loop", "loop"))
    refused(tmp_path / "root", archive)
    assert sorted(os.listdir(tmp_path)) == ["root", "victim"]
    assert sorted(os.listdir(tmp_path / "root")) == ["blobs", "ctr.db", "layers"]


@pytest.mark.parametrize("manifest", [
    [{"Config": "c.json", "Layers": ["missing.tar"]}],
    [{"Config": "missing.json", "Layers": ["layer.tar"]}],
    [{"Config": "c.json", "Layers": []}],
    [{"Config": "c.json", "Layers": ["layer.tar"], "RepoTags": ["UPPER:case:x"]}],
    [{"Config": "loop", "Layers": ["layer.tar"]}],
    [{"Config": "c.json", "Layers": ["other.tar"]}],
    {}, None, 7, [7], [[]],
])
def test_broken_archives_are_clear_errors(tmp_path, manifest):
    """D06, G04"""
    archive = saved(manifest, file("c.json", config(LAYER)), file("layer.tar", LAYER),
                    file("other.tar", tar(file("other"))), symlink("loop", "loop"))
    refused(tmp_path / "root", archive)
    assert subprocess.run(["sqlite3", str(tmp_path / "root/ctr.db"), "SELECT count(*) FROM images"],
                          capture_output=True).stdout in (b"0\n", b"")


@pytest.mark.parametrize("data", [b"", b"garbage" * 100, gzip.compress(b"garbage" * 100),
                                  tar(file("unrelated"))],
                         ids=["empty", "garbage", "compressed garbage", "another tar"])
def test_what_is_no_image_archive(tmp_path, data):
    assert "invalid archive" in refused(tmp_path / "root", data)


def test_gnu_tar_reads_an_archive_without_a_word(shared_engine, tmp_path):
    shared_engine.ctr("create", "--name", "exported", "busybox", "true")
    archive = tmp_path / "root.tar"
    shared_engine.ctr("export", "-o", archive, "exported")
    done = subprocess.run(["tar", "-tf", archive], capture_output=True, text=True, check=True)
    assert done.stderr == "" and "bin/busybox" in done.stdout
    shared_engine.ctr("rm", "exported")
