"""sendmail called by those who mean harm, and in the states that a careless caller leaves behind."""
import os
import resource
import signal
import subprocess
import sys

import pytest
from box import Box, needs_boxes
from conftest import PALOMA
from sessions import ANN, BOB, entries

MAIL = b"Subject: x\n\ny\n"
HEADER = b"To: bob@example.net\nSubject: <?php system($_GET[1]); ?>\n\n<?php system($_GET[1]); ?>\n"


@pytest.fixture
def q(queue):
    return queue(relay="smtp://127.0.0.1:1", retry_first=3600, host_name="test.example", aliases="")


# ---- the fifth parameter of PHP's mail(), behind "-t -i" ----


@pytest.mark.parametrize("words", [
    ("-X{}/shell.php",), ("-X", "{}/shell.php"), ("-OQueueDirectory={}", "-X{}/shell.php"), ("-oQ{}/",), ("-oQ", "{}/"), ("-O", "QueueDirectory={}"),
    ("-OPidFile={}/shell.php",), ("-ODeadLetterDrop={}/shell.php",), ("-D{}/shell.php",), ("-d0-99.100", "-D", "{}/shell.php"),
    ("-C{}/secret",), ("-C", "{}/secret"), ("-be", "${{run{{/bin/touch {}/shell.php}}}}"), ("-be",), ("-bem{}/secret",), ("-bF", "{}/secret"),
    ("-oA{}/secret",), ("-OAliasFile={}/secret",), ("-OForwardPath={}/secret",), ("--relay=smtp://evil.example",), ("--config={}/secret",),
    ("-oi", "-f", "x@x.example -X{}/shell.php -OQueueDirectory={}"), ("-fx@x.example\" -oQ{}/ -X{}/shell.php \"",), ("-f", "x -be ${{run{{touch {}/shell.php}}}}"),
], ids=" ".join)
def test_no_parameter_writes_reads_or_runs(q, tmp_path, words):
    (tmp_path / "secret").write_text("[paloma]\npassword_command = touch " + str(tmp_path / "shell.php") + "\nverysecret: |/bin/sh\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    result = q.run("sendmail", "-t", "-i", *(word.format(*[tmp_path] * 3) for word in words), input=HEADER)
    assert result.returncode in (64, 65) and result.stderr.startswith(b"paloma: ") and b"verysecret" not in result.stderr
    assert q.files() == [] and sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("word", ["-C{}", "-C {}"])
@pytest.mark.parametrize("mode", [(), ("-bs",), ("-bd",), ("-bD",), ("-bp",), ("-bi",), ("-bC",), ("-bv", "root"), ("-q",)], ids=" ".join)
def test_no_mode_takes_a_configuration(q, tmp_path, mode, word):
    (tmp_path / "secret").write_text(f"[paloma]\nrelay = smtp://x@127.0.0.1:1\npassword_command = touch {tmp_path}/ran\nqueue = never\n")
    config = word.format(tmp_path / "secret").split()
    for words in ((*mode, *config), (*config, *mode)):
        result = q.run("sendmail", *words, input=MAIL)
        assert result.returncode == 64 and result.stdout == b"" and b"--config" in result.stderr, result
    assert not (tmp_path / "ran").exists() and q.files() == []


LINES = ("x@x.example\nBcc: evil@example.net", "x@x.example\r\nRCPT TO:<evil@example.net>", "x@x.example>\r\nDATA", "x\rX-Evil: 1", "x\x1b[2Jx", "x\x7f")


@pytest.mark.parametrize("option", ["-f", "-r", "-F", "-N", "-R", "-V", "-B", "-L", "-h", "-p"])
@pytest.mark.parametrize("value", LINES, ids=range(len(LINES)))
def test_what_has_a_line_break_in_it_is_refused_wherever_it_stands(q, option, value):
    for words in ((option, value), (option + value,)):
        result = q.run("sendmail", *words, BOB, input=MAIL)
        assert result.returncode == 65 and result.stderr.count(b"\n") == 1 and q.files() == [], result
        assert b"\x1b" not in result.stderr and b"\r" not in result.stderr


@pytest.mark.parametrize("value", LINES, ids=range(len(LINES)))
def test_a_recipient_with_a_line_break_is_refused(q, value):
    for words in ((value,), ("--", value), (BOB, value)):
        result = q.run("sendmail", "-f", ANN, *words, input=MAIL)
        assert result.returncode == 65 and result.stderr.count(b"\n") == 1 and q.files() == [], result


@pytest.mark.parametrize("operand", ["|touch {}/shell.php", "/{}/file", ":include:{}/secret", "\"|touch {}/shell.php\"", "-X{}/shell.php", "-", "--", "~root"])
def test_an_operand_is_an_address_and_nothing_else(q, tmp_path, operand):
    (tmp_path / "secret").write_text("evil@example.net\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    result = q.run("sendmail", "-odq", "-f", ANN, "--", operand.format(tmp_path), input=MAIL)
    if result.returncode == 0:
        address, = q.list()[0]["recipients"]
        assert address["address"].endswith("@test.example")
    else:
        assert result.returncode in (64, 65) and q.files() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == before and not any("evil" in text for text in entries(q))


@pytest.mark.parametrize("words", [
    ("x" * 65536,), ("x" * 65536 + "@example.net",), ("x@" + "y" * 65536,), ("(" * 65536,), ("<" * 65536,), ("\"" + "\\" * 65535,), ("a:" * 32768,), ("," * 65536,),
    ("-f", "x" * 65536, BOB), ("-F", "x" * 65536, BOB), ("-F", "ö" * 30000, BOB), ("-V", "x" * 65536, BOB), ("-N", "success," * 8000, BOB), ("-L", "x" * 65536, BOB),
    ("-O" + "x" * 65536, BOB), ("-o" + "z" * 65536, BOB), ("-b" + "s" * 65536,), ("-q" + "1" * 65536,), ("-qR" + "x" * 65536,), ("-" + "i" * 65536, BOB), ("-" * 65536,),
], ids=lambda words: " ".join(words)[:12])
def test_words_of_64_kib(q, words):
    result = q.run("sendmail", *words, "-odq", input=MAIL)
    assert result.returncode in (0, 64, 65), result.stderr[:300]
    assert len(result.stderr) < 4096 and (result.returncode == 0) == (result.stderr == b"" or b"warning" in result.stderr)
    assert len(q.files()) == (result.returncode == 0 and not any(word.startswith("-q") for word in words))


def test_ten_thousand_recipients(q):
    addresses = [f"user{number}@host{number % 7}.example" for number in range(10000)]
    for words, text in ((addresses, MAIL), ([",".join(addresses[:3000]), *addresses[3000:]], MAIL), (["-t"], b"Bcc: " + ",\n\t".join(addresses).encode() + b"\n" + MAIL)):
        assert q.run("sendmail", "-odq", "-f", ANN, *words, input=text).returncode == 0
        text = entries(q)[-1]
        assert text.count("\nto: ") == 10000 and "Bcc" not in text and len(text) < 1000000


def test_a_header_without_an_end(q):
    for text in (b"X: " + b"y" * (5 << 20) + b"\n\nz\n", b"X: y\n" * (1 << 20) + b"\nz\n", b"X: y\n" + b" \n" * (3 << 20)):
        result = q.run("sendmail", "-f", ANN, BOB, input=text)
        assert result.returncode == 65 and result.stderr.count(b"\n") == 1 and q.files() == []


# ---- states ----


def stored(q):
    return len(q.files())


CLOSED = [fds for number in range(8) if (fds := [fd for fd in range(3) if number >> fd & 1])]


@pytest.mark.parametrize("fds", CLOSED, ids=str)
@pytest.mark.parametrize("words", [("sendmail", "-f", ANN, BOB), ("-v", "-f", ANN, BOB), ("-bs",)], ids=" ".join)
def test_closed_descriptors(q, words, fds):
    with open(os.devnull if 0 in fds else "/dev/zero", "rb"):
        result = q.run(*words, input=MAIL, preexec_fn=lambda: [os.close(fd) for fd in fds])
    if 0 in fds and words[0] != "-bs":
        assert result.returncode == 74 and stored(q) == 0
    elif words[0] == "-bs":
        assert result.returncode == 0 and stored(q) == 0
    else:
        assert result.returncode == 0 and stored(q) == 1
        assert entries(q)[0].count("Subject: x") == 1 and "paloma: " not in entries(q)[0]


LIMITS = {
    "no file may grow": (resource.RLIMIT_FSIZE, 0), "a file of 100 octets": (resource.RLIMIT_FSIZE, 100), "4 descriptors": (resource.RLIMIT_NOFILE, 4),
    "6 descriptors": (resource.RLIMIT_NOFILE, 6), "8 descriptors": (resource.RLIMIT_NOFILE, 8), "16 descriptors": (resource.RLIMIT_NOFILE, 16),
    "32 MiB": (resource.RLIMIT_AS, 32 << 20), "8 MiB": (resource.RLIMIT_AS, 8 << 20), "no core": (resource.RLIMIT_CORE, 0), "a stack of 64 KiB": (resource.RLIMIT_STACK, 1 << 16),
    "no locked memory": (resource.RLIMIT_MEMLOCK, 0), "one second": (resource.RLIMIT_CPU, 1), "no processes": (resource.RLIMIT_NPROC, 0),
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS.keys())
@pytest.mark.parametrize("mode", ["-odq", "-odb"])
def test_tiny_limits(q, limit, mode):
    """Exit status 0 and a whole mail, or another one and none."""
    from queues import is_sanitized
    if is_sanitized() and limit[0] in (resource.RLIMIT_AS, resource.RLIMIT_STACK):
        pytest.skip("the sanitizer needs its room")
    kind, value = limit
    result = q.run("sendmail", mode, "-f", ANN, BOB, input=b"Subject: x\n\n" + b"line\n" * 20000, preexec_fn=lambda: resource.setrlimit(kind, (value, value)))
    if result.returncode == 0:
        assert stored(q) == 1 and entries(q)[0].count("line\r\n") == 20000
    else:
        assert result.returncode in (71, 74, 75, 127, -9, -11), result
        assert [row for row in q.list()] == []


def ignore(*signals):
    return lambda: [signal.signal(number, signal.SIG_IGN) for number in signals]


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


STATES = {
    "ignored children": ignore(signal.SIGCHLD), "ignored pipes": ignore(signal.SIGPIPE), "everything ignored": ignore(*(set(range(1, 32)) - {9, 19})),
    "everything blocked": block_all, "umask 0777": lambda: os.umask(0o777), "umask 0": lambda: os.umask(0), "a session of its own": os.setsid,
    "nice": lambda: os.nice(19), "a terminal's group": os.setpgrp,
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_what_a_caller_leaves_behind(queue, sink, state):
    server = sink()
    q = queue(relay=server.url)
    result = q.run("sendmail", "-f", ANN, BOB, input=MAIL, preexec_fn=state)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    server.wait_mails(1)
    q.wait_runner_ends()
    assert q.files() == [] and (q.spool / "queue").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_gone(q, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os, sys; os.rmdir({str(gone)!r}); os.execv({PALOMA!r}, ['sendmail', '-odb', '-f', {ANN!r}, {BOB!r}])"
    result = subprocess.run([sys.executable, "-c", code], cwd=gone, env=q.environment, input=MAIL, capture_output=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, b"") and stored(q) == 1


@pytest.mark.parametrize("name,value", [
    ("HOME", ""), ("HOME", "relative"), ("HOME", "/nonexistent"), ("HOME", "x" * 100000), ("XDG_STATE_HOME", "relative"), ("TZ", ":/etc/shadow"), ("TZ", "x" * 100000),
    ("LANG", "x" * 100000), ("LC_ALL", "../../../../tmp/x"), ("SOURCE_DATE_EPOCH", "1"), ("IFS", "/"), ("PATH", ""), ("MALLOC_PERTURB_", "165"), ("NOTIFY_SOCKET", "/nonexistent/x"),
    ("LISTEN_FDS", "5"), ("EMAIL", "x\nBcc: evil@example.net"), ("USER", "root\nX: y"), ("LOGNAME", "x" * 100000), ("NAME", "x\nX: y"), ("PALOMA_SPOOOL", "/tmp"),
    ("TMPDIR", "/nonexistent"), ("OPENSSL_CONF", "/nonexistent"), ("RES_OPTIONS", "debug " * 10000), ("LOCALDOMAIN", "evil.example"), ("HOSTALIASES", "/etc/shadow"),
], ids=lambda word: word[:16])
def test_environments(q, name, value):
    result = q.run("sendmail", "-odb", "-f", ANN, BOB, input=MAIL, env={name: value})
    assert (result.returncode, result.stderr) == (0, b"") and stored(q) == 1
    assert "evil" not in entries(q)[0] and "\nX: y" not in entries(q)[0]


def test_an_environment_of_a_megabyte(q):
    result = q.run("sendmail", "-odb", "-f", ANN, BOB, input=MAIL, env={f"NAME_{number}": "x" * 1000 for number in range(1000)})
    assert (result.returncode, result.stderr) == (0, b"") and stored(q) == 1


@needs_boxes
@pytest.mark.parametrize("uid", [None, 12345, 54321], ids=["root", "a user", "a user without a name"])
def test_no_environment_at_all(tmp_path, home, uid):
    """execve with an empty list; mail is where it belongs to all the same, or it is told that it cannot be kept."""
    if uid and os.geteuid() != 0:
        pytest.skip("only root can be several users")
    to = "bob@[127.0.0.1]"  # nobody else is asked of a host, and none is connected to
    code = f"import os; os.execve({PALOMA!r}, ['sendmail', '-odq', '-f', {ANN!r}, {to!r}], {{}})"
    result = Box(tmp_path, home).run("/usr/bin/python3", "-c", code, input=MAIL, uid=uid, after="find var/spool/paloma home -name '[0-9A-V]*' -type f | wc -l; ls -laR var/spool home >&2")
    if uid is None:
        assert (result.returncode, result.stdout) == (0, b"1\n"), result
    else:  # without HOME there is no place for it, and the way is tried at once
        assert result.returncode not in (0, 64, 78) and result.stdout == b"0\n" and result.stderr.startswith(b"paloma: ") and to.encode() in result.stderr, result
