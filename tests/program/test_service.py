"""paloma serve: whose mail it takes, what it answers, and what it lets others see."""
import contextlib
import fcntl
import os
import pty
import re
import socket
import threading

import pytest
from service import IS_ROOT, MAIL, NOBODY, OTHER, queued, until

root_only = pytest.mark.skipif(not IS_ROOT, reason="only root can be several users")


@pytest.fixture
def delivering(make_service, catcher):
    """One whose relay takes everything."""
    server = catcher("--exit-after", 1000)
    result = make_service(settings=f"relay = {server.url}\n[route refused.example]\nvia = reject Nobody of that name\n"
                           "[route away.example]\nvia = smtp://127.0.0.1:1\n")
    result.catcher = server
    return result


def test_a_mail_is_in_the_queue_when_it_is_answered(service):
    id = service.call(NOBODY).mail()
    assert MAIL in service.queue()[id]


@root_only
def test_the_sender_is_whom_the_kernel_names(service):
    id = service.call(NOBODY).mail(text=f"X: from userid 0 (root)\r\n{MAIL}")
    assert re.search(r"^uid: 65534\nhost: unix\n", service.queue()[id], re.M)
    assert re.search(r"^Received: from userid 65534 \(nobody\)\r\n\tby here\.example\r\n\twith ESMTP id %s; " % id, service.queue()[id], re.M)
    service.logged(r"paloma/pickup\[\d+\]: %s: uid=65534 from=<me@example\.org>$" % id)


def test_over_tcp_it_is_an_address(make_service):
    service = make_service("--listen", "127.0.0.1:0")
    id = service.call(address=service.tcp()).mail()
    assert re.search(r"^host: 127\.0\.0\.1\n", service.queue()[id], re.M)
    assert re.search(r"^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby here\.example\r\n\twith ESMTP id %s; " % id, service.queue()[id], re.M)
    service.logged(r"paloma/smtpd\[\d+\]: %s: client=localhost\[127\.0\.0\.1\]$" % id)


def test_a_name_that_could_say_more_is_not_repeated(make_service):
    service = make_service("--listen", "127.0.0.1:0")
    id = service.call(address=service.tcp()).mail(hello="HELO me)\tby the.bank")
    assert "Received: from unknown ([127.0.0.1])\r\n\tby here.example\r\n\twith SMTP id" in service.queue()[id]


def test_only_this_host_is_served(make_service):
    service = make_service("--listen", "0.0.0.0:0", begin=False)
    with pytest.raises(AssertionError, match="0.0.0.0:0 is no loopback address"):
        service.start()


@pytest.mark.parametrize("words", [("--tls-cert", "x"), ("--exit-after", "1"), ("--require-auth",), ("--password-file", "x")])
def test_what_only_the_catcher_does_is_refused(paloma, words):
    result = paloma("serve", *words)
    assert result.returncode == 64 and b"needs --catch" in result.stderr


def test_the_wishes_of_the_envelope_are_kept(service):
    id = service.call().mail(sender="<me@example.org> RET=HDRS ENVID=QQ+2B314159 BODY=8BITMIME SMTPUTF8",
                             recipients=["<you@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;other@example.org", "<jürgen@example.org>"])
    text = service.queue()[id]
    for line in ("smtputf8: yes", "return: headers", "envelope-id: QQ+314159", "notify: 10", "original: rfc822;other@example.org"):
        assert f"\n{line}\n" in text, line
    assert "with UTF8SMTP id" in text


def test_names_without_a_domain_get_one_and_fields_that_are_missing(make_service):
    service = make_service(settings="relay = smtp://127.0.0.1:1\ndomain = our.example\n")
    id = service.call(NOBODY).mail(sender="<cron>", recipients=["<root>", "<ROOT@Our.example>", "<root@our.EXAMPLE>"], text="To: root\r\nBcc: hidden\r\n\r\nx\r\n")
    text = service.queue()[id]
    assert "\nfrom: cron@our.example\nto: root@here.example\nto: ROOT@Our.example\nto: root@our.EXAMPLE\nsize:" in text
    assert "\r\nTo: root@our.example\r\n" in text and "hidden" not in text
    assert re.search(r"^Date: ", text, re.M) and re.search(r"^Message-ID: <.*@our\.example>", text, re.M)
    assert re.search(r"^From: .*@our\.example", text, re.M)


