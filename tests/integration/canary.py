"""What an attack must not touch: a tree of the host's with a secret in it, and the state of the host itself.

    with HostCanary(engine) as canary:
        ...                                  # the attack; canary.path is what it aims at
        canary.check_output(text)

The same before and after: the tree with contents, modes and owners; the secret, which nobody opens; the host's
settings, accounts and devices; our own programs; and the daemon, which is there, answers, and holds no more
descriptors than before.
"""

import ctypes
import hashlib
import os
import pathlib
import secrets
import shutil
import socket
import stat
import struct

from engine import BIN, wait_for

FAN_ACCESS, FAN_OPEN, FAN_MARK_ADD, FAN_NONBLOCK = 0x1, 0x20, 0x1, 0x2
SETTINGS = ("kernel/core_pattern", "kernel/modprobe", "kernel/hostname", "kernel/sysrq", "vm/overcommit_memory")
ACCOUNTS = ("passwd", "group", "shadow", "ld.so.preload", "hosts", "hostname", "resolv.conf")
# A mount of the host at one of these would be ours, whoever else is at work meanwhile.
MOUNT_POINTS = ("/proc", "/sys/kernel", "/sys/firmware", "/etc", "/dev", "/bin", "/usr", "/root", "/canary")
GROWTH = 16  # descriptors that a daemon may come to need


def describe(path):
    """Everything about a file but when it was read."""
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    what = [oct(status.st_mode), status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns]
    if kind == stat.S_IFREG:
        what.append(hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest())
    elif kind == stat.S_IFLNK:
        what.append(os.readlink(path))
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        what.append(status.st_rdev)
    return what


def describe_tree(top):
    found = {str(top): describe(top)}
    for parent, directories, files in os.walk(top):
        for name in [*directories, *files]:
            path = os.path.join(parent, name)
            found[path] = describe(path)
    return found


def find_file(path):
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def describe_host():
    state = {name: find_file(f"/proc/sys/{name}") for name in SETTINGS}
    state |= {name: find_file(f"/etc/{name}") for name in ACCOUNTS}
    state |= {str(path): find_file(path) for path in sorted(BIN.iterdir())}
    for device in ("/dev/null", "/dev/ptmx", "/dev/console"):
        if os.path.lexists(device):
            status = os.lstat(device)
            state[device] = [oct(status.st_mode), status.st_rdev, status.st_uid]
    points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    state["mounts"] = sorted(point for point in points if point.startswith(MOUNT_POINTS))
    return state


def difference(before, after):
    return {name: (before.get(name), after.get(name)) for name in before.keys() | after.keys()
            if before.get(name) != after.get(name)}


class Watch:
    """Tells whether anybody has opened or read a file: fanotify(7)."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.fanotify_init(FAN_NONBLOCK, os.O_RDONLY)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        made = libc.fanotify_mark(self.fd, FAN_MARK_ADD, ctypes.c_uint64(FAN_OPEN | FAN_ACCESS), -100,
                                  str(path).encode())
        assert made == 0, os.strerror(ctypes.get_errno())

    def who(self):
        """The pids of those who have, but for ourselves."""
        found = []
        while True:
            try:
                data = os.read(self.fd, 4096)
            except BlockingIOError:
                return found
            while len(data) >= 24:
                size, _, _, _, _, fd, pid = struct.unpack_from("=IBBHQii", data)
                os.close(fd)
                if pid != os.getpid():
                    found.append(pid)
                data = data[size:]

    def close(self):
        os.close(self.fd)


class HostCanary:
    def __init__(self, engine=None):
        self.engine = engine
        self.path = pathlib.Path("/canary-" + secrets.token_hex(4))
        self.token = "canary-token-" + secrets.token_hex(8)

    def __enter__(self):
        (self.path / "sub/deep").mkdir(parents=True)
        for name, mode in (("secret", 0o400), ("readable", 0o644), ("ptmx", 0o666), ("null", 0o666),
                           ("sub/file", 0o600), ("sub/deep/setuid", 0o4755)):
            file = self.path / name
            file.write_text(self.token + "\n")
            file.chmod(mode)
        os.chown(self.path / "sub/file", 1234, 1234)
        os.mkfifo(self.path / "fifo")
        os.symlink("secret", self.path / "link")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path / "socket"))
        listener.close()
        self.host = describe_host()
        self.tree = describe_tree(self.path)
        self.watch = Watch(self.path / "secret")
        self.descriptors = self.count_descriptors()
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.check()
        finally:
            self.watch.close()
            shutil.rmtree(self.path, ignore_errors=True)

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon()}/fd")) if self.engine else 0

    def daemon(self):
        """The daemon's own pid: it was started by nsenter(1), which became it."""
        return self.engine.pid

    def check_output(self, text):
        assert self.token not in text

    def check(self):
        """May be asked in the middle of an attack, too."""
        assert not self.watch.who(), "somebody opened the host's secret"
        assert not (changed := difference(self.tree, describe_tree(self.path))), changed
        assert not (changed := difference(self.host, describe_host())), changed
        if not self.engine:
            return
        assert self.engine.process.poll() is None, self.engine.log_tail()
        assert self.engine.api("GET", "/_ping") == (200, "OK")
        wait_for(lambda: self.count_descriptors() <= self.descriptors + GROWTH, "the daemon to close its descriptors")
