"""Dovecot reads what paloma has written, and gets what paloma hands it: each mail is fetched whole by POP3 and IMAP."""
import email
import imaplib
import poplib
import socket
import subprocess

import pytest

import machine as machines
from conftest import PALOMA
from machine import USERS
from ports import free_port
from real_mtas import BUILD
from service import until

DOVECOT = BUILD / "dovecot-core"
PASSWORD = "corr3ct-horse"
OVERLAY = 'mount -t overlay -o lowerdir="$1/usr:/usr" none /usr'


def can_run():
    if not machines.can_be() or not (DOVECOT / "usr/lib/dovecot/lmtp").exists():
        return False
    return subprocess.run(["unshare", "--mount", "sh", "-c", OVERLAY, "sh", str(DOVECOT)], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not can_run(), reason="Dovecot is not unpacked, or cannot be run")

# It has its helpers where it was built to have them, so the machine's /usr is ours and what bootstrap has unpacked.
BEGIN = OVERLAY + ' && exec /usr/sbin/dovecot -F -c "$2"'

SETTINGS = """
protocols = imap pop3 lmtp
base_dir = {folder}/run
log_path = {folder}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = paloma
default_internal_group = nogroup
default_login_user = nobody
auth_username_format = %Ln
mail_location = {location}
mail_privileged_group = mail
mail_access_groups = mail
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = passwd
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    def __init__(self, machine, location):
        self.folder = machine.folder / "dovecot"
        self.folder.mkdir()
        self.imap_port, self.pop3_port = free_port(), free_port()
        conf = self.folder / "conf"
        conf.write_text(SETTINGS.format(folder=self.folder, location=location, password=PASSWORD, imap=self.imap_port, pop3=self.pop3_port))
        self.process = subprocess.Popen([*machine.inside(), "unshare", "--mount", "--propagation", "private", "sh", "-c", BEGIN, "sh", str(DOVECOT),
                                         str(conf)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until(self.is_there, "Dovecot")

    def is_there(self):
        assert self.process.poll() is None, self.process.stdout.read()
        try:
            for port in (self.imap_port, self.pop3_port):
                socket.create_connection(("127.0.0.1", port), 60).close()
        except OSError:
            return False
        return (self.folder / "lmtp").exists()

    def by_imap(self, user):
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=60) as imap:
            imap.login(user, PASSWORD)
            imap.select("INBOX", readonly=True)
            numbers = imap.search(None, "ALL")[1][0].split()
            return [imap.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in numbers]

    def by_pop3(self, user):
        pop3 = poplib.POP3("127.0.0.1", self.pop3_port, timeout=60)
        pop3.user(user)
        pop3.pass_(PASSWORD)
        mails = [b"".join(line + b"\r\n" for line in pop3.retr(i + 1)[1]) for i in range(pop3.stat()[0])]
        pop3.quit()
        return mails

    def clear(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()


TEXT = b"".join(b"%d From me\n.\n..\n\nFrom you\n>From them\n" % i + b"x" * (i % 70) + b"\n" for i in range(2000))
MAIL = b"Subject: whole\nFrom: me@there.example\nTo: ann\nMIME-Version: 1.0\nContent-Type: text/plain\n\n" + TEXT


@pytest.mark.parametrize("location,mailbox", [("maildir:~/Maildir", None), ("mbox:~/mail:INBOX=/var/mail/%u", None), ("maildir:~/Maildir", "lmtp")])
def test_a_mail_is_fetched_whole(location, mailbox):
    machine = machines.Machine()
    dovecot = None
    try:
        if location.startswith("maildir:"):
            machine.make_maildir("ann")
        dovecot = Dovecot(machine, location)
        settings = {"PALOMA_MAILBOX": f"lmtp:unix:{dovecot.folder}/lmtp"} if mailbox else {}
        result = machine.run(PALOMA, "sendmail", "-i", "ann", input=MAIL, **settings)
        assert result.returncode == 0, result
        for (raw,) in (dovecot.by_imap("ann"), dovecot.by_pop3("ann")):
            mail = email.message_from_bytes(raw)
            got = mail.get_payload(decode=True).replace(b"\r\n", b"\n")
            if location.startswith("mbox:"):  # where nobody knows how often a ">" was put before it
                got = got.replace(b"\n>From you", b"\nFrom you").replace(b"\n>>From them", b"\n>From them")
            assert got == TEXT and mail["Subject"] == "whole" and "ann@" in mail["Delivered-To"]
        if mailbox:
            assert machine.run(PALOMA, "sendmail", "no-user-here", input=MAIL, **settings).returncode == 67
            assert machine.maildir("ann") and machine.path("/var/mail").stat() and not machine.mails("ann")
            owner = next((machine.home("ann") / "Maildir").glob("*/*.*")).stat().st_uid
            assert owner == USERS["ann"]
    finally:
        if dovecot:
            dovecot.clear()
        machine.clear()