def test_a_sender_is_made_up_for_tcp_from_the_reverse_path(make_service):
    service = make_service("--listen", "127.0.0.1:0")
    caller = service.call(address=service.tcp())
    first, second = caller.mail(), caller.mail(sender="<>", hello=None)
    assert "\nFrom: me@example.org\r\n" in service.queue()[first]
    assert "\nFrom: MAILER-DAEMON@here.example\r\n" in service.queue()[second]


RAW = ("From: root\r\nBcc: hidden@example.org\r\nSubject: gr\u00fc\u00dfe  \r\nX-Long: " + "y" * 900 + "\r\n\r\n.\r\ntext \u20ac \r\n").encode()


def away(service):
    """Nobody listens at its socket; gives the folder in which a user keeps mail meanwhile."""
    state = service.folder / "state"
    state.mkdir()
    state.chmod(0o777)
    service.submit.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(service.submit))
    service.submit.chmod(0o777)
    return state


@pytest.mark.parametrize("where", ["service", pytest.param("own spool", marks=root_only)])
def test_a_raw_message_arrives_octet_by_octet(make_service, catcher, where):
    """Over the socket as well, and by way of an own spool when the service was away. Only the catcher adds its Received."""
    server = catcher()
    service = make_service(begin=False, settings=f"relay = {server.url}\n")
    environment = {}
    if where == "own spool":
        state = away(service)
        environment = {"XDG_STATE_HOME": str(state), "PALOMA_RETRY_FIRST": "1s"}
        assert service.run("send", "--raw", "-f", "me@example.org", "you@example.org", input=RAW, **environment).returncode == 0
        service.start()
    else:
        service.start()
        assert service.run("send", "--raw", "-f", "me@example.org", "you@example.org", input=RAW).returncode == 0
    raw = server.raw().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert raw.endswith(b"\r\n" + RAW) and raw.count(b"Received: ") == 1


@pytest.mark.parametrize("word", ["XRAW", "XRELAYED", "XNOALIASES"])
def test_only_a_user_may_ask_for_raw(make_service, word):
    service = make_service("--listen", "127.0.0.1:0")
    known, unknown = service.call(NOBODY), service.call(address=service.tcp())
    for caller, reply in (known, "250 "), (unknown, "555 "):
        caller.reply()
        assert (word in caller.say("EHLO client.example")) == (caller is known)
        assert caller.say(f"MAIL FROM:<me@example.org> {word}").startswith(reply)


FIELDS = b"To: root\nSubject: x\n\nx\n"
NAMES = "local = no\ndomain = our.example\nfrom_policy = keep\n"


@pytest.mark.parametrize("where", ["service", pytest.param("own spool", marks=root_only)])
@pytest.mark.parametrize("words,recipient,is_completed", [
    ((), "boss@example.net", True), (("-n",), "root@our.example", True), (("-G",), "boss@example.net", False), (("-G", "-n"), "root@our.example", False),
])
def test_what_sendmail_is_told_of_aliases_and_the_header_the_service_hears(make_service, catcher, tmp_path, where, words, recipient, is_completed):
    server = catcher()
    aliases = tmp_path / "aliases"
    aliases.write_text("root: boss@example.net\n")
    service = make_service(begin=False, settings=f"relay = {server.url}\naliases = {aliases}\n{NAMES}")
    environment = {"PALOMA_HOST_NAME": "here.example"}
    if where == "own spool":
        state = away(service)
        # the caller knows of no alias: what was said has to reach the service with the mail
        environment |= {"XDG_STATE_HOME": str(state), "PALOMA_RETRY_FIRST": "1s", "PALOMA_ALIASES": "/nonexistent/aliases"}
        assert service.run("sendmail", *words, "-f", "me@example.org", "root", input=FIELDS, **environment).returncode == 0
        service.start()
    else:
        service.start()
        assert service.run("sendmail", *words, "-f", "me@example.org", "root", input=FIELDS, **environment).returncode == 0
    line = server.caught()
    fields = (server.folder / line.rsplit("file=", 1)[1].strip()).read_bytes()
    assert f"to=<{recipient}> " in line, line
    assert [name in fields for name in (b"\nDate: ", b"\nMessage-ID: ", b"\nFrom: ")] == [is_completed] * 3, fields
    assert (b"\nTo: root\n" in fields) == (not is_completed), fields


