"""A day's work, ctr beside dockerd in one run. See tests/bench/run."""

import argparse
import contextlib
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/integration"), str(TOP / "tests/bench")]

import daily_files  # noqa: E402
import daily_lists  # noqa: E402
import daily_network  # noqa: E402
from figures import side_by_side  # noqa: E402
from sides import open_ctr, open_docker  # noqa: E402

GROUPS = {**daily_lists.GROUPS, **daily_files.GROUPS, **daily_network.GROUPS}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run daily", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="ROW", help=f"of {', '.join(GROUPS)}; all without")
    parser.add_argument("--containers", type=int, default=1000, help="that ps lists")
    parser.add_argument("--running", type=int, default=100, help="whose stats are asked for")
    parser.add_argument("--readers", type=int, default=100, help="of events")
    parser.add_argument("--megabytes", type=int, default=1024, help="of the file that is copied, saved and loaded")
    parser.add_argument("--files", type=int, default=50_000, help="that are copied")
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement of a rate")
    parser.add_argument("--services", type=int, default=10, help="that compose starts")
    parser.add_argument("--rounds", type=int, default=5, help="of short measurements")
    arguments = parser.parse_args()
    for name in arguments.groups:
        if name not in GROUPS:
            parser.error(f"no such row: {name}")
    return arguments


def main():
    sizes = parse_arguments()
    with contextlib.ExitStack() as stack:
        ctr = stack.enter_context(open_ctr())
        docker = stack.enter_context(open_docker())
        if docker is None:
            print("docker: not to be had here, left out")
        print(f"{'':50} {'ctr':>10} {'docker':>10}")
        for name in sizes.groups or GROUPS:
            sides = [side for side in (ctr, docker) if side]
            results = [GROUPS[name](side, sizes) for side in sides]  # each gives {row: (value, unit)}
            for label, (value, unit) in results[0].items():
                side_by_side(label, value, results[1][label][0] if docker else None, unit)


main()
