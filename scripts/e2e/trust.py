"""What is trusted and where it comes from: kits that need no network, roots by TUF from a mirror that python-tuf wrote, signatures as
Notation makes them (with OpenSSL), attestations that GitHub keeps."""

import base64
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.request

from harness import BINARY, HELLO, INCONCLUSIVE, INFRASTRUCTURE, PASS, REFUSED, ROOT, VIOLATIONS, WORK, Server, Suite, imgguard, tool

PYTHON = ROOT / "target" / "venv-sign" / "bin" / "python"
HERE = ROOT / "scripts" / "e2e"
MAIL = "builder@example.com"
LATER, BEFORE = "2039-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00"

CERTIFICATES = """
[req]
distinguished_name=dn
prompt=no
[dn]
CN=unused
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[leaf]
basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Trust(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = {"IMGGUARD_KEY_PASSWORD": "open sesame"}
        made = imgguard("key", "generate", "--out", cls.dir / "release", env=cls.env)
        assert made.exit == 0, made

    def layout(self, name):
        folder = self.dir / f"{name}.layout"
        shutil.copytree(HELLO, folder)
        return folder, f"oci:{folder}:1.0.0"

    def signed(self, name):
        folder, image = self.layout(name)
        self.exits(imgguard("sign", image, "--key", self.dir / "release.key", env=self.env), PASS)
        return folder, image

    def serves(self, handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def policy(self, name="policy.yaml"):
        path = self.dir / name
        path.write_text("version: 1\nsigners:\n  release: { key: release.pub }\nrequire:\n  - { type: sign, any: [release] }\n")
        return path

    def test_kit(self):
        """a kit holds all that verifying needs, is the same bytes each time, and no socket is opened with it"""
        _, image = self.signed("packed")
        kit, again = self.dir / "trust.kit", self.dir / "again.kit"
        pack = lambda out: imgguard("trust", "kit", "--policy", self.policy(), "--image", image, "--github", "-o", out)
        said = self.exits(pack(kit), PASS, "sha256:").out.split()[0]
        self.exits(pack(again), PASS)
        self.assertEqual(kit.read_bytes(), again.read_bytes())
        self.assertEqual(said, "sha256:" + hashlib.sha256(kit.read_bytes()).hexdigest())
        shown = self.exits(imgguard("trust", "show", "--trust-kit", kit), PASS, said, "policy of 1 requirements", "production", "github")
        self.assertEqual(shown.out.count("  bundle "), 3)
        # An image whose signatures stayed behind: the kit has them.
        _, bare = self.layout("bare")
        self.exits(imgguard("verify", bare, "--policy", self.policy()), VIOLATIONS, "unsigned")
        verify = ["verify", bare, "--trust-kit", kit, "--recursive", "all"]
        self.exits(imgguard(*verify), PASS, "verified")
        self.exits(imgguard(*verify, "--trust-kit-digest", said), PASS)
        self.exits(imgguard(*verify, "--trust-kit-digest", "sha256:" + "0" * 64), REFUSED, "another trust kit")
        self.exits(imgguard("verify", bare, "--trust-kit", kit, "--key", self.dir / "release.pub"), PASS)
        gate = self.dir / "gate.yaml"
        gate.write_text("version: 1\nname: gate\nrules:\n  supply:\n    signature: { level: deny, by: [release] }\n")
        self.exits(imgguard("check", bare, "--policy", gate, "--trust-kit", kit), PASS)
        self.exits(imgguard("check", bare, "--policy", gate, "--trust", self.policy()), VIOLATIONS)
        self.offline(*verify)
        changed = json.loads(kit.read_text())
        changed["files"]["release.pub"] = changed["files"]["release.pub"].replace("M", "N", 1)
        again.write_text(json.dumps(changed))
        self.exits(imgguard("verify", bare, "--trust-kit", again), REFUSED, "no trust kit that can be used")

    def offline(self, *arguments):
        """A run that must reach nobody: every proxy would tell, and so would strace."""
        told = []

        class Told(Quiet):
            def do_GET(self):
                told.append(self.path)
                self.send_error(500)
            do_CONNECT = do_POST = do_GET

        proxy = self.serves(Told)
        proxies = {name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")}
        self.exits(imgguard(*arguments, env=proxies), PASS)
        self.assertEqual(told, [])
        if shutil.which("strace") is None:
            print("  not run: there is no strace, so only the proxies were watched", flush=True)
            return
        log = self.dir / "strace"
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", log, BINARY, *map(str, arguments)],
            capture_output=True, check=False, env={"PATH": os.environ["PATH"], "HOME": str(self.dir)})
        if not log.exists() or b"ptrace" in done.stderr:
            print("  not run: strace may not trace here, so only the proxies were watched", flush=True)
            return
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("AF_INET", log.read_text())

    def test_update(self):
        """a root from a mirror takes the place of the embedded one; going back, expiry, strangers and silence change nothing"""
        services = self.dir / "services"
        services.mkdir()
        said = WORK / "sigstore-trust.log"
        self.serve(Server("sigstore-trust", [PYTHON, HERE / "sigstore_services.py", services], lambda: said.read_bytes().endswith(b"\n")))
        base = said.read_text().strip()
        request = urllib.request.Request(f"{base}/oidc/token", json.dumps(
            {"iss": f"{base}/oidc", "sub": "me", "email": MAIL, "email_verified": True}).encode())
        token = self.dir / "token"
        token.write_bytes(urllib.request.urlopen(request).read())
        _, image = self.layout("updated")
        self.exits(imgguard("sign", image, "--identity-token", token, "--signing-config", services / "signing.json"), PASS)

        repository, home = self.dir / "tuf", {"IMGGUARD_TRUST_DIR": str(self.dir / "installed")}
        repository.mkdir()
        mirror = functools.partial(tool, PYTHON, HERE / "tuf_mirror.py", repository)
        mirror("init")
        mirror("publish", services / "root.json", 1, LATER)
        url = self.serves(functools.partial(Quiet, directory=str(repository / "mirror")))
        update = lambda *more: imgguard("trust", "update", *more, env=home)
        verify = lambda *more: imgguard("verify", image, "--identity", MAIL, "--issuer", f"{base}/oidc", *more, env=home)
        self.exits(verify(), VIOLATIONS)
        self.exits(update("--url", url, "--root", repository / "first.json"), PASS, "installed sha256:", "publication 1")
        self.exits(verify(), PASS, "verified")
        self.exits(imgguard("trust", "show", env=home), PASS, "installed from", "staging", "embedded")
        # Where it came from is remembered, and a new root of keys is followed.
        mirror("rotate")
        mirror("publish", services / "root.json", 2, LATER)
        self.exits(update(), PASS, "root of keys 2", "publication 2")
        mirror("publish", services / "root.json", 1, LATER)
        self.exits(update(), VIOLATIONS, "tuf.rollback")
        mirror("publish", services / "root.json", 3, BEFORE)
        self.exits(update(), VIOLATIONS, "tuf.expired")
        other = self.dir / "no-root.json"
        other.write_text("{}")
        mirror("publish", other, 4, LATER)
        self.exits(update(), VIOLATIONS, "no trust root")
        stranger = self.dir / "stranger"
        stranger.mkdir()
        tool(PYTHON, HERE / "tuf_mirror.py", stranger, "init")
        tool(PYTHON, HERE / "tuf_mirror.py", stranger, "publish", services / "root.json", 9, LATER)
        self.exits(update("--url", self.serves(functools.partial(Quiet, directory=str(stranger / "mirror")))), VIOLATIONS, "tuf.signatures")
        self.exits(update("--url", "http://127.0.0.1:9"), INFRASTRUCTURE)
        self.exits(update("--url", "file:///etc"), REFUSED)
        self.exits(verify(), PASS, "verified")
        self.exits(verify("--trusted-root", services / "root.json"), PASS)
        root = self.dir / "installed" / "production" / "trusted_root.json"
        root.chmod(0o666)
        self.exits(verify(), PASS, "others may write")
        root.write_text(root.read_text() + "\n")
        self.exits(verify(), REFUSED, "not the one that was installed")

    def certificate(self, name, subject, issuer=None, days=30):
        config, key, request, out = (self.dir / f"{name}.{end}" for end in ("cnf", "key.pem", "csr", "pem"))
        config.write_text(CERTIFICATES)
        tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        tool("openssl", "req", "-new", "-key", key, "-subj", subject, "-config", config, "-out", request)
        by = ["-CA", self.dir / f"{issuer}.pem", "-CAkey", self.dir / f"{issuer}.key.pem", "-CAcreateserial"] if issuer else ["-signkey", key]
        tool("openssl", "x509", "-req", "-in", request, *by, "-days", days, "-sha256", "-extfile", config,
             "-extensions", "leaf" if issuer else "ca", "-out", out)
        return out

    def blob(self, folder, data):
        digest = hashlib.sha256(data).hexdigest()
        (folder / "blobs" / "sha256" / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def notation(self, folder, subject, leaf, root, **change):
        """Signs an index as Notation does, with OpenSSL, and puts the signature beside it."""
        head = {"alg": "ES256", "cty": "application/vnd.cncf.notary.payload.v1+json", "crit": ["io.cncf.notary.signingScheme"],
                "io.cncf.notary.signingScheme": "notary.x509", "io.cncf.notary.signingTime": "2026-01-01T00:00:00Z", **change}
        protected = url64(json.dumps(head).encode())
        payload = url64(json.dumps({"targetArtifact": subject}).encode())
        key = self.dir / f"{leaf}.key.pem"
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=f"{protected}.{payload}".encode(), capture_output=True, check=True).stdout
        # DER to r and s side by side.
        length = signed[3]
        numbers = (signed[4:4 + length], signed[6 + length:])
        raw = b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in numbers)
        ders = [tool("openssl", "x509", "-in", self.dir / f"{name}.pem").replace("-----BEGIN CERTIFICATE-----", "")
                .replace("-----END CERTIFICATE-----", "").replace("\n", "") for name in (leaf, root)]
        envelope = json.dumps({"payload": payload, "protected": protected, "header": {"x5c": ders}, "signature": url64(raw)}).encode()
        kind = "application/vnd.cncf.notary.signature"
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **self.blob(folder, b"{}")},
            "layers": [{"mediaType": "application/jose+json", **self.blob(folder, envelope)}], "subject": subject}).encode()
        index = json.loads((folder / "index.json").read_text())
        index["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": kind, **self.blob(folder, manifest)})
        (folder / "index.json").write_text(json.dumps(index))

    def test_notation(self):
        """a signature of the Notary Project made with OpenSSL counts for its authority, its subject and its image"""
        self.certificate("ca", "/O=acme/CN=authority")
        self.certificate("leaf", "/C=DE/O=acme/CN=release", "ca")
        self.certificate("strange", "/O=acme/CN=authority")
        folder, image = self.layout("notation")
        subject = {name: value for name, value in json.loads((folder / "index.json").read_text())["manifests"][0].items()
                   if name in ("mediaType", "digest", "size")}
        self.notation(folder, subject, "leaf", "ca")
        verify = lambda ca, who, *more: imgguard("verify", image, "--notation-ca", self.dir / f"{ca}.pem", "--notation-subject", who, *more)
        run = self.exits(verify("ca", "C=DE, O=acme", "-o", "json"), PASS)
        found = run.json()["images"][0]["nodes"][0]["evidence"][0]
        self.assertEqual((found["format"], found["signer"]["certificate"]), ("notation", "C=DE, O=acme, CN=release"))
        self.exits(verify("ca", "*", "--as", "notation"), PASS)
        self.exits(verify("ca", "*", "--as", "cosign3"), VIOLATIONS, "unseen.format")
        self.exits(verify("ca", "O=other"), VIOLATIONS, "untrusted.identity")
        self.exits(verify("strange", "*"), VIOLATIONS, "untrusted.root")
        self.exits(imgguard("verify", image, "--notation-ca", self.dir / "ca.pem"), REFUSED, "notation-subject")
        self.exits(imgguard("verify", image, "--key", self.dir / "release.pub"), VIOLATIONS, "untrusted.key")
        policy = self.dir / "notation.yaml"
        policy.write_text("version: 1\nsigners:\n  notary: { notation-ca: ca.pem, subject: 'O=acme' }\nrequire:\n  - { type: sign, any: [notary] }\n")
        self.exits(imgguard("verify", image, "--policy", policy), PASS)
        kit = self.dir / "notation.kit"
        self.exits(imgguard("trust", "kit", "--policy", policy, "-o", kit), PASS)
        self.exits(imgguard("verify", image, "--trust-kit", kit), PASS)
        other, image = self.layout("notation-other")
        self.notation(other, subject, "leaf", "ca", **{"io.cncf.notary.expiry": "2020-01-01T00:00:00Z",
                      "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"]})
        over = imgguard("verify", image, "--notation-ca", self.dir / "ca.pem", "--notation-subject", "*", "-o", "json")
        self.assertEqual(self.exits(over, VIOLATIONS).json()["images"][0]["nodes"][0]["requirements"][0]["reason"], "expired")

    def test_github(self):
        """attestations that GitHub keeps count like any other; what it does not show is never "unsigned" """
        folder, image = self.signed("github")
        index = json.loads((folder / "index.json").read_text())
        bundles = {}
        for entry in index["manifests"]:
            read = lambda digest: (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
            manifest = json.loads(read(entry["digest"]))
            if "subject" in manifest:
                bundles[manifest["subject"]["digest"]] = json.loads(read(manifest["layers"][0]["digest"]))
        _, bare = self.layout("github-bare")
        answer, asked = {"status": 200}, []

        class GitHub(Quiet):
            def do_GET(self):
                asked.append((self.path.split("?")[0], self.headers.get("Authorization")))
                digest = self.path.split("?")[0].rsplit("/", 1)[1]
                body = json.dumps({"attestations": [{"bundle": bundles[digest], "repository_id": 1}] if digest in bundles else []}).encode()
                self.send_response(answer["status"])
                self.send_header("Content-Length", str(len(body)))
                if answer["status"] in (429, 502):
                    self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(body)

        api = self.serves(GitHub)
        verify = lambda image, *more, env=None: imgguard(
            "verify", image, "--key", self.dir / "release.pub", "--github", "acme/app", "--github-api", api, *more, env=env)
        run = self.exits(verify(bare, "--recursive", "all", "-o", "json", env={"GH_TOKEN": "not-for-you", "IMGGUARD_GITHUB_TOKEN": "for-this"}), PASS)
        self.assertEqual({one["place"] for node in run.json()["images"][0]["nodes"] for one in node["evidence"]}, {"github"})
        self.assertEqual({path.rsplit("/", 1)[0] for path, _ in asked}, {"/repos/acme/app/attestations"})
        self.assertEqual({token for _, token in asked}, {"Bearer for-this"})
        asked.clear()
        self.exits(verify(bare, env={"GH_TOKEN": "not-for-you"}), PASS)
        self.assertEqual({token for _, token in asked}, {None}, "a token of GitHub goes to GitHub")
        for status, exit_code, word in ((404, INCONCLUSIVE, "undetermined.denied"), (403, INCONCLUSIVE, "undetermined.denied"),
                                        (429, INFRASTRUCTURE, "infra.unreachable"), (502, INFRASTRUCTURE, "infra.unreachable")):
            answer["status"] = status
            run = self.exits(verify(bare), exit_code, word)
            self.assertNotIn("unsigned", run.out, status)
            # Enough evidence elsewhere is enough.
            self.exits(verify(image), PASS)
        answer["status"] = 200
        bundles.clear()
        self.exits(verify(bare), VIOLATIONS, "unsigned")
        self.exits(verify(bare, "--offline"), REFUSED)
        self.exits(imgguard("verify", bare, "--key", self.dir / "release.pub", "--github", "acme"), REFUSED, "OWNER/NAME")
