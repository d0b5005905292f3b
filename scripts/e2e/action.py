"""The GitHub Action, run by a small runner of our own: inputs, composite steps, outputs, summary, annotations; and linted."""

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import stat
import subprocess

import yaml

from harness import BINARY, HELLO, ROOT, WORK, Suite, registry, tool, imgguard

BIN = ROOT / "target" / "venv-action" / "bin"
ZIZMOR = BIN / "zizmor"
TEKTON = ROOT / "target" / "node-action" / "node_modules" / ".bin" / "tekton-lint"
CI = ROOT / "examples" / "ci"
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
EXPRESSION = re.compile(r"\$\{\{\s*([^}]+?)\s*\}\}")
TARGET = {"x86_64": "x86_64-unknown-linux-musl", "aarch64": "aarch64-unknown-linux-musl"}.get(platform.machine())


class Ran:
    """What a run of the action left."""

    def __init__(self):
        self.exit, self.out, self.outputs, self.summary, self.environment = 0, "", {}, "", ""

    def __str__(self):
        return f"exit {self.exit}\n{self.outputs}\n{self.out[-3000:]}"

    def annotations(self):
        """The workflow commands that a runner would obey: none while they are switched off."""
        found, mark = [], None
        for line in self.out.splitlines():
            if mark:
                mark = None if line == f"::{mark}::" else mark
            elif line.startswith("::stop-commands::"):
                mark = line.removeprefix("::stop-commands::")
            elif line.startswith("::"):
                found.append(line)
        return found


def action_of(folder):
    return yaml.safe_load((folder / "action.yml").read_text())


def run_action(folder, workspace, inputs, env=None):
    """Runs the composite action of a folder as a runner does."""
    action, ran = action_of(folder), Ran()
    unknown = set(inputs) - set(action["inputs"])
    assert not unknown, f"the action has no inputs {unknown}"
    values = {name: inputs.get(name, str(about.get("default", ""))) for name, about in action["inputs"].items()}
    scratch = workspace / ".runner"
    scratch.mkdir(parents=True, exist_ok=True)
    steps = {}

    def value(text):
        def one(match):
            parts = match.group(1).split(".")
            if parts[0] == "inputs":
                return values[parts[1]]
            if parts[0] == "steps" and parts[2] == "outputs":
                return steps.get(parts[1], {}).get(parts[3], "")
            if match.group(1) == "github.action_path":
                return str(folder)
            raise AssertionError(f"an expression that this runner does not know: {match.group(1)}")
        return EXPRESSION.sub(one, str(text))

    for number, step in enumerate(action["runs"]["steps"]):
        assert step["shell"] == "bash", step
        files = {name: scratch / f"{number}-{name}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")}
        for path in files.values():
            path.write_text("")
        variables = {
            "PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "RUNNER_TEMP": str(scratch), "GITHUB_WORKSPACE": str(workspace),
            "IMGGUARD_CACHE_DIR": str(WORK / "cache"), "GITHUB_ACTIONS": "true", **{name: str(path) for name, path in files.items()},
            **{name: value(text) for name, text in step.get("env", {}).items()}, **(env or {}),
        }
        done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=workspace, env=variables,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
        ran.out += done.stdout.decode(errors="replace")
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        ran.environment += files["GITHUB_ENV"].read_text() + files["GITHUB_PATH"].read_text()
        steps[step["id"]] = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        if done.returncode:
            ran.exit = done.returncode
            break
    ran.outputs = {name: value(about["value"]) for name, about in action["outputs"].items()}
    return ran


