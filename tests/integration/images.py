"""OCI layouts for tests: the real Alpine and busybox where they are at hand, stand-ins otherwise."""

import functools
import json
import os
import pathlib
import subprocess
import tempfile

from engine import BUILD, TOP

SHARED = TOP.parent / "shared/images"
MAKE_IMAGE = TOP / "image/embedded/make_oci_image.sh"
CACHE = pathlib.Path(os.environ.get("CTR_TEST_CACHE", TOP / "build/test-images"))


def make_layout(rootfs, name, command=("/bin/sh",)):
    """Makes a one-layer OCI layout of a directory."""
    output = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(dir=CACHE))
    subprocess.run([str(MAKE_IMAGE), str(rootfs), str(scratch / "image"), name, "amd64",
                    json.dumps(list(command))], check=True)
    try:
        (scratch / "image").rename(output)
    except OSError:
        pass  # another worker was faster: the bytes are the same
    return output


@functools.cache
def busybox_layout():
    real = SHARED / "busybox-oci-amd64"
    return real if real.exists() else BUILD / "share/ctr/images/busybox"


@functools.cache
def alpine_layout():
    """Alpine's mini root file system; where it is not at hand, a busybox root that calls itself so."""
    if (CACHE / "alpine").exists():
        return CACHE / "alpine"
    with tempfile.TemporaryDirectory() as directory:
        archive = SHARED / "alpine-minirootfs-x86_64.tar.gz"
        if archive.exists():
            subprocess.run(["tar", "-xzf", str(archive), "-C", directory], check=True)
        else:
            subprocess.run([str(TOP / "image/embedded/make_busybox_root.sh"), "/bin/busybox", directory],
                           check=True)
            (pathlib.Path(directory) / "etc/alpine-release").write_text("3.20.0\n")
            for name in ("srv", "mnt", "media/cdrom"):
                (pathlib.Path(directory) / name).mkdir(parents=True, exist_ok=True)
            (pathlib.Path(directory) / "etc/motd").write_text("Welcome!\n")
        return make_layout(directory, "alpine")
