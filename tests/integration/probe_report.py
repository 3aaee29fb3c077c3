"""Runs build/<preset>/tests/probe in containers and reads what it reports."""

import json
import time

from engine import BUILD

PROBE = BUILD / "tests/probe"
assert PROBE.exists(), f"{PROBE} is not built"
DEFAULT_CAPABILITIES = "00000000a80425fb"
NONE = "0000000000000000"


def run_probe(engine, *flags, image="busybox", mode="all", command=(), rm=True):
    """The report of a container of its own; the flags are those of `ctr run`."""
    done = engine.ctr("run", *(["--rm"] if rm else []), "-v", f"{PROBE}:/probe:ro", *flags, image,
                      *(command or ("/probe", mode)))
    return json.loads(done.stdout)


def start_probed(engine, name, *flags, image="busybox"):
    """A container that reported and then waits: (report, host pid)."""
    engine.ctr("run", "-d", "--name", name, "-v", f"{PROBE}:/probe:ro", *flags, image, "/probe", "sleep")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        text = engine.ctr("logs", name).stdout
        if text.rstrip().endswith("\n}"):
            return json.loads(text), engine.inspect(name)["State"]["Pid"]
        time.sleep(0.02)
    raise AssertionError(f"no report of {name}: {engine.ctr('logs', name)}")


def exec_probe(engine, name, *flags, mode="process"):
    return json.loads(engine.ctr("exec", *flags, name, "/probe", mode).stdout)


def mount_at(report, point):
    """The topmost mount at a path, or None."""
    found = [mount for mount in report["mounts"] if mount["point"] == point]
    return found[-1] if found else None


def options_at(report, point):
    mount = mount_at(report, point)
    return set(mount["options"]) if mount else None


def refused(engine, *flags, command=("true",), image="busybox"):
    """The error text of a run that must not be possible."""
    done = engine.ctr("run", "--rm", *flags, image, *command, check=False)
    assert done.returncode != 0, (flags, done.stdout)
    return done.stderr
