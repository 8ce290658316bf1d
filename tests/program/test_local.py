"""Mail into the mailboxes of this host: whose they are, who writes them, and what can go wrong."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import threading

import pytest

import machine as machines
from conftest import PALOMA
from machine import USERS
from service import NOBODY, Service, until

pytestmark = pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")


def status_of(process):
    """The user ids of a process, as the kernel knows them; of one that has ended, if only since we began to look: none."""
    try:
        return re.search(r"^Uid:\s+(.*)$", pathlib.Path(f"/proc/{process}/status").read_text(), re.M)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return [None] * 4


def children(pid):
    try:
        own = [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has ended
        return []
    return own + [further for child in own for further in children(child)]


# ---- out of the box ----

def test_a_fresh_machine_has_mail_for_root(machine):
    spool = machine.folder / "spool"
    result = machine.run(PALOMA, "sendmail", "root", input=b"hi\n", PALOMA_QUEUE="auto", PALOMA_SPOOL=str(spool))
    assert result.returncode == 0 and result.stderr == b""
    (mail,) = until(lambda: machine.mails("root"), "root's mail")
    assert mail.get_payload() == "hi\n" and mail["Delivered-To"] == "root@here.example" and mail["Return-Path"] == "<root@here.example>"
    assert mail["From"] == "root <root@here.example>" and "from userid 0" in mail["Received"]
    file = machine.path("/var/mail/root").stat()
    assert (file.st_uid, file.st_gid, stat.S_IMODE(file.st_mode)) == (0, machines.MAIL_GROUP, 0o660)
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)  # the runner has ended
    assert list((spool / "queue").iterdir()) == []


@pytest.mark.parametrize("mode", ["1777", "755"])
def test_mail_for_root_is_there_whosever_the_folder_is(machine, mode):
    """On Arch and Alpine it is of the group root; what writes root's mailbox is the user mail all the same."""
    assert machine.run("sh", "-c", f"chgrp 0 /var/mail && chmod {mode} /var/mail").returncode == 0
    for _ in range(2):
        result = machine.run(PALOMA, "sendmail", "-odi", "root", input=b"hi\n")
        assert (result.returncode, result.stderr) == (0, b"")
    file = machine.path("/var/mail/root").stat()
    assert len(machine.mails("root")) == 2 and (file.st_uid, file.st_gid, file.st_mode & 0o7777) == (0, machines.MAIL_GROUP, 0o660)
    assert machine.run(PALOMA, "sendmail", "-odi", "ann", input=b"hi\n").returncode == 0
    file = machine.path("/var/mail/ann").stat()
    assert (file.st_uid, file.st_gid, file.st_mode & 0o7777) == (USERS["ann"], USERS["ann"], 0o600), "a user's is that user's alone"


def test_mail_for_root_is_there_whatever_the_log_is(machine):
    """The runner in the background lets go of the log of who has started it, and keeps the helper."""
    spool, log = machine.folder / "spool", machine.folder / "log"
    spool.mkdir(mode=0o700)
    log.touch()
    for path in (spool, log):
        os.chown(path, USERS["paloma"], -1)
    result = machine.run(PALOMA, "sendmail", "root", input=b"hi\n", PALOMA_QUEUE="auto", PALOMA_SPOOL=str(spool), PALOMA_LOG=str(log))
    assert result.returncode == 0 and result.stderr == b""
    until(lambda: machine.mails("root") or "cannot be asked" in log.read_text(), "root's mail")
    assert len(machine.mails("root")) == 1, log.read_text()
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)  # the runner has ended


@pytest.mark.parametrize("words", [("sendmail", "-odi", "root", "ann"), ("send", "-s", "hi", "root", "ann")])
def test_in_the_foreground_the_outcome_is_known(machine, words):
    """The spool that is made is the service's, and so is who delivers; the mailboxes are not."""
    spool = machine.folder / "spool"
    result = machine.run(PALOMA, *words, input=b"hi\n", PALOMA_QUEUE="auto", PALOMA_SPOOL=str(spool))
    assert result.returncode == 0 and result.stderr == b""
    assert spool.stat().st_uid == USERS["paloma"] and list((spool / "queue").iterdir()) == []
    assert len(machine.mails("root")) == len(machine.mails("ann")) == 1
    assert b"delivered to mailbox" in result.stdout or words[0] == "sendmail"
    result = machine.run(PALOMA, *words[:-1], "no-user-here", "-q" if words[0] == "send" else "-oem", PALOMA_QUEUE="auto", input=b"x\n",
                         PALOMA_SPOOL=str(spool))
    assert result.returncode == 67 and len(machine.mails("root")) >= 2
    assert machine.run(PALOMA, "queue", "flush", PALOMA_SPOOL=str(spool)).returncode == 0
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)


