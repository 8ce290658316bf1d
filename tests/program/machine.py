"""A machine with users and mailboxes of its own: a mount namespace in which /etc/passwd, /var/mail and the homes are others."""
import contextlib
import ctypes
import fcntl
import mailbox
import os
import pathlib
import select
import shutil
import struct
import subprocess
import tempfile

from conftest import PALOMA, clean_environment
from service import Service

USERS = {"ann": 7001, "bob": 7002, "paloma": 7009}
IS_ROOT = os.geteuid() == 0
MAIL_GROUP = 8

SCRIPT = """set -e
mount -t tmpfs -o mode=2775,gid=8 none /var/mail
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/aliases" /etc/aliases
echo ready
exec cat"""


def can_be():
    return IS_ROOT and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


class Opened:
    """Hears of it when a file of that name is opened in a folder, also for a moment only."""
    IN_OPEN, HEAD = 0x20, struct.Struct("iIII")

    def __init__(self, folder, name):
        self.name, libc = os.fsencode(name), ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(folder), self.IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def wait(self):
        while True:
            assert select.select([self.fd], [], [], 60)[0], f"nobody has opened {self.name}"
            events = os.read(self.fd, 65536)
            while events:
                length = self.HEAD.unpack_from(events)[3]
                if events[self.HEAD.size:self.HEAD.size + length].rstrip(b"\0") == self.name:
                    return
                events = events[self.HEAD.size + length:]


class Machine:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-machine-"))
        self.folder.chmod(0o755)
        lines = [line for line in pathlib.Path("/etc/passwd").read_text().splitlines() if line.split(":")[0] not in USERS]
        lines += [f"{name}:x:{uid}:{uid}:{name.title()}:{self.home(name)}:/bin/sh" for name, uid in USERS.items()]
        (self.folder / "passwd").write_text("\n".join(lines) + "\n")
        (self.folder / "aliases").write_text("")
        if not os.path.exists("/etc/aliases"):
            pathlib.Path("/etc/aliases").touch()
        for name, uid in USERS.items():
            self.home(name).mkdir(mode=0o700)
            os.chown(self.home(name), uid, uid)
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", str(self.folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready = self.process.stdout.readline()
        assert ready == b"ready\n", self.process.stderr.read()
        self.services = []

    def home(self, name):
        return self.folder / name

    def inside(self, uid=None):
        """What a command line begins with to be run on the machine."""
        become = [] if uid is None else ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", *become]

    def path(self, path):
        """A file of the machine as it is seen from here."""
        return pathlib.Path(f"/proc/{self.process.pid}/root{path}")

    def environment(self, user, settings):
        home = "/root" if user is None else self.home(user)
        kept = {name: value for name, value in clean_environment(home).items() if name != "PALOMA_MAILBOX"}  # it has its own /var/mail
        return {**kept, "XDG_CONFIG_HOME": "/nonexistent", "PALOMA_HOST_NAME": "here.example", "PALOMA_LOG": "none",
                "PALOMA_SUBMIT_SOCKET": "/nonexistent", **settings}

    def run(self, *words, user=None, input=b"", **settings):
        """A program, as root or a user of the machine."""
        return subprocess.run([*self.inside(USERS.get(user)), *map(str, words)], input=input, capture_output=True, timeout=120, cwd="/",
                              env=self.environment(user, settings))

    def send(self, *words, text="x", **rest):
        """At once, with nothing kept: the exit status is the outcome."""
        return self.run(PALOMA, "send", "-q", "-r", "me@there.example", *words, input=text.encode(), **rest)

    def mails(self, name):
        """What is in the mbox of a user, as Python reads it, and as whoever reads it does: while nobody writes it."""
        copy = self.folder / "copy.mbox"
        try:
            with self.path(f"/var/mail/{name}").open("rb") as file:
                fcntl.lockf(file, fcntl.LOCK_SH)
                copy.write_bytes(file.read())
        except FileNotFoundError:
            return []
        return list(mailbox.mbox(copy))

    def maildir(self, name, folder="Maildir"):
        return list(mailbox.Maildir(self.home(name) / folder, create=False))

    def make_maildir(self, name):
        for part in ("", "cur", "new", "tmp"):
            (self.home(name) / "Maildir" / part).mkdir(mode=0o700)
            os.chown(self.home(name) / "Maildir" / part, USERS[name], USERS[name])

    def serve(self, settings="", owner=USERS["paloma"]):
        service = Service(settings=settings, launcher=self.inside(), owner=owner, environment={"PALOMA_MAILBOX": None})
        self.services.append(service)
        service.start()
        return service

    def by_service(self, service, *words, user="ann", **rest):
        """sendmail, whose mail the service takes."""
        return self.run(PALOMA, "sendmail", *words, user=user, PALOMA_QUEUE="auto", PALOMA_SUBMIT_SOCKET=str(service.submit), **rest)

    def clear(self):
        for service in self.services:
            service.clear()
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)
