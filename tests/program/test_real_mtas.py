"""paloma beside the servers that it meets: as their client with STARTTLS and AUTH, and as the reader of their bounces."""
import email
import email.policy
import fcntl
import json
import os
import smtplib
import ssl
import subprocess

import pytest

import certificates
import real_mtas
from conftest import PALOMA, clean_environment, parts_of

pytestmark = pytest.mark.usefixtures("watchdog")

ANN, INBOX, UNKNOWN = "ann@example.org", "ann@inbox.example", "nobody@inbox.example"
CONTENT = bytes(range(256)) * 40 + b"\n.\n..\r\n.\r\nFrom here\n"


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    certificates.make_all(folder)
    return folder


@pytest.fixture(params=real_mtas.ALL, ids=[mta.__name__ for mta in real_mtas.ALL])
def mta(request, certified, catcher):
    reason = request.param.why_not()
    if reason:
        pytest.skip(reason)
    server = request.param(certified, catcher())
    try:
        server.start()
        yield server
    finally:
        server.stop()


with_login = pytest.mark.parametrize("mta", [each for each in real_mtas.ALL if each.has_login], indirect=True, ids=lambda mta: mta.__name__)


class Sender:
    """paloma, and a configuration that sends by way of the server, where it has TLS as a user with a password."""

    def __init__(self, mta, home, tmp_path):
        self.password, self.spool = tmp_path / "password", tmp_path / "spool"
        self.set_password(real_mtas.PASSWORD)
        self.environment = {**clean_environment(home), "PALOMA_QUEUE": "auto"}
        login = [f"tls_ca = {mta.certificates}/ca.pem", "tls = verify", f"password_file = {self.password}"] if mta.has_login else []
        self.conf = home / ".config/paloma/paloma.conf"
        self.conf.parent.mkdir(parents=True)
        self.conf.write_text("\n".join([
            "[paloma]", f"spool = {self.spool}", f"log = {tmp_path}/log", "host_name = web1.example.org", "connections = 1",
            f"relay = {mta.url}", *login, ""]))

    def set_password(self, password):
        self.password.write_text(password + "\n")
        self.password.chmod(0o600)

    def run(self, *words, **rest):
        return subprocess.run([PALOMA, *map(str, words)], capture_output=True, timeout=100, env=self.environment, **rest)

    def send(self, *words, status=0):
        result = self.run("send", "-r", ANN, "--body", "Grüße\n.\n..\nend\n", *words)
        assert result.returncode == status, result.stderr
        return result

    def queued(self):
        return [json.loads(line) for line in self.run("queue", "list", "--json").stdout.splitlines()]