@pytest.mark.skipif(not shutil.which("s-nail"), reason="there is no s-nail")
def test_other_programs_read_what_is_there(machine):
    for i in range(3):
        machine.run(PALOMA, "sendmail", "root", input=b"From: Somebody <some@body.example>\nSubject: number %d\n\nFrom here on\n" % i)
    result = machine.run("s-nail", "-n", "-N", "-R", "-f", "/var/mail/root", input=b"headers\ntype 3\nexit\n")
    assert b"number 0" in result.stdout and b"number 2" in result.stdout and b"From here on" in result.stdout, result
    assert len(machine.mails("root")) == 3


def test_names_of_this_host_are_local_and_others_are_not(machine, sink):
    relay = sink()
    for path in ("root", "root@localhost", "ROOT@Here.Example", "root+cron@here", "postmaster", "Postmaster@localhost.localdomain"):
        assert machine.send(path, PALOMA_RELAY=relay.url).returncode == 0
    assert len(machine.mails("root")) == 6 and relay.mails == []
    assert machine.send("root@elsewhere.example", PALOMA_RELAY=relay.url).returncode == 0
    assert machine.send("root", PALOMA_RELAY=relay.url, PALOMA_LOCAL="no").returncode == 0
    assert [mail.recipients for mail in relay.wait_mails(2)] == [["root@elsewhere.example"], ["root@here.example"]]
    assert machine.send("root@lists.example", PALOMA_RELAY=relay.url, PALOMA_LOCAL_DOMAINS="lists.example, x.example").returncode == 0
    assert len(machine.mails("root")) == 7


def test_a_name_without_a_domain_is_of_this_host_whatever_the_senders_domain_is(machine):
    assert machine.send("root", PALOMA_DOMAIN="example.org").returncode == 0
    assert machine.mails("root")[0]["Delivered-To"] == "root@here.example"
    assert machine.run(PALOMA, "sendmail", "-t", input=b"To: root\n\nx\n", PALOMA_DOMAIN="example.org").returncode == 0
    assert len(machine.mails("root")) == 2


def test_unknown_users(machine, sink):
    relay = sink()
    result = machine.send("nobody-here", "ann")
    assert result.returncode == 67 and b"There is no user nobody-here on this host." in result.stderr
    assert len(machine.mails("ann")) == 1
    assert machine.send("nobody-here", PALOMA_UNKNOWN_USER="relay", PALOMA_RELAY=relay.url).returncode == 0
    assert relay.wait_mails(1)[0].recipients == ["nobody-here@here.example"]
    assert machine.send("nobody-here", PALOMA_UNKNOWN_USER="relay").returncode == 67  # there is none
    assert machine.send("nobody-here", PALOMA_UNKNOWN_USER="bob").returncode == 0
    (mail,) = machine.mails("bob")
    assert mail["Delivered-To"] == "bob@here.example" and mail["X-Original-To"] == "nobody-here@here.example"
    assert machine.send("nobody-here", PALOMA_UNKNOWN_USER="all@there.example", PALOMA_RELAY=relay.url).returncode == 0
    assert relay.wait_mails(2)[1].recipients == ["all@there.example"]
    assert machine.send("ann+any", "Ann", PALOMA_UNKNOWN_USER="bob").returncode == 0
    assert len(machine.mails("ann")) == 3 and len(machine.mails("bob")) == 1


def test_unknown_users_are_told_by_the_queue_too(machine):
    service = machine.serve()
    assert machine.by_service(service, "nobody-here", input=b"x\n").returncode == 0
    service.logged(r"to=<nobody-here@here.example>, relay=none, .*dsn=5.1.1, status=bounced \(There is no user nobody-here on this host.\)")
    (mail,) = until(lambda: machine.mails("ann"), "the report")
    assert mail.get_content_type() == "multipart/report"


# ---- whose rights ----

