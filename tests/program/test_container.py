"""sendmail where there is nothing but it: a root that cannot be written, a user without a name, no log, no resolver, no clock."""
import email.utils
import pathlib
import re
import time

import pytest
from box import USER, Box, needs_boxes, needs_users
from queues import is_sanitized

MAIL = b"To: bob@example.net\nSubject: from the box\n\ny\n"
NAMELESS = 54321
FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
FIND = "find var/spool home root -name '[0-9A-V]*' -type f -path '*queue*'"

pytestmark = needs_boxes


@pytest.fixture
def box(tmp_path, home):
    made = Box(tmp_path, home)
    made.environment.update(PALOMA_HOST_NAME="box.example")
    return made


@pytest.mark.parametrize("words", [("sendmail", "-t"), ("sendmail", "-t", "-odb"), ("sendmail", "-oi", "-t", "-f", "app@box.example"), ("paloma", "send", "-t")], ids=" ".join)
@pytest.mark.parametrize("uid", [None, pytest.param(NAMELESS, marks=needs_users)])
@pytest.mark.parametrize("settings", [{"HOME": "/"}, {"HOME": None}, {"HOME": "/nonexistent"}], ids=str)
def test_a_root_that_cannot_be_written_sends_at_once(box, sink, words, uid, settings):
    """There is no place to keep a mail: 0 means that the relay has it."""
    server = sink()
    if words[0] == "paloma":
        words = ("/usr/sbin/sendmail-of-paloma", *words[1:])
    before = 'ln -s "$PALOMA" usr/sbin/paloma\nln -s "$PALOMA" usr/sbin/sendmail-of-paloma'
    result = box.run(*words, input=MAIL, uid=uid, env={"PALOMA_RELAY": server.url, **settings}, read_only=True, before=before)
    assert (result.returncode, result.stderr) == (0, b"")
    mail, = server.wait_mails(1)
    assert b"Subject: from the box" in mail.data
    assert mail.sender == ("app@box.example" if "-f" in words else f"uid{NAMELESS}@box.example" if uid else "root@box.example")


def test_nothing_is_lost_when_the_relay_is_away_and_there_is_no_place(box):
    result = box.run("sendmail", "-t", input=MAIL, env={"PALOMA_RELAY": "smtp://127.0.0.1:1", "HOME": "/"}, read_only=True)
    assert result.returncode == 75 and b"Connection refused" in result.stderr


@needs_users
@pytest.mark.parametrize("place", [{"PALOMA_SPOOL": "/data/spool"}, {"HOME": "/data"}, {"XDG_STATE_HOME": "/data"}], ids=str)
def test_a_volume_is_place_enough(box, place):
    """For a user whom nobody has named, in a read-only root."""
    before = f'mkdir data; mount -t tmpfs -o mode=700,uid={NAMELESS},gid={NAMELESS} data data'
    settings = {"PALOMA_RELAY": "smtp://127.0.0.1:1", "HOME": "/", **place}
    if "PALOMA_SPOOL" not in place:
        del settings["PALOMA_RELAY"]
    result = box.run("sendmail", "-t", "-odq", input=MAIL, uid=NAMELESS, env=settings, read_only=True, before=before,
                     after="find data -type f -path '*queue*' -exec cat {} +")
    assert (result.returncode, result.stderr) == (0, b"")
    assert f"\nuid: {NAMELESS}\n".encode() in result.stdout and b"Subject: from the box" in result.stdout


def test_without_a_log_nobody_waits(box, sink):
    """There is no /dev/log in a box, and no resolver that would answer."""
    server = sink()
    result = box.run("sendmail", "-t", "-odi", input=MAIL, env={"PALOMA_RELAY": server.url, "PALOMA_LOG": "syslog"},
                     before="[ ! -e dev/log ]; echo nameserver 127.0.0.255 >etc/resolv.conf")
    assert (result.returncode, result.stderr) == (0, b"") and len(server.wait_mails(1)) == 1


@needs_users
@pytest.mark.parametrize("uid,conf,env,is_told", [(USER, "[paloma]\nlog = /var/closed/log\n", {}, False), (USER, "", {"PALOMA_LOG": "/var/closed/log"}, True),
                                                  (None, "[paloma]\nlog = /nowhere/log\n", {}, True)])
