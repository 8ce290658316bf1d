"""An aliases file, or one that it includes, that cannot be read: nobody is unknown for that, and no mail goes to who would not have had it."""
import collections
import contextlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import machine as machines
import spool_reader
from conftest import PALOMA
from service import until

CONFIG = {"relay": "smtp://127.0.0.1:1", "host_name": "web1.example.net", "domain": "web1.example.net", "retry_first": 3600}


def folder(path):
    path.unlink()
    path.mkdir()
    (path / "x").touch()


def loop(path):
    path.unlink()
    path.symlink_to(path)


BROKEN = {
    "folder": (folder, "is not a regular file."), "loop": (loop, "Too many levels of symbolic links"),
    "large": (lambda path: os.truncate(path, 65 * 1024 * 1024), "is longer than 67108864 octets"),
    "open to all": (lambda path: path.chmod(0o666), "can be written by everybody (mode 0666)"),
    "missing": (lambda path: path.unlink(), "which the configuration names, does not exist."),
}


@pytest.fixture
def host(queue, sink, tmp_path):
    """host(text, settings) gives a queue that is this host, whose relay takes everything."""
    def make(text, **settings):
        aliases = tmp_path / "aliases"
        aliases.write_text(text)
        relay = sink()
        made = queue(aliases=aliases, **{**CONFIG, "relay": relay.url, **settings})
        made.aliases, made.relay = aliases, relay
        return made
    return make


def mend(path, text):
    """At once: the runner may be reading it for the attempt before, and would take half a file for all of it."""
    if path.is_dir() and not path.is_symlink():
        (path / "x").unlink()
        path.rmdir()
    whole = path.with_name(path.name + ".new")
    whole.write_text(text)
    whole.chmod(0o644)
    whole.replace(path)


@pytest.mark.parametrize("how", BROKEN)
def test_mail_for_names_of_this_host_waits_until_it_can(host, how):
    text = "ops: a@example.com, b@example.com\nowner-ops: boss@example.com\nteam: ops, c@example.com\n"
    here = host(text)
    breaks, words = BROKEN[how]
    breaks(here.aliases)
    sent = here.run("sendmail", "-odi", "ops", "team", "ann@example.com", input=b"Subject: x\n\ntext\n")  # the fate is open
    assert sent.returncode == 75, sent
    (outside,) = here.relay.wait_mails(1)
    assert outside.recipients == ["ann@example.com"]
    (left,) = here.list()
    assert [recipient["address"] for recipient in left["recipients"]][:2] == ["ops@web1.example.net", "team@web1.example.net"]
    for recipient in left["recipients"][:2]:
        assert str(here.aliases) in recipient["reason"] and words in recipient["reason"], recipient
    log = here.log_text()
    assert re.search(rf"cleanup.*: warning: .*{re.escape(str(here.aliases))}", log) and log.count("status=deferred") == 2
    here.flush()  # and still not
    until(lambda: here.log_text().count("status=deferred") == 4, "a second attempt")
    here.wait_put_off(left["queue_id"])
    assert len(here.relay.mails) == 1
    mend(here.aliases, text)
    here.flush()
    mails = here.relay.wait_mails(3)[1:]
    assert {(mail.sender, " ".join(mail.recipients)) for mail in mails} == {("boss@example.com", "a@example.com b@example.com"),
                                                                          (outside.sender, "c@example.com")}
    assert all(b"Subject: x\r\n" in mail.data for mail in mails)
    here.wait_runner_ends()
    assert here.files() == [] and "the aliases can be read again: it goes on as" in here.log_text()


@pytest.mark.parametrize("how", BROKEN)
def test_where_nothing_is_kept_it_fails_for_now(host, how):
    here = host("root: me@example.com\n", queue="never")
    BROKEN[how][0](here.aliases)
    for words in (("sendmail", "root"), ("send", "--body", "x", "root")):
        sent = here.run(*words, input=b"x\n")
        assert sent.returncode == 75 and str(here.aliases).encode() in sent.stderr and BROKEN[how][1].encode() in sent.stderr, sent
    assert here.relay.mails == []
    told = here.run("route", "root")
    assert told.returncode == 75 and b"no way: " in told.stdout and str(here.aliases).encode() in told.stdout
    assert here.run("newaliases").returncode != 0