def test_a_raw_message_that_cannot_go_is_refused(service):
    caller = service.call(NOBODY)
    caller.reply()
    caller.say("EHLO client.example")
    for text in ("Subject: x\r\n\r\n" + "y" * 1200, "X: " + "y" * 1200 + "\r\n\r\nx", "Subject: x\r\n\r\na\0b"):
        assert caller.say("MAIL FROM:<me@example.org> BODY=8BITMIME XRAW").startswith("250 ")
        assert caller.say("RCPT TO:<you@example.org>").startswith("250 ")
        assert caller.say("DATA").startswith("354 ")
        assert caller.say(text + "\r\n.").startswith("5")
    assert service.queue() == {}


def test_what_no_hop_could_carry_is_encoded(service):
    id = service.call().mail(text="Subject: grün\r\n\r\nschön\r\n")
    assert "Subject: =?utf-8?" in service.queue()[id] and service.queue()[id].isascii()


@pytest.mark.parametrize("text,reply", [
    ("Received: x\r\n" * 51 + "\r\nx\r\n", "554 5.4.6 "),
    ("Subject: a\0b\r\n\r\nx\r\n", "554 5.6.0 "),
    ("Subject: x\r\n\r\n" + "x" * 1200 + "\r\n", "554 5.6.0 "),
])
def test_what_is_refused_is_not_in_the_queue(service, text, reply):
    caller = service.call()
    caller.begin()
    assert caller.say(text + ".").startswith(reply)
    assert service.queue() == {}
    assert caller.mail(hello=None) in service.queue()


def test_a_domain_that_cannot_be_has_nobody_in_it(service):
    caller = service.call()
    caller.reply(), caller.say("EHLO x"), caller.say("MAIL FROM:<me@example.org> SMTPUTF8")
    assert caller.say("RCPT TO:<you@xn--\u00fc.example>").startswith("550 5.1.2 ")


def test_a_mail_may_be_too_large(make_service):
    service = make_service(settings="relay = smtp://127.0.0.1:1\nmax_size = 1000\n")
    caller = service.call()
    caller.reply()
    assert "SIZE 1000\r\n" in caller.say("EHLO x")
    assert caller.say("MAIL FROM:<me@example.org> SIZE=1001").startswith("552 5.3.4 ")
    caller.begin(hello=None)
    assert caller.say("Subject: x\r\n\r\n" + "line\r\n" * 200 + ".").startswith("552 5.3.4 ")
    assert service.queue() == {}


def test_a_disk_without_room_is_told_before_the_mail_comes(make_service):
    service = make_service(settings="relay = smtp://127.0.0.1:1\nspool_reserve = 1000000G\n")
    caller = service.call()
    caller.reply(), caller.say("EHLO x"), caller.say("MAIL FROM:<me@example.org>"), caller.say("RCPT TO:<you@example.org>")
    assert caller.say("DATA").startswith("451 4.3.1 ")


def test_a_large_mail_and_many_recipients_are_one(service):
    caller = service.call()
    id = caller.mail(text="Subject: large\r\n\r\n" + "line of text\r\n" * 300000, recipients=[f"<r{i}@example.org>" for i in range(1200)])
    text = service.queue()[id]
    assert text.count("\nto: ") == 1200 and len(text) > 4000000


# Limits and hostile callers


