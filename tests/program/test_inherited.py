"""What a caller leaves behind for the programs it starts: signals that are ignored, and limits."""
import resource
import signal
import subprocess

from conftest import PALOMA, clean_environment


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
