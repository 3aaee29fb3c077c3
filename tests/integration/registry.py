"""Debian's docker-registry on the loopback of an engine's network namespace."""

import pathlib
import shutil
import subprocess
import tempfile

from engine import wait_for

CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class Registry:
    def __init__(self, engine, port=5000, user=None):
        """`user` is (name, password): nobody else is served."""
        self.user = user
        self.engine = engine
        self.address = f"127.0.0.1:{port}"
        self.port = port

    def __enter__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="ctr-registry-", dir="/var/tmp"))
        config = self.base / "config.yml"
        config.write_text(CONFIG.format(root=self.base / "store", port=self.port) + self.auth_config())
        self.log = open(self.base / "log", "wb")
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.engine.name}", "docker-registry", "serve", str(config)],
            stdout=self.log, stderr=self.log)
        wait_for(self.answers, "the registry to answer")
        return self

    def auth_config(self):
        if not self.user:
            return ""
        import crypt
        name, password = self.user
        (self.base / "htpasswd").write_text(f"{name}:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
        return f"auth: {{htpasswd: {{realm: test, path: {self.base}/htpasswd}}}}\n"

    def answers(self):
        return self.get("/v2/").returncode == 0

    def get(self, path, *flags):
        user = ["-u", ":".join(self.user)] if self.user else []
        return self.engine.in_netns("curl", "-sf", *user, *flags, f"http://{self.address}{path}", check=False,
                                    capture_output=True, text=True)

    def push(self, layout, reference, *flags):
        """Pushes an OCI layout directory: skopeo's flags choose format and compression."""
        repository, _, tag = reference.partition(":")
        self.engine.in_netns(
            "skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", *flags, f"oci:{layout}",
            f"docker://{self.address}/{repository}:{tag or 'latest'}", capture_output=True)

    def __exit__(self, kind, value, trace):
        self.process.terminate()
        self.process.wait(timeout=10)
        self.log.close()
        shutil.rmtree(self.base, ignore_errors=True)
