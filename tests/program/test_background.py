"""A runner in the background, and whoever starts it: sendmail -odb."""
import fcntl
import os
import pty
import shutil
import signal
import socket
import subprocess
import termios
import threading

import pytest

import machine as machines
from conftest import PALOMA
from queues import PATIENCE, replace, wait_until

MAIL = b"Subject: x\n\ny\n"
UNDER_STRACE = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}  # which does not work when traced
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


@pytest.fixture
def server(sink):
    """Says nothing until it may go on."""
    may_go_on = threading.Event()
    server = sink(begin=lambda session: may_go_on.wait(PATIENCE))
    server.may_go_on = may_go_on
    yield server
    may_go_on.set()


@pytest.fixture
def mine(queue, server):
    return queue(relay=server.url)


def sendmail(mine, **rest):
    return mine.run("sendmail", "-odb", "-f", "ann@test.example", "bob@example.net", input=MAIL, **rest)


def test_the_runner_keeps_nothing_of_its_starter(mine, server, tmp_path):
    """Whoever reads what the starter prints, or what somebody before it has left open, sees the end."""
    read, write = os.pipe()
    folder = tmp_path / "somewhere"
    folder.mkdir()
    result = sendmail(mine, pass_fds=[write], cwd=folder)
    os.close(write)
    assert result.returncode == 0 and result.stdout + result.stderr == b""
    assert os.read(read, 1) == b""
    os.close(read)
    server.wait(lambda _: server.sessions == 1)
    runner = mine.runner()
    assert os.getsid(runner) != os.getsid(0) and os.readlink(f"/proc/{runner}/cwd") == "/"
    assert {os.readlink(f"/proc/{runner}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    server.may_go_on.set()
    server.wait_mails(1)
    mine.wait_runner_ends()


@needs_strace
def test_the_runner_begins_when_its_starter_has_ended(mine, server, tmp_path):
    """Or it would take the processor and the disk from him, for whom somebody waits. The starter, who is slow to come back
    from the fork, waits for nobody in turn."""
    server.may_go_on.set()
    trace = tmp_path / "trace"
    forks = "clone,?fork,?vfork,clone3"
    strace = ["strace", "-f", "-qq", "-o", trace, f"-etrace={forks},inotify_init1,exit_group,wait4", f"-einject={forks}:delay_exit=100000"]
    assert sendmail(mine, env=UNDER_STRACE, under=strace).returncode == 0
    calls = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
    starter = calls[0][0]
    end = next(number for number, (pid, call) in enumerate(calls) if pid == starter and call.startswith("exit_group("))
    begin = next(number for number, (pid, call) in enumerate(calls) if call.startswith("inotify_init1("))
    assert end < begin
    assert not [call for pid, call in calls if pid == starter and call.startswith("wait4(")]
    assert len(server.mails) == 1


def test_a_starter_that_hangs_holds_up_no_mail(mine, server):
    """Nobody reads what it has to say."""
    server.may_go_on.set()
    read, write = os.pipe()
    os.set_blocking(write, False)
    with pytest.raises(BlockingIOError):
        while os.write(write, b"x" * 4096):
            pass
    os.set_blocking(write, True)
    starter = subprocess.Popen([PALOMA, "send", "--background", "-C", mine.conf, "-r", "ann@test.example", "--body", "x", "bob@example.net"],
                               stdout=write, env=mine.environment)
    os.close(write)
    server.wait_mails(1)
    assert starter.poll() is None
    with open(read, "rb") as file:
        assert file.read().lstrip(b"x").startswith(b"Queued as ")
    assert starter.wait(PATIENCE) == 0


@needs_strace
def test_a_runner_begins_at_once_for_who_waits_for_it(queue, sink, tmp_path):
    """Each would wait for the other: it asks for the end of nobody."""
    server, trace = sink(), tmp_path / "trace"
    q = queue(relay=server.url)
    q.put("bob@example.net")
    result = q.run("sendmail", "-qf", env=UNDER_STRACE, under=["strace", "-f", "-o", trace, "-e", "trace=flock,pidfd_open"])
    assert result.returncode == 0 and len(server.mails) == 1 and q.files() == [], result
    text = trace.read_text()
    assert "flock(" in text and "pidfd_open(" not in text, text


@needs_strace
@pytest.mark.parametrize("end", ["its leader ends", "it is interrupted"])
def test_a_terminal_takes_no_runner_along(mine, server, tmp_path, end):
    """The starter ends before the runner, which is slow here, has left the session."""
    server.may_go_on.set()
    master, slave = pty.openpty()
    trace = tmp_path / "trace"
    words = ["strace", "-DDD", "-f", "-qq", "-o", trace, "-e", "trace=setsid", "-e", "inject=setsid:delay_enter=300000",
             PALOMA, "sendmail", "-odb", "-f", "ann@test.example", "bob@example.net"]
    starter = subprocess.Popen(words, stdin=subprocess.PIPE, env={**mine.environment, **UNDER_STRACE}, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0) if end == "its leader ends" else None)
    starter.communicate(MAIL, PATIENCE)
    assert starter.returncode == 0
    if end == "it is interrupted":
        # as Ctrl-C does it; nobody is left when the runner has gone away already
        try:
            os.killpg(starter.pid, signal.SIGINT)
        except ProcessLookupError:
            pass
    server.wait_mails(1)
    os.close(slave)
    os.close(master)


@needs_strace
def test_a_mail_that_goes_while_the_queue_is_listed_is_none(queue, tmp_path):
    q = queue(relay="smtp://127.0.0.1:1")
    id, trace, log = q.put("bob@example.net"), tmp_path / "trace", tmp_path / "log"
    q.run("mailq", env=UNDER_STRACE, under=["strace", "-o", trace, "-e", "trace=openat"])
    opened = [line for line in trace.read_text().splitlines() if line.startswith("openat(")]
    before = next(at for at, line in enumerate(opened) if f'"{id}"' in line)
    words = ["strace", "-D", "-o", log, "-e", "trace=openat", "-e", f"inject=openat:signal=STOP:when={before}", PALOMA, "mailq"]
    listing = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**q.environment, **UNDER_STRACE})
    wait_until(lambda: log.exists() and "stopped by SIGSTOP" in log.read_text())
    (q.spool / "queue" / id).unlink()
    os.kill(listing.pid, signal.SIGCONT)
    assert listing.communicate(timeout=PATIENCE) == (b"Mail queue is empty\n", b"") and listing.returncode == 0


