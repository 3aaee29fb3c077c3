"""The two engines of the daily figures behind one face: ctr and Debian's dockerd, each in a network namespace of
its own, with the same busybox image. What they are asked by HTTP is asked in the same way."""

import contextlib
import json
import os
import socket
import subprocess
import urllib.parse

from engine import CTR, Engine
from peers import busybox_root, docker, find_program, missing


class Side:
    """`cli` is what stands before a verb of its client; `socket` speaks the API; `namespace` is its host's network."""

    def __init__(self, name, cli, socket_path, namespace, environment):
        self.name, self.cli, self.socket, self.namespace, self.env = name, cli, str(socket_path), namespace, environment

    def run(self, *arguments, check=True, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        done = subprocess.run([*self.cli, *map(str, arguments)], env=self.env, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name} {arguments}: {done.stdout}{done.stderr}")
        return done.stdout.strip() if options["stdout"] == subprocess.PIPE and options["text"] else done

    def connect(self):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(120)
        stream.connect(self.socket)
        return stream

    def open_stream(self, path):
        """A GET whose answer does not end, behind its header."""
        stream = self.connect()
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += stream.recv(4096)
        return stream

    def in_namespace(self, *command, **options):
        return subprocess.run(["nsenter", f"--net=/run/netns/{self.namespace}", *command], check=True, **options)

    def pid_of(self, container):
        return int(self.run("inspect", "-f", "{{.State.Pid}}", container))


class Connection:
    """Requests to the API one after the other, on one connection."""

    def __init__(self, side):
        self.stream = side.connect()
        self.file = self.stream.makefile("rb")

    def request(self, method, path, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.stream.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            f"Content-Length: {len(text)}\r\n\r\n".encode() + text)
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        answer = self._body(headers) if status not in (204, 304) else b""
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]}")
        return answer

    def _body(self, headers):
        if headers.get("transfer-encoding") != "chunked":
            return self.file.read(int(headers.get("content-length", 0)))
        pieces = []
        while (size := int(self.file.readline(), 16)):
            pieces.append(self.file.read(size))
            self.file.readline()
        self.file.readline()
        return b"".join(pieces)


def query(**parameters):
    return "?" + urllib.parse.urlencode(parameters)


@contextlib.contextmanager
def open_ctr():
    with Engine() as engine:
        side = Side("ctr", [CTR], engine.socket, engine.name, {**os.environ, "CTR_HOST": engine.host, "DOCKER_HOST": engine.host})
        archive = engine.base / "root.tar"
        subprocess.run(["tar", "-cf", str(archive), "-C", str(busybox_root()), "."], check=True)
        side.run("import", archive, "busybox")
        yield side


@contextlib.contextmanager
def open_docker():
    """None where there is none."""
    if missing("dockerd", "docker", "containerd"):
        yield None
        return
    with docker(storage="overlay2", bridge=True) as peer:
        host = f"unix://{peer.base}/docker.sock"
        subprocess.run(["ip", "-n", peer.name, "link", "set", "lo", "up"], check=True)
        yield Side("docker", [find_program("docker"), "-H", host], peer.base / "docker.sock", peer.name,
                   {**peer.env, "DOCKER_HOST": host})
