"""The world around an engine: a LAN with a neighbour and a router, in network namespaces of their own.

    neighbour ── [ router: a bridge, and 203.0.113.1 beyond it ] ── up0, the engine's namespace
"""

import subprocess

HOST, NEIGHBOUR, ROUTER, OUTSIDE = "10.197.0.1", "10.197.0.2", "10.197.0.254", "203.0.113.1"
HOST6, NEIGHBOUR6 = "fd00:197::1", "fd00:197::2"


def run_in(namespace, *command, check=True, **options):
    """A command in a network namespace: its name, or the id of a process in it."""
    where = f"/proc/{namespace}/ns/net" if isinstance(namespace, int) else f"/run/netns/{namespace}"
    options = {"capture_output": True, "text": True, **options}
    done = subprocess.run(["nsenter", f"--net={where}", *command], **options)
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


class Lan:
    """Use it as a context manager, while the engine runs."""

    def __init__(self, engine):
        self.engine = engine.name
        self.neighbour = engine.name + "-n"
        self.router = engine.name + "-r"

    def __enter__(self):
        for name in (self.neighbour, self.router):
            subprocess.run(["ip", "netns", "add", name], check=True)
            self.ip(name, "link set lo up")
        self.ip(self.router, "link add lan type bridge")
        self.ip(self.router, f"addr add {ROUTER}/24 dev lan")
        self.ip(self.router, f"addr add {OUTSIDE}/32 dev lo")
        self.ip(self.router, "link set lan up")
        self._plug(self.engine, "up0", HOST, HOST6)
        self._plug(self.neighbour, "eth0", NEIGHBOUR, NEIGHBOUR6)
        return self

    def _plug(self, namespace, interface, address, address6):
        port = "to-" + interface
        self.ip(self.router, f"link add {port} type veth peer name {interface} netns {namespace}")
        self.ip(self.router, f"link set {port} master lan up")
        self.ip(namespace, f"addr add {address}/24 dev {interface}")
        self.ip(namespace, f"addr add {address6}/64 dev {interface} nodad")
        self.ip(namespace, f"link set {interface} up")
        self.ip(namespace, f"route add default via {ROUTER}")

    def __exit__(self, *_):
        run_in(self.engine, "ip", "link", "del", "up0", check=False)
        for name in (self.neighbour, self.router):
            subprocess.run(["ip", "netns", "del", name], check=False)

    @staticmethod
    def ip(namespace, line, check=True):
        return run_in(namespace, "ip", *line.split(), check=check).stdout

    def reaches(self, namespace, address):
        """Whether a ping is answered; asked twice, since the first packet may wait for a neighbour's address."""
        return run_in(namespace, "busybox", "ping", "-c", "2", "-W", "1", address, check=False).returncode == 0
