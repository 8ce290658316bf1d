"""What exit status 0 promises, with the system failing at every call, the process killed at every call, and power cut."""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import spool_reader
from conftest import HERE, PALOMA, clean_environment

TOKEN = b"the one and only body"
ERRORS = ["EIO", "ENOSPC", "EDQUOT", "EMFILE", "EINTR"]
STORING_STATUS = {71, 73, 74, 75}
# calls that cannot fail, or whose failure is nobody's affair
UNFAILING = {"getuid", "geteuid", "exit_group", "munmap", "brk", "execve"}

if os.environ.get("PALOMA_FUZZ_SECONDS") == "0":    # the sanitizers have memory of their own, and no words for its end
    UNFAILING |= {"mmap", "mprotect", "madvise", "sigaltstack"}

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")
# the second run of the suite, under sanitizers, which make calls of their own by the hundred
only_plainly = pytest.mark.skipif(os.environ.get("PALOMA_FUZZ_SECONDS") == "0", reason="done once is enough")

MAILS = {
    "small": (0, TOKEN + b"\n"),
    # more than is kept in memory, and more than one block to write
    "large": (0, TOKEN + b"\n" + b"".join(b"line %d of many\n" % number for number in range(17000))),
    "many recipients": (1000, TOKEN + b"\n"),
}