@root_only
def test_a_user_has_so_many_connections_and_others_theirs(make_service):
    service = make_service(settings="relay = smtp://127.0.0.1:1\nsessions_per_user = 3\n")
    own = [service.call(NOBODY) for _ in range(3)]
    assert all(caller.reply().startswith("220 ") for caller in own)
    assert service.call(NOBODY).reply() == "421 4.3.2 Too many connections of yours; come again later\r\n"
    assert service.call(OTHER).reply().startswith("220 ")
    assert all(service.call(0).reply().startswith("220 ") for _ in range(5))
    own[0].say("QUIT")
    assert own[0].is_closed()
    until(lambda: service.call(NOBODY).reply().startswith("220 "), "a place")


def test_there_is_a_limit_for_all(make_service):
    service = make_service("--max-sessions", "2")
    assert [service.call().reply()[:4] for _ in range(3)] == ["220 ", "220 ", "421 "]


def test_who_is_turned_away_keeps_his_mail(make_service):
    service = make_service("--max-sessions", "1")
    assert service.call().reply().startswith("220 ")
    home = service.folder / "users"
    home.mkdir()
    home.chmod(0o777)
    result = service.run("send", "--queue", "you@example.org", "--body", "x", XDG_STATE_HOME=str(home))
    assert result.returncode == 0 and re.fullmatch(rb"Queued as [0-9A-V]{15}\.\n", result.stdout)
    assert service.queue() == {} and len(list((home / "paloma" / "queue").iterdir())) == 1


def test_a_flood_ends_and_the_service_does_not(make_service):
    service = make_service("--max-sessions", "10", settings="relay = smtp://127.0.0.1:1\nsessions_per_user = 10\n")
    seen = []

    def flood():
        for _ in range(40):
            caller = service.call(None)
            seen.append(caller.reply()[:4])
            caller.close()

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 160 and set(seen) <= {"220 ", "421 "} and "220 " in seen

    def accepted():
        caller = service.call(None)
        return caller.mail(hello=None) if caller.reply().startswith("220 ") and caller.say("EHLO x") else None
    assert until(accepted, "a place") in service.queue()


@pytest.mark.parametrize("octets", [
    b"\0" * 100000, b"\xff\xfe\r\n" * 1000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100, b"EHLO x\n", b"A" * 1000000,
    b"EHLO x\r\nBDAT 99999999999999999999\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
], ids=range(7))
def test_garbage_closes_that_connection_only(service, octets):
    other = service.call()
    other.begin()
    for path in (service.submit, service.control):
        caller = service.call(address=str(path))
        try:
            caller.send(octets)
            caller.socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        while not caller.is_closed():
            pass
    assert queued(other.say(MAIL + ".")) in service.queue()
    assert "signal" not in service.log.read_text() if service.log.exists() else True


@pytest.mark.parametrize("request_", [
    b"paloma 1 1 5\nlist", b"paloma 1 3 17\nqueue\0list\0plain", b"paloma 1 0 0\n", b"paloma 1 4 999999999\n", b"paloma 1 2 6\na\0b\0c\0",
    b"paloma 1 3 17\nqueue\0show\0plai\0\0", b"paloma 1 3 18\nqueue\0list\0xplain\0", b"paloma 1 4 32\nqueue\0list\0plain\0set=log=/etc/x\0",
    b"paloma 1 3 17\nsend\0\0list\0plain\0"[:31], b"paloma 1 4 25\nqueue\0list\0plain\0timeout\0",
], ids=range(10))
def test_words_that_are_none_are_not_done(service, request_):
    service.call().mail()
    caller = service.call(address=str(service.control))
    caller.send(request_)
    if not request_.endswith(b"\0"):
        caller.socket.shutdown(socket.SHUT_WR)
    answer = caller.file.read()
    assert answer[:1] == b"E" and answer[-6:] == b"S\0\0\0\1\x4c"
    assert b"example" not in answer


# The queue, for those who have no access to it


def test_a_mail_is_handed_over_and_has_an_id(delivering):
    result = delivering.run("send", "--system", "you@example.org", "--from", "me@example.org", "--subject", "over the socket", "--body", "x")
    assert result.returncode == 0 and re.fullmatch(rb"Queued as [0-9A-V]{15}\.\n", result.stdout), result
    assert delivering.catcher.mail()["Subject"] == "over the socket"


