"""A mistake in the configuration loses no mail, and sends none that it should not."""
import os
import pathlib
import re

import pytest
from sessions import ANN, BOB, Session

MAIL = b"Subject: x\n\ny\n"
MISTAKES = {
    "a key that is none": "relais = smtp://a.example\n", "a line that is none": "rubbish\n", "a value that is none": "timeout = soon\n",
    "a section that is none": "[rout x]\nvia = mx\n", "a relay without url": "[relay work]\nfrom = x@example.org\n", "a NUL": "x = a\0b\n",
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
@pytest.mark.parametrize("words", [("sendmail", "-f", ANN), ("sendmail", "-odi", "-f", ANN), ("send", "-r", ANN)], ids=" ".join)
def test_a_mistake_in_the_configuration_loses_no_mail(queue, sink, mistake, words):
    server = sink()
    q = queue(relay=server.url)
    good = q.conf.read_text()
    q.conf.write_text(good + mistake)
    result = q.run(*words, BOB, input=MAIL)
    assert result.returncode == 0 and len(q.files()) == 1, result.stderr
    line = good.count("\n") + mistake.count("\n")
    assert f"paloma: warning: {q.conf}:{line}: " in result.stderr.decode() and result.stderr.count(b"The mail is kept") == result.stderr.count(b"\n") == 1
    assert f"{q.conf}:" in q.log_text()
    assert server.sessions == 0 and q.runner() is None
    assert b"bob@example.net" in q.run("mailq").stdout
    q.conf.write_text(good)
    assert q.run("-qf").returncode == 0 and q.files() == []
    assert len(server.mails) == 1 and server.mails[0].recipients == [BOB]


def test_who_waits_is_not_told_that_a_mail_that_is_kept_has_been_delivered(queue, sink):
    server = sink()
    q = queue(relay=server.url, timeout="soon")
    result = q.run("send", "--wait", "-r", ANN, BOB, input=MAIL)
    assert result.returncode == 75 and b"The mail is kept" in result.stderr and len(q.files()) == 1 and server.sessions == 0


def test_a_mistake_never_sends_in_clear_what_was_to_be_secret(queue, sink):
    server = sink()
    q = queue(relay=server.url, tls="requird")
    assert q.run("sendmail", "-odi", "-f", ANN, BOB, input=MAIL).returncode == 0
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    assert "queued as" in session.mail(BOB)
    session.say("QUIT")
    status, errors = session.end()
    assert status == 0 and b"The mail is kept" in errors and len(q.files()) == 2 and server.sessions == 0


def test_a_mistake_and_nowhere_to_keep_mail(queue, tmp_path):
    q = queue(queue="never", relais="x")
    result = q.run("sendmail", BOB, input=MAIL)
    assert result.returncode == 78 and result.stderr.count(b"There is no key relais") == 1 and b"kept" not in result.stderr
    result = queue(relais="x").run("send", "--no-queue", "-r", ANN, BOB, input=MAIL)
    assert result.returncode == 78 and b"There is no key relais" in result.stderr and b"kept" not in result.stderr
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    assert re.match(r"[45]\d\d [45]\.3\.5 ", session.mail(BOB))
    session.say("QUIT")
    assert session.end()[0] == 0
    # what the caller says himself is his mistake, and he is there to mend it
    q = queue(relais="x")
    assert q.run("send", "-C", q.conf, "-r", ANN, BOB, input=MAIL).returncode == 78
    assert q.run("send", "--print", "-r", ANN, BOB, input=MAIL).returncode == 78 and q.files() == []


def test_a_configuration_of_another_user_is_not_believed_and_the_mail_is_kept(queue):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    q = queue(relay="smtp://127.0.0.1:1")
    os.chown(q.conf, 65534, 65534)
    state = pathlib.Path(q.environment["HOME"]) / ".local" / "state"
    result = q.run("sendmail", "-f", ANN, BOB, input=MAIL)
    assert result.returncode == 0 and b"warning" in result.stderr
    assert len(list((state / "paloma" / "queue").iterdir())) == 1 and not q.spool.exists()
