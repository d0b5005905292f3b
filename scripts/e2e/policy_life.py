"""Living with a policy: waivers that hold, end and are not needed, a deny that is held back, locks, and what reports say of them."""

import datetime
import json

from harness import HELLO, INCONCLUSIVE, PASS, REFUSED, VIOLATIONS, Suite, imgguard

IMAGE = f"oci:{HELLO}:1.0.0"


def day(days):
    """The day that many days from now (UTC)."""
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=days)).isoformat()


class PolicyLife(Suite):
    def policy(self, text, name="imgguard.yaml"):
        path = self.dir / name
        path.write_text(text)
        return path

    def judged(self, text, wanted, *words, form="text"):
        run = imgguard("check", IMAGE, "--platform", "linux/amd64", "--policy", self.policy(text), "-o", form)
        return self.exits(run, wanted, *words)

    def waiver(self, until, match="{ subject: image }"):
        rule = "rules: { size: { total: { level: deny, below: 1B } } }"
        return (f"version: 1\n{rule}\nwaivers:\n  - rule: size.total\n    match: {match}\n    reason: being made smaller\n"
                f"    owner: \"@team\"\n    until: {until}\n")

    def test_only_what_is_new(self):
        """--baseline: what an earlier image had as well is left out and counted; what is new or has grown is not"""
        old, new = f"oci:{HELLO}:0.9.0", IMAGE
        policy = self.policy("version: 1\nrules: { secrets: { content: deny }, user: { root: deny } }\n", "new.yaml")
        self.exits(imgguard("check", old, "--policy", policy), VIOLATIONS)
        self.exits(imgguard("check", old, "--policy", policy, "--baseline", old), PASS, "had as well")
        self.exits(imgguard("check", old, "--policy", policy, "--baseline", new), VIOLATIONS, "secrets.content")
        facts = self.dir / "old.json"
        facts.write_text(imgguard("inspect", old, "--platform", "all", "-o", "json").out)
        self.exits(imgguard("check", old, "--policy", policy, "--baseline", facts), PASS, "had as well")
        grown = self.policy("version: 1\nrules: { size: { total: { level: deny, below: 1B } } }\n", "grown.yaml")
        self.exits(imgguard("check", new, "--policy", grown, "--baseline", new), PASS, "had as well")
        self.exits(imgguard("check", new, "--policy", grown, "--baseline", old), VIOLATIONS, "size.total")
        self.exits(imgguard("check", new, "--policy", policy, "--baseline", f"oci:{HELLO}:7.7.7"), REFUSED, "7.7.7")
        self.exits(imgguard("check", new, "--policy", policy, "--baseline", old, "--attest", "--key", self.dir / "none.key"), REFUSED)

    def test_structure(self):
        """files of container-structure-test are judged without running anything; contents are read once, cached, and never guessed"""
        tests = self.dir / "structure.yaml"
        tests.write_text("""schemaVersion: 2.0.0
fileExistenceTests:
- { name: page, path: /srv/www/index.html, permissions: -rw-r--r-- }
- { name: no shell history, path: /root/.bash_history, shouldExist: false }
fileContentTests:
- { name: serve, path: /usr/local/bin/serve, expectedContents: ['^#!/bin/'], excludedContents: ['curl'] }
- { name: system, path: /etc/os-release, expectedContents: ['VERSION_ID="12"'] }
metadataTest:
  exposedPorts: [8080]
  labels: [{ key: org.opencontainers.image.version, value: '^1\\.', isRegex: true }]
  cmd: [/usr/local/bin/serve]
  workdir: /srv/www
""")
        good = self.policy("version: 1\nstructure: [structure.yaml]\n", "structure-policy.yaml")
        for _ in range(2):
            self.exits(imgguard("check", IMAGE, "--policy", good), PASS, "structure ok")
        text = tests.read_text()
        tests.write_text(text.replace("excludedContents: ['curl']", "excludedContents: ['busybox|httpd']").replace("[8080]", "[8081]"))
        self.exits(imgguard("check", IMAGE, "--policy", good), VIOLATIONS, "structure.contents", "and should not", "structure.metadata", "`8081` is not exposed")
        tests.write_text(text)
        facts = self.dir / "structure.json"
        facts.write_text(imgguard("inspect", IMAGE, "--platform", "all", "-o", "json").out)
        self.exits(imgguard("check", f"facts:{facts}", "--policy", good), INCONCLUSIVE, "was not kept")
        tests.write_text(text + "commandTests: [{ name: ls, command: ls }]\n")
        self.exits(imgguard("check", IMAGE, "--policy", good), INCONCLUSIVE, "ever run", "`ls`")
        lowered = self.policy("version: 1\nstructure: [{ file: ./structure.yaml, commands: info }]\n", "lowered.yaml")
        self.exits(imgguard("check", IMAGE, "--policy", lowered), PASS)
        tests.write_text(text.replace("permissions", "permission"))
        self.exits(imgguard("check", IMAGE, "--policy", good), REFUSED, "structure.yaml:3:44", "unknown key `permission`", "^^^^^^^^^^")

    def test_growth_and_moved_tags(self):
        """what grows too much against an earlier image, and a tag that names another image now; unknown without an earlier one"""
        old = f"oci:{HELLO}:0.9.0"
        growth = "version: 1\nrules: { size: { growth: { level: deny, max: 0%, floor: 0B, against: AGAINST } } }\n"
        policy = self.policy(growth.replace("AGAINST", "baseline"), "growth.yaml")
        self.exits(imgguard("check", IMAGE, "--policy", policy), INCONCLUSIVE, "--baseline")
        self.exits(imgguard("check", IMAGE, "--policy", policy, "--baseline", IMAGE), PASS)
        sizes = {ref: json.loads(imgguard("inspect", ref, "--platform", "linux/amd64", "-o", "json").out) for ref in (old, IMAGE)}
        total = {ref: sum(layer["unpacked_size"] for layer in facts["images"][0]["layers"]) for ref, facts in sizes.items()}
        larger, smaller = sorted(total, key=total.get, reverse=True)
        self.assertNotEqual(total[larger], total[smaller])
        self.exits(imgguard("check", larger, "--policy", policy, "--baseline", smaller, "--platform", "linux/amd64"), VIOLATIONS, "size.growth", "more than")
        number = self.policy(growth.replace("AGAINST", "1kB"), "number.yaml")
        self.exits(imgguard("check", IMAGE, "--policy", number), VIOLATIONS, "the size that the policy names")
        tags = self.policy("version: 1\nrules: { tags: { immutable: deny } }\n", "tags.yaml")
        self.exits(imgguard("check", IMAGE, "--policy", tags), INCONCLUSIVE, "--baseline")
        before = self.dir / "before.json"
        facts = json.loads(imgguard("inspect", IMAGE, "--platform", "all", "-o", "json").out)
        before.write_text(json.dumps(facts))
        self.exits(imgguard("check", IMAGE, "--policy", tags, "--baseline", before), PASS)
        for image in facts["images"]:
            image["index"]["digest"] = "sha256:" + "0" * 64
        before.write_text(json.dumps(facts))
        self.exits(imgguard("check", IMAGE, "--policy", tags, "--baseline", before), VIOLATIONS, "tags.immutable", "points at")

    def test_waiver_holds(self):
        """a waiver lets its finding pass and is told, with its number on every run"""
        self.judged(self.waiver(day(60)), PASS, "waived[size.total]", "being made smaller", "@team", "0 errors", "1 waived")
        report = json.loads(self.judged(self.waiver(day(60)), PASS, form="json").out)
        subject = report["subjects"][0]
        self.assertEqual(subject["counts"]["waived"], 1)
        result = subject["platforms"][0]["results"][0]
        self.assertEqual((result["outcome"], result["waived"][0]["until"]), ("waived", day(60)))
        sarif = json.loads(self.judged(self.waiver(day(60)), PASS, form="sarif").out)
        self.assertEqual([one for run in sarif["runs"] for one in run["results"]], [])
        self.judged(self.waiver(day(60)), PASS, "skipped", "waived until", form="junit")
        self.judged(self.waiver(day(60)), PASS, "1 waived", form="markdown")
        self.judged(self.waiver(day(60)), PASS, "::notice", "1 finding waived", form="github")

    def test_waiver_expired(self):
        """a waiver that is over: the finding counts again, and the waiver's line is named"""
        self.judged(self.waiver(day(-3)), VIOLATIONS, "error[size.total]", "error[waivers.expired]", "imgguard.yaml:8", "expired 2 days ago")

    def test_waiver_ends_today_or_soon(self):
        """the last day belongs to the waiver; the end is told"""
        self.judged(self.waiver(day(0)), PASS, "waivers.ending", "ends today")
        self.judged(self.waiver(day(10)), PASS, "waivers.ending", "ends in 10 days")

    def test_waiver_not_needed(self):
        """a waiver that lets nothing pass is a warning"""
        self.judged(self.waiver(day(60), "{ subject: other }"), VIOLATIONS, "warning[waivers.unused]")

    def test_waiver_refused(self):
        """no reason, no match, a wrong date, too long: nothing is judged, and a caret shows where"""
        good = self.waiver(day(60))
        for wrong, words in (
            (good.replace("    reason: being made smaller\n", ""), ["a waiver without `reason`", "imgguard.yaml:4:5", "^^^^"]),
            (good.replace("{ subject: image }", "{}"), ["empty `match`", "imgguard.yaml:5:12"]),
            (good.replace(day(60), "31-12-2027"), ["is no day", "imgguard.yaml:8:12", "^^^^^^^^^^"]),
            (good.replace("waivers:", "limits: { waiver-days: 30 }\nwaivers:"), ["longer than the 30 days", "capped here"]),
        ):
            self.judged(wrong, REFUSED, "no image was opened", *words)

    def test_since(self):
        """a deny is held back until its day, and the days are counted"""
        rule = "version: 1\nrules: {{ size: {{ total: {{ level: deny, below: 1B, since: {} }} }} }}\n"
        self.judged(rule.format(day(12)), PASS, "warning[size.total]", "denies in 12 days")
        self.judged(rule.format(day(0)), VIOLATIONS, "error[size.total]")

    def test_lock(self):
        """what a parent locks may be tightened; loosening and waiving it show both places"""
        self.policy("version: 1\nlock: [size.total]\nrules: { size: { total: { level: deny, below: 2GB } } }\n", "parent.yaml")
        child = "version: 1\nextends: [./parent.yaml]\n"
        tighter = imgguard("policy", "check", self.policy(child + "rules: { size: { total: { below: 1GB } } }\n"))
        self.exits(tighter, PASS)
        for loose in ("rules: { size: { total: { below: 3GB } } }\n", "rules: { size: { total: warn } }\n",
                      self.waiver(day(5)).split("\n", 2)[2]):
            run = imgguard("policy", "check", self.policy(child + loose))
            self.exits(run, REFUSED, "is locked", "parent.yaml:2:8", "locked here", "imgguard.yaml:")

    def test_custom(self):
        """a rule in CEL is judged; what is misspelt, never true or quadratic is refused at its place; what stops is inconclusive"""
        rule = "version: 1\ncustom:\n  - name: own\n    message: the platform is another one\n    expr: \"{}\"\n"
        self.judged(rule.format("image.config.os == 'linux'"), PASS)
        self.judged(rule.format("image.config.os == 'plan9'"), VIOLATIONS, "error[custom.own]", "the platform is another one", "imgguard.yaml:3")
        self.judged(rule.format("image.confg.user == ''"), REFUSED, "unknown field `confg`", "did you mean `config`?", "imgguard.yaml:5:18", "^^^^^", "no image was opened")
        self.judged(rule.format("image.config.user == 0"), REFUSED, "never equal", "put it in quotes")
        self.judged(rule.format("image.files.all(a, image.files.exists(b, a == b))"), REFUSED, "a long list is gone through once for each element of another", "imgguard.yaml:5:31")
        self.judged(rule.format("image.labels['none'] == 'x'"), INCONCLUSIVE, "custom.own", "there is no such key")

    def test_tests(self):
        """`policy test` runs the tests of a policy; a failed one is 1, facts that are none are 2"""
        text = "version: 1\nrules: { user: { root: deny } }\ntests:\n"
        good = text + "  - { name: root is refused, expect: { fail: [user.root] } }\n  - { name: a user passes, set: { /config/User: '1000' }, expect: { verdict: pass, pass: [user.root] } }\n"
        self.exits(imgguard("policy", "test", self.policy(good)), PASS, "2 passed, 0 failed")
        run = self.exits(imgguard("policy", "test", self.policy(text + "  - { name: wrong, expect: { verdict: pass } }\n")), VIOLATIONS)
        self.assertIn("imgguard.yaml:4: the verdict should be pass, and is violations: `user.root` fails", run.out)
        (self.dir / "facts.json").write_text("{}")
        self.exits(imgguard("policy", "test", self.policy(text + "  - { name: a, facts: facts.json, expect: { verdict: pass } }\n")), REFUSED, "is no facts document")
        self.exits(imgguard("policy", "test", self.policy(text + "  - { name: a, expect: { fail: [user.rot] } }\n")), REFUSED, "did you mean `user.root`?")

    def test_init(self):
        """`init` writes a policy that the image passes and a slightly worse demand of it does not; it overwrites nothing"""
        path = self.dir / "tight.yaml"
        self.exits(imgguard("init", IMAGE, "--write", path), PASS)
        text = path.read_text()
        self.exits(imgguard("check", IMAGE, "--policy", path), PASS)
        self.exits(imgguard("init", IMAGE, "--write", path), REFUSED, "is there already")
        self.assertEqual(imgguard("init", IMAGE).out, text)
        for known, other in (("equals: 1000", "equals: 1001"), ('ports: ["8080/tcp"]', "ports: []"), ("max: 2 ", "max: 1 ")):
            self.assertIn(known, text)
            self.exits(imgguard("check", IMAGE, "--policy", self.policy(text.replace(known, other))), VIOLATIONS)

    def test_explain(self):
        """`explain` tells why and how, and with an image what was seen; a rule that is none is refused with a proposal"""
        self.exits(imgguard("explain", "user.root"), PASS, "### why", "### flagged")
        self.exits(imgguard("explain", "IG0101", IMAGE), PASS, "pass: runs as uid 1000", "user 1000")
        policy = self.policy("version: 1\nrules: { user: { uid: { equals: 1001 } } }\ncustom: [{ name: own, expr: 'false', message: never good }]\n")
        self.exits(imgguard("explain", "user.uid", IMAGE, "--policy", policy), PASS, "fail: 1 finding", "imgguard.yaml:2")
        self.exits(imgguard("explain", "custom.own", IMAGE, "--policy", policy), PASS, "never good", "fail: 1 finding")
        self.exits(imgguard("explain", "user.rot"), REFUSED, "did you mean `user.root`?")
