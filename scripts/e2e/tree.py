"""The final file tree that imgguard computes is the one that `umoci unpack` writes: on real images and on hostile layers."""

import hashlib
import os
import re
import shutil
import stat
import tarfile

from harness import HELLO, ROOT, Suite, imgguard, tool
from layout import Layer, Layout, archive, hardlink, member, symlink

KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char-device",
    stat.S_IFBLK: "block-device", stat.S_IFIFO: "fifo",
}


def encode(raw):
    """A path as imgguard writes it: a byte that is not UTF-8 as `\\xHH`, a backslash that would read as such as `\\x5c`."""
    text = re.sub(r"\\(?=x[0-9a-fA-F]{2})", r"\\x5c", raw.decode("utf-8", "surrogateescape"))
    return re.sub("[\udc80-\udcff]", lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)


def unpacked(layout, tag, directory):
    """What umoci makes of an image: path -> (kind, mode, uid, gid, size, target, content)."""
    bundle = directory / "bundle"
    tool("umoci", "unpack", "--image", f"{layout}:{tag}", bundle)
    top = os.fsencode(bundle / "rootfs")
    seen = {}
    for folder, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            kind = KINDS[stat.S_IFMT(info.st_mode)]
            content = target = None
            if kind == "file":
                with open(path, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            elif kind == "symlink":
                target = encode(os.readlink(path))
            mode = None if kind == "symlink" else stat.S_IMODE(info.st_mode)
            size = info.st_size if kind == "file" else 0
            seen[encode(path[len(top) + 1:])] = (kind, mode, info.st_uid, info.st_gid, size, target, content)
    shutil.rmtree(bundle)
    return seen


def inspected(reference, *arguments):
    """The same from `imgguard inspect -o json`; a further name of a file stands for the file."""
    run = imgguard("inspect", reference, "-o", "json", "--no-cache", *arguments)
    if run.exit != 0:
        raise AssertionError(str(run))
    image = run.json()["images"][0]
    entries = {file["entry"]["path"]: file["entry"] for file in image["files"]}
    seen = {}
    for path, entry in entries.items():
        if entry["kind"] == "hardlink":
            entry = entries[entry["link"]]
        kind = entry["kind"]
        mode = None if kind == "symlink" else entry["mode"]
        seen[path] = (kind, mode, entry["uid"], entry["gid"], entry["size"], entry.get("link"), entry.get("sha256"))
    return seen


class Tree(Suite):
    def same(self, layout, tag, *arguments):
        mine, truth = inspected(f"oci:{layout}:{tag}", *arguments), unpacked(layout, tag, self.dir)
        differing = [
            f"{path}: imgguard {mine.get(path)}, umoci {truth.get(path)}"
            for path in sorted(mine.keys() | truth.keys()) if mine.get(path) != truth.get(path)]
        self.assertFalse(differing, f"{len(differing)} paths differ:\n" + "\n".join(differing[:20]))
        self.assertTrue(truth)

    def stacked(self, *layers):
        """Compares an image of these layers (lists of tar members, or finished archives)."""
        layout = Layout(self.dir / self.id().rsplit(".", 1)[1])
        blobs = [Layer(layer if isinstance(layer, bytes) else archive(layer)) for layer in layers]
        layout.tag(layout.image(blobs), "t")
        self.same(layout.finish(), "t")

    def test_hello(self):
        """the image in testdata, both tags"""
        for tag in ("1.0.0", "0.9.0"):
            # umoci takes the first child of an index; a layout with the one manifest says which.
            single = self.dir / f"hello-{tag}"
            tool("skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", "amd64", f"oci:{HELLO}:{tag}", f"oci:{single}:{tag}")
            self.same(single, tag)

    def test_debian(self):
        """a Debian system with a package installed and others removed in a later layer"""
        rootfs = self.dir / "debian.tar"
        tool("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "bookworm", rootfs)
        later = [
            member("usr/"), member("usr/share/"), member("usr/share/.wh.doc"), member("usr/share/man/"),
            member("usr/share/man/.wh..wh..opq"), member("usr/share/man/new", "new"), member("etc/"), member("etc/.wh.motd"),
            member("bin/own-tool", "#!/bin/sh\n", mode=0o755), hardlink("usr/bin/second-perl", "usr/bin/perl"),
        ]
        layout = Layout(self.dir / "debian")
        layout.tag(layout.image([Layer(rootfs.read_bytes()), Layer(archive(later))]), "t")
        self.same(layout.finish(), "t")

    def test_bench_images(self):
        """the images of scripts/bench, as far as they were made"""
        for layout in sorted((ROOT / "target" / "bench-images").glob("*/index.json")):
            # umoci knows no zstd; a million files say nothing that a thousand do not.
            if layout.parent.name not in ("py-slim-zstd", "tiny-files"):
                print(f"         {layout.parent.name}", flush=True)
                self.same(layout.parent, "latest")

    def test_whiteouts(self):
        """whiteouts of files, folders and of nothing; a whiteout hides lower layers only, before or after its namesake"""
        self.stacked(
            [member("a/"), member("a/x", "1"), member("a/y", "2"), member("b/"), member("b/deep/"), member("b/deep/z", "3"), member("c", "4")],
            [member("a/"), member("a/.wh.x"), member("a/x", "new"), member(".wh.b"), member(".wh.nothing"), member("d", "5")],
            [member("a/"), member("a/y", "again"), member("a/.wh.y"), member("c", "same"), member(".wh.c")],
        )

    def test_opaque(self):
        """opaque folders keep what their own layer brings, wherever the marker stands"""
        lower = [member("o/"), member("o/a", "1"), member("o/s/"), member("o/s/b", "2"), member("p/"), member("p/a", "1")]
        self.stacked(lower, [member("o/"), member("o/new", "3"), member("o/.wh..wh..opq"), member("p/"), member("p/.wh..wh..opq"), member("p/n", "4")])

    def test_hardlinks(self):
        """hard links to the same layer, to a lower layer, after the first name is gone, and over a file"""
        self.stacked(
            [member("f", "content", mode=0o640, uid=7, gid=8), hardlink("g", "f"), member("sub/"), hardlink("sub/h", "f")],
            [hardlink("lower", "f"), member(".wh.g"), member("over", "x")],
            [member(".wh.f"), hardlink("over", "lower"), hardlink("over", "lower")],
        )

    def test_kinds_change(self):
        """a folder becomes a file, a link, and a folder again"""
        self.stacked(
            [member("k/"), member("k/a", "1"), member("l/"), member("l/a", "1"), member("m", "file")],
            [member("k", "file now"), symlink("l", "k"), member("m/"), member("m/x", "2")],
            [member("k/", mode=0o700), member("k/b", "3"), member("l/"), member("l/c", "4"), member("m", "file again")],
        )

    def test_symlinked_parents(self):
        """members below symbolic links land inside the image, absolute and climbing links too"""
        self.stacked(
            [member("usr/"), member("usr/lib/"), member("usr/lib/a", "1"), symlink("lib", "usr/lib"), symlink("abs", "/usr/lib"),
             symlink("up", "../../../../usr"), member("deep/"), symlink("deep/l", "../lib")],
            [member("lib/b", "2"), member("abs/c", "3"), member("up/d", "4"), member("deep/l/e", "5"), member("lib/.wh.a")],
            [hardlink("abs/hard", "lib/b"), member("up/lib/sub/"), member("up/lib/sub/f", "6")],
        )

    def test_odd_names(self):
        """leading `./` and `/`, doubled slashes, very long names, spaces, newlines, names that are not UTF-8"""
        self.stacked([
            member("./dot/"), member("./dot/a", "1"), member("/slash", "2"), member("dot//double", "3"),
            member("long/" + "/".join(["d" * 60] * 8) + "/f", "4"), member("n" * 200, "5"), member("with space\nand newline", "6"),
            member("caf\udce9", "7"), member("back\\x41slash", "8"), member("ümlaut", "9"),
        ])

    def test_gnu_and_v7(self):
        """GNU long names and old tar headers"""
        long = "l" * 150
        self.stacked(
            archive([member("g/"), member("g/" + long, "1"), symlink("g/s", "x" * 180), hardlink("g/h", "g/" + long)], tarfile.GNU_FORMAT),
            archive([member("u/"), member("u/a", "1", uid=1000, gid=1000)], tarfile.USTAR_FORMAT),
        )

    def test_duplicates(self):
        """of members with one name the last counts, whatever their kinds"""
        self.stacked([
            member("a", "first"), member("a", "second", mode=0o600), member("b/"), member("b/x", "1"), member("b/", mode=0o711),
            member("c", "file"), symlink("c", "a"), member("d", "one"), hardlink("e", "d"), member("d", "two"),
        ])

    def test_devices_and_modes(self):
        """devices, pipes, set-id and sticky bits, owners beyond 2^21"""
        self.stacked([
            member("dev/"), member("dev/null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
            member("dev/loop", kind=tarfile.BLKTYPE, devmajor=7, devminor=0, mode=0o660), member("pipe", kind=tarfile.FIFOTYPE, mode=0o600),
            member("su", "x", mode=0o4755), member("tmp/", mode=0o1777), member("sg/", mode=0o2775), member("far", "y", uid=3000000, gid=4000000),
        ])

    def test_implied_folders(self):
        """folders that no member describes"""
        self.stacked([member("x/y/z", "1")], [member("x/y/w", "2")])