def absent(path):
    path.unlink()


INCLUDED = {**{how: BROKEN[how] for how in BROKEN if how != "missing"}, "missing": (absent, "No such file or directory"),
            "link to what is closed": (lambda path: (path.rename(f"{path}.real"), path.symlink_to(f"{path}.real"), path.chmod(0o640)),
                                       "is a link, or is behind one, to what not everybody may read.")}


@pytest.fixture
def lists(host, tmp_path):
    """A host with two lists that include a file each, good and bad, which is broken."""
    def make(how, **settings):
        for name in "good", "bad":
            (tmp_path / name).write_text(f"{name}1@example.com\n{name}2@example.com\n")
        here = host(f"bad: shared, :include:{tmp_path}/bad\nowner-bad: boss@example.com\nover: bad, o@example.com\n"
                    f"good: shared, :include:{tmp_path}/good\nshared: s@example.com\n", **settings)
        here.bad, here.good = tmp_path / "bad", tmp_path / "good"
        INCLUDED[how][0](here.bad)
        here.words = INCLUDED[how][1]
        return here
    return make


@pytest.mark.parametrize("how", INCLUDED)
def test_who_needs_a_file_waits_for_it_and_the_others_do_not(lists, how):
    here = lists(how)
    sent = here.run("sendmail", "-odi", "bad", "over", "good", "ann@example.com", input=b"Subject: x\n\ntext\n")
    assert sent.returncode == 75, sent
    (first,) = here.relay.wait_mails(1)
    assert sorted(first.recipients) == ["ann@example.com", "good1@example.com", "good2@example.com", "s@example.com"]
    (left,) = here.list()
    waiting = [recipient for recipient in left["recipients"] if str(here.bad) in recipient.get("reason", "")]
    assert [recipient["address"] for recipient in waiting] == ["bad@web1.example.net", "over@web1.example.net"]
    assert all(here.words in recipient["reason"] for recipient in waiting), left
    assert re.search(rf"cleanup.*: warning: {re.escape(str(here.aliases))}:1: .*{re.escape(str(here.bad))}", here.log_text())
    here.flush()  # and still not
    until(lambda: here.log_text().count("status=deferred") == 4, "a second attempt")
    here.wait_put_off(left["queue_id"])
    mend(here.bad, "new@example.com\n")
    here.flush()
    mails = here.relay.wait_mails(3)[1:]
    assert {(mail.sender, " ".join(mail.recipients)) for mail in mails} == {("boss@example.com", "new@example.com"),  # s has it
                                                                          (first.sender, "o@example.com")}
    here.wait_runner_ends()
    waited = here.run("queue", "wait", left["queue_id"])  # it went on as others, whose fates these are
    assert here.files() == [] and (waited.returncode, waited.stdout, waited.stderr) == (0, b"", b"")


def has_open(process, text):
    """Whether it has a mail of the queue open in which that stands."""
    for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "/queue/" in os.readlink(fd) and text in fd.read_bytes():
                return True
    return False


