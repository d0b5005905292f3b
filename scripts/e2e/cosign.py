"""Signatures exchanged with cosign itself, both ways: with a key, a key and a timestamp, and an identity; as referrers and under the
tags of cosign 1 and 2; of a manifest and of an index. Only when IMGGUARD_PEERS is set; scripts/peers builds cosign."""

import json
import os
import subprocess
import sys
import unittest
import urllib.request

from harness import HELLO, PASS, ROOT, VIOLATIONS, WORK, Server, Suite, imgguard, registry, tool

COSIGN = ROOT / "target" / "peers" / "cosign"
PYTHON = ROOT / "target" / "venv-sign" / "bin" / "python"
PASSWORD = "open sesame"
MAIL = "builder@example.com"
INSIDE = "IMGGUARD_INSIDE"
FORMS = {"referrer": [], "legacy": ["--new-bundle-format=false"]}


class Exchange(Suite):
    """Services on loopback, a registry, and a key of each."""

    services = [PYTHON, ROOT / "scripts" / "e2e" / "sigstore_services.py"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert COSIGN.is_file(), f"{COSIGN} is missing: build it with scripts/peers"
        services = cls.dir / "services"
        services.mkdir()
        said = WORK / "sigstore.log"
        lines = lambda: [line for line in said.read_text().splitlines(keepends=True) if line.startswith("http") and line.endswith("\n")]
        cls.serve(Server("sigstore", [*cls.services, services], lambda: bool(lines())))
        cls.base = lines()[0].strip()
        cls.root, cls.config, cls.issuer = services / "root.json", services / "signing.json", f"{cls.base}/oidc"
        store = cls.dir / "store"
        store.mkdir()
        server, cls.host = registry(store, "cosign-registry")
        cls.serve(server)
        cls.env = {"IMGGUARD_KEY_PASSWORD": PASSWORD, "COSIGN_PASSWORD": PASSWORD, "HOME": str(cls.dir), "TUF_ROOT": str(cls.dir / "tuf")}
        made = imgguard("key", "generate", "--out", cls.dir / "ours", env=cls.env)
        assert made.exit == 0, made
        tool(COSIGN, "generate-key-pair", "--output-key-prefix", cls.dir / "theirs", env=cls.env)

    def cosign(self, *arguments, accepted=True):
        """What cosign said; it knows no service but those on loopback."""
        done = subprocess.run(
            [COSIGN, *map(str, arguments)], capture_output=True, check=False, timeout=120,
            env={**os.environ, **self.env, "HTTPS_PROXY": "http://127.0.0.1:1"})
        said = (done.stdout + done.stderr).decode(errors="replace")
        self.assertEqual(done.returncode == 0, accepted, said[-3000:])
        return said

    def token(self):
        claims = {"iss": self.issuer, "sub": "me", "email": MAIL, "email_verified": True}
        with urllib.request.urlopen(urllib.request.Request(f"{self.issuer}/token", json.dumps(claims).encode())) as answer:
            path = self.dir / "token"
            path.write_bytes(answer.read())
            return path

    def pushed(self, name, kind):
        """The small image, or the index of two, in the registry: its reference by digest."""
        place = f"{self.host}/{name}/{kind}"
        platforms = ["--all"] if kind == "index" else ["--override-os", "linux", "--override-arch", "amd64"]
        tool("skopeo", "copy", "--quiet", "--insecure-policy", *platforms, "--preserve-digests", "--dest-tls-verify=false",
             f"oci:{HELLO}:1.0.0", f"docker://{place}:1.0.0")
        digest = tool("skopeo", "manifest-digest", "/dev/stdin", stdin=tool(
            "skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{place}:1.0.0").encode()).strip()
        return f"{place}@{digest}"

    def exchange_identities(self):
        """An identity signs here and is verified there, and the other way."""
        who = ["--certificate-identity", MAIL, "--certificate-oidc-issuer", self.issuer, "--trusted-root", self.root]
        for kind in ("manifest", "index"):
            with self.subTest(kind=kind):
                image, bundle = self.pushed("identity-ours", kind), self.dir / f"{kind}.sigstore.json"
                run = imgguard("sign", image, "--identity-token", self.token(), "--signing-config", self.config, "--recursive", "index",
                               "--bundle-out", bundle)
                self.exits(run, PASS)
                self.cosign("verify", *who, image)
                self.cosign("verify", *["other@example.com" if part == MAIL else part for part in who], image, accepted=False)
                tool(PYTHON, ROOT / "scripts" / "e2e" / "sign_peers.py", "keyless", bundle, MAIL, self.issuer, self.root)
                verify = lambda image: imgguard("verify", image, "--identity", MAIL, "--issuer", self.issuer, "--trusted-root", self.root)
                self.exits(verify(image), PASS, "verified")
                image = self.pushed("identity-theirs", kind)
                self.cosign("sign", "--identity-token", self.token(), "--signing-config", self.config, "--trusted-root", self.root, "-y", image)
                self.exits(verify(image), PASS, "verified")


class Cosign(Exchange):
    @staticmethod
    def each():
        """Every kind of image with every form of storage."""
        return [(kind, form, options) for kind in ("manifest", "index") for form, options in FORMS.items()]

    def test_keys(self):
        """a key of cosign opens here, and one of ours there"""
        public = imgguard("key", "public", "--key", self.dir / "theirs.key", env=self.env)
        self.assertEqual(self.exits(public, PASS).out, (self.dir / "theirs.pub").read_text())
        said = tool(COSIGN, "public-key", "--key", self.dir / "ours.key", env=self.env)
        self.assertEqual(said.strip(), (self.dir / "ours.pub").read_text().strip())

    def test_ours_by_key(self):
        """cosign verifies what imgguard signed with a key"""
        for kind, form, options in self.each():
            with self.subTest(kind=kind, form=form):
                image = self.pushed(f"ours-{form}", kind)
                compat = "legacy" if form == "legacy" else "none"
                self.exits(imgguard("sign", image, "--key", self.dir / "ours.key", "--compat", compat, env=self.env), PASS)
                verify = ["verify", *options, "--key", self.dir / "ours.pub", "--insecure-ignore-tlog=true", "--trusted-root", self.root, image]
                self.cosign(*verify)
                self.cosign(*[self.dir / "theirs.pub" if part == self.dir / "ours.pub" else part for part in verify], accepted=False)
                consumer = "cosign2" if form == "legacy" else "cosign3"
                self.exits(imgguard("verify", image, "--key", self.dir / "ours.pub", "--as", consumer, "--insecure-ignore-tlog"), PASS)

    def test_theirs_by_key(self):
        """imgguard verifies what cosign signed with a key"""
        for kind, form, options in self.each():
            with self.subTest(kind=kind, form=form):
                image = self.pushed(f"theirs-{form}", kind)
                self.cosign("sign", *options, "--key", self.dir / "theirs.key", "--use-signing-config=false", "--tlog-upload=false", "-y", image)
                self.exits(imgguard("verify", image, "--key", self.dir / "theirs.pub"), PASS, "verified")
                self.exits(imgguard("verify", image, "--key", self.dir / "ours.pub"), VIOLATIONS, "untrusted" if form == "referrer" else "invalid")

    def test_timestamps(self):
        """cosign takes the timestamp beside our signature"""
        image = self.pushed("stamped", "index")
        self.exits(imgguard("sign", image, "--key", self.dir / "ours.key", "--tsa", f"{self.base}/tsa", env=self.env), PASS)
        self.cosign("verify", "--key", self.dir / "ours.pub", "--insecure-ignore-tlog=true", "--use-signed-timestamps", "--trusted-root", self.root, image)
        self.exits(imgguard("verify", image, "--key", self.dir / "ours.pub", "--trusted-root", self.root, "--max-age", "1h"), PASS)

    def test_attestations(self):
        """attestations both ways"""
        image = self.pushed("attested", "manifest")
        predicate = self.dir / "predicate.json"
        predicate.write_text('{"buildDefinition": {"buildType": "test"}, "runDetails": {"builder": {"id": "https://builder.example"}}}')
        self.exits(imgguard("attest", image, "--type", "slsaprovenance1", "--predicate", predicate, "--key", self.dir / "ours.key", env=self.env), PASS)
        verify = ["verify-attestation", "--insecure-ignore-tlog=true", "--trusted-root", self.root]
        self.cosign(*verify, "--type", "slsaprovenance1", "--key", self.dir / "ours.pub", image)
        self.cosign(*verify, "--type", "spdx", "--key", self.dir / "ours.pub", image, accepted=False)
        self.cosign("attest", "--type", "slsaprovenance1", "--predicate", predicate, "--key", self.dir / "theirs.key",
                    "--use-signing-config=false", "--tlog-upload=false", "-y", image)
        self.exits(imgguard("verify", image, "--key", self.dir / "theirs.pub", "--require", "slsaprovenance1"), PASS)
        self.exits(imgguard("verify", image, "--key", self.dir / "theirs.pub", "--require", "sign"), VIOLATIONS)

    def test_identities(self):
        """an identity signs here and is verified there, and the other way, with services on loopback"""
        self.exchange_identities()


class Stack(Suite):
    def test_identities(self):
        """the same with the services of Sigstore themselves: Fulcio, Rekor and the timestamp authority"""
        # Their metrics listen on every interface whatever they are told: here there is none but loopback.
        inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, __file__]
        done = subprocess.run(["unshare", "--net", *inside], capture_output=True, check=False, timeout=600, env={**os.environ, INSIDE: "1"})
        said = (done.stdout + done.stderr).decode(errors="replace")
        self.assertTrue(done.returncode == 0 and "Ran 1 test" in said, said[-4000:])


class Inside(Exchange):
    """What runs where there is nothing but loopback."""

    services = [sys.executable, ROOT / "scripts" / "sigstore-stack", "serve"]

    def test_identities(self):
        """an identity of Sigstore's own services"""
        self.exchange_identities()



if os.environ.get(INSIDE):
    unittest.main(argv=[__file__, "Inside"])
del Inside
if not os.environ.get("IMGGUARD_PEERS"):
    print("  note   cosign is not asked: scripts/peers builds it, IMGGUARD_PEERS=1 asks it", flush=True)
    del Cosign, Stack
elif missing := [name for name in ("fulcio", "rekor", "timestamp-server") if not (COSIGN.parent / name).is_file()]:
    print(f"  note   the services of Sigstore are not asked: {', '.join(missing)} not built, see scripts/sigstore-stack", flush=True)
    del Stack
