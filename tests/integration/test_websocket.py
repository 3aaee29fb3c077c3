"""Attached by websocket, as a browser's terminal is."""

import base64
import os
import socket
import struct

import pytest

from engine import Engine


@pytest.fixture(scope="module")
def engine():
    with Engine() as running:
        running.load_alpine()
        yield running


class WebSocket:
    def __init__(self, engine, path, **headers):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(engine.socket))
        fields = {"Host": "ctr", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **headers}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.fill()
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])

    def fill(self):
        piece = self.socket.recv(65536)
        assert piece, "the connection ended"
        self.bytes += piece

    def take(self, size):
        while len(self.bytes) < size:
            self.fill()
        piece, self.bytes = self.bytes[:size], self.bytes[size:]
        return piece

    def receive(self):
        first, length = self.take(2)
        if length >= 126:
            length = struct.unpack(">H" if length == 126 else ">Q", self.take(2 if length == 126 else 8))[0]
        return first & 15, self.take(length)

    def send(self, payload, kind=2, masked=True):
        mask = os.urandom(4)
        size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
        body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | kind, size[0] | (0x80 if masked else 0)]) + size[1:] + (mask + body if masked else payload))

    def read_until(self, wanted):
        seen = b""
        while wanted not in seen:
            kind, payload = self.receive()
            assert kind == 2, (kind, payload, seen)
            seen += payload
        return seen


@pytest.mark.parametrize("flags", [[], ["-t"]])
def test_a_container_is_talked_to_by_websocket(engine, flags):
    engine.ctr("run", "-di", *flags, "--name", "shell", "busybox", "sh")
    try:
        web = WebSocket(engine, "/v1.43/containers/shell/attach/ws?stream=1&stdin=1&stdout=1&stderr=1")
        assert web.status == 101
        web.send(b"echo he''llo; ls /nowhere; echo d''one\n")
        seen = web.read_until(b"done\r\n" if flags else b"done\n")
        assert b"hello" in seen and b"nowhere" in seen
        web.send(b"are you there", kind=9)
        assert web.receive() == (10, b"are you there")
        web.send(b"x" * 300 + b"; exit\n" if flags else b"exit\n")
        while (frame := web.receive())[0] != 8:
            pass
        assert frame[1] == struct.pack(">H", 1000)
    finally:
        engine.ctr("rm", "-f", "shell")


def test_what_was_printed_before_is_shown_on_request(engine):
    engine.ctr("run", "--name", "said", "busybox", "echo", "before")
    web = WebSocket(engine, "/containers/said/attach/ws?logs=1&stdout=1&stderr=1")
    assert web.read_until(b"before\n") == b"before\n"
    assert web.receive()[0] == 8
    engine.ctr("rm", "said")


def test_a_client_that_leaves_or_speaks_nonsense_harms_nobody(engine):
    engine.ctr("run", "-di", "--name", "cat", "busybox", "cat")
    path = "/containers/cat/attach/ws?stream=1&stdin=1&stdout=1"
    leaving = WebSocket(engine, path)
    leaving.socket.close()
    nonsense = WebSocket(engine, path)
    nonsense.send(b"not masked", masked=False)
    assert nonsense.receive() == (8, struct.pack(">H", 1002))
    closing = WebSocket(engine, path)
    closing.send(b"", kind=8)
    assert closing.receive()[0] == 8
    good = WebSocket(engine, path)
    good.send(b"still here\n")
    assert good.read_until(b"\n") == b"still here\n"
    good.socket.close()
    engine.ctr("rm", "-f", "cat")


@pytest.mark.parametrize("headers, status", [({"Sec-WebSocket-Version": "8"}, 400), ({"Sec-WebSocket-Key": "short"}, 400)])
def test_what_is_no_handshake_is_refused(engine, headers, status):
    engine.ctr("create", "--name", "idle", "busybox")
    assert WebSocket(engine, "/containers/idle/attach/ws?stream=1", **headers).status == status
    assert engine.api("GET", "/containers/nobody/attach/ws")[0] in (400, 404)
    engine.ctr("rm", "idle")