def test_the_service_writes_every_mailbox_as_its_user(machine):
    machine.make_maildir("bob")
    service = machine.serve()
    for name in ("ann", "bob", "root"):
        assert machine.by_service(service, name, input=b"Subject: x\n\nFrom here\n").returncode == 0
    until(lambda: machine.mails("root") and machine.mails("ann") and machine.maildir("bob"), "the mails")
    assert machine.mails("ann")[0].get_payload() == ">From here\n" and machine.maildir("bob")[0].get_payload() == "From here\n"
    box = machine.path("/var/mail/ann").stat()
    assert (box.st_uid, box.st_gid, stat.S_IMODE(box.st_mode)) == (USERS["ann"], machines.MAIL_GROUP, 0o660)
    (file,) = (machine.home("bob") / "Maildir" / "new").iterdir()
    assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (USERS["bob"], 0o600)
    service.logged(r"to=<bob@here.example>, relay=local, .*dsn=2.0.0, status=sent \(delivered to maildir\)$")
    until(lambda: not service.queue(), "an empty queue")
    # one process may become a user; everything else is the owner of the spool
    own = str(USERS["paloma"])
    assert status_of(service.process.pid) == [own] * 4
    until(lambda: [status_of(child)[0] for child in children(service.process.pid) if status_of(child)[0] != own] == ["0"], "the end of the workers")
    everybody = children(service.process.pid)
    assert service.stop() == 0
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in everybody), "the end of all")


def test_the_service_needs_no_more_of_root_than_its_unit_gives(machine):
    machine.make_maildir("bob")
    service = machine.serve()
    service.stop()
    service.launcher = [*machine.inside(), "setpriv", "--bounding-set=-all,+setuid,+setgid,+chown", "--no-new-privs"]
    service.start()
    for name in ("ann", "bob", "root"):
        assert machine.by_service(service, name, input=b"x\n").returncode == 0
    until(lambda: machine.mails("root") and machine.mails("ann") and machine.maildir("bob"), "the mails")


def test_a_worker_of_a_mailbox_has_the_rights_of_its_user_and_no_others(machine):
    """It is looked at while it waits for a program of the user's."""
    mda = machine.folder / "mda"
    mda.write_text("#!/bin/sh\nid > $HOME/id\nps -o pid= -p $PPID > $HOME/parent\nls -l /proc/self/fd > $HOME/fds\n"
                   "cat > /dev/null\nmkfifo $HOME/go && cat < $HOME/go\n")
    mda.chmod(0o755)
    service = machine.serve(f"mailbox = pipe:{mda}\n")
    assert machine.by_service(service, "ann", input=b"x\n").returncode == 0
    home = machine.home("ann")
    until(lambda: (home / "go").exists(), "the program")
    parent = int((home / "parent").read_text())
    assert status_of(parent) == [str(USERS["ann"])] * 4
    text = pathlib.Path(f"/proc/{parent}/status").read_text()
    assert re.search(r"^CapEff:\s+0+$", text, re.M) and re.search(r"^CapPrm:\s+0+$", text, re.M)
    assert "uid=7001(ann) gid=7001 groups=7001" in (home / "id").read_text()
    # nor is there anything of ours but the three: not the queue's file above all
    assert "spool" not in (home / "fds").read_text() and "socket:" not in (home / "fds").read_text()
    # and the user cannot look into it
    assert machine.run("ls", f"/proc/{parent}/fd", user="ann").returncode != 0
    with open(home / "go", "w", encoding="ascii"):
        pass
    service.logged(r"status=sent \(delivered to command\)")


WHO_CAN = ("paloma serve, when it is started by root, writes it as the user mail, and an entry for root in the aliases file leads "
           "elsewhere.")


def test_users_deliver_to_themselves_and_not_to_others(machine):
    machine.make_maildir("ann")
    assert machine.send("ann", user="ann").returncode == 0
    assert len(machine.maildir("ann")) == 1
    for other in ("bob", "root"):
        result = machine.send(other, user="ann")
        assert result.returncode == 75 and machine.mails(other) == [], result.stderr
    result = machine.send("bob", user="ann")
    assert b"The mailbox of bob can be written by that user alone" in result.stderr
    result = machine.send("root", user="ann")
    assert result.stderr.decode().endswith(f"Cannot open the mailbox /var/mail/root: Permission denied; {WHO_CAN}\n"), result


def test_users_hand_the_mail_of_others_to_the_service(machine):
    service = machine.serve()
    machine.make_maildir("ann")
    for name in ("ann", "bob", "root"):
        assert machine.send(name, user="ann", PALOMA_SUBMIT_SOCKET=str(service.submit)).returncode == 0
    until(lambda: machine.mails("bob") and machine.mails("root"), "the mails")
    assert len(machine.maildir("ann")) == 1 and "userid 7001" in machine.mails("root")[0]["Received"]


