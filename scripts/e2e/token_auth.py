"""A registry that wants bearer tokens, signed with ES256 by a token server of the tests: scopes, refusals, rights of an account."""

import base64
import json
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import HELLO, PASS, REFUSED, Server, Suite, free_port, imgguard, port_answers, tool

# Account: password, and what it may do.
ACCOUNTS = {"writer": ("correct-horse", {"pull", "push"}), "reader": ("battery-staple", {"pull"})}


def text64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TokenServer:
    """Signs what accounts may do (distribution's token specification); remembers who asked for what."""

    def __init__(self, folder):
        self.key, self.certificate = folder / "token.key", folder / "token.crt"
        tool("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=token server", "-keyout", self.key, "-out", self.certificate)
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(handler.path).query)
        scopes = query.get("scope", [])
        account, password = base64.b64decode(handler.headers.get("Authorization", "Basic ").split(" ", 1)[1] or b"Og==").decode().split(":", 1)
        self.asked.append((account, scopes))
        known, rights = ACCOUNTS.get(account, (None, set()))
        if password != known:
            return self.reply(handler, 401, {"errors": [{"code": "UNAUTHORIZED", "message": "no such account"}]})
        granted = []
        for scope in scopes:
            kind, name, actions = scope.rsplit(":", 2) if scope.count(":") < 3 else [scope.split(":")[0], ":".join(scope.split(":")[1:-1]), scope.split(":")[-1]]
            granted.append({"type": kind, "name": name, "actions": sorted(set(actions.split(",")) & rights)})
        return self.reply(handler, 200, {"token": self.token(query["service"][0], account, granted), "expires_in": 60})

    def token(self, service, account, granted):
        now = int(time.time())
        der = base64.b64encode(subprocess.run(["openssl", "x509", "-in", self.certificate, "-outform", "DER"], capture_output=True, check=True).stdout).decode()
        header = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
        claims = {"iss": "tests", "sub": account, "aud": service, "exp": now + 60, "nbf": now - 5, "iat": now, "jti": str(len(self.asked)), "access": granted}
        signed = ".".join(text64(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), capture_output=True, check=True).stdout
        # From the DER of openssl to the two numbers of JWS (RFC 7518, section 3.4).
        numbers, at = b"", 2
        for _ in range(2):
            length = signature[at + 1]
            numbers += signature[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + length
        return f"{signed}.{text64(numbers)}"

    @staticmethod
    def reply(handler, status, document):
        body = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class TokenAuth(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tokens = cls.serve(TokenServer(cls.dir))
        port = free_port()
        config = cls.dir / "registry.yml"
        config.write_text("\n".join([
            "version: 0.1", "log: {level: warn}", f"storage: {{filesystem: {{rootdirectory: {cls.dir}/storage}}}}", "http:", f"  addr: 127.0.0.1:{port}",
            "auth:", "  token:", f"    realm: {cls.tokens.url}", "    service: tests-registry", "    issuer: tests", f"    rootcertbundle: {cls.tokens.certificate}",
        ]) + "\n")
        cls.serve(Server("token-registry", ["docker-registry", "serve", config], port_answers(port)))
        cls.host = f"127.0.0.1:{port}"

    def login(self, account, password=None):
        folder = self.dir / f"docker-{account}-{password is None}"
        folder.mkdir(exist_ok=True)
        secret = base64.b64encode(f"{account}:{password or ACCOUNTS[account][0]}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": secret}}}))
        return {"DOCKER_CONFIG": str(folder)}

    def copied(self, name):
        run = imgguard("copy", f"oci:{HELLO}:1.0.0", f"{self.host}/{name}:1.0.0", env=self.login("writer"))
        return self.exits(run, PASS)

    def test_write_read_mount(self):
        """push, check, a copy within the registry: each token is asked for its own repositories and rights"""
        self.copied("team/one")
        self.exits(imgguard("inspect", f"{self.host}/team/one:1.0.0", "--platform", "all", env=self.login("reader")), PASS)
        before = len(self.tokens.asked)
        within = imgguard("copy", f"{self.host}/team/one:1.0.0", f"{self.host}/team/two:1.0.0", env=self.login("writer"))
        self.exits(within, PASS, "mounted")
        asked = [scopes for _, scopes in self.tokens.asked[before:]]
        both = [scopes for scopes in asked if any("team/one" in scope for scope in scopes) and any("team/two" in scope and "push" in scope for scope in scopes)]
        self.assertTrue(both, f"one token is for both repositories: {asked}")
        self.assertLessEqual(len(asked), 8, "tokens are kept while they are good")

    def test_rights(self):
        """an account that may only read: nothing is written, the answer is denied and never not-found; a wrong password; nobody"""
        self.copied("team/rights")
        source = f"oci:{HELLO}:0.9.0"
        refused = imgguard("copy", source, f"{self.host}/team/rights:0.9.0", env=self.login("reader"))
        self.exits(refused, REFUSED, "denied")
        tags = imgguard("tags", "audit", f"{self.host}/team/rights", env=self.login("reader"))
        self.assertNotIn("0.9.0", tags.out)
        wrong = self.exits(imgguard("check", f"{self.host}/team/rights:1.0.0", env=self.login("writer", "wrong-horse")), REFUSED, "denied")
        self.assertNotIn("wrong-horse", wrong.out + wrong.err)
        self.exits(imgguard("check", f"{self.host}/team/rights:1.0.0", env={"DOCKER_CONFIG": str(self.dir)}), REFUSED, "denied")
        verify = imgguard("verify", f"{self.host}/team/rights:1.0.0", "--key", self.tokens.key.with_suffix(".pub"), env=self.login("reader"))
        self.assertNotEqual(verify.exit, PASS)

    def test_release(self):
        """a release with its read-back by a second client"""
        policy = self.dir / "minimal.yaml"
        policy.write_text("version: 1\nname: m\nrules: { user: { root: deny } }\n")
        arguments = ["release", f"oci:{HELLO}:1.0.0", "--to", f"{self.host}/team/released", "--version", "1.2.3", "--policy", policy]
        self.exits(imgguard(*arguments, env=self.login("reader")), REFUSED, "denied")
        self.exits(imgguard(*arguments, env=self.login("writer")), PASS, "4 tags written")