def test_who_waits_hears_of_the_mails_that_it_goes_on_as(lists, sink):
    """Who is refused, and why, it reads in the mail itself, which it must have opened before it is gone."""
    def refuse(_, line):
        if line.startswith("RCPT TO:<o@"):
            until(lambda: has_open(waiting, b"\nto: o@example.com\n"), "that it waits for that mail")
            return "550 5.1.1 unknown here"
        return None

    refusing = sink(refuse)
    here = lists("missing", relay=refusing.url)
    assert here.run("sendmail", "-odi", "-f", "ann@example.com", "bad", "over", input=b"Subject: x\n\ntext\n").returncode == 75
    (left,) = here.list()
    id = left["queue_id"]
    still = here.run("queue", "wait", id, "--timeout", "1")
    assert (still.returncode, still.stderr.decode()) == (75, f"paloma: The message {id} is still in the queue.\n")
    here.do("hold", id)
    waiting = subprocess.Popen([PALOMA, "queue", "wait", id], env=here.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: has_open(waiting, b"\nto: over@"), "that it waits")
    mend(here.bad, "new@example.com\n")
    here.do("release", id)
    out, told = waiting.communicate(timeout=120)
    assert waiting.returncode == 67 and out == b"", told
    first, why = told.decode().splitlines()
    assert re.fullmatch(r"paloma: The message [0-9A-V]{15} is what the message goes on as whose aliases could not be read at first\.", first) and id not in first
    assert re.fullmatch(r"paloma: o@example\.com was not reached: 127\.0\.0\.1.*, in reply to RCPT TO: .*unknown here.*", why)
    here.wait_runner_ends()
    later = here.run("queue", "wait", id)  # long after
    assert later.returncode == 67 and later.stderr.decode().splitlines()[1].endswith("could not be delivered to everybody; the log tells to whom not, and why.")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")
def test_the_time_to_wait_is_one_for_all_that_it_goes_on_as(queue, tmp_path):
    here, trace = queue(relay="smtp://127.0.0.1:1"), tmp_path / "trace"
    parts = [here.put("bob@example.net") for _ in range(3)]
    here.do("hold", "--all")
    (here.spool / "fates").write_text("".join(f"000000000000001 75 1 {part}\n" for part in parts) + "000000000000001 75 1\n")
    waited = here.run("queue", "wait", "000000000000001", "--timeout", "5", under=["strace", "-o", trace, "-e", "trace=inotify_init1,poll,ppoll"],
                      env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})
    assert waited.returncode == 75 and waited.stderr.count(b" is still in the queue.") == 3, waited
    looks = trace.read_text().split("inotify_init1(")[1:]
    assert ["poll(" in look for look in looks] == [False, True, False, False], looks


@pytest.mark.parametrize("how", INCLUDED)
def test_where_nothing_is_kept_who_needs_a_file_fails_for_now(lists, how):
    here = lists(how, queue="never")
    sent = here.run("sendmail", "bad", "good", input=b"x\n")
    assert sent.returncode == 75 and str(here.bad).encode() in sent.stderr and here.words.encode() in sent.stderr, sent
    assert [sorted(mail.recipients) for mail in here.relay.mails] == [["good1@example.com", "good2@example.com", "s@example.com"]]
    told = here.run("route", "bad")
    assert told.returncode == 75 and b"no way: " in told.stdout and str(here.bad).encode() in told.stdout, told
    checked = here.run("newaliases")
    assert checked.returncode == 65 and f"{here.aliases}:1: ".encode() in checked.stderr and here.words.encode() in checked.stderr, checked


def test_a_list_of_those_who_have_the_mail_makes_no_other(lists):
    here = lists("missing")
    assert here.run("sendmail", "-odi", "bad", "good", input=b"x\n").returncode == 75
    mend(here.bad, "Good1@example.com good1@EXAMPLE.com\n".replace(" ", "\n"))
    here.flush()
    assert [mail.recipients for mail in here.relay.wait_mails(2)][1] == ["Good1@example.com"]
    here.wait_runner_ends()
    here.bad.unlink()
    assert here.run("sendmail", "-odi", "bad", "good", input=b"x\n").returncode == 75
    mend(here.bad, "good1@example.com\n")
    here.flush()
    here.wait_runner_ends()
    assert here.files() == [] and len(here.relay.mails) == 3 and "the aliases can be read again: it goes on as itself" in here.log_text()


