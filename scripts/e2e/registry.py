"""A real registry that is away, lacks the image, wants credentials, or shows a certificate of a private authority."""

import base64
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import HELLO, INFRASTRUCTURE, REFUSED, Suite, free_port, imgguard, registry, tool

USER, PASSWORD = "alice", "correct-horse"


def pushed(host, *options):
    target = f"docker://{host}/team/hello:1.0.0"
    tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", *options, f"oci:{HELLO}:1.0.0", target)
    return f"{host}/team/hello"


class Registry(Suite):
    def login(self, host, password):
        """A Docker configuration with one password; returns the environment that points at it."""
        folder = self.dir / f"docker-{len(list(self.dir.iterdir()))}"
        folder.mkdir(exist_ok=True)
        secret = base64.b64encode(f"{USER}:{password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": secret}}}))
        return {"DOCKER_CONFIG": str(folder)}

    def silent(self, run, *secrets):
        """No secret is in anything that was printed."""
        for secret in secrets:
            self.assertNotIn(secret, run.out + run.err)
        return run

    def test_unreachable(self):
        """nobody listens: infrastructure, a retry may help"""
        self.exits(imgguard("check", f"127.0.0.1:{free_port()}/team/hello:1.0.0"), INFRASTRUCTURE, "127.0.0.1")

    def test_not_found(self):
        """a repository and a tag that do not exist: nothing was judged"""
        server, host = registry(self.dir, "plain")
        self.serve(server)
        repository = pushed(host, "--dest-tls-verify=false")
        self.assertIn(imgguard("check", f"{repository}:1.0.0").exit, (0, 1, 3))
        self.exits(imgguard("check", f"{repository}:9.9.9"), REFUSED, "9.9.9", "not found")
        self.exits(imgguard("check", f"{host}/team/nothing:1.0.0"), REFUSED, "nothing", "not found")

    def test_every_platform_once(self):
        """all platforms of an index from a registry, with skopeo's digest"""
        server, host = registry(self.dir, "platforms")
        self.serve(server)
        repository = pushed(host, "--dest-tls-verify=false")
        facts = imgguard("inspect", f"{repository}:1.0.0", "--platform", "all", "-o", "json").json()
        digest = tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{repository}:1.0.0").strip()
        self.assertEqual([image["index"]["digest"] for image in facts["images"]], [digest, digest])

    def test_credentials(self):
        """no credentials and wrong ones are refused, right ones are not; none is ever printed"""
        htpasswd = self.dir / "htpasswd"
        htpasswd.write_text(tool("htpasswd", "-Bbn", USER, PASSWORD))
        server, host = registry(self.dir, "private", htpasswd=htpasswd)
        self.serve(server)
        repository = pushed(host, "--dest-tls-verify=false", "--dest-creds", f"{USER}:{PASSWORD}")
        empty = {"DOCKER_CONFIG": str(self.dir)}
        self.exits(imgguard("check", f"{repository}:1.0.0", env=empty), REFUSED, "denied")
        wrong = imgguard("check", f"{repository}:1.0.0", env=self.login(host, "wrong-horse"))
        self.silent(self.exits(wrong, REFUSED, "denied"), "wrong-horse")
        right = imgguard("inspect", f"{repository}:1.0.0", "-o", "json", env=self.login(host, PASSWORD))
        self.assertEqual(right.exit, 0, f"\n{right}")
        self.silent(right, PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())

    def test_certificates(self):
        """a private authority is trusted with --ca-file only"""
        authority, request = self.dir / "ca", self.dir / "server"
        tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
             "-keyout", f"{authority}.key", "-out", f"{authority}.crt", "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        tool("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", f"{request}.key", "-out", f"{request}.csr")
        extensions = self.dir / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        tool("openssl", "x509", "-req", "-days", "2", "-in", f"{request}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
             "-CAcreateserial", "-extfile", extensions, "-out", f"{request}.crt")
        server, host = registry(self.dir, "tls", certificate=f"{request}.crt", key=f"{request}.key")
        self.serve(server)
        trusted = self.dir / "certs"
        trusted.mkdir()
        shutil.copy(f"{authority}.crt", trusted / "ca.crt")
        repository = pushed(host, "--dest-cert-dir", trusted)
        reference = f"{repository}:1.0.0"
        self.exits(imgguard("inspect", reference), INFRASTRUCTURE, "certificate")
        self.exits(imgguard("inspect", reference, "--ca-file", f"{authority}.crt"), 0)
        self.exits(imgguard("inspect", reference, "--ca-file", self.dir / "missing.crt"), REFUSED, "missing.crt")

    def test_trouble(self):
        """a server that fails or throttles for ever: infrastructure, after a bounded number of tries"""
        for status in (500, 503, 429):
            tries = []

            class Troubled(BaseHTTPRequestHandler):
                def do_GET(self, status=status, tries=tries):
                    tries.append(self.path)
                    self.send_response(status)
                    if status == 429:
                        self.send_header("Retry-After", "0")
                    self.send_header("Content-Length", "0")
                    self.end_headers()

                do_HEAD = do_GET

                def log_message(self, *_):
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Troubled)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                run = imgguard("check", f"127.0.0.1:{server.server_port}/team/hello:1.0.0")
            finally:
                server.shutdown()
                server.server_close()
            self.exits(run, INFRASTRUCTURE, str(status))
            self.assertLessEqual(len(tries), 30)
