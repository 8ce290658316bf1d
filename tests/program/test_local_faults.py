"""Several mails into one Maildir while calls fail and processes are killed: each mail has a fate of its own, none is lost, and one
that was filed comes again only when a death came between its name in the Maildir and its mark in the queue."""
import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import machine as machines
from conftest import PALOMA
from processes import children_of
from queues import LOAD, is_sanitized, wait_until

pytestmark = [pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own"),
              pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")]
TOGETHER = 3
# As in test_queue_faults: every how manieth point is tried; PALOMA_TEST_LOAD=20 tries each.
STEP = max(1, round((12 if is_sanitized() else 4) / LOAD))
ERRORS = {
    "openat": ["EMFILE", "ENOSPC", "EDQUOT"], "pread64": ["EIO"], "write": ["ENOSPC", "EDQUOT", "EIO", "EINTR"], "renameat": ["EIO", "ENOSPC"],
    "fsync": ["EIO", "ENOSPC"], "sync_file_range": ["EIO", "ENOSYS"], "writev": ["ENOSPC", "EIO", "EINTR"],
    "recvmsg": ["EINTR"], "sendmsg": ["EINTR", "ENOBUFS"], "getrandom": ["EINTR"], "mkdir": ["EACCES"],
}
# After these a mail is filed, and it is not known that it is.
MARKS = ("writev", "sendmsg")


def look(path):
    """At what may be gone."""
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def is_runner(pid):
    """It alone has ears for the folder of the queue."""
    with contextlib.suppress(OSError):
        return any(os.readlink(fd) == "anon_inode:inotify" for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
    return False


class Box:
    """ann's Maildir, and a queue of root's."""

    def __init__(self, machine):
        self.machine, self.spool = machine, machine.folder / "spool"
        self.settings = {"PALOMA_QUEUE": "auto", "PALOMA_SPOOL": str(self.spool), "PALOMA_RETRY_FIRST": "3600", "PALOMA_DELAY_WARNING": "0"}
        if is_sanitized():
            self.settings["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")
        self.spool.mkdir(mode=0o700)
        machine.make_maildir("ann")
        self.sent = []

    def files(self):
        return list((self.spool / "queue").iterdir())

    def put(self, *to, count=TOGETHER):
        for _ in range(count):
            self.sent.append(f"mail {len(self.sent)}")
            text = f"Subject: {self.sent[-1]}\n\n" + "some text\n" * 100
            assert self.machine.run(PALOMA, "sendmail", "-odq", *(to or ["ann"]), input=text.encode(), **self.settings).returncode == 0

    def copies(self):
        return collections.Counter(mail["Subject"] for mail in self.machine.maildir("ann"))

    def run(self, trace, *words):
        """A runner and all its processes under strace, until they have nothing to do."""
        tracer = subprocess.Popen([*self.machine.inside(), "strace", "-f", "-qq", "-o", trace, *words, PALOMA, "queue", "flush", "-q"], cwd="/",
                                  env=self.machine.environment(None, self.settings))
        struck = lambda: not self.files() or re.search(r"\(INJECTED\)|killed by SIGKILL", look(trace))
        wait_until(lambda: tracer.poll() is not None or struck() and self.is_idle(tracer.pid))
        for pid in self.traced(tracer.pid):
            if is_runner(pid):
                with contextlib.suppress(ProcessLookupError):  # with nothing left to do it ends by itself
                    os.kill(pid, signal.SIGTERM)
        tracer.wait(60)

    def traced(self, tracer):
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and re.search(rf"^TracerPid:\t{tracer}$", look(f"/proc/{name}/status"), re.M)]

    def is_idle(self, tracer):
        """The runner waits, and none of ann's workers is there."""
        pids = self.traced(tracer)
        return any(is_runner(pid) and "poll" in look(f"/proc/{pid}/wchan") for pid in pids) and \
            not any(re.search(rf"^Uid:\t{machines.USERS['ann']}\t", look(f"/proc/{pid}/status"), re.M) for pid in pids)

    def finish(self):
        """By a runner that nothing happens to."""
        assert self.machine.run(PALOMA, "queue", "flush", **self.settings).returncode == 0
        wait_until(lambda: not self.files())
        subprocess.run(["flock", str(self.spool / "runner.lock"), "true"], check=True, timeout=120)
        assert not (self.spool / "damaged").exists()


@pytest.fixture
def box():
    machine = machines.Machine()
    yield Box(machine)
    machine.clear()


def find_worker(text):
    """The process that has given all of them their names at once; None: each was by itself."""
    calls = collections.defaultdict(list)
    for pid, name in re.findall(r"^(\d+) +(renameat|fsync)\(", text, re.M):
        calls[pid].append(name)
    return next((pid for pid, names in calls.items() if "renameat " * TOGETHER in " ".join(names) + " "), None)


def count_calls(box, trace, *to):
    """Of the worker that has written all of them together."""
    for _ in range(20):
        box.put(*to)
        box.run(trace)
        text = trace.read_text()
        worker = find_worker(text)
        if worker:
            return collections.Counter(re.findall(rf"^{worker} +(\w+)\(", text, re.M))
    raise AssertionError("nothing is written together")


def find_threads(text, pid):
    return re.findall(rf"^{pid} +(?:clone3?\(|<\.\.\. clone3? resumed>).*?(?:=> \{{parent_tid=\[(?:\d+)\]\}}.*?)? = (\d+)$", text, re.M)


def find_steps(text):
    """What the worker and its threads ask of the kernel; "sendmsg D" is what a job ends with, "sendmsg E" when its mail is at its end."""
    worker = find_worker(text)
    threads = find_threads(text, worker)
    assert len(threads) == TOGETHER - 1  # for the files, and again for the marks
    wanted = re.findall(rf'^(?:{"|".join([worker, *threads])}) +(renameat|fsync|writev|fdatasync|sendmsg)\((?:[^\n"]*iov_base="([A-Z]))?', text, re.M)
    return [f"{name} {what}".strip() for name, what in wanted]


def test_mails_are_written_together_and_made_durable_before_they_count(box, tmp_path):
    """All files, then all names, then the folder. That they are gone from the queue is made durable at once, and then it does not
    matter what was in them."""
    count_calls(box, tmp_path / "trace")
    text = (tmp_path / "trace").read_text()
    assert find_steps(text) == [*["fsync"] * TOGETHER, *["renameat"] * TOGETHER, "fsync", *["writev"] * TOGETHER, *["sendmsg E"] * TOGETHER]
    runner = re.findall(r"^(\d+) +unlinkat\(", text, re.M)
    assert len(runner) == TOGETHER and len(set(runner)) == 1
    last_look = text.rindex("unlinkat(")
    assert re.search(rf"^(?:{'|'.join(find_threads(text, runner[0]))}) +fsync\(", text[last_look:], re.M)
    assert set(box.copies().values()) == {1}


def test_of_mails_that_somebody_is_told_of_it_is_durable_who_has_them(box, tmp_path):
    count_calls(box, tmp_path / "trace", "-f", "bob", "-N", "success", "ann")
    steps = find_steps((tmp_path / "trace").read_text())
    assert steps == [*["fsync"] * TOGETHER, *["renameat"] * TOGETHER, "fsync", *["writev"] * TOGETHER, *["fdatasync"] * TOGETHER,
                     *["sendmsg D"] * TOGETHER]
    assert set(box.copies().values()) == {1}


def test_that_the_end_of_a_mail_is_not_durable_is_told(box, tmp_path):
    box.settings["PALOMA_LOG"] = str(tmp_path / "log")
    box.put()
    box.run(tmp_path / "trace", "-P", box.spool / "queue", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO")
    assert box.files() == [] and set(box.copies().values()) == {1}
    assert f"Cannot make the folder {box.spool}/queue durable" in (tmp_path / "log").read_text()
    assert "may be delivered again after a power cut" in (tmp_path / "log").read_text()


def test_that_an_outcome_is_not_durable_is_told_by_who_waits_for_it(box, tmp_path):
    """The first attempt of root, who has become the owner of the queue, by a helper that becomes ann."""
    box.settings["PALOMA_LOG"] = str(tmp_path / "log")
    os.chown(box.spool, machines.USERS["paloma"], machines.USERS["paloma"])
    words = ["strace", "-qq", "-o", tmp_path / "trace", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"]
    assert box.machine.run(*words, PALOMA, "sendmail", "-odi", "ann", input=b"x", **box.settings).returncode == 0
    assert "INJECTED" in look(tmp_path / "trace")
    assert "Cannot make the log of a message durable" in look(tmp_path / "log")
    assert len(box.machine.maildir("ann")) == 1


def strike(box, tmp_path, points, check):
    for name, what, number in points:
        trace = tmp_path / "trace"
        before = len(box.sent)
        box.put()
        box.run(trace, "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={number}")
        text = trace.read_text()
        box.finish()
        copies = box.copies()
        for subject in box.sent[before:]:
            check((name, what, number), copies[subject], text)
        shutil.rmtree(box.machine.home("ann") / "Maildir")
        box.machine.make_maildir("ann")


def test_a_kill_at_every_call_loses_none(box, tmp_path):
    counts = count_calls(box, tmp_path / "trace")
    every = [(name, "signal=KILL", number) for name in sorted(counts) if name in ERRORS or name in ("close", "unlinkat")
             for number in range(1, counts[name] + 1)]
    points = [point for at, point in enumerate(every) if at % STEP == 0 or point[0] in ("renameat", "fsync")]
    twice = []

    def check(point, copies, text):
        kills = text.count("+++ killed by SIGKILL +++")
        assert 1 <= copies <= 1 + kills, (point, copies, kills)
        twice.extend([point] * (copies - 1))
    strike(box, tmp_path, points, check)
    # only what comes between the first name in the Maildir and the last mark
    assert len(twice) <= len(points) * TOGETHER // 2, twice


def test_an_error_of_every_call_loses_none_and_is_of_one_mail(box, tmp_path):
    counts = count_calls(box, tmp_path / "trace")
    every = [(name, f"error={error}", number) for name in sorted(counts) for error in ERRORS.get(name, []) for number in range(1, counts[name] + 1)]
    points = [point for at, point in enumerate(every) if at % STEP == 0 or point[0] in ("renameat", "fsync")]

    def check(point, copies, _):
        assert 1 <= copies <= (2 if point[0] in MARKS else 1), (point, copies)
        left = [path for path in (box.machine.home("ann") / "Maildir" / "tmp").iterdir()]
        assert left == [], point
    strike(box, tmp_path, points, check)


@pytest.mark.parametrize("point", [("write", "error=EDQUOT", 2), ("sync_file_range", "error=EIO", 2), ("renameat", "error=EIO", 2)])
def test_what_one_mail_meets_is_not_the_others(box, tmp_path, point):
    """The second has no room, is lost on its way to the disk, though a later fsync knows nothing of it, or cannot be given its name."""
    name, what, number = point
    count_calls(box, tmp_path / "trace")
    before = len(box.sent)
    box.put()
    box.run(tmp_path / "trace", "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={number}")
    assert len(box.files()) == 1 and len(box.copies()) == before + TOGETHER - 1
    box.finish()
    assert set(box.copies().values()) == {1} and len(box.copies()) == len(box.sent)


def flush(box, *words):
    assert box.machine.run(*words, PALOMA, "queue", "flush", "-q", **box.settings).returncode == 0


def limit(process, descriptors):
    subprocess.run(["prlimit", "--pid", str(process), f"--nofile={descriptors}:{descriptors}"], check=True)


def start_runner_with_few_for_its_workers(box, descriptors):
    """It stays for a mail that cannot be delivered, has more itself, and one worker at a time. The value is its process, and that
    which forks the workers."""
    box.settings["PALOMA_CONNECTIONS"] = "1"
    box.machine.make_maildir("bob")
    os.chown(box.machine.home("bob") / "Maildir", 0, 0)
    box.machine.run(PALOMA, "sendmail", "-odq", "bob", input=b"x", **box.settings)
    flush(box)
    lock = os.stat(box.spool / "runner.lock").st_ino
    find_runner = lambda: re.findall(rf"FLOCK +ADVISORY +WRITE (\d+) \w+:\w+:{lock} ", look("/proc/locks"))
    found = []
    wait_until(lambda: found.extend((int(runner), child) for runner in find_runner() for child in children_of(runner)) or found)
    runner, nursery = found[0]
    limit(nursery, descriptors)
    return runner, nursery


@contextlib.contextmanager
def strike_workers(nursery, trace, *words):
    """All processes of the runner but itself."""
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, *words, "-p", str(nursery)])
    wait_until(lambda: f"\nTracerPid:\t{tracer.pid}\n" in look(f"/proc/{nursery}/status"))
    yield
    tracer.terminate()
    tracer.wait(60)


@pytest.mark.parametrize("count", [1, TOGETHER])
def test_what_a_worker_did_not_live_to_say_is_told(box, tmp_path, count):
    """It is killed when all is written down, and the next ones when they find nothing to do."""
    box.settings["PALOMA_LOG"] = str(tmp_path / "log")
    runner, nursery = start_runner_with_few_for_its_workers(box, 100)
    with strike_workers(nursery, tmp_path / "trace", "-e", "trace=sendmsg", "-e", "inject=sendmsg:signal=KILL:when=1"):
        deliver_at_once(box, count, runner)
        wait_until(lambda: len(re.findall(": removed$", look(tmp_path / "log"), re.M)) == count)
    assert "killed by SIGKILL" in look(tmp_path / "trace")
    told = re.findall(r": (\w+): to=<ann@here.example>, .*status=sent", look(tmp_path / "log"))
    assert len(told) == len(set(told)) == count
    os.kill(runner, signal.SIGTERM)


def deliver_at_once(box, mails, runner):
    os.kill(runner, signal.SIGSTOP)
    box.put(count=mails)
    os.kill(runner, signal.SIGCONT)

    def are_delivered():
        flush(box)
        return len(box.copies()) == len(box.sent)
    wait_until(are_delivered)
    assert set(box.copies().values()) == {1}


def test_a_worker_that_has_no_descriptors_left_keeps_no_mail(box, tmp_path):
    """Each mail takes two, one comes with it and one is its file: with one more, or less, it is the other that cannot be had. Which it
    is depends on what a worker has open besides."""
    box.settings["PALOMA_LOG"] = str(tmp_path / "log")
    runner, nursery = start_runner_with_few_for_its_workers(box, 47)
    told = []
    for descriptors in (47, 46):  # a limit is not always raised again
        limit(nursery, descriptors)
        for _ in range(10):
            before = len(look(tmp_path / "log"))
            deliver_at_once(box, 24, runner)
            found = re.findall("There is no descriptor left for the message|Too many open files", look(tmp_path / "log")[before:])
            if found:
                break
        told += found
    assert len(set(told)) == 2, f"it never had too many of both kinds: {told}"
    os.chown(box.machine.home("bob") / "Maildir", machines.USERS["bob"], machines.USERS["bob"])
    box.finish()
    assert len(box.machine.maildir("bob")) == 1


@pytest.mark.parametrize("descriptors, connections", [(64, 20), (128, 20), (100, 1), (128, 1), (170, 2)])
def test_a_runner_gives_no_worker_more_than_both_have_descriptors_for(box, tmp_path, descriptors, connections):
    box.settings.update(PALOMA_LOG=str(tmp_path / "log"), PALOMA_CONNECTIONS=str(connections))
    box.put(count=90)
    flush(box, "prlimit", f"--nofile={descriptors}:{descriptors}")
    wait_until(lambda: re.search("descriptor left|Too many open", look(tmp_path / "log")) or not box.files())
    assert not re.search("descriptor left|Too many open", look(tmp_path / "log"))
    box.finish()
    assert set(box.copies().values()) == {1} and len(box.copies()) == len(box.sent)


def test_a_mail_that_fails_leaves_those_that_wait_their_time(box, tmp_path):
    """The disk takes longer than a worker may be silent, and one that waits for it has said so before the second was done with."""
    box.settings.update(PALOMA_TIMEOUT="1", PALOMA_CONNECT_TIMEOUT="1", PALOMA_DNS_TIMEOUT="1")  # 14 seconds, and 5
    count_calls(box, tmp_path / "trace")
    box.put()
    box.run(tmp_path / "trace", "-e", "trace=write,fsync", "-e", "inject=write:error=EDQUOT:when=3", "-e", "inject=fsync:delay_enter=24s:when=1")
    assert len(box.files()) == 1
    box.finish()
    assert set(box.copies().values()) == {1} and len(box.copies()) == len(box.sent)
