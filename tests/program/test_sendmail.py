"""paloma as sendmail(8): modes and letters in the spellings that programs use, and what they are told."""
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import time

import pytest
from conftest import PALOMA, clean_environment
from queues import PATIENCE, wait_until
from sessions import ANN, BOB, entries

MAIL = b"Subject: x\n\ny\n"


@pytest.fixture
def q(queue):
    """A queue whose relay nobody answers at."""
    return queue(relay="smtp://127.0.0.1:1", retry_first=3600, host_name="test.example", aliases="")


# ---- -bv, -bi, -bp, -bP, -bC ----


@pytest.mark.parametrize("words,status,told", [
    ((BOB,), 0, "bob@example.net"), ((BOB, "ann@example.org"), 0, "ann@example.org"), (("Bob <bob@example.net>",), 0, "bob@example.net"),
    (("bad@@example.net",), 65, "bad@@"), ((), 64, "no address"),
])
def test_verifying_sends_nothing(q, words, status, told):
    result = q.run("sendmail", "-bv", *words)
    assert result.returncode == status and told in (result.stdout + result.stderr).decode() and q.files() == []
    assert q.run("-v", *words, "-bv").returncode == status


def test_verifying_tells_what_kind_of_failure_it_will_be(queue):
    q = queue("[route gone.example]\nvia = reject closed for good\n", relay="smtp://127.0.0.1:1")
    result = q.run("-bv", "bob@gone.example")
    assert result.returncode in (67, 68, 69) and "closed for good" in result.stdout.decode()


def test_the_queue_in_every_spelling(q, tmp_path):
    link = tmp_path / "mailq"
    link.symlink_to(PALOMA)
    assert q.run("-bp").stdout == b"Mail queue is empty\n" and q.run("-bP").stdout == b"0\n"
    for _ in range(2):
        q.put(BOB)
    shown = q.run("-bp").stdout
    assert shown.count(b"bob@example.net") == 2
    for words in ("mailq",), ("-v", "-bp"), ("-bp", "-Ac"), ("mailq", "-Am"):
        assert q.run(*words).stdout == shown
    assert subprocess.run([link], env=q.environment, capture_output=True, timeout=60).stdout == shown
    assert q.run("-bP").stdout == b"2\n"


def test_aliases_and_configuration_are_looked_at(q, tmp_path):
    link = tmp_path / "newaliases"
    link.symlink_to(PALOMA)
    for words in ("-bi",), ("-I",), ("newaliases",), ("-v", "-bi"):
        assert (q.run(*words).returncode, q.run(*words).stderr) == (0, b""), words
    assert subprocess.run([link], env=q.environment, timeout=60).returncode == 0
    assert q.run("-bC").returncode == 0 and q.run("-bC").stdout == b""
    q.conf.write_text("[paloma]\nrelais = x\n")
    result = q.run("-bC")
    assert result.returncode == 78 and b"is relay meant?" in result.stderr


# ---- -q ----


def test_a_run_that_is_waited_for_tells_the_worst(queue, sink):
    replies = {"later": "451 4.3.0 later", "never": "550 5.1.1 nobody"}
    server = sink(lambda session, line: next((text for name, text in replies.items() if line.startswith(f"RCPT TO:<{name}")), None))
    q = queue(relay=server.url, retry_first=3600, postmaster="discard")
    yes, later, never = (q.put(f"{name}@example.net") for name in ("yes", "later", "never"))  # --queue starts no runner
    assert q.run("-qf").returncode not in (0, 75)
    assert yes not in q.files() and never not in q.files() and later in q.files()
    for _ in range(2):
        assert q.run("-qf", "-qRlater").returncode == 75  # and not what came of an earlier one
    del replies["later"]
    assert q.run("-qf", "-qRlater", "-qS" + ANN).returncode == 0 and later not in q.files()
    assert q.run("-qf", "-qRlater").returncode == 0


def test_a_run_that_is_waited_for_is_not_undone_by_an_attempt_that_ends(queue, sink):
    """Who has tried a mail when it is flushed may put it off then, for an hour, and the run would never see another attempt."""
    q = queue(relay=sink().url, retry_first=3600)
    path = q.spool / "queue" / q.put(BOB)
    with path.open("ab") as tried:
        fcntl.flock(tried, fcntl.LOCK_EX)
        run = subprocess.Popen([PALOMA, "-qf", "-qRbob"], env=q.environment, stdout=subprocess.DEVNULL)
        wait_until(lambda: path.stat().st_mtime < 1)
        os.utime(path, (time.time() + 3600,) * 2)
    assert run.wait(PATIENCE) == 0 and q.files() == []


