"""~/.forward: read with its user's rights, and believed when nobody else can have written it."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import machine as machines
from conftest import PALOMA
from machine import USERS
from processes import children_of, has_ended, look
from service import Service, until

pytestmark = pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")


def forward(machine, name, text, mode=0o600, owner=None):
    path = machine.home(name) / ".forward"
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, USERS[name] if owner is None else owner, -1)
    return path


def route(machine, *addresses, user=None, **settings):
    """(recipients, warnings)"""
    told = machine.run(PALOMA, "route", *addresses, user=user, PALOMA_RELAY="smtp://127.0.0.1:9", **{"PALOMA_FORWARD": "yes", **settings})
    lines = told.stdout.decode().splitlines()
    ways = [line.split(": ")[0] for line in lines if not line.startswith((" ", "alias", "warning", "field", "sender"))]
    return ways, [line for line in lines if line.startswith("warning")]


def test_mail_goes_where_its_user_wants_it(machine):
    forward(machine, "ann", "\\ann\nann@away.example, bob\n")
    forward(machine, "bob", "# nobody else\nbob@away.example\n")
    assert route(machine, "ann+x") == (["ann+x@here.example", "ann@away.example", "bob@away.example"], [])
    assert route(machine, "ann", PALOMA_FORWARD="no") == (["ann@here.example"], [])
    assert route(machine, "nobody") == (["nobody@here.example"], [])
    assert route(machine, "bob", user="bob") == (["bob@away.example"], [])
    assert route(machine, "bob", user="ann")[0] == ["bob@here.example"]  # whose home is closed to her


@pytest.mark.parametrize("change,words", [
    ({"mode": 0o620}, "can be written by others"), ({"mode": 0o602}, "can be written by others"), ({"mode": 0o644, "owner": USERS["bob"]}, "belongs to another user"),
    ("link", "is a symbolic link"), ("folder", "can be written by others"), ("fifo", "is no regular file"), ("long", "longer than"), ("closed", "/.forward cannot be read: Permission denied;"),
])
def test_what_another_may_have_written_is_not_believed(machine, change, words):
    path = forward(machine, "ann", "evil@away.example\n" * (1 if change != "long" else 5000), **(change if isinstance(change, dict) else {}))
    if change in ("link", "fifo"):
        path.unlink()
        os.symlink("/etc/passwd", path) if change == "link" else os.mkfifo(path)
    if change == "fifo":
        os.chown(path, USERS["ann"], -1)
    if change == "folder":
        machine.home("ann").chmod(0o770)
    if change == "closed":  # what root could read and its user cannot
        os.chown(path, 0, 0)
    recipients, (warning,) = route(machine, "ann")
    assert recipients == ["ann@here.example"] and words in warning


def test_what_is_no_address_in_it_is_not_shown(machine):
    forward(machine, "ann", "root:$6$secret:1:: x\nann@away.example\n")
    recipients, (warning,) = route(machine, "ann")
    assert recipients == ["ann@away.example"] and "secret" not in warning and f"{machine.home('ann')}/.forward:1: " in warning


def test_files_and_commands_in_it_are_used_with_the_rights_of_its_user_alone(machine):
    drop = machine.folder / "drop"
    drop.mkdir()
    drop.chmod(0o777)
    forward(machine, "ann", f"{drop}/of-ann\n/etc/of-ann\n\"|/usr/bin/tee {machine.home('ann')}/teed\"\n")
    sent = machine.send("ann", PALOMA_FORWARD="yes")
    assert sent.returncode == 75  # one of them cannot be
    assert (drop / "of-ann").stat().st_uid == USERS["ann"] and (machine.home("ann") / "teed").stat().st_uid == USERS["ann"]
    assert not machine.path("/etc/of-ann").exists()


def test_what_it_leads_to_and_cannot_be_done_now_is_not_asked_of_the_service(machine):
    """Which would read it again, and deliver to all whom it names once more."""
    machine.make_maildir("ann")
    forward(machine, "ann", "\\ann\n/etc/of-ann\n")
    service = machine.serve("forward = yes\n")
    sent = machine.send("ann", user="ann", PALOMA_FORWARD="yes", PALOMA_SUBMIT_SOCKET=str(service.submit))
    assert sent.returncode == 75 and b"/etc/of-ann" in sent.stderr and "from=<" not in service.log.read_text()
    assert len(machine.maildir("ann")) == 1


def test_the_service_has_it_read_by_its_helper(machine):
    (machine.folder / "aliases").write_text("team: ann, bob\n")
    forward(machine, "bob", f"\\bob\n{machine.folder}/of-bob\nann\n")
    machine.folder.chmod(0o777)
    service = machine.serve("forward = yes\n")
    assert machine.by_service(service, "team", input=b"Subject: s\n\nx\n").returncode == 0
    until(lambda: (machine.folder / "of-bob").exists() and machine.mails("ann") and machine.mails("bob"), "three deliveries")
    assert (machine.folder / "of-bob").stat().st_uid == USERS["bob"]


@pytest.mark.parametrize("how", ["forward", "list", "link", "folder"])
def test_nobody_has_what_he_may_not_read_read_for_him(machine, how):
    """Each line of it would be a recipient, and the report of that goes to whoever has sent the mail."""
    (machine.folder / "closed").mkdir()
    secret = machine.folder / "closed" / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o640)
    wanted = machine.home("ann") / "list"
    if how == "forward":
        forward(machine, "ann", f":include:{secret}\n")
    elif how == "list":
        wanted.write_text(f"ann@away.example\n:include:{secret}\n")
    elif how == "link":
        wanted.symlink_to(secret)
    else:
        (machine.home("ann") / "dir").symlink_to(secret.parent)
        wanted = machine.home("ann") / "dir" / "secret"
    if how != "forward":
        (machine.folder / "aliases").write_text(f"team: :include:{wanted}\n")
        os.chown(wanted, USERS["ann"], -1, follow_symlinks=False)
    os.chown(secret, 0, 0)
    expected = {"forward": "ann@here.example", "list": "ann@away.example"}.get(how, "team@here.example")
    recipients, (warning,) = route(machine, "ann" if how == "forward" else "team")
    assert recipients == [expected] and ("An :include: is not done here" in warning or "not everybody may read" in warning), warning
    secret.chmod(0o644)  # a link to what everybody may read does no harm
    if how in ("link", "folder"):
        assert route(machine, "team") == (["hunter2@here.example"], [])


def test_a_command_in_it_has_nothing_of_what_the_sender_has_open(machine):
    secret = machine.folder / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)
    program = machine.home("ann") / "program"
    program.write_text("#!/bin/sh\ncat >/dev/null\nls /proc/self/fd/7 || exit 0\nexit 1\n")
    program.chmod(0o755)
    forward(machine, "ann", f"|{program}\n")
    sent = machine.run("sh", "-c", 'exec 7<"$1"; shift; exec "$@"', "sh", secret, PALOMA, "send", "-q", "ann", input=b"x", PALOMA_FORWARD="yes")
    assert sent.returncode == 0


def test_a_command_in_it_has_no_terminal_of_the_sender(machine):
    """Whoever has it may put words into it, which its shell takes for typed."""
    program = machine.home("ann") / "program"
    program.write_text("#!/bin/sh\ncat >/dev/null\n(: </dev/tty) && exit 1\nexit 0\n")
    program.chmod(0o755)
    forward(machine, "ann", f"|{program}\n")
    terminal, end = os.openpty()
    sent = subprocess.run(["setsid", "--ctty", "--wait", *machine.inside(), PALOMA, "send", "-q", "--body", "x", "ann"], stdin=end, capture_output=True,
                          timeout=120, env=machine.environment(None, {"PALOMA_FORWARD": "yes"}))
    os.close(terminal)
    os.close(end)
    assert sent.returncode == 0, sent


STOPS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
int openat(int folder, const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = va_arg(rest, int);
	va_end(rest);
	if (strcmp(path, ".forward") == 0)
		raise(SIGSTOP);
	return ((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat"))(folder, path, flags, mode);
}
"""


