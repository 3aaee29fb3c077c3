"""Fixtures of the integration tests: an engine, a registry and images, each test's own.

Each Engine runs ctrd in a network namespace of its own, with directories and a socket of its own, and
when it is closed checks that nothing is left: mounts, cgroups, links, processes, descriptors.
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from canary import HostCanary  # noqa: E402
from engine import Engine  # noqa: E402
from images import alpine_layout, busybox_layout  # noqa: E402
from oci_bundle import Oci  # noqa: E402
from registry import Registry  # noqa: E402


def pytest_configure():
    if os.geteuid() != 0:
        pytest.exit("the integration tests need root: try 'sudo tests/run'", returncode=2)


@pytest.fixture
def engine():
    """A fresh daemon that knows the embedded images only."""
    with Engine() as running:
        yield running


@pytest.fixture(scope="module")
def shared_engine():
    """One daemon for the tests of a file that do not disturb each other; has alpine and busybox."""
    with Engine() as running:
        running.load_alpine()
        yield running


@pytest.fixture
def registry(engine):
    """Debian's docker-registry on the loopback of the engine's network namespace."""
    with Registry(engine) as running:
        yield running


@pytest.fixture(scope="session")
def alpine():
    return alpine_layout()


@pytest.fixture(scope="session")
def busybox():
    return busybox_layout()


@pytest.fixture
def canary(engine):
    """What no attack may touch on the host, around a test of the file's engine."""
    with HostCanary(engine) as watching:
        yield watching


@pytest.fixture
def oci():
    """A bundle, and ctr-runtime on it."""
    with Oci() as running:
        yield running
