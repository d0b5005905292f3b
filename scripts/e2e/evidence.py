"""Files beside the image: what they contradict, what does not parse, which line made which layer, and Dockerfiles alone."""

import base64
import json

from harness import INCONCLUSIVE, PASS, REFUSED, ROOT, VIOLATIONS, Suite, imgguard
from layout import Layer, Layout, archive, encode, member

SEEDS = ROOT / "testdata" / "seeds"
CONSISTENCY = "version: 1\nname: evidence\nrules:\n  consistency: { compose: warn, kubernetes: warn }\n"
DOCKERFILE = """FROM alpine:3.22
RUN apk add --no-cache python3

COPY app /app
USER 1000
EXPOSE 8501
"""
COMPOSE = """services:
  web:
    build: .
    ports:
      - "80:8080"
    user: "0"
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: app:latest
      livenessProbe: {httpGet: {path: /health, port: 9000}}
"""
IN_TOTO = "application/vnd.in-toto+json"


class Evidence(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.dir / "imgguard.yaml"
        cls.policy.write_text(CONSISTENCY)
        for name, text in [("Dockerfile", DOCKERFILE), ("compose.yml", COMPOSE), ("pod.yml", POD)]:
            (cls.dir / name).write_text(text)
        layout = Layout(cls.dir / "image")
        layers = [
            Layer(archive([member("bin/sh", "#!", mode=0o755), member("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n")]),
                  instruction="ADD alpine.tar /"),
            Layer(archive([member("usr/bin/python3", "x", mode=0o755)]), instruction="RUN /bin/sh -c apk add --no-cache python3 # buildkit"),
            Layer(archive([member("app/main.py", "x"), member("app/.env", "A=1\n")]), instruction="COPY app /app # buildkit"),
        ]
        config = {"User": "1000", "ExposedPorts": {"8501/tcp": {}}}
        image = layout.image(layers, config, steps=["USER 1000", "EXPOSE [8501/tcp]"])
        layout.tag(image, "1.4.2")
        provenance = encode(cls.provenance(layers))
        attestation = {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **layout.blob(encode({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}}))},
            "layers": [{"mediaType": IN_TOTO, **layout.blob(provenance), "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}}],
        }
        child = {
            "mediaType": "application/vnd.oci.image.manifest.v1+json", **layout.blob(encode(attestation)),
            "annotations": {"vnd.docker.reference.digest": image["digest"], "vnd.docker.reference.type": "attestation-manifest"},
        }
        index = layout.index([(image, {"os": "linux", "architecture": "amd64"}), (child, {"os": "unknown", "architecture": "unknown"})])
        layout.tag(index, "attested")
        layout.finish()
        cls.image = f"oci:{cls.dir / 'image'}:1.4.2"
        cls.attested = f"oci:{cls.dir / 'image'}:attested"

    @staticmethod
    def provenance(layers):
        """A statement as BuildKit writes it: FROM in line 1, RUN in line 2, COPY in line 4."""
        def ranges(line):
            return {"locations": [{"ranges": [{"start": {"line": line}, "end": {"line": line}}]}]}

        def chain(count):
            return [[layer.descriptor for layer in layers[:count]]]
        return {
            "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v1", "subject": [],
            "predicate": {"buildDefinition": {"buildType": "https://mobyproject.org/buildkit@v1"}, "runDetails": {"metadata": {"buildkit_metadata": {
                "vcs": {"localdir:context": ".", "localdir:dockerfile": "docker"},
                "source": {
                    "locations": {"step0": ranges(1), "step1": ranges(2), "step2": ranges(4)},
                    "infos": [{"filename": "Dockerfile", "language": "Dockerfile", "data": base64.b64encode(DOCKERFILE.encode()).decode()}],
                },
                "layers": {"step0:0": chain(1), "step1:0": chain(2), "step2:0": chain(3)},
            }}}},
        }

    def check(self, *arguments, image=None, policy=None):
        return imgguard("check", image or self.image, "--policy", policy or self.policy, *arguments)

    def test_contradictions_stand_at_their_line(self):
        """a compose file and a manifest contradict the image: each finding at its line, in text, JSON, SARIF and annotations"""
        files = ["--with", self.dir / "compose.yml", "--with", self.dir / "pod.yml"]
        run = self.exits(self.check(*files, "-o", "json"), PASS)
        results = {result["rule"]: result for result in run.json()["subjects"][0]["platforms"][0]["results"]}
        ports = {(fault["location"]["file"].rsplit("/", 1)[-1], fault["location"]["line"]) for fault in results["consistency.ports"]["faults"]}
        self.assertEqual(ports, {("compose.yml", 5), ("pod.yml", 8)}, f"\n{run}")
        self.assertEqual(results["consistency.user"]["faults"][0]["location"]["line"], 6)
        self.assertEqual(results["consistency.image-refs"]["outcome"], "fail")
        relative = [part.relative_to(ROOT) if hasattr(part, "relative_to") else part for part in files]
        sarif = json.loads(self.exits(self.check(*relative, "-o", "sarif"), PASS).out)
        places = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].rsplit("/", 1)[-1] for result in sarif["runs"][0]["results"]}
        self.assertEqual(places, {"compose.yml", "pod.yml"})
        github = self.exits(self.check(*relative, "-o", "github"), PASS)
        self.assertRegex(github.out, r"::warning file=\S+compose.yml,line=5,title=consistency.ports")

    def test_what_does_not_parse_is_a_gap(self):
        """a file that does not parse makes the verdict inconclusive, with line and column; one that is missing is refused"""
        broken = self.dir / "broken.yml"
        broken.write_text("services:\n  web: [\n")
        self.exits(self.check("--with", broken), INCONCLUSIVE, "broken.yml:3:1: not yaml")
        bomb = self.dir / "bomb.yml"
        bomb.write_text("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)))
        self.exits(self.check("--with", bomb), INCONCLUSIVE, "too large")
        wrong = self.dir / "wrong.Dockerfile"
        wrong.write_text("FROM a:1\n  RNU x\n")
        self.exits(self.check("--with", wrong), INCONCLUSIVE, "wrong.dockerfile:2:3: there is no instruction `rnu`")
        self.exits(self.check("--with", self.dir / "missing.yml"), REFUSED, "could not be read")

    def test_the_policy_names_evidence(self):
        """`evidence` in the policy is read relative to it, and a note says what is not there"""
        policy = self.dir / "with.yaml"
        policy.write_text(CONSISTENCY + "evidence: [compose.yml, k8s/]\n")
        run = self.exits(self.check(policy=policy), PASS, "consistency.ports", "k8s` does not exist")
        self.assertIn("warning[consistency.user]", run.out)
        policy.write_text(CONSISTENCY + "evidence: [/etc]\n")
        self.exits(self.check(policy=policy), REFUSED, "with.yaml:5:12")

    def test_provenance_names_the_line(self):
        """provenance maps layers to lines; without it a Dockerfile is matched; with neither there is no line"""
        policy = self.dir / "files.yaml"
        policy.write_text("version: 1\nname: files\nrules:\n  files:\n    forbid: { level: deny, globs: ['**/.env'] }\n")
        run = self.exits(self.check(image=self.attested, policy=policy), VIOLATIONS)
        self.assertIn("own, docker/Dockerfile:4 (provenance)", run.out, f"\n{run}")
        run = self.exits(self.check("--with", self.dir / "Dockerfile", policy=policy), VIOLATIONS)
        self.assertRegex(run.out, r"own, \S*Dockerfile:4 \(matched\)")
        run = self.exits(self.check(policy=policy), VIOLATIONS)
        self.assertNotIn("Dockerfile:", run.out)
        lines = (self.dir / "Dockerfile").read_text().splitlines()
        for until, exit in (("2999-12-31", PASS), ("2020-01-31", VIOLATIONS)):
            waiver = f'# imgguard: waive[files.forbid] until={until} owner=@ops reason="a sample file"'
            (self.dir / "waived.Dockerfile").write_text("\n".join([*lines[:3], waiver, *lines[3:], ""]))
            self.exits(self.check("--with", self.dir / "waived.Dockerfile", policy=policy), exit, "1 waived" if exit == PASS else "waivers.expired")
        sarif = json.loads(self.exits(self.check("-o", "sarif", image=self.attested, policy=policy), VIOLATIONS).out)
        place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        self.assertEqual((place["artifactLocation"]["uri"], place["region"]["startLine"]), ("docker/Dockerfile", 4))

    def test_a_health_check_beside_the_image_counts_when_the_policy_says_so(self):
        """healthcheck.present accepts compose files when told to; healthcheck.exec resolves their commands"""
        compose = self.dir / "health.yml"
        policy = self.dir / "health.yaml"
        rules = "version: 1\nname: health\nrules:\n  healthcheck:\n    present: {{ level: deny, accept: [{}] }}\n    exec: deny\n"
        compose.write_text('services:\n  web:\n    build: .\n    healthcheck:\n      test: ["CMD", "curl", "-f", "http://localhost:8501/"]\n')
        policy.write_text(rules.format("image, compose"))
        run = self.exits(self.check("--with", compose, "-o", "json", policy=policy), VIOLATIONS)
        results = {result["rule"]: result["outcome"] for result in run.json()["subjects"][0]["platforms"][0]["results"]}
        self.assertEqual(results, {"healthcheck.present": "pass", "healthcheck.exec": "fail"}, f"\n{run}")
        policy.write_text(rules.format("image"))
        self.exits(self.check("--with", compose, policy=policy), VIOLATIONS, "healthcheck.present")

    def lint(self, *arguments, stdin=None):
        return imgguard("lint", *arguments, stdin=stdin)

    def test_lint_of_the_seeds(self):
        """lint finds what is wrong in the Dockerfiles of the seeds, and nothing in the corrected ones and our own that stops anything"""
        def found(path):
            run = self.exits(self.lint(path, "-o", "json"), PASS)
            return {(finding["rule"].removeprefix("dockerfile."), finding["line"]) for finding in run.json()["files"][0]["findings"] if finding["level"] != "info"}
        self.assertEqual(found(SEEDS / "superinsight-a" / "Dockerfile"), {("casing", 1), ("casing", 10), ("pip-cache", 14), ("pip-cache", 21), ("user-missing", 10)})
        self.assertEqual(found(SEEDS / "superinsight-b" / "Dockerfile"), {("casing", 1), ("casing", 12), ("user-missing", 12)})
        self.assertEqual(found(SEEDS / "tearsheet-analyzer" / "Dockerfile"), {("pip-cache", 4), ("user-missing", 1)})
        self.assertEqual(found(SEEDS / "strain-seer" / "Dockerfile"), {("apt-update-alone", 10), ("apt-lists", 10)})
        for name in ["analytics-platform/Dockerfile", "analytics-platform/Dockerfile.corrected", "goaltrajectory-backend/Dockerfile",
                     "goaltrajectory-frontend/Dockerfile", "strain-seer/Dockerfile.corrected", "tearsheet-analyzer/Dockerfile.corrected"]:
            self.assertEqual(found(SEEDS / name), set(), name)
        self.assertEqual(found(ROOT / "Dockerfile"), set())

    def test_lint_exit_codes_and_formats(self):
        """lint: the exit codes are the same in every format; waivers count; standard input is read"""
        file = self.dir / "lint.Dockerfile"
        file.write_text("FROM a\nUSER 1\n")
        for form in ["text", "json", "sarif", "github"]:
            self.exits(self.lint(file, "-o", form), PASS, "latest")
            self.exits(self.lint(file, "-o", form, "--fail-at", "warn"), VIOLATIONS)
        self.exits(self.lint(file, "--level", "base-tag=deny"), VIOLATIONS, "error[dockerfile.base-tag]")
        self.exits(self.lint(file, "--level", "bsae-tag=deny"), REFUSED, "did you mean")
        self.exits(self.lint("-", stdin=file), PASS, "warning[dockerfile.base-tag]")
        self.exits(self.lint(self.dir / "missing"), REFUSED)
        file.write_text('# imgguard: waive[dockerfile.base-tag] until=2999-01-01 owner=@ops reason="a mirror"\nFROM a\nUSER 1\n')
        self.exits(self.lint(file, "--fail-at", "info"), PASS, "1 waived")
        file.write_text("# imgguard: waive[dockerfile.base-tag] until=2020-01-01 owner=@ops reason=x\nFROM a\nUSER 1\n")
        self.exits(self.lint(file), VIOLATIONS, "ended on 2020-01-01")
        file.write_bytes(b"FROM a:1\n" + b"#" * (1 << 20))
        self.exits(self.lint(file), INCONCLUSIVE, "more than")
        file.write_bytes(b"FROM a:\xff\n")
        self.exits(self.lint(file), INCONCLUSIVE, "utf-8")
