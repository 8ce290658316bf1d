"""A running paloma serve with a spool of its own, and callers of any user."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from conftest import PALOMA, clean_environment, read_log
from processes import children_of, end_all_with, has_ended, look

NOBODY, OTHER = 65534, 65533
IS_ROOT = os.geteuid() == 0
MAIL = "Subject: kept\r\n\r\ntext\r\n"


def until(condition, what="it"):
    """The first true value of condition(); what does not come is a failed test."""
    deadline = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.005)
    return value


@contextlib.contextmanager
def as_user(uid):
    """What is connected here is connected by uid: the kernel notes the effective user. Only root can be another."""
    if uid is None or uid == os.geteuid() or not IS_ROOT:
        yield
        return
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


class Caller:
    """A connection that speaks SMTP, a line at a time."""

    def __init__(self, address, uid=None):
        self.socket = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
        self.socket.settimeout(60)
        with as_user(uid):
            self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    def reply(self):
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines)

    def send(self, text):
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def say(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def begin(self, sender="<me@example.org>", recipients=("<you@example.org>",), hello="EHLO client.example"):
        """Up to the 354."""
        if hello:
            assert self.reply().startswith("220 ")
            assert self.say(hello).startswith("250")
        assert self.say(f"MAIL FROM:{sender}").startswith("250 ")
        for recipient in recipients:
            assert self.say(f"RCPT TO:{recipient}").startswith("250 ")
        assert self.say("DATA").startswith("354 ")

    def mail(self, text=MAIL, **rest):
        """One mail; its id in the queue."""
        self.begin(**rest)
        return queued(self.say(text + "."))

    def is_closed(self):
        """True when the other side has closed, which is waited for."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()


def queued(reply):
    found = re.fullmatch(r"250 2\.0\.0 Ok: queued as ([0-9A-V]{15})\r\n", reply)
    assert found, reply
    return found[1]


class Service:
    def __init__(self, settings="relay = smtp://127.0.0.1:1\n", words=(), environment=None, launcher=(), owner=None, **rest):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-service-"))
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.spool, self.log = self.folder / "spool", self.folder / "log" / "log"
        self.submit, self.control = self.folder / "run" / "submit.sock", self.folder / "run" / "control.sock"
        self.conf = self.folder / "paloma.conf"
        self.log.parent.mkdir()
        if owner is not None:
            self.spool.mkdir(mode=0o700)
            for folder in (self.spool, self.log.parent):
                os.chown(folder, owner, owner)
        self.configure(settings)
        self.words, self.environment, self.launcher, self.rest, self.callers = words, environment or {}, launcher, rest, []
        self.process = None

    def configure(self, settings):
        self.conf.write_text(f"[paloma]\nspool = {self.spool}\nsubmit_socket = {self.submit}\nlog = {self.log}\n"
                             f"host_name = here.example\n{settings}")

    def start(self):
        environment = {name: value for name, value in {**clean_environment(self.home), **self.environment}.items() if value is not None}
        self.process = subprocess.Popen([*self.launcher, PALOMA, "serve", "-C", str(self.conf), *self.words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment, **self.rest)
        self.listens = []
        for _ in range(2 + self.words.count("--listen")):
            line = self.process.stdout.readline().decode()
            assert line.startswith("listening on "), line + self.process.stderr.read().decode()
            self.listens.append(line.removeprefix("listening on ").strip())
        return self

    def tcp(self):
        return ("127.0.0.1", int(self.listens[-1].rsplit(":", 1)[1]))

    def call(self, uid=None, address=None):
        caller = Caller(address or str(self.submit), uid)
        self.callers.append(caller)
        return caller

    def run(self, *words, uid=NOBODY, input=b"", under=(), **environment):
        """paloma, run by a user who has no access to the spool."""
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if IS_ROOT else []
        return subprocess.run([*become, *under, PALOMA, *map(str, words)], input=input, capture_output=True, timeout=120, cwd="/",
                              env={**clean_environment("/nonexistent"), "PALOMA_QUEUE": "auto", "PALOMA_SUBMIT_SOCKET": str(self.submit),
                                   "PALOMA_HOST_NAME": "client.example", "PALOMA_LOG": "none", **environment})

    def queue(self):
        found = {}
        for path in (self.spool / "queue").glob("*"):
            with contextlib.suppress(FileNotFoundError):  # it goes while we look
                if path.stat().st_mode & 0o100:
                    found[path.name] = path.read_bytes().decode(errors="replace")
        return found

    def logged(self, pattern):
        """Waits for a line of the log."""
        return until(lambda: re.search(pattern, read_log(self.log), re.M), pattern)

    def runner(self):
        """The pid of the child that runs the queue: the one that holds the lock."""
        lock = self.spool / "runner.lock"

        def find():
            if not lock.exists():
                return None
            held = re.findall(r"FLOCK +ADVISORY +WRITE +(\d+) +\w+:\w+:%d " % lock.stat().st_ino, pathlib.Path("/proc/locks").read_text())
            return next((int(pid) for pid in held if int(pid) in children_of(self.process.pid)), None)
        return until(find, "the runner")

    def sessions(self):
        """The children that serve callers: neither the runner, nor root's helper, which ignores SIGTERM."""
        runner = self.runner()

        def find():
            ignored = {child: re.search(r"SigIgn:\t(\w+)", look(child, "status")) for child in children_of(self.process.pid)}
            helpers = {child for child, mask in ignored.items() if mask and int(mask[1], 16) >> signal.SIGTERM - 1 & 1}
            if IS_ROOT and not helpers:  # it has not got to that yet
                return None
            return [[child for child in ignored if child not in {runner, *helpers} and not has_ended(child)]]
        return until(find, "the helper")[0]

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)

    def clear(self):
        for caller in self.callers:
            caller.close()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            finally:
                self.process.kill()
        errors = b""
        if self.process and not self.process.stderr.closed:
            errors = self.process.communicate(timeout=60)[1]  # all children are gone, too
        end_all_with("PALOMA_SUBMIT_SOCKET", self.submit)  # they may have a spool of their own here
        shutil.rmtree(self.folder)
        assert b"Sanitizer" not in errors and b"runtime error" not in errors, errors.decode()
