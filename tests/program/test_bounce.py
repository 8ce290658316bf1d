"""What a sender hears of a mail in the queue: bounces, delay warnings, reports of success; and what the log says."""
import contextlib
import email
import email.policy
import email.utils
import fcntl
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from conftest import PALOMA, clean_environment, read_log
from processes import await_end, processes_with

pytestmark = pytest.mark.usefixtures("watchdog")

ANN, BOB, EVE = "ann@example.org", "bob@example.net", "eve@example.net"


class Server:
    """Speaks SMTP or LMTP on loopback. rcpt(address) gives the reply to RCPT, end(recipients) that to the end of data."""

    def __init__(self, extensions=("SIZE",), rcpt=lambda address: "250 2.1.5 ok", end=lambda recipients: "250 2.0.0 taken", lmtp=False):
        self.extensions, self.rcpt, self.end, self.lmtp = extensions, rcpt, end, lmtp
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.commands, self.mails = [], queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rwb") as file:
            try:
                self._talk(file)
            except OSError:
                pass

    def _talk(self, file):
        def say(reply):
            file.write(reply.encode() + b"\r\n")
            file.flush()

        say("220 scripted ESMTP")
        recipients = []
        for raw in file:
            line = raw.decode().rstrip("\r\n")
            word = line.split(" ")[0].split(":")[0].upper()
            self.commands.append(line)
            if word in ("EHLO", "LHLO"):
                say("\r\n".join(["250-scripted", *(f"250-{name}" for name in self.extensions), "250 HELP"]))
            elif word == "RCPT":
                address = line[line.index("<") + 1:line.rindex(">")]
                reply = self.rcpt(address)
                recipients += [address] if reply[0] == "2" else []
                say(reply)
            elif word == "DATA":
                say("354 go")
                message = b"".join(iter(file.readline, b".\r\n"))
                for each in (([one] for one in recipients) if self.lmtp else [recipients]):
                    reply = self.end(each)
                    if reply[0] == "2":
                        self.mails.put((each, message))
                    say(reply)
                recipients = []
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                recipients = [] if word in ("MAIL", "RSET") else recipients
                say("250 ok")

    def lines(self, word):
        return [line for line in self.commands if line.upper().startswith(word)]


