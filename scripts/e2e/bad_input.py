"""Broken, forged and hostile images: a clear error or a gap, never a pass, never a crash, nothing written outside."""

import gzip
import json
import os
import tarfile
import zlib

from harness import HELLO, INCONCLUSIVE, PASS, REFUSED, VIOLATIONS, Suite, imgguard, tool
from layout import Layer, Layout, archive, encode, hardlink, member, sha256, symlink

GOOD = [member("etc/"), member("etc/passwd", "app:x:1000:1000::/:/app\n"), member("app", "#!/app\n", mode=0o755)]
CONFIG = {"User": "1000"}
# Only rules that every image below passes when it is read completely: what is not a pass comes from the reading.
POLICY = """version: 1
name: reading
rules:
  user: { root: deny }
  files: { forbid: { globs: ["never/there"], level: deny } }
  secrets: { content: deny }
"""


class BadInput(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy = cls.dir / "policy.yaml"
        cls.policy.write_text(POLICY)

    def layout(self, layers, config=CONFIG, **how):
        """A layout of this test with the tag `t`."""
        layout = Layout(self.dir / self.id().rsplit(".", 1)[1])
        descriptor = layout.image(layers, config, **how)
        layout.tag(descriptor, "t")
        layout.finish()
        layout.manifest = descriptor
        return layout

    def check(self, layout, *arguments):
        root = layout.root if isinstance(layout, Layout) else layout
        return imgguard("check", f"oci:{root}:t", "--policy", self.policy, "--no-cache", *arguments)

    @staticmethod
    def path(layout, digest):
        return layout.blobs / digest.removeprefix("sha256:")

    def unseen(self, layout, *words):
        """The layer could not be trusted: the verdict is inconclusive, and it says why."""
        self.exits(self.check(layout), INCONCLUSIVE, *words)

    def test_the_good_one_passes(self):
        """the image that the others are made from passes"""
        self.exits(self.check(self.layout([Layer(archive(GOOD))])), PASS)

    def test_truncated_blob(self):
        """a layer blob that ends too early"""
        layer = Layer(archive(GOOD))
        layout = self.layout([layer])
        self.path(layout, layer.descriptor["digest"]).write_bytes(layer.blob[:-20])
        self.unseen(layout, "size")

    def test_flipped_bit(self):
        """a layer blob with one bit turned, at every eighth of it"""
        layer = Layer(archive(GOOD))
        layout = self.layout([layer])
        for part in range(8):
            blob = bytearray(layer.blob)
            blob[part * len(blob) // 8] ^= 4
            self.path(layout, layer.descriptor["digest"]).write_bytes(blob)
            self.unseen(layout)

    def test_flipped_bit_behind_the_archive(self):
        """one bit turned behind the end-of-archive marker"""
        plain = archive(GOOD) + bytes(10240)
        layer = Layer(plain)
        layout = self.layout([layer])
        forged = gzip.compress(plain[:-1] + b"\1", 9, mtime=0)
        self.path(layout, layer.descriptor["digest"]).write_bytes(forged)
        self.unseen(layout)

    def test_bytes_behind_the_archive(self):
        """honest digests, but bytes hidden behind the end-of-archive marker: said, and searched for secrets"""
        layout = self.layout([Layer(archive(GOOD) + b"hidden" * 200)])
        self.exits(self.check(layout), PASS)
        self.exits(imgguard("inspect", f"oci:{layout.root}:t", "--no-cache"), PASS, "behind the end of the archive", "searched for secrets")

    def test_wrong_diff_id(self):
        """a right blob digest with a diffID of something else"""
        layer = Layer(archive(GOOD))
        layer.diff_id = sha256(b"something else")
        self.unseen(self.layout([layer]), "diff")

    def test_lying_size(self):
        """descriptors that lie about the size, both ways"""
        for size in (1, 10**12):
            layer = Layer(archive(GOOD))
            layer.descriptor["size"] = size
            self.unseen(self.layout([layer]), "size")

    def test_missing_blob(self):
        """a layer that is not there: what is there is judged, the rest is said"""
        layer = Layer(archive(GOOD))
        layout = self.layout([layer])
        self.path(layout, layer.descriptor["digest"]).unlink()
        self.unseen(layout, layer.descriptor["digest"][7:19])

    def test_missing_config_or_manifest(self):
        """an image without its config or manifest is no image"""
        for which in ("config", "manifest"):
            layout = self.layout([Layer(archive(GOOD))])
            manifest = json.loads(self.path(layout, layout.manifest["digest"]).read_bytes())
            digest = manifest["config"]["digest"] if which == "config" else layout.manifest["digest"]
            self.path(layout, digest).unlink()
            run = self.check(layout)
            self.assertIn(run.exit, (REFUSED, INCONCLUSIVE), f"\n{run}")
            self.assertIn(digest[7:19], run.out + run.err, f"\n{run}")

    def replaced(self, text):
        """A layout whose tag points at these manifest bytes."""
        layout = self.layout([Layer(archive(GOOD))])
        layout.tags = []
        layout.tag({"mediaType": "application/vnd.oci.image.manifest.v1+json", **layout.blob(text)}, "t")
        layout.finish()
        return layout

    def manifest(self):
        layout = self.layout([Layer(archive(GOOD))])
        return json.loads(self.path(layout, layout.manifest["digest"]).read_bytes())

    def refused(self, layout, *words):
        run = self.check(layout)
        self.assertIn(run.exit, (REFUSED, INCONCLUSIVE), f"\n{run}")
        for word in words:
            self.assertIn(word, (run.out + run.err).lower(), f"\n{run}")

    def test_index_and_manifest(self):
        """a document that is an index and a manifest at once"""
        self.refused(self.replaced(encode({**self.manifest(), "manifests": []})), "manifests")

    def test_duplicate_keys(self):
        """JSON with a key twice: two readers would see two images"""
        text = encode(self.manifest())
        self.refused(self.replaced(text[:-1] + b',"layers":[]}'), "layers")

    def test_lying_media_type(self):
        """a manifest whose own media type is another one than its descriptor says"""
        self.refused(self.replaced(encode({**self.manifest(), "mediaType": "application/vnd.oci.image.index.v1+json"})), "media type")

    def test_no_json(self):
        """a manifest that is no JSON, and one nested a thousand deep"""
        self.refused(self.replaced(b"\x7fELF"))
        self.refused(self.replaced(b"[" * 100_000))

    def test_unknown_media_type(self):
        """a layer of an unknown media type is never taken for a known one"""
        self.unseen(self.layout([Layer(archive(GOOD), media_type="application/x-squashfs")]), "application/x-squashfs")

    def test_foreign_layer(self):
        """a foreign layer with `urls` is not fetched and not passed over"""
        layer = Layer(archive(GOOD), media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["http://127.0.0.1:9/layer"])
        layout = self.layout([layer])
        self.path(layout, layer.descriptor["digest"]).unlink()
        self.unseen(layout, "foreign")

    def test_gzip_bomb(self):
        """a small blob that grows without end is stopped by a limit, not by the memory"""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        head = archive([member("bomb", b"")])[:512]
        header = bytearray(head)
        size = 200 << 30
        header[124:136] = b"\x80" + size.to_bytes(11, "big")
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        zeros = bytes(1 << 24)
        packed = [packer.compress(bytes(header))]
        packed += [packer.compress(zeros) for _ in range((24 << 30) >> 24)] if os.environ.get("E2E_FULL_BOMB") else [packer.compress(zeros) for _ in range(256)]
        blob = b"".join([*packed, packer.flush()])
        layer = Layer(b"", packed=blob)
        self.unseen(self.layout([layer]))

    def test_truncated_archive(self):
        """an archive that ends inside a file, with honest digests"""
        plain = archive([member("a", "x" * 5000), member("b", "y" * 5000)])
        self.unseen(self.layout([Layer(plain[:3000])]))

    def test_no_archive(self):
        """a layer that is no tar archive is not seen; one that is not compressed as its type says is read as runtimes do, and said"""
        self.unseen(self.layout([Layer(b"not a tar archive, whatever its name says " * 50)]))
        plain = self.layout([Layer(archive(GOOD), packed=archive(GOOD))])
        facts = imgguard("inspect", f"oci:{plain.root}:t", "-o", "json", "--no-cache").json()["images"][0]
        self.assertIn("media-type", [note["kind"] for note in facts["notes"]])

    def test_climbing_names(self):
        """names with `..`, absolute names, links out of the image: said or kept inside, and nothing written outside"""
        marker = self.dir / "escaped"
        up = "../" * 40 + str(marker).lstrip("/")
        members = [
            *GOOD, member(up, "1"), member("etc/" + up, "2"), member(str(marker), "3"), symlink("out", "/" + str(marker).lstrip("/")),
            member("out", "4"), symlink("dir", "../../../../../../.."), member("dir/tmp/imgguard-escaped", "5"),
            hardlink("shadow", "../../../etc/shadow"), hardlink("passwd", "/etc/passwd"),
        ]
        run = self.check(self.layout([Layer(archive(members))]))
        self.assertIn(run.exit, (PASS, INCONCLUSIVE), f"\n{run}")
        self.assertFalse(marker.exists())
        self.assertFalse(os.path.exists("/tmp/imgguard-escaped"))
        facts = imgguard("inspect", f"oci:{self.dir}/test_climbing_names:t", "-o", "json").out
        self.assertIn("..", facts, "the climbing names are not mentioned")

    def test_links_that_loop(self):
        """symbolic links in a circle, hard links to nothing and to themselves"""
        members = [*GOOD, symlink("a", "b"), symlink("b", "a"), member("a/x", "1"), hardlink("n", "nothing"), hardlink("s", "s")]
        run = self.check(self.layout([Layer(archive(members))]))
        self.assertIn(run.exit, (PASS, INCONCLUSIVE), f"\n{run}")

    def test_several_gzip_members(self):
        """a layer of several gzip members is read to its end"""
        plain = archive([*GOOD, member("late", "x" * 4000)])
        parts = b"".join(gzip.compress(plain[at:at + 1000], mtime=0) for at in range(0, len(plain), 1000))
        layout = self.layout([Layer(plain, packed=parts)])
        self.exits(self.check(layout), PASS)
        facts = imgguard("inspect", f"oci:{layout.root}:t", "-o", "json").json()
        self.assertIn("late", [file["entry"]["path"] for file in facts["images"][0]["files"]])

    def test_secret_in_a_late_gzip_member(self):
        """bytes behind the first gzip member do not escape the digest check"""
        layer = Layer(archive(GOOD))
        layer.blob += gzip.compress(b"more", mtime=0)
        layer.descriptor.update(digest=sha256(layer.blob), size=len(layer.blob))
        self.unseen(self.layout([layer]), "diff")

    def test_sparse_file(self):
        """a huge sparse file costs nothing"""
        source = self.dir / "sparse"
        with open(source, "wb") as file:
            file.truncate(300 << 30)
            file.write(b"x")
        packed = self.dir / "sparse.tar"
        tool("tar", "--sparse", "--format=gnu", "-cf", packed, "-C", self.dir, "sparse")
        run = self.check(self.layout([Layer(archive(GOOD)), Layer(packed.read_bytes())]))
        self.assertIn(run.exit, (PASS, INCONCLUSIVE), f"\n{run}")

    def test_config_without_user(self):
        """no user means root"""
        self.exits(self.check(self.layout([Layer(archive(GOOD))], config={})), VIOLATIONS, "user.root")

    def test_other_layer_count(self):
        """a config with more diffIDs than there are layers"""
        layout = self.layout([Layer(archive(GOOD))], document={"rootfs": {"type": "layers", "diff_ids": [sha256(b"a"), sha256(b"b")]}})
        self.refused(layout)

    def test_windows(self):
        """an image for Windows is not judged as if it were for Linux"""
        layout = self.layout([Layer(archive(GOOD))], document={"os": "windows"})
        self.exits(self.check(layout), INCONCLUSIVE, "windows")

    def test_no_image(self):
        """things that are no image: an empty file, an empty folder, a tar of something else, nothing at all"""
        empty = self.dir / "empty"
        empty.write_bytes(b"")
        other = self.dir / "other.tar"
        other.write_bytes(archive([member("readme", "hello")], tarfile.GNU_FORMAT))
        (self.dir / "folder").mkdir()
        for reference in (f"oci-archive:{empty}", f"docker-archive:{empty}", f"oci-archive:{other}", f"docker-archive:{other}",
                          f"oci:{self.dir}/folder:t", f"oci:{self.dir}/missing:t", f"oci:{HELLO}:7.7.7"):
            self.exits(imgguard("check", reference), REFUSED)

    def test_policy_errors(self):
        """a policy with an unknown key, a wrong type, an impossible size: the line and a caret, before any image is opened"""
        for text, line in (
            ("version: 1\nname: x\nrules:\n  user: { rooot: deny }\n", "rooot"),
            ("version: 1\nname: x\nrules:\n  user: { root: [] }\n", "root"),
            ("version: 1\nname: x\nrules:\n  size: { total: { below: 2, level: deny } }\n", "below"),
            ("version: 1\nname: x\nrules:\n  size: { total: { below: 2 potatoes, level: deny } }\n", "potatoes"),
            ("version: 1\nname: x\nname: y\n", "name"),
            ("version: 7\nname: x\n", "version"),
        ):
            policy = self.dir / "broken.yaml"
            policy.write_text(text)
            run = imgguard("check", "oci:/does/not/exist:t", "--policy", policy)
            self.exits(run, REFUSED, "broken.yaml", line, "^")
            self.exits(imgguard("policy", "check", policy), REFUSED, line, "^")
            self.assertNotIn("/does/not/exist", run.err)

    def test_usage(self):
        """wrong usage is 2, never 1"""
        for arguments in ((), ("check",), ("check", "--nonsense", "x"), ("chekc", "x"), ("check", "oci:x", "-o", "nonsense")):
            self.exits(imgguard(*arguments), REFUSED)
        self.exits(imgguard("--version"), 0)
        self.exits(imgguard("--help"), 0, "check")
