"""Signatures against the implementations of others: @sigstore/verify on Node, sigstore and PyNaCl from PyPI, OpenSSL."""

import base64
import http.server
import json
import os
import shutil
import stat
import subprocess
import threading
import urllib.error
import urllib.request

from harness import HELLO, INCONCLUSIVE, INFRASTRUCTURE, PASS, REFUSED, ROOT, VIOLATIONS, Suite, free_port, imgguard, registry, tool
from kms_plugin import make_key, make_plugin
from timestamps import AUTHORITY

PYTHON = ROOT / "target" / "venv-sign" / "bin" / "python"
NODE_FOLDER = ROOT / "target" / "node-sign"
PEERS = ROOT / "scripts" / "e2e" / "sign_peers.py"
NODE_PEER = ROOT / "scripts" / "e2e" / "sign_peer.mjs"
DATA = ROOT / "testdata" / "sigstore"
PASSWORD = "open sesame"
SIGN = "https://sigstore.dev/cosign/sign/v1"

CERTIFICATES = """
[req]
distinguished_name=dn
prompt=no
[dn]
CN=test
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[ts]
basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
"""


class Sign(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = {"IMGGUARD_KEY_PASSWORD": PASSWORD}
        cls.key = cls.dir / "release"
        made = imgguard("key", "generate", "--out", cls.key, env=cls.env)
        assert made.exit == 0, made
        cls.private, cls.public = f"{cls.key}.key", f"{cls.key}.pub"
        cls.password = cls.dir / "password"
        cls.password.write_text(PASSWORD)

    def layout(self, name):
        """A copy of the small image with two platforms."""
        folder = self.dir / name
        shutil.copytree(HELLO, folder)
        return folder, f"oci:{folder}:1.0.0"

    def signed(self, name, *options):
        folder, image = self.layout(name)
        self.exits(imgguard("sign", image, "--key", self.private, *options, env=self.env), PASS, "signed")
        return folder, image

    def peer(self, *arguments):
        return tool(PYTHON, PEERS, *arguments)

    def node(self, *arguments, accepted=True):
        if shutil.which("node") is None:
            print("  not run: there is no Node, so @sigstore/verify was not asked", flush=True)
            return
        done = subprocess.run(
            ["node", NODE_PEER, *map(str, arguments)], capture_output=True, check=False, env={**os.environ, "SIGN_PEERS": str(NODE_FOLDER)})
        said = (done.stdout + done.stderr).decode()
        self.assertEqual(done.returncode == 0 and "accepted" in said, accepted, said)

    def bundles(self, folder):
        """The bundles in a layout, by the digest of their subject."""
        found = {}
        for entry in json.loads((folder / "index.json").read_text())["manifests"]:
            manifest = json.loads(self.blob(folder, entry["digest"]))
            if "subject" in manifest:
                found[manifest["subject"]["digest"]] = self.blob(folder, manifest["layers"][0]["digest"])
        return found

    @staticmethod
    def blob(folder, digest):
        return (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    def test_key_files(self):
        """a key file opens with PyNaCl and hashlib, and one of theirs opens here; only its owner may read it"""
        self.assertEqual(self.peer("unlock", self.private, self.password).strip(), "secp256r1")
        self.assertEqual(stat.S_IMODE(os.stat(self.private).st_mode), 0o600)
        again = imgguard("key", "generate", "--out", self.key, env=self.env)
        self.exits(again, REFUSED, "there already")
        theirs, der = self.dir / "theirs.key", self.dir / "theirs.der"
        tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", self.dir / "theirs.pem")
        tool("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", self.dir / "theirs.pem", "-outform", "DER", "-out", der)
        self.peer("seal", theirs, self.password, der)
        shown = self.exits(imgguard("key", "public", "--key", theirs, env=self.env), PASS)
        wanted = tool("openssl", "pkey", "-inform", "DER", "-in", der, "-pubout")
        self.assertEqual(shown.out, wanted)
        theirs.chmod(0o644)
        self.exits(imgguard("key", "public", "--key", theirs, env=self.env), REFUSED, "0644")

    def test_passwords(self):
        """a wrong password is refused and never shown; a line break at its end is found and told"""
        wrong = imgguard("key", "public", "--key", self.private, env={"IMGGUARD_KEY_PASSWORD": "sesame close"})
        self.exits(wrong, REFUSED, "password is wrong")
        self.assertNotIn("sesame", wrong.out + wrong.err)
        lined = imgguard("key", "public", "--key", self.private, env={"COSIGN_PASSWORD": PASSWORD + "\n"})
        self.exits(lined, PASS, "line break")
        self.exits(imgguard("key", "public", "--key", self.private, "--key-password-file", self.password), PASS)
        self.exits(imgguard("key", "public", "--key", self.private, "--key-password-fd", "0", stdin=self.password), PASS)

    def test_import(self):
        """keys of OpenSSL in PKCS#8, SEC1 and PKCS#1 are imported; what they sign OpenSSL's public key verifies"""
        for number, command in enumerate((
                ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                ["openssl", "ecparam", "-name", "prime256v1", "-genkey"],
                ["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout"],
                ["openssl", "ecparam", "-name", "secp521r1", "-genkey", "-noout"],
                ["openssl", "genrsa", "-traditional", "3072"])):
            plain, out = self.dir / f"plain{number}.pem", self.dir / f"imported{number}"
            plain.write_text(tool(*command))
            self.exits(imgguard("key", "import", plain, "--out", out, env=self.env), PASS)
            public = tool("openssl", "pkey", "-in", plain, "-pubout")
            self.assertEqual((self.dir / f"imported{number}.pub").read_text(), public)
            _, image = self.layout(f"imported{number}.layout")
            self.exits(imgguard("sign", image, "--key", f"{out}.key", env=self.env), PASS)
            self.exits(imgguard("verify", image, "--key", f"{out}.pub"), PASS, "verified")
        edwards = self.dir / "edwards.pem"
        edwards.write_text(tool("openssl", "genpkey", "-algorithm", "ED25519"))
        self.exits(imgguard("key", "import", edwards, "--out", self.dir / "edwards", env=self.env), REFUSED, "ed25519")

    def test_round_trip(self):
        """an index and its children are signed and verified; another key is refused with its reason"""
        folder, image = self.signed("round")
        run = self.exits(imgguard("verify", image, "--key", self.public, "-o", "json"), PASS)
        found = run.json()["images"][0]
        self.assertEqual(found["verdict"], "verified")
        self.assertEqual([node["coveredBy"] for node in found["nodes"]], ["own"] * 3)
        self.exits(imgguard("key", "generate", "--out", self.dir / "other", env=self.env), PASS)
        other = imgguard("verify", image, "--key", self.dir / "other.pub", "-o", "json")
        self.exits(other, VIOLATIONS)
        self.assertEqual(other.json()["images"][0]["nodes"][0]["requirements"][0]["reason"], "untrusted.hint")
        _, bare = self.layout("unsigned")
        self.exits(imgguard("verify", bare, "--key", self.public), VIOLATIONS, "unsigned")
        self.assertEqual(len(self.bundles(folder)), 3)

    def test_others_read_ours(self):
        """@sigstore/verify and the PyPI package accept every bundle, and refuse it with another key"""
        folder, _ = self.signed("ours")
        self.exits(imgguard("key", "generate", "--out", self.dir / "stranger", env=self.env), PASS)
        for digest, bundle in self.bundles(folder).items():
            path = self.dir / "one.sigstore.json"
            path.write_bytes(bundle)
            self.node(path, "key", self.public)
            self.node(path, "key", self.dir / "stranger.pub", accepted=False)
            said = json.loads(self.peer("read", path, self.public))
            self.assertEqual(said["predicateType"], SIGN)
            self.assertEqual(said["subject"], [{"digest": {"sha256": digest.removeprefix("sha256:")}}])
            self.assertEqual(said["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json")

    def test_ours_reads_others(self):
        """a bundle that others made verifies here, from a file"""
        _, image = self.layout("foreign")
        digest = imgguard("verify", image, "--key", self.public, "-o", "json").json()["images"][0]["digest"]
        plain, public = self.dir / "foreign.pem", self.dir / "foreign.pub"
        plain.write_text(tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
        public.write_text(tool("openssl", "pkey", "-in", plain, "-pubout"))
        bundle = self.dir / "foreign.sigstore.json"
        self.peer("sign", digest, plain, bundle)
        self.node(bundle, "key", public)
        self.exits(imgguard("verify", image, "--key", public, "--bundle", bundle), PASS, "covered by its index")
        self.exits(imgguard("verify", image, "--key", public, "--bundle", bundle, "--recursive", "all"), VIOLATIONS, "invalid.subject")
        self.exits(imgguard("verify", image, "--key", self.public, "--bundle", bundle), VIOLATIONS, "untrusted")

    def test_attestations(self):
        """an attestation counts for its type only, and never as a signature"""
        folder, image = self.layout("attested")
        predicate = self.dir / "predicate.json"
        predicate.write_text('{"b": 1.10, "a": 12345678901234567890}')
        self.exits(imgguard("attest", image, "--type", "slsaprovenance1", "--predicate", predicate, "--key", self.private, env=self.env), PASS)
        verify = lambda kind: imgguard("verify", image, "--key", self.public, "--require", kind)
        self.exits(verify("slsaprovenance1"), PASS)
        self.exits(verify("https://slsa.dev/provenance/v1"), PASS)
        self.exits(verify("spdx"), VIOLATIONS, "missing")
        self.exits(verify("sign"), VIOLATIONS, "unsigned")
        self.exits(verify("slsaprovenence"), REFUSED, "did you mean")
        bundle = json.loads(next(iter(self.bundles(folder).values())))
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
        self.assertIn('{"b": 1.10, "a": 12345678901234567890}', payload)
        bad = self.dir / "bad.json"
        bad.write_text('{"a": 1, "a": 2}')
        self.exits(imgguard("attest", image, "--type", "spdx", "--predicate", bad, "--key", self.private, env=self.env), REFUSED, "duplicate key")

    def test_legacy(self):
        """`.sig` and `.att` tags are written for older readers and read back; OpenSSL verifies the signature in them"""
        folder, image = self.signed("legacy", "--compat", "legacy", "-a", "version=1.0.0")
        self.exits(imgguard("verify", image, "--key", self.public, "-a", "version=1.0.0", "--recursive", "all"), PASS)
        self.exits(imgguard("verify", image, "--key", self.public, "-a", "version=1.0.1"), VIOLATIONS)
        tags = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
                for entry in json.loads((folder / "index.json").read_text())["manifests"]}
        tag = next(tag for tag in tags if tag.endswith(".sig"))
        layer = json.loads(self.blob(folder, tags[tag]))["layers"][0]
        payload, signature = self.dir / "payload", self.dir / "signature"
        payload.write_bytes(self.blob(folder, layer["digest"]))
        signature.write_bytes(base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]))
        tool("openssl", "dgst", "-sha256", "-verify", self.public, "-signature", signature, payload)
        self.exits(imgguard("sign", image, "--key", self.private, "--compat", "legacy", env=self.env), PASS)
        self.exits(imgguard("verify", image, "--key", self.public, "-a", "version=1.0.0"), PASS, "verified")

    def pushed(self, name):
        """The small image in a real registry without an API for referrers; returns its repository."""
        folder = self.dir / name
        folder.mkdir()
        server, host = registry(folder, name)
        self.serve(server)
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", "--dest-tls-verify=false",
             f"oci:{HELLO}:1.0.0", f"docker://{host}/team/app:1.0.0")
        return server, f"{host}/team/app"

    def test_registry(self):
        """signatures and attestations in a real registry: under the fallback tag, none lost, and a registry that is gone is no answer"""
        server, repository = self.pushed("store")
        image = f"{repository}:1.0.0"
        self.exits(imgguard("verify", image, "--key", self.public), VIOLATIONS, "unsigned")
        self.exits(imgguard("sign", image, "--key", self.private, "--compat", "both", env=self.env), PASS)
        predicate = self.dir / "registry.json"
        predicate.write_text("{}")
        for kind in ("slsaprovenance1", "openvex"):
            self.exits(imgguard("attest", image, "--type", kind, "--predicate", predicate, "--key", self.private, env=self.env), PASS)
        run = self.exits(imgguard("verify", image, "--key", self.public, "--recursive", "all", "-o", "json"), PASS)
        places = {one["place"] for node in run.json()["images"][0]["nodes"] for one in node["evidence"]}
        self.assertEqual(places, {"fallback-tag", "sig-tag"})
        both = ["--require", "sign", "--require", "slsaprovenance1", "--require", "openvex"]
        self.exits(imgguard("verify", image, "--key", self.public, *both), PASS)
        digest = run.json()["images"][0]["digest"]
        index = json.loads(tool("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{repository}:{digest.replace(':', '-')}"))
        self.assertEqual(len(index["manifests"]), 3)
        for entry in index["manifests"]:
            self.assertEqual(entry["artifactType"], "application/vnd.dev.sigstore.bundle.v0.3+json")
            self.assertIn("dev.sigstore.bundle.predicateType", entry["annotations"])
        server.stop()
        self.exits(imgguard("verify", image, "--key", self.public), INFRASTRUCTURE)

    def test_denied(self):
        """what may not be read is never "unsigned": 403 and 429 in front of a real registry"""
        _, repository = self.pushed("guarded")
        host = repository.split("/")[0]
        answer = {"status": 403}

        class Guard(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hidden = "/referrers/" in self.path or ("/manifests/sha256-" in self.path)
                if hidden:
                    self.send_response(answer["status"])
                    self.send_header("Retry-After", "0")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                try:
                    request = urllib.request.Request(f"http://{host}{self.path}", headers={"Accept": self.headers.get("Accept", "*/*")})
                    with urllib.request.urlopen(request) as found:
                        body, code, headers = found.read(), found.status, found.headers
                except urllib.error.HTTPError as error:
                    body, code, headers = error.read(), error.code, error.headers
                self.send_response(code)
                for name in ("Content-Type", "Docker-Content-Digest", "Docker-Distribution-Api-Version"):
                    if headers.get(name):
                        self.send_header(name, headers[name])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        guard = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard)
        threading.Thread(target=guard.serve_forever, daemon=True).start()
        self.addCleanup(guard.shutdown)
        image = f"127.0.0.1:{guard.server_port}/team/app:1.0.0"
        denied = self.exits(imgguard("verify", image, "--key", self.public), INCONCLUSIVE, "undetermined.denied")
        self.assertNotIn("unsigned", denied.out)
        answer["status"] = 429
        throttled = self.exits(imgguard("verify", image, "--key", self.public), INFRASTRUCTURE, "infra.unreachable")
        self.assertNotIn("unsigned", throttled.out)

    def test_policy(self):
        """a trust policy asks for several signers and types; its mistakes are shown with their place"""
        _, image = self.signed("policy", "--recursive", "index")
        self.exits(imgguard("key", "generate", "--out", self.dir / "second", env=self.env), PASS)
        policy = self.dir / "trust.yaml"
        text = ("version: 1\nsigners:\n  first: { key: release.pub }\n  second: { key: second.pub }\n"
                "require:\n  - { type: sign, all: [first, second] }\n")
        policy.write_text(text)
        self.exits(imgguard("verify", image, "--policy", policy), VIOLATIONS, "1 of 2")
        self.exits(imgguard("sign", image, "--key", self.dir / "second.key", env=self.env), PASS)
        self.exits(imgguard("verify", image, "--policy", policy), PASS, "verified")
        policy.write_text(text.replace("all: [first", "all: [fisrt"))
        self.exits(imgguard("verify", image, "--policy", policy), REFUSED, "trust.yaml:6:", "did you mean")

    def test_summary(self):
        """a verification summary passes its seven checks, and each mistake has its code"""
        _, image = self.layout("summary")
        predicate = self.dir / "vsa.json"
        vsa = {"verifier": {"id": "https://gate.example"}, "timeVerified": "2026-01-01T00:00:00Z", "resourceUri": "app",
               "policy": {"uri": "p"}, "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"]}
        predicate.write_text(json.dumps(vsa))
        self.exits(imgguard("attest", image, "--type", "vsa", "--predicate", predicate, "--key", self.private, env=self.env), PASS)
        verify = lambda verifier, resource, level: imgguard(
            "verify", image, "--key", self.public, "--vsa", "--vsa-verifier", verifier, "--vsa-resource", resource, "--vsa-level", level)
        self.exits(verify("https://gate.example", "app", "SLSA_BUILD_LEVEL_2"), PASS)
        self.exits(verify("https://other.example", "app", "SLSA_BUILD_LEVEL_2"), VIOLATIONS, "vsa.verifier")
        self.exits(verify("https://gate.example", "other", "SLSA_BUILD_LEVEL_2"), VIOLATIONS, "vsa.resource")
        self.exits(verify("https://gate.example", "app", "SLSA_BUILD_LEVEL_4"), VIOLATIONS, "vsa.levels")

    def test_in_one_go(self):
        """`check --attest` and `sbom --attest` sign what they write; the report counts when it passed, and the bill is that of the image"""
        folder, image = self.layout("one-go")
        policy = self.dir / "size.yaml"
        text = "version: 1\nname: size\nrules:\n  size:\n    total: { level: deny, below: %s }\n"
        by_key = ["--attest", "--key", self.private]
        policy.write_text(text % "1KB")
        self.exits(imgguard("check", image, "--policy", policy, *by_key, env=self.env), VIOLATIONS, "attested")
        verify = lambda *kinds: imgguard("verify", image, "--key", self.public, *(part for kind in kinds for part in ("--require", kind)))
        self.exits(verify("check"), VIOLATIONS, "check.verdict")
        policy.write_text(text % "1GB")
        self.exits(verify("facts"), VIOLATIONS, "missing")
        self.exits(imgguard("inspect", image, "--platform", "all", *by_key, env=self.env), PASS, "attested")
        self.exits(verify("facts"), PASS)
        out = self.dir / "check.sigstore.json"
        run = imgguard("check", image, "--policy", policy, *by_key, "--bundle-out", out, "-o", "json", env=self.env)
        self.exits(run, PASS)
        self.exits(verify("check"), PASS)
        self.exits(verify("sign"), VIOLATIONS, "unsigned.predicate")
        statement = json.loads(base64.b64decode(json.loads(out.read_text())["dsseEnvelope"]["payload"]))
        subject = run.json()["subjects"][0]
        self.assertEqual(statement["predicateType"], "https://imgguard.dev/attestation/check/v1")
        self.assertEqual("sha256:" + statement["subject"][0]["digest"]["sha256"], subject["digest"])
        self.assertEqual(statement["predicate"]["report"]["subjects"], [subject])
        pattern = self.dir / "bill-{platform}.json"
        made = imgguard("sbom", image, "--platform", "all", "-o", f"spdx-json={pattern}", "-o", f"cyclonedx-json={self.dir}/cdx-{{platform}}.json",
                        *by_key, env=self.env)
        self.exits(made, PASS)
        self.exits(verify("spdx", "cyclonedx"), PASS)
        platform = ["--platform", "linux/amd64", "--recursive", "all", "--require", "spdx"]
        self.exits(imgguard("verify", image, "--key", self.public, *platform), PASS)
        written = json.loads((self.dir / "bill-linux-amd64.json").read_text())
        predicates = [json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"])).get("predicate") for bundle in self.all_bundles(folder)]
        self.assertIn(written, predicates)
        self.exits(imgguard("check", image, "--policy", policy, "--key", self.private, env=self.env), REFUSED, "--attest")
        self.exits(imgguard("check", image, "--policy", policy, "--attest", env=self.env), REFUSED, "--identity-token")
        self.exits(imgguard("check", "docker-daemon:none", "--policy", policy, *by_key, env=self.env), REFUSED, "no place for signatures")

    def all_bundles(self, folder):
        """Every bundle in a layout."""
        for entry in json.loads((folder / "index.json").read_text())["manifests"]:
            manifest = json.loads(self.blob(folder, entry["digest"]))
            if "subject" in manifest:
                yield self.blob(folder, manifest["layers"][0]["digest"])

    def test_children(self):
        """a child that nothing covers has its own reason"""
        folder, image = self.signed("children")
        index = json.loads((folder / "index.json").read_text())
        signed = {json.loads(self.blob(folder, entry["digest"]))["subject"]["digest"]: entry for entry in index["manifests"]
                  if "subject" in json.loads(self.blob(folder, entry["digest"]))}
        run = self.exits(imgguard("verify", image, "--key", self.public, "--recursive", "all", "-o", "json"), PASS)
        child = run.json()["images"][0]["nodes"][1]["digest"]
        index["manifests"].remove(signed[child])
        (folder / "index.json").write_text(json.dumps(index))
        run = self.exits(imgguard("verify", image, "--key", self.public, "--recursive", "all", "-o", "json"), VIOLATIONS)
        reasons = [node["requirements"][0]["reason"] for node in run.json()["images"][0]["nodes"]]
        self.assertEqual(reasons, ["verified", "unsigned.child", "verified"])
        self.exits(imgguard("verify", image, "--key", self.public), PASS, "covered by its index")

    def test_consumers(self):
        """what other verifiers would see, and the list behind the fallback tag made right for them, in a real registry"""
        _, repository = self.pushed("consumers")
        image = f"{repository}:1.0.0"
        self.exits(imgguard("sign", image, "--key", self.private, "--recursive", "index", env=self.env), PASS)
        seen = lambda consumer, *more: imgguard("verify", image, "--key", self.public, "--as", consumer, *more)
        trusting = "--insecure-ignore-tlog"
        for consumer in ("cosign3", "kyverno", "policy-controller"):
            self.exits(seen(consumer, trusting), PASS, "verified")
            self.exits(seen(consumer), VIOLATIONS, "unseen.time")
        self.exits(seen("cosign2", trusting), VIOLATIONS, "unseen.place", "--compat both")
        self.exits(seen("notation", trusting), VIOLATIONS, "unseen.format")
        listed = json.loads(imgguard("referrers", "list", image, "-o", "json").out)
        node = listed["nodes"][0]
        self.assertEqual((node["list"], [one["defects"] for one in node["referrers"]]), ("fallback-tag", [[]]))
        # What an older client leaves: no artifact type, no annotations, and an entry of something that is gone.
        tag = node["digest"].replace(":", "-")
        url = f"http://{repository.split('/')[0]}/v2/team/app/manifests/{tag}"
        kind = "application/vnd.oci.image.index.v1+json"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": kind})) as answer:
            index = json.loads(answer.read())
        for entry in index["manifests"]:
            del entry["annotations"]
            entry["artifactType"] = "application/vnd.oci.empty.v1+json"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(index).encode(), {"Content-Type": kind}, method="PUT")).close()
        self.exits(imgguard("verify", image, "--key", self.public), PASS, "verified")
        self.exits(seen("kyverno", trusting), VIOLATIONS, "unseen.listing", "referrers repair")
        self.exits(imgguard("referrers", "list", image), PASS, "wrong: the list says that its artifact type is", "lacks 3 of its annotations")
        self.exits(imgguard("referrers", "repair", image, "--dry-run"), PASS, "would be 1 completed")
        self.exits(seen("kyverno", trusting), VIOLATIONS)
        self.exits(imgguard("referrers", "repair", image), PASS, "1 completed")
        self.exits(seen("kyverno", trusting), PASS)
        self.exits(imgguard("referrers", "repair", image), PASS, "nothing to repair")
        # A referrer that another client lost.
        lost = index["manifests"][0]["digest"]
        index["manifests"] = []
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(index).encode(), {"Content-Type": kind}, method="PUT")).close()
        self.exits(imgguard("verify", image, "--key", self.public), VIOLATIONS, "unsigned")
        self.exits(imgguard("referrers", "repair", image, "--add", lost), PASS, "1 added")
        self.exits(seen("cosign3", trusting), PASS)
        self.exits(imgguard("referrers", "repair", image, "--add", node["digest"]), REFUSED, "refers to nothing")
        self.exits(imgguard("sign", image, "--key", self.private, "--compat", "both", env=self.env), PASS)
        self.exits(seen("cosign2", trusting), PASS)

    def test_plugin(self):
        """a key in a service signs through its plugin, which sees no password of ours; a wrong signature is noticed"""
        folder = self.dir / "plugins"
        folder.mkdir()
        plain, other = folder / "kms.pem", folder / "other.pem"
        public = make_key(plain)
        make_key(other)
        for name, key in (("good", plain), ("bad", other)):
            make_plugin(folder, name, key, public)
        env = {**self.env, "PATH": f"{folder}:{os.environ['PATH']}"}
        _, image = self.layout("kms")
        self.exits(imgguard("sign", image, "--key", "good://release", env=env), PASS, "signed")
        self.exits(imgguard("verify", image, "--key", public), PASS, "verified")
        self.exits(imgguard("sign", image, "--key", "bad://release", env=env), INFRASTRUCTURE, "does not verify")
        self.exits(imgguard("sign", image, "--key", "absent://release", env=env), REFUSED, "sigstore-kms-absent")

    def test_rules(self):
        """the rules supply.* judge what was verified, and stay open without a trust policy"""
        _, image = self.layout("rules")
        (self.dir / "trust-rules.yaml").write_text(
            "version: 1\nsigners: { release: { key: release.pub } }\nrequire: [{ type: sign, any: [release] }]\n")
        policy = self.dir / "supply.yaml"
        policy.write_text("version: 1\nname: supply\nrules:\n  supply:\n    signature: { level: deny }\n    sbom-matches: { level: deny }\n")
        check = lambda *more: imgguard("check", image, "--policy", policy, "--platform", "linux/amd64", *more)
        trust = ["--trust", self.dir / "trust-rules.yaml"]
        self.exits(check(), INCONCLUSIVE, "--trust")
        self.exits(check(*trust), VIOLATIONS, "supply.signature", "supply.sbom-matches")
        self.exits(imgguard("sign", image, "--key", self.private, env=self.env), PASS)
        bill = self.dir / "bill.json"
        self.exits(imgguard("sbom", image, "--platform", "linux/amd64", "-o", f"cyclonedx-json={bill}"), PASS)
        attest = lambda file: self.exits(imgguard("attest", image, "--platform", "linux/amd64", "--type", "cyclonedx", "--predicate", file,
                                                  "--key", self.private, env=self.env), PASS)
        wrong = self.dir / "wrong-bill.json"
        document = json.loads(bill.read_text())
        document.setdefault("components", []).append(
            {"type": "library", "name": "ghost", "version": "1", "purl": "pkg:generic/ghost@1", "bom-ref": "ghost"})
        wrong.write_text(json.dumps(document))
        attest(wrong)
        self.exits(check(*trust), VIOLATIONS, "differs from its attested")
        attest(bill)
        self.exits(check(*trust), PASS)

    def test_forged(self):
        """changed bytes are refused wherever they are"""
        folder, image = self.signed("forged", "--recursive", "index")
        bundle = next(iter(self.bundles(folder).values()))
        name = json.loads((folder / "index.json").read_text())["manifests"][-1]["digest"]
        layer = json.loads(self.blob(folder, name))["layers"][0]["digest"]
        path = folder / "blobs" / "sha256" / layer.removeprefix("sha256:")
        path.write_bytes(bundle.replace(b'"payload"', b'"paYload"'))
        self.exits(imgguard("verify", image, "--key", self.public, "-v"), VIOLATIONS, "invalid.format")

    def test_timestamps(self):
        """a signature is timestamped by an authority of OpenSSL, and both @sigstore/verify and imgguard want it right"""
        folder = self.dir / "tsa"
        folder.mkdir()
        (folder / "serial").write_text("01\n")
        config = folder / "cnf"
        config.write_text(CERTIFICATES + AUTHORITY.format(folder=folder))
        key = lambda name: tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / name)
        key("ca.key")
        key("ts.key")
        tool("openssl", "req", "-x509", "-new", "-key", folder / "ca.key", "-subj", "/CN=test root/O=test", "-days", "3", "-config", config,
             "-extensions", "ca", "-out", folder / "ca.pem")
        tool("openssl", "req", "-new", "-key", folder / "ts.key", "-subj", "/CN=test stamps/O=test", "-config", config, "-out", folder / "ts.csr")
        tool("openssl", "x509", "-req", "-in", folder / "ts.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
             "-days", "2", "-extfile", config, "-extensions", "ts", "-out", folder / "ts.pem")
        der = lambda name: base64.b64encode(subprocess.run(
            ["openssl", "x509", "-in", folder / name, "-outform", "DER"], capture_output=True, check=True).stdout).decode()
        root = folder / "root.json"
        root.write_text(json.dumps({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "tlogs": [], "ctlogs": [], "certificateAuthorities": [],
            "timestampAuthorities": [{
                "subject": {"organization": "test", "commonName": "test root"}, "uri": "http://127.0.0.1/",
                "certChain": {"certificates": [{"rawBytes": der("ts.pem")}, {"rawBytes": der("ca.pem")}]},
                "validFor": {"start": "2020-01-01T00:00:00Z"}}]}))

        class Authority(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                query, reply = folder / "q.tsq", folder / "r.tsr"
                query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                tool("openssl", "ts", "-reply", "-config", config, "-section", "t", "-queryfile", query, "-signer", folder / "ts.pem",
                     "-inkey", folder / "ts.key", "-chain", folder / "ca.pem", "-out", reply)
                body = reply.read_bytes()
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authority)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        layout, image = self.signed("stamped", "--recursive", "index", "--tsa", f"http://127.0.0.1:{server.server_port}/")
        path = self.dir / "stamped.sigstore.json"
        path.write_bytes(next(iter(self.bundles(layout).values())))
        self.node(path, "key", self.public, root)
        run = self.exits(imgguard("verify", image, "--key", self.public, "--trusted-root", root, "--max-age", "1h", "-o", "json"), PASS)
        times = run.json()["images"][0]["nodes"][0]["evidence"][0]["verifiedTimes"]
        self.assertEqual(len(times), 1)
        self.exits(imgguard("verify", image, "--key", self.public), VIOLATIONS, "invalid.time")
        self.exits(imgguard("verify", image, "--key", self.public, "--insecure-ignore-tlog"), PASS)
        away = imgguard("sign", image, "--key", self.private, "--tsa", f"http://127.0.0.1:{free_port()}/", env=self.env)
        self.exits(away, INFRASTRUCTURE)

    def conformance(self, *arguments):
        return imgguard("conformance", "verify-bundle", *arguments)

    def test_conformance(self):
        """the protocol of the conformance suite: good bundles pass, spoiled ones do not, and nothing else is read as a digest"""
        by_key = ["--bundle", DATA / "managed-key.sigstore.json", "--key", DATA / "managed-key.pub"]
        artifact = DATA / "managed-key.txt"
        self.exits(self.conformance(*by_key, artifact), PASS)
        digest = "sha256:" + tool("sha256sum", artifact).split()[0]
        self.exits(self.conformance(*by_key, digest), PASS)
        self.exits(self.conformance(*by_key, digest[:-1] + ("0" if digest[-1] != "0" else "1")), VIOLATIONS)
        self.exits(self.conformance(*by_key, "sha256:00"), REFUSED)
        self.exits(self.conformance(*by_key, DATA / "blob.txt"), VIOLATIONS, "invalid.subject")
        beacon = ("https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/"
                  "extremely-dangerous-oidc-beacon.yml@refs/heads/main")
        issuer = "https://token.actions.githubusercontent.com"
        staging = ["--bundle", DATA / "dsse-rekor-v2.sigstore.json", "--certificate-identity", beacon, "--certificate-oidc-issuer", issuer]
        subject = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf"
        self.exits(self.conformance("--staging", *staging, subject), PASS)
        self.exits(self.conformance(*staging, subject), VIOLATIONS)
        self.exits(self.conformance("--staging", *staging[:3], beacon + "x", *staging[4:], subject), VIOLATIONS, "untrusted.identity")
        self.exits(self.conformance("--staging", *staging[:5], "https://example.com", subject), VIOLATIONS, "untrusted.issuer")

    def test_no_socket(self):
        """verifying opens no connection: it works where the kernel grants none"""
        _, image = self.signed("offline")
        command = [os.environ.get("IMGGUARD", ROOT / "target" / "release" / "imgguard")]
        trace = self.dir / "trace"
        strace = shutil.which("strace")
        if strace is None:
            # Without strace: a network namespace of its own has no route to anywhere.
            command = ["unshare", "--net", "--map-root-user", *command]
        else:
            command = [strace, "-f", "-e", "trace=socket,connect", "-o", trace, *command]
        tool(*command, "verify", image, "--key", self.public, "--offline")
        tool(*command, "conformance", "verify-bundle", "--bundle", DATA / "managed-key.sigstore.json", "--key", DATA / "managed-key.pub",
             DATA / "managed-key.txt")
        if strace is not None:
            self.assertNotIn("AF_INET", trace.read_text())

    def test_tokens_stay_secret(self):
        """an identity token is in no output, whatever happens"""
        part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        token = ".".join([part({"alg": "RS256"}), part({"iss": "http://127.0.0.1", "sub": "me", "aud": "sigstore", "exp": 4102444800, "iat": 1}), "c2ln"])
        port = free_port()
        service = lambda url: [{"url": f"http://127.0.0.1:{port}{url}", "majorApiVersion": 1, "validFor": {"start": "2020-01-01T00:00:00Z"}, "operator": "test"}]
        config = self.dir / "signing.json"
        config.write_text(json.dumps({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "caUrls": service("/ca"), "oidcUrls": service("/oidc"),
            "rekorTlogUrls": service("/rekor"), "tsaUrls": service("/tsa"),
            "rekorTlogConfig": {"selector": "ANY"}, "tsaConfig": {"selector": "ANY"}}))
        run = imgguard("conformance", "sign-bundle", "--identity-token", token, "--bundle", self.dir / "none", "--signing-config", config, DATA / "blob.txt")
        self.exits(run, INFRASTRUCTURE)
        broken = imgguard("conformance", "sign-bundle", "--identity-token", token[:40], "--bundle", self.dir / "none", "--signing-config", config, DATA / "blob.txt")
        self.exits(broken, REFUSED)
        for said in (run, broken):
            self.assertNotIn(token[:40], said.out + said.err)