@pytest.fixture
def sender(mta, home, tmp_path):
    sender = Sender(mta, home, tmp_path)
    yield sender
    for message in sender.queued():  # the runner sees that nothing is left, and ends
        sender.run("queue", "remove", message["queue_id"])
    if (sender.spool / "runner.lock").exists():
        with (sender.spool / "runner.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.fixture
def attachment(tmp_path):
    path = tmp_path / "all octets.bin"
    path.write_bytes(CONTENT)
    return path


def check_mail(message, subject):
    assert message["Subject"] == subject and message["From"] == ANN and message["Return-Path"] == f"<{ANN}>"
    text, octets = parts_of(message)
    assert text[0] == "text/plain" and text[2].decode().replace("\r\n", "\n") == "Grüße\n.\n..\nend\n"
    assert octets[1:] == ("all octets.bin", CONTENT)


def report_of(mta, action, recipient):
    """The next mail at the sender's own server: a report of the other house about one recipient."""
    raw = mta.catcher.raw()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content_type() == mta.report_type and message["Return-Path"] == "<>", raw
    text, status, original = message.iter_parts()
    assert recipient in text.get_content() and status.get_content_type() == "message/delivery-status"
    about, recipient_fields = status.get_payload()
    assert "mta.example" in about["Reporting-MTA"]
    assert recipient_fields["Action"] == action and recipient_fields["Final-Recipient"].split(";")[1].strip().lower() == recipient
    assert f"From: {ANN}" in original.as_string()
    return about, recipient_fields


# ---- as a relay ----


def test_what_the_server_offers(mta):
    """A package that offers less than this would let the other cases pass without showing anything."""
    context = ssl.create_default_context(cafile=mta.certificates / "ca.pem")
    with smtplib.SMTP("127.0.0.1", mta.port, timeout=60) as client:
        client.ehlo()
        if mta.has_login:
            client.starttls(context=context)
            client.ehlo()
            assert "auth" in client.esmtp_features
        assert {name.upper() for name in client.esmtp_features} >= mta.extensions
        assert client.esmtp_features["size"] == str(real_mtas.SIZE_LIMIT)


def test_a_mail_goes_by_way_of_it(mta, sender, attachment):
    sender.send("--no-queue", "-s", "Grüße", "-a", attachment, INBOX)
    [message] = mta.mails()
    check_mail(message, "Grüße")
    if "CHUNKING" in mta.extensions:
        mta.until("a log of BDAT", lambda: mta.chunking_line in mta.told())
    assert not mta.has_login or "ESMTPSA" in message["Received"].upper() or "TLS" in message["Received"].upper()


@with_login
def test_a_certificate_that_is_not_verified_gets_no_password(mta, sender, certified):
    result = sender.send("--no-queue", "--tls-ca", certified / "other.pem", INBOX, status=77)
    assert b"certificate" in result.stderr and not sender.queued()


@with_login
def test_every_mechanism(mta, sender):
    for mechanism in mta.mechanisms:
        sender.set_password(real_mtas.PASSWORD)
        sender.send("--no-queue", "-s", mechanism, "--auth", mechanism, INBOX)
        sender.set_password("wrong")
        assert b"535" in sender.send("--no-queue", "--auth", mechanism, INBOX, status=77).stderr
    assert {message["Subject"] for message in mta.mails(len(mta.mechanisms))} == set(mta.mechanisms)


@with_login
def test_a_wrong_password(mta, sender):
    sender.set_password("wrong")
    result = sender.send("--no-queue", INBOX, status=77)
    assert b"535" in result.stderr, result.stderr
    assert not sender.queued()


@with_login
def test_a_wrong_password_loses_no_mail(mta, sender):
    """It is an administrator's mistake: the mail waits until that is mended, and does not come back."""
    sender.set_password("wrong")
    sender.send("--wait", "-s", "Later", INBOX, status=75)
    [message] = sender.queued()
    assert message["recipients"][0]["action"] == "delayed" and "535" in json.dumps(message["recipients"])
    sender.set_password(real_mtas.PASSWORD)
    sender.run("queue", "flush", message["queue_id"])
    [message] = mta.mails()
    assert message["Subject"] == "Later"


def test_as_many_mails_on_a_connection_as_the_server_takes(mta, sender, attachment):
    for number in range(5):
        sender.send("--queue", "-s", f"Mail {number}", "-a", attachment, INBOX)
    before = mta.told().count(mta.connection_line)
    sender.run("queue", "flush")
    messages = mta.mails(5)
    assert sorted(message["Subject"] for message in messages) == [f"Mail {number}" for number in range(5)]
    for message in messages:
        check_mail(message, message["Subject"])
    connections = -(-5 // (mta.mails_per_connection or 5))
    mta.until("the log of the connections", lambda: mta.told().count(mta.connection_line) - before >= connections)
    assert mta.told().count(mta.connection_line) - before == connections
    mta.until("an empty queue", lambda: not sender.queued())
    assert "deferred" not in (sender.spool.parent / "log").read_text()


def test_it_is_down_and_comes_up_again(mta, sender):
    """Mail is taken while it is away, and there when it is back, without anybody asking."""
    with sender.conf.open("a") as conf:
        conf.write("retry_first = 1\nretry_longest = 1\n")
    with mta.down():
        result = sender.send("--wait", "-s", "Asked for", INBOX, status=75)
        assert b"stays in the queue" in result.stderr
        sender.send("--background", "-s", "Left alone", INBOX)
        # time for an attempt or two, none of which can succeed
        assert [sender.run("queue", "wait", message["queue_id"], "--timeout", "1").returncode for message in sender.queued()] == [75, 75]
    messages = mta.mails(2)
    assert sorted(message["Subject"] for message in messages) == ["Asked for", "Left alone"]
    mta.until("an empty queue", lambda: not sender.queued())


# ---- what it offers ----


def test_a_mail_over_the_size_limit(mta, sender, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(real_mtas.SIZE_LIMIT))
    result = sender.send("--no-queue", "-a", tmp_path / "big", INBOX, status=69)
    assert str(real_mtas.SIZE_LIMIT).encode() in result.stderr, result.stderr


def test_international_addresses_where_they_are_taken(mta, sender):
    words = ("--no-queue", "-s", "Grüße", "jürgen@example.org")
    if "SMTPUTF8" not in mta.extensions:
        assert b"SMTPUTF8" in sender.send(*words, status=65).stderr
        return
    sender.send(*words)
    assert "to=<jürgen@example.org>" in mta.catcher.caught()


def test_eight_bits_as_they_are(mta, sender):
    mail = f"From: {ANN}\nTo: {INBOX}\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n"
    environment = {**sender.environment, "PALOMA_QUEUE": "never"}
    result = subprocess.run([PALOMA, "send", "--raw", "-f", ANN, INBOX], input=mail.encode(), capture_output=True, timeout=100, env=environment)
    assert result.returncode == 0, result.stderr
    [message] = mta.mails()
    assert message["Content-Transfer-Encoding"] == "8bit" and message.get_content() == "Grüße\n"


# ---- as the sender of a report ----


def test_a_bounce_is_read_back(mta, sender):
    sender.send("--no-queue", "-s", "To nobody", UNKNOWN)
    _, recipient = report_of(mta, "failed", UNKNOWN)
    assert recipient["Status"].startswith("5.")


@pytest.mark.parametrize("mta", [each for each in real_mtas.ALL if "SMTPUTF8" in each.extensions], indirect=True, ids=lambda mta: mta.__name__)
def test_a_bounce_about_an_international_address(mta, sender):
    sender.send("--no-queue", "-s", "To nobody", "jürgen@inbox.example")
    raw = mta.catcher.raw()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content_type() == mta.report_type and "jürgen@inbox.example" in raw.decode()


def test_some_are_known_and_some_not(mta, sender):
    sender.send("--no-queue", "-s", "To both", INBOX, UNKNOWN)
    [message] = mta.mails()
    assert message["Subject"] == "To both"
    report_of(mta, "failed", UNKNOWN)


@pytest.mark.parametrize("wanted,expected", [("headers", False), ("full", True)])
def test_what_of_the_mail_comes_back(mta, sender, wanted, expected):
    sender.send("--no-queue", "-s", "Returned", "--return", wanted, UNKNOWN)
    raw = mta.catcher.raw()
    assert b"Subject: Returned" in raw and (b"R3LDvMOfZQ" in raw) == (expected or not mta.heeds_return)


def test_a_bounce_of_paloma_goes_by_way_of_it(mta, sender, tmp_path):
    """What is too big for the server is refused for good, and the report goes the same way with the null sender."""
    (tmp_path / "big").write_bytes(os.urandom(real_mtas.SIZE_LIMIT))
    sender.send("--background", "-s", "Too big", "-a", tmp_path / "big", INBOX)
    message = mta.catcher.mail()
    assert message.get_content_type() == "multipart/report" and message["Return-Path"] == "<>" and message["Subject"] == "Not delivered: Too big"
    mta.until("an empty queue", lambda: not sender.queued())


def test_a_report_of_success_that_was_asked_for(mta, sender):
    sender.send("--no-queue", "--notify", "success", "--envelope-id", "QQ+31", INBOX)
    about, _ = report_of(mta, "delivered", INBOX)
    assert about["Original-Envelope-Id"] == mta.envelope_id


def test_nobody_hears_of_what_is_not_to_be_reported(mta, sender):
    sender.send("--no-queue", "--notify", "never", "-s", "Silent", UNKNOWN)
    sender.send("--no-queue", "-s", "Loud", UNKNOWN)
    raw = mta.catcher.raw()
    assert b"Loud" in raw and b"Silent" not in raw
