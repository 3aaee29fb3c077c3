"""A daemon of one container, for what needs more than canned answers: hijacked streams, a wait that
ends later, a restart in the middle. The test is the container: it reads and writes the streams.
"""

import json
import os
import queue
import re
import shutil
import socket
import struct
import tempfile
import threading
import urllib.parse

ID = "c" * 64


def frame(stream, payload):
    return struct.pack(">BxxxI", stream, len(payload)) + payload


class ScriptedDaemon:
    """requests: (method, path, query) in the order they came. attached: the hijacked connections."""

    def __init__(self, tty=False, missing_image=False, start_error=None, warnings=()):
        self.tty = tty
        self.missing_image = missing_image
        self.start_error = start_error
        self.warnings = list(warnings)
        self.requests = []
        self.bodies = {}
        self.headers = {}
        self.attached = queue.Queue()
        self.started = threading.Event()
        self.exit_code = queue.Queue()
        self.exec_exit_code = 0
        self.pull_messages = [
            {"status": "Pulling from library/alpine", "id": "latest"},
            {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
            {"status": "Downloading", "progressDetail": {"current": 1, "total": 2}, "id": "aaaaaaaaaaaa"},
            {"status": "Pull complete", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
            {"status": "Status: Downloaded newer image for alpine:latest"},
        ]
        self._connections = []
        self._directory = tempfile.mkdtemp(prefix="ctr-scripted-")
        self.socket = os.path.join(self._directory, "ctrd.sock")
        self.url = "unix://" + self.socket

    def __enter__(self):
        self.listen()
        return self

    def __exit__(self, *error):
        self.go_away()
        shutil.rmtree(self._directory)

    # --- the daemon's life ---

    def listen(self):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.socket)
        self._listener.listen(16)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def go_away(self):
        """Closes the socket and all connections but the attached ones, which a monitor holds."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._connections = []

    def calls(self):
        """"POST start" and the like, without ids."""
        return [f"{method} {path.rsplit('/', 1)[-1]}" for method, path, _ in self.requests]

    # --- connections ---

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                length = int(headers.get("content-length", 0))
                while len(buffer) < length:
                    buffer += connection.recv(65536)
                body, buffer = buffer[:length], buffer[length:]
                method, target, _ = first.split(" ")
                url = urllib.parse.urlsplit(target)
                assert url.path.startswith("/v1.51/"), target
                path = url.path[len("/v1.51"):]
                query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
                self.requests.append((method, path, query))
                self.bodies[path] = body
                self.headers[path] = headers
                if not self._answer(connection, method, path, query, body, buffer):
                    return
        except (OSError, ValueError):
            pass

    def _send(self, connection, status, body=b"", content_type="application/json"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n"
        if status not in (204, 304):
            head += f"Content-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"\r\n" + body)
        return True

    def _hijack(self, connection, buffer):
        kind = "raw" if self.tty else "multiplexed"
        self._connections.remove(connection)
        connection.sendall(
            f"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.{kind}-stream\r\n"
            "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        self.attached.put((connection, buffer))
        return False

    def _answer(self, connection, method, path, query, body, buffer):
        if path == "/containers/create":
            if self.missing_image:
                return self._send(connection, 404, {"message": "No such image: alpine:latest"})
            return self._send(connection, 201, {"Id": ID, "Warnings": self.warnings})
        if path == "/images/create":
            self.missing_image = False
            text = "".join(json.dumps(m) + "\r\n" for m in self.pull_messages).encode()
            return self._send(connection, 200, text)
        if path.endswith("/attach") or re.fullmatch("/exec/[^/]+/start", path):
            if path.startswith("/exec") and json.loads(body)["Detach"]:
                return self._send(connection, 200)
            return self._hijack(connection, buffer)
        if path.endswith("/start"):
            if self.start_error:
                return self._send(connection, *self.start_error)
            self.started.set()
            return self._send(connection, 204)
        if path.endswith("/wait"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n")
            code = self.exit_code.get()
            if connection not in self._connections:  # the daemon went away meanwhile
                self.exit_code.put(code)
                return False
            text = json.dumps({"StatusCode": code}).encode()
            connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text))
            return True
        if re.fullmatch("/containers/[^/]+/exec", path):
            return self._send(connection, 201, {"Id": "e" * 64})
        if path.startswith("/exec/") and path.endswith("/json"):
            return self._send(connection, 200, {"ExitCode": self.exec_exit_code, "Running": False})
        if path.endswith("/json"):
            return self._send(connection, 200, {
                "Id": ID, "Config": {"Tty": self.tty, "OpenStdin": True},
                "State": {"Running": True}, "HostConfig": {"AutoRemove": False}})
        return self._send(connection, 204)