def test_a_service_that_is_not_root_does_not_ask_itself(machine):
    service = machine.serve()
    service.stop()
    service.launcher = machine.inside(USERS["paloma"])
    os.chown(service.submit.parent, USERS["paloma"], USERS["paloma"])
    service.start()
    assert machine.by_service(service, "bob", input=b"x\n").returncode == 0
    service.logged(r"to=<bob@here.example>, relay=local, .*status=deferred \(The mailbox of bob can be written by that user alone")
    assert len(service.queue()) == 1


def test_a_queue_of_roots_own_becomes_the_user_too(machine):
    spool = machine.folder / "spool"
    spool.mkdir(mode=0o700)
    settings = {"PALOMA_QUEUE": "auto", "PALOMA_SPOOL": str(spool)}
    for name in ("ann", "bob"):
        assert machine.run(PALOMA, "sendmail", name, input=b"x\n", **settings).returncode == 0
    assert machine.run(PALOMA, "sendmail", "-odi", "ann", input=b"x\n", **settings).returncode == 0
    until(lambda: len(machine.mails("ann")) == 2 and len(machine.mails("bob")) == 1, "the mails")
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)
    assert machine.path("/var/mail/ann").stat().st_uid == USERS["ann"]


# ---- many, much, and too much ----

def test_many_write_one_mbox_at_once(machine):
    def send(i):
        return machine.run(PALOMA, "sendmail", "ann", input=b"Subject: mail %d\n\n" % i + b"From me\n" * 400)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = list(pool.map(send, range(30)))
    assert [result.returncode for result in results] == [0] * 30, results
    mails = machine.mails("ann")
    assert sorted(mail["Subject"] for mail in mails) == sorted(f"mail {i}" for i in range(30))
    assert all(mail.get_payload() == ">From me\n" * 400 for mail in mails)
    assert not machine.path("/var/mail/ann.lock").exists()


def test_a_reader_and_a_writer_do_not_meet(machine):
    """Who has a lock of either kind is waited for."""
    assert machine.send("ann").returncode == 0
    lock = machine.path("/var/mail/ann.lock")
    lock.touch()
    thread = threading.Thread(target=lambda: results.append(machine.send("ann")))
    results = []
    thread.start()
    lock.unlink()
    thread.join()
    assert results[0].returncode == 0 and len(machine.mails("ann")) == 2


def test_the_group_of_the_folder_of_mailboxes_is_for_the_mbox_alone(machine):
    """A user who makes a link of her Maildir while a worker of hers has that group gets nothing by it."""
    lock = machine.path("/var/mail/ann.lock")
    lock.touch()
    service = machine.serve("connections_per_destination = 1\n")
    with machines.Opened(machine.path("/var/mail"), "ann") as opened:
        for number in (1, 2):
            assert machine.by_service(service, "ann", input=b"Subject: %d\n\nx\n" % number).returncode == 0
        opened.wait()  # the worker has chosen the mbox; that it is there, made by root, says nothing of that
    service.logged("(?s)(queue active).*(queue active)")
    (machine.home("ann") / "Maildir").symlink_to("/var/mail")
    lock.unlink()
    service.logged("(?s)status=sent.*status=")
    assert os.listdir(machine.path("/var/mail")) == ["ann"]


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_a_full_disk_puts_mail_off_and_leaves_nothing_behind(machine, kind):
    place = machine.home("ann") / "small"
    place.mkdir()
    assert machine.run("mount", "-t", "tmpfs", "-o", f"size=256k,uid={USERS['ann']},mode=700", "none", place).returncode == 0
    seen = machine.path(place)
    mailbox = f"{kind}:%h/small/box"
    assert machine.send("ann", PALOMA_MAILBOX=mailbox).returncode == 0

    def files():
        return sorted((str(path), path.stat().st_size) for path in seen.rglob("*") if path.is_file())
    before = files()
    result = machine.send("ann", text="x" * 70 + "\n" * 400000, PALOMA_MAILBOX=mailbox)
    name = {"mbox": "mailbox", "maildir": "Maildir"}[kind]
    assert result.returncode == 75 and f"Cannot write to the {name} {place}/box: No space left on device.".encode() in result.stderr
    assert files() == before and len(before) == 1
    assert machine.send("ann", PALOMA_MAILBOX=mailbox).returncode == 0


