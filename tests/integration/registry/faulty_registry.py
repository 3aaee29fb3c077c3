"""A registry that lies, breaks off, stalls and redirects as it is told: for the tests of our client.

    registry = FaultyRegistry()                    # 127.0.0.1, plain HTTP, a free port
    image = registry.add_image("app", "1", [layer(b"...")])
    registry.fault(image.layers[0].path, cut_at(1000))
    ...
    registry.requests                              # what was asked for, headers and all

A fault is a function of a Request that returns whether it has answered; each is used once, in order,
and then the registry is honest again (`always=True` keeps the last one).
"""
import gzip
import hashlib
import io
import json
import ssl
import socket
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layer(files):
    """(tar, gzip) of {name: bytes}."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(data))
    return tar.getvalue(), gzip.compress(tar.getvalue(), 1, mtime=0)


class Blob:
    def __init__(self, repository, data):
        self.data = data
        self.digest = digest_of(data)
        self.path = f"/v2/{repository}/blobs/{self.digest}"


class Image:
    def __init__(self, manifest, config, layers, diff_ids):
        self.manifest, self.config, self.layers, self.diff_ids = manifest, config, layers, diff_ids


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *arguments):
        pass

    @property
    def registry(self):
        return self.server.registry

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.sent = 0
        record = {"method": self.command, "path": self.path, "headers": dict(self.headers),
                  "body": body.decode("latin-1"), "time": time.monotonic()}
        self.registry.requests.append(record)
        try:
            fault = self.registry.next_fault(self.path.partition("?")[0])
            if not (fault and fault(self)):
                self.registry.answer(self)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError, socket.timeout):
            self.close_connection = True
        finally:
            record["sent"] = self.sent

    do_GET = do_HEAD = do_POST = handle_any

    def write(self, data):
        self.wfile.write(data)
        self.sent += len(data)

    def reply(self, status, body=b"", headers=None, kind="application/json"):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        if self.command != "HEAD":
            self.write(body)
        return True

    def drop(self):
        self.close_connection = True
        try:
            # A reset, not an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        except OSError:
            pass
        return True


class FaultyRegistry:
    def __init__(self, address="127.0.0.1", certificate=None):
        self.blobs, self.manifests, self.faults = {}, {}, {}
        self.requests = []
        self.challenge = None      # a WWW-Authenticate value: everything below /v2/ wants a token
        self.tokens = set()        # that are accepted, as Authorization values
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer((address, 0), Request)
        self.server.daemon_threads = True
        self.server.registry = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.name = f"{address}:{self.port}"
        self.url = f"{'https' if certificate else 'http'}://{self.name}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # --- content

    def add_blob(self, repository, data):
        blob = Blob(repository, data)
        self.blobs[blob.path] = blob
        return blob

    def add_manifest(self, repository, tag, document, kind=MANIFEST):
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = digest_of(text)
        for name in (tag, digest):
            self.manifests[f"/v2/{repository}/manifests/{name}"] = (text, kind)
        return {"mediaType": kind, "digest": digest, "size": len(text)}

    def add_image(self, repository, tag, layers, system="linux", architecture="amd64",
                  diff_ids=None, change=lambda manifest: None):
        blobs = [self.add_blob(repository, packed) for _, packed in layers]
        diff_ids = diff_ids or [digest_of(tar) for tar, _ in layers]
        config = self.add_blob(repository, json.dumps({
            "os": system, "architecture": architecture, "config": {"Cmd": ["true"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode())
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, "digest": config.digest,
                               "size": len(config.data)},
                    "layers": [{"mediaType": LAYER, "digest": blob.digest, "size": len(blob.data)}
                               for blob in blobs]}
        change(manifest)
        return Image(self.add_manifest(repository, tag, manifest), config, blobs, diff_ids)

    # --- behaviour

    def fault(self, path, *faults, always=False):
        self.faults[path] = [list(faults), always]

    def next_fault(self, path):
        with self.lock:
            faults, always = self.faults.get(path, ([], False))
            if not faults:
                return None
            return faults[0] if always and len(faults) == 1 else faults.pop(0)

    def answer(self, request):
        path = request.path.partition("?")[0]
        if self.challenge and request.headers.get("Authorization") not in self.tokens:
            return request.reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}',
                                 {"WWW-Authenticate": self.challenge})
        if path == "/v2/":
            return request.reply(200, b"{}")
        if path in self.manifests:
            text, kind = self.manifests[path]
            return request.reply(200, text, {"Docker-Content-Digest": digest_of(text)}, kind)
        if path in self.blobs:
            return self.send_blob(request, self.blobs[path].data)
        return request.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}')

    @staticmethod
    def send_blob(request, data, first=None):
        """Answers with `data`, or its range, and breaks off after `first` bytes of it."""
        start = 0
        wanted = request.headers.get("Range", "")
        if wanted.startswith("bytes="):
            start = int(wanted[6:].split("-")[0])
        headers = {"Content-Length": str(len(data) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        request.reply(206 if start else 200, data[start:] if first is None else
                      data[start:start + first], headers, "application/octet-stream")
        return True

    # --- what happened

    def asked(self, path, method="GET"):
        return [r for r in self.requests
                if r["method"] == method and r["path"].partition("?")[0] == path]


# --- faults

def cut_at(count):
    def fault(request):
        blob = request.registry.blobs[request.path.partition("?")[0]]
        FaultyRegistry.send_blob(request, blob.data, first=count)
        request.wfile.flush()
        request.close_connection = True
        return True
    return fault


def cut_at_ignoring_range(count):
    def fault(request):
        del request.headers["Range"]
        return cut_at(count)(request)
    return fault


def ignore_range(request):
    del request.headers["Range"]
    return False


def wrong_range(request):
    data = request.registry.blobs[request.path.partition("?")[0]].data
    return request.reply(206, data[:100], {"Content-Range": f"bytes 0-99/{len(data)}"})


def range_not_satisfiable(request):
    return request.reply(416)


def corrupt(request):
    data = bytearray(request.registry.blobs[request.path.partition("?")[0]].data)
    data[len(data) // 2] ^= 1
    return request.reply(200, bytes(data))


def truncated(request):
    """Fewer bytes than the manifest says, with a Content-Length that agrees."""
    return request.reply(200, request.registry.blobs[request.path.partition("?")[0]].data[:-10])


def endless(request):
    """More bytes than the manifest says, chunked, without an end."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    data = request.registry.blobs[request.path.partition("?")[0]].data
    while True:
        request.write(b"%x\r\n%s\r\n" % (len(data), data))


def status(code, headers=None, body=b"{}"):
    return lambda request: request.reply(code, body, headers)


def reset(request):
    return request.drop()


def stall_at(count, seconds):
    def fault(request):
        data = request.registry.blobs[request.path.partition("?")[0]].data
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.write(data[:count])
        request.wfile.flush()
        time.sleep(seconds)
        request.close_connection = True
        return True
    return fault


def dribble(request):
    """A byte from time to time: alive, but of no use."""
    data = request.registry.blobs[request.path.partition("?")[0]].data
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    for i in range(len(data)):
        request.write(data[i:i + 1])
        request.wfile.flush()
        time.sleep(0.2)
    return True


def slow(rate):
    """`rate` bytes a second."""
    def fault(request):
        data = request.registry.blobs[request.path.partition("?")[0]].data
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        for i in range(0, len(data), rate // 20):
            request.write(data[i:i + rate // 20])
            request.wfile.flush()
            time.sleep(0.05)
        return True
    return fault


def redirect(target, code=307):
    """To a URL, or to what a function makes of the request."""
    def fault(request):
        return request.reply(code, b"", {"Location": target if isinstance(target, str)
                                         else target(request)})
    return fault
