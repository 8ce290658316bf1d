"""A queue of one's own and a server in this process, for the tests of the runner."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

from conftest import PALOMA, clean_environment, read_log
from processes import await_end, children_of, look, processes_with

PATIENCE = 60
# How many times the usual load; CI has the usual one.
LOAD = float(os.environ.get("PALOMA_TEST_LOAD", "1"))


def is_sanitized():
    with open(PALOMA, "rb") as file:
        return b"__asan_init" in file.read()


def wait_until(condition):
    """For what tells nobody: a file, a process."""
    ends_at = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends_at, "in vain"
        time.sleep(0.005)


def replace(path, text):
    """As an editor does: whoever reads the file meanwhile reads all of the old text or of the new."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.rename(path)


class Session:
    """One connection of a client to a Sink."""

    def __init__(self, number, host, file):
        self.number, self.host, self.file = number, host, file
        self.said, self.heard = 1 << 40, 1 << 40  # octets until it breaks
        self.sender, self.recipients = None, []

    def say(self, text):
        data = text.encode("latin-1") + b"\r\n"
        self.file.write(data[:max(self.said, 0)])
        self.file.flush()
        self.said -= len(data)
        if self.said < 0:
            raise ConnectionAbortedError

    def hear(self):
        line = self.file.readline(max(self.heard, 0))
        self.heard -= len(line)
        if self.heard <= 0 or not line:
            raise ConnectionAbortedError
        return line


class Mail:
    def __init__(self, session, data):
        self.session, self.host, self.sender, self.recipients, self.data = session.number, session.host, session.sender, session.recipients, data
        self.message_id = re.search(rb"(?im)^message-id:\s*(\S+)", data).group(1).decode()


