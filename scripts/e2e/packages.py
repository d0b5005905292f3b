"""Packages: what imgguard finds in an image is what the image's own package managers list."""

import gzip
import tarfile
import tempfile

from harness import ROOT, Suite, imgguard, tool
from layout import Layer, Layout, archive, member

CATALOG = ROOT / "testdata" / "catalog"


class Packages(Suite):
    def found(self, layers, kind):
        """The packages of a kind in an image of these layers (finished archives or lists of members)."""
        layout = Layout(tempfile.mkdtemp(dir=self.dir))
        blobs = [Layer(layer if isinstance(layer, bytes) else archive(layer)) for layer in layers]
        layout.tag(layout.image(blobs), "t")
        run = imgguard("inspect", f"oci:{layout.finish()}:t", "-o", "json", "--no-cache")
        self.assertEqual(run.exit, 0, f"\n{run}")
        facts = run.json()["images"][0]["packages"]["list"]
        return [fact["package"] for fact in facts if fact["package"]["kind"] == kind and fact["removed"] is None]

    def same(self, mine, truth):
        self.assertTrue(truth)
        self.assertEqual(sorted(mine), sorted(truth))

    def test_dpkg(self):
        """a Debian image: name, version and architecture are those of dpkg-query, and so are the owned files"""
        tar = self.dir / "debian.tar"
        tool("mmdebstrap", "--quiet", "--variant=apt", "--include=ca-certificates,perl-base", "bookworm", tar)
        root = self.dir / "debian"
        with tarfile.open(tar) as file:
            wanted = [entry for entry in file.getmembers() if entry.name.startswith("./var/lib/dpkg/") and entry.isreg()]
            file.extractall(root, members=wanted, filter="data")
        query = ("dpkg-query", f"--admindir={root}/var/lib/dpkg")
        truth = tool(*query, "-W", "-f", "${Package} ${Version} ${Architecture}\\n").splitlines()
        packages = self.found([tar.read_bytes()], "deb")
        self.same([f"{one['name']} {one['version']} {one['arch']}" for one in packages], truth)
        for package in packages:
            listed = {line.lstrip("/") for line in tool(*query, "-L", package["name"]).splitlines() if line.startswith("/")}
            mine = {file["path"] for file in package["files"]}
            self.assertLessEqual(mine, listed, package["name"])
            # What is left are the folders on the way.
            for path in listed - mine - {".", ""}:
                self.assertTrue(any(other.startswith(path + "/") for other in listed), f"{package['name']}: {path}")

    def test_rpm(self):
        """databases that rpm wrote: name, epoch, version, release and architecture are those of rpm -qa"""
        work = self.dir / "rpm"
        (work / "top").mkdir(parents=True)
        packages = []
        for number in range(60):
            spec = work / f"p{number}.spec"
            spec.write_text(
                f"Name: package{number}\nVersion: {number}.1\nRelease: {number % 7}.el9\nSummary: s\nLicense: MIT\n"
                + (f"Epoch: {number}\n" if number % 3 == 0 else "") + ("BuildArch: noarch\n" if number % 2 else "")
                + f"%description\n{'words ' * (number * 50)}\n%files\n")
            packages.append(spec)
        tool("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {work}/top", "--define", "debug_package %{nil}", *packages)
        built = sorted((work / "top" / "RPMS").rglob("*.rpm"))
        database = work / "db"
        rpm = ("rpm", "--dbpath", database)
        tool(*rpm, "--initdb")
        tool(*rpm, "-i", "--justdb", "--nodeps", *built[:40])
        first = (database / "rpmdb.sqlite").read_bytes()
        tool(*rpm, "-e", "--justdb", "--nodeps", "package1", "package2", "package3")
        tool(*rpm, "-i", "--justdb", "--nodeps", *built[40:])
        truth = tool(*rpm, "-qa", "--qf", "%{NAME} %{EPOCH} %{VERSION}-%{RELEASE} %{ARCH}\\n").splitlines()
        layers = [
            [member("usr/lib/sysimage/rpm/rpmdb.sqlite", first)],
            [member("usr/lib/sysimage/rpm/rpmdb.sqlite", (database / "rpmdb.sqlite").read_bytes())],
        ]
        truth = [line.replace(" 0 ", " (none) ", 1) for line in truth]
        mine = [
            f"{one['name']} {one['qualifiers'].get('epoch', '(none)')} {one['version']} {one['arch']}"
            for one in self.found(layers, "rpm")]
        self.same(mine, truth)

    def test_rpm_formats(self):
        """the older formats of rpm's database hold the same packages"""
        truth = [line.replace("|", " ") for line in (CATALOG / "rpm-qa.txt").read_text().splitlines()]
        for path in ("usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages"):
            with self.subTest(path):
                content = (CATALOG / path.rsplit("/", 1)[1]).read_bytes()
                mine = [
                    f"{one['name']} {one['qualifiers']['epoch']} {one['version']} {one['arch']}"
                    for one in self.found([[member(path, content)]], "rpm")]
                self.same(mine, truth)

    def test_others(self):
        """apk, pacman, portage and Nix: every record, and the files that belong to it"""
        apk = "P:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld.so\n\nP:busybox\nV:1.36-r1\nA:x86_64\n\nP:.deps\nV:1\n"
        mtree = gzip.compress(b"#mtree\n/set type=file\n./usr/bin/bash size=1 sha256digest=" + b"0" * 64 + b"\n")
        local = "var/lib/pacman/local/bash-5.2-1/"
        layer = [
            member("lib/apk/db/installed", apk.encode()),
            member(local + "desc", b"%NAME%\nbash\n\n%VERSION%\n5.2-1\n\n%ARCH%\nx86_64\n"),
            member(local + "files", b"%FILES%\nusr/\nusr/bin/\nusr/bin/bash\n"),
            member(local + "mtree", mtree),
            member("var/db/pkg/app-shells/zsh-5.9-r1/PF", b"zsh-5.9-r1\n"),
            member("var/db/pkg/app-shells/zsh-5.9-r1/CONTENTS", b"obj /bin/zsh 0123456789abcdef0123456789abcdef 1\n"),
            member("nix/var/nix/db/db.sqlite", (CATALOG / "nix.sqlite").read_bytes()),
        ]
        names = lambda kind: [f"{one['name']} {one['version']}" for one in self.found([layer], kind)]  # noqa: E731
        self.same(names("apk"), ["busybox 1.36-r1", "musl 1.2.5-r0"])
        self.same(names("alpm"), ["bash 5.2-1"])
        self.same(names("ebuild"), ["zsh 5.9-r1"])
        self.same(names("nix"), ["builder.sh ", "glibc 2.38-44", "hello 2.12.1", "openssl 3.0.13"])
