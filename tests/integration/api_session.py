"""Plain requests to an engine's socket, and what is to be compared of the answers."""

import base64
import http.client
import io
import json
import re
import socket
import struct
import tarfile


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


STAT = "X-Docker-Container-Path-Stat"


def documents(text):
    """The values of JSON text, one after another."""
    decoder, values, at = json.JSONDecoder(), [], 0
    while (text := text[at:].lstrip()):
        value, at = decoder.raw_decode(text)
        values.append(value)
    return values


def frames(data):
    """[[stream, text], …] of a multiplexed stream; what follows one another in one stream is one."""
    found = []
    while len(data) >= 8:
        stream, size = data[0], struct.unpack(">I", data[4:8])[0]
        text, data = data[8:8 + size].decode(errors="replace"), data[8 + size:]
        if found and found[-1][0] == stream:
            found[-1][1] += text
        else:
            found.append([stream, text])
    return found


def decode(kind, data):
    if kind.startswith("application/json"):
        values = documents(data.decode())
        return values[0] if len(values) == 1 else values
    if data[:1] in (b"\0", b"\1", b"\2") and data[1:4] == b"\0\0\0":
        return frames(data)
    if data[257:262] == b"ustar":
        names = {name.removeprefix("./").split("/")[0] for name in tarfile.open(fileobj=io.BytesIO(data)).getnames()}
        return {re.sub("[0-9a-f]{64}", "<id>", name): True for name in sorted(names) if name}
    return data.decode(errors="replace")


def ask(path, method, target, body=None, headers=()):
    """{"status", "type", "body"} and, of a HEAD of an archive, "stat". A body is JSON text, bytes, or what becomes it."""
    headers = dict(headers)
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if body is not None:
        headers.setdefault("Content-Type", "application/x-tar" if isinstance(body, bytes) else "application/json")
    connection = Connection(path)
    connection.request(method, target, body=body, headers=headers)
    response = connection.getresponse()
    kind = response.headers.get("Content-Type", "")
    answer = {"status": response.status, "type": kind, "body": decode(kind, response.read())}
    if STAT in response.headers:
        answer["stat"] = json.loads(base64.b64decode(response.headers[STAT]))
    connection.close()
    return answer
