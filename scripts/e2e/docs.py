"""The commands of README and docs: each exists with its options, and those of docs/promote.md are run in their order."""

import os
import re
import shlex
import subprocess

from harness import BINARY, HELLO, PASS, ROOT, WORK, Run, Suite, imgguard, registry

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A line that describes a form, and is no command.
FORM = re.compile(r"[\[\]…]|\bSOURCE DESTINATION\b")


def blocks(path, *languages):
    return [body for language, body in BLOCK.findall(path.read_text()) if language in languages]


def commands(body):
    """The commands of imgguard in a block, without what stands behind a pipe or a comment."""
    for line in body.replace("\\\n", " ").splitlines():
        line = line.removeprefix("$ ").strip()
        if line.startswith("imgguard "):
            words = shlex.split(line, comments=True)
            ends = [place for place, word in enumerate(words) if word in ("|", ">", "&&", "||", ";", "2>", "<")]
            yield line, words[1:ends[0]] if ends else words[1:]


class Docs(Suite):
    def test_every_command_exists(self):
        """every command in README and docs is one, with options that it has"""
        count = 0
        for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
            for body in blocks(path, "sh", "console", "bash"):
                for line, words in commands(body):
                    if FORM.search(line):
                        continue
                    # The options are read before the help is given: a wrong one is an error.
                    run = imgguard(*words, "--help")
                    self.assertEqual(run.exit, PASS, f"{path.name}: {line}\n{run}")
                    count += 1
        self.assertGreater(count, 40)

    def test_the_page_about_promotion(self):
        """docs/promote.md from top to bottom, with two registries in place of its names"""
        hosts = {}
        for name in ("staging", "prod"):
            folder = self.dir / name
            folder.mkdir()
            server, hosts[name] = registry(folder, f"docs-{name}")
            self.serve(server)
        env = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache"), "IMGGUARD_KEY_PASSWORD": "open sesame"}
        work = self.dir / "work"
        work.mkdir()

        def run(*words):
            done = subprocess.run([BINARY, *map(str, words)], env=env, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
            return Run(words, done)

        for name in ("gate", "alice"):
            self.exits(run("key", "generate", "--out", name), PASS)
        (work / "imgguard.yaml").write_text("version: 1\npromote: { signers: { gate: { key: gate.pub } } }\nrules: { user: { root: deny } }\n")
        host = {f"{name}.example": at for name, at in hosts.items()}
        at = f"{hosts['staging']}/acme/app"
        self.exits(run("copy", f"oci:{HELLO}:1.0.0", f"{at}:1.4.2"), PASS)
        page, ran = ROOT / "docs" / "promote.md", 0
        digest = run("tree", f"{at}:1.4.2", "-o", "json").json()["digest"]
        for language, body in BLOCK.findall(page.read_text()):
            for name, real in host.items():
                body = body.replace(name, real)
            if language == "yaml" and "promotions:" in body:
                # The digests of the page are cut short.
                body = re.sub(r'"sha256:9f2c…"', f'"{digest}"', body)
                body = "\n".join(line for line in body.splitlines() if "…" not in line) + "\n"
                body = body.replace('["1.4.2", "1.4", "stable"]', '["1.4.2", "stable"]')
                (work / "many.yaml").write_text(body)
                self.exits(run("promote", "--many", "many.yaml", "--key", "gate.key"), PASS)
                self.exits(run("promote", "diff", "many.yaml"), PASS)
                ran += 2
            elif language == "yaml":
                (work / "gate.yaml").write_text(body)
                self.exits(run("policy", "check", "gate.yaml"), PASS)
                ran += 1
            elif language == "sh":
                for line, words in commands(body):
                    if FORM.search(line):
                        continue
                    done = run(*words)
                    if words[0] == "rollback":
                        # The only promotion of the page made new tags: there is nowhere to go back to, and that is said.
                        self.exits(done, 2, "nothing was there before")
                    else:
                        self.exits(done, PASS)
                    ran += 1
        self.assertGreaterEqual(ran, 9)
