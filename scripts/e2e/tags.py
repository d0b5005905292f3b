"""Tags of a real registry: what a release would write, and which tags have gone astray."""

import json
import shutil
import time

from harness import HELLO, PASS, REFUSED, VIOLATIONS, Suite, imgguard, registry, tool


def put(app, source, *tags):
    """Gives an image these tags. The servers share their storage: each test has a repository of its own."""
    for tag in tags:
        target = f"docker://{app}:{tag}"
        tool("skopeo", "copy", "--quiet", "--insecure-policy", "--all", "--preserve-digests", "--dest-tls-verify=false", f"oci:{HELLO}:{source}", target)
    return app


class Tags(Suite):
    def plan(self, image, *arguments, wanted=PASS, env=None):
        run = imgguard("tags", "plan", image, *arguments, "-o", "json", env=env)
        self.exits(run, wanted)
        return [f"{step['action']} {step['tag']}" for step in run.json()["steps"]]

    def test_releases_in_any_order(self):
        """a backport keeps latest, a release never moves, a first release makes all"""
        server, host = registry(self.dir, "order")
        self.serve(server)
        app = put(f"{host}/team/order", "1.0.0", "2.0.1", "2.0", "2", "latest", "build-7")
        put(f"{host}/team/order", "0.9.0", "1.9.0", "1.9", "1", "build-8")
        self.assertEqual(self.plan(f"{app}:build-7", "--version", "1.9.1"),
                         ["create 1.9.1", "advance 1.9", "advance 1", "keep latest"])
        self.assertEqual(self.plan(f"{app}:build-8", "--version", "2.0.1", wanted=VIOLATIONS),
                         ["refuse 2.0.1", "refuse 2.0", "refuse 2", "refuse latest"])
        self.assertEqual(self.plan(f"{app}:build-7", "--version", "2.0.1"), ["keep 2.0.1", "keep 2.0", "keep 2", "keep latest"])
        self.assertEqual(self.plan(f"{app}:build-8", "--version", "2.1.0-rc.1"), ["create 2.1.0-rc.1", "create rc"])
        self.assertEqual(self.plan(f"{app}:build-8", "--version", "2.0.2", "--variant", "-alpine"),
                         ["create 2.0.2-alpine", "create 2.0-alpine", "create 2-alpine", "create latest-alpine"])
        text = imgguard("tags", "plan", f"{app}:build-7", "--version", "1.9.1")
        self.exits(text, PASS, "create   1.9.1", "`2.0.1` is higher than 1.9.1")

    def test_a_thousand_tags(self):
        """a repository of a thousand tags is planned in less than a second, and every version counts"""
        server, host = registry(self.dir, "many")
        self.serve(server)
        app = put(f"{host}/team/many", "1.0.0", "1.0.0", "build-7")
        put(f"{host}/team/many", "0.9.0", "build-8")
        folder = self.dir / "storage" / "docker" / "registry" / "v2" / "repositories" / "team" / "many" / "_manifests" / "tags"
        versions = [f"{number // 250 + 1}.{number % 250 // 25}.{number % 25}" for number in range(997)]
        for version in [*versions, "latest"]:
            # As the registry keeps them: a push of each takes minutes.
            if version != "1.0.0":
                shutil.copytree(folder / "1.0.0", folder / version)
        self.assertEqual(len(json.loads(tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{app}"))["Tags"]), 1000)
        times = []
        for _ in range(3):
            started = time.monotonic()
            planned = self.plan(f"{app}:build-8", "--version", "4.9.99")
            times.append(time.monotonic() - started)
        self.assertEqual(planned, ["create 4.9.99", "create 4.9", "create 4", "advance latest"])
        self.assertEqual(self.plan(f"{app}:build-8", "--version", "3.4.99"), ["create 3.4.99", "create 3.4", "keep 3", "keep latest"])
        self.assertLess(min(times), 1.0, times)

    def test_bad_versions(self):
        """what is no version, and an image that is not there, is refused before anything else"""
        server, host = registry(self.dir, "bad")
        self.serve(server)
        app = put(f"{host}/team/bad", "1.0.0", "build")
        self.exits(imgguard("tags", "plan", f"{app}:build", "--version", "1.4"), REFUSED, "no full semantic version")
        self.exits(imgguard("tags", "plan", f"{app}:none", "--version", "1.4.0"), REFUSED, "not found")
        self.exits(imgguard("tags", "plan", f"{app}:build", "--version", "1.4.0", "--latest", "new"), REFUSED, "--latest new")

    def test_audit(self):
        """a tag that went back is told, with the version that it points at"""
        server, host = registry(self.dir, "audit")
        self.serve(server)
        app = put(f"{host}/team/audit", "1.0.0", "2.0.1", "2")
        put(f"{host}/team/audit", "0.9.0", "1.9.1", "1", "latest", "0")
        run = imgguard("tags", "audit", app)
        self.exits(run, VIOLATIONS, "latest  points at 1.9.1, but the highest version of its line is 2.0.1", "0  should not exist")
        findings = imgguard("tags", "audit", app, "-o", "json").json()["findings"]
        self.assertEqual([finding["tag"] for finding in findings], ["0", "latest"], json.dumps(findings))

    def test_metadata_action(self):
        """the inputs of docker/metadata-action, judged by what the registry holds"""
        server, host = registry(self.dir, "metadata")
        self.serve(server)
        app = put(f"{host}/team/metadata", "1.0.0", "2.0.1", "latest", "build")
        inputs = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=raw,value=stable"
        env = {"GITHUB_REF": "refs/tags/v1.9.1", "GITHUB_SHA": "0" * 40, "GITHUB_EVENT_NAME": "push"}
        self.assertEqual(self.plan(f"{app}:build", "--metadata-tags", inputs, env=env),
                         ["create 1.9.1", "create 1.9", "keep latest", "create stable"])
        branch = {**env, "GITHUB_REF": "refs/heads/latest"}
        self.assertEqual(self.plan(f"{app}:build", "--metadata-tags", "type=ref,event=branch", env=branch, wanted=VIOLATIONS), ["refuse latest"])
