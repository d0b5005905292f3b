"""Signing with an identity, end to end: services on loopback (sigstore_services.py), verified here, by the PyPI package sigstore and by
@sigstore/verify; and everything that must be refused."""

import base64
import contextlib
import copy
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request

from harness import HELLO, INFRASTRUCTURE, PASS, REFUSED, ROOT, VIOLATIONS, WORK, Server, Suite, imgguard, registry, tool

PYTHON = ROOT / "target" / "venv-sign" / "bin" / "python"
HERE = ROOT / "scripts" / "e2e"
ENTRY = "tlogEntries"
MAIL = "builder@example.com"
WORKFLOW = "https://git.example/acme/app/.workflows/release.yml@refs/heads/main"


def change(bundle, edit):
    """A copy of a bundle, edited."""
    changed = copy.deepcopy(bundle)
    edit(changed, changed["verificationMaterial"])
    return changed


def flipped(text):
    """Base64 with one bit in the middle changed."""
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(data).decode()


class Keyless(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.dir / "services"
        folder.mkdir()
        said = WORK / "sigstore.log"
        cls.serve(Server("sigstore", [PYTHON, HERE / "sigstore_services.py", folder], lambda: said.read_bytes().endswith(b"\n")))
        cls.base, cls.folder = said.read_text().strip(), folder
        cls.root, cls.issuer = folder / "root.json", f"{cls.base}/oidc"

    def token(self, name="token", **claims):
        """A file with a fresh identity token; for a mail address unless something else is asked for."""
        claims = {"iss": self.issuer, **(claims or {"sub": "me", "email": MAIL, "email_verified": True})}
        request = urllib.request.Request(f"{self.issuer}/token", json.dumps(claims).encode())
        with urllib.request.urlopen(request) as answer:
            path = self.dir / name
            path.write_bytes(answer.read())
            return path

    def layout(self, name):
        folder = self.dir / f"{name}.layout"
        shutil.copytree(HELLO, folder)
        return folder, f"oci:{folder}:1.0.0"

    def by_identity(self, token, config="signing"):
        return ["--identity-token", token, "--signing-config", self.folder / f"{config}.json"]

    def signed(self, name, *options, config="signing", token=None):
        """The small image, its index signed with an identity; returns the bundle too."""
        _, image = self.layout(name)
        out = self.dir / f"{name}.sigstore.json"
        run = imgguard("sign", image, "--recursive", "index", "--bundle-out", out, *self.by_identity(token or self.token(), config), *options)
        self.exits(run, PASS, "signed")
        return image, json.loads(out.read_text())

    def verify(self, image, *options, identity=MAIL, issuer=None, root=None):
        return imgguard("verify", image, "--identity", identity, "--issuer", issuer or self.issuer, "--trusted-root", root or self.root, *options)

    def reasons(self, bundle):
        """The reason why a bundle about the index of the small image does not count."""
        path = self.dir / "candidate.sigstore.json"
        path.write_text(json.dumps(bundle))
        run = self.verify(self.bare, "--bundle", path, "-o", "json")
        return run.exit, run.json()["images"][0]["nodes"][0]["requirements"][0]["reason"]

    def test_round_trip(self):
        """an identity signs and is verified here and by PyPI's sigstore; by @sigstore/verify too, but for the log's entry"""
        image, bundle = self.signed("round")
        run = self.exits(self.verify(image, "-o", "json"), PASS)
        evidence = run.json()["images"][0]["nodes"][0]["evidence"][0]
        self.assertEqual((evidence["signer"]["identity"], evidence["signer"]["identityKind"], evidence["logs"]), (MAIL, "email", 1))
        self.assertEqual(len(evidence["verifiedTimes"]), 1)
        self.exits(self.verify(image, "--max-age", "1h"), PASS)
        path = self.dir / "round.sigstore.json"
        said = json.loads(tool(PYTHON, HERE / "sign_peers.py", "keyless", path, MAIL, self.issuer, self.root))
        self.assertEqual(said["predicateType"], "https://sigstore.dev/cosign/sign/v1")
        with self.assertRaises(AssertionError):
            tool(PYTHON, HERE / "sign_peers.py", "keyless", path, "other@example.com", self.issuer, self.root)
        if shutil.which("node") is None:
            print("  not run: there is no Node, so @sigstore/verify was not asked", flush=True)
            return
        # Its version for Node 20 compares such entries with the hash of the payload, not of what is signed.
        for identity, accepted in ((MAIL, True), ("other@example.com", False)):
            done = subprocess.run(
                ["node", HERE / "sign_peer.mjs", path, "identity-without-log", identity, self.issuer, self.root], capture_output=True,
                check=False, env={**os.environ, "SIGN_PEERS": str(ROOT / "target" / "node-sign")})
            self.assertEqual(b"accepted" in done.stdout, accepted, (done.stdout + done.stderr).decode())

    def test_identities(self):
        """another identity, another issuer, another kind, a part of a name and another root are refused, each for its reason"""
        image, _ = self.signed("identities")
        self.exits(self.verify(image, identity="builder@example.co"), VIOLATIONS, "untrusted.identity")
        self.exits(self.verify(image, issuer="https://issuer.example"), VIOLATIONS, "untrusted.issuer")
        part = lambda pattern: imgguard("verify", image, "--identity-pattern", pattern, "--issuer", self.issuer, "--trusted-root", self.root)
        self.exits(part("builder@example"), VIOLATIONS, "untrusted.identity")
        self.exits(part(r".*@example\.com"), PASS)
        self.exits(imgguard("verify", image, "--identity", MAIL, "--issuer", self.issuer), VIOLATIONS, "not-verified")
        self.exits(imgguard("verify", image, "--identity", MAIL), REFUSED, "issuer")

    def test_workflow(self):
        """a workflow signs and attests; a trust policy asks for its claims, builder and source"""
        token = self.token("workflow", sub=WORKFLOW, repository="https://git.example/acme/app", ref="refs/heads/main")
        image, _ = self.signed("workflow", token=token)
        predicate = self.dir / "provenance.json"
        predicate.write_text(json.dumps({
            "buildDefinition": {"externalParameters": {"workflow": {"repository": "https://git.example/acme/app"}}},
            "runDetails": {"builder": {"id": "https://builder.example/v1"}}}))
        self.exits(imgguard("attest", image, "--type", "slsaprovenance1", "--predicate", predicate, *self.by_identity(token)), PASS)
        policy = self.dir / "workflow.yaml"
        text = (f"version: 1\nsigners:\n  ci:\n    issuer: {self.issuer}\n    identity: {WORKFLOW}\n"
                "    claims: { source-repository-uri: https://git.example/acme/app }\nrequire:\n  - { type: sign, all: [ci] }\n"
                "  - { type: slsaprovenance1, any: [ci], builder: https://builder.example/v1, source: https://git.example/acme/app, max-age: 1h }\n")
        policy.write_text(text)
        verify = lambda: imgguard("verify", image, "--policy", policy, "--trusted-root", self.root)
        self.exits(verify(), PASS, "verified")
        policy.write_text(text.replace("https://builder.example/v1", "https://other.example/v1"))
        self.exits(verify(), VIOLATIONS, "untrusted.builder")
        policy.write_text(text.replace("acme/app }\nrequire", "acme/other }\nrequire"))
        self.exits(verify(), VIOLATIONS, "untrusted.identity")

    def test_reports(self):
        """`check --attest` with an identity, for the next gate to ask for"""
        _, image = self.layout("reports")
        policy = self.dir / "light.yaml"
        policy.write_text("version: 1\nname: light\nrules:\n  size:\n    total: { level: deny, below: 1GB }\n")
        run = imgguard("check", image, "--policy", policy, "--attest", *self.by_identity(self.token()))
        self.exits(run, PASS, "attested")
        self.exits(self.verify(image, "--require", "check"), PASS)
        self.assertNotIn(self.token().read_text()[:40], run.out + run.err)

    def test_promotion(self):
        """identities stage, approve, promote and roll back; another identity, and a token that has expired, write no tag"""
        server, host = registry(self.dir, "keyless-promote")
        self.serve(server)
        staging, prod = f"{host}/staging/app", f"{host}/prod/app"
        policy = self.dir / "promote.yaml"
        policy.write_text(f"""version: 1
promote:
  signers:
    gate: {{ issuer: {self.issuer}, identity: gate@example.com }}
    builder: {{ issuer: {self.issuer}, identity: {MAIL} }}
    alice: {{ issuer: {self.issuer}, identity: alice@example.com }}
  require: [{{ type: sign, any: [builder] }}]
  approvals: {{ at-least: 1, of: [alice] }}
rules: {{ user: {{ root: deny }} }}
""")
        who = lambda mail, **more: self.token(mail, sub=mail, email=mail, email_verified=True, **more)
        root = ["--trusted-root", self.root]
        as_ = lambda mail: [*self.by_identity(who(mail)), *root]
        run = lambda wanted, mail, *arguments: self.exits(imgguard(*arguments, "--policy", policy, *as_(mail)), wanted)
        digests = []
        for number in (0, 1):
            version, at = f"1.0.{number}", f"{staging}:1.0.{number}"
            layout, image = self.layout(f"promote-{number}")
            if number:
                index = json.loads((layout / "index.json").read_text())
                entry = next(one for one in index["manifests"] if one["annotations"]["org.opencontainers.image.ref.name"] == "1.0.0")
                document = json.loads((layout / "blobs" / "sha256" / entry["digest"][7:]).read_text())
                document.setdefault("annotations", {})["number"] = str(number)
                text = json.dumps(document)
                entry["digest"], entry["size"] = "sha256:" + hashlib.sha256(text.encode()).hexdigest(), len(text)
                (layout / "blobs" / "sha256" / entry["digest"][7:]).write_text(text)
                (layout / "index.json").write_text(json.dumps(index))
            self.exits(imgguard("copy", image, at), PASS)
            plan, approval = self.dir / f"promote-{number}.json", self.dir / f"promote-{number}.approval"
            if number == 0:
                # The second index lists the same images, which are signed by then.
                unsigned = self.exits(imgguard("promote", at, prod, "--version", version, "--plan-out", plan, "--policy", policy, *root), VIOLATIONS, "there is no signature")
                self.assertIn("require refused", unsigned.err)
            self.exits(imgguard("sign", at, *self.by_identity(who(MAIL))), PASS)
            self.exits(imgguard("promote", at, prod, "--version", version, "--plan-out", plan, "--policy", policy, *root), PASS)
            apply = ["promote", "--apply", plan, "--approval", approval]
            self.exits(imgguard("approve", plan, "--out", approval, *as_("mallory@example.com")), PASS)
            self.exits(run(VIOLATIONS, "gate@example.com", *apply), VIOLATIONS, "0 given", "not counted")
            self.exits(imgguard("approve", plan, "--out", approval, *as_("alice@example.com")), PASS)
            old = [*self.by_identity(who("old@example.com", exp=1)), *root]
            self.exits(imgguard(*apply, "--policy", policy, *old), REFUSED, "expired")
            self.assertNotIn(f'"{version}"', tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{prod}") if number else "")
            done = run(PASS, "gate@example.com", *apply, "-o", "json").json()
            digests.append(done["digest"])
            self.assertEqual(done["applied"]["tags"][-1], "latest")
            again = run(PASS, "gate@example.com", *apply, "-o", "json").json()["applied"]
            self.assertEqual((again["statements"], again["tags"]), ([], []), "a second time nothing is signed")
            time.sleep(1.1)
        summary = ["verify", f"{prod}:latest", "--issuer", self.issuer, *root, "--vsa-verifier", "https://imgguard.dev/promote", "--recursive", "all"]
        self.exits(imgguard(*summary, "--identity", "gate@example.com"), PASS)
        self.exits(imgguard(*summary, "--identity", MAIL), VIOLATIONS, "untrusted.identity")
        run(PASS, "gate@example.com", "rollback", prod, "--reason", "a test")
        digest = lambda tag: tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{prod}:{tag}").strip()
        self.assertEqual((digest("latest"), digest("1.0.1")), tuple(digests))
        told = self.exits(imgguard("history", prod, "--policy", policy, *root), PASS, "rollback")
        self.assertEqual(told.out.count("signed by gate"), 3)

    def test_conformance(self):
        """the protocol of the conformance suite: a file and a statement signed with a token, verified again and by PyPI's sigstore"""
        file, bundle = self.dir / "file.txt", self.dir / "file.sigstore.json"
        file.write_text("a file\n")
        token = self.token("conformance").read_text()
        sign = ["conformance", "sign-bundle"]
        services = ["--trusted-root", self.root, "--signing-config", self.folder / "signing.json"]
        who = ["--certificate-identity", MAIL, "--certificate-oidc-issuer", self.issuer, "--trusted-root", self.root]
        verify = lambda artifact: imgguard("conformance", "verify-bundle", "--bundle", bundle, *who, artifact)
        self.exits(imgguard(*sign, "--identity-token", token, "--bundle", bundle, *services, file), PASS)
        self.exits(verify(file), PASS)
        self.exits(verify("sha256:" + tool("sha256sum", file).split()[0]), PASS)
        tool(PYTHON, HERE / "sign_peers.py", "keyless-file", bundle, MAIL, self.issuer, self.root, file)
        file.write_text("another file\n")
        self.exits(verify(file), VIOLATIONS, "invalid.subject")
        with self.assertRaises(AssertionError):
            tool(PYTHON, HERE / "sign_peers.py", "keyless-file", bundle, MAIL, self.issuer, self.root, file)
        digest = tool("sha256sum", file).split()[0]
        statement = self.dir / "statement.json"
        statement.write_text(json.dumps({
            "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "file.txt", "digest": {"sha256": digest}}],
            "predicateType": "https://example.com/test/v1", "predicate": {}}))
        self.exits(imgguard(*sign, "--in-toto", "--identity-token", token, "--bundle", bundle, *services, statement), PASS)
        self.exits(verify(file), PASS)

    def test_certificates(self):
        """a certificate that had expired, one without a proof of its log, and one of a stranger do not count"""
        for config, reason in (("expired", "invalid.time.expired"), ("bare", "invalid.sct"), ("stranger", "untrusted.root")):
            image, _ = self.signed(config, config=f"signing-{config}")
            self.exits(self.verify(image), VIOLATIONS, reason)

    def test_forged(self):
        """every part of a bundle that is taken away or changed is missed, each for its reason"""
        _, self.bare = self.layout("unsigned")
        _, good = self.signed("forged")
        _, other = self.signed("forged-other")
        self.assertEqual(self.reasons(good), (PASS, "verified"))
        self.assertEqual(self.reasons(other), (PASS, "verified"))
        theirs = other["verificationMaterial"]
        proof = lambda material: material[ENTRY][0]["inclusionProof"]

        def body(bundle, material):
            material[ENTRY][0]["canonicalizedBody"] = flipped(material[ENTRY][0]["canonicalizedBody"])

        def checkpoint(bundle, material):
            text = proof(material)["checkpoint"]["envelope"]
            head, _, tail = text.rpartition(" ")
            proof(material)["checkpoint"]["envelope"] = f"{head} {flipped(tail.strip())}\n"

        def signature(bundle, material):
            part = bundle["dsseEnvelope"]["signatures"][0]
            part["sig"] = flipped(part["sig"])

        def payload(bundle, material):
            text = base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
            bundle["dsseEnvelope"]["payload"] = base64.b64encode(text.replace("sign/v1", "sign/v2").encode()).decode()

        for name, edit, reason in (
                ("the timestamp is gone", lambda b, m: m.pop("timestampVerificationData"), "invalid.time"),
                ("the timestamp of another", lambda b, m: m.update(timestampVerificationData=theirs["timestampVerificationData"]), "invalid.time"),
                ("the log entry is gone", lambda b, m: m.update({ENTRY: []}), "invalid.tlog"),
                ("the log entry of another", lambda b, m: m.update({ENTRY: theirs[ENTRY]}), "invalid.tlog.body"),
                ("the entry's body", body, "invalid.tlog"),
                ("the checkpoint is gone", lambda b, m: proof(m).pop("checkpoint"), "invalid.tlog.checkpoint"),
                ("the checkpoint's signature", checkpoint, "invalid.tlog.checkpoint"),
                ("a hash of the proof", lambda b, m: proof(m)["hashes"].__setitem__(0, flipped(proof(m)["hashes"][0])), "invalid.tlog"),
                ("the certificate of another", lambda b, m: m.update(certificate=theirs["certificate"]), "invalid.signature"),
                ("the signature", signature, "invalid.time"),
                ("the statement", payload, "invalid.signature"),
                ("two signatures", lambda b, m: b["dsseEnvelope"]["signatures"].append(b["dsseEnvelope"]["signatures"][0]), "invalid.format.signatures"),
                ("a key beside the certificate", lambda b, m: m.update(publicKey={"hint": ""}), "invalid.format.material")):
            with self.subTest(name):
                self.assertEqual(self.reasons(change(good, edit)), (VIOLATIONS, reason))

    def test_several_times(self):
        """several timestamps count together, each for this signature, and nothing counts twice"""
        _, self.bare = self.layout("several-bare")
        image, good = self.signed("several")
        _, other = self.signed("several-other")

        def stamp(bundle):
            signature, query = self.dir / "several.sig", self.dir / "several.tsq"
            signature.write_bytes(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
            tool("openssl", "ts", "-query", "-data", signature, "-sha256", "-cert", "-out", query)
            request = urllib.request.Request(f"{self.base}/tsa", query.read_bytes(), {"Content-Type": "application/timestamp-query"})
            with urllib.request.urlopen(request) as answer:
                return {"signedTimestamp": base64.b64encode(answer.read()).decode()}

        stamps = lambda material: material["timestampVerificationData"]["rfc3161Timestamps"]
        both = change(good, lambda b, m: stamps(m).append(stamp(good)))
        self.assertEqual(self.reasons(both), (PASS, "verified"))
        for name, edit, reason in (
                ("a second timestamp about another signature", lambda b, m: stamps(m).append(stamp(other)), "invalid.time"),
                ("a timestamp twice", lambda b, m: stamps(m).append(stamps(m)[0]), "invalid.time"),
                ("a second log entry about another signature",
                 lambda b, m: m[ENTRY].append(other["verificationMaterial"][ENTRY][0]), "invalid.tlog.body"),
                ("a log entry twice", lambda b, m: m[ENTRY].append(m[ENTRY][0]), "invalid.tlog"),
                ("a log that nobody knows", lambda b, m: m[ENTRY][0]["logId"].update(keyId=flipped(m[ENTRY][0]["logId"]["keyId"])), "invalid.tlog")):
            with self.subTest(name):
                self.assertEqual(self.reasons(change(good, edit)), (VIOLATIONS, reason), name)

    def test_tokens(self):
        """a token that has expired, one that the authority refuses, and services that are away: nothing is signed, nothing is shown"""
        _, image = self.layout("tokens")
        before = self.token("old", sub="me", email=MAIL, exp=1).read_text()
        expired = imgguard("sign", image, *self.by_identity(self.dir / "old"))
        self.exits(expired, REFUSED, "expired")
        stranger = self.token("stranger")
        head, payload, _ = stranger.read_text().split(".")
        stranger.write_text(f"{head}.{payload}.{'A' * 86}")
        refused = imgguard("sign", image, *self.by_identity(stranger))
        self.assertNotEqual(refused.exit, PASS)
        config = json.loads((self.folder / "signing.json").read_text())
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            config["caUrls"][0]["url"] = f"http://127.0.0.1:{probe.getsockname()[1]}"
            (self.folder / "signing-away.json").write_text(json.dumps(config))
            away = imgguard("sign", image, *self.by_identity(self.token("fresh"), "signing-away"))
        self.exits(away, INFRASTRUCTURE)
        for run in (expired, refused, away):
            for text in (before, head + "." + payload, self.dir.joinpath("fresh").read_text()):
                self.assertNotIn(text[:60], run.out + run.err)
        self.exits(self.verify(image), VIOLATIONS, "unsigned")
