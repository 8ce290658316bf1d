"""Programs that nobody here has written, with paloma as their /usr/sbin/sendmail or their port on the loopback network."""
import re
import shutil
import smtplib
import subprocess

import pytest
from box import BUILD, USER, needs_boxes, needs_users
from callers import TEXT, box, call, content, library_path, needs, parse, port  # noqa: F401 (fixtures)

PLUGINS = BUILD / "monitoring-plugins-standard/usr/lib/nagios/plugins/check_mailq"


# ---- their words, as their sources and manuals have them ----


CRON = b"From: root (Cron Daemon)\nTo: admin@example.net\nSubject: Cron <root@box> run-parts /etc/cron.daily\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n" \
    b"Content-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\nGr\xc3\xbc\xc3\x9fe\n"
HEADER = b"To: admin@example.net\nSubject: x\n\nGr\xc3\xbc\xc3\x9fe\n"
COMMANDS = {
    "cron of Debian": (["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "admin@example.net"], CRON),
    "cronie": (["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"], CRON.replace(b"From: root (Cron Daemon)", b'From: "(Cron Daemon)" <root>')),
    "bcron": (["-FCronDaemon", "-i", "-odi", "-oem", "-t"], CRON),
    "crond of busybox": (["-ti"], b"To: admin@example.net\nSubject: cron: run-parts /etc/periodic/daily\n\nGr\xc3\xbc\xc3\x9fe\n"),
    "dcron": (["-t", "-oem", "-i"], b"To: admin@example.net\nSubject: cron for user root /bin/x\n\nGr\xc3\xbc\xc3\x9fe\n"),
    "cron of Debian in the C locale": (["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "admin@example.net"], CRON.replace(b"UTF-8", b"ANSI_X3.4-1968")),
    "cron of illumos": (["-FCronDaemon", "admin@example.net"], b"From root Thu Nov 26 12:00:00 2026\n" + CRON),
    "anacron": (["-FAnacron", "-odi", "admin@example.net"], b"From: Anacron <root>\nTo: root\nSubject: Anacron job\nContent-Type: text/plain; charset=UTF-8\n\nGr\xc3\xbc\xc3\x9fe\n"),
    "atd": (["-i", "admin@example.net"], b"Subject: Output from your job        1\nTo: root\n\nGr\xc3\xbc\xc3\x9fe\n"),
    "systemd-cron": (["-i", "-B8BITMIME", "admin@example.net"], CRON),
    "mdadm": (["-t"], b"From: mdadm monitoring <root>\n" + HEADER),
    "sudo": (["-t"], b"From: root\nAuto-Submitted: auto-generated\n" + HEADER),
    "unattended-upgrades, apt-listchanges": (["-oi", "-t"], HEADER),
    "fail2ban": (["-f", "fail2ban", "admin@example.net"], b"Subject: [Fail2Ban] sshd\nDate: Thu, 26 Nov 2026 12:00:00 +0000\nFrom: Fail2Ban <fail2ban>\nTo: admin@example.net\n\nGr\xc3\xbc\xc3\x9fe\n"),
    "nodemailer": (["-i", "-f", "ann@example.org", "admin@example.net"], b"From: ann@example.org\r\n" + HEADER.replace(b"\n", b"\r\n")),
    "Ruby's mail": (["-i", "-f", "ann@example.org", "--", "admin@example.net"], b"From: ann@example.org\n" + HEADER),
    "PHPMailer": (["-oi", "-fann@example.org", "-t"], b"From: ann@example.org\n" + HEADER),
    "Symfony": (["-t", "-i", "-fann@example.org"], b"From: ann@example.org\r\n" + HEADER.replace(b"\n", b"\r\n")),
    "Exim's habit": (["-odf", "-oee", "-oep", "-t"], HEADER),
    "lists of options of old": (["-om", "-oi", "-oem", "-odb", "-m", "-s", "-x", "-Ac", "-U", "-d0", "-h0", "-t"], HEADER),
}


@needs_boxes
@pytest.mark.parametrize("words,text", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_words_of(call, words, text):
    result, mail = call("/usr/sbin/sendmail", *words, input=text)
    assert (result.stdout, result.stderr) == (b"", b"") and mail.recipients == ["admin@example.net"]
    message = parse(mail.data)
    assert not message.defects and content(message).strip() == "Grüße" and "@" in message["From"] and message["Message-ID"] and message["Date"]
    if "-fann@example.org" in words or "ann@example.org" in words:
        assert mail.sender == "ann@example.org"
    if "CronDaemon" in words[0]:
        assert "Cron Daemon" in message["From"] and message["From"].addresses[0].addr_spec == "root@box.example"


# ---- programs ----


@needs_boxes
@needs("/usr/lib/git-core/git-send-email")
@pytest.mark.parametrize("words,sender", [((), "root@box.example"), (("--envelope-sender=bounce@example.org",), "bounce@example.org"), (("--envelope-sender=auto",), "ann@example.org")])
def test_git_send_email(call, tmp_path, words, sender):
    for number in (1, 2):
        (tmp_path / f"000{number}-x.patch").write_text(f"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: Ann =?UTF-8?q?M=C3=BCller?= "
                                                       f"<ann@example.org>\nDate: Thu, 26 Nov 2026 12:00:0{number} +0000\nSubject: [PATCH {number}/2] Grüße\nMIME-Version: 1.0\n"
                                                       "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n---\n x | 1 +\n\n-- \n2.39\n")
    _, *mails = call("git", "-C", "/tmp", "send-email", "--to=bob@example.net", "--bcc=hidden@example.net", "--from=Ann <ann@example.org>", "--confirm=never", "--quiet", *words,
                     *sorted(tmp_path.glob("*.patch")), count=2, input=b"", env={"GIT_CONFIG_NOSYSTEM": "1", "EMAIL": "ann@example.org"})
    for mail in mails:
        assert sorted(mail.recipients) == ["ann@example.org", "bob@example.net", "hidden@example.net"] or sorted(mail.recipients) == ["bob@example.net", "hidden@example.net"]
        assert b"hidden" not in mail.data and mail.sender in (sender, "ann@example.org") and "Grüße" in content(parse(mail.data))
    assert sorted(parse(mail.data)["Subject"] for mail in mails) == ["[PATCH 1/2] Grüße", "[PATCH 2/2] Grüße"]


PHP = """$r = mail("Bob <bob@example.net>", "=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße\r\n.\r\nmore\n", "From: Ann <ann@example.org>\r\nBcc: hidden@example.net\r\nContent-Type: text/plain; charset=utf-8"%s);
exit($r ? 0 : 1);"""


@needs_boxes
@needs("php")
@pytest.mark.parametrize("parameter,sender", [("", "ann@example.org"), (', "-fbounce@example.org"', "bounce@example.org"), (', "-f bounce@example.org -oi"', "bounce@example.org")])
def test_php(call, parameter, sender):
    _, mail = call("php", "-n", "-r", PHP % parameter)
    message = parse(mail.data)
    assert sorted(mail.recipients) == ["bob@example.net", "hidden@example.net"] and mail.sender == sender
    assert message["Subject"] == "Grüße" and message["Bcc"] is None and content(message).rstrip() == "Grüße\n.\nmore"


@needs_boxes
@needs("php")
@pytest.mark.parametrize("parameter", ["-X/tmp/shell.php", "-OQueueDirectory=/tmp -X/tmp/shell.php", "-be ${run{/usr/bin/touch${substr{10}{1}{x}}/tmp/shell.php}}", "-C/etc/passwd", "-oQ/tmp"])
def test_php_with_a_parameter_of_an_attacker(box, parameter):
    result = box.run("php", "-n", "-r", PHP % f", '{parameter}'", after="find tmp var -type f -name '*.php' | wc -l; find var/spool -type f | wc -l")
    assert result.returncode == 1 and result.stdout.startswith(b"0\n0\n"), result


@needs_boxes
@needs("/usr/share/perl5/Email/Sender.pm")
def test_perl_email_sender(call):
    script = """use Email::Sender::Simple qw(sendmail); use Email::Simple;
use Email::Sender::Transport::Sendmail;
sendmail(Email::Simple->new("From: ann\\@example.org\\nTo: bob\\@example.net\\nSubject: x\\n\\nfirst\\n.\\nsecond\\n"),
    {from => 'bounce@example.org', to => ['bob@example.net', 'eve@example.net'], transport => Email::Sender::Transport::Sendmail->new});"""
    _, mail = call("perl", "-e", script)
    assert sorted(mail.recipients) == ["bob@example.net", "eve@example.net"] and mail.sender == "bounce@example.org"
    assert content(parse(mail.data)) == "first\n.\nsecond\n"


@needs_boxes
def test_python(call):
    script = """import subprocess, email.message
message = email.message.EmailMessage()
message["From"], message["To"], message["Bcc"], message["Subject"] = "Ann <ann@example.org>", "bob@example.net", "hidden@example.net", "Gr\\u00fc\\u00dfe"
message.set_content("Gr\\u00fc\\u00dfe\\n.\\n")
subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], input=message.as_bytes(), check=True)"""
    _, mail = call("/usr/bin/python3", "-c", script)
    assert sorted(mail.recipients) == ["bob@example.net", "hidden@example.net"] and parse(mail.data)["Subject"] == "Grüße" and b"hidden" not in mail.data


MUTT = ("mutt", "-F", "/dev/null", "-e", "set use_from=yes from=ann@example.org realname=Ann hostname=box.example copy=no charset=utf-8")


@needs_boxes
@needs("mutt")
@pytest.mark.parametrize("settings,sender", [("", None), ("set use_envelope_from=yes", "ann@example.org"), ("set dsn_notify='failure,delay' dsn_return=hdrs", None), ("set use_8bitmime=yes", None)])
def test_mutt(call, tmp_path, settings, sender):
    (tmp_path / "report.bin").write_bytes(bytes(range(256)))
    _, mail = call(*MUTT, "-e", settings or "set wait_key=no", "-s", "Grüße", "-c", "eve@example.net", "-b", "hidden@example.net", "-a", tmp_path / "report.bin", "--", "bob@example.net")
    message = parse(mail.data)
    assert sorted(mail.recipients) == ["bob@example.net", "eve@example.net", "hidden@example.net"] and message["Bcc"] is None and message["Subject"] == "Grüße"
    assert content(message.get_body()) == TEXT and next(message.iter_attachments()).get_content() == bytes(range(256))
    assert mail.sender == (sender or mail.sender)


@needs_boxes
@needs("s-nail")
@pytest.mark.parametrize("words,sender", [((), None), (("-r", "bounce@example.org"), "bounce@example.org")])
def test_s_nail(call, words, sender):
    _, mail = call("s-nail", "-:/", "-Sv15-compat", "-Sttycharset=utf-8", "-s", "Grüße", "-c", "eve@example.net", *words, "bob@example.net")
    message = parse(mail.data)
    assert sorted(mail.recipients) == ["bob@example.net", "eve@example.net"] and message["Subject"] == "Grüße" and content(message) == TEXT
    assert mail.sender == (sender or "root@box.example")


@needs_boxes
@needs(BUILD / "bsd-mailx/usr/bin/bsd-mailx")
def test_bsd_mailx(call):
    _, mail = call(BUILD / "bsd-mailx/usr/bin/bsd-mailx", "-n", "-s", "hello", "-c", "eve@example.net", "-a", "Content-Type: text/plain; charset=utf-8", "bob@example.net",
                   env={"LD_LIBRARY_PATH": library_path("bsd-mailx")}, input="Grüße\n".encode())
    message = parse(mail.data)
    assert sorted(mail.recipients) == ["bob@example.net", "eve@example.net"] and message["Subject"] == "hello" and content(message) == "Grüße\n"


@needs_boxes
@needs(BUILD / "mailutils/usr/bin/mail.mailutils")
def test_mailutils(call):
    _, mail = call(BUILD / "mailutils/usr/bin/mail.mailutils", "-s", "hello", "-a", "Content-Type: text/plain; charset=utf-8", "bob@example.net",
                   env={"LD_LIBRARY_PATH": library_path("mailutils")}, input="Grüße\n".encode())
    message = parse(mail.data)
    assert mail.recipients == ["bob@example.net"] and message["Subject"] == "hello" and content(message).strip() == "Grüße"


@needs_boxes
@needs_users
@needs("mutt")
def test_a_user_without_rights(call):
    _, mail = call(*MUTT, "-s", "x", "bob@example.net", uid=USER)
    assert mail.recipients == ["bob@example.net"] and parse(mail.data)["From"] == "Ann <ann@example.org>"


# ---- the loopback port of the service ----


def test_smtplib_over_the_port(port):
    number, server = port
    with smtplib.SMTP("127.0.0.1", number, timeout=60) as client:
        for text in range(3):
            client.sendmail("ann@example.org", ["bob@example.net", "eve@example.net"], f"Subject: {text}\r\n\r\n..x\r\n.\r\n".encode())
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("ann@example.org", ["bad@@example.net"], b"\r\n")
    assert sorted(parse(mail.data)["Subject"] for mail in server.wait_mails(3)) == ["0", "1", "2"]


@needs("/usr/share/perl5/Mail/Sendmail.pm")
def test_perl_mail_sendmail_over_the_port(port):
    number, server = port
    script = """use Mail::Sendmail;
$Mail::Sendmail::mailcfg{smtp} = ['127.0.0.1']; $Mail::Sendmail::mailcfg{port} = $ARGV[0]; $Mail::Sendmail::mailcfg{retries} = 0;
sendmail(To => 'Bob <bob@example.net>', From => 'ann@example.org', Subject => 'x', Message => "first\\n.\\nsecond\\n") or die $Mail::Sendmail::error;"""
    result = subprocess.run(["perl", "-e", script, str(number)], capture_output=True, timeout=60)
    assert result.returncode == 0, result
    mail, = server.wait_mails(1)
    assert mail.recipients == ["bob@example.net"] and content(parse(mail.data)).rstrip("\n") == "first\n.\nsecond"


# ---- who reads what we say ----


@needs_boxes
@needs(PLUGINS, BUILD / "monitoring-plugins-common/usr/lib/nagios/plugins/utils.pm")
@pytest.mark.parametrize("count,status,told", [(0, 0, "OK"), (1, 0, "OK"), (2, 1, "WARNING"), (4, 2, "CRITICAL")])
def test_check_mailq(box, tmp_path, count, status, told):
    utils = (BUILD / "monitoring-plugins-common/usr/lib/nagios/plugins/utils.pm").read_text()
    (tmp_path / "utils.pm").write_text(utils.replace("/usr/bin/mailq", "/usr/sbin/mailq"))
    shutil.copy(PLUGINS, tmp_path)
    script = f"for number in $(seq {count}); do printf 'Subject: x\\n\\ny\\n' | sendmail -odq bob@example.net || exit 9; done; perl {tmp_path}/check_mailq -w 2 -c 4 -M postfix"
    result = box.run("sh", "-c", script)
    assert result.returncode == status and result.stdout.decode().startswith(told), result
    assert count == 0 or re.search(rf"\b{count}\b", result.stdout.decode().split("|")[0])
