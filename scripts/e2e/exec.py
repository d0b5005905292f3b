"""Commands that start and commands that do not: the answer of `exec.resolve` is what the kernel, the loader and the shell do."""

import json
import os
import signal
import tarfile

from harness import HELLO, INCONCLUSIVE, PASS, VIOLATIONS, Suite, imgguard, tool
from own_image import in_store
from seeds import STORE

POLICY = "version: 1\nname: exec\nrules:\n  exec:\n    resolve: { level: deny, shebangs: false }\n"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
STARTS, FAILS, UNDECIDED = "starts", "fails", "undecided"
ANSWERS = {PASS: STARTS, VIOLATIONS: FAILS, INCONCLUSIVE: UNDECIDED}

PROGRAM = "int answer(void);\nint main(void) { return answer(); }\n"
LIBRARY = "int answer(void) { return 0; }\n"


def runs(root, argv, user=(0, 0), path=PATH, cwd="/"):
    """Starts a command in a root directory as a container runtime does: PATH is searched, then the kernel is asked."""
    child = os.fork()
    if child == 0:
        code = 127
        try:
            null = os.open("/dev/null", os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            os.chroot(root)
            os.chdir("/")
            os.setgroups([])
            os.setgid(user[1])
            os.setuid(user[0])
            os.chdir(cwd)
            signal.alarm(20)
            # Not the C library's search: that one hands files without `#!` to a shell.
            candidates = [argv[0]] if "/" in argv[0] else [f"{folder}/{argv[0]}" for folder in path.split(":")]
            for candidate in candidates:
                if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                    os.execve(candidate, argv, {"PATH": path, "HOME": "/"})
        except OSError:
            code = 126
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    # 126 and 127, but a shell that cannot read its script says 2. All that start here end well.
    return FAILS if status else STARTS


def patched(source, target, pairs):
    content = source.read_bytes()
    for old, new in pairs:
        assert old in content and len(new) <= len(old), (source, old)
        content = content.replace(old, new.ljust(len(old), b"\0"))
    target.write_bytes(content)
    target.chmod(0o755)


def script(path, text, mode=0o755):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(mode)


def busybox():
    for blob in (HELLO / "blobs" / "sha256").iterdir():
        if blob.stat().st_size > 1_000_000:
            with tarfile.open(blob) as tar:
                return tar.extractfile("bin/busybox").read()
    raise AssertionError("no busybox")


class Exec(Suite):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        STORE.mkdir(parents=True, exist_ok=True)
        cls.addClassCleanup(in_store, "store_empty")
        cls.policy = cls.dir / "policy.yaml"
        cls.policy.write_text(POLICY)

    def image(self, name, context, dockerfile):
        """Builds an image; returns its facts and its root directory."""
        (context / "Dockerfile").write_text(dockerfile)
        image = f"localhost/exec-{name}:1"
        in_store("store_buildah", "build", "--quiet", "--format", "docker", "--tag", image, context)
        archive = self.dir / f"{name}.tar"
        in_store("store_buildah", "push", "--quiet", image, f"docker-archive:{archive}:{image}")
        run = imgguard("inspect", f"docker-archive:{archive}", "-o", "json")
        self.exits(run, PASS)
        root = self.dir / f"{name}-root"
        root.mkdir()
        # The layers one on top of the other; none of them has whiteouts.
        with tarfile.open(archive) as outer:
            for layer in json.load(outer.extractfile("manifest.json"))[0]["Layers"]:
                with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                    inner.extractall(root, filter="fully_trusted")
        # `$ORIGIN` of a library path is what /proc says, as in every container.
        (root / "proc").mkdir(exist_ok=True)
        tool("mount", "--bind", "/proc", root / "proc")
        self.addCleanup(tool, "umount", root / "proc")
        return run.json(), root

    def answer(self, facts, argv, user=(0, 0), path=PATH, cwd="/"):
        config = facts["images"][0]["config"]
        config.update(entrypoint=None, cmd=argv, user=f"{user[0]}:{user[1]}", working_dir=cwd, env=[["PATH", path]])
        file = self.dir / "facts.json"
        file.write_text(json.dumps(facts))
        run = imgguard("check", f"facts:{file}", "--policy", self.policy)
        return ANSWERS.get(run.exit), run

    def compare(self, facts, root, rows):
        """Every row: what is expected, the command, and how it is started. What is decided is what happens."""
        wrong = []
        for expected, argv, how in rows:
            mine, run = self.answer(facts, argv, **how)
            truth = runs(root, argv, **how)
            if mine != expected or (expected != UNDECIDED and truth != expected):
                wrong.append(f"{argv} {how}: expected {expected}, answered {mine}, in truth {truth}\n{run}")
        self.assertFalse(wrong, "\n".join(wrong))

    def test_glibc(self):
        """Debian: commands, permissions, interpreters, machines, libraries and shell text: decided as they happen"""
        context = self.dir / "debian"
        files = context / "files"
        (files / "t" / "lib").mkdir(parents=True)
        (files / "t" / "own").mkdir()
        tar = STORE / "python.tar"
        in_store("store_debian", tar, "ca-certificates,netbase,tzdata,python3,python3-pip")
        os.link(tar, context / "debian.tar")
        t = files / "t"
        work = self.dir / "build"
        work.mkdir()
        (work / "program.c").write_text(PROGRAM)
        (work / "library.c").write_text(LIBRARY)
        tool("cc", "-shared", "-fPIC", "-Wl,-soname,libanswer.so.1", "-o", t / "lib" / "libanswer.so.1", work / "library.c")
        linked = ("cc", work / "program.c", t / "lib" / "libanswer.so.1")
        tool(*linked, "-o", t / "no-library")
        tool(*linked, "-Wl,-rpath,$ORIGIN/lib", "-Wl,--enable-new-dtags", "-o", t / "runpath")
        tool(*linked, "-Wl,-rpath,$ORIGIN/lib", "-Wl,--disable-new-dtags", "-o", t / "rpath")
        tool("cc", "-static", work / "program.c", work / "library.c", "-o", t / "static")
        patched(t / "static", t / "other-machine", [(b"\x7fELF\x02\x01\x01" + (t / "static").read_bytes()[7:20], b"\x7fELF\x02\x01\x01" + (t / "static").read_bytes()[7:18] + b"\xb7\x00")])
        patched(t / "runpath", t / "musl", [(b"/lib64/ld-linux-x86-64.so.2", b"/lib/ld-musl-x86_64.so.1")])
        patched(t / "runpath", t / "no-loader", [(b"/lib64/ld-linux-x86-64.so.2", b"/lib64/ld-gone")])
        patched(t / "runpath", t / "no-libc", [(b"libc.so.6\0", b"libq.so.6\0")])
        script(t / "crlf", "#!/bin/sh\r\ntrue\r\n")
        script(t / "crlf-env", "#!/usr/bin/env python3\r\nprint()\r\n")
        script(t / "lf", "#!/bin/sh\ntrue\n")
        script(t / "no-interpreter", "#!/usr/bin/ruby\n")
        script(t / "env-gone", "#!/usr/bin/env ruby\n")
        script(t / "env-python", "#!/usr/bin/env python3\n")
        script(t / "env-two", "#!/usr/bin/env python3 -u\n")
        script(t / "env-split", "#!/usr/bin/env -S python3 -u\n")
        script(t / "plain", "true\n")
        script(t / "not-executable", "#!/bin/sh\n", 0o644)
        script(t / "unreadable", "#!/bin/sh\ntrue\n", 0o711)
        script(t / "own" / "run", "#!/bin/sh\ntrue\n")
        (t / "own").chmod(0o700)
        script(t / "entry-gone", "#!/bin/sh\nset -e\nif [ -n \"$NEVER\" ]; then redis-server; fi\nexec gunicorn app\n")
        script(t / "entry", "#!/bin/sh\nset -e\nhelp() { true; }\nif [ -n \"$NEVER\" ]; then redis-server; fi\nhelp\nexec \"$@\"\n")
        script(t / "interpreter", "#!/bin/sh\ntrue\n")
        script(t / "nested", "#!/t/interpreter\n")
        (t / "link").symlink_to("../../t/lf")
        (t / "loop").symlink_to("loop")
        facts, root = self.image(
            "debian", context,
            "FROM scratch\nADD debian.tar /\nCOPY files /\n"
            "RUN python3 -m venv --without-pip /opt/venv && mkdir /opt/moved && cp -a /opt/venv /opt/moved/venv && rm /opt/moved/venv/bin/python3"
            " && printf '#!/opt/gone/bin/python\\n' >/opt/venv/bin/broken && printf '#!/opt/venv/bin/python\\n' >/opt/venv/bin/tool && chmod 755 /opt/venv/bin/*\n"
            "RUN chown -R 0:0 /t\n")
        app = {"user": (1000, 1000)}
        shell = lambda text: ["/bin/sh", "-c", text]  # noqa: E731
        self.compare(facts, root, [
            (FAILS, ["curl", "-f", "http://localhost/"], {}),
            (STARTS, ["python3", "--version"], {}),
            (STARTS, ["/usr/bin/env", "python3", "--version"], {}),
            (FAILS, ["env", "ruby"], {}),
            (FAILS, ["python3"], {"path": "/usr/local/bin"}),
            (STARTS, ["./lf"], {"cwd": "/t"}),
            (FAILS, ["./lf"], {"cwd": "/"}),
            (STARTS, ["/t/link"], {}),
            (FAILS, ["/t/loop"], {}),
            (FAILS, ["/t"], {}),
            (FAILS, ["/t/crlf"], {}),
            (FAILS, ["/t/crlf-env"], {}),
            (FAILS, ["/t/no-interpreter"], {}),
            (FAILS, ["/t/env-gone"], {}),
            (STARTS, ["/t/env-python"], {}),
            (FAILS, ["/t/env-two"], {}),
            (STARTS, ["/t/env-split"], {}),
            (FAILS, ["/t/plain"], {}),
            (STARTS, shell("/t/plain"), {}),
            (STARTS, ["/t/nested"], {}),
            (FAILS, ["/t/not-executable"], {}),
            (STARTS, ["/t/unreadable"], {}),
            (FAILS, ["/t/unreadable"], app),
            (STARTS, ["/t/own/run"], {}),
            (FAILS, ["/t/own/run"], app),
            (STARTS, ["/t/static"], app),
            (FAILS, ["/t/other-machine"], {}),
            (FAILS, ["/t/musl"], {}),
            (FAILS, ["/t/no-loader"], {}),
            (FAILS, ["/t/no-libc"], {}),
            (FAILS, ["/t/no-library"], {}),
            (STARTS, ["/t/runpath"], {}),
            (STARTS, ["/t/rpath"], app),
            (STARTS, ["/opt/venv/bin/python", "--version"], {}),
            (STARTS, ["tool"], {"path": f"/opt/venv/bin:{PATH}"}),
            (FAILS, ["broken"], {"path": f"/opt/venv/bin:{PATH}"}),
            (FAILS, ["/opt/moved/venv/bin/python", "--version"], {}),
            (FAILS, shell("curl --version || exit 127"), {}),
            (FAILS, shell("curl --version || wget --version"), {}),
            (STARTS, shell("curl --version || python3 --version"), {}),
            (FAILS, shell("cd /t && ./gone"), {}),
            (STARTS, shell("cd /t && ./lf"), {}),
            (FAILS, ["timeout", "5", "nice", "curl"], {}),
            (STARTS, ["timeout", "5", "nice", "true"], {}),
            (FAILS, ["/t/entry-gone"], {}),
            (STARTS, ["/t/entry", "true"], {}),
            (FAILS, ["/t/entry", "gone"], {}),
            (UNDECIDED, shell("$SERVER --version"), {}),
            (UNDECIDED, shell("if [ -n \"$X\" ]; then curl; fi"), {}),
            (UNDECIDED, shell("command -v curl && curl --version"), {}),
        ])

    def test_busybox(self):
        """a busybox image: applets are links, programs for glibc have no loader, there is no bash"""
        context = self.dir / "busybox"
        (context / "bin").mkdir(parents=True)
        (context / "bin" / "busybox").write_bytes(busybox())
        (context / "bin" / "busybox").chmod(0o755)
        (context / "program.c").write_text("int main(void) { return 0; }\n")
        tool("cc", context / "program.c", "-o", context / "bin" / "glibc")
        script(context / "bin" / "bashism", "#!/usr/bin/env bash\n")
        script(context / "bin" / "run", "#!/bin/sh\nexec true\n")
        facts, root = self.image(
            "busybox", context,
            'FROM scratch\nCOPY bin /bin\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nRUN mkdir -p /usr/bin && ln -s /bin/busybox /usr/bin/env\n')
        self.compare(facts, root, [
            (STARTS, ["run"], {}),
            (STARTS, ["/bin/sh", "-c", "wget --help || true"], {}),
            (FAILS, ["/bin/sh", "-c", "curl -f http://localhost/ || exit 127"], {}),
            (FAILS, ["bash", "-c", "true"], {}),
            (FAILS, ["bashism"], {}),
            (FAILS, ["glibc"], {}),
            (STARTS, ["busybox", "sh", "-c", "true"], {"user": (1000, 1000)}),
            (FAILS, ["busybox", "sh", "-c", "exec gone"], {}),
        ])
