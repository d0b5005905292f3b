"""Base images: recorded from a real registry, proved offline with images that buildah builds on them, moved on, squashed, damaged."""

import base64
import json
import shutil
import time

from harness import INCONCLUSIVE, PASS, REFUSED, ROOT, VIOLATIONS, Suite, imgguard, registry, tool
from layout import Layer, Layout, archive, member
from own_image import in_store

POLICY = """version: 1
name: bases
rules:
  base:
    allow: {{ refs: [{refs}], level: deny }}
    age: {{ max: 30d, level: deny }}
    outdated: deny
    tag: deny
  size:
    own: {{ below: 1MB, level: deny }}
"""
DAY = 86400


def instant(days):
    """Seconds since 1970, that many days ago."""
    return int(time.time()) - days * DAY


class Bases(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (ROOT / "target" / "store").mkdir(parents=True, exist_ok=True)
        cls.addClassCleanup(in_store, "store_empty")
        server, cls.host = registry(cls.dir, "bases")
        cls.serve(server)

    def base(self, name, release, days):
        """Builds a base of two layers and pushes it under a name."""
        context = self.dir / f"context-{release}"
        shutil.rmtree(context, ignore_errors=True)
        (context / "bin").mkdir(parents=True)
        (context / "bin" / "sh").write_text(f"#!/nothing {release}\n")
        (context / "os-release").write_text(f"ID=acme\nVERSION_ID={release}\n")
        (context / "Dockerfile").write_text(
            "FROM scratch\nCOPY bin /bin\nCOPY os-release /etc/os-release\n"
            "ENV LANG=C.UTF-8 PATH=/bin\nLABEL vendor=acme\nUSER 1000\nCMD [\"sh\"]\n")
        self.build(f"localhost/base:{release}", context, "--layers", "--timestamp", str(instant(days)))
        in_store("store_buildah", "push", "--quiet", "--tls-verify=false", f"localhost/base:{release}", f"docker://{name}")

    def build(self, image, context, *options):
        in_store("store_buildah", "build", "--quiet", "--format", "oci", "--tls-verify=false", *options, "--tag", image, context)

    def child(self, base, tag, *options):
        """Builds an image on a base from the registry; returns a reference to its layout."""
        context = self.dir / f"child-{tag}"
        context.mkdir(exist_ok=True)
        (context / "app").write_text(tag)
        (context / "Dockerfile").write_text(f"FROM {base}\nCOPY app /app\nENV APP={tag}\nUSER 2000\n")
        self.build(f"localhost/child:{tag}", context, "--pull=always", *options)
        layout = self.dir / f"layout-{tag}"
        in_store("store_buildah", "push", "--quiet", f"localhost/child:{tag}", f"oci:{layout}:{tag}")
        return f"oci:{layout}:{tag}"

    def policy(self, name, *more):
        """A folder with a policy for that base, which may have more names."""
        folder = self.dir / name.replace("/", "-").replace(":", "-")
        folder.mkdir()
        (folder / "imgguard.yaml").write_text(POLICY.format(refs=", ".join(f'"{one}"' for one in (name, *more))))
        return folder / "imgguard.yaml"

    def judged(self, image, policy, *options):
        """Exit code, and the outcome of every rule with its words."""
        run = imgguard("check", image, "--policy", policy, "-o", "json", *options)
        results = run.json()["subjects"][0]["platforms"][0]["results"]
        return run, {result["rule"]: (result["outcome"], json.dumps(result)) for result in results}

    def test_a_base_moves_on(self):
        """child of the old base: proved by the list, offline; outdated once the base is built again; the new child passes"""
        name = f"{self.host}/team/base:1"
        policy = self.policy(name)
        lock = policy.parent / "imgguard-bases.json"
        self.base(name, "1.0", 10)
        old = self.child(name, "old")
        _, before = self.judged(old, policy)
        self.assertEqual(before["base.allow"][0], "unknown", before["base.allow"])
        self.exits(imgguard("bases", "update", "--policy", policy), PASS, name, "new", "linux/")
        first = json.loads(lock.read_text())
        self.assertEqual([base["reference"] for base in first["bases"]], [name])
        self.assertEqual(len(first["bases"][0]["diff_ids"]), 2)
        run, results = self.judged(old, policy)
        self.exits(run, PASS)
        self.assertEqual({outcome for outcome, _ in results.values()}, {"pass"}, f"\n{run}")
        release = ["release", old, "--to", f"{self.host}/team/released", "--version", "1.0.0", "--policy", policy, "--dry-run"]
        self.exits(imgguard(*release), PASS, "nothing was written")
        self.exits(imgguard(*release, "--bases", self.dir / "nowhere.json"), REFUSED, "nowhere.json")

        self.base(name, "1.1", 2)
        self.exits(imgguard("bases", "update", "--policy", policy), PASS, "moved")
        second = json.loads(lock.read_text())
        self.assertEqual(len(second["bases"]), 2)
        self.assertIn(first["bases"][0], second["bases"], "what was recorded stays")
        run, results = self.judged(old, policy)
        self.exits(run, VIOLATIONS, "8 days behind")
        self.assertEqual([results[rule][0] for rule in ("base.allow", "base.outdated")], ["pass", "fail"], f"\n{run}")
        run, results = self.judged(self.child(name, "new"), policy)
        self.exits(run, PASS)
        again = imgguard("bases", "update", "--policy", policy)
        self.exits(again, PASS, "known")
        self.assertEqual(json.loads(lock.read_text())["bases"], second["bases"])
        listed = self.exits(imgguard("bases", "list", "--lock", lock), PASS, "current")
        self.assertEqual(len(listed.out.splitlines()), 2)
        self.exits(imgguard("bases", "prune", "--lock", lock, "--older-than", "0d"), PASS)

    def test_squashed(self):
        """a squashed child has no layer of the base: unknown, never a failure"""
        name = f"{self.host}/team/squash:1"
        policy = self.policy(name)
        self.base(name, "2.0", 1)
        squashed = self.child(name, "squashed", "--squash")
        self.exits(imgguard("bases", "update", "--policy", policy), PASS)
        run, results = self.judged(squashed, policy)
        self.exits(run, INCONCLUSIVE)
        for rule in ("base.allow", "base.age", "base.outdated"):
            self.assertEqual(results[rule][0], "unknown", f"\n{run}")
        self.assertEqual(results["size.own"][0], "pass", "the whole image is below the budget")

    def test_names_of_equal_layers(self):
        """two tags of one base: both are named"""
        name = f"{self.host}/team/names:1"
        policy = self.policy(name, f"{name}-alias")
        self.base(name, "3.0", 1)
        self.base(f"{name}-alias", "3.0", 1)
        child = self.child(name, "names")
        self.exits(imgguard("bases", "update", "--policy", policy), PASS)
        facts = imgguard("inspect", child, "--bases", policy.parent / "imgguard-bases.json", "-o", "json").json()
        proved = [claim["reference"] for claim in facts["images"][0]["base"] if claim["grade"] == "proved"]
        self.assertEqual(proved, [name, f"{name}-alias"])

    def test_base_or_own(self):
        """layers, history and settings of the base are told apart from the image's own, in facts and text"""
        name = f"{self.host}/team/own:1"
        policy = self.policy(name)
        self.base(name, "4.0", 1)
        child = self.child(name, "own")
        lock = policy.parent / "imgguard-bases.json"
        self.exits(imgguard("bases", "update", name, "--lock", lock), PASS)
        inherited = imgguard("inspect", child, "--bases", lock, "-o", "json").json()["images"][0]["inherited"]
        self.assertEqual(inherited["layers"], 2)
        for pointer in ("/config/Env/LANG", "/config/Env/PATH", "/config/Labels/vendor", "/config/Cmd"):
            self.assertIn(pointer, inherited["config"])
        for pointer in ("/config/Env/APP", "/config/User"):
            self.assertNotIn(pointer, inherited["config"])
        self.exits(imgguard("inspect", child, "--bases", lock), PASS, "from base", "2 of 3 layers", "Env/LANG", "own", "Env/APP")

    def test_platforms_and_provenance(self):
        """every platform of an index is recorded, from a layout; provenance claims the base and tells the stages"""
        layout = Layout(self.dir / "multi")
        bases = {}
        for architecture in ("amd64", "arm64"):
            bases[architecture] = Layer(archive([member("bin/sh", architecture, mode=0o755)]))
        platform = lambda architecture: {"os": "linux", "architecture": architecture}
        index = layout.index([(layout.image([layer], architecture=architecture), platform(architecture)) for architecture, layer in bases.items()])
        layout.tag(index, "base")
        app = layout.image([bases["arm64"], Layer(archive([member("app", "x")]))], architecture="arm64")
        dockerfile = "FROM golang AS build\nRUN make\nFROM acme/base:1\nCOPY --from=build /app /app\n"
        statement = {
            "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1", "subject": [],
            "predicate": {
                "buildDefinition": {"resolvedDependencies": [
                    {"uri": "pkg:docker/acme/base@1?platform=linux%2Farm64", "digest": {"sha256": index["digest"].removeprefix("sha256:")}}]},
                "runDetails": {"metadata": {"buildkit_metadata": {"source": {"infos": [
                    {"filename": "Dockerfile", "data": base64.b64encode(dockerfile.encode()).decode()}]}}}},
            },
        }
        blob = layout.blob(json.dumps(statement).encode())
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", **layout.blob(b'{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]}}')}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                    "layers": [{"mediaType": "application/vnd.in-toto+json", **blob, "annotations": {"in-toto.io/predicate-type": statement["predicateType"]}}]}
        attestation = {"mediaType": manifest["mediaType"], **layout.blob(json.dumps(manifest).encode()), "annotations": {
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": app["digest"]}}
        layout.tag(layout.index([(app, platform("arm64")), (attestation, platform("unknown") | {"os": "unknown"})]), "app")
        layout.finish()
        lock = self.dir / "multi.json"
        source = f"oci:{self.dir / 'multi'}"
        self.exits(imgguard("bases", "update", f"{source}:base", "--lock", lock), REFUSED, "does not tell the name")
        self.exits(imgguard("bases", "update", f"acme/base:1={source}:base", "--lock", lock), PASS, "docker.io/acme/base:1", "linux/amd64", "linux/arm64")
        image = imgguard("inspect", f"{source}:app", "--platform", "linux/arm64", "--bases", lock, "-o", "json").json()["images"][0]
        claims = [(claim["reference"], claim["grade"]) for claim in image["base"]]
        self.assertEqual(claims[:2], [("docker.io/acme/base:1", "proved"), ("docker.io/acme/base:1", "matched")])
        self.assertEqual(image["build"]["stages"], 2)
        policy = self.dir / "stages.yaml"
        policy.write_text("version: 1\nname: s\nrules: { base: { stages: deny, allow: { refs: ['acme/base:1'], level: deny } } }\n")
        self.exits(imgguard("check", f"{source}:app", "--policy", policy, "--bases", lock), PASS)
        policy.write_text("version: 1\nname: s\nrules: { base: { stages: { min: 3, level: deny } } }\n")
        self.exits(imgguard("check", f"{source}:app", "--policy", policy, "--bases", lock), VIOLATIONS, "stages made the image")

    def test_damaged_list(self):
        """a list that is cut, edited or contradicts itself: nothing is judged, and the place is named"""
        name = f"{self.host}/team/damaged:1"
        self.base(name, "5.0", 1)
        lock = self.dir / "damaged.json"
        self.exits(imgguard("bases", "update", name, "--lock", lock), PASS)
        text = lock.read_text()
        image = f"{name}"
        for damaged, words in (
            (text[: len(text) // 2], ["line "]),
            (text.replace('"manifest"', '"manifesto"', 1), ["line ", "manifesto"]),
            (text.replace('"diff_ids": [', '"diff_ids": [], "old": [', 1), ["line "]),
            (json.dumps({**json.loads(text), "references": {}}), ["bases[0]", "references"]),
        ):
            lock.write_text(damaged)
            for command in (["check", image, "--bases", lock], ["bases", "list", "--lock", lock], ["bases", "update", name, "--lock", lock]):
                self.exits(imgguard(*command), REFUSED, "is refused", *words)
            self.assertEqual(lock.read_text(), damaged, "a damaged list is not written over")
        self.exits(imgguard("check", image, "--bases", self.dir / "nothing.json"), REFUSED, "nothing.json")

    def test_one_base_is_away(self):
        """a base that is not found does not keep the others from being recorded"""
        name = f"{self.host}/team/here:1"
        self.base(name, "6.0", 1)
        lock = self.dir / "partly.json"
        run = imgguard("bases", "update", f"{self.host}/team/away:1", name, "--lock", lock)
        self.exits(run, REFUSED, "away", "not found")
        self.assertEqual(list(json.loads(lock.read_text())["references"]), [name])
