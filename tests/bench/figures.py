"""How figures are taken and printed: whole commands timed from spawn to exit, medians, ratios."""

import statistics
import subprocess
import time


def milliseconds(command, rounds, warm_up=3, **options):
    """The median of whole commands, spawn to exit."""
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stdin", subprocess.DEVNULL)
    return median_of(lambda: subprocess.run(command, check=True, **options), rounds, warm_up)


def median_of(act, rounds, warm_up=0):
    """The median of a call, in milliseconds."""
    times = []
    for _ in range(rounds + warm_up):
        begin = time.perf_counter()
        act()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times[warm_up:])


def row(name, value, unit="ms", goal=None, base=None):
    text = f"{name:44} {value:9.2f} {unit}"
    if base:
        text += f"  {value / base:6.1f} x limit"
    if goal is not None and value > goal:
        text += f"   MISSES its goal of {goal:.2f} {unit}"
    print(text, flush=True)


def side_by_side(name, ours, theirs, unit="ms"):
    """A figure of ctr beside dockerd's; of times the smaller is better, of what has "a second" or "/s" the larger."""
    if theirs is None:
        return print(f"{name:50} {ours:10.1f} {'—':>10} {unit}", flush=True)
    is_rate = "second" in unit or "/s" in unit
    ratio = ours / theirs if is_rate else theirs / ours
    verdict = "" if ratio >= 1 else "   SLOWER than dockerd"
    print(f"{name:50} {ours:10.1f} {theirs:10.1f} {unit:10} {ratio:6.1f} x{verdict}", flush=True)


def rss_kilobytes(pid, field="VmRSS"):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(field):
            return int(line.split()[1])


def pss_kilobytes(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1])
