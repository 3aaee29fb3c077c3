"""Figures of what is carried: cp, save, load."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from figures import median_of


@contextlib.contextmanager
def scratch():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ctr-bench-", dir="/var/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def write_random(path, megabytes):
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))


def write_tree(top, files):
    for number in range(files):
        directory = top / f"d{number // 500}"
        if number % 500 == 0:
            directory.mkdir(parents=True)
        (directory / f"f{number}").write_bytes(b"content of a small file\n" * (number % 40))


def measure_copies(side, sizes):
    """Each way to and from a container, the host's files in its page cache."""
    with scratch() as directory:
        write_random(directory / "big", sizes.megabytes)
        write_tree(directory / "tree", sizes.files)
        side.run("run", "-d", "--name", "copied", "busybox", "sleep", "100000")
        def take(path):
            side.run("cp", f"copied:/{path}", directory / "back")
            target = directory / "back"
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        rows = {}
        for label, path, rounds in ((f"{sizes.megabytes} MB", "big", 3), (f"{sizes.files} files", "tree", 1)):
            rows[f"cp of {label} into a container"] = (
                median_of(lambda: side.run("cp", directory / path, "copied:/" + path), rounds) / 1000, "s")
            rows[f"cp of {label} out of a container"] = (median_of(lambda: take(path), rounds) / 1000, "s")
        side.run("rm", "-f", "copied")
        return rows


def measure_images(side, sizes):
    """An image of a large file and as many small ones as are copied."""
    with scratch() as directory:
        write_random(directory / "big", sizes.megabytes)
        write_tree(directory / "tree", sizes.files)
        with subprocess.Popen(["tar", "-c", "-C", str(directory), "big", "tree"], stdout=subprocess.PIPE) as tar:
            rows = {"import of that": (median_of(lambda: side.run("import", "-", "large", stdin=tar.stdout), 1) / 1000, "s")}
        label = f"{sizes.megabytes} MB and {sizes.files} files"
        rows[f"save of {label}"] = (median_of(lambda: side.run("save", "-o", directory / "image.tar", "large"), 1) / 1000, "s")
        side.run("rmi", "large")
        rows[f"load of {label}"] = (median_of(lambda: side.run("load", "-i", directory / "image.tar"), 1) / 1000, "s")
        side.run("rmi", "large")
        return rows


GROUPS = {"cp": measure_copies, "images": measure_images}
