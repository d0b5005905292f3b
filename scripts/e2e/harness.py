"""What the end-to-end suites share: the program under test, scratch directories, real servers, and checks that say what they check."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
BINARY = pathlib.Path(os.environ.get("IMGGUARD", ROOT / "target" / "release" / "imgguard")).resolve()
WORK = ROOT / "target" / "e2e"
HELLO = ROOT / "testdata" / "images" / "hello"
PASS, VIOLATIONS, REFUSED, INCONCLUSIVE, INFRASTRUCTURE = range(5)


class Run:
    """What a finished program said."""

    def __init__(self, arguments, done):
        self.arguments, self.exit = arguments, done.returncode
        self.out = done.stdout.decode(errors="replace")
        self.err = done.stderr.decode(errors="replace")

    def __str__(self):
        return f"{' '.join(map(str, self.arguments))}\nexit {self.exit}\n{self.out[-3000:]}\n{self.err[-3000:]}"

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"no JSON: {error}\n{self}") from None


def imgguard(*arguments, stdin=None, env=None, timeout=300):
    """Runs the program with a clean environment; its cache is private to the suite."""
    command = [BINARY, *map(str, arguments)]
    variables = {"PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "IMGGUARD_CACHE_DIR": str(WORK / "cache"), **(env or {})}
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open(stdin, "rb")) if stdin else subprocess.DEVNULL
        done = subprocess.run(command, stdin=source, capture_output=True, env=variables, cwd=ROOT, timeout=timeout, check=False)
    run = Run(command, done)
    if done.returncode < 0 or done.returncode > 4 or "panicked" in run.err:
        raise AssertionError(f"the program crashed\n{run}")
    return run


def tool(*command, stdin=None, env=None):
    """Runs a tool that must succeed and returns what it printed."""
    done = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, env={**os.environ, **(env or {})}, check=False)
    if done.returncode != 0:
        raise AssertionError(f"a tool failed\n{Run(command, done)}")
    return done.stdout.decode()


def free_port():
    """A port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real server for as long as the suite runs: started with a command, ready when `ready` is true, stopped for certain."""

    def __init__(self, name, command, ready, env=None):
        log_path = WORK / f"{name}.log"
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(env or {})},
                start_new_session=True)
        for _ in range(600):
            if self.process.poll() is not None or ready():
                break
            time.sleep(0.1)
        if self.process.poll() is not None or not ready():
            self.stop()
            raise AssertionError(f"{name} did not start:\n{log_path.read_text(errors='replace')[-3000:]}")

    def stop(self):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
                return


def port_answers(port):
    def ready():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    return ready


def socket_answers(path):
    def ready():
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return True
        return False
    return ready


def registry(directory, name="registry", htpasswd=None, certificate=None, key=None):
    """Starts Debian's docker-registry on the loopback address; returns the server and `host:port`."""
    port = free_port()
    lines = [
        "version: 0.1", "log: {level: warn}", f"storage: {{filesystem: {{rootdirectory: {directory}/storage}}}}",
        "http:", f"  addr: 127.0.0.1:{port}",
    ]
    if certificate:
        lines += ["  tls:", f"    certificate: {certificate}", f"    key: {key}"]
    if htpasswd:
        lines += ["auth:", "  htpasswd:", "    realm: tests", f"    path: {htpasswd}"]
    config = directory / f"{name}.yml"
    config.write_text("\n".join(lines) + "\n")
    return Server(name, ["docker-registry", "serve", config], port_answers(port)), f"127.0.0.1:{port}"


class Suite(unittest.TestCase):
    """A suite: a scratch directory, servers that end with it, and checks."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        if not BINARY.is_file():
            raise AssertionError(f"{BINARY} is missing; build it with `cargo build --release`")
        WORK.mkdir(parents=True, exist_ok=True)
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{cls.__module__}.", dir=WORK))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)

    @classmethod
    def serve(cls, server):
        cls.addClassCleanup(server.stop)
        return server

    def exits(self, run, wanted, *words):
        """The run ended with the wanted code and said all the words, somewhere."""
        self.assertEqual(run.exit, wanted, f"\n{run}")
        said = (run.out + run.err).lower()
        for word in words:
            self.assertIn(word.lower(), said, f"\n{run}")
        return run


class Lines(unittest.TestResult):
    """One line per check, as it ends."""

    def _say(self, word, test, why=""):
        name = test.shortDescription() or str(test)
        print(f"  {word:6} {name}{why}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed = getattr(self, "passed", 0) + 1
        self._say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("FAILED", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say("ERROR", test, "\n" + self.errors[-1][1])

    def addSkip(self, test, reason):
        # Nothing may pass by not running.
        super().addSkip(test, reason)
        self.failures.append((test, reason))
        self._say("FAILED", test, f": not run: {reason}")


def main(names):
    """Runs the named suites; prints a closing line with counts."""
    result = Lines()
    for name in names:
        print(f"e2e {name}", flush=True)
        unittest.defaultTestLoader.loadTestsFromName(name).run(result)
    failed = len(result.failures) + len(result.errors)
    passed = getattr(result, "passed", 0)
    print(f"e2e: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1
