"""A daemon with canned answers: what it is asked is compared, what it says is the same for every
client. Tests serve one set of answers to `ctr` and to the `docker` client and compare what they print.

    with FakeDaemon({"GET /containers/json": [...]}) as daemon:
        subprocess.run(["ctr", "-H", daemon.url, "ps"])
        daemon.requests  # [("GET", "/containers/json", {"all": ["1"]}, b"")]
"""

import http.server
import json
import os
import re
import socketserver
import tempfile
import threading
import urllib.parse

API_VERSION = "1.50"


class Answer:
    """An answer that is not just 200 with JSON."""

    def __init__(self, body=b"", status=200, content_type="application/json", headers=None):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.content_type = content_type
        self.headers = headers or {}


def error(status, message):
    return Answer({"message": message}, status)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "client"

    def log_message(self, *arguments):
        pass

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        url = urllib.parse.urlsplit(self.path)
        path = re.sub(r"^/v[0-9.]+(?=/)", "", urllib.parse.unquote(url.path))
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        daemon = self.server.fake
        if path == "/_ping":
            return self._send(Answer(b"OK", content_type="text/plain"))
        daemon.requests.append((self.command, path, query, body))
        answer = daemon.answers.get(f"{self.command} {path}")
        if callable(answer):
            answer = answer(query, body)
        if answer is None:
            answer = error(404, f"no answer for {self.command} {path}")
        self._send(answer if isinstance(answer, Answer) else Answer(answer))

    def _send(self, answer):
        self.send_response(answer.status)
        for name, value in {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Api-Version": API_VERSION,
            "Ostype": "linux",
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_DELETE = _answer


class FakeDaemon:
    def __init__(self, answers=None):
        self.answers = dict(answers or {})
        self.requests = []
        self._directory = tempfile.TemporaryDirectory(prefix="ctr-fake-")
        self.socket = os.path.join(self._directory.name, "docker.sock")
        self.url = "unix://" + self.socket

    def __enter__(self):
        self._server = _Server(self.socket, _Handler)
        self._server.fake = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()