def test_a_log_of_the_system_is_not_for_users_to_open(box, sink, uid, conf, env, is_told):
    server = sink()
    result = box.run("sendmail", "-t", "-odi", input=MAIL, uid=uid, conf=conf, env={"PALOMA_RELAY": server.url, **env}, before="mkdir -m 700 var/closed")
    assert result.returncode == 0 and (b"Cannot open the log" in result.stderr) == is_told and bool(result.stderr) == is_told, result.stderr
    server.wait_mails(1)


def test_without_etc_at_all(box, sink):
    server = sink()
    result = box.run("sendmail", "-t", "-odi", input=MAIL, env={"PALOMA_RELAY": server.url}, before="umount etc/ssl; mv etc/ld.so.cache .; rm -rf etc/*; mv ld.so.cache etc")
    assert (result.returncode, result.stderr) == (0, b"") and server.wait_mails(1)[0].sender == "uid0@box.example"


@pytest.mark.skipif(is_sanitized(), reason="the sanitizer looks for leaks by /proc")
def test_without_proc(box, sink):
    server = sink()
    result = box.run("sendmail", "-t", "-odi", input=MAIL, env={"PALOMA_RELAY": server.url}, before="umount -l proc")
    assert (result.returncode, result.stderr) == (0, b"") and len(server.wait_mails(1)) == 1


@pytest.mark.skipif(not FAKETIME or is_sanitized(), reason="needs faketime, beside which no sanitizer runs")
@pytest.mark.parametrize("when", ["1970-01-01 00:01:00", "2000-02-29 12:00:00", "2038-01-19 03:14:07", "2106-02-07 06:28:16", "2300-01-01 00:00:00"])
@pytest.mark.parametrize("mode", ["-odi", "-odq"])
def test_a_clock_that_is_wrong(box, sink, when, mode):
    server = sink()
    result = box.run("sendmail", "-t", mode, input=MAIL, env={"PALOMA_RELAY": server.url, "LD_PRELOAD": FAKETIME, "FAKETIME": "@" + when, "DONT_FAKE_MONOTONIC": "1"},
                     after=f"{FIND} -exec cat {{}} +")
    assert result.returncode == 0, result.stderr
    text = server.wait_mails(1)[0].data if mode == "-odi" else result.stdout
    date = email.utils.parsedate_to_datetime(re.search(rb"(?m)^Date: (.*)", text)[1].decode().strip())
    wanted = time.strptime(when, "%Y-%m-%d %H:%M:%S")
    assert (date.year, date.month, date.day) == wanted[:3] or abs(date.timestamp() - time.mktime(wanted)) < 86400 * 2


@needs_users
def test_a_user_of_the_box(box):
    result = box.run("sendmail", "-odq", "-t", input=MAIL, uid=USER, after=f"{FIND} -exec cat {{}} +")
    assert (result.returncode, result.stderr) == (0, b"") and b"From: Ann Example <ann@box.example>" in result.stdout
    result = box.run("sh", "-c", "sendmail -odq -t && mailq && mailq -v | tail -1 && newaliases", input=MAIL, uid=USER)
    assert result.returncode == 0 and result.stdout.count(b"bob@example.net") == 1 and b"1 Request." in result.stdout, result


@needs_users
def test_the_service_of_a_box(box):
    """sendmail -bd in a container without a service manager; a user's mail goes through it."""
    script = """
sendmail -bd -q15m || exit
printf 'To: bob@example.net\\n\\ny\\n' | setpriv --reuid=12345 --regid=12345 --clear-groups env HOME=/home/ann sendmail -t -odq || exit
mailq
printf 'EHLO x\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<eve@example.net>\\r\\nDATA\\r\\n\\r\\ny\\r\\n.\\r\\nQUIT\\r\\n' | setpriv --reuid=12345 --regid=12345 --clear-groups env HOME=/home/ann sendmail -bs
find /home/ann -type f
setpriv --reuid=12345 --regid=12345 --clear-groups env HOME=/home/ann mailq | tail -1
"""
    result = box.run("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script,
                     conf="[paloma]\nrelay = smtp://127.0.0.1:1\nlog = none\n")
    told = result.stdout.decode()
    assert result.returncode == 0 and "bob@example.net" in told and "250 2.0.0 Ok: queued as " in told and told.endswith("Kbytes in 2 Requests.\n"), result
    assert "/home/ann/" not in told
