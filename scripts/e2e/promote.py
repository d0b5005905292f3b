"""Promotions between two real registries with accounts: plans, approvals, drift, records, rollback, many, and whole again after every kill."""

import base64
import datetime
import hashlib
import json
import os
import random
import signal
import subprocess
import time

from harness import BINARY, HELLO, INFRASTRUCTURE, PASS, REFUSED, ROOT, VIOLATIONS, WORK, Suite, imgguard, registry, tool
from kms_plugin import make_key, make_plugin

PASSWORD = "open sesame"
RULES = """rules:
  user:
    root: deny
  size:
    total: { level: deny, basis: uncompressed, below: 1GB }
"""
STRICT = "version: 1\nname: strict\nrules:\n  size:\n    total: { level: deny, basis: uncompressed, below: 1B }\n"


class Promote(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.auth, cls.hosts, users = {}, {}, {}
        for name in ("staging", "prod"):
            folder = cls.dir / name
            folder.mkdir()
            # Each registry has an account of its own.
            users[name] = (f"{name}-robot", base64.b32encode(random.randbytes(15)).decode())
            (folder / "htpasswd").write_text(tool("htpasswd", "-Bbn", *users[name]))
            server, host = registry(folder, f"promote-{name}", htpasswd=folder / "htpasswd")
            cls.serve(server)
            cls.hosts[name] = host
            cls.auth[host] = {"auth": base64.b64encode(":".join(users[name]).encode()).decode()}
        cls.authfile = cls.dir / "auth.json"
        cls.authfile.write_text(json.dumps({"auths": cls.auth}))
        cls.env = {"IMGGUARD_KEY_PASSWORD": PASSWORD}
        for name in ("gate", "alice", "bob"):
            made = imgguard("key", "generate", "--out", cls.dir / name, env=cls.env)
            assert made.exit == PASS, made
        cls.policy = cls.write("policy.yaml", f"version: 1\nname: small\npromote:\n  signers: {{ gate: {{ key: gate.pub }} }}\n{RULES}")
        cls.images = {}

    @classmethod
    def write(cls, name, text):
        path = cls.dir / name
        path.write_text(text)
        return path

    def run_(self, *arguments, wanted=PASS, policy=None, key="gate"):
        """Runs a command with policy, account and key."""
        options = ["--authfile", self.authfile]
        if arguments[0] in ("promote", "rollback") and arguments[1] != "diff":
            options += ["--policy", policy or self.policy] + (["--key", self.dir / f"{key}.key"] if key else [])
        return self.exits(imgguard(*arguments, *options, env=self.env), wanted)

    def stage(self, name, tag, version="1.0.0", platforms="all"):
        """Brings an image of the layout to staging; different versions are different images."""
        source = self.dir / f"layout-{version}"
        if not source.is_dir():
            tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", f"oci:{HELLO}:1.0.0", f"oci:{source}:app")
            index = json.loads((source / "index.json").read_text())
            entry = index["manifests"][0]
            blob = source / "blobs" / "sha256"
            document = json.loads((blob / entry["digest"].split(":")[1]).read_text())
            document.setdefault("annotations", {})["org.opencontainers.image.version"] = version
            text = json.dumps(document)
            made = hashlib.sha256(text.encode()).hexdigest()
            (blob / made).write_text(text)
            entry["digest"], entry["size"] = f"sha256:{made}", len(text)
            (source / "index.json").write_text(json.dumps(index))
        self.exits(imgguard("copy", f"oci:{source}:app", f"{self.hosts['staging']}/{name}:{tag}", "--authfile", self.authfile), PASS)
        return json.loads((source / "index.json").read_text())["manifests"][0]["digest"]

    def source(self, name, tag):
        return f"{self.hosts['staging']}/{name}:{tag}"

    def prod(self, name):
        return f"{self.hosts['prod']}/{name}"

    def digest(self, name, tag):
        return tool("skopeo", "inspect", "--tls-verify=false", "--authfile", self.authfile, "--format", "{{.Digest}}", f"docker://{self.prod(name)}:{tag}").strip()

    def tags(self, name):
        found = json.loads(tool("skopeo", "list-tags", "--tls-verify=false", "--authfile", self.authfile, f"docker://{self.prod(name)}"))["Tags"]
        return sorted(tag for tag in found if not tag.startswith("sha256-"))

    def files(self, name):
        """Everything that the production registry holds, with the times of the last writes."""
        root = self.dir / "prod" / "storage"
        return sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file())

    def test_an_image_goes_on_with_its_evidence(self):
        """signed in staging, promoted with tags by its version, verified there by its summary; a second time nothing is written"""
        digest = self.stage("team/app", "1.4.2")
        self.exits(imgguard("sign", self.source("team/app", "1.4.2"), "--key", self.dir / "alice.key", "--authfile", self.authfile, env=self.env), PASS)
        run = self.run_("promote", self.source("team/app", "1.4.2"), self.prod("team/app"), "--version", "1.4.2", "-o", "json")
        told = run.json()
        self.assertEqual(told["applied"]["tags"], [f"promoted-{digest[7:19]}", "1.4.2", "1.4", "1", "latest"])
        self.assertEqual(told["plan"]["gate"], [])
        for tag in ("1.4.2", "1.4", "1", "latest"):
            self.assertEqual(self.digest("team/app", tag), digest)
        at = f"{self.prod('team/app')}:1.4.2"
        verify = ["verify", at, "--authfile", self.authfile]
        self.exits(imgguard(*verify, "--key", self.dir / "alice.pub"), PASS)
        summary = [*verify, "--key", self.dir / "gate.pub", "--vsa-verifier", "https://imgguard.dev/promote", "--recursive", "all"]
        self.exits(imgguard(*summary), PASS)
        self.exits(imgguard(*summary, "--vsa-resource", "other.example/app"), VIOLATIONS, "vsa.resource")
        self.exits(imgguard(*verify, "--key", self.dir / "alice.pub", "--vsa-verifier", "https://imgguard.dev/promote"), VIOLATIONS)
        before = self.files("prod")
        again = self.run_("promote", self.source("team/app", "1.4.2"), self.prod("team/app"), "--version", "1.4.2", "-o", "json").json()["applied"]
        self.assertEqual((again["blobs"], again["manifests"], again["statements"], again["tags"]), (0, 0, [], []))
        self.assertEqual(self.files("prod"), before, "a second promotion wrote something")
        history = self.exits(imgguard("history", self.prod("team/app"), "--key", self.dir / "gate.pub", "--authfile", self.authfile, "-o", "json"), PASS).json()
        self.assertEqual([(entry["digest"], entry["live"]) for entry in history["entries"]], [(digest, ["1.4.2", "1.4", "1", "latest"])])
        self.exits(imgguard("history", self.prod("team/app"), "--key", self.dir / "bob.pub", "--authfile", self.authfile), VIOLATIONS, "not verified")
        # Each side with an account that the other one does not know.
        for name, host in self.hosts.items():
            self.write(f"{name}.json", json.dumps({"auths": {host: self.auth[host]}}))
        split = ["promote", self.source("team/app", "1.4.2"), self.prod("team/split"), "--policy", self.policy, "--key", self.dir / "gate.key", "--authfile", self.dir / "prod.json"]
        self.exits(imgguard(*split, env=self.env), REFUSED)
        self.exits(imgguard(*split, "--source-authfile", self.dir / "staging.json", env=self.env), PASS)
        self.assertEqual(self.digest("team/split", "1.4.2"), digest)

    def test_a_plan_is_reviewed_approved_and_applied(self):
        """two of two approve; an approval of another plan, an edited plan and a changed source are refused with the reason"""
        policy = self.write("approved.yaml", f"""version: 1
promote:
  signers: {{ gate: {{ key: gate.pub }}, alice: {{ key: alice.pub }}, bob: {{ key: bob.pub }} }}
  verdict: {{ max-age: 1h }}
  approvals: {{ at-least: 2, of: [alice, bob] }}
{RULES}""")
        digest = self.stage("team/plan", "stable")
        source, prod = self.source("team/plan", "stable"), self.prod("team/plan")
        self.run_("promote", source, prod, "--version", "2.0.0", wanted=VIOLATIONS, policy=policy)
        plan, other = self.dir / "plan.json", self.dir / "other.json"
        made = self.run_("promote", source, prod, "--version", "2.0.0", "--plan-out", plan, "-o", f"markdown={self.dir / 'plan.md'}", policy=policy, key=None)
        self.assertEqual(made.out, "")
        self.assertIn("| latest | create |", (self.dir / "plan.md").read_text())
        self.run_("promote", source, prod, "--version", "2.0.1", "--plan-out", other, policy=policy, key=None)
        self.exits(imgguard("tags", "audit", prod, "--authfile", self.authfile), REFUSED, "not found")
        for name, of in (("alice", plan), ("bob", plan), ("bob-other", other)):
            key = self.dir / f"{name.split('-')[0]}.key"
            self.exits(imgguard("approve", of, "--key", key, "--out", self.dir / f"{name}.approval", env=self.env), PASS, "approved sha256:")
        alice, bob, wrong = (["--approval", self.dir / f"{name}.approval"] for name in ("alice", "bob", "bob-other"))
        self.exits(self.run_("promote", "--apply", plan, *alice, wanted=VIOLATIONS, policy=policy), VIOLATIONS, "1 given, 2 of alice, bob wanted")
        self.exits(self.run_("promote", "--apply", plan, *alice, *wrong, wanted=VIOLATIONS, policy=policy), VIOLATIONS, "an approval of another plan")
        edited = self.write("edited.json", plan.read_text().replace('"latest"', '"newest"', 1))
        self.exits(self.run_("promote", "--apply", edited, *alice, *bob, wanted=REFUSED, policy=policy), REFUSED, "it was changed after it was made")
        # Another image under the tag, another policy: told, and nothing is written.
        self.stage("team/plan", "stable", "9.9.9")
        self.exits(self.run_("promote", "--apply", plan, *alice, *bob, wanted=VIOLATIONS, policy=policy), VIOLATIONS, f"was {digest} when the plan was made")
        self.stage("team/plan", "stable")
        softer = self.write("softer.yaml", policy.read_text() + "name: other\n")
        self.exits(self.run_("promote", "--apply", plan, *alice, *bob, wanted=VIOLATIONS, policy=softer), VIOLATIONS, "the policy's digest")
        journal = self.dir / "journal.jsonl"
        self.run_("promote", "--apply", plan, *alice, *bob, "--journal", journal, policy=policy)
        self.assertEqual(self.digest("team/plan", "2.0.0"), digest)
        self.assertEqual([json.loads(line)["event"] for line in journal.read_text().splitlines()], ["start", "done"])
        says = imgguard("history", prod, "--policy", policy, "--authfile", self.authfile, "-o", "json").json()["entries"][0]["says"]
        self.assertEqual((says["approvedBy"], says["plan"]), (["alice", "bob"], json.loads(plan.read_text())["digest"]))

    def test_back_to_what_still_passes(self):
        """a rollback moves what floats, leaves versions, is on record, passes over what fails today's policy, and goes further back next time"""
        digests = {}
        for version in ("1.0.0", "1.0.1", "1.1.0"):
            digests[version] = self.stage("team/back", version, version)
            self.run_("promote", self.source("team/back", version), self.prod("team/back"), "--version", version)
            time.sleep(1.1)
        prod = self.prod("team/back")
        strict = self.write("strict.yaml", STRICT + "promote: { signers: { gate: { key: gate.pub } } }\n")
        self.exits(self.run_("rollback", prod, wanted=VIOLATIONS, policy=strict), VIOLATIONS, "does not pass today's policy")
        self.assertEqual(self.digest("team/back", "latest"), digests["1.1.0"])
        self.run_("rollback", prod, "--dry-run", key=None)
        self.assertEqual(self.digest("team/back", "latest"), digests["1.1.0"])
        self.run_("rollback", prod, "--reason", "errors above 2 %")
        self.assertEqual(self.digest("team/back", "latest"), digests["1.0.1"])
        self.assertEqual(self.digest("team/back", "1.1.0"), digests["1.1.0"])
        told = self.exits(imgguard("history", prod, "--policy", self.policy, "--authfile", self.authfile), PASS, "rollback", "reason errors above 2 %")
        self.assertEqual(told.out.count("signed by gate"), 4)
        time.sleep(1.1)
        self.run_("rollback", f"{prod}:latest")
        self.assertEqual(self.digest("team/back", "latest"), digests["1.0.0"])
        self.exits(self.run_("rollback", f"{prod}:1.1.0", wanted=REFUSED), REFUSED, "never moves")
        time.sleep(1.1)
        self.run_("rollback", f"{prod}:latest", "--to", digests["1.1.0"])
        self.assertEqual(self.digest("team/back", "latest"), digests["1.1.0"])

    def test_the_gate(self):
        """a freeze window of now, a stage that was not passed, a signature that is missing: each refuses and says why"""
        self.stage("team/gate", "1.0.0")
        source, prod = self.source("team/gate", "1.0.0"), self.prod("team/gate")
        today = datetime.datetime.now(datetime.timezone.utc).date()
        window = f"{{ name: launch, from: {today - datetime.timedelta(days=1)}, until: {today + datetime.timedelta(days=1)}, zone: Asia/Tokyo }}"
        signers = "signers: { gate: { key: gate.pub }, alice: { key: alice.pub } }"
        for name, condition, words in (
            ("freeze", f"freeze: [{window}]", "`launch`, which ends at"),
            ("stage", "stage: { by: [gate], soak: 1h }", "there is no record and no summary"),
            ("require", "require: [{ type: sign, any: [alice] }]", "there is no signature"),
        ):
            policy = self.write(f"{name}.yaml", f"version: 1\npromote:\n  {signers}\n  {condition}\n{RULES}")
            self.exits(self.run_("promote", source, prod, "--version", "1.0.0", wanted=VIOLATIONS, policy=policy), VIOLATIONS, words)
        self.run_("promote", source, prod, "--version", "1.0.0", wanted=VIOLATIONS, policy=self.write("strict2.yaml", STRICT))
        self.exits(imgguard("tags", "audit", prod, "--authfile", self.authfile), REFUSED, "not found")
        # A stage before this one: what staging got by a promotion is on record there, and goes along.
        self.stage("team/dev", "1.0.0")
        self.run_("promote", self.source("team/dev", "1.0.0"), self.source("team/gate", "staged").replace(":staged", ""), "--version", "1.0.0")
        policy = self.write("passed.yaml", f"version: 1\npromote:\n  {signers}\n  stage: {{ by: [gate] }}\n{RULES}")
        self.exits(self.run_("promote", source, prod, "--version", "1.0.0", policy=policy), PASS, "it passed")

    def test_many_by_a_file(self):
        """differences told first, all written, then none left; a file whose promotions overlap is refused"""
        one, two = self.stage("team/one", "a", "1.0.0"), self.stage("team/two", "b", "1.0.1")
        entry = "  - source: {s}/{n}\n    destination: {p}/{n}\n    images: {{ \"{d}\": [{t}] }}\n"
        def text(*edges):
            return "version: 1\npromotions:\n" + "".join(entry.format(s=self.hosts["staging"], p=self.hosts["prod"], n=n, d=d, t=t) for n, d, t in edges)
        file = self.write("many.yaml", text(("team/one", one, '"1.0.0", "stable"'), ("team/two", two, '"1.0.1"')))
        self.exits(self.run_("promote", "diff", file, wanted=VIOLATIONS), VIOLATIONS, "3 tags differ")
        self.run_("promote", "--many", file, "--dry-run", key=None)
        self.exits(self.run_("promote", "diff", file, wanted=VIOLATIONS), VIOLATIONS, "3 tags differ")
        self.run_("promote", "--many", file)
        self.exits(self.run_("promote", "diff", file), PASS, "0 tags differ")
        self.assertEqual((self.digest("team/one", "stable"), self.digest("team/two", "1.0.1")), (one, two))
        self.exits(self.run_("promote", "--many", file), PASS, "all is there already")
        overlap = self.write("overlap.yaml", text(("team/one", one, '"x"'), ("team/one", two, '"x"')))
        self.exits(self.run_("promote", "--many", overlap, wanted=REFUSED), REFUSED, "given twice")
        moved = self.write("moved.yaml", text(("team/two", two, '"1.0.1", "2"'), ("team/one", one, '"1.0.0"')).replace(one, two))
        self.run_("promote", "--many", moved, wanted=REFUSED)
        self.assertNotIn("2", self.tags("team/two"))

    def test_a_refusal_is_on_record(self):
        """a refused image gets a FAILED summary at the source, once; the destination hears nothing; a corrected image goes on"""
        digest = self.stage("team/failed", "1.0.0")
        source, prod = self.source("team/failed", "1.0.0"), self.prod("team/failed")
        gated = "promote: { signers: { gate: { key: gate.pub }, alice: { key: alice.pub } }%s }\n"
        strict = self.write("refusal-strict.yaml", STRICT + gated % "")
        refused = ["promote", source, prod, "--version", "1.0.0"]
        self.exits(self.run_(*refused, "--attest-refusals", "--dry-run", policy=strict, wanted=REFUSED), REFUSED, "cannot be used with")
        self.run_(*refused, policy=strict, wanted=VIOLATIONS)
        about = ["verify", source, "--authfile", self.authfile, "--key", self.dir / "gate.pub", "--vsa-verifier", "https://imgguard.dev/promote"]
        at_prod = [*about, "--vsa-resource", prod]
        self.exits(imgguard(*at_prod), VIOLATIONS, "missing")
        journal = self.dir / "refusals.jsonl"
        self.exits(self.run_(*refused, "--attest-refusals", "--journal", journal, policy=strict, wanted=VIOLATIONS), VIOLATIONS, "3 summaries that say FAILED were attached")
        self.assertEqual([json.loads(line)["event"] for line in journal.read_text().splitlines()], ["refused"])
        for run in (imgguard(*at_prod), imgguard(*at_prod, "--recursive", "all")):
            self.exits(run, VIOLATIONS, "vsa.result", "the summary's result is `FAILED`", "size.total (linux/amd64)")
        self.exits(imgguard(*about), VIOLATIONS, "vsa.resource")
        self.exits(self.run_(*refused, "--attest-refusals", policy=strict, wanted=VIOLATIONS), VIOLATIONS, "are in", "already")
        # Nothing of it reached the destination: no tag, no record, no statement.
        self.exits(imgguard("tags", "audit", prod, "--authfile", self.authfile), REFUSED, "not found")
        self.assertFalse((self.dir / "prod" / "storage" / "docker" / "registry" / "v2" / "repositories" / "team" / "failed").exists())
        # Into a file, by the setting of the policy, and for a signature that is missing; not for a window.
        bundle = self.dir / "refusals.sigstore.json"
        self.stage("team/unsigned", "1.0.0", "1.0.9")
        other = self.source("team/unsigned", "1.0.0")
        unsigned = self.write("refusal-unsigned.yaml", "version: 1\n" + gated % ", attest-refusals: true, require: [{ type: sign, any: [alice] }]" + RULES)
        going = ["promote", other, self.prod("team/unsigned"), "--version", "1.0.0"]
        self.exits(self.run_(*going, f"--attest-refusals={bundle}", policy=unsigned, wanted=VIOLATIONS), VIOLATIONS, "3 summaries that say FAILED are in")
        check = ["verify", other, "--authfile", self.authfile, "--key", self.dir / "gate.pub", "--vsa-verifier", "https://imgguard.dev/promote", "--vsa-resource", self.prod("team/unsigned")]
        self.exits(imgguard(*check), VIOLATIONS, "missing")
        self.exits(imgguard(*check, "--bundle", bundle), VIOLATIONS, "vsa.result", "gate require", "there is no signature")
        self.exits(self.run_(*going, policy=unsigned, wanted=VIOLATIONS), VIOLATIONS, "were attached")
        today = datetime.datetime.now(datetime.timezone.utc).date()
        window = f", attest-refusals: true, freeze: [{{ from: {today - datetime.timedelta(days=1)}, until: {today + datetime.timedelta(days=1)} }}]"
        frozen = self.run_(*refused, policy=self.write("refusal-frozen.yaml", "version: 1\n" + gated % window + RULES), wanted=VIOLATIONS)
        self.assertNotIn("FAILED", frozen.err)
        # What cannot be written to keeps the refusal from nothing.
        archive = self.dir / "refused.tar"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:1.0.0", f"oci-archive:{archive}")
        self.exits(self.run_("promote", f"oci-archive:{archive}", prod, "--version", "1.0.0", "--attest-refusals", policy=strict, wanted=VIOLATIONS), VIOLATIONS, "the refusal is not on record")
        # The same image under a policy that it passes, and a corrected one: promoted, verified, on record.
        soft = self.write("refusal-soft.yaml", "version: 1\n" + gated % "" + RULES)
        self.run_(*refused, policy=soft)
        self.assertEqual(self.digest("team/failed", "1.0.0"), digest)
        self.exits(imgguard("verify", f"{prod}:1.0.0", *about[2:]), PASS, "verified")
        corrected = self.stage("team/failed", "1.0.1", "1.0.1")
        self.run_("promote", self.source("team/failed", "1.0.1"), prod, "--version", "1.0.1", policy=soft)
        self.assertEqual(self.digest("team/failed", "latest"), corrected)
        self.exits(imgguard("verify", f"{prod}:latest", *about[2:]), PASS, "verified")

    def test_many_with_approvals(self):
        """the plan of a whole file is approved by two of two and applied; an approval of one of its plans, a change of the file and of the image are refused"""
        policy = self.write("many-approved.yaml", f"""version: 1
promote:
  signers: {{ gate: {{ key: gate.pub }}, alice: {{ key: alice.pub }}, bob: {{ key: bob.pub }} }}
  approvals: {{ at-least: 2, of: [alice, bob] }}
{RULES}""")
        one, two = self.stage("team/many-one", "a", "1.2.0"), self.stage("team/many-two", "b", "1.2.1")
        entry = "  - source: {s}/{n}\n    destination: {p}/{n}\n    images: {{ \"{d}\": [{t}] }}\n"
        def text(*edges):
            return "version: 1\npromotions:\n" + "".join(entry.format(s=self.hosts["staging"], p=self.hosts["prod"], n=n, d=d, t=t) for n, d, t in edges)
        file = self.write("many-approved-file.yaml", text(("team/many-one", one, '"1.2.0", "stable"'), ("team/many-two", two, '"1.2.1"')))
        self.exits(self.run_("promote", "--many", file, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "approvals pending", "have it approved")
        plans, single = self.dir / "many-plans.json", self.dir / "single-plan.json"
        made = self.run_("promote", "--many", file, "--plan-out", plans, "-o", f"markdown={self.dir / 'many.md'}", policy=policy, key=None)
        self.assertEqual(made.out, "")
        digest = json.loads(plans.read_text())["digest"]
        self.assertIn(digest, (self.dir / "many.md").read_text())
        self.run_("promote", f"{self.hosts['staging']}/team/many-one@{one}", self.prod("team/many-one") + ":1.2.0", "--plan-out", single, policy=policy, key=None)
        for name, key, of in (("alice", "alice", plans), ("bob", "bob", plans), ("bob-single", "bob", single)):
            self.exits(imgguard("approve", of, "--key", self.dir / f"{key}.key", "--out", self.dir / f"many-{name}.approval", env=self.env), PASS, "approved sha256:")
        alice, bob, wrong = (["--approval", self.dir / f"many-{name}.approval"] for name in ("alice", "bob", "bob-single"))
        apply = ["promote", "--many", file, "--apply", plans]
        self.exits(self.run_(*apply, *alice, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "1 given, 2 of alice, bob wanted")
        self.exits(self.run_(*apply, *alice, *alice, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "1 given")
        self.exits(self.run_(*apply, *alice, *wrong, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "an approval of another plan")
        self.exits(self.run_("promote", "--apply", single, *alice, *wrong, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "an approval of another plan")
        edited = self.write("many-edited.json", plans.read_text().replace('"stable"', '"stabel"'))
        self.exits(self.run_("promote", "--apply", edited, *alice, *bob, policy=policy, wanted=REFUSED), REFUSED, "it was changed after it was made")
        grown = self.write("many-grown.yaml", text(("team/many-one", one, '"1.2.0", "stable", "more"'), ("team/many-two", two, '"1.2.1"')))
        self.exits(self.run_("promote", "--many", grown, "--apply", plans, *alice, *bob, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "the file wants something else")
        overlap = self.write("many-overlap.yaml", text(("team/many-one", one, '"x"'), ("team/many-one", two, '"x"')))
        self.exits(self.run_("promote", "--many", overlap, "--plan-out", self.dir / "no.json", policy=policy, key=None, wanted=REFUSED), REFUSED, "given twice")
        # A signature that is added to one image is a difference of the whole.
        self.exits(imgguard("tags", "audit", self.prod("team/many-one"), "--authfile", self.authfile), REFUSED, "not found")
        self.run_(*apply, *alice, *bob, policy=policy)
        self.assertEqual((self.digest("team/many-one", "stable"), self.digest("team/many-two", "1.2.1")), (one, two))
        for name in ("team/many-one", "team/many-two"):
            says = imgguard("history", self.prod(name), "--policy", policy, "--authfile", self.authfile, "-o", "json").json()["entries"][0]["says"]
            self.assertEqual((says["approvedBy"], says["plan"]), (["alice", "bob"], digest))
        self.exits(self.run_("promote", "--apply", plans, *alice, *bob, policy=policy), PASS, "all is there already")
        self.exits(imgguard("sign", self.source("team/many-two", "b"), "--key", self.dir / "bob.key", "--authfile", self.authfile, env=self.env), PASS)
        self.exits(self.run_(*apply, *alice, *bob, policy=policy, wanted=VIOLATIONS), VIOLATIONS, "team/many-two: ", "was added after the plan was made")

    def test_keys_of_a_service(self):
        """a plugin signs a promotion, the approval of its plan and a rollback; one whose signatures do not verify writes no tag"""
        folder = self.dir / "plugins"
        folder.mkdir()
        public = make_key(folder / "kms.pem")
        make_key(folder / "other.pem")
        make_plugin(folder, "good", folder / "kms.pem", public)
        make_plugin(folder, "bad", folder / "other.pem", public)
        env = {"PATH": f"{folder}:{os.environ['PATH']}", **self.env}
        policy = self.write("service.yaml", f"version: 1\npromote:\n  signers: {{ service: {{ key: plugins/kms.pub }} }}\n  approvals: {{ at-least: 1, of: [service] }}\n{RULES}")
        prod = self.prod("team/service")
        run = lambda wanted, *arguments, key="good": self.exits(imgguard(*arguments, "--policy", policy, "--key", f"{key}://release", "--authfile", self.authfile, env=env), wanted)
        digests = []
        for version in ("1.0.0", "1.0.1"):
            digests.append(self.stage("team/service", version, version))
            plan, approval = self.dir / f"service-{version}.json", self.dir / f"service-{version}.approval"
            run(PASS, "promote", self.source("team/service", version), prod, "--version", version, "--plan-out", plan)
            self.exits(imgguard("approve", plan, "--key", "bad://release", "--out", approval, env=env), INFRASTRUCTURE, "does not verify")
            self.exits(imgguard("approve", plan, "--key", "good://release", "--out", approval, env=env), PASS, "approved")
            apply = ["promote", "--apply", plan, "--approval", approval]
            self.assertNotEqual(run(2, *apply, key="bad").exit, PASS)
            self.assertNotIn(version, self.tags("team/service"))
            run(PASS, *apply)
            self.assertEqual(self.digest("team/service", version), digests[-1])
            time.sleep(1.1)
        run(PASS, "rollback", prod, "--reason", "a test")
        self.assertEqual(self.digest("team/service", "latest"), digests[0])
        told = self.exits(imgguard("history", prod, "--policy", policy, "--authfile", self.authfile), PASS, "rollback", "promotion")
        self.assertEqual(told.out.count("signed by service"), 3)
        self.exits(imgguard("verify", f"{prod}:latest", "--authfile", self.authfile, "--key", public, "--vsa-verifier", "https://imgguard.dev/promote", "--recursive", "all"), PASS)

    def test_killed_at_any_moment(self):
        """after each of 50 kills every tag points at a whole image and no version at another; the next run completes"""
        chance = random.Random(20261125)
        versions = [f"1.{number}.0" for number in range(10)]
        digests = {version: self.stage("team/killed", version, version) for version in versions}
        started = time.monotonic()
        self.run_("promote", self.source("team/killed", "1.0.0"), self.prod("team/timed"), "--version", "1.0.0")
        usual = time.monotonic() - started
        variables = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache"), **self.env}
        for number in range(50):
            version = versions[number // 5]
            arguments = ["promote", self.source("team/killed", version), self.prod("team/killed"), "--version", version]
            command = [BINARY, *arguments, "--policy", self.policy, "--key", self.dir / "gate.key", "--authfile", self.authfile]
            process = subprocess.Popen(list(map(str, command)), env=variables, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(usual * 0.2, usual * 1.1))
            process.send_signal(signal.SIGKILL)
            process.wait()
            if imgguard("tags", "audit", self.prod("team/killed"), "--authfile", self.authfile).exit == REFUSED:
                continue
            for tag in self.tags("team/killed"):
                found = self.digest("team/killed", tag)
                self.assertIn(found, digests.values())
                self.assertEqual(found, digests.get(tag, found), f"version {tag}")
                if number % 10 == 0:
                    self.exits(imgguard("tree", f"{self.prod('team/killed')}:{tag}", "--authfile", self.authfile), PASS)
            if number % 5 == 4:
                self.run_(*arguments)
                self.assertEqual(self.digest("team/killed", "latest"), digests[version])
        history = self.exits(imgguard("history", self.prod("team/killed"), "--policy", self.policy, "--authfile", self.authfile, "-o", "json"), PASS)
        self.assertEqual(len(history.json()["entries"]), 10, "one record for each promotion, however often it was killed")