def test_a_mail_that_was_put_off_comes_when_there_is_room(machine):
    service = machine.serve("retry_first = 1\n")
    box = machine.path("/var/mail/ann")
    box.mkdir()
    assert machine.by_service(service, "ann", input=b"x\n").returncode == 0
    service.logged("status=deferred")
    box.rmdir()
    machine.run(PALOMA, "queue", "-C", service.conf, "flush")
    until(lambda: box.is_file() and machine.mails("ann"), "the mail")


# ---- what a user, or a stranger, might put in the way ----

def test_nothing_is_written_through_a_link(machine):
    aim, bobs = machine.folder / "aim", machine.home("bob") / "secret"
    aim.write_text("precious")
    os.chown(aim, USERS["ann"], USERS["ann"])
    bobs.write_text("precious")
    os.chown(bobs, USERS["bob"], USERS["bob"])
    box = machine.path("/var/mail/ann")
    for make in (lambda: box.symlink_to(aim), lambda: box.symlink_to(bobs), lambda: box.symlink_to("/etc/shadow"), lambda: os.mkfifo(box),
                 lambda: box.symlink_to(machine.folder / "new")):
        make()
        assert machine.send("ann").returncode == 75
        box.unlink()
    assert aim.read_text() == bobs.read_text() == "precious" and not (machine.folder / "new").exists()
    # of another's file, another name of one's own, and of root's
    (machine.path("/var/mail/x")).write_text("precious")
    for owner in (USERS["bob"], USERS["ann"], 0):
        os.chown(machine.path("/var/mail/x"), owner, owner)
        os.link(machine.path("/var/mail/x"), box)
        assert machine.send("ann").returncode == 75
        box.unlink()
    assert machine.path("/var/mail/x").read_text() == "precious"
    assert machine.send("ann").returncode == 0


def test_a_home_leads_nowhere_that_its_user_could_not_write(machine):
    machine.make_maildir("bob")
    (machine.home("ann") / "Maildir").symlink_to(machine.home("bob") / "Maildir")
    assert machine.send("ann").returncode == 0  # it is seen with ann's eyes, and so is not there
    assert machine.maildir("bob") == [] and len(machine.mails("ann")) == 1
    (machine.home("ann") / "box").symlink_to("/var/mail")
    before = sorted(machine.path("/var/mail").iterdir())
    assert machine.send("ann", PALOMA_MAILBOX="mbox:%h/box/bob").returncode == 75
    assert sorted(machine.path("/var/mail").iterdir()) == before


def test_a_mail_that_comes_again_goes_round_in_circles(machine):
    mail = b"Delivered-To: Ann@Here.example\nSubject: again\n\nDelivered-To: bob@here.example\n"
    assert machine.run(PALOMA, "sendmail", "ann", input=mail).returncode == 69
    assert machine.mails("ann") == []
    assert machine.run(PALOMA, "sendmail", "bob", input=mail).returncode == 0  # in the text it means nothing


def test_addresses_are_names_and_nothing_else(machine):
    for path in ("/etc/passwd", "|/bin/sh", "../root", '"|id"@localhost', "-x@localhost", '"a b"@here.example', "*@localhost", '"ann:x"@localhost'):
        result = machine.run(PALOMA, "sendmail", "--", path, input=b"x\n")
        assert result.returncode in (65, 67), (path, result)
    assert not list(machine.path("/var/mail").iterdir())


# ---- programs and servers ----

def test_a_program_takes_the_mail_as_the_user(machine):
    mda = machine.folder / "mda"
    mda.write_text('#!/bin/sh\n{ id -u; pwd; env | sort; printf "<%s>" "$@"; echo; cat; } > got\nexit ${EXTENSION:-0}\n')
    mda.chmod(0o755)
    mailbox = f"pipe:{mda} -d %u -e %e --domain=%d"
    assert machine.send("ann", "-s", "hi", PALOMA_MAILBOX=mailbox, PALOMA_PASSWORD="secret").returncode == 0
    got = (machine.home("ann") / "got").read_text()
    assert got.startswith(f"7001\n{machine.home('ann')}\n") and "\nSENDER=me@there.example\n" in got and "secret" not in got
    assert re.search(r"<-d><ann><-e><><--domain=here.example>\nFrom me@there.example \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n", got)
    assert "\nReturn-Path: <me@there.example>\nDelivered-To: ann@here.example\n" in got
    assert "\r" not in got and "\nSubject: hi\n" in got
    for extension, status in (("75", 75), ("67", 67), ("77", 77), ("1", 69), ("0", 0)):
        assert machine.send(f"ann+{extension}", PALOMA_MAILBOX=mailbox).returncode == status
    result = machine.send('"ann+$(touch x);`id`"@localhost', PALOMA_MAILBOX=mailbox)
    assert "<-e><$(touch x);`id`>" in (machine.home("ann") / "got").read_text(), result
    # root's mail runs nothing
    assert machine.send("root", PALOMA_MAILBOX=mailbox).returncode == 0
    assert len(machine.mails("root")) == 1