def test_the_sendmail_of_a_user_hands_over(delivering):
    result = delivering.run("sendmail", "-t", input=b"To: you@example.org\nSubject: by sendmail\n\nx\n")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert delivering.catcher.mail()["Subject"] == "by sendmail"


@pytest.mark.parametrize("domain,status,said", [
    ("example.org", 0, rb"The mail [0-9A-V]{15} has been delivered\.\n"),
    ("away.example", 75, rb"stays in the queue and will be tried again\. .*127\.0\.0\.1"),
    ("refused.example", 69, rb"The mail [0-9A-V]{15} could not be delivered to everybody; a report tells its sender\.\n"),
])
def test_who_waits_hears_the_fate(delivering, domain, status, said):
    result = delivering.run("send", "--system", "--wait", f"you@{domain}", "--from", "me@example.org", "--body", "x")
    assert result.returncode == status and re.search(said, result.stdout + result.stderr), result


@root_only
def test_users_see_and_remove_their_own_mail(service):
    own, other = service.call(NOBODY).mail(), service.call(OTHER).mail()
    shown = service.run("sendmail", "-bp").stdout.decode()
    assert own in shown and other not in shown and "in 1 Request." in shown
    assert other in service.run("queue", "list", "--json", uid=OTHER).stdout.decode()
    result = service.run("queue", "remove", other)
    assert result.returncode == 66 and b"of yours" in result.stderr
    assert service.run("queue", "remove", "--all").stdout == b"1 message removed.\n"
    assert set(service.queue()) == {other}
    assert service.run("queue", "show", other, uid=OTHER).stdout.endswith(b"text\n")


@root_only
def test_the_owner_of_the_spool_sees_all(make_service):
    service = make_service(owner=NOBODY)
    ids = {service.call(uid).mail() for uid in (OTHER, 0, NOBODY)}
    shown = service.run("queue", "--system", uid=NOBODY).stdout.decode()
    assert all(id in shown for id in ids)


@root_only
def test_the_log_that_root_makes_is_written_by_who_has_the_spool(make_service):
    """In a folder of root's, as /var/log."""
    service = make_service(begin=False, owner=NOBODY)
    os.chown(service.log.parent, 0, 0)
    service.start()
    id = service.call(OTHER).mail()
    service.logged(rf"{id}: to=<you@example.org>, .*status=deferred")
    assert (service.log.stat().st_uid, service.log.stat().st_mode & 0o777) == (NOBODY, 0o640)


@root_only
def test_the_log_that_root_makes_is_written_by_the_runner_without_a_service(make_service):
    service = make_service(begin=False, owner=NOBODY)
    os.chown(service.log.parent, 0, 0)
    own = {"uid": 0, "PALOMA_SPOOL": str(service.spool), "PALOMA_LOG": str(service.log), "PALOMA_RELAY": "smtp://127.0.0.1:1"}
    result = service.run("sendmail", "you@example.org", input=b"Subject: x\n\nx\n", **own)
    assert (result.returncode, result.stderr) == (0, b"")
    id, = service.queue()
    service.logged(rf"{id}: to=<you@example.org>, .*status=deferred")
    assert (service.log.stat().st_uid, service.log.stat().st_mode & 0o777) == (NOBODY, 0o640)
    assert service.run("queue", "remove", "--all", **own).returncode == 0
    with open(service.spool / "runner.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the runner has ended


@root_only
def test_a_log_that_is_there_stays_whose_it_is(make_service):
    service = make_service(begin=False, owner=NOBODY)
    os.chown(service.log.parent, 0, 0)
    elsewhere = service.folder / "elsewhere"
    elsewhere.touch()
    service.log.symlink_to(elsewhere)
    service.start()
    assert elsewhere.stat().st_uid == 0 and elsewhere.read_text() == ""


def test_an_unknown_message_and_a_wrong_wish(service):
    result = service.run("queue", "show", "0123456789ABCDE", "--system")
    assert result.returncode == 66 and b"There is no message" in result.stderr
    assert service.run("queue", "remove", "--system").returncode == 64


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("hold", "--all"), ("flush", "--json"), ("show",), ("wait", "--json")])
def test_an_answer_that_cannot_be_written_is_a_failure(service, words):
    """Of the service, and of the queue that is one's own."""
    id = service.call(NOBODY).mail()
    if words[0] == "wait":
        assert service.run("queue", "remove", id, "--system").returncode == 0
    words = ("queue", *words, *([id] if words[0] in ("show", "wait") else []))
    full = ("sh", "-c", 'exec "$@" >/dev/full', "sh")
    own = {"uid": os.geteuid(), "PALOMA_SPOOL": str(service.spool), "PALOMA_RELAY": "smtp://127.0.0.1:1"}
    for result in service.run(*words, "--system", under=full), service.run(*words, under=full, **own):
        if words[1] == "wait":
            assert result.returncode == 69 and b"was removed" in result.stderr
        else:
            assert result.returncode in (74, 75) and b"Cannot write to standard output" in result.stderr, result