def test_all_but_some(queue, sink):
    replies = ["451 4.3.0 later"]
    server = sink(lambda session, line: replies[0] if line.startswith("MAIL") and replies else None)
    q = queue(relay=server.url, retry_first=3600)
    for to in ("x@a.example", "y@b.example", "z@c.example"):
        assert q.send("--wait", to).returncode == 75
    replies.clear()
    assert q.run("-qf", "-q!Rb.example").returncode == 0
    assert sorted(mail.recipients[0] for mail in server.mails) == ["x@a.example", "z@c.example"]
    id, = q.files()
    assert q.run("-qf", "-qI" + id[4:].lower()).returncode == 0 and q.files() == []
    assert q.run("-qIABCDEFG").returncode == 0


@pytest.mark.parametrize("words", [("-q15m",), ("-q1h30m",), ("-Ac", "-q5m"), ("-q",), ("runq",)], ids=" ".join)
def test_a_runner_is_started(queue, sink, words):
    replies = ["451 4.3.0 later"]
    server = sink(lambda session, line: replies[0] if line.startswith("MAIL") and replies else None)
    q = queue(relay=server.url, retry_first=3600)
    q.put(BOB)
    assert q.run("-qf").returncode == 75
    replies.clear()
    assert (q.run(*words).returncode, q.run(*words).stdout) == (0, b"")
    server.wait_mails(1)


# ---- -bd ----


def daemon_environment(service):
    """A configuration of one's own is the only one that sendmail reads besides the system's."""
    folder = service.folder / "config" / "paloma"
    folder.mkdir(parents=True)
    (folder / "paloma.conf").write_text(service.conf.read_text())
    return {**clean_environment(service.home), "PALOMA_QUEUE": "auto", "XDG_CONFIG_HOME": str(folder.parent)}