class Action(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A revision of the action that lists a release: the program under test, in a folder.
        cls.folder = cls.dir / "action"
        (cls.folder / "action").mkdir(parents=True)
        shutil.copy(ROOT / "action.yml", cls.folder)
        for name in ("install", "run", "outputs.py", "versions"):
            shutil.copy(ROOT / "action" / name, cls.folder / "action" / name)
        release = cls.dir / "releases" / "v9.9.9"
        release.mkdir(parents=True)
        os.link(BINARY, release / f"imgguard-{TARGET}")
        with open(cls.folder / "action" / "versions", "a", encoding="utf-8") as file:
            file.write(f"9.9.9 {TARGET} {hashlib.sha256(BINARY.read_bytes()).hexdigest()}\n9.9.8 {TARGET} {'0' * 64}\n")
        (cls.dir / "releases" / "v9.9.8").mkdir()
        os.link(BINARY, cls.dir / "releases" / "v9.9.8" / f"imgguard-{TARGET}")
        cls.env = {"IMGGUARD_RELEASES": f"file://{cls.dir}/releases", "IMGGUARD_KEY_PASSWORD": "open sesame"}
        cls.workspace = cls.dir / "workspace"
        cls.workspace.mkdir()
        shutil.copytree(HELLO, cls.workspace / "hello")

    def act(self, wanted, **inputs):
        ran = run_action(self.folder, self.workspace, {"version": "9.9.9", **{name.replace("_", "-"): text for name, text in inputs.items()}}, self.env)
        self.assertEqual(ran.exit, wanted, f"\n{ran}")
        self.assertEqual(ran.environment, "", "the environment of later steps is nobody's business")
        return ran

    def test_form(self):
        """every input and output is described and used, nothing reaches a shell as text, everything foreign is pinned"""
        action = action_of(ROOT)
        text = (ROOT / "action.yml").read_text()
        for name, about in {**action["inputs"], **action["outputs"]}.items():
            self.assertTrue(about.get("description", "").endswith("."), name)
        for name in action["inputs"]:
            self.assertIn(f"${{{{ inputs.{name} }}}}", text, f"the input {name} is not used")
        workflows = [ROOT / ".github" / "workflows" / "image.yml", ROOT / ".github" / "workflows" / "ci.yml"]
        steps = list(action["runs"]["steps"])
        for path in workflows:
            for job in yaml.safe_load(path.read_text())["jobs"].values():
                steps += job["steps"]
        for step in steps:
            self.assertNotIn("${{", step.get("run", ""), step)
            if "uses" in step and step["uses"] != "./.imgguard":
                self.assertRegex(step["uses"], PINNED)
        for line in (ROOT / "docs" / "action.md").read_text().splitlines():
            if "uses:" in line:
                self.assertRegex(line.split("uses:")[1].split("#")[0].strip(), r"@([0-9a-f]{40}|FULL_SHA)$")

    def test_lint(self):
        """zizmor finds nothing"""
        if not ZIZMOR.is_file():
            print("  note   zizmor is not installed: the action is not linted", flush=True)
            return
        tool(ZIZMOR, "--offline", "--no-progress", "action.yml", ".github/workflows/image.yml", ".github/workflows/ci.yml")

    def fails(self, *command):
        """A tool that must not be content."""
        done = subprocess.run(list(map(str, command)), capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0, f"{command} found nothing: {done.stdout.decode()}")

    def changed(self, path, old, new):
        """A copy of a file with a mistake."""
        text = path.read_text()
        self.assertIn(old, text)
        copy = self.dir / f"wrong-{path.name}"
        copy.write_text(text.replace(old, new, 1))
        return copy

    def test_templates(self):
        """action, workflows and the template for GitLab follow their schemas, those for Jenkins and Tekton parse and lint; mistakes are found"""
        schema, tekton = BIN / "check-jsonschema", CI / "tekton.yaml"
        if not schema.is_file():
            print("  note   check-jsonschema and groovy-parser are not installed: templates are not read", flush=True)
            return
        for kind, path, old, new in (
            ("github-actions", ROOT / "action.yml", "using: composite", "using: composit"),
            ("github-workflows", ROOT / ".github" / "workflows" / "image.yml", "runs-on:", "run-on:"),
            ("github-workflows", ROOT / ".github" / "workflows" / "ci.yml", "runs-on:", "run-on:"),
            ("gitlab-ci", CI / "gitlab-ci.yml", "when: manual", "when: by-hand"),
        ):
            tool(schema, "--builtin-schema", f"vendor.{kind}", path)
            self.fails(schema, "--builtin-schema", f"vendor.{kind}", self.changed(path, old, new))
        # A pipeline of GitLab may use only its own stages.
        gitlab = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
        jobs = {name: job for name, job in gitlab.items() if isinstance(job, dict) and "script" in job}
        self.assertEqual({job["stage"] for job in jobs.values()}, set(gitlab["stages"]))
        parse = "import sys\nfrom groovy_parser.parser import parse_groovy_content\nparse_groovy_content(open(sys.argv[1]).read())"
        tool(BIN / "python", "-c", parse, CI / "Jenkinsfile")
        self.fails(BIN / "python", "-c", parse, self.changed(CI / "Jenkinsfile", "'main'", "'main"))
        if not TEKTON.is_file():
            print("  note   tekton-lint is not installed: the template for Tekton is not linted", flush=True)
            return
        tool(TEKTON, tekton)
        self.fails(TEKTON, self.changed(tekton, "$(params.version)", "$(params.versoin)"))

    def test_commands_of_templates(self):
        """every command of imgguard in the templates and the workflow has the options that it is given"""
        count = 0
        texts = [(CI / "Jenkinsfile").read_text(), (CI / "gitlab-ci.yml").read_text(), (ROOT / ".github" / "workflows" / "image.yml").read_text()]
        lines = [line.strip().removeprefix("- ").removeprefix("run: ") for text in texts for line in text.replace("\\\n", " ").splitlines()]
        lines = [line.removeprefix("sh '").removesuffix("'") for line in lines]
        for step in yaml.safe_load((CI / "tekton.yaml").read_text())["spec"]["steps"]:
            lines.append(shlex.join(step["command"] + step["args"]))
        for line in lines:
            words = shlex.split(line, comments=True) if line.startswith("imgguard ") else []
            if not words:
                continue
            words = words[1:words.index("--")] if "--" in words else words[1:]
            self.exits(imgguard(*words, "--help"), 0)
            count += 1
        self.assertGreater(count, 9)

    def test_no_release_is_listed_yet(self):
        """a release must be listed with its hash; while none is, the default builds the sources and everything else is refused"""
        listed = [line.split() for line in (ROOT / "action" / "versions").read_text().splitlines() if line and not line.startswith("#")]
        for version, target, digest in listed:
            self.assertRegex(version, r"^\d+\.\d+\.\d+$")
            self.assertRegex(target, r"^(x86_64|aarch64)-unknown-linux-musl$")
            self.assertRegex(digest, "^[0-9a-f]{64}$")
        self.assertEqual(action_of(ROOT)["inputs"]["version"]["default"], "source")
        ran = run_action(ROOT, self.workspace, {"image": "oci:hello:1.0.0", "version": "0.1.0"}, self.env)
        if not any(line[0] == "0.1.0" for line in listed):
            self.assertEqual(ran.exit, 2, f"\n{ran}")
            self.assertIn("is not listed", ran.out)
            self.assertIn("source", (ROOT / "docs" / "action.md").read_text())

    def test_check(self):
        """a good image passes; a bad one fails with annotations, a summary, SARIF and numbers"""
        good = self.act(0, image="oci:hello:1.0.0")
        self.assertEqual((good.outputs["verdict"], good.outputs["exit-code"], good.outputs["errors"]), ("pass", "0", "0"))
        self.assertRegex(good.outputs["digest"], "^sha256:[0-9a-f]{64}$")
        self.assertIn("PASS", good.summary)
        bad = self.act(1, image="oci:hello:0.9.0")
        self.assertEqual((bad.outputs["verdict"], bad.outputs["exit-code"]), ("violations", "1"))
        self.assertGreater(int(bad.outputs["errors"]), 0)
        self.assertLessEqual(sum(line.startswith("::error") for line in bad.annotations()), 10)
        self.assertTrue(any(line.startswith("::error") for line in bad.annotations()))
        self.assertIn("DENY", bad.summary.upper())
        sarif = json.loads((self.workspace / bad.outputs["sarif"]).read_text())
        again = json.loads((self.workspace / self.act(1, image="oci:hello:0.9.0").outputs["sarif"]).read_text())
        prints = [[result["partialFingerprints"] for result in one["runs"][0]["results"]] for one in (sarif, again)]
        self.assertEqual(prints[0], prints[1])
        self.assertNotIn("sha256:", json.dumps(prints[0]))
        both = self.act(1, image="oci:hello:1.0.0\n  oci:hello:0.9.0\n")
        self.assertEqual(both.outputs["digest"], "")

    def test_wrong_inputs(self):
        """what cannot be meant is refused with one line and outputs that say so"""
        for inputs, words in (
            ({"mode": "chek", "image": "oci:hello:1.0.0"}, "neither check, release nor promote"),
            ({"image": ""}, "`image` is empty"),
            ({"image": "--policy=@minimal"}, "begins with a minus sign"),
            ({"image": "oci:hello:1.0.0", "mode": "release"}, "wants `destination`"),
            ({"image": "oci:hello:1.0.0", "mode": "promote"}, "wants one `image`"),
            ({"image": "oci:hello:1.0.0", "mode": "promote", "dry_run": "yes"}, "neither true nor false"),
            ({"image": "oci:hello:1.0.0", "working_directory": "nowhere"}, "no folder"),
        ):
            ran = self.act(2, **inputs)
            self.assertIn(words, ran.out, f"{inputs}\n{ran}")
            self.assertEqual(ran.outputs["verdict"], "refused", f"{inputs}\n{ran}")
        ran = self.act(2, image="oci:hello:1.0.0", policy="x.yaml\nverdict=pass")
        self.assertEqual(ran.outputs["verdict"], "refused")

    def test_install(self):
        """only a program whose hash is listed runs; latest is refused; what an earlier step left is hashed again"""
        for version, words in (("latest", "is refused"), ("1.2.3", "is not listed"), ("9.9.8", "not the one whose hash is listed"), ("../9.9.9", "no version")):
            ran = self.act(2, image="oci:hello:1.0.0", version=version)
            self.assertIn(words, ran.out, f"\n{ran}")
            self.assertEqual(ran.outputs["binary"], "")
        self.act(0, image="oci:hello:1.0.0")
        left = self.workspace / ".runner" / "imgguard-9.9.9" / "imgguard"
        left.write_text("#!/bin/sh\necho pwned\n")
        self.assertNotIn("pwned", self.act(0, image="oci:hello:1.0.0").out)
        # From the sources: cargo is asked for a locked build of this very revision.
        stub = self.dir / "stub"
        stub.mkdir()
        (stub / "cargo").write_text(f'#!/bin/bash\necho "$@" >{self.dir}/asked\nmkdir -p "$RUNNER_TEMP/imgguard-source/release"\nln -sf {BINARY} "$RUNNER_TEMP/imgguard-source/release/imgguard"\n')
        (stub / "cargo").chmod(stat.S_IRWXU)
        ran = run_action(self.folder, self.workspace, {"image": "oci:hello:1.0.0"}, {"PATH": f"{stub}:{os.environ['PATH']}"})
        self.assertEqual(ran.exit, 0, f"\n{ran}")
        self.assertIn("build --locked --release", (self.dir / "asked").read_text())
        # Without Rust, and with sources that do not build: exit, outputs that say so, and nothing is run.
        for name, path, words in (("none", "/usr/bin:/bin", "there is no Rust"), ("broken", f"{self.broken()}:/usr/bin:/bin", "could not compile")):
            ran = run_action(self.folder, self.workspace, {"image": "oci:hello:1.0.0"}, {"PATH": path})
            self.assertNotEqual(ran.exit, 0, f"{name}\n{ran}")
            self.assertIn(words, ran.out)
            self.assertEqual(ran.outputs["binary"], "")

    def broken(self):
        """A folder with a cargo that fails."""
        folder = self.dir / "broken"
        folder.mkdir()
        (folder / "cargo").write_text("#!/bin/bash\necho 'error: could not compile `imgguard`' >&2\nexit 101\n")
        (folder / "cargo").chmod(stat.S_IRWXU)
        return folder

    def test_the_whole_way(self):
        """check, release, a plan, its application: outputs lead from one to the next"""
        hosts = []
        for name in ("staging", "prod"):
            folder = self.dir / name
            folder.mkdir()
            server, host = registry(folder, f"action-{name}")
            self.serve(server)
            hosts.append(host)
        self.exits(imgguard("key", "generate", "--out", self.workspace / "gate", env=self.env), 0)
        (self.workspace / "imgguard.yaml").write_text("version: 1\npromote: { signers: { gate: { key: gate.pub } } }\nrules: { user: { root: deny } }\n")
        staging, prod = f"{hosts[0]}/app", f"{hosts[1]}/app"
        released = self.act(0, mode="release", image="oci:hello:1.0.0", destination=staging, release_version="1.0.0")
        self.assertEqual(released.outputs["tags"], "1.0.0,1.0,1,latest")
        at = f"{staging}@{released.outputs['digest']}"
        planned = self.act(0, mode="promote", image=at, destination=prod, release_version="1.0.0", plan_out="plan.json")
        self.assertEqual(planned.outputs["plan"], "plan.json")
        self.assertIn("| latest | create |", planned.summary)
        done = self.act(0, mode="promote", plan="plan.json", key="gate.key")
        self.assertEqual(done.outputs["plan-digest"], planned.outputs["plan-digest"])
        self.assertTrue(done.outputs["tags"].endswith(",1.0.0,1.0,1,latest"), done.outputs)
        self.assertRegex(done.outputs["record-digest"], "^sha256:")
        (self.workspace / "imgguard.yaml").unlink()

    def test_the_summary_keeps_its_budget(self):
        """a summary that GitHub would refuse is cut at its end"""
        out = self.workspace / "large"
        out.mkdir()
        (out / "summary.md").write_text("ä" * 700_000)
        files = {"GITHUB_OUTPUT": str(out / "output"), "GITHUB_STEP_SUMMARY": str(out / "step")}
        tool("python3", ROOT / "action" / "outputs.py", "pass", "0", env={**files, "OUT": str(out)})
        size = (out / "step").stat().st_size
        self.assertTrue(890_000 < size < 1_000_000, size)
        (out / "step").read_text(encoding="utf-8")