def test_who_has_seen_enough_of_an_answer_is_no_failure(service):
    """As in "mailq | head -1"."""
    id = service.call(NOBODY).mail(text="Subject: x\r\n\r\n" + "line of text\r\n" * 50000)
    enough = ("sh", "-c", '"$@" | head -c 1', "sh")
    own = {"uid": os.geteuid(), "PALOMA_SPOOL": str(service.spool)}
    for result in service.run("queue", "show", id, "--system", under=enough), service.run("queue", "show", id, under=enough, **own):
        assert (result.returncode, result.stdout, result.stderr) == (0, b"i", b"")


@pytest.mark.parametrize("who", ["the service", "the queue itself"])
def test_a_terminal_is_shown_no_control_characters_of_a_message(service, who):
    id = service.call(NOBODY).mail(text="Subject: x\r\n\r\n\x1b[31mred\x07\ta\r\n")
    words = ("queue", "show", id, *(["--system"] if who == "the service" else []))
    own = {} if who == "the service" else {"uid": os.geteuid(), "PALOMA_SPOOL": str(service.spool), "PALOMA_RELAY": "smtp://127.0.0.1:1"}
    assert service.run(*words, **own).stdout.endswith(b"\n\n\x1b[31mred\x07\ta\n")
    main, other = pty.openpty()
    os.fchmod(other, 0o666)
    result = service.run(*words, under=("sh", "-c", f'exec "$@" >{os.ttyname(other)}', "sh"), **own)
    os.close(other)
    shown = b""
    with contextlib.suppress(OSError):  # EIO at the end, for nobody has it open
        while block := os.read(main, 65536):
            shown += block
    os.close(main)
    assert result.returncode == 0 and b"\r\n\r\n\\x1B[31mred\\x07\ta\r\n" in shown


def test_a_long_answer_comes_whole(service):
    id = service.call(NOBODY).mail(text="Subject: x\r\n\r\n" + "line of text\r\n" * 50000)
    result = service.run("queue", "show", id, "--system")
    assert result.returncode == 0 and result.stdout.count(b"line of text\n") == 50000


def test_without_a_service_the_queue_is_the_users_own(service, paloma):
    service.stop()
    assert not service.submit.exists() and not service.control.exists()
    result = service.run("queue", "--system")
    assert result.returncode == 77 and b"no queue that you may look at" in result.stderr


def test_verbose_tells_how_the_workers_are_confined(make_service):
    service = make_service("-v")
    told = [service.process.stdout.readline().decode() for _ in range(2)]
    assert told[0] == f"The spool is {service.spool}, of uid {os.geteuid()}.\n"
    assert told[1].startswith("Workers run as " if IS_ROOT else "Workers are ") and ("seccomp" in told[1] or "confined" in told[1])
    assert told[1].strip() in service.log.read_text() or service.logged(re.escape(told[1].strip()))