def listener_pid(path):
    """Who listens at a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        return int.from_bytes(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")


@pytest.mark.parametrize("words", [("-bd", "-q15m"), ("-L", "sm-mta", "-q30m", "-bd"), ("smtpd",)], ids=" ".join)
def test_the_service_detaches_when_it_is_ready(make_service, words):
    service = make_service(begin=False)
    result = subprocess.run([PALOMA, *words], env=daemon_environment(service), capture_output=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    pid = listener_pid(service.submit)
    try:
        assert os.getsid(pid) == pid and os.readlink(f"/proc/{pid}/cwd") == "/" and os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
        service.call().mail()
        again = subprocess.run([PALOMA, "-bd"], env={**clean_environment(service.home), "XDG_CONFIG_HOME": str(service.folder / "config")},
                               capture_output=True, timeout=60)
        assert again.returncode == 69 and b"Another process listens" in again.stderr
    finally:
        gone = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        assert select.select([gone], [], [], 60)[0]
        os.close(gone)


@pytest.mark.parametrize("word", ["-bd", "-bD"])
def test_the_service_stays_where_it_is_watched_or_told_to(make_service, word, tmp_path):
    service = make_service(begin=False)
    environment = daemon_environment(service)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        if word == "-bd":
            environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        process = subprocess.Popen([PALOMA, word, "-q15m"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.readline().startswith(b"listening on ") and process.stdout.readline().startswith(b"listening on ")
        if word == "-bd":
            assert manager.recv(100) == b"READY=1"
        assert listener_pid(service.submit) == process.pid
        process.terminate()
        assert process.communicate(timeout=60)[1] == b"" and process.returncode == 0


# ---- letters ----


def test_what_wishes_cannot_be_kept_is_told_and_the_mail_goes(q):
    result = q.run("-i", "-N", "sometimes", "-R", "some", "-V", "a b", "-B", "9BIT", "-f", ANN, BOB, input=MAIL)
    assert result.returncode == 0 and result.stderr.decode().count("paloma: warning: ") == 4 and len(q.files()) == 1


@pytest.mark.parametrize("words,sender", [
    (("-f", ""), ""), (("-f", "<>"), ""), (("-r", ""), ""), (("-f", "<ann@test.example>"), ANN), (("-fann@test.example",), ANN), (("-r" + ANN,), ANN),
    (("-f", "Ann <ann@test.example>"), ANN), (("-f", "eve@test.example", "-r", ANN), ANN), (("-f", "ann"), ANN), (("-f" + ANN, "-F", "Ann X"), ANN),
    (("-f", '"a b"@test.example'), '"a b"@test.example'), (("-f", "ann@test.example (Ann)"), ANN),
])
def test_the_sender_in_every_spelling(q, words, sender):
    result = q.run("sendmail", "-odq", *words, BOB, input=MAIL)
    assert (result.returncode, result.stderr) == (0, b"") and q.list()[0]["sender"] == sender


@pytest.mark.parametrize("words", [("-i", "-t"), ("-ti",), ("-it",), ("-oi", "-t"), ("-t", "-oi", "-oem"), ("-tioem",), ("-t", "-i", "--", "eve@example.net"),
                                   ("-t", "eve@example.net", "-i"), ("-i", "-t", "-odb", "-oee")], ids=" ".join)
def test_recipients_of_the_header_in_every_spelling(q, words):
    text = b"To: bob@example.net\nBcc: hidden@example.net\nSubject: x\n\na\n.\nb\n"
    result = q.run("sendmail", "-odq", *words, *(("-odq",) if "-odb" in words else ()), input=text)
    assert (result.returncode, result.stderr) == (0, b"")
    wanted = {"bob@example.net", "hidden@example.net"} | {word for word in words if word.startswith("eve")}
    assert {row["address"] for row in q.list()[0]["recipients"]} == wanted
    text, = entries(q)
    assert "\na\r\n.\r\nb\r\n" in text and "Bcc" not in text


@pytest.mark.parametrize("operands,count", [
    (("a@x.example,b@x.example",), 2), (("a@x.example, b@x.example",), 2), (("word <a@x.example>",), 1), (("a@x.example", "--", "b@x.example"), 2),
    (("--", "a@x.example"), 1), (("a@x.example", "-i", "b@x.example"), 2), (("group: a@x.example, b@x.example;",), 2), (("a@x.example", "A@x.example"), 2),
    (("a@x.example", "a@X.EXAMPLE"), 1), (("root",), 1),
])
def test_operands_in_every_spelling(q, operands, count):
    result = q.run("sendmail", "-odq", "-f", ANN, *operands, input=MAIL)
    assert (result.returncode, result.stderr) == (0, b"") and len(q.list()[0]["recipients"]) == count


def test_an_operand_behind_two_dashes_is_an_address_whatever_it_looks_like(q):
    result = q.run("sendmail", "-odq", "-f", ANN, "--", "-X/tmp/x", input=MAIL)
    assert result.returncode == 0 and q.list()[0]["recipients"][0]["address"].startswith("-X/tmp/x@")
    assert q.run("sendmail", "-odq", "-f", ANN, BOB, "-X/tmp/x", input=MAIL).returncode == 64


def test_whose_header_is_not_ours_to_mend(q):
    given = b"X-First: 1\nFrom: Root <root>\nBcc: kept@example.net\n\ny\n"
    result = q.run("sendmail", "-G", "-odq", "-i", "-f", ANN, BOB, input=given)
    assert (result.returncode, result.stderr) == (0, b"")
    text, = entries(q)
    for line in given.decode().split("\n\n")[0].split("\n"):
        assert line + "\r\n" in text
    assert "Message-ID" not in text and "\nDate:" not in text


def test_the_log_speaks_of_the_caller_by_his_tag(q):
    assert q.run("sendmail", "-odq", "-L", "my cron[1]", "-f", ANN, BOB, input=MAIL).returncode == 0
    assert re.search(r" my_cron_1_/pickup\[\d+\]: \w+: uid=", q.log_text())


def test_who_wants_to_see_the_conversation_waits_for_it(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    result = q.run("-v", "-f", ANN, BOB, input=MAIL)
    assert result.returncode == 0 and len(server.mails) == 1 and q.files() == []
    assert "RCPT TO:<bob@example.net>" in (result.stdout + result.stderr).decode()


def test_nobody_to_send_to(q):
    for words, text in ((), MAIL), (("-t",), MAIL), (("-t",), b"To: \nSubject: x\n\ny\n"), (("-i", "-f", ANN), MAIL):
        result = q.run("sendmail", *words, input=text)
        assert result.returncode == 64 and b"recipients" in result.stderr and q.files() == []


def test_names_that_lack_their_quotes_lose_no_mail(q):
    """To: ann@example.org <ann@example.org> is what many a script writes."""
    mail = b"From: shop@test.example <shop@test.example>\nTo: bob@example.net <bob@example.net>, [list] Eve <eve@example.net>\nSubject: s\n\nx\n"
    result = q.run("sendmail", "-t", "-odq", input=mail)
    assert (result.returncode, result.stderr) == (0, b"")
    (message,) = q.list()
    assert message["sender"] == "shop@test.example" and [recipient["address"] for recipient in message["recipients"]] == ["bob@example.net", "eve@example.net"]