class Submission:
    """paloma send --queue into a spool that is there already, under strace or not."""

    def __init__(self, folder, kind):
        self.folder, self.spool = folder, folder / "spool"
        self.more_recipients, self.body = MAILS[kind]
        self.config = folder / "paloma.conf"
        self.config.write_text(f"[paloma]\nspool = {self.spool}\nlog = none\nspool_reserve = 0\nrelay = smtp://127.0.0.1:1\n")
        self.environment = {**clean_environment(folder), "PALOMA_QUEUE": "auto", "TMPDIR": str(folder),
                            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
        assert self.run([]).returncode == 0
        self.empty()

    def run(self, prefix, environment={}):
        words = [*prefix, PALOMA, "send", "--config", str(self.config), "--queue", "--from", "me@example.org", "--to", "you@example.org",
                 "--subject", "x", *(["--bcc", ", ".join(f"recipient-{number}@example.org" for number in range(self.more_recipients))]
                                    if self.more_recipients else [])]
        # from a file: a pipe hands the same octets over in other pieces each time, and the calls could not be counted
        (self.folder / "body").write_bytes(self.body)
        with open(self.folder / "body", "rb") as body:
            return subprocess.run(words, stdin=body, capture_output=True, timeout=120, env={**self.environment, **environment})

    def inject(self, *what):
        trace = self.folder / "trace"
        return self.run(["strace", "-f", "-o", str(trace), *(word for expression in what for word in ("-e", expression))])

    def calls(self):
        """(name, which of that name, arguments) of every call of a run that nothing happens to."""
        assert self.inject("trace=all").returncode == 0
        self.empty()
        counts, calls = collections.Counter(), []
        for line in (self.folder / "trace").read_text(errors="replace").splitlines():
            call = re.match(r"\d+ +(\w+)\((.*)", line)
            if call:
                counts[call[1]] += 1
                calls.append((call[1], counts[call[1]], call[2]))
        return calls

    def storing_calls(self):
        """Those from the opening of the spool on, and the reading of the message."""
        calls = self.calls()
        opening = next(at for at, call in enumerate(calls) if call[0] == "openat" and f'"{self.spool}"' in call[2])
        return [call for call in calls if call[0] == "read" and call[2].startswith("0,")] + calls[opening:]

    def empty(self):
        for path in (self.spool / "queue").iterdir():
            path.unlink()

    def temporary_files(self):
        return set(path.name for path in self.folder.iterdir()) - {"spool", "paloma.conf", "trace", "body"}

    def expect_stored_once(self):
        queued, left = spool_reader.read_queue(self.spool)
        assert not left
        assert [mail.message.count(TOKEN) for mail in queued] == [1]
        assert len(queued[0].values("to")) == 1 + self.more_recipients
        assert queued[0].message.count(b"\r\n") >= self.body.count(b"\n")

    def expect_nothing(self):
        assert spool_reader.read_queue(self.spool) == ([], [])


@pytest.fixture(params=MAILS)
def submission(tmp_path, request):
    return Submission(tmp_path, request.param)


@pytest.fixture(params=["small", "large"])
def smaller_submission(tmp_path, request):
    return Submission(tmp_path, request.param)


@needs_strace
@only_plainly
def test_killed_at_every_call(submission):
    stages = collections.Counter()
    for name, which, _ in submission.calls():
        if name == "execve":
            continue    # of strace's own
        run = submission.inject(f"trace={name}", f"inject={name}:signal=KILL:when={which}")
        assert run.returncode == -9, (name, which, run)
        queued, left = spool_reader.read_queue(submission.spool)    # fails for one that looks queued and is not whole
        assert len(queued) + len(left) <= 1
        if queued:
            submission.expect_stored_once()
        stages["whole" if queued else "left" if left else "nothing"] += 1
        if b"Queued as" in run.stdout:
            assert queued, (name, which)
        submission.empty()
    assert min(stages[stage] for stage in ("whole", "left", "nothing")) >= 3, stages
    # behind the last call nothing happens any more
    run = submission.inject("trace=exit_group", "inject=exit_group:signal=KILL:when=2")
    assert run.returncode == 0
    submission.expect_stored_once()


@needs_strace
@pytest.mark.parametrize("error", ERRORS)
def test_every_call_fails(smaller_submission, error):
    submission, failed = smaller_submission, 0
    for name, which, arguments in submission.storing_calls():
        if name in UNFAILING:
            continue
        run = submission.inject(f"trace={name}", f"inject={name}:error={error}:when={which}")
        why = (name, which, arguments, run)
        if run.returncode == 0:
            submission.expect_stored_once()
        else:
            failed += 1
            assert run.returncode in STORING_STATUS, why
            assert run.stdout == b"" and run.stderr.startswith(b"paloma: ") and run.stderr.count(b"\n") == 1, why
            submission.expect_nothing()
        submission.empty()
        assert not submission.temporary_files()
    assert failed > 8


@needs_strace
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_every_call_fails_from_one_on(smaller_submission, error):
    """A disk that is full, or gone, stays so; what has been begun can perhaps not even be removed, and is no mail for it."""
    submission = smaller_submission
    for name in ("write", "fsync", "fchmod"):
        for which in sorted(which for other, which, _ in submission.storing_calls() if other == name):
            gone = ["unlinkat"] if error == "EIO" else []
            run = submission.inject(f"trace={','.join([name, *gone])}", f"inject={name}:error={error}:when={which}+",
                                    *(f"inject={other}:error={error}" for other in gone))
            queued, left = spool_reader.read_queue(submission.spool)
            assert (run.returncode == 0) == (len(queued) == 1) or name == "fchmod", (name, which, run)
            assert run.returncode == 0 or run.returncode in STORING_STATUS
            assert len(left) <= 1
            submission.empty()


SHORT_WRITES = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t write(int fd, const void *data, size_t len)
{
	size_t most = (size_t)atoi(getenv("MOST_OCTETS"));

	/* a file of the spool is the only one that is appended to */
	return syscall(SYS_write, fd, data, fcntl(fd, F_GETFL) & O_APPEND && len > most ? most : len);
}
"""


@pytest.mark.parametrize("most", [1, 7, 4096])
def test_writes_that_are_short(submission, tmp_path, most):
    if most == 1 and len(submission.body) > 100000:
        most = 97
    library = tmp_path / "spool" / "short.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"], input=SHORT_WRITES.encode(), check=True)
    run = submission.run([], {"LD_PRELOAD": str(library), "MOST_OCTETS": str(most)})
    assert run.returncode == 0, run
    submission.expect_stored_once()


@needs_strace
def test_a_write_of_nothing_is_a_failure(submission):
    which = next(which for name, which, arguments in submission.storing_calls() if name == "write" and "paloma-spool 1" in arguments)
    run = submission.inject("trace=write", f"inject=write:retval=0:when={which}")
    assert run.returncode == 75
    submission.expect_nothing()


def test_a_disk_that_is_full(tmp_path):
    """Not injected: the real thing, on a file system of one MiB."""
    script = f"mount -t tmpfs -o size=1M,mode=700 none {tmp_path} && exec {sys.executable} {HERE}/test_spool_crash.py {tmp_path}"
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    if os.geteuid() != 0 or subprocess.run([*words[:-1], f"mount -t tmpfs none {tmp_path}"], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    run = subprocess.run(words, capture_output=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr


def fill(folder):
    """Mails of 50 KB until no more fit: each that was acknowledged is there, and nothing else."""
    submission = Submission(pathlib.Path(folder), "small")
    submission.body = TOKEN + b"\n" + b"0123456789abcdef\n" * 3000
    acknowledged = 0
    while (run := submission.run([])).returncode == 0:
        acknowledged += 1
    assert run.returncode == 75 and b"room" in run.stderr, run
    # ... nor when the look at the room was too hopeful
    submission.body = b"0123456789abcdef\n" * 100
    while (run := submission.run([])).returncode == 0:
        acknowledged += 1
    assert run.returncode == 75, run
    queued, left = spool_reader.read_queue(submission.spool)
    assert len(queued) == acknowledged and acknowledged > 10 and not left


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
@only_plainly
def test_power_cut_after_each_acknowledgement(tmp_path, kind):
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    if not shutil.which(f"mkfs.{kind}"):
        pytest.skip(f"mkfs.{kind} is missing")
    run = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, str(HERE / "power_cut.py"), kind, str(tmp_path), PALOMA,
                          os.environ.get("PALOMA_POWER_CUTS", "50")], capture_output=True, text=True, timeout=600,
                         env={**clean_environment(tmp_path), "PALOMA_QUEUE": "auto"})
    if run.returncode == 77 or "Operation not permitted" in run.stderr:
        pytest.skip("no loop device can be had: " + (run.stdout + run.stderr).strip())
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith(f"{os.environ.get('PALOMA_POWER_CUTS', '50')} acknowledged, 0 lost\n")


if __name__ == "__main__":
    fill(sys.argv[1])
