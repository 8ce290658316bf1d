"""What a caller leaves behind for the programs it starts: signals that are ignored, and limits."""
import resource
import signal
import subprocess

import certificates
import machine as machines
import pytest
from conftest import PALOMA, clean_environment
from queues import is_sanitized
from service import until

MAIL = b"Subject: x\n\nx\n"
SESSION = b"EHLO x\r\nMAIL FROM:<ann@test.example>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n" + MAIL.replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n"
needs_small_frames = pytest.mark.skipif(is_sanitized(), reason="the sanitizers' frames are larger")


def run(home, *words, prepare, input=b""):
    return subprocess.run([PALOMA, *map(str, words)], input=input, capture_output=True, timeout=120, env=clean_environment(home),
                          preexec_fn=prepare)


def test_a_password_command_that_fails_is_seen_to_fail(home):
    # whoever ignores SIGCHLD is not told how its children ended, and a password of "wrong" would be tried
    result = run(home, "send", "--relay", "smtps://ann@127.0.0.1:1", "--password-command", "echo wrong; exit 3", "-r", "ann@example.org",
                 "--body", "x", "bob@example.net", prepare=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert result.returncode in (69, 75) and b"failed with exit status 3" in result.stderr


def test_a_file_that_may_not_grow_is_no_death(home, catcher, tmp_path):
    server = catcher()
    result = run(home, "send", "--relay", server.url, "-r", "ann@example.org", "--body", "x", "--transcript", tmp_path / "transcript",
                 "bob@example.net", prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert result.returncode == 0 and b"File too large" in result.stderr
    assert "to=<bob@example.net>" in server.caught()


def alarm_is_pending():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while signal.SIGALRM not in signal.sigpending():
        pass


def test_a_timer_of_the_caller_harms_nobody(home):
    result = run(home, "send", "--relay", "smtps://ann@127.0.0.1:1", "--password-command", "grep ^SigIgn /proc/$PPID/status >&2; exit 3",
                 "-r", "ann@example.org", "--body", "x", "bob@example.net", prepare=alarm_is_pending)
    assert b"failed with exit status 3" in result.stderr
    ignored = result.stderr.split(b"SigIgn:\t")[1].split()[0]
    assert int(ignored, 16) >> (signal.SIGALRM - 1) & 1


def stack(kib, most_kib=None):
    return "prlimit", f"--stack={kib * 1024}:{(most_kib or kib) * 1024}"


@needs_small_frames
@pytest.mark.parametrize("limits", [(64,), (32, 8192)], ids=["hard", "soft"])
@pytest.mark.parametrize("words,text", [(("send", "--background", "-r", "ann@test.example", "--body", "x", "bob@example.net"), b""),
                                        (("sendmail", "-f", "ann@test.example", "bob@example.net"), MAIL), (("sendmail", "-bs"), SESSION)],
                         ids=["send", "sendmail", "-bs"])
def test_with_a_small_stack_a_mail_is_taken_and_goes_out(queue, sink, words, text, limits):
    server = sink()
    q = queue(relay=server.url)
    result = q.run(*words, input=text, under=stack(*limits))
    assert (result.returncode, result.stderr) == (0, b""), result
    server.wait_mails(1)
    q.wait_runner_ends()
    assert q.files() == []


@needs_small_frames
def test_with_a_small_stack_a_mail_goes_out_under_tls(queue, catcher, watchdog, tmp_path):
    certificates.make_all(tmp_path)
    server = catcher("--tls-cert", tmp_path / "good.pem")
    q = queue(relay=f"smtp://localhost:{server.port}", tls="verify", tls_ca=tmp_path / "ca.pem")
    result = q.send("--background", "bob@example.net", under=stack(64))
    assert (result.returncode, result.stderr) == (0, b""), result
    assert "tls=TLSv1.3" in server.caught()
    assert q.send("bob@example.net", under=stack(64)).returncode == 0 and "tls=TLSv1.3" in server.caught()
    q.wait_runner_ends()
    assert q.files() == []


@needs_small_frames
@pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")
@pytest.mark.parametrize("mode", ["-odb", "-odi"])
def test_with_a_small_stack_a_mailbox_is_written(machine, mode):
    spool = machine.folder / "spool"
    result = machine.run(*stack(64), PALOMA, "sendmail", mode, "ann", input=MAIL, PALOMA_QUEUE="auto", PALOMA_SPOOL=str(spool))
    assert (result.returncode, result.stderr) == (0, b""), result
    until(lambda: machine.mails("ann"), "ann's mail")
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)  # the runner has ended
    assert list((spool / "queue").iterdir()) == []


@needs_small_frames
def test_with_a_stack_too_small_for_a_runner_the_mail_is_kept_and_that_is_told(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    result = q.send("--background", "bob@example.net", under=stack(40))
    assert result.returncode == 0 and result.stdout.startswith(b"Queued as ")
    assert b"left of the stack" in result.stderr and b"The mail is kept" in result.stderr and result.stderr.count(b"\n") == 1, result.stderr
    assert len(q.files()) == 1 and q.processes() == [] and "left of the stack" in q.log_text()
    result = q.steer("flush", under=stack(40))
    assert result.returncode == 71 and b"left of the stack" in result.stderr and len(q.files()) == 1, result
    q.flush()
    server.wait_mails(1)
    q.wait_runner_ends()
    assert q.files() == []