def test_no_mail_waits_for_the_program_of_another(machine):
    started, go = machine.home("ann") / "started", machine.home("ann") / "go"
    mda = machine.folder / "mda"
    mda.write_text("#!/bin/sh\ncat >/dev/null\necho x >>started\nread line <go\nexit 0\n")
    mda.chmod(0o755)
    os.mkfifo(go)
    os.chown(go, USERS["ann"], USERS["ann"])
    spool = machine.folder / "spool"
    settings = {"PALOMA_QUEUE": "auto", "PALOMA_SPOOL": str(spool), "PALOMA_MAILBOX": f"pipe:{mda}"}
    for _ in range(2):
        assert machine.run(PALOMA, "sendmail", "-odq", "ann", input=b"x\n", **settings).returncode == 0
    with open(go, "r+b", buffering=0) as both:
        try:
            assert machine.run(PALOMA, "queue", "flush", **settings).returncode == 0
            until(lambda: started.exists() and started.read_text() == "x\nx\n", "both at the same time")
        finally:
            both.write(b"\n" * 4)
            until(lambda: not os.listdir(spool / "queue"), "their end")
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)


@pytest.mark.skipif(not shutil.which("maildrop"), reason="there is no maildrop")
def test_maildrop_takes_the_mail(machine):
    machine.make_maildir("ann")
    filter = machine.home("ann") / ".mailfilter"
    filter.write_text('if (/^Subject: .*bad/)\n{\n  EXITCODE=77\n  exit\n}\nto "$HOME/Maildir"\n')
    filter.chmod(0o600)
    os.chown(filter, USERS["ann"], USERS["ann"])
    mailbox = f"pipe:{shutil.which('maildrop')} {filter}"
    assert machine.send("ann", "-s", "good", PALOMA_MAILBOX=mailbox).returncode == 0
    (mail,) = machine.maildir("ann")
    assert mail["Subject"] == "good" and mail["Delivered-To"] == "ann@here.example"
    assert machine.send("ann", "-s", "bad", PALOMA_MAILBOX=mailbox).returncode == 77
    filter.chmod(0o666)  # which maildrop refuses, for now
    result = machine.send("ann", PALOMA_MAILBOX=mailbox)
    assert result.returncode == 75 and b"maildrop" in result.stderr and len(machine.maildir("ann")) == 1


