"""The queue while processes are killed and calls fail: nothing is lost."""
import os
import shutil
import signal
import subprocess
import threading

import pytest

from queues import PATIENCE, is_sanitized

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def test_a_worker_that_dies_costs_its_mail_an_attempt_and_no_other_mail_anything(queue, sink):
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and None if line == "." and session.number == 0 else None)
    q = queue(relay=server.url, retry_first=3600, connections=1)
    victim = q.put("victim@example.net")
    q.flush()
    server.wait(lambda _: "DATA" in server.lines)
    others = [q.put(f"bob{number}@example.net") for number in range(5)]
    worker, = q.workers(q.runner())
    os.kill(worker, signal.SIGKILL)
    assert all(q.wait(id) == 0 for id in others)
    mail, = q.list()
    assert mail["queue_id"] == victim and mail["attempts"] == 1 and "has died" in q.log_text()
    proceed.set()
    q.flush()
    assert q.wait(victim) == 0


# --- every call of a delivery, killed or failing

def strace(*words, out=os.devnull):
    return ("strace", "-qq", "-o", out, *words)


def inject(point):
    name, what, number = point
    return "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={number}"


@pytest.fixture
def no_leak_check():
    """Which does not work under a tracer."""
    return {"ASAN_OPTIONS": "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")} if is_sanitized() else {}


class Attached:
    """strace on a runner that waits."""

    def __init__(self, runner, point):
        self.process = subprocess.Popen(["strace", "-f", "-o", "/dev/stdout", *inject(point), "-p", str(runner)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.news, self.struck = threading.Condition(), False
        line = self.process.stderr.readline()
        assert "attached" in line, line
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self.process.stderr.read)]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for line in self.process.stdout:
            if "killed by SIGKILL" in line or "(INJECTED)" in line:
                self.tell()
        self.tell()

    def tell(self):
        with self.news:
            self.struck = True
            self.news.notify_all()

    def wait(self):
        with self.news:
            assert self.news.wait_for(lambda: self.struck, PATIENCE), self.process.args

    def end(self):
        self.process.terminate()
        for thread in self.threads:
            thread.join()
        self.process.wait()


def start_runner(q):
    """One that stays, for there is mail for dead.example, and has nothing to do."""
    while not q.runner():
        q.steer("flush", "--destination", "nowhere.example", "-q")
    return q.runner()


def send_struck(q, point, to):
    """One mail by a runner, or a worker of it, that is struck at this point, and by another where that is needed, until it is gone."""
    attached = Attached(start_runner(q), point)
    id = q.put(to)
    waiting = threading.Thread(target=lambda: (q.wait(id), attached.tell()))
    waiting.start()
    attached.wait()
    attached.end()
    start_runner(q)
    for _ in range(PATIENCE * 10):
        if not waiting.is_alive():
            break
        q.steer("flush", "-q", id)
        waiting.join(0.1)
    assert not waiting.is_alive(), (point, q.log_text()[-2000:])


@pytest.fixture
def traced(queue, sink, no_leak_check):
    """A queue where a runner stays, and its server."""
    server = sink()
    q = queue("[route dead.example]\nvia = smtp://127.0.0.1:1\n", relay=server.url, retry_first=3600, delay_warning=0)
    q.environment.update(no_leak_check)
    q.waits = q.put("waits@dead.example")
    return q, server


def test_a_disk_that_cannot_be_read_returns_no_mail(traced):
    q, server = traced
    everybody = [f"n{number}@example.net" for number in range(1, 12)]
    for number, to in enumerate(everybody, 1):
        send_struck(q, ("pread64", "error=EIO", number), to)
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(everybody)
    assert q.files() == [q.waits] and q.files("damaged") == []