def test_a_list_goes_on_when_its_file_can_be_read_whatever_another_waits_for(lists):
    here = lists("missing")
    mend(here.good, "")
    here.good.unlink()
    assert here.run("sendmail", "-odi", "bad", "good", input=b"x\n").returncode == 75 and here.relay.mails == []
    mend(here.good, "good@example.com\n")
    here.flush()
    assert here.relay.wait_mails(1)[0].recipients == ["s@example.com", "good@example.com"]
    until(lambda: "it goes on as" in here.log_text(), "that it is settled")
    waiting = [recipient for mail in here.list() for recipient in mail["recipients"] if str(here.bad) in recipient.get("reason", "")]
    assert [recipient["address"] for recipient in waiting] == ["bad@web1.example.net"]
    mend(here.bad, "bad@example.com\n")
    here.flush()
    assert here.relay.wait_mails(2)[1].recipients == ["s@example.com", "bad@example.com"]
    here.wait_runner_ends()
    assert here.files() == []


def test_a_file_without_an_absolute_path_is_a_mistake_in_the_entry(host):
    here = host("team: :include:list, a@example.com\n")
    assert here.run("sendmail", "-odi", "team", input=b"x\n").returncode == 0
    assert here.relay.wait_mails(1)[0].recipients == ["a@example.com"]


def test_a_host_without_mailboxes_waits_too(host):
    here = host("root: me@example.com\n", local="no")
    here.aliases.chmod(0o666)
    assert here.run("sendmail", "-odi", "root", input=b"x\n").returncode == 75 and here.relay.mails == []
    here.aliases.chmod(0o644)
    here.flush()
    assert here.relay.wait_mails(1)[0].recipients == ["me@example.com"]


def test_no_file_at_the_default_place_is_none(queue, sink, tmp_path):
    relay = sink()
    here = queue(**{**CONFIG, "relay": relay.url, "local": "no", "aliases": ""})
    assert here.run("sendmail", "-odi", "root", input=b"x\n").returncode == 0
    assert relay.wait_mails(1)[0].recipients == ["root@web1.example.net"]


def test_it_is_not_stored_twice_when_the_runner_dies_behind_the_storing(host):
    """The mail to those is announced, and in the spool or gone already; that it is stored was not written down any more."""
    here = host("ops: a@example.com\n")
    here.aliases.chmod(0o666)
    assert here.run("sendmail", "-odi", "ops", input=b"x\n").returncode == 75
    here.aliases.chmod(0o644)
    (old,) = here.files()
    file = here.spool / "queue" / old
    before = file.read_bytes()
    here.flush()
    here.relay.wait_mails(1)
    here.wait_runner_ends()
    announced = re.search(rf"{old}: the aliases can be read again: it goes on as (\w+)", here.log_text())[1]
    assert here.files() == []
    line = f"reporting 0 aliases time=1 id={announced}"
    file.write_bytes(before + f"\n{line} sum={spool_reader.crc32c(line.encode()):08x}".encode())
    file.chmod(0o700)
    here.flush()
    here.wait_runner_ends()
    assert here.files() == [] and len(here.relay.mails) == 1
    assert here.log_text().count(f"it goes on as {announced}") == 2


PARTS = [(b"boss@example.com", b"a@example.com b@example.com"), (b"me@example.com", b"e@example.com"),
         (b"other@example.com", b"c@example.com d@example.com")]


def parts_in(here, old):
    return sorted((mail.values("from")[0], b" ".join(mail.values("to"))) for mail in spool_reader.read_queue(here.spool)[0] if mail.id != old)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")