class Post:
    """A spool of its own, its log, and a home whose configuration names both. Mail for example.net goes to server, mail for example.org to the catcher."""

    def __init__(self, home, tmp_path, catcher):
        self.home, self.spool, self.log_file = home, tmp_path / "spool", tmp_path / "log"
        self.catcher = catcher
        self.environment = {**clean_environment(home), "PALOMA_QUEUE": "auto", "XDG_STATE_HOME": str(tmp_path / "state")}
        (home / ".config/paloma").mkdir(parents=True)

    def configure(self, server, *lines, org=None):
        port = server.port if isinstance(server, Server) else server
        scheme = "lmtp" if getattr(server, "lmtp", False) else "smtp"
        (self.home / ".config/paloma/paloma.conf").write_text("\n".join([
            "[paloma]", f"spool = {self.spool}", f"log = {self.log_file}", "host_name = web1.example.org", "retry_first = 1", *lines,
            "[route example.net]", f"via = {scheme}://127.0.0.1:{port}", "[route example.org]", f"via = {org or self.catcher.url}", ""]))

    def run(self, *words, input=b"The text.\n", under=(), **rest):
        return subprocess.run([*under, PALOMA, *map(str, words)], input=input, capture_output=True, timeout=100, env=self.environment, **rest)

    def run_killed_at(self, call, number, *words):
        """As run, with a SIGKILL at the numbered call of one kind. True when it came to its end: there were not so many."""
        self.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # it does not work when traced
        result = self.run(*words, input=b"Subject: x\n\ny\n", under=["strace", "-o", "/dev/null", f"-einject={call}:signal=KILL:when={number}"])
        assert result.returncode in (67, -signal.SIGKILL, 128 + signal.SIGKILL), result.stderr
        return result.returncode == 67

    def send(self, *words, sender=ANN, **rest):
        """In the background: nobody waits, so what happens is told by mail."""
        result = self.run("send", "--background", "-r", ANN, "-f", sender, "-s", "Greetings", *words, **rest)
        assert result.returncode == 0, result.stderr
        return result

    def idle(self):
        """Waits until the queue is empty and none runs; one that has just been begun has not got the lock yet."""
        while names := self.queued():
            self.run("queue", "wait", names[0])
        while pids := processes_with("XDG_STATE_HOME", self.environment["XDG_STATE_HOME"]):
            assert all(await_end(pid) for pid in pids), self.log()
        with (self.spool / "runner.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    def queued(self):
        """Messages that were acknowledged, not what a killed writer has left."""
        if not (self.spool / "queue").exists():
            return []
        names = []
        for name in os.listdir(self.spool / "queue"):
            with contextlib.suppress(FileNotFoundError):  # delivered in the meantime
                names += [name] if os.stat(self.spool / "queue" / name).st_mode & 0o100 else []
        return sorted(names)

    def damaged(self):
        folder = self.spool / "damaged"
        return sorted(folder.iterdir()) if folder.exists() else []

    def log(self):
        return read_log(self.log_file)

    def caught(self):
        folder = self.catcher.folder / "new"
        return sorted(folder.iterdir()) if folder.exists() else []

    def report(self):
        """The next mail that the catcher gets, parsed and held to RFC 6522."""
        return Report(self.catcher.raw())


class Report:
    def __init__(self, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        for part in self.message.walk():
            assert not part.defects, part.defects
        assert self.message.get_content_type() == "multipart/report"
        assert self.message.get_param("report-type") == "delivery-status"
        assert self.message["Auto-Submitted"] == "auto-replied" and self.message["MIME-Version"] == "1.0"
        assert self.message["Return-Path"] in ("<>", None)
        self.text_part, self.status_part, self.original = list(self.message.iter_parts())
        self.text = self.text_part.get_content()
        self.about, *self.recipients = self.status_part.get_payload() if self.status_part.get_content_type() == "message/delivery-status" else [None]

    def words(self):
        return " ".join(self.text.split())


@pytest.fixture
def post(home, tmp_path, catcher):
    post = Post(home, tmp_path, catcher())
    yield post
    if (post.spool / "queue").exists():
        for path in (post.spool / "queue").iterdir():  # the queue sees that nothing is left, and ends
            path.unlink(missing_ok=True)
        post.idle()


def refuse(reply="550 5.1.1 No such user here", who=("bob",)):
    return lambda address: reply if address.split("@")[0] in who else "250 2.1.5 ok"


# ---- bounces ----


def test_a_refused_mail_comes_back(post):
    server = Server(rcpt=refuse())
    post.configure(server)
    post.send("--notify", "failure", "--envelope-id", "QQ+31=4", BOB)
    report = post.report()
    assert report.message["To"] == ANN and report.message["From"] == "Mail delivery <MAILER-DAEMON@web1.example.org>"
    assert report.message["Subject"] == "Not delivered: Greetings"
    assert "could not be delivered to this address: bob@example.net 127.0.0.1[127.0.0.1]:" in report.words()
    assert "550 5.1.1 No such user here" in report.words()
    assert report.status_part.get_content_type() == "message/delivery-status"
    assert report.about["Original-Envelope-Id"] == "QQ+31=4" and report.about["Reporting-MTA"] == "dns; web1.example.org"
    [bob] = report.recipients
    assert bob["Original-Recipient"] == "rfc822; bob@example.net" and bob["Final-Recipient"] == "rfc822; bob@example.net"
    assert bob["Action"] == "failed" and bob["Status"] == "5.1.1" and bob["Remote-MTA"] == "dns; [127.0.0.1]"
    assert bob["Diagnostic-Code"] == "smtp; 550 5.1.1 No such user here"
    for date in (report.about["Arrival-Date"], bob["Last-Attempt-Date"]):
        assert email.utils.parsedate_to_datetime(date).tzinfo
    assert report.original.get_content_type() == "message/rfc822"
    [original] = report.original.get_payload()
    assert original["Subject"] == "Greetings" and original.get_content() == "The text.\n"
    assert report.message["In-Reply-To"] == original["Message-ID"]
    post.idle()
    assert post.queued() == [] and len(post.caught()) == 1
    # Nobody else is to report on a report.
    assert "from=<>" in post.log() and "sender non-delivery notification: " in post.log()


def test_reports_of_one_second_are_told_apart_by_time(post):
    """By chance alone two of some thousand would have one id, which is announced before it is taken."""
    post.configure(Server(rcpt=refuse()))
    post.send(BOB)
    post.report()
    id = re.search(r"sender non-delivery notification: (\w{11})", post.log())[1]
    assert int(id, 32) % 1000000 != 0


def test_refused_at_the_end_of_data(post):
    post.configure(Server(end=lambda recipients: "554 5.7.1 Spam,\tperhaps"))
    post.send(BOB)
    report = post.report()
    assert report.recipients[0]["Status"] == "5.7.1" and "in reply to the end of data" in report.words()


def test_several_lines_and_strange_octets_of_a_server_are_one_field(post):
    post.configure(Server(rcpt=lambda address: "550-5.1.1 \x1b[31mNo\r\n550-5.1.1 Action: delivered\r\n550 5.1.1 " + "y" * 1500))
    post.send(BOB)
    report = post.report()
    assert len(report.recipients) == 1 and report.recipients[0]["Action"] == "failed"
    assert report.recipients[0]["Diagnostic-Code"].startswith("smtp; 550 5.1.1 \\x1B[31mNo Action: delivered yyy")
    assert b"\x1b" not in report.raw and max(map(len, report.raw.split(b"\n"))) < 1000


def test_those_refused_are_told_together(post):
    server = Server(rcpt=refuse(who=("bob", "eve")))
    post.configure(server)
    post.send(BOB, EVE, "joe@example.net")
    report = post.report()
    assert [one["Final-Recipient"] for one in report.recipients] == [f"rfc822; {BOB}", f"rfc822; {EVE}"]
    assert "these addresses" in report.text and "joe@" not in report.text
    recipients, _ = server.mails.get()
    assert recipients == ["joe@example.net"]
    post.idle()
    assert len(post.caught()) == 1 and post.queued() == []


@pytest.mark.parametrize("words,octets,expected", [
    ((), 100, "message/rfc822"),
    (("--return", "full"), 100, "message/rfc822"),
    (("--return", "headers"), 100, "text/rfc822-headers"),
    (("--return", "full"), 60 * 1024, "text/rfc822-headers"),
])
def test_what_comes_back(post, words, octets, expected):
    post.configure(Server(rcpt=refuse()))
    post.send(*words, BOB, input=b"The text.\n" * (octets // 10))
    report = post.report()
    assert report.original.get_content_type() == expected
    returned = report.original.get_payload(decode=True) if expected.startswith("text") else report.original.get_payload()[0].as_bytes()
    assert b"Subject: Greetings" in returned
    assert (b"The text." in returned) == (expected == "message/rfc822")


def test_eight_bits_do_not_come_back(post):
    post.configure(Server(extensions=("8BITMIME",), rcpt=refuse()))
    raw = "From: ann@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
          "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode()
    assert post.run("send", "--background", "--raw", "-f", ANN, BOB, input=raw).returncode == 0
    report = post.report()
    assert report.raw.isascii() and report.original.get_content_type() == "text/rfc822-headers"


def test_a_recipient_that_is_not_ascii(post):
    post.configure(Server(extensions=("8BITMIME", "SMTPUTF8"), rcpt=refuse(who=("böb",))))
    post.send("--notify=failure", "böb@example.net")
    report = post.report()
    assert report.raw.isascii() and report.status_part.get_content_type() == "message/delivery-status"
    assert report.recipients[0]["Final-Recipient"] == "utf-8; b\\x{F6}b@example.net"
    assert report.recipients[0]["Original-Recipient"] == "utf-8; b\\x{F6}b@example.net"
    assert report.original.get_content_type() == "message/rfc822" or "global" in report.original.get_content_type()


def test_a_sender_who_is_not_ascii(post):
    post.configure(Server(extensions=("8BITMIME", "SMTPUTF8"), rcpt=refuse(who=("böb",))))
    result = post.run("send", "--background", "-r", "änn@example.org", "-s", "Grüße", "böb@example.net")
    assert result.returncode == 0, result.stderr
    report = Report(post.catcher.raw())
    assert report.status_part.get_content_type() == "message/global-delivery-status"
    assert "Final-Recipient: utf-8; b=C3=B6b@example.net" in report.raw.decode()
    assert report.original.get_content_type() == "message/global-headers"
    assert "To: änn@example.org" in report.raw.decode()


# ---- delays and the end of patience ----


def test_a_delay_is_told_once(post):
    tries = []

    def rcpt(address):
        tries.append(address)
        return "450 4.2.0 Greylisted" if len(tries) < 4 else "250 2.1.5 ok"

    server = Server(rcpt=rcpt)
    post.configure(server, "delay_warning = 1", "retry_longest = 1")
    post.send(BOB)
    report = post.report()
    assert report.message["Subject"] == "Delayed: Greetings" and "There is nothing that you need to do." in report.text
    [bob] = report.recipients
    assert bob["Action"] == "delayed" and bob["Status"] == "4.2.0" and "Greylisted" in bob["Diagnostic-Code"]
    until = email.utils.parsedate_to_datetime(bob["Will-Retry-Until"])
    assert (until - email.utils.parsedate_to_datetime(report.about["Arrival-Date"])).days == 5
    server.mails.get()
    post.idle()
    assert len(tries) == 4 and len(post.caught()) == 1 and post.log().count("sender delay notification") == 1


def test_a_mail_that_is_put_off_too_long_comes_back(post):
    post.configure(Server(rcpt=lambda address: "450 4.2.2 Mailbox full"), "queue_lifetime = 0")
    post.send(BOB)
    report = post.report()
    assert report.message["Subject"] == "Not delivered: Greetings"
    assert "could not be delivered in 0 seconds and is given up. The last attempt: 127.0.0.1[" in report.words()
    assert "450 4.2.2 Mailbox full" in report.words()
    [bob] = report.recipients
    assert bob["Action"] == "failed" and bob["Status"] == "4.2.2" and bob["Diagnostic-Code"] == "smtp; 450 4.2.2 Mailbox full"
    assert "status=bounced" in post.log() and "dsn=4.2.2" in post.log()


@pytest.fixture
def closed_port():
    """Where nobody listens, and where nobody else will before the end."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_server_that_is_not_there_is_given_up(post, closed_port):
    post.configure(closed_port, "queue_lifetime = 2", "connections_per_destination = 1", "delay_warning = 0")
    for name in ("one", "two", "three", "four"):  # most are put off unseen each time, for the destination is dead
        post.send("--envelope-id", name, BOB)
    reports = [post.report() for _ in range(4)]
    assert {report.about["Original-Envelope-Id"] for report in reports} == {"one", "two", "three", "four"}
    for report in reports:
        [bob] = report.recipients
        assert bob["Action"] == "failed" and bob["Status"] == "4.4.1" and bob["Remote-MTA"] is None
        assert bob["Diagnostic-Code"].startswith("x-paloma; It could not be delivered in 2 seconds")
    post.idle()
    assert post.queued() == []


# ---- what the sender wants to hear (RFC 3461) ----


@pytest.mark.parametrize("wish,told", [("never", 0), ("success", 0), ("delay", 0), ("failure", 1), ("success,failure", 1)])
def test_failures_are_told_to_who_wants_it(post, wish, told):
    server = Server(rcpt=refuse())
    post.configure(server)
    post.send("--notify", wish, BOB)
    post.idle()
    assert len(post.caught()) == told and post.queued() == [] and post.damaged() == []
    assert "status=bounced" in post.log()


@pytest.mark.parametrize("wish,told", [("never", 0), ("failure,success", 0), ("delay", 1)])
def test_delays_are_told_to_who_wants_it(post, wish, told):
    tries = []

    def rcpt(address):
        tries.append(address)
        return "450 4.2.0 Later" if len(tries) < 3 else "250 2.1.5 ok"

    post.configure(Server(rcpt=rcpt), "delay_warning = 1", "retry_longest = 1")
    post.send("--notify", wish, BOB)
    post.idle()
    # what was wished for, and for success the relayed report of a server that does not know DSN
    assert len(post.caught()) == told + ("success" in wish)
    assert post.log().count("sender delay notification") == told


def test_a_server_without_dsn_makes_us_report(post):
    server = Server()
    post.configure(server)
    post.send("--notify", "success,failure", BOB)
    report = post.report()
    [bob] = report.recipients
    assert bob["Action"] == "relayed" and bob["Status"] == "2.0.0" and bob["Diagnostic-Code"] == "smtp; 250 2.0.0 taken"
    assert report.message["Subject"] == "Handed on: Greetings" and "does not tell" in report.words()
    assert report.original.get_content_type() == "text/rfc822-headers"
    assert "NOTIFY" not in server.lines("RCPT")[0]


def test_a_server_with_dsn_is_told_and_reports_itself(post):
    server = Server(extensions=("DSN",))
    post.configure(server)
    post.send("--notify", "success,failure", "--return", "headers", "--envelope-id", "a+b=c", BOB)
    server.mails.get()
    post.idle()
    assert post.caught() == []
    assert server.lines("MAIL") == ["MAIL FROM:<ann@example.org> RET=HDRS ENVID=a+2Bb+3Dc"]
    assert server.lines("RCPT") == ["RCPT TO:<bob@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.net"]


def test_sendmail_has_letters_for_it(post):
    server = Server(extensions=("DSN",))
    post.configure(server)
    result = post.run("sendmail", "-odb", "-N", "delay,failure", "-R", "hdrs", "-V", "id-1", "-f", ANN, BOB, input=b"Subject: x\n\ny\n")
    assert result.returncode == 0, result.stderr
    server.mails.get()
    assert server.lines("MAIL") == ["MAIL FROM:<ann@example.org> RET=HDRS ENVID=id-1"]
    assert server.lines("RCPT") == ["RCPT TO:<bob@example.net> NOTIFY=FAILURE,DELAY ORCPT=rfc822;bob@example.net"]


@pytest.mark.parametrize("words,status", [
    (("--notify", "always"), 64), (("--notify", "never,success"), 64), (("--notify", ""), 64), (("--notify", "success,"), 64),
    (("--notify", "success\r\nRCPT"), 65), (("--return", "all"), 64), (("--return", "full\n"), 65), (("--envelope-id", ""), 64),
    (("--envelope-id", "a b"), 64), (("--envelope-id", "a\nb"), 65), (("--envelope-id", "+" * 34), 64), (("--envelope-id", "ö"), 64),
])
@pytest.mark.parametrize("personality", ["send", "sendmail"])
def test_wishes_that_are_none_are_refused(post, words, status, personality):
    post.configure(Server())
    letters = {"--notify": "-N", "--return": "-R", "--envelope-id": "-V"}
    option = words if personality == "send" else (letters[words[0]], words[1])
    result = post.run(personality, *option, "-f", ANN, BOB, input=b"Subject: x\n\ny\n")
    if personality == "sendmail" and status == 64:  # a slip of a program is no reason to lose its mail
        assert result.returncode == 0 and b"paloma: warning: -" in result.stderr
        assert words[0] != "--return" or b"-R takes full or hdrs, not" in result.stderr
        return
    assert result.returncode == status, result.stderr
    assert not post.spool.exists() or post.queued() == []


def test_delivered_is_told_over_lmtp(post):
    server = Server(lmtp=True)
    post.configure(server)
    post.send("--notify", "success", BOB, EVE)
    report = post.report()
    assert report.message["Subject"] == "Delivered: Greetings"
    assert [(one["Action"], one["Final-Recipient"]) for one in report.recipients] == [("delivered", f"rfc822; {BOB}"), ("delivered", f"rfc822; {EVE}")]
    assert "paloma/lmtp[" in post.log()


@pytest.mark.parametrize("words", [["--wait"], ["--background"]], ids=" ".join)
@pytest.mark.parametrize("reply,status", [("550 5.1.1 nobody", "bounced"), ("450 4.2.1 later", "deferred")])
def test_what_lmtp_refuses_is_told_of_lmtp(post, reply, status, words):
    server = Server(lmtp=True, rcpt=lambda address: reply)
    post.configure(server, "queue_lifetime = 1")
    post.run("send", *words, "-r", ANN, BOB)
    post.idle()
    assert re.search(rf"paloma/lmtp\[\d+\]: \w+: to=<{BOB}>.*status={status}", post.log())
    assert not re.search(rf"paloma/smtp\[\d+\]: \w+: to=<{BOB}>", post.log())


# ---- who waits, hears at once ----


def test_who_waits_is_not_told_by_mail(post):
    post.configure(Server(rcpt=refuse()))
    result = post.run("send", "-r", ANN, BOB)
    assert result.returncode == 67 and b"No such user here" in result.stderr
    post.idle()
    assert post.caught() == [] and post.queued() == [] and post.damaged() == []


def test_who_waits_and_wants_a_report_gets_it(post):
    post.configure(Server(rcpt=refuse()))
    result = post.run("send", "-r", ANN, "--notify", "failure", BOB)
    assert result.returncode == 67
    assert post.report().recipients[0]["Action"] == "failed"


def test_errors_by_mail(post):
    post.configure(Server(rcpt=refuse()))
    result = post.run("sendmail", "-odi", "-oem", "-f", ANN, BOB, input=b"Subject: x\n\ny\n")
    assert result.returncode == 67, result.stderr
    assert post.report().recipients[0]["Action"] == "failed"


def test_what_was_told_at_once_is_not_told_again(post):
    tries = []

    def rcpt(address):
        if address == BOB:
            return "550 5.1.1 No"
        tries.append(address)
        return "450 4.2.0 Later" if len(tries) == 1 else "250 2.1.5 ok"

    server = Server(rcpt=rcpt)
    post.configure(server)
    result = post.run("send", "-r", ANN, BOB, EVE)
    assert result.returncode == 67, result.stderr
    assert server.mails.get()[0] == [EVE]
    post.idle()
    assert post.caught() == [] and post.queued() == []


# ---- nobody to tell ----


def test_nobody_is_told_of_a_mail_from_nobody(post):
    post.configure(Server(rcpt=refuse()))
    post.send(BOB, sender="")
    post.idle()
    assert post.caught() == [] and post.queued() == []
    [kept] = post.damaged()
    assert b"Subject: Greetings" in kept.read_bytes()
    assert f"kept as damaged/{kept.name}" in post.log()
    assert f" {kept.name}: removed" not in post.log()


def test_no_delay_and_no_success_is_told_to_nobody(post):
    tries = []

    def rcpt(address):
        tries.append(address)
        return "450 4.2.0 Later" if len(tries) < 3 else "250 2.1.5 ok"

    post.configure(Server(rcpt=rcpt), "delay_warning = 1", "retry_longest = 1", "postmaster = root")
    post.send(BOB, "--notify", "success,delay", sender="")
    post.idle()
    assert post.caught() == [] and post.queued() == [] and post.damaged() == []


@pytest.mark.parametrize("name", ["root", "The one <root@web1.example.org>"])
def test_the_postmaster_hears_of_it(post, name):
    post.configure(Server(rcpt=refuse()), f"postmaster = {name}", "[route web1.example.org]", f"via = {post.catcher.url}")
    post.send(BOB, sender="")
    report = post.report()
    assert report.message["To"] == "root@web1.example.org" and "You are told as the postmaster" in report.text
    post.idle()
    assert post.queued() == [] and post.damaged() == []


def test_a_bounce_that_is_refused_goes_to_the_postmaster(post):
    server = Server(rcpt=refuse(who=("bob", "ann")))
    post.configure(server, "postmaster = root@web1.example.org", "[route web1.example.org]", f"via = {post.catcher.url}",
                   org=f"smtp://127.0.0.1:{server.port}")
    post.send(BOB)
    report = post.report()
    assert report.recipients[0]["Final-Recipient"] == f"rfc822; {ANN}"
    [bounce] = report.original.get_payload()  # with the mail in it
    assert bounce["Subject"] == "Not delivered: Greetings" and "The text." in bounce.as_string()
    post.idle()
    assert post.queued() == [] and post.damaged() == [] and len(post.caught()) == 1


@pytest.mark.parametrize("postmaster", [[], ["postmaster = eve@example.net"]], ids=["no postmaster", "refused as well"])
def test_what_nobody_takes_is_kept(post, postmaster):
    server = Server(extensions=("DSN",), rcpt=refuse(who=("bob", "ann", "eve")))
    post.configure(server, *postmaster, org=f"smtp://127.0.0.1:{server.port}")
    post.send(BOB, "--return", "full", "--envelope-id", "x")
    post.idle()
    assert post.queued() == [] and post.caught() == []
    [kept] = post.damaged()
    assert b"The text." in kept.read_bytes() and f"kept as damaged/{kept.name}" in post.log()
    # A report comes from nobody, and asks nobody for a report on itself (RFC 3461 §6.2).
    assert server.lines("MAIL")[1:] == ["MAIL FROM:<>"] * (1 + len(postmaster))
    assert server.lines("RCPT")[1:] == ["RCPT TO:<ann@example.org> NOTIFY=NEVER", "RCPT TO:<eve@example.net> NOTIFY=NEVER"][:1 + len(postmaster)]


# ---- crashes ----


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
@pytest.mark.parametrize("which", ["fsync", "fdatasync", "fchmod", "unlinkat", "write", "writev", "flock", "close"])
def test_a_bounce_is_sent_once_whenever_the_sender_is_killed(post, which):
    server = Server(rcpt=refuse())
    post.configure(server)
    number, is_whole = 0, False
    while not is_whole:
        number += 1
        assert number < 100
        is_whole = post.run_killed_at(which, number, "sendmail", "-odi", "-oem", "-f", ANN, "-V", f"kill-{number}", BOB)
        was_stored = is_whole or bool(post.queued())  # or a runner that it has started has told already
        post.run("queue", "flush", "--all")
        post.idle()
        bounces = [Report(path.read_bytes()) for path in post.caught()]
        told = [bounce for bounce in bounces if bounce.about["Original-Envelope-Id"] == f"kill-{number}"]
        assert was_stored <= len(told) <= 1, (number, post.log())
    assert number > 1


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
@pytest.mark.parametrize("which", ["fdatasync", "writev"])
def test_a_bounce_that_is_gone_when_its_message_is_looked_at_again(post, which):
    """Killed between the commit of the report and the mark; the report goes out first, on its own."""
    post.configure(Server(rcpt=refuse()))
    number, met, is_whole = 0, 0, False
    while not is_whole:
        number += 1
        assert number < 50
        for path in post.caught():
            path.unlink()
        is_whole = post.run_killed_at(which, number, "sendmail", "-odi", "-oem", "-f", ANN, BOB)
        names = post.queued()
        if is_whole or len(names) < 2:
            post.run("queue", "flush", "--all")
            post.idle()
            continue
        met += 1
        message, bounce = sorted(names, key=lambda name: b"report: yes" in (post.spool / "queue" / name).read_bytes())
        assert post.run("queue", "hold", message).returncode == 0
        post.run("queue", "flush", bounce)
        post.run("queue", "wait", bounce)
        assert len(post.caught()) == 1
        post.run("queue", "release", message)
        post.idle()
        assert post.queued() == [] and len(post.caught()) == 1, (number, post.log())
    assert met > 0


# ---- the log ----


@pytest.mark.skipif(not shutil.which("pflogsumm"), reason="pflogsumm is not here")
def test_pflogsumm_reads_the_log(post):
    tries = []

    def rcpt(address):
        tries.append(address)
        return "550 5.1.1 No" if address == BOB else "450 4.2.0 Later" if address == EVE and tries.count(EVE) == 1 else "250 2.1.5 ok"

    server = Server(rcpt=rcpt)
    post.configure(server)
    post.send(BOB, "joe@example.net")
    post.send(EVE)
    post.idle()
    assert post.run("send", "-r", ANN, "joe@example.net").returncode == 0  # and one in the foreground
    summary = subprocess.run(["pflogsumm", "--syslog-name=paloma", str(post.log_file)], capture_output=True, text=True, check=True, timeout=60)
    totals = {words[1]: words[0] for words in map(str.split, summary.stdout.splitlines()) if len(words) >= 2 and words[0].isdigit()}
    # Three mails came in; joe's two, eve's, and ann's bounce went out; bob was refused; eve's waited once.
    assert totals["received"] == "3" and totals["delivered"] == "4" and totals["bounced"] == "1" and totals["deferred"] == "1", summary.stdout
    assert "message deferral detail" in summary.stdout and "4.2.0 Later" in summary.stdout
    assert "no message size" not in summary.stdout.lower() or "none" in summary.stdout
    assert summary.stderr == ""


def test_the_log_goes_to_standard_error(post):
    post.configure(Server())
    post.environment["PALOMA_LOG"] = "stderr"
    result = post.run("send", "-r", ANN, BOB)
    assert result.returncode == 0 and b" paloma/smtp[" in result.stderr and b"status=sent (250 2.0.0 taken)" in result.stderr
    assert not post.log_file.exists()


def test_a_log_without_a_place_is_refused(post):
    post.configure(Server())
    post.environment["PALOMA_LOG"] = "mail.log"
    result = post.run("config")
    assert result.returncode == 78 and b"log is syslog, stderr, none or the path" in result.stderr


def test_a_postmaster_who_is_no_address_is_refused(post):
    post.configure(Server(), "postmaster = two words@example.org")
    result = post.run("config")
    assert result.returncode == 78 and b"postmaster: " in result.stderr


def test_what_is_thrown_away_is_no_delivery_by_anybody(post):
    post.configure(Server(), "[route nowhere.example]", "via = discard")
    post.send("--notify", "success", "x@nowhere.example")
    report = post.report()
    assert report.recipients[0]["Action"] == "delivered" and "thrown away" in report.words()
    assert "relay=local" in post.log() and "status=sent (thrown away" in post.log()


def test_a_log_that_cannot_be_written_loses_no_mail(post, tmp_path):
    server = Server()
    post.configure(server)
    post.environment["PALOMA_LOG"] = str(tmp_path / "missing/log")
    result = post.run("send", "-r", ANN, BOB)
    assert result.returncode == 0 and b"missing/log" in result.stderr
    server.mails.get()


def test_the_log_goes_to_syslog(post, tmp_path):
    device = tmp_path / "dev"
    device.mkdir()
    (device / "null").touch()
    if subprocess.run(["unshare", "-m", "mount", "--bind", str(device), "/dev"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace to be had")
    post.configure(Server())
    post.environment["PALOMA_LOG"] = "syslog"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(device / "log"))
        result = post.run("send", "-r", ANN, BOB, under=["unshare", "-m", "sh", "-c", f'mount --bind "{device}" /dev && exec "$@"', "sh"])
        assert result.returncode == 0, result.stderr
        lines = []
        while not lines or ": removed" not in lines[-1]:
            lines.append(log.recv(65536).decode())
    assert all(line.startswith("<22>") for line in lines)  # facility mail, severity info
    assert any("paloma/smtp[" in line and "status=sent (250 2.0.0 taken)" in line for line in lines)
    assert any("paloma/pickup[" in line for line in lines)