TELLS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
struct passwd *getpwnam(const char *name)
{
	FILE *file = geteuid() == 0 ? fopen(getenv("ASKED_FILE"), "ae") : NULL;
	if (file) {
		fprintf(file, "%s\\n", name);
		fclose(file);
	}
	return ((struct passwd *(*)(const char *))dlsym(RTLD_NEXT, "getpwnam"))(name);
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no compiler")
def test_root_is_not_asked_for_those_who_are_nobody_here(machine, tmp_path):
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", tmp_path / "tells.so", "-ldl"], input=TELLS.encode(), check=True)
    asked = tmp_path / "asked"
    service = Service(settings="forward = yes\n", launcher=machine.inside(), owner=USERS["paloma"], environment={
        "PALOMA_MAILBOX": None, "LD_PRELOAD": str(tmp_path / "tells.so"), "ASKED_FILE": str(asked), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    machine.services.append(service)
    service.start()
    assert machine.by_service(service, "ann", input=b"To: ann, no-user\n\nx\n").returncode == 0
    until(lambda: machine.mails("ann"), "the mail")
    assert "ann" in asked.read_text().split() and "no-user" not in asked.read_text().split()


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no compiler")
def test_who_stops_the_reading_of_his_own_holds_up_nobody(machine, tmp_path):
    """It is a process of his, so that he can; the mail is then for his mailbox."""
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", tmp_path / "stops.so", "-ldl"], input=STOPS.encode(), check=True)
    forward(machine, "ann", "ann@away.example\n")
    settings = {"PALOMA_FORWARD": "yes", "LD_PRELOAD": str(tmp_path / "stops.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    assert machine.send("ann", **settings).returncode == 0
    assert len(machine.mails("ann")) == 1


def test_that_nobody_could_read_it_is_told(machine):
    forward(machine, "ann", "ann@away.example\n")
    service = machine.serve("forward = yes\n")
    (helper,) = [child for child in children_of(service.process.pid) if "\nUid:\t0\t0\t" in look(child, "status")]
    os.kill(helper, signal.SIGKILL)
    until(lambda: has_ended(helper), "its end")
    assert machine.by_service(service, "ann", input=b"x\n").returncode == 0
    service.logged(rf"warning: {re.escape(str(machine.home('ann')))}/\.forward: nobody has said what is in it; the mailbox is used\.")


def test_who_takes_mail_is_confined_as_ever(machine):
    """The helper that stays root does the reading, and over that socket nothing else."""
    machine.make_maildir("bob")
    forward(machine, "ann", "bob\n")
    service = Service(settings="forward = yes\n", words=("-v",), launcher=machine.inside(), owner=USERS["paloma"], environment={"PALOMA_MAILBOX": None})
    machine.services.append(service)
    service.start()
    told = [service.process.stdout.readline().decode() for _ in range(3)][2]
    assert told.startswith("Connections that bring mail are confined ")
    caller = service.call()
    caller.begin(recipients=("<ann@here.example>",))
    (session,) = service.sessions()
    status = pathlib.Path(f"/proc/{session}/status").read_text()
    assert "\nNoNewPrivs:\t1\n" in status and f"\nSeccomp:\t{2 if 'by seccomp' in told else 0}\n" in status
    assert caller.say("Subject: x\r\n\r\nx\r\n.").startswith("250 ")
    until(lambda: machine.maildir("bob"), "the mail")
    service.logged(r"to=<bob@here.example>, orig_to=|to=<bob@here.example>")
    assert machine.mails("ann") == []


def test_a_report_goes_where_its_reader_wants_it(machine):
    """The runner, which may not look into homes, has it read."""
    machine.make_maildir("bob")
    forward(machine, "ann", "bob\n")
    service = machine.serve("forward = yes\n")
    assert machine.by_service(service, "no-user-here", input=b"x\n").returncode == 0
    (mail,) = until(lambda: machine.maildir("bob"), "the report")
    assert mail.get_content_type() == "multipart/report" and machine.mails("ann") == []


def test_a_report_in_the_foreground_goes_there_too(machine):
    machine.make_maildir("bob")
    forward(machine, "ann", "bob\n")
    spool = machine.folder / "spool"
    sent = machine.run(PALOMA, "sendmail", "-odi", "-oem", "-fann", "no-user-here", input=b"x\n", PALOMA_QUEUE="auto", PALOMA_SPOOL=str(spool), PALOMA_FORWARD="yes")
    assert sent.returncode == 67, sent
    (mail,) = until(lambda: machine.maildir("bob"), "the report")
    assert mail.get_content_type() == "multipart/report" and machine.mails("ann") == []
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)  # the runner has ended


def test_while_the_configuration_is_gone_for_a_moment_no_mailbox_is_written(machine, sink):
    """As while an editor saves it: by its absence ann's mail would go into another mailbox."""
    relay = sink(lambda session, line: "450 4.2.0 later" if line.startswith("MAIL") else None)
    file, spool, log = machine.folder / "config" / "paloma" / "paloma.conf", machine.folder / "spool", machine.folder / "log"
    file.parent.mkdir(parents=True)
    file.write_text("[paloma]\nmailbox = maildir:%h/Elsewhere\n")
    spool.mkdir(mode=0o700)
    log.touch()
    for path in (spool, log):
        os.chown(path, USERS["paloma"], -1)
    settings = {"XDG_CONFIG_HOME": str(machine.folder / "config"), "PALOMA_QUEUE": "auto", "PALOMA_SPOOL": str(spool),
                "PALOMA_LOG": str(log), "PALOMA_RELAY": relay.url, "PALOMA_RETRY_FIRST": "1h"}

    def run(*words):
        told = machine.run(PALOMA, *words, input=b"x\n", **settings)
        assert told.returncode == 0, told

    def logged(pattern):
        until(lambda: re.search(pattern, log.read_text()), pattern)

    run("sendmail", "-f", "x@example.org", "bob@example.net")  # for which the runner stays
    logged("to=<bob@example.net>.*status=deferred")
    away = file.with_name("away")
    file.rename(away)
    run("sendmail", "-f", "x@example.org", "ann")
    logged("has died|to=<ann@here.example>")
    assert machine.mails("ann") == []
    away.rename(file)
    run("queue", "flush", "--recipient", "ann@here.example")
    logged(r"to=<ann@here.example>.*status=sent \(delivered to maildir\)")
    assert machine.mails("ann") == [] and len(machine.maildir("ann", "Elsewhere")) == 1
    run("queue", "remove", "--all")
    subprocess.run(["flock", str(spool / "runner.lock"), "true"], check=True, timeout=120)  # the runner has ended