@pytest.mark.parametrize("call", ["fchmod", "fdatasync,fsync,sync_file_range", "write,writev,pwrite64,pwritev"])
def test_no_part_is_stored_twice_when_the_runner_is_killed_between_two(queue, tmp_path, call):
    """At each call of a kind; the relay is down, so that what was stored stays there to be counted."""
    aliases, stages, which = tmp_path / "aliases", collections.Counter(), 0
    here = queue(aliases=aliases, delay_warning=0, **CONFIG)
    here.environment["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")  # which no tracer lets work
    is_through = False
    while not is_through:
        which += 1
        assert here.run("sendmail", "-odq", "-f", "me@example.com", "ops", "team", "solo", input=b"x\n").returncode == 0
        (old,) = here.files()
        aliases.write_text("ops: a@example.com, b@example.com\nowner-ops: boss@example.com\nsolo: e@example.com\n"
                           "team: c@example.com, d@example.com\nowner-team: other@example.com\n")
        here.log.unlink(missing_ok=True)
        with subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={which}",
                               PALOMA, "queue", "-C", here.conf, "flush"], env=here.environment, stderr=subprocess.DEVNULL) as tracer:
            until(lambda: tracer.poll() is not None or here.log_text().count("status=deferred") >= 3 + 5, "an end")
            is_through = tracer.poll() is None and old not in here.files()
            here.clean_up()
        stages[len(parts_in(here, old))] += 1
        if old in here.files():
            here.flush()
            until(lambda: old not in here.files(), "that they are known")
            here.clean_up()
        assert parts_in(here, old) == PARTS, which
        fates = [line.split() for line in (here.spool / "fates").read_text().splitlines()]
        # who waits for it hears of them all
        assert {fate[3] for fate in fates if fate[0] == old and fate[3:]} == {mail.id for mail in spool_reader.read_queue(here.spool)[0]}, which
        for name in here.files():
            (here.spool / "queue" / name).unlink()
        aliases.unlink()
    assert stages[3] > 0 and (stages[1] + stages[2] > 0 or "f" not in call), stages


@pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")
def test_what_the_service_may_not_read_it_asks_for_again():
    machine = machines.Machine()
    try:
        (machine.folder / "aliases").write_text("ops: ann\n")
        (machine.folder / "aliases").chmod(0o600)
        service = machine.serve("retry_first = 3600\n")
        assert machine.by_service(service, "ops", input=b"x\n").returncode == 0
        service.logged(r"to=<ops@here.example>, .*dsn=4.3.5, status=deferred \(Cannot open /etc/aliases: Permission denied")
        (machine.folder / "aliases").chmod(0o644)
        assert machine.run(machines.PALOMA, "queue", "-C", service.conf, "flush").returncode == 0
        until(lambda: machine.mails("ann"), "the mail")
        until(lambda: not service.queue(), "an empty queue")
        assert len(machine.mails("ann")) == 1
        assert machine.send("ops", user="ann", PALOMA_QUEUE="never").returncode == 0
        (machine.folder / "aliases").chmod(0o600)
        sent = machine.send("ops", user="ann", PALOMA_QUEUE="never")
        assert sent.returncode == 75 and b"Cannot open /etc/aliases: Permission denied" in sent.stderr
    finally:
        machine.clear()


@pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")
def test_an_included_file_that_the_service_may_not_read_is_asked_for_again():
    machine = machines.Machine()
    try:
        team = machine.folder / "team"
        team.write_text("ann\n")
        team.chmod(0o600)
        (machine.folder / "aliases").write_text(f"ops: :include:{team}\n")
        machine.folder.chmod(0o755)
        service = machine.serve("retry_first = 3600\n")
        assert machine.by_service(service, "ops", "bob", input=b"x\n").returncode == 0
        service.logged(rf"to=<ops@here.example>, .*dsn=4.3.5, status=deferred \(Cannot open {team}: Permission denied")
        until(lambda: machine.mails("bob"), "the mail to the other")
        assert machine.mails("ann") == []
        team.chmod(0o644)
        assert machine.run(machines.PALOMA, "queue", "-C", service.conf, "flush").returncode == 0
        until(lambda: machine.mails("ann"), "the mail")
        until(lambda: not service.queue(), "an empty queue")
        assert len(machine.mails("ann")) == 1 and len(machine.mails("bob")) == 1
    finally:
        machine.clear()
