"""The small programs that drive parts of the libraries in tests."""

import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CTR_BUILD", TOP / "build/release"))


def built(name):
    """The path of build/<preset>/bin/<name>. A program that is not there is a broken build, not a
    reason to pass tests over."""
    path = BUILD / "bin" / name
    assert path.exists(), f"{path} is not built"
    return str(path)
