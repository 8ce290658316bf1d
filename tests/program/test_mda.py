"""Programs that people filter their mail by, in the place of the mailbox: procmail and maildrop."""
import os
import shutil

import pytest

import machine as machines
from box import BUILD
from callers import needs
from machine import USERS

PROCMAIL = BUILD / "procmail/usr/bin/procmail"
FROM = "me@there.example"
pytestmark = [pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own"), needs(PROCMAIL, "maildrop")]


@pytest.fixture
def machine():
    made = machines.Machine()
    yield made
    made.clear()


def write(machine, name, text):
    file = machine.home("ann") / name
    file.write_text(text)
    file.chmod(0o600)
    os.chown(file, USERS["ann"], USERS["ann"])
    return file


@pytest.fixture(params=["procmail", "maildrop"])
def filtered(machine, request):
    """filtered(more words) is the mailbox of a user whose filter returns what is bad, puts off what may wait, and files by the rest."""
    machine.make_maildir("ann")
    if request.param == "procmail":
        write(machine, ".procmailrc", """MAILDIR=$HOME
DEFAULT=$HOME/Maildir/
LOGFILE=$HOME/log
:0
* ^Subject: .*bad
{
  EXITCODE=77
  :0
  /dev/null
}
:0
* ^Subject: .*later
{
  EXITCODE=75
  :0
  /dev/null
}
EXTENSION=$1
:0
* EXTENSION ?? ^^lists^^
mbox
""")
        return f"pipe:{PROCMAIL} -t -a %e"
    file = write(machine, "filter", """if (/^Subject: .*bad/)
{
  EXITCODE=77
  exit
}
if (/^Subject: .*later/)
{
  EXITCODE=75
  exit
}
if ("$EXTENSION" eq "lists" || "$1" eq "lists")
{
  to "$HOME/mbox"
}
to "$HOME/Maildir"
""")
    return f"pipe:{shutil.which('maildrop')} {file} %e"


def test_a_filter_files_returns_and_puts_off(machine, filtered):
    assert machine.send("ann", "-s", "Grüße", text="Grüße\n.\nFrom here on\n" + "x" * 200000 + "\n", PALOMA_MAILBOX=filtered).returncode == 0
    (mail,) = machine.maildir("ann")
    assert mail["Return-Path"] == f"<{FROM}>" and mail["Delivered-To"] == "ann@here.example"
    text = mail.get_payload(decode=True).decode()
    assert text.replace("\n>From", "\nFrom").startswith("Grüße\n.\nFrom here on\nxxx") and len(text.rstrip("\n>")) >= 200020
    assert machine.send("ann", "-s", "bad", PALOMA_MAILBOX=filtered).returncode == 77
    assert machine.send("ann", "-s", "later", PALOMA_MAILBOX=filtered).returncode == 75
    assert len(machine.maildir("ann")) == 1


def test_a_filter_hears_what_stands_behind_the_plus(machine, filtered):
    for path in ("ann+lists", "ann+lists", "ann+$(touch x)`id`;"):
        assert machine.send(f'"{path}"@localhost', "-s", "x", PALOMA_MAILBOX=filtered).returncode == 0
    text = (machine.home("ann") / "mbox").read_text()
    assert text.count("\nDelivered-To: ") == 2 and text.count("\nSubject: x\n") == 2 and text.startswith("From ")
    assert len(machine.maildir("ann")) == 1 and not (machine.home("ann") / "x").exists()


def test_a_filter_without_room_puts_it_off(machine, filtered):
    """procmail by -t: without it, it says that a mailbox cannot be made (73), and the mail would be returned."""
    shutil.rmtree(machine.home("ann") / "Maildir")
    (machine.home("ann") / "Maildir").mkdir()
    assert machine.run("mount", "-t", "tmpfs", "-o", f"size=128k,uid={USERS['ann']},mode=700", "none", machine.home("ann") / "Maildir").returncode == 0
    machine.run("sh", "-c", f"cd {machine.home('ann')}/Maildir && mkdir cur new tmp", user="ann")
    result = machine.send("ann", text="x" * 70 + "\n" * 400000, PALOMA_MAILBOX=filtered)
    assert result.returncode == 75, result
    kept = machine.path(machine.home("ann") / "Maildir")
    assert list((kept / "new").iterdir()) == []
    assert machine.send("ann", PALOMA_MAILBOX=filtered).returncode == 0 and len(list((kept / "new").iterdir())) == 1
