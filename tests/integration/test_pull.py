"""Pulling from a real registry in every form that images come in, and what lies on the disk then."""

import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from engine import wait_for

FORMS = {
    "docker-v2s2": ["--format", "v2s2"],
    "oci-gzip": ["--format", "oci", "--dest-compress-format", "gzip"],
    "oci-zstd": ["--format", "oci", "--dest-compress", "--dest-compress-format", "zstd"],
}


def describe(top):
    """Every file of a tree: type, mode, owner, size, time, link target, content, extended attributes."""
    found = {}
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            content = ""
            if stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            attributes = {key: os.getxattr(path, key, follow_symlinks=False)
                          for key in os.listxattr(path, follow_symlinks=False)}
            found[os.path.relpath(path, top)] = (
                oct(status.st_mode), status.st_uid, status.st_gid, status.st_rdev,
                status.st_mtime_ns if not stat.S_ISDIR(status.st_mode) else 0, status.st_nlink
                if not stat.S_ISDIR(status.st_mode) else 0, content, attributes)
    return found


def gnu_tar_of(layout, directory):
    """The same layer as GNU tar unpacks it."""
    index = json.loads((layout / "index.json").read_text())
    blob = lambda digest: layout / "blobs" / digest.replace(":", "/")
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    for layer in manifest["layers"]:
        subprocess.run(["tar", "-xpf", str(blob(layer["digest"])), "--numeric-owner", "--xattrs",
                        "--xattrs-include=*", "-C", str(directory)], check=True)
    return describe(directory)


def layer_directory(engine, reference):
    image = json.loads(engine.ctr("image", "inspect", reference).stdout)[0]
    return image["GraphDriver"]["Data"]["UpperDir"]


@pytest.mark.parametrize("form", FORMS)
def test_an_image_is_the_same_tree_in_every_form(engine, registry, alpine, form, tmp_path):
    registry.push(alpine, f"forms/{form}:1", *FORMS[form])
    engine.ctr("pull", f"{registry.address}/forms/{form}:1")
    unpacked = describe(layer_directory(engine, f"{registry.address}/forms/{form}:1"))
    assert unpacked == gnu_tar_of(alpine, tmp_path)
    assert "3.2" in engine.out("run", "--rm", f"{registry.address}/forms/{form}:1", "cat", "/etc/alpine-release")


def test_the_index_entry_of_this_platform_is_chosen(engine, registry, alpine, tmp_path):
    registry.push(alpine, "multi:amd64")
    manifest = engine.in_netns(
        "curl", "-sf", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
        f"http://{registry.address}/v2/multi/manifests/amd64", capture_output=True).stdout
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    kind = "application/vnd.oci.image.manifest.v1+json"
    entry = lambda arch: {"mediaType": kind, "digest": digest, "size": len(manifest),
                          "platform": {"architecture": arch, "os": "linux"}}
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
             "manifests": [entry("s390x"), entry(machine)]}
    (tmp_path / "index").write_text(json.dumps(index))
    engine.in_netns("curl", "-sf", "-X", "PUT", "-H", f"Content-Type: {index['mediaType']}", "--data-binary",
                    f"@{tmp_path}/index", f"http://{registry.address}/v2/multi/manifests/all", capture_output=True)
    engine.ctr("pull", f"{registry.address}/multi:all")
    assert engine.out("run", "--rm", f"{registry.address}/multi:all", "echo", "ok") == "ok"
    wrong = engine.ctr("pull", "--platform", "linux/ppc64le", f"{registry.address}/multi:all", check=False)
    assert wrong.returncode != 0
    assert "no matching manifest for linux/ppc64le" in wrong.stderr


def test_the_same_image_again_is_up_to_date_and_a_second_name_downloads_nothing(engine, registry, busybox):
    registry.push(busybox, "one:1")
    registry.push(busybox, "two:1")
    engine.ctr("pull", f"{registry.address}/one:1")
    assert "Image is up to date" in engine.out("pull", f"{registry.address}/one:1")
    assert "Pull complete" not in engine.out("pull", f"{registry.address}/two:1")


def test_short_names_come_through_a_mirror(registry, engine, alpine):
    registry.push(alpine, "library/alpine:3.20")
    engine.registries.append(registry.address)
    engine.restart()
    assert engine.out("run", "--rm", "alpine:3.20", "echo", "through the mirror") == "through the mirror"
    assert "alpine" in engine.out("images", "--format", "{{.Repository}}")


@pytest.mark.parametrize("reference, words", [
    ("127.0.0.1:5000/nosuch/image", "not found"),
    ("alpine/UPPER", "must be lowercase"),
    ("127.0.0.1:1/x", "connection refused"),
    ("alpine@sha256:abc", "invalid"),
])
def test_a_pull_that_cannot_work_says_why_in_one_line(engine, registry, reference, words):
    done = engine.ctr("pull", reference, check=False)
    assert done.returncode != 0
    assert words in done.stderr.lower(), done.stderr
    assert engine.out("images", "-q") == ""


def test_a_cancelled_pull_leaves_nothing_visible_and_can_be_repeated(engine, registry, tmp_path):
    rootfs = tmp_path / "rootfs"
    rootfs.mkdir()
    (rootfs / "noise").write_bytes(os.urandom(60_000_000))
    from images import MAKE_IMAGE
    subprocess.run([str(MAKE_IMAGE), str(rootfs), str(tmp_path / "image"), "big", "amd64", '["/x"]'], check=True)
    registry.push(tmp_path / "image", "big:1")
    pull = engine.popen("pull", f"{registry.address}/big:1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: any((engine.data / "blobs").rglob("ingest/*")) or pull.poll() is not None, "the download")
    pull.terminate()
    pull.wait(timeout=20)
    engine.ctr("pull", f"{registry.address}/big:1")
    assert engine.out("images", "-q")


def test_a_full_disk_is_said_and_the_space_comes_back(registry, engine, alpine, tmp_path):
    image = tmp_path / "disk"
    with open(image, "wb") as disk:
        disk.truncate(12 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    where = engine.base / "small"
    where.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(where)], check=True)
    try:
        engine.stop()
        data, engine.data = engine.data, where / "data"
        engine.start()
        registry.push(alpine, "alpine:1")
        # Half a megabyte is left: no image fits, however small the stand-in is.
        free = os.statvfs(where)
        (where / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize - (512 << 10)))
        done = engine.ctr("pull", f"{registry.address}/alpine:1", check=False)
        assert done.returncode != 0
        assert "no space left on device" in done.stderr
        assert engine.out("images", "-q") == ""
        engine.stop()
        engine.data = data
        engine.start()
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.mark.timeout(900)
@pytest.mark.skipif(not shutil.which("mmdebstrap"), reason="mmdebstrap is not installed")
def test_a_real_debian_runs(engine, registry, tmp_path):
    root = tmp_path / "debian"
    made = subprocess.run(["mmdebstrap", "--variant=minbase", "bookworm", str(root)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-2000:]
    from images import MAKE_IMAGE
    subprocess.run([str(MAKE_IMAGE), str(root), str(tmp_path / "image"), "debian", "amd64", '["bash"]'], check=True)
    registry.push(tmp_path / "image", "debian:bookworm", "--format", "oci", "--dest-compress",
                  "--dest-compress-format", "zstd")
    name = f"{registry.address}/debian:bookworm"
    engine.ctr("pull", name)
    assert "bookworm" in engine.out("run", "--rm", name, "cat", "/etc/os-release")
    assert engine.out("run", "--rm", name, "bash", "-c", "dpkg -l | grep -c ^ii && apt-get --version | head -1")