class Lmtp(threading.Thread):
    """A server of mailboxes that knows ann only."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o666)
        self.listener.listen()
        self.lines = []

    def run(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rwb") as file:
            taken, in_data = 0, False

            def say(text):
                file.write(text.encode() + b"\r\n")
                file.flush()
            say("220 lmtp")
            for line in file:
                line = line.decode().rstrip("\r\n")
                self.lines.append(line)
                if in_data:
                    if line == ".":
                        in_data = False
                        for _ in range(taken):
                            say("250 2.0.0 kept")
                elif line.startswith("RCPT"):
                    taken += "ann" in line
                    say("250 ok" if "ann" in line else "550 5.1.1 nobody")
                elif line == "DATA":
                    in_data = True
                    say("354 go")
                else:
                    say("221 bye" if line == "QUIT" else "250 ok")
                if line == "QUIT":
                    return


def test_a_server_that_has_the_mailboxes(machine):
    path = machine.folder / "lmtp"
    server = Lmtp(path)
    server.start()
    result = machine.send("ann", "no-user-here", PALOMA_MAILBOX=f"lmtp:unix:{path}")
    server.join(60)
    server.listener.close()
    assert result.returncode == 67 and b"no-user-here@here.example" in result.stderr
    assert "RCPT TO:<ann@here.example>" in server.lines and machine.mails("ann") == []


@pytest.mark.parametrize("settings", ["", "mailbox = maildir:%h/Mail/%e\n", "mailbox = mbox:%h/box/%d-%u\n"])
def test_who_writes_a_mailbox_is_confined_to_its_folder(machine, settings):
    """seccomp and Landlock of such a process are tried in tests/base/sandbox_test.c."""
    for folder in ("Mail", "box"):
        (machine.home("bob") / folder).mkdir()
        os.chown(machine.home("bob") / folder, USERS["bob"], USERS["bob"])
    service = machine.serve(settings)
    lock = machine.home("bob") / "box/here.example-bob.lock" if "mbox" in settings else machine.path("/var/mail/bob.lock")
    if "maildir" not in settings:
        lock.touch()  # so that the writer waits
    assert machine.by_service(service, "bob", "bob+x", input=b"Subject: x\n\ntext\n").returncode == 0
    if "maildir" not in settings:
        writer = until(lambda: [pid for pid in children(service.process.pid) if status_of(pid)[0] == str(USERS["bob"])], "the writer")[0]
        status = until(lambda: (text := pathlib.Path(f"/proc/{writer}/status").read_text()) and "\nNoNewPrivs:\t1\n" in text and text, "its confinement")
        until(lambda: re.search(r"\nSeccomp:\t2\n", pathlib.Path(f"/proc/{writer}/status").read_text()), "its filter")
        lock.unlink()
    until(lambda: not service.queue(), "an empty queue")
    if "maildir" in settings:
        assert [len(machine.maildir("bob", folder)) for folder in ("Mail", "Mail/x")] == [1, 1]
    elif settings:
        assert (machine.home("bob") / "box/here.example-bob").read_text().count("Delivered-To: ") == 2
    else:
        assert len(machine.mails("bob")) == 2
    assert "less confined" not in service.log.read_text() and service.log.read_text().count("status=sent") == 2


# A directory service may know a user by more names than one, and whatever their case.
KNOWS_MORE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <strings.h>

struct passwd *getpwnam(const char *name)
{
	struct passwd *(*real)(const char *) = (struct passwd *(*)(const char *))dlsym(RTLD_NEXT, "getpwnam");

	return real(strcasecmp(name, "bob.brown") == 0 ? "bob" : name);
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no compiler")
@pytest.mark.parametrize("name", ["bob.brown", "Bob.Brown", "bob.brown+x", "BOB+x"])
def test_who_writes_a_mailbox_knows_its_user_by_each_name(machine, tmp_path, name):
    """He cannot ask any more, and the runner has found out whose mail it is."""
    library = tmp_path / "knows.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"], input=KNOWS_MORE.encode(), check=True)
    service = Service(launcher=machine.inside(), owner=USERS["paloma"], environment={
        "PALOMA_MAILBOX": None, "LD_PRELOAD": str(library), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    machine.services.append(service)
    service.start()
    assert machine.by_service(service, name, input=b"Subject: x\n\ntext\n").returncode == 0
    until(lambda: not service.queue(), "an empty queue")
    assert len(machine.mails("bob")) == 1, service.log.read_text()


def test_the_service_tells_how_writers_are_confined(machine):
    service = Service(words=("-v",), launcher=machine.inside(), owner=USERS["paloma"], environment={"PALOMA_MAILBOX": None})
    machine.services.append(service)
    service.start()
    told = [service.process.stdout.readline().decode() for _ in range(4)]
    assert told[2].startswith("Connections that bring mail are ") and told[3].startswith("Writers of mailboxes run as their users, confined ")


# ---- what aliases lead to ----

@pytest.mark.parametrize("by_service", [False, True])
def test_aliases_lead_to_files_and_programs_with_nobodys_rights(machine, by_service):
    place = machine.folder / "place"
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    (machine.folder / "aliases").write_text(f"""root: ann
all: ann, bob, archive, "|/bin/sh -c 'id -u > {place}/id; cat > {place}/got'"
archive: {place}/archive, {place}/folder/
gone: /dev/null
secret: /var/mail/bob
""")
    service = machine.serve("aliases_may_write = yes\n") if by_service else None

    def send(name):
        if service:
            return machine.by_service(service, name, input=b"Subject: x\n\ntext\n")
        return machine.send(name, "-s", "x", PALOMA_ALIASES_MAY_WRITE="yes")
    assert send("all").returncode == 0
    until(lambda: (place / "got").exists() and (place / "got").read_text().endswith("\n") and (place / "archive").exists()
          and list((place / "folder").glob("new/*")) and machine.mails("ann") and machine.mails("bob"), "all copies")
    assert (place / "id").read_text() == f"{NOBODY}\n" and (place / "archive").stat().st_uid == NOBODY
    assert "Delivered-To: all@here.example\n" in (place / "got").read_text()
    assert send("root").returncode == send("gone").returncode == 0
    if not service:  # what an alias leads to is not unknown
        result = machine.send("archive", PALOMA_ALIASES_MAY_WRITE="yes", PALOMA_UNKNOWN_USER="bob")
        assert result.returncode == 0 and len(machine.mails("bob")) == 1
    until(lambda: len(machine.mails("ann")) == 2, "root's mail")
    assert not machine.path("/var/mail/root").exists() and not machine.path("/var/mail/nobody").exists()
    result = send("secret")
    if service:
        service.logged(r"to=<secret@here.example>, .*status=deferred")
    else:
        assert result.returncode == 75
    assert len(machine.mails("bob")) == 1


@pytest.mark.parametrize("by_service", [False, True])
@pytest.mark.parametrize("user, rights", [("bob", ("7002", "7002", [7002])), ("bob:mail", ("7002", str(machines.MAIL_GROUP), [machines.MAIL_GROUP]))])
def test_whose_rights_they_are_used_with_is_configured(machine, by_service, user, rights):
    place = machine.folder / "place"
    place.mkdir()
    place.chmod(0o777)
    (machine.folder / "aliases").write_text(f"""all: {place}/file, "|/bin/sh -c 'id -u >{place}/ids; id -g >>{place}/ids; id -G >>{place}/ids; cat >{place}/got'"
