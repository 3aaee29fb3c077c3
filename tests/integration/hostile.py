"""Hostile images, bundles and companions, for the tests of the attack classes in test_hostile_*.py."""

import contextlib
import functools
import io
import json
import os
import signal
import subprocess
import tarfile

from engine import BUILD, wait_for
from oci_bundle import busybox_root

ATTACKER = BUILD / "tests/attacker"
assert ATTACKER.exists(), f"{ATTACKER} is not built"

# How often a race is run: enough for a plain run to see what breaks at once; HOSTILE_ITERATIONS=2000 for what
# is rare.
ITERATIONS = int(os.environ.get("HOSTILE_ITERATIONS", "40"))
# How many of a hundred victims may fail under attack with a clean error although they need not.
SPURIOUS = 0.2


def allowed_failures(iterations):
    """0.2 %, and one in a run that is too short to tell."""
    return max(1, int(iterations * SPURIOUS / 100))


def is_inside(name, tops):
    return any(name == top or name.startswith(top + "/") for top in tops)


@functools.cache
def base_entries():
    """busybox's root as tar entries: (header, content)."""
    found = []
    root = busybox_root()
    for parent, directories, files in os.walk(root):
        for name in sorted([*directories, *files]):
            path = os.path.join(parent, name)
            with tarfile.open(fileobj=io.BytesIO(), mode="w") as archive:
                header = archive.gettarinfo(path, os.path.relpath(path, root))
            header.type = tarfile.REGTYPE if header.type == tarfile.LNKTYPE else header.type
            header.uid = header.gid = 0
            content = open(path, "rb").read() if header.isreg() else b""
            header.size = len(content)
            found.append((header, content))
    return found


def entry(name, target=None, content="", mode=0o644, kind=None):
    """A link where there is a target, a directory where the name ends with "/", else a file."""
    header = tarfile.TarInfo(name.strip("/"))
    header.mode = mode
    data = content.encode() if isinstance(content, str) else content
    if target is not None:
        header.type, header.linkname, data = tarfile.SYMTYPE, target, b""
    elif name.endswith("/"):
        header.type, header.mode, data = tarfile.DIRTYPE, 0o755, b""
    elif kind is not None:
        header.type, data = kind, b""
    header.size = len(data)
    return header, data


def import_image(engine, reference, *entries, changes=(), without=()):
    """An image of busybox's files, but for those that the entries take the place of."""
    replaced = [header.name for header, _ in entries if not header.isdir()] + list(without)
    kept = [(header, content) for header, content in base_entries() if not is_inside(header.name, replaced)]
    path = engine.base / (reference.replace(":", "_") + ".tar")
    with tarfile.open(path, "w") as archive:
        for header, content in [*kept, *entries]:
            archive.addfile(header, io.BytesIO(content))
    flags = [word for change in changes for word in ("--change", change)]
    engine.ctr("import", *flags, path, reference)
    path.unlink()


class Companion:
    """The attacker as the first process of a container of its own, with whatever the flags give it."""

    def __init__(self, engine, name, *flags, mode=(), image="busybox", prepare="true"):
        self.engine, self.name = engine, name
        engine.ctr("run", "-d", "--name", name, "-v", f"{ATTACKER}:/attacker:ro", *flags, image, "sh", "-c",
                   f"{prepare}; exec /attacker {' '.join(mode)}")
        wait_for(lambda: "ready" in engine.ctr("logs", name).stdout, f"{name} to be ready")

    def finish(self):
        """What it has got."""
        self.engine.ctr("kill", "-s", "TERM", self.name)
        self.engine.ctr("wait", self.name)
        text = self.engine.ctr("logs", self.name).stdout
        self.engine.ctr("rm", "-f", self.name)
        return json.loads(text.splitlines()[-1])


@contextlib.contextmanager
def racer(first, second):
    """The attacker on the host, exchanging two names: for what the container's side of a volume is."""
    process = subprocess.Popen([str(ATTACKER), "exchange", str(first), str(second)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()