def test_only_who_is_waited_for_is_short_of_time(queue):
    """attempt_timeout ends what somebody waits for; a worker leaves a server the time of each reply."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        q = queue(relay=f"smtp://127.0.0.1:{silent.getsockname()[1]}", timeout=2, attempt_timeout=1, retry_first="1h")
        assert b"Timed out after 1 seconds" in q.send("bob@example.net").stderr
        q.send("--background", "carol@example.net")
        wait_until(lambda: "to=<carol@example.net>" in q.log_text())
        [line] = [line for line in q.log_text().splitlines() if "to=<carol@example.net>" in line]
        assert "Timed out after 2 seconds" in line
        q.do("remove", "--all")
        q.wait_runner_ends()


@pytest.mark.parametrize("named", [True, False], ids=["by --config", "at its place"])
def test_a_runner_reads_a_configuration_that_was_mended(queue, sink, named):
    """Nobody knows of it, and it stays for as long as the mail cannot go the old way."""
    relay = sink()
    q = queue(relay="smtp://127.0.0.1:1", retry_first="1h")
    words = ("-C", q.conf) if named else ()
    q.run("send", *words, "-r", "ann@example.org", "--background", "--body", "x", "bob@example.net")
    wait_until(lambda: q.log_text().count("status=deferred") == 1)
    (id,) = q.files()
    q.wait_put_off(id)
    runner = q.runner()
    replace(q.conf, q.conf.read_text() + "relaay = x\n")
    os.utime(q.spool / "queue" / id)  # it is due
    wait_until(lambda: "The configuration stays as it was:" in q.log_text() and q.log_text().count("status=deferred") == 2)
    q.wait_put_off(id)
    assert q.runner() == runner
    q.configure({"relay": relay.url, "retry_first": "1h"})
    q.run("queue", "flush")
    (mail,) = relay.wait_mails(1)
    assert mail.recipients == ["bob@example.net"] and "The configuration has been read again." in q.log_text()
    q.wait_runner_ends()
    assert q.log_text().count("The configuration stays as it was:") == 1


@pytest.mark.parametrize("named", [True, False], ids=["by --config", "at its place"])
def test_a_configuration_that_is_gone_for_a_moment_stays_in_force(queue, sink, named):
    """As while an editor saves it; by its absence all would go by the defaults, to another spool and by another way."""
    answers = ["450 4.2.0 later"]
    relay = sink(lambda session, line: next(iter(answers), None) if line.startswith("MAIL") else None)
    q = queue(relay=relay.url, retry_first="1h")
    q.run("send", *(("-C", q.conf) if named else ()), "-r", "ann@example.org", "--background", "--body", "x", "bob@example.net")
    wait_until(lambda: q.log_text().count("status=deferred") == 1)
    (id,) = q.files()
    q.wait_put_off(id)
    runner, away = q.runner(), q.conf.with_name("away")
    q.conf.rename(away)
    os.utime(q.spool / "queue" / id)  # it is due
    wait_until(lambda: q.log_text().count("status=deferred") == 2)
    q.wait_put_off(id)
    why = "does not exist." if named else "has been read before and is gone; a restart would do without it."
    assert q.log_text().count(f": The configuration stays as it was: The configuration {q.conf} {why}\n") == 1
    assert q.runner() == runner
    answers.clear()
    away.rename(q.conf)
    q.run("queue", "flush")
    relay.wait_mails(1)
    q.wait_runner_ends()
    assert "The configuration has been read again." in q.log_text()


@pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")
def test_the_log_tells_who_held_a_mail_and_who_released_it():
    """With the spool root becomes its owner; it was root all the same."""
    machine = machines.Machine()
    try:
        service = machine.serve("relay = smtp://127.0.0.1:1\nretry_first = 3600\n")
        assert machine.by_service(service, "bob@example.net", input=b"x\n").returncode == 0
        held = machine.run(PALOMA, "queue", "hold", "--all", user="ann", PALOMA_QUEUE="auto", PALOMA_SUBMIT_SOCKET=str(service.submit))
        assert held.returncode == 0 and held.stdout == b"1 message held.\n", held
        service.logged(r": held by uid 7001\n")
        for action, past in ("release", "released"), ("requeue", "requeued"), ("remove", "removed"):
            assert machine.run(PALOMA, "queue", "-C", service.conf, action, "--all", PALOMA_LOG=str(service.log)).returncode == 0
            service.logged(rf": {past} by uid 0\n")
    finally:
        machine.clear()
