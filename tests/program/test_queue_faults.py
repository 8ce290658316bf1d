"""The queue while processes are killed, calls fail, memory and disks are full and clocks jump: nothing is lost, and a mail is
sent twice only by a death between the end of its data and the mark that it is sent."""
import collections
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from conftest import PALOMA
from processes import children_of
from queues import LOAD, PATIENCE, is_sanitized, wait_until

HERE = pathlib.Path(__file__).parent
# Of all the points where a fault may strike, every how manieth is tried; PALOMA_TEST_LOAD=20 tries each.
STEP = max(1, round((12 if is_sanitized() else 3) / LOAD))
pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def queued(q):
    """Ids of those that are acknowledged, or might be: what is still being written does not count."""
    names = []
    for name in q.files():
        with contextlib.suppress(FileNotFoundError):  # it has just been delivered
            if (q.spool / "queue" / name).stat().st_mode & 0o100:
                names.append(name)
    return names


# --- processes are killed at random

class Victims:
    """Kills so many processes of the queue, each after a few more mails have come."""

    def __init__(self, q, server, who, kills, mails, random_numbers):
        self.q, self.server, self.who, self.kills, self.random = q, server, who, kills, random_numbers
        self.apart = max(1, mails // (kills + 2))
        self.killed, self.ends = 0, False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _pids(self):
        runner = self.q.runner()
        try:
            # whoever submits holds the lock for a moment as well, to see whether it can be had; a runner has left our session
            if not runner or os.getsid(runner) == os.getsid(0):
                return []
        except ProcessLookupError:
            return []
        workers = self.q.workers(runner)
        if self.who == "runner":
            return [runner]
        return [runner, *workers] if self.who == "all" else self.random.sample(workers, min(1, len(workers)))

    def _run(self):
        next_at = 0
        while self.killed < self.kills and not self.ends:
            with self.server.news:
                if not self.server.news.wait_for(lambda: len(self.server.mails) >= next_at or self.ends, PATIENCE):
                    return
            pids = self._pids()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.killed += bool(pids)
            next_at = len(self.server.mails) + (self.random.randint(1, 2 * self.apart) if pids else 1)
            if self.who != "worker" and pids and self.random.random() < 0.5:
                self.q.steer("flush", "-q")  # somebody else starts the next

    def end(self):
        self.ends = True
        with self.server.news:
            self.server.news.notify_all()
        self.thread.join()
        return self.killed


PRODUCER = """i=0; while [ $i -lt $1 ]; do
"$2" send -q --background -r ann@test.example --body x "p$3n$i@example.net" && echo "p$3n$i@example.net"; i=$((i+1)); done"""


@pytest.mark.parametrize("who,connections,mails,kills", [("runner", 20, 1000, 30), ("worker", 20, 400, 12), ("all", 1, 400, 12)])
def test_kills_while_four_submit(queue, sink, who, connections, mails, kills):
    load = LOAD * (0.2 if is_sanitized() else 1)
    mails, kills = int(mails * load), max(2, int(kills * load))
    server = sink()
    q = queue(relay=server.url, retry_first=1, retry_longest=1, connections=connections, delay_warning=0)
    producers = [subprocess.Popen(["sh", "-c", PRODUCER, "sh", str(mails // 4), PALOMA, str(number)], stdout=subprocess.PIPE, env=q.environment)
                 for number in range(4)]
    victims = Victims(q, server, who, kills, mails, random.Random(who))
    accepted = b"".join(producer.communicate()[0] for producer in producers).decode().split()
    assert len(accepted) == mails // 4 * 4
    for _ in range(100):  # a runner may be killed still, and nobody but us starts another
        q.steer("flush", "-q")
        with server.news:
            if server.news.wait_for(lambda: len({mail.recipients[0] for mail in server.mails}) == len(accepted), 1):
                break
    killed = victims.end()
    q.wait_runner_ends()  # one that is dying has its lock still
    q.flush()
    q.wait_runner_ends()
    got = collections.Counter(mail.recipients[0] for mail in server.mails)
    assert set(got) == set(accepted), set(accepted) - set(got)
    assert set(server.count_by_id().values()) <= {1, 2, 3} and len(server.count_by_id()) == len(accepted)
    print(f"{len(accepted)} mails, {killed} kills of {who}, {sum(got.values()) - len(got)} sent twice, none lost")
    assert killed >= kills // 3 and sum(got.values()) - len(got) <= killed
    assert q.files() == [] and q.files("damaged") == []


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
    died = "The process that was to deliver it has died."
    assert mail["queue_id"] == victim and mail["attempts"] == 1 and mail["recipients"][0]["reason"].endswith(died), mail
    assert len(re.findall(rf"/smtp\[\d+\]: {victim}: to=<victim@example\.net>, relay=none, .*, dsn=4\.3\.0, status=deferred \({re.escape(died)}\)$",
                          q.log_text(), re.M)) == 1, q.log_text()
    proceed.set()
    q.flush()
    assert q.wait(victim) == 0


# --- every call of a delivery, killed or failing

def count_calls(trace):
    """How often each call that strace tells of is made by that process which makes it most often."""
    counts = collections.Counter(re.findall(r"(?m)^(\d+) +(\w+)\(", trace.read_text()))
    return {name: max(number for (_, other), number in counts.items() if other == name) for _, name in counts}


# What may fail, and how.
ERRORS = {
    "openat": ["EMFILE", "EIO"], "read": ["EIO", "EINTR"], "pread64": ["EIO", "EINTR"], "write": ["ENOSPC", "EDQUOT", "EIO", "EINTR"],
    "writev": ["ENOSPC", "EDQUOT", "EIO", "EINTR"], "fsync": ["EIO", "ENOSPC"], "fdatasync": ["EIO", "ENOSPC"], "fchmod": ["EIO"], "flock": ["EINTR", "ENOLCK"],
    "unlinkat": ["EIO"], "socket": ["EMFILE"], "socketpair": ["EMFILE"], "connect": ["ENETUNREACH", "EINTR"], "sendto": ["EPIPE", "EINTR", "ENOBUFS"],
    "recvfrom": ["EIO", "EINTR"], "recvmsg": ["EIO", "EINTR"], "sendmsg": ["ENOBUFS", "EINTR"], "poll": ["EINTR", "ENOMEM"], "fcntl": ["EIO"],
    "memfd_create": ["EMFILE"], "getrandom": ["EINTR"], "fstatfs": ["EIO"], "newfstatat": ["EIO"], "mkdir": ["EACCES"], "mkdirat": ["ENOSPC"],
    "mmap": ["ENOMEM"], "brk": ["ENOMEM"], "clone": ["EAGAIN"], "utimensat": ["EIO"], "inotify_init1": ["EMFILE"],
    "signalfd4": ["EMFILE"], "getdents64": ["EIO"], "lseek": ["EIO"], "setsockopt": ["ENOMEM"], "getsockopt": ["EIO"],
}
# The sanitizers map memory for themselves, and hang while they tell that there is none.
SANITIZERS_OWN = ("mmap", "brk") if is_sanitized() else ()


def points(counts, fault, step=None):
    """(call, what, number) for every step-th call that there is."""
    step = step or STEP
    if fault == "kill":
        every = [(name, "signal=KILL", number) for name in sorted(counts) if name != "execve" for number in range(1, counts[name] + 1)]
    else:
        every = [(name, f"error={error}", number) for name in sorted(counts) if name not in SANITIZERS_OWN
                 for error in ERRORS.get(name, []) for number in range(1, counts[name] + 1)]
    # the rare ones are those that matter
    return [point for at, point in enumerate(every) if at % step == 0 or counts[point[0]] <= 2]


def strace(*words, out=os.devnull):
    return ("strace", "-qq", "-o", out, *words)


def inject(point):
    name, what, number = point
    return "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={number}"


@pytest.fixture
def no_leak_check():
    """Which does not work under a tracer."""
    return {"ASAN_OPTIONS": "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")} if is_sanitized() else {}


@pytest.mark.parametrize("fault", ["kill", "error"])
def test_every_call_of_a_submission_and_a_delivery_in_the_foreground(queue, sink, tmp_path, no_leak_check, fault):
    server = sink()
    q = queue(relay=server.url, retry_first=3600, delay_warning=0)
    trace = tmp_path / "trace"
    for _ in range(2):  # the first makes the folders as well
        assert q.send("--wait", "first@example.net", under=strace("-f", out=trace), env=no_leak_check).returncode == 0
    results = {}
    copies = lambda to: sum(mail.recipients == [to] for mail in server.mails)
    for number, point in enumerate(points(count_calls(trace), fault)):
        to = f"n{number}@example.net"
        before = set(queued(q))
        # a runner that it starts is not traced
        result = q.send("--wait", to, under=strace(*inject(point)), env=no_leak_check)
        server.wait_idle()
        results[to] = point, result, set(queued(q)) - before, copies(to)
        if fault == "kill" and result.returncode not in (0, -signal.SIGKILL, 137):
            pytest.fail(f"{point}: {result}")
    q.flush()
    q.wait_runner_ends()
    assert queued(q) == [] and q.files("damaged") == [], results
    twice = 0
    for to, (point, result, left, sent) in results.items():
        finally_sent = copies(to)
        facts = (point, result.returncode, result.stderr, left, sent, finally_sent)
        # success is never false, and what is said to stay is not lost
        if result.returncode == 0 or b"stays in the queue" in result.stderr:
            assert finally_sent >= 1, facts
        if left:
            assert finally_sent >= 1, facts
        assert finally_sent <= 1 + bool(sent), facts
        twice += finally_sent > 1
    assert twice <= len(results) // 5
    if fault == "kill":  # some calls are made more or less often, as replies come
        assert sum(result.returncode == 0 for _, result, _, _ in results.values()) <= len(results) // 10


class Attached:
    """strace on a runner that waits."""

    def __init__(self, runner, point):
        self.process = subprocess.Popen(["strace", "-f", "-o", "/dev/stdout", *inject(point), "-p", str(runner)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.news, self.struck = threading.Condition(), False
        self.line = self.process.stderr.readline()
        self.is_on = "attached" in self.line
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
    while not (runner := q.runner()):
        q.steer("flush", "--destination", "nowhere.example", "-q")
    return runner


def attach(q, point):
    """A runner that was killed may be taken for one at work as long as a worker that it was starting has its lock."""
    for _ in range(1000):
        attached = Attached(start_runner(q), point)
        if attached.is_on:
            return attached
        attached.end()
    raise AssertionError(attached.line)


def send_struck(q, point, to):
    """One mail by a runner, or a worker of it, that is struck at this point, and by another where that is needed, until it is gone."""
    attached = attach(q, point)
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


def family(runner):
    """It, the process that forks its workers, and those there are."""
    return [runner, *(pid for child in children_of(runner) for pid in family(child))]


def is_traced(pid, by):
    with contextlib.suppress(OSError):
        return f"TracerPid:\t{by}\n" in pathlib.Path(f"/proc/{pid}/status").read_text()
    return False


def trace_family(runner, trace):
    """strace on a runner that waits and on all that it has forked, if need be a moment ago."""
    while True:
        processes = family(runner)
        tracer = subprocess.Popen(["strace", "-f", "-o", trace, *(f"-p{pid}" for pid in processes)], stderr=subprocess.PIPE, text=True)
        lines = [tracer.stderr.readline() for _ in processes]
        if all("attached" in line for line in lines) and all(is_traced(pid, tracer.pid) for pid in family(runner)):
            return tracer
        tracer.terminate()
        tracer.wait()
        tracer.stderr.close()
        assert "attached" in lines[0], lines  # the runner is there


@pytest.fixture
def traced(queue, sink, no_leak_check):
    """A queue where a runner stays, and its server."""
    server = sink()
    q = queue("[route dead.example]\nvia = smtp://127.0.0.1:1\n", relay=server.url, retry_first=3600, delay_warning=0)
    q.environment.update(no_leak_check)
    q.waits = q.put("waits@dead.example")
    return q, server


def test_no_mail_is_put_off_when_the_process_that_forks_workers_has_died(traced):
    """As it would be over a server that is down: for retry_first, which is an hour here."""
    q, server = traced
    runner = start_runner(q)
    wait_until(lambda: f"{q.waits}: to=" in q.log_text())  # then there is nothing to do
    for child in children_of(runner):
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: not children_of(runner))
    assert q.wait(q.put("first@example.net")) == 0
    assert q.runner() == runner and [mail.recipients for mail in server.mails] == [["first@example.net"]]


def test_a_disk_that_cannot_be_read_returns_no_mail(traced):
    q, server = traced
    everybody = [f"n{number}@example.net" for number in range(1, 12)]
    for number, to in enumerate(everybody, 1):
        send_struck(q, ("pread64", "error=EIO", number), to)
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(everybody)
    assert q.files() == [q.waits] and q.files("damaged") == []


@pytest.mark.parametrize("fault", ["kill", "error"])
def test_every_call_of_the_runner_and_its_workers(traced, tmp_path, fault):
    q, server = traced
    # what there is to be struck: one mail in a runner that has nothing else to do
    trace = tmp_path / "trace"
    tracer = trace_family(start_runner(q), trace)
    assert q.wait(q.put("first@example.net")) == 0
    tracer.terminate()
    tracer.wait()
    tracer.stderr.close()
    counts = count_calls(trace)
    assert counts.get("writev") and counts.get("sendmsg")
    results = {}
    for number, point in enumerate(points(counts, fault)):
        to = f"n{number}@example.net"
        send_struck(q, point, to)
        results[to] = point, sum(mail.recipients == [to] for mail in server.mails)
    assert all(1 <= copies <= 2 for _, copies in results.values()), [result for result in results.values() if not 1 <= result[1] <= 2]
    assert sum(copies == 2 for _, copies in results.values()) <= len(results) // 4, results
    assert q.files() == [q.waits] and q.files("damaged") == []


# --- memory is refused, reads and writes are short

@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if is_sanitized():
        pytest.skip("the sanitizers have an allocator of their own")
    path = tmp_path_factory.mktemp("faults") / "faults.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", path, HERE / "faults.c", "-ldl"], check=True)
    return str(path)


def is_struck(mark):
    return mark.read_bytes()[0] == ord("x")


def test_each_allocation_of_a_submission_failing(queue, sink, tmp_path, library):
    server = sink()
    q = queue(relay=server.url, delay_warning=0)
    mark = tmp_path / "mark"
    statuses, number = {}, 0
    while True:
        number += STEP
        mark.write_bytes(bytes(4096))
        to = f"n{number}@example.net"
        result = q.send("--wait", to, env={"LD_PRELOAD": library, "FAULT_ALLOCATION": str(number), "FAULT_MARK": str(mark)})
        if not is_struck(mark):
            break
        assert result.returncode in (0, 75) and b"dumped" not in result.stderr, (number, result)
        statuses[to] = result.returncode
    assert result.returncode == 0 and number > 50
    q.flush()
    q.wait_runner_ends()
    assert queued(q) == [] and q.files("damaged") == []
    got = collections.Counter(mail.recipients[0] for mail in server.mails)
    assert all(got[to] >= 1 for to, status in statuses.items() if status == 0)
    # who had no memory to mark it has sent it again
    assert all(got[to] <= 2 for to in statuses) and sum(got[to] == 2 for to in statuses) < len(statuses) // 4


@pytest.mark.parametrize("generation", [1, 2, 3], ids=["runner", "nursery", "worker"])
def test_each_allocation_of_the_queue_failing(queue, sink, tmp_path, library, generation):
    server = sink()
    q = queue(relay=server.url, retry_first=3600, delay_warning=0)
    mark = tmp_path / "mark"
    number, missed = 0, 0
    while missed < 3:  # a runner that was about to end may take a mail, and knows nothing of faults
        number += STEP
        mark.write_bytes(bytes(4096))
        q.put(f"n{number}@example.net")
        q.run("queue", "-C", q.conf, "flush", "-q", env={"LD_PRELOAD": library, "FAULT_ALLOCATION": str(number),
                                                       "FAULT_GENERATION": str(generation), "FAULT_MARK": str(mark)})
        wait_until(lambda: not q.files() or is_struck(mark))
        missed = 0 if is_struck(mark) else missed + 1
        while q.files():  # the one that is about to die may have its lock still
            q.flush()
        q.wait_runner_ends()
        assert q.files() == [] and q.files("damaged") == []
    assert number > 3 * STEP  # some were refused
    got = collections.Counter(mail.recipients[0] for mail in server.mails)
    assert all(got[f"n{at}@example.net"] in (1, 2) for at in range(STEP, number + 1, STEP))


def test_short_reads_and_writes(queue, sink, library):
    server = sink()
    q = queue(relay=server.url)
    environment = {"LD_PRELOAD": library, "FAULT_SHORT": "1"}
    body = "".join(f"line {number}\n" for number in range(100))
    assert q.send("--wait", "bob@example.net", "--body", body, env=environment).returncode == 0
    assert q.send("--background", "bob@example.net", "--body", body, env=environment).returncode == 0
    assert [mail.data.decode().replace("\r\n", "\n").split("\n\n", 1)[1] for mail in server.wait_mails(2)] == [body] * 2
    q.wait_runner_ends()
    assert q.files() == [] and len(server.mails) == 2


# --- disks are full

@pytest.fixture
def small_disk(tmp_path):
    """Mounts a small file system over a folder, in a mount namespace of its own; gives what runs a command in there."""
    holders = []

    def make(folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                   'mount -t tmpfs -o "size=$2,mode=700" none "$1" && echo ready && cat', "sh", folder, str(size)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        holders.append(holder)
        if holder.stdout.readline() != "ready\n":
            pytest.skip("no mount namespace is to be had: " + holder.stderr.read())
        return ("nsenter", "--target", str(holder.pid), "--mount", "--"), pathlib.Path(f"/proc/{holder.pid}/root{folder}")

    yield make
    for holder in holders:
        holder.communicate()


def fill(path):
    """To the last octet."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def test_a_full_disk_takes_no_mail_and_says_so(queue, sink, small_disk):
    server = sink()
    q = queue(relay=server.url, spool_reserve=0)
    under, inside = small_disk(q.spool, 400 * 1024)
    big = q.folder / "big"
    big.write_bytes(os.urandom(500 * 1024))
    result = q.send("--queue", "bob@example.net", "-a", big, under=under)
    assert result.returncode == 75 and b"has room for 0 MiB" in result.stderr
    assert list((inside / "queue").iterdir()) == []
    assert q.send("--queue", "bob@example.net", under=under).returncode == 0
    fill(inside / "filler")
    result = q.send("--queue", "bob@example.net", under=under)
    assert result.returncode == 75 and b"room" in result.stderr and len(list((inside / "queue").iterdir())) == 1
    # with the usual reserve there is an end to it long before
    q.configure({"relay": server.url})
    assert b"reserve" in q.send("--queue", "bob@example.net", under=under).stderr


def test_a_limit_of_file_sizes_is_met_in_mid_submission(queue, sink):
    import resource
    server = sink()
    q = queue(relay=server.url)
    big = q.folder / "big"
    big.write_bytes(os.urandom(300 * 1024))
    result = q.send("--queue", "bob@example.net", "-a", big, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200 * 1024, 200 * 1024)))
    assert result.returncode in (74, 75) and b"File too large" in result.stderr and q.files() == []


def test_a_disk_that_is_full_for_the_log_sends_nothing_twice(queue, sink, small_disk):
    server = sink()
    q = queue(relay=server.url, spool_reserve=0, retry_first=3600)
    under, inside = small_disk(q.spool, 400 * 1024)
    ids = [re.search("Queued as (.*)\\.", q.send("--queue", f"bob{number}@example.net", under=under).stdout.decode()).group(1) for number in range(5)]
    fill(inside / "filler")
    flush = lambda: q.steer("flush", "-q", under=under, stdout=subprocess.DEVNULL)
    flush()
    wait_until(lambda: all(f"{id}: The disk of the spool is full" in q.log_text() for id in ids))
    assert server.mails == [] and len(list((inside / "queue").iterdir())) == 5
    (inside / "filler").unlink()
    flush()
    while list((inside / "queue").iterdir()):  # one that is being settled is not flushed
        flush()
    assert sorted(mail.recipients[0] for mail in server.mails) == [f"bob{number}@example.net" for number in range(5)]


# --- clocks jump

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.mark.skipif(not FAKETIME or is_sanitized(), reason="needs faketime, beside which no sanitizer runs")
@pytest.mark.parametrize("jump", ["+3650d", "-365d"])
def test_a_clock_that_jumps_loses_and_returns_nothing(queue, sink, jump):
    """While mail waits for its next attempt: it is tried when the runner sees the time, and not given up."""
    replies = ["450 4.2.0 later"]
    server = sink(lambda session, line: next(iter(replies), None) if line.startswith("RCPT TO:<n") else None)
    held = "smtp://127.0.0.1:1"
    q = queue(f"[route dead.example]\nvia = {held}\n", relay=server.url, retry_first=600, delay_warning=0)
    clock = q.folder / "clock"

    def set_clock(text):
        new = q.folder / "clock.new"
        new.write_text(text + "\n")
        new.rename(clock)

    set_clock("+0")
    q.environment.update({"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                          "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"})
    ids = [q.put(f"n{number}@example.net") for number in range(5)] + [q.put("x@dead.example")]
    q.flush()
    tries = lambda count: lambda _: sum(line.startswith("RCPT TO:<n") for line in server.lines) >= count
    server.wait(tries(5))
    wait_until(lambda: all(mail["attempts"] == 1 for mail in q.list()))
    runner = q.runner()
    set_clock(jump)
    # it looks at the time when something happens, or after some minutes
    assert q.wait(q.put("bob@example.net")) == 0
    server.wait(tries(10))
    wait_until(lambda: all(mail["attempts"] == 2 for mail in q.list()))
    now = int(subprocess.run(["date", "+%s"], env=q.environment, capture_output=True, check=True).stdout)
    assert abs(now - time.time()) > 300 * 86400
    # the next attempts are as near as if nothing had happened
    assert all(0 < mail["next_attempt"] - now <= 4 * 3600 * 1.1 for mail in q.list()), (now, q.list())
    set_clock("+0")
    replies.clear()
    assert q.wait(q.put("bob@example.net")) == 0
    assert all(q.wait(id) == 0 for id in ids[:-1])
    assert q.runner() == runner and len(q.list()) == 1
    # each once, and no report
    assert sorted(mail.recipients[0] for mail in server.mails) == ["bob@example.net"] * 2 + [f"n{number}@example.net" for number in range(5)]