""")
    if by_service:
        service = machine.serve(f"aliases_may_write = yes\naliases_user = {user}\n")
        assert machine.by_service(service, "all", input=b"x\n").returncode == 0
    else:
        assert machine.send("all", PALOMA_ALIASES_MAY_WRITE="yes", PALOMA_ALIASES_USER=user).returncode == 0
    until(lambda: (place / "file").exists() and (place / "got").exists() and (place / "got").read_text().endswith("\n"), "both")
    uid, gid, groups = (place / "ids").read_text().splitlines()
    assert (uid, gid, sorted(map(int, groups.split()))) == rights and (place / "file").stat().st_uid == USERS["bob"]


@pytest.mark.parametrize("user, words", [("nobody-here", "There is no user nobody-here"), ("bob:no-such-group", "There is no group no-such-group"),
                                         ("toor", "has the rights of root"), ("bob:toor", "is root's, and not used")])
def test_a_mistake_in_whose_rights_they_are_costs_no_mail(machine, user, words):
    with (machine.folder / "passwd").open("a") as file:
        file.write("toor:x:0:0::/root:/bin/sh\n")
    if user == "bob:toor":
        group = machine.folder / "group"
        group.write_text(pathlib.Path("/etc/group").read_text() + "toor:x:0:\n")
        subprocess.run([*machine.inside(), "mount", "--bind", group, "/etc/group"], check=True)
    (machine.folder / "aliases").write_text('prog: "|/usr/bin/touch /tmp/never"\n')
    sent = machine.send("prog", PALOMA_ALIASES_MAY_WRITE="yes", PALOMA_ALIASES_USER=user)
    assert sent.returncode == 75 and words in sent.stderr.decode(), sent


def test_the_runner_gets_no_group_that_is_not_configured(machine):
    """Who has taken it over could ask for one; the process of that user has its own groups then."""
    place = machine.folder / "place"
    place.mkdir()
    place.chmod(0o777)
    (machine.folder / "aliases").write_text(f'prog: "|/bin/sh -c \'id -G >{place}/ids; cat >{place}/got\'"\n')
    service = machine.serve("aliases_may_write = yes\naliases_user = bob:mail\n")
    service.logged("Workers ")
    # the helper reads the configuration anew, the runner has that of before
    service.configure("aliases_may_write = yes\naliases_user = bob:tty\n")
    assert machine.by_service(service, "prog", input=b"x\n").returncode == 0
    service.logged("status=deferred")
    assert not (place / "ids").exists() or "8" not in (place / "ids").read_text().split()


def test_what_is_not_allowed_is_not_done_though_the_queue_says_so(machine):
    """Not even when it was allowed when the mail came in, or somebody has written it into the queue."""
    place = machine.folder / "place"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    (machine.folder / "aliases").write_text(f'prog: "|/usr/bin/touch {place}/run"\n')
    service = machine.serve("aliases_may_write = yes\n")
    service.stop()
    put = machine.run(PALOMA, "send", "-C", service.conf, "--queue", "prog", input=b"x\n", PALOMA_QUEUE="auto")
    assert put.returncode == 0, put
    assert any("target: |/usr/bin/touch" in text for text in service.queue().values())
    service.configure("aliases_may_write = no\n")
    service.start()
    service.logged("dsn=5.7.1, status=bounced .An alias leads to .*which the configuration does not allow")
    assert not (place / "run").exists()