class Sink:
    """An SMTP server. answer(session, line) may give the reply to a command, or to "." for the end of data; None: yes.
    begin(session) is called for each connection. A mail counts as soon as its end of data is here, whatever is said then."""

    def __init__(self, answer=None, begin=None, host="127.0.0.1", held=None, path=None):
        self.answer, self.begin = answer or (lambda session, line: None), begin or (lambda session: None)
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            os.chmod(path, 0o777)
            self.listener.listen(128)
        elif held:  # a socket that is bound: nobody gets its port before us
            self.listener = held
            self.listener.listen(128)
        else:
            self.listener = socket.create_server((host, 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.mails, self.sessions, self.lines, self.open = [], 0, [], 0
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with self.news:
                    self.open += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._talk(connection)
        finally:
            with self.news:
                self.open -= 1
                self.news.notify_all()

    def _talk(self, connection):
        connection.settimeout(PATIENCE)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), connection, connection.makefile("rwb") as file:
            with self.news:
                session = Session(self.sessions, connection.getsockname()[0], file)
                self.sessions += 1
                self.news.notify_all()
            self.begin(session)
            session.say(self.answer(session, "greeting") or "220 sink.example ESMTP")
            while self._command(session, session.hear().decode("latin-1").rstrip("\r\n")):
                pass

    def _command(self, session, line):
        with self.news:
            self.lines.append(line)
            self.news.notify_all()
        verb = line.split(" ")[0].upper()
        reply = self.answer(session, line) or {"EHLO": "250-sink.example\r\n250-PIPELINING\r\n250 SIZE", "DATA": "354 go",
                                               "QUIT": "221 bye"}.get(verb, "250 2.0.0 yes")
        if verb == "MAIL":
            session.sender, session.recipients = re.search("<(.*?)>", line).group(1) if reply.startswith("2") else None, []
        if verb == "RCPT" and session.sender is None or verb == "DATA" and not session.recipients:
            reply = "503 5.5.1 out of order"
        if verb == "RCPT" and reply.startswith("2"):
            session.recipients.append(re.search("<(.*?)>", line).group(1))
        session.say(reply)
        if reply.startswith("354"):
            data = b""
            while not (b"\r\n" + data).endswith(b"\r\n.\r\n"):
                data += session.hear()
            mail = Mail(session, data[:-3])
            reply = self.answer(session, ".") or "250 2.0.0 taken"
            if reply.startswith("2"):
                with self.news:
                    self.mails.append(mail)
                    self.news.notify_all()
            session.say(reply)
        return verb != "QUIT"

    def wait(self, condition):
        """Until condition(self) holds."""
        with self.news:
            assert self.news.wait_for(lambda: condition(self), PATIENCE), (self.lines[-10:], len(self.mails))

    def wait_mails(self, count):
        self.wait(lambda _: len(self.mails) >= count)
        return self.mails

    def wait_idle(self):
        """Until all is here that those have sent who have ended: they were accepted before us."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            assert connection.recv(1)
        self.wait(lambda _: self.open == 0)

    def count_by_id(self):
        counts = {}
        for mail in self.mails:
            counts[mail.message_id] = counts.get(mail.message_id, 0) + 1
        return counts

    def close(self):
        """Not before the thread is out of accept(), or it takes the connections of the next who has this descriptor."""
        if self.listener.fileno() < 0:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Queue:
    """A configuration with a spool and a log of its own."""

    def __init__(self, folder, home, lines, sections=""):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.spool, self.conf, self.log = folder, folder / "spool", folder / "config" / "paloma" / "paloma.conf", folder / "log"
        self.conf.parent.mkdir(parents=True)
        self.environment = {**clean_environment(home), "XDG_CONFIG_HOME": str(folder / "config")}
        del self.environment["PALOMA_QUEUE"]
        self.configure(lines, sections)

    def configure(self, lines, sections=""):
        lines = {"spool": self.spool, "log": self.log, "helo": "test.example", "domain": "test.example", **lines}
        replace(self.conf, "[paloma]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()) + sections)

    def run(self, *words, input=b"", env=None, under=(), **rest):
        streams = {} if "stdout" in rest else {"capture_output": True}
        return subprocess.run([*map(str, under), PALOMA, *map(str, words)], input=input, timeout=2 * PATIENCE,
                              env={**self.environment, **(env or {})}, **streams, **rest)

    def send(self, *words, **rest):
        return self.run("send", "-C", self.conf, "-r", "ann@test.example", "--body", "x", *words, **rest)

    def put(self, *words, **rest):
        """Into the queue, without a runner; gives its id."""
        result = self.send("--queue", *words, **rest)
        assert result.returncode == 0, result.stderr
        return re.fullmatch(r"Queued as (\w+)\.\n", result.stdout.decode()).group(1)

    def steer(self, *words, **rest):
        return self.run("queue", "-C", self.conf, *words, **rest)

    def do(self, *words, **rest):
        result = self.steer(*words, **rest)
        assert result.returncode == 0, result.stderr
        return result.stdout.decode()

    def flush(self, *words):
        self.do("flush", *words)

    def wait(self, id):
        return self.steer("wait", id, "--timeout", PATIENCE).returncode

    def wait_put_off(self, id):
        """Until it is written down that it is tried later. The log knows of it before; what made it due in between would be lost."""
        wait_until(lambda: (self.spool / "queue" / id).stat().st_mtime > time.time() + 60)

    def list(self, *words):
        return [json.loads(line) for line in self.do("list", "--json", *words).splitlines()]

    def files(self, folder="queue"):
        return sorted(path.name for path in (self.spool / folder).iterdir()) if (self.spool / folder).is_dir() else []

    def log_text(self):
        return read_log(self.log)

    def runner(self):
        """The process that holds the runner's lock, or None. The kernel tells of all locks of the machine in pieces, and one that
        goes between two of them hides another: what is not found is looked for again."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            inode = (self.spool / "runner.lock").stat().st_ino
            for line in (line for _ in range(3) for line in pathlib.Path("/proc/locks").read_text().splitlines()):
                words = line.split()
                if words[1] == "FLOCK" and words[5].endswith(f":{inode}") and not self._is_foreign(words[4]):
                    return int(words[4])
        return None

    def _is_foreign(self, pid):
        """Another file system may have the same number. Who has no memory any more may be ours."""
        with contextlib.suppress(OSError):
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            return environment != b"" and b"%s=%s\0" % tuple(map(os.fsencode, self._mark())) not in environment
        return False

    def _mark(self):
        return "XDG_CONFIG_HOME", self.conf.parent.parent

    def workers(self, runner):
        """The runner has a child that forks them."""
        return [worker for child in children_of(runner) for worker in children_of(child)]

    def processes(self):
        """All that run with the configuration of this queue."""
        return processes_with(*self._mark())

    def wait_runner_ends(self):
        """A runner that starts has not got the lock yet, and one that ends lets it go for a last look; one that was killed has
        lost its memory, by which it is known, some while before its lock."""
        while pids := {*self.processes(), *filter(None, [self.runner()])}:
            for pid in pids:
                assert await_end(pid), (pid, look(pid, "wchan"), children_of(pid), self.list(), self.log_text()[-3000:])

    def clean_up(self):
        """Ends the runner and its workers, whatever they wait for."""
        runner = self.runner()
        for pid in {*self.processes(), *([runner, *self.workers(runner)] if runner else [])}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_runner_ends()


def write_hook(folder, text):
    path = folder / "hook"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def make_fifo(folder, name):
    path = folder / name
    os.mkfifo(path)
    path.chmod(0o666)
    return path
