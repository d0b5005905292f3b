"""Policy bundles: pushed to Debian's docker-registry, signed, extended, fetched for use without a network, and refused when they lie."""

import hashlib
import json
import shutil

from harness import HELLO, INCONCLUSIVE, INFRASTRUCTURE, PASS, REFUSED, VIOLATIONS, Suite, free_port, imgguard, registry

IMAGE = f"oci:{HELLO}:1.0.0"
PASSWORD = "open sesame"
TYPE = "application/vnd.imgguard.policy.v1+yaml"
COMMON = "version: 1\nrules:\n  user:\n    root: deny\nlock: [user.root]\nlimits: { waiver-days: 30 }\n"
PARENT = "version: 1\nname: house\nextends: [./sub/common.yaml]\nrules:\n  size:\n    total: { level: warn, below: 1B }\n"


class PolicyBundle(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server, cls.host = registry(cls.dir)
        cls.server = cls.serve(server)
        cls.env = {"IMGGUARD_KEY_PASSWORD": PASSWORD}
        for name in ("house", "other"):
            made = imgguard("key", "generate", "--out", cls.dir / name, env=cls.env)
            assert made.exit == PASS, made
        (cls.dir / "parent" / "sub").mkdir(parents=True)
        cls.parent = cls.dir / "parent" / "house.yaml"
        cls.parent.write_text(PARENT)
        (cls.dir / "parent" / "sub" / "common.yaml").write_text(COMMON)
        shutil.copy(cls.dir / "house.pub", cls.dir / "parent" / "house.pub")
        cls.signed = cls.pushed("policy:v1", "--key", cls.dir / "house.key")

    @classmethod
    def pushed(cls, name, *options, policy=None):
        """Pushes a policy; what `extends` says to use it."""
        run = imgguard("policy", "push", policy or cls.parent, f"{cls.host}/{name}", *options, env=cls.env)
        assert run.exit == PASS, run
        return run.out.strip()

    def child(self, entry, rest="", name="child"):
        """A policy in a folder of its own that extends a bundle."""
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        shutil.copy(self.dir / "house.pub", folder / "house.pub")
        shutil.copy(self.dir / "other.pub", folder / "other.pub")
        path = folder / "imgguard.yaml"
        path.write_text(f"version: 1\nextends:\n  - {entry}\n{rest}")
        return path

    def by_key(self, reference, key="house.pub"):
        return f'{{ from: "{reference}", key: ./{key} }}'

    def checks(self, policy, wanted, *words, options=()):
        return self.exits(imgguard("policy", "check", policy, *options), wanted, *words)

    def raw(self, name, files, kind=TYPE, media_type=TYPE, size=None):
        """A layout with a manifest that nobody would push."""
        folder = self.dir / name
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

        def blob(data):
            digest = hashlib.sha256(data).hexdigest()
            (folder / "blobs" / "sha256" / digest).write_bytes(data)
            return f"sha256:{digest}", len(data)

        layers = []
        for path, text in files:
            digest, length = blob(text.encode())
            layers.append({"mediaType": media_type, "digest": digest, "size": size or length,
                           "annotations": {"org.opencontainers.image.title": path}})
        config, length = blob(b"{}")
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": kind,
                    "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": length}, "layers": layers}
        digest, length = blob(json.dumps(manifest).encode())
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
            {"mediaType": manifest["mediaType"], "digest": digest, "size": length}]}))
        return folder, f"oci://r.example/x@{digest}"

    def raw_checks(self, name, *words, inside=False, **how):
        folder, reference = self.raw(name, **how)
        policy = self.child(f'{{ from: "{reference}", signature: none }}', name=f"{name}-child")
        self.checks(policy, REFUSED, "" if inside else "imgguard.yaml:3:5", *words, options=("--policy-bundles", folder))

    def test_extended(self):
        """a signed bundle is extended: its rules judge, its lock and its cap hold, every value tells that it comes from it"""
        self.assertRegex(self.signed, rf"^oci://{self.host}/policy@sha256:[0-9a-f]{{64}}$")
        self.assertEqual(self.pushed("policy:again"), self.signed, "the same policy has the same digest")
        policy = self.child(self.by_key(self.signed))
        self.checks(policy, PASS, "good, 2 rules in force")
        shown = self.exits(imgguard("policy", "show", policy), PASS)
        self.assertIn(f"below: 1B  # {self.signed}:6", shown.out)
        self.assertIn(f"{self.signed}#sub/common.yaml:4", shown.out)
        self.exits(imgguard("check", IMAGE, "--policy", policy), PASS, "size.total")
        weaker = self.child(self.by_key(self.signed), "rules:\n  user:\n    root: warn\n", name="weaker")
        self.checks(weaker, REFUSED, "`user.root` is locked", "imgguard.yaml:6:11", "^^^^", "#sub/common.yaml:5", "locked here")
        waived = "waivers:\n  - { rule: size.total, match: { subject: image }, reason: r, owner: o, until: 2099-01-01 }\n"
        self.checks(self.child(self.by_key(self.signed), waived, name="waived"), REFUSED, "lasts longer than the 30 days", "capped here")
        tighter = self.child(self.by_key(self.signed), "rules: { size: { total: deny } }\n", name="tighter")
        self.exits(imgguard("check", IMAGE, "--policy", tighter), VIOLATIONS, "size.total")

    def test_signature(self):
        """without a good signature of whom the child names nothing of a bundle is read; --policy-key and `signature: none` are said aloud"""
        unsigned = self.pushed("unsigned:v1")
        self.checks(self.child(self.by_key(unsigned), name="unsigned"), REFUSED, "could not be read", "there is no signature", "imgguard.yaml:3:5", "^^^")
        wrong = self.child(self.by_key(self.signed, "other.pub"), name="wrong")
        self.checks(wrong, REFUSED, "its signature is not good", "untrusted", "imgguard.yaml:3:5")
        nobody = self.child(f'"{self.signed}"', name="nobody")
        self.checks(nobody, REFUSED, "nobody is named whose signature on it counts", "--policy-key")
        self.checks(nobody, PASS, options=("--policy-key", self.dir / "house.pub"))
        self.checks(nobody, REFUSED, "untrusted", options=("--policy-key", self.dir / "other.pub"))
        self.exits(imgguard("check", IMAGE, "--policy", nobody, "--policy-key", self.dir / "house.pub"), PASS, "size.total")
        self.checks(self.child(f'{{ from: "{unsigned}", signature: none }}', name="digest-alone"), PASS)
        self.checks(self.child(self.by_key(self.signed, "gone.pub"), name="gone"), REFUSED, "`./gone.pub` could not be read")

    def test_offline(self):
        """`policy pull` brings a bundle and its signatures into a folder from which `extends` reads without any network"""
        policy = self.child(self.by_key(self.signed.replace(self.host, f"127.0.0.1:{free_port()}")), name="offline")
        self.checks(policy, INFRASTRUCTURE, "could not be fetched", "imgguard.yaml:3:5", "policy pull")
        folder = policy.parent / "imgguard-bundles"
        reference = self.signed.removeprefix("oci://")
        refused = imgguard("policy", "pull", reference, "--to", self.dir / "never", "--key", self.dir / "other.pub")
        self.exits(refused, REFUSED, "its signature is not good")
        self.assertFalse((self.dir / "never" / "index.json").exists(), "what is refused is not kept")
        pulled = imgguard("policy", "pull", reference, "--to", folder, "--key", self.dir / "house.pub", "--unpack", self.dir / "unpacked")
        self.exits(pulled, PASS, self.signed)
        self.assertEqual((self.dir / "unpacked" / "sub" / "common.yaml").read_text(), COMMON)
        self.checks(policy, PASS, "2 rules in force")
        self.exits(imgguard("check", IMAGE, "--policy", policy), PASS, "size.total")
        by_tag = imgguard("policy", "pull", f"{self.host}/policy:v1", "--to", folder)
        self.exits(by_tag, PASS, self.signed, "not looked at")
        elsewhere = self.child(self.by_key(self.signed), name="elsewhere")
        self.checks(elsewhere, PASS, options=("--policy-bundles", folder))
        self.checks(elsewhere, REFUSED, "it is not in", options=("--policy-bundles", self.dir / "empty"))
        layout = self.pushed_to_layout()
        self.checks(self.child(f'{{ from: "oci://x.example/y@{layout}", key: ./house.pub }}', name="layout"), PASS,
                    options=("--policy-bundles", self.dir / "layout-bundles"))
        # Every byte of the folder counts: policy, manifest.
        for text, kind in ((PARENT, "policy"), (None, "manifest")):
            damaged = self.dir / f"damaged-{kind}"
            shutil.copytree(folder, damaged)
            digest = hashlib.sha256(text.encode()).hexdigest() if text else self.signed.rsplit(":", 1)[1]
            blob = damaged / "blobs" / "sha256" / digest
            blob.write_bytes(blob.read_bytes().replace(b"1", b"2", 1))
            self.checks(elsewhere, REFUSED, "its digest is", options=("--policy-bundles", damaged))

    def pushed_to_layout(self):
        run = imgguard("policy", "push", self.parent, f"oci:{self.dir / 'layout-bundles'}", "--key", self.dir / "house.key", env=self.env)
        self.exits(run, PASS, "signed")
        return run.out.strip().rsplit("@", 1)[1]

    def test_refused(self):
        """what is no bundle, too large, wrong, circular or elsewhere is refused at its line, and a policy that is wrong is not pushed"""
        image = json.loads((HELLO / "index.json").read_text())["manifests"][0]["digest"]
        hello = self.child(f'{{ from: "oci://r.example/hello@{image}", signature: none }}', name="hello")
        self.checks(hello, REFUSED, "it is no policy bundle", "imgguard.yaml:3:5", options=("--policy-bundles", HELLO))
        files = [("p.yaml", "version: 1\nrules: { user: { root: deny } }\n")]
        self.raw_checks("kind", "its artifact type is `application/x`", files=files, kind="application/x")
        self.raw_checks("media", "is of the media type `text/plain`", files=files, media_type="text/plain")
        self.raw_checks("large", "bytes, more than 1048576", files=files, size=2_000_000)
        self.raw_checks("huge", "bytes, more than 1048576", files=[("p.yaml", "#" * 1_100_000)])
        self.raw_checks("lying", "could not be read", files=files, size=7)
        self.raw_checks("outside", "is no path of a file in it", files=[("../p.yaml", "version: 1\n")])
        self.raw_checks("many", "65 files", files=[(f"{at}.yaml", "version: 1\n") for at in range(65)])
        circle = [("p.yaml", "version: 1\nextends: [./q.yaml]\n"), ("q.yaml", "version: 1\nextends: [./p.yaml]\n")]
        self.raw_checks("circle", "#q.yaml:2:11", "the policy extends itself", files=circle, inside=True)
        absent = self.child(f'{{ from: "oci://{self.host}/policy@sha256:{"0" * 64}", signature: none }}', name="absent")
        self.checks(absent, REFUSED, "could not be read", "imgguard.yaml:3:5")
        self.checks(self.child(f'"oci://{self.host}/policy:v1"', name="tag"), REFUSED, "is not pinned by a digest", "imgguard.yaml:3:5")
        bad = self.dir / "bad.yaml"
        bad.write_text("version: 1\nrules: { user: { rot: deny } }\n")
        self.exits(imgguard("policy", "push", bad, f"{self.host}/bad:v1"), REFUSED, "there is no rule `user.rot`")
        bad.write_text("version: 1\nextends: [../up.yaml]\n")
        (self.dir.parent / "up.yaml").write_text(files[0][1])
        self.addCleanup((self.dir.parent / "up.yaml").unlink)
        self.exits(imgguard("policy", "push", bad, f"{self.host}/bad:v1"), REFUSED, "lies outside of the folder")
        self.exits(imgguard("policy", "push", self.parent, f"127.0.0.1:{free_port()}/x:v1"), INFRASTRUCTURE)

    def test_nested(self):
        """a bundle may extend a bundle, with the key that it carries itself"""
        middle = self.dir / "parent" / "middle.yaml"
        middle.write_text(f"version: 1\nextends:\n  - {self.by_key(self.signed)}\nrules: {{ ports: {{ ssh: deny }} }}\n")
        reference = self.pushed("middle:v1", "--key", self.dir / "other.key", policy=middle)
        policy = self.child(self.by_key(reference, "other.pub"), name="nested")
        self.checks(policy, PASS, "3 rules in force")
        tests = self.dir / "parent" / "tests.yaml"
        tests.write_text("schemaVersion: 2.0.0\nfileExistenceTests: [{ name: page, path: /srv/www/index.html }]\ncommandTests: [{ name: c, command: ls }]\n")
        middle.write_text("version: 1\nstructure: [./tests.yaml]\n")
        policy = self.child(self.by_key(self.pushed("tests:v1", "--key", self.dir / "house.key", policy=middle)), name="tests")
        self.exits(imgguard("check", IMAGE, "--policy", policy), INCONCLUSIVE, "structure.commands", "ever run")
