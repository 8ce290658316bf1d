"""The queue: mail waits while its server is away, is tried again, seen and steered, and handed over to the right place."""
import collections
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import socket
import stat
import subprocess
import threading

import pytest

from conftest import PALOMA
from queues import PATIENCE, make_fifo, wait_until, write_hook

NOBODY = 65534


def refused_port():
    """A port where nobody listens, and where nobody else will while the socket is kept."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


# --- tried again

def test_server_down_then_up(queue, sink):
    held = refused_port()
    q = queue(relay=f"smtp://127.0.0.1:{held.getsockname()[1]}", retry_first=1, retry_longest=1)
    result = q.send("--background", "bob@example.net")
    assert result.returncode == 0 and result.stderr == b""
    id = re.search("Queued as (.*)\\.", result.stdout.decode()).group(1)
    # the first attempt is over when the log says so
    wait_until(lambda: "status=deferred" in q.log_text())
    assert f"{id}: to=<bob@example.net>, relay=none" in q.log_text()
    assert q.steer("wait", id, "--timeout", "1").returncode == 75
    server = sink(held=held)
    assert q.wait(id) == 0
    assert [mail.recipients for mail in server.wait_mails(1)] == [["bob@example.net"]]
    q.wait_runner_ends()
    assert q.files() == [] and len(server.mails) == 1 and f"{id}: removed" in q.log_text()


@pytest.mark.parametrize("verb,reply", [("greeting", "421 4.3.2 not now"), ("MAIL", "451 4.3.0 later"), ("RCPT", "450 4.2.0 later"),
                                        ("DATA", "451 4.3.0 later"), (".", "452 4.3.1 full")])
def test_4xx_then_2xx(queue, sink, verb, reply):
    said = []

    def answer(session, line):
        if line.startswith(verb) and not said:
            said.append(reply)
            return reply
        return None

    server = sink(answer)
    q = queue(relay=server.url, retry_first=1, retry_longest=1)
    result = q.send("--wait", "bob@example.net")
    assert result.returncode == 75 and reply[4:].encode() in result.stderr and b"stays in the queue as" in result.stderr
    server.wait_mails(1)
    q.wait_runner_ends()
    assert len(server.mails) == 1 and q.files() == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_5xx_is_the_end_and_is_told(queue, sink, verb):
    """With --wait to the caller, else to the sender by mail."""
    server = sink(lambda session, line: "550 5.7.1 never" if line.startswith(verb) else None)
    q = queue(relay=server.url)
    result = q.send("--wait", "bob@example.net")
    assert result.returncode not in (0, 75) and b"5.7.1 never" in result.stderr and b"stays" not in result.stderr
    assert q.files() == [] and server.mails == []
    server.answer = lambda session, line: "550 5.7.1 never" if line.startswith(verb) and (session.sender or "FROM:<ann@" in line) else None
    assert q.send("--background", "bob@example.net").returncode == 0
    report, = server.wait_mails(1)
    q.wait_runner_ends()
    assert report.sender == "" and report.recipients == ["ann@test.example"] and b"Status: 5.7.1" in report.data and b"never" in report.data
    assert q.files() == [] and len(server.mails) == 1


def test_each_recipient_has_a_fate_of_its_own(queue, sink):
    """Only those put off are tried again, and as long as it takes."""
    tries = {}

    def answer(session, line):
        name = line[9:].split("@")[0] if line.startswith("RCPT TO:<") else None
        tries[name] = tries.get(name, 0) + 1
        if name == "never":
            return "550 5.1.1 no such user"
        if name and name.startswith("later") and tries[name] <= int(name[5:]):
            return "450 4.2.1 busy"
        return None

    server = sink(answer)
    q = queue(relay=server.url, retry_first=1, retry_longest=1)
    id = q.put("yes@example.net", "never@example.net", "later1@example.net", "later2@example.net")
    q.flush()
    assert q.wait(id) not in (0, 75, 66)
    q.wait_runner_ends()
    mails = [mail for mail in server.wait_mails(4) if mail.sender]
    assert [mail.recipients for mail in mails] == [["yes@example.net"], ["later1@example.net"], ["later2@example.net"]]
    reports = [mail for mail in server.mails if not mail.sender]
    assert len(reports) == 1 and re.findall(rb"Final-Recipient: rfc822; *(\S+)", reports[0].data) == [b"never@example.net"]
    assert [tries[name] for name in ("yes", "never", "later1", "later2")] == [1, 1, 2, 3]


def test_a_mail_for_many_domains_goes_to_several_relays(queue, sink):
    servers = [sink() for _ in range(4)]
    sections = "".join(f"[route {name}.example]\nvia = {server.url}\n" for name, server in zip("abc", servers[1:]))
    q = queue(sections, relay=servers[0].url)
    people = [f"{name}@{domain}.example" for domain in "abcde" for name in ("x", "y")]
    id = q.put(*people)
    assert len(q.files()) == 1
    q.flush()
    assert q.wait(id) == 0
    q.wait_runner_ends()
    got = [[sorted(mail.recipients) for mail in server.mails] for server in servers]
    assert got == [[["x@d.example", "x@e.example", "y@d.example", "y@e.example"]], [["x@a.example", "y@a.example"]],
                   [["x@b.example", "y@b.example"]], [["x@c.example", "y@c.example"]]]
    assert len({mail.message_id for server in servers for mail in server.mails}) == 1


def test_a_dead_destination_holds_up_no_other(queue, sink):
    server, held = sink(), refused_port()
    q = queue(f"[route dead.example]\nvia = smtp://127.0.0.1:{held.getsockname()[1]}\n", relay=server.url, retry_first=3600)
    dead = [q.put(f"x{number}@dead.example") for number in range(30)]
    alive = [q.put(f"x{number}@alive.example") for number in range(30)]
    mixed = q.put("x@dead.example", "x@alive.example")
    q.flush()
    server.wait_mails(31)
    assert all(q.wait(id) == 0 for id in alive)
    # the last of the dead may still be on its way back
    wait_until(lambda: all(mail["attempts"] == 1 or mail["recipients"][0].get("reason") for mail in q.list()))
    assert q.files() == sorted([*dead, mixed])
    # most were never tried themselves: the destination was known to be dead
    assert q.log_text().count("relay=none") < 10
    assert len(server.mails) == 31


@pytest.mark.parametrize("side", ["said", "heard"])
def test_a_cut_behind_every_octet_of_a_connection(queue, sink, side):
    """For every octet of a connection of the runner's there is a destination whose first connection breaks there: nothing is
    lost, and only what broke behind the end of the data is sent twice."""
    whole = {}

    def begin(session):
        count = seen.setdefault(session.host, 0)
        seen[session.host] += 1
        if session.host != "127.0.0.1" and count == 0:
            setattr(session, side, address_number(session.host))
        elif session.host == "127.0.0.1":
            whole["session"] = session

    def address_number(host):
        a, b, c, d = map(int, host.split("."))
        return (b << 16 | c << 8 | d) - (1 << 16)

    def address(number):
        return f"127.{(number + (1 << 16)) >> 16}.{number >> 8 & 255}.{number & 255}"

    seen = {}
    server = sink(None, begin, host="0.0.0.0")
    q = queue(relay=f"smtp://127.0.0.1:{server.port}", retry_first=1, retry_longest=1, connections=20)
    q.send("--wait", "bob@n00000.example")
    server.wait(lambda _: server.open == 0)  # what was said last is counted when it has been sent
    octets = (1 << 40) - getattr(whole["session"], side)
    end_of_data = octets - len("250 2.0.0 taken\r\n221 bye\r\n") if side == "said" else octets - len("QUIT\r\n")
    cuts = range(1, octets)
    q.configure({"relay": f"smtp://127.0.0.1:{server.port}", "retry_first": 1, "retry_longest": 1, "connections": 20, "delay_warning": 0},
                "".join(f"[route n{cut:05}.example]\nvia = smtp://{address(cut)}:{server.port}\n" for cut in cuts))
    server.mails.clear()
    for at in range(0, len(cuts), 20):
        q.put(*(f"bob@n{cut:05}.example" for cut in cuts[at:at + 20]))
    q.flush()
    server.wait_mails(len(cuts))
    q.wait_runner_ends()
    assert q.files() == []
    times = {cut: 0 for cut in cuts}
    for mail in server.mails:
        times[int(mail.recipients[0][5:10])] += 1
    assert all(times.values()), [cut for cut in cuts if not times[cut]]
    assert [cut for cut in cuts if times[cut] > 2] == []
    again = [cut for cut in cuts if times[cut] == 2]
    # twice only where the whole mail was there and the answer was not
    assert all(end_of_data <= cut < end_of_data + len("250 2.0.0 taken\r\n") for cut in again), (again, end_of_data, octets)
    assert side == "heard" or again


# --- one runner, whoever starts it

def test_runners_and_flushes_at_once_send_each_mail_once(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(lambda number: q.put(f"bob{number}@example.net"), range(200)))
        # the first two race for the lock, and all for the messages
        assert all(result.returncode == 0 for result in pool.map(lambda _: q.steer("flush", "-q"), range(20)))
    server.wait_mails(200)
    assert all(q.wait(id) == 0 for id in ids)
    q.wait_runner_ends()
    assert len(server.mails) == 200 and set(server.count_by_id().values()) == {1} and q.files() == []


def test_a_runner_that_finds_another_at_work_leaves(queue, sink):
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and None if line == "." else None)
    q = queue(relay=server.url)
    id = q.put("bob@example.net")
    q.flush()
    server.wait(lambda _: any(line.startswith("DATA") for line in server.lines))
    first = q.runner()
    q.flush()
    q.flush()
    assert q.runner() == first
    proceed.set()
    assert q.wait(id) == 0 and len(server.mails) == 1


def test_a_message_that_somebody_else_has_open_is_not_asked_for_again_and_again(queue, sink, tmp_path):
    """The caller delivers one himself while the runner does the others: the runner hears when that one is free, and does
    not look at it a thousand times before."""
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and "450 4.2.0 later" if line == "." and session.number == 0 else None)
    q = queue(relay=server.url, retry_first=1, retry_longest=1)
    mine = threading.Thread(target=lambda: q.send("--wait", "bob@example.net"))
    mine.start()
    server.wait(lambda _: "DATA" in server.lines)
    id, = q.files()
    others = [q.put(f"bob{number}@example.net") for number in range(20)]
    trace = tmp_path / "trace"
    q.run("queue", "-C", q.conf, "flush", under=("strace", "-f", "-qq", "-e", "trace=openat", "-o", trace, "-D"),
          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.wait_mails(20)
    assert all(q.wait(other) == 0 for other in others)
    assert q.runner()
    times = trace.read_text().count(id)
    proceed.set()
    mine.join()
    server.wait_mails(21)
    q.wait_runner_ends()
    assert times < 20 and len(server.mails) == 21


def test_a_message_that_is_let_go_unheard_is_asked_for_again(queue, sink):
    """Whoever has it open for reading closes it without a notice."""
    server = sink()
    q = queue(relay=server.url)
    id = q.put("bob@example.net")
    with open(q.spool / "queue" / id, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        other = q.put("other@example.net")
        q.flush(other)
        assert q.wait(other) == 0 and q.files() == [id]
    assert q.steer("wait", id, "--timeout", PATIENCE // 2).returncode == 0
    q.wait_runner_ends()


def test_a_message_of_a_later_version_is_left_alone_and_told_of_once(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    id = q.put("bob@example.net")
    file = q.spool / "queue" / id
    content = file.read_bytes()
    file.write_bytes(content.replace(b"paloma-spool 1\n", b"paloma-spool 2\n"))
    others = [q.put(f"bob{number}@example.net") for number in range(10)]
    q.flush()
    for other in others:
        assert q.wait(other) == 0
    assert q.log_text().count("has format 2") <= 2
    assert q.files() == [id] and q.files("damaged") == []
    os.kill(q.runner(), signal.SIGTERM)
    q.wait_runner_ends()
    file.write_bytes(content)
    q.flush()
    assert q.wait(id) == 0


def test_a_queue_of_what_cannot_be_read_is_not_said_to_be_empty(queue):
    q = queue()
    file = q.spool / "queue" / q.put("bob@example.net")
    file.write_bytes(file.read_bytes().replace(b"paloma-spool 1\n", b"paloma-spool 2\n"))
    for result in q.steer(), q.run("mailq"):
        assert result.stdout == b"" and b"has format 2" in result.stderr
    q.put("carol@example.net")
    result = q.steer()
    assert b"in 1 Request." in result.stdout and b"has format 2" in result.stderr


@pytest.mark.parametrize("action", ["hold", "requeue", "remove"])
def test_what_is_not_done_to_one_that_cannot_be_read_is_a_failure(queue, action):
    q = queue(relay="smtp://127.0.0.1:1", retry_first=3600)
    file = q.spool / "queue" / q.put("bob@example.net")
    file.write_bytes(file.read_bytes().replace(b"paloma-spool 1\n", b"paloma-spool 2\n"))
    q.put("carol@example.net")
    for choice in "--all", "--recipient=example":
        result = q.steer(action, choice)
        assert result.returncode not in (0, 64) and b"has format 2" in result.stderr
        assert re.fullmatch(rb"[01] messages? [a-z]+\.\n", result.stdout)
    assert file.exists()


def test_a_damaged_message_is_set_aside(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    id, good = q.put("bob@example.net", "--subject", "abcdef"), q.put("carol@example.net")
    file = q.spool / "queue" / id
    file.write_bytes(file.read_bytes().replace(b"abcdef", b"abXdef"))
    q.flush()
    assert q.wait(good) == 0
    q.wait_runner_ends()
    assert q.files() == [] and q.files("damaged") == [id] and len(server.mails) == 1
    assert "It is set aside" in q.log_text()
    assert q.wait(id) == 65


@pytest.fixture
def one_of_five(queue, sink):
    """A queue of five mails, the server that has the first and does not answer, what makes it answer, and their ids."""
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and None if line == "." else None)
    q = queue(relay=server.url, connections=1)
    ids = [q.put(f"bob{number}@example.net") for number in range(5)]
    q.flush()
    server.wait(lambda _: "DATA" in server.lines)
    yield q, server, proceed, ids
    proceed.set()


def test_the_runner_ends_by_sigterm_in_time(one_of_five):
    """What is due and not begun waits for the next runner; a worker may finish, but is not waited for longer than it takes."""
    q, server, proceed, ids = one_of_five
    runner = q.runner()
    os.kill(runner, signal.SIGTERM)
    proceed.set()
    q.wait_runner_ends()
    assert len(q.files()) + len(server.mails) == 5 and len(server.mails) < 5
    q.flush()
    assert all(q.wait(id) == 0 for id in ids)
    assert len(server.mails) == 5 and set(server.count_by_id().values()) == {1}


# --- seeing and steering

@pytest.fixture
def four(queue):
    """Four mails that wait, and their ids."""
    held = refused_port()
    q = queue("[route b.example]\nvia = relay other\n[relay other]\nurl = smtp://127.0.0.2:9\n", relay=f"smtp://127.0.0.1:{held.getsockname()[1]}",
              retry_first=3600)
    ids = [q.put(to, "-r", sender) for sender in ("ann@test.example", "root@test.example") for to in ("x@a.example", "y@b.example")]
    yield q, ids
    held.close()


def test_the_list_for_people_and_monitors(four):
    q, ids = four
    text = q.do("list")
    assert q.do() == text == q.run("mailq").stdout.decode() == q.run("-bp").stdout.decode()
    lines = text.splitlines()
    assert lines[0] == "-Queue ID-         --Size-- ---Arrival Time---  -Sender/Recipient-------"
    assert re.fullmatch(r"-- \d+ Kbytes in 4 Requests\.", lines[-1])
    # an entry as postqueue -p has it
    assert re.fullmatch(rf"{ids[0]}  +\d+ \w{{3}} \w{{3}} [ \d]\d \d\d:\d\d:\d\d  ann@test.example", lines[1])
    assert lines[2].strip() == "x@a.example" and lines[3] == ""
    q.do("hold", ids[1])
    assert f"{ids[1]}!" in q.do("list") and f"{ids[0]} " in q.do("list")


def test_the_list_in_json(four):
    q, ids = four
    mails = q.list()
    assert [mail["queue_id"] for mail in mails] == ids
    assert mails[0]["sender"] == "ann@test.example" and mails[0]["state"] == "queued" and mails[0]["attempts"] == 0
    assert mails[0]["recipients"][0]["address"] == "x@a.example" and mails[0]["recipients"][0]["action"] == "pending"
    assert mails[0]["uid"] == os.getuid() and mails[0]["message_size"] > 100
    assert json.loads(q.do("show", "--json", ids[2]))["queue_id"] == ids[2]


def test_show_tells_all_and_the_message(four):
    q, ids = four
    text = q.do("show", ids[0])
    assert f"id: {ids[0]}\nstate: queued\n" in text and "to: x@a.example (not tried yet)" in text and "\nMessage-ID: " in text and "\r" not in text


@pytest.mark.parametrize("choice,wanted", [
    (["--recipient", "@a.ex"], [0, 2]), (["--sender", "root"], [2, 3]), (["--sender", "ROOT@test.example", "--recipient", "b"], [3]),
    (["--destination", "b.example"], [1, 3]), (["--destination", "other"], [1, 3]), (["--destination", "a.example"], [0, 2]), (["--destination", "default"], [0, 2]),
    (["--all"], [0, 1, 2, 3]), (["--recipient", "nobody"], [])])
def test_messages_are_chosen(four, choice, wanted):
    q, ids = four
    assert [ids.index(mail["queue_id"]) for mail in q.list(*choice)] == wanted
    assert q.do("hold", *choice) == f"{len(wanted)} message{'' if len(wanted) == 1 else 's'} held.\n"
    assert [number for number, mail in enumerate(q.list()) if mail["state"] == "held"] == wanted
    q.do("release", *choice)
    assert not any(mail["state"] == "held" for mail in q.list())
    q.do("remove", *choice)
    assert [ids.index(mail["queue_id"]) for mail in q.list()] == [number for number in range(4) if number not in wanted]
    assert all(q.wait(ids[number]) == 69 for number in wanted)


def test_what_changes_messages_has_to_be_told_which(four):
    q, ids = four
    for action in ("hold", "release", "remove", "requeue"):
        result = q.steer(action)
        assert result.returncode == 64 and b"Which messages?" in result.stderr
    for action in ("hold", "release", "remove", "requeue", "flush", "show", "list"):
        result = q.steer(action, "0000000000000AA")
        assert result.returncode == 66 and b"There is no message 0000000000000AA in the queue." in result.stderr, action
        # what is no id names no file
        assert q.steer(action, "../../etc/passwd").returncode == 66
    assert q.steer("wait").returncode == 64 and q.steer("show").returncode == 64 and q.steer("dance").returncode == 64
    assert len(q.files()) == 4


@pytest.mark.parametrize("option", ["--recipient", "--sender", "--destination"])
def test_an_empty_text_names_no_messages(four, option):
    """A script whose variable is empty means none, not all."""
    q, ids = four
    for action in ("list", "hold", "remove", "requeue", "flush"):
        result = q.steer(action, option, "")
        assert result.returncode == 64 and result.stdout == b"" and b"--all names all." in result.stderr
    assert q.files() == ids and not any(mail["state"] == "held" for mail in q.list())


def test_reports_are_chosen_by_the_name_that_the_list_gives_their_sender(queue):
    q = queue()
    q.put("bob@example.net")
    assert q.run("sendmail", "-odq", "-f", "<>", "carol@example.net", input=b"Subject: x\n\nx\n").returncode == 0
    report, = q.list("--sender", "MAILER-DAEMON")
    assert report["sender"] == "" and report["queue_id"] in q.do("list", "--sender", "mailer-daemon")
    assert q.do("remove", "--sender", "MAILER-DAEMON") == "1 message removed.\n" and len(q.files()) == 1


def test_an_empty_queue(queue):
    q = queue()
    assert q.do("list") == "Mail queue is empty\n" and q.list() == []
    assert q.steer("flush").returncode == 0 and q.run("-q").returncode == 0
    q.wait_runner_ends()


def test_held_mail_is_not_tried(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    held, free = q.put("bob@example.net"), q.put("carol@example.net")
    q.do("hold", held)
    q.flush()
    assert q.wait(free) == 0
    q.wait_runner_ends()  # held mail is nothing to be tried
    q.do("flush", held)
    q.wait_runner_ends()
    assert [mail.recipients for mail in server.mails] == [["carol@example.net"]] and q.steer("wait", held, "--timeout", "1").returncode == 75
    q.do("release", held)
    assert q.wait(held) == 0 and len(server.mails) == 2


@pytest.mark.parametrize("action,status", [("hold", 75), ("remove", None)])
def test_one_that_is_being_delivered_is_waited_for(queue, sink, action, status):
    """It is delivered or put off first; then it is held, if it is still there."""
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and "450 4.2.0 later" if line == "." else None)
    q = queue(relay=server.url, retry_first=3600)
    id = q.put("bob@example.net")
    q.flush()
    server.wait(lambda _: "DATA" in server.lines)
    assert [mail["state"] for mail in q.list()] == ["active"] and f"{id}*" in q.do("list")
    steering = subprocess.Popen([PALOMA, "queue", "-C", q.conf, action, id], env=q.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: has_open(steering, "anon_inode:inotify"))  # it is waiting, or about to
    q.flush()  # skips it
    proceed.set()
    out, errors = steering.communicate(timeout=PATIENCE)
    assert steering.returncode == 0, (out, errors)
    q.wait_runner_ends()
    assert server.lines.count("DATA") == 1
    assert [mail["state"] for mail in q.list()] == (["held"] if action == "hold" else [])
    assert q.steer("wait", id, "--timeout", "1").returncode == (status or 69)


@pytest.mark.parametrize("words", [(), ("bob",), ("--recipient", "bob@example.net")], ids=["all", "id", "recipient"])
def test_a_flush_is_not_lost_that_comes_when_an_attempt_has_failed(queue, sink, words):
    """Before it is written down that the mail is put off, for which the runner has it open."""
    def answer(_, line):
        if line.startswith("RCPT") and not server.mails and not stopped:
            stopped.append(q.runner())
            os.kill(stopped[0], signal.SIGSTOP)
            return "450 4.2.0 greylisted"
        return None
    stopped, server = [], sink(answer)
    q = queue(relay=server.url, retry_first=3600)
    id = q.put("bob@example.net")
    q.flush()
    wait_until(lambda: b"greylisted" in (q.spool / "queue" / id).read_bytes())
    q.flush(*(id if word == "bob" else word for word in words))
    os.kill(stopped[0], signal.SIGCONT)
    assert q.wait(id) == 0 and len(server.mails) == 1


def wait_for_one_who_waits(q, action):
    """Until a process that steers has seen that the message is being delivered: it watches the queue then."""
    def is_watching(pid):
        with contextlib.suppress(OSError):
            folder = pathlib.Path(f"/proc/{pid}")
            if action.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return any("inotify" in os.readlink(fd) for fd in (folder / "fd").iterdir())
        return False
    wait_until(lambda: any(is_watching(pid) for pid in q.processes()))


@pytest.mark.parametrize("action,done", [("hold", "held"), ("remove", "removed"), ("requeue", "requeued")])
def test_one_that_is_delivered_meanwhile_is_not_said_to_be_held_or_removed(queue, sink, action, done):
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and None if line == "." else None)
    q = queue(relay=server.url)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for choice in None, "--all":
            proceed.clear()
            id = q.put("bob@example.net")
            q.flush(id)
            server.wait(lambda _: server.lines.count("DATA") == (2 if choice else 1))
            steering = pool.submit(q.steer, action, choice or id)
            wait_for_one_who_waits(q, action)
            proceed.set()
            result = steering.result()
            if choice:
                assert (result.returncode, result.stdout, result.stderr) == (0, f"0 messages {done}.\n".encode(), b"")
            else:
                assert result.returncode == 66 and f"There is no message {id} in the queue." in result.stderr.decode()
                assert result.stdout == f"0 messages {done}.\n".encode()
            assert q.wait(id) == 0
    q.wait_runner_ends()
    assert len(server.mails) == 2 and f" {done} by " not in q.log_text()


def test_what_is_to_be_held_does_not_wait_for_what_is_being_delivered(one_of_five):
    """Who holds all of them wants no other to go out meanwhile."""
    q, server, proceed, ids = one_of_five
    with concurrent.futures.ThreadPoolExecutor() as pool:
        steering = pool.submit(q.steer, "hold", "--all")
        try:
            wait_until(lambda: [mail["state"] for mail in q.list()].count("held") == 4)
            assert not server.mails
        finally:
            proceed.set()
        result = steering.result()
    assert (result.returncode, result.stdout) == (0, b"4 messages held.\n")
    q.wait_runner_ends()
    assert q.files() == ids[1:] and len(server.mails) == 1


def test_held_mail_is_not_said_to_be_tried(four):
    q, ids = four
    q.do("hold", ids[0])
    assert q.do("flush", ids[0]) == "0 messages will be tried now.\n"
    assert q.do("flush", "--recipient", "x@") == "1 message will be tried now.\n"
    assert q.do("flush") == "3 messages will be tried now.\n"


def test_each_action_answers_in_json(four):
    q, ids = four
    for action, done in ("hold", "held"), ("release", "released"), ("requeue", "requeued"), ("flush", "flushed"), ("remove", "removed"):
        for choice, wanted in ([ids[0]], ids[:1]), (["--recipient", "y@"], [ids[1], ids[3]]), (["--sender", "nobody"], []):
            if action != "remove" or choice == [ids[0]]:
                told = [json.loads(line) for line in q.do(action, "--json", *choice).splitlines()]
                # one that the runner has open comes last
                assert sorted(told, key=lambda mail: mail["queue_id"]) == [{"queue_id": id, "action": done} for id in wanted]
    assert sorted(json.loads(line)["queue_id"] for line in q.do("flush", "--json").splitlines()) == ids[1:]
    result = q.steer("wait", "--json", ids[0])
    assert (result.returncode, json.loads(result.stdout)) == (69, {"queue_id": ids[0], "exit_code": 69}) and b"was removed" in result.stderr
    assert q.do("hold", "--quiet", ids[1]) == ""


@pytest.mark.parametrize("action,done", [("release", "released"), ("requeue", "requeued")])
def test_what_could_be_released_goes_out_though_another_could_not(queue, sink, action, done):
    server = sink()
    q = queue(relay=server.url)
    large, small = q.put("bob@example.net", "--body", "x" * 90 + "\n" * 100_000), q.put("bob@example.net")
    q.do("hold", "--all")
    result = q.steer(action, "--all", under=("prlimit", "--fsize=50000"))
    assert (result.returncode, result.stdout) == (74, f"1 message {done}.\n".encode()) and b"too large" in result.stderr
    assert q.wait(small) == 0
    q.wait_runner_ends()
    assert q.files() == [large] and len(server.mails) == 1


def test_requeue_begins_anew(queue, sink):
    answers = ["450 4.2.0 later"]
    server = sink(lambda session, line: next(iter(answers), None) if line.startswith("RCPT") else None)
    q = queue(relay=server.url, retry_first=3600)
    assert q.send("--wait", "bob@example.net").returncode == 75
    id, = q.files()
    assert q.list()[0]["attempts"] == 1 and q.list()[0]["recipients"][0]["reason"]
    q.do("hold", id)
    answers.clear()
    q.do("requeue", id)
    assert q.wait(id) == 0 and len(server.mails) == 1


@pytest.mark.parametrize("words,wanted", [(["-q"], [0, 1, 2, 3]), (["-qRx@"], [0, 2]), (["-qSroot"], [2, 3]), (["-qI"], [1])])
def test_sendmails_ways_to_flush(queue, sink, words, wanted):
    replies = ["451 4.3.0 later"]
    server = sink(lambda session, line: next(iter(replies), None) if line.startswith("MAIL") else None)
    q = queue(relay=server.url, retry_first=3600)
    ids = []
    for sender in ("ann@test.example", "root@test.example"):
        for to in ("x@a.example", "y@b.example"):
            assert q.send("--wait", to, "-r", sender).returncode == 75
            ids.append((set(q.files()) - set(ids)).pop())
    replies.clear()
    words = ["-qI" + ids[1]] if words == ["-qI"] else words
    result = q.run(*words)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert all(q.wait(ids[number]) == 0 for number in wanted)
    assert sorted(q.files()) == sorted(id for number, id in enumerate(ids) if number not in wanted) and len(server.mails) == len(wanted)


def test_the_statuses_of_wait(queue, sink):
    server = sink(lambda session, line: "550 5.1.1 unknown" if line.startswith("RCPT TO:<nobody") else
                  "450 4.2.0 later" if line.startswith("RCPT TO:<later") else "554 5.3.0 no" if line == "." and "spam@example.net" in session.recipients else None)
    q = queue(relay=server.url, retry_first=3600)
    ids = {name: q.put(f"{name}@example.net") for name in ("yes", "nobody", "later", "spam")}
    q.flush()
    assert q.wait(ids["yes"]) == 0
    assert q.wait(ids["nobody"]) == 67
    assert q.wait(ids["spam"]) == 69
    result = q.steer("wait", ids["later"], "--timeout", "1")
    assert result.returncode == 75 and result.stderr.decode() == f"paloma: The message {ids['later']} is still in the queue.\n"
    result = q.steer("wait", "0000000000000AA")
    assert result.returncode == 66 and b"none that has left it lately" in result.stderr


def told_of(q, id):
    result = q.steer("wait", id)
    assert result.stdout == b""
    return result.returncode, result.stderr.decode()


def test_an_end_that_is_no_success_is_told(queue, sink):
    server = sink(lambda session, line: "554 5.3.0 no" if line == "." else None)
    q = queue(relay=server.url)
    removed, refused = q.put("bob@example.net"), q.put("bob@example.net", "eve@example.net")
    q.do("hold", removed)
    waiting = [subprocess.Popen([PALOMA, "queue", "-C", q.conf, "wait", id], env=q.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for id in (removed, refused)]
    wait_until(lambda: all(has_open(process, q.spool / "queue" / id) for process, id in zip(waiting, (removed, refused))))
    q.do("remove", removed)
    q.flush()
    ends = [(process.communicate(timeout=2 * PATIENCE), process.returncode) for process in waiting]
    sentence = f"paloma: The message {removed} was removed from the queue before everybody had it.\n"
    assert ends[0] == ((b"", sentence.encode()), 69) and told_of(q, removed) == (69, sentence)
    (out, told), status = ends[1]
    lines = told.decode().splitlines()
    assert (status, out, len(lines)) == (69, b"", 2)
    for name, line in zip(("bob", "eve"), lines):
        assert re.fullmatch(rf"paloma: {name}@example\.net was not reached: 127\.0\.0\.1.*: .*no.*", line), line
    q.wait_runner_ends()  # with the report, which is refused as well
    assert told_of(q, refused) == (69, f"paloma: The message {refused} could not be delivered to everybody; the log tells to whom not, and why.\n")


def has_open(process, path):
    for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(fd) == str(path):
                return True
    return False


def test_what_was_set_aside_is_told_as_such(queue, sink):
    server = sink(lambda session, line: "554 5.3.0 no" if line == "." else None)
    q = queue(relay=server.url, postmaster="")
    refused, damaged = q.put("bob@example.net", "--envelope-from", ""), q.put("bob@example.net")
    (q.spool / "queue" / damaged).write_bytes(b"rubbish\n")
    q.flush()
    q.wait_runner_ends()
    assert q.files("damaged") == sorted([refused, damaged])
    assert told_of(q, damaged) == (65, f"paloma: The message {damaged} cannot be read, and is kept in the folder damaged of the spool; the log tells why.\n")
    assert told_of(q, refused) == (69, f"paloma: The message {refused} could not be delivered to everybody; the log tells to whom not, and why.\n"
                                   f"paloma: The message {refused} is kept in the folder damaged of the spool, for nobody could be told of it.\n")
    assert q.steer("wait", "../queue").returncode == 66


@pytest.mark.skipif(os.getuid() != 0, reason="needs to be two users")
def test_a_user_has_no_way_into_the_queue_of_another(open_folder, queue):
    q = queue(folder=open_folder)
    q.put("bob@example.net")
    assert stat.S_IMODE(q.spool.stat().st_mode) == 0o700 and stat.S_IMODE((q.spool / "queue").stat().st_mode) == 0o700
    for action in (["list"], ["remove", "--all"], ["flush"]):
        result = q.run("queue", "-C", q.conf, *action, preexec_fn=lambda: os.setresuid(NOBODY, NOBODY, NOBODY))
        assert result.returncode not in (0, 75) and result.stdout == b"" and os.fsencode(q.spool) in result.stderr, (action, result)
    assert len(q.files()) == 1


# --- handed over to the right place (DESIGN §3)

def test_no_queue_delivers_now_or_fails(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    result = q.send("--no-queue", "bob@example.net")
    assert result.returncode == 0 and b"Sent to bob@example.net" in result.stdout and not q.spool.exists()
    server.answer = lambda session, line: "450 4.2.0 later" if line.startswith("RCPT") else None
    result = q.send("--no-queue", "bob@example.net")
    assert result.returncode == 75 and b"4.2.0 later" in result.stderr and b"queue" not in result.stderr and not q.spool.exists()
    assert q.send("bob@example.net", env={"PALOMA_QUEUE": "never"}).returncode == 75 and not q.spool.exists()
    q.configure({"relay": server.url, "queue": "never"})
    assert q.send("bob@example.net").returncode == 75 and not q.spool.exists()


def test_a_relay_on_the_command_line_is_for_now_only(queue, sink):
    """The queue would not know of it."""
    server = sink(lambda session, line: "450 4.2.0 later" if line.startswith("RCPT") else None)
    q = queue(relay="smtp://127.0.0.1:1")
    result = q.send("--relay", server.url, "bob@example.net")
    assert result.returncode == 75 and b"stays in the queue" not in result.stderr and q.files() == []
    server.answer = lambda session, line: None
    assert q.send("--relay", server.url, "bob@example.net").returncode == 0 and len(server.mails) == 1
    # where it is kept, and how it is logged, says nothing of the way
    assert q.send("-O", f"spool={q.folder / 'other'}", "-O", "log=none", "--queue", "bob@example.net").stdout.startswith(b"Queued as")
    assert len(list((q.folder / "other" / "queue").iterdir())) == 1


def test_wait_background_and_queue(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    result = q.send("bob@example.net")
    assert result.returncode == 0 and result.stdout.startswith(b"Sent to bob@example.net") and q.files() == []
    result = q.send("--wait", "bob@example.net")
    assert result.returncode == 0 and result.stdout.startswith(b"Sent to bob@example.net") and q.files() == []
    assert q.runner() is None
    result = q.send("--background", "bob@example.net")
    assert result.returncode == 0 and result.stdout.startswith(b"Queued as ")
    server.wait_mails(3)
    q.wait_runner_ends()
    result = q.send("--queue", "bob@example.net")
    assert result.returncode == 0 and result.stdout.startswith(b"Queued as ") and len(q.files()) == 1 and q.runner() is None
    server.answer = lambda session, line: "450 4.2.0 later" if line.startswith("RCPT") else None
    result = q.send("bob@example.net")
    # in the foreground the mail is durably ours as well; who asks for the fate hears that it is open
    assert result.returncode == 0 and b"will be tried again" in result.stderr and len(q.files()) == 2
    assert q.send("--wait", "bob@example.net").returncode == 75 and len(q.files()) == 3


@pytest.mark.parametrize("mode,is_told", [("i", True), ("b", False), ("q", False), ("d", False), ("", False)])
def test_delivery_modes_of_sendmail(queue, sink, mode, is_told):
    replies = ["450 4.2.0 later"]
    server = sink(lambda session, line: next(iter(replies), None) if line.startswith("RCPT") else None)
    q = queue(relay=server.url, retry_first=3600)
    result = q.run("sendmail", *(["-od" + mode] if mode else []), "-f", "ann@test.example", "bob@example.net", input=b"Subject: x\n\ny\n")
    assert result.returncode == (75 if is_told else 0) and result.stdout == b""
    assert (b"4.2.0 later" in result.stderr) == is_told
    id, = q.files()
    if mode in ("q", "d"):
        assert q.runner() is None and server.sessions == 0
    else:
        server.wait(lambda _: any(line.startswith("RCPT") for line in server.lines))
    replies.clear()
    # the runner may be about to write down that it is put off; then it is flushed for a second time
    for _ in range(100):
        q.flush()
        if q.steer("wait", id, "--timeout", "1").returncode == 0:
            break
    assert len(server.mails) == 1


def test_sendmail_od_i_refused_for_good(queue, sink):
    server = sink(lambda session, line: "550 5.1.1 unknown" if line.startswith("RCPT") else None)
    q = queue(relay=server.url)
    result = q.run("sendmail", "-odi", "-f", "ann@test.example", "bob@example.net", input=b"Subject: x\n\ny\n")
    assert result.returncode == 67 and b"5.1.1 unknown" in result.stderr and q.files() == []


def test_json_tells_the_id_and_what_became_of_it(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    told = json.loads(q.send("--queue", "--json", "bob@example.net").stdout)
    assert told["queue_id"] == q.files()[0]


def test_an_own_spool_with_an_own_configuration(queue, sink, home):
    server = sink()
    q = queue()
    del q.environment["XDG_CONFIG_HOME"]
    own = home / ".config" / "paloma"
    own.mkdir(parents=True)
    (own / "paloma.conf").write_text(f"[paloma]\nrelay = {server.url}\nlog = none\nhelo = x\n")
    words = ["send", "-r", "ann@test.example", "--body", "x", "--queue", "bob@example.net"]
    assert q.run(*words).returncode == 0
    spool = home / ".local" / "state" / "paloma"
    assert len(list((spool / "queue").iterdir())) == 1 and stat.S_IMODE(spool.stat().st_mode) == 0o700
    state = home / "state"
    assert q.run(*words, env={"XDG_STATE_HOME": str(state)}).returncode == 0
    assert len(list((state / "paloma" / "queue").iterdir())) == 1
    # a relative one counts as not set (XDG base directory specification)
    assert q.run(*words, env={"XDG_STATE_HOME": "state"}).returncode == 0
    assert len(list((spool / "queue").iterdir())) == 2
    assert q.run("queue", "list").stdout.count(b"bob@example.net") == 2
    assert q.run("queue", "remove", "--all").returncode == 0


def as_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.mark.skipif(os.getuid() != 0, reason="needs to be two users")
@pytest.mark.parametrize("home_of_caller", [None, "/nonexistent", "/proc"])
def test_a_caller_without_a_place_to_write(queue, sink, open_folder, home_of_caller):
    """Delivers at once; there is nothing that could be kept."""
    server = sink()
    q = queue()
    conf = open_folder / "world.conf"
    conf.write_text(f"[paloma]\nrelay = {server.url}\nlog = none\nhelo = x\n")
    environment = {key: value for key, value in q.environment.items() if key not in ("HOME", "XDG_CONFIG_HOME")}
    if home_of_caller:
        environment["HOME"] = home_of_caller
    program = open_folder / "paloma"
    program.write_bytes(open(PALOMA, "rb").read())
    program.chmod(0o755)

    def send():
        return subprocess.run([program, "send", "-C", conf, "-r", "ann@test.example", "--body", "x", "bob@example.net"], env=environment,
                              preexec_fn=as_nobody, capture_output=True, timeout=PATIENCE, cwd="/")

    result = send()
    assert result.returncode == 0 and len(server.mails) == 1, result.stderr
    server.answer = lambda session, line: "450 4.2.0 later" if line.startswith("RCPT") else None
    result = send()
    assert result.returncode == 75 and b"4.2.0 later" in result.stderr and b"in the queue" not in result.stderr


def test_a_spool_that_cannot_be_had_refuses_the_mail(queue, sink):
    server = sink()
    q = queue(relay=server.url)
    q.spool.write_text("a file")
    result = q.send("bob@example.net")
    assert result.returncode in (73, 75) and b"spool" in result.stderr and server.mails == []


def test_a_spool_that_others_may_write_to_is_refused(queue):
    q = queue()
    q.put("bob@example.net")
    q.spool.chmod(0o770)
    result = q.send("--queue", "bob@example.net")
    assert result.returncode == 77 and b"chmod 700" in result.stderr and len(q.files()) == 1
    q.spool.chmod(0o700)


# --- hooks

def hook_events(path, wanted):
    """Reads a FIFO that the hook writes to, until so many lines have come."""
    lines = []
    with open(path, "rb", buffering=0) as fifo:
        data = b""
        while data.count(b"\n") < wanted:
            assert select.select([fifo], [], [], PATIENCE)[0], data
            data += fifo.read(65536)
    lines = data.splitlines()
    return [json.loads(line) for line in lines]


def test_a_hook_is_told_of_every_event(queue, sink, open_folder):
    server = sink(lambda session, line: "550 5.1.1 unknown" if line.startswith("RCPT TO:<nobody") else
                  "450 4.2.0 later" if line.startswith("RCPT TO:<later") else None)
    q = queue()
    fifo = make_fifo(open_folder, "events")
    keep = os.open(fifo, os.O_RDWR)  # so that nobody meets the end of it
    # one write for each object, however many hooks run side by side
    hook = write_hook(open_folder, f'exec cat >"{fifo}"\n')
    secret = q.folder / "secret"
    secret.write_text("geheim\n")
    secret.chmod(0o600)
    q.configure({"relay": server.url, "retry_first": 3600, "hook": hook})
    ids = []
    for name in ("yes", "nobody", "later"):
        q.run("sendmail", "-odq", "-f", "<>", f"{name}@example.net", input=b"Subject: x\n\ny\n")
        ids.append((set(q.files()) - set(ids)).pop())
    q.flush()
    events = hook_events(fifo, 6)
    assert {event["queue_id"] for event in events} == set(ids)
    by_mail = {id: sorted(event["event"] for event in events if event["queue_id"] == id) for id in ids}
    assert by_mail == {ids[0]: ["delivered", "queued"], ids[1]: ["bounced", "queued"], ids[2]: ["deferred", "queued"]}
    bounced, = [event for event in events if event["event"] == "bounced"]
    assert bounced["recipient"] == "nobody@example.net" and bounced["status"] == "5.1.1" and "unknown" in bounced["reason"] and bounced["time"] > 1700000000
    delivered, = [event for event in events if event["event"] == "delivered"]
    assert delivered["status"] == "2.0.0" and "127.0.0.1" in delivered["remote_mta"]
    os.close(keep)


def test_more_events_than_hooks_run_at_once_are_all_told(queue, sink, open_folder):
    """Those that wait are not forgotten when nothing else happens."""
    server = sink()
    q = queue()
    fifo = make_fifo(open_folder, "events")
    keep = os.open(fifo, os.O_RDWR)
    q.configure({"relay": server.url, "hook": write_hook(open_folder, f'exec cat >"{fifo}"\n')})
    for number in range(20):
        q.put(f"bob{number}@example.net")
    q.flush()
    events = hook_events(fifo, 40)
    assert sorted(event["event"] for event in events) == ["delivered"] * 20 + ["queued"] * 20
    q.wait_runner_ends()
    os.close(keep)


def test_what_waits_for_a_hook_is_told_though_the_configuration_changes(queue, sink, open_folder):
    server = sink(lambda session, line: "450 4.2.0 later" if line.startswith("RCPT") else None)
    q, go, told = queue(), make_fifo(open_folder, "go"), open_folder / "told"
    keep = os.open(go, os.O_RDWR)
    lines = {"relay": server.url, "retry_first": 3600, "hook": write_hook(open_folder, f'read line <"{go}"\ncat >>"{told}"\n')}
    q.configure(lines)
    ids = [q.put(f"bob{number}@example.net") for number in range(5)]
    q.flush()
    wait_until(lambda: q.log_text().count("status=deferred") == 5)  # ten events, of which four are being told
    q.wait_put_off(ids[0])
    q.configure({**lines, "retry_first": 1800})
    os.utime(q.spool / "queue" / ids[0])  # it is due
    wait_until(lambda: "The configuration has been read again." in q.log_text() and q.log_text().count("status=deferred") == 6)
    os.write(keep, b"\n" * 11)
    wait_until(lambda: told.exists() and told.read_text().count("\n") == 11)
    os.close(keep)
    events = [json.loads(line)["event"] for line in told.read_text().splitlines()]
    assert collections.Counter(events) == {"queued": 5, "deferred": 6}


def test_a_hook_that_hangs_or_fails_holds_nothing_up(queue, sink, open_folder):
    server = sink()
    q = queue()
    fifo = make_fifo(open_folder, "go")
    go = os.open(fifo, os.O_RDWR)
    for text in (f'read line <"{fifo}"\n', "exit 1\n", "kill -9 $$\n"):
        q.configure({"relay": server.url, "hook": write_hook(open_folder, text)})
        ids = [q.put(f"bob{number}@example.net") for number in range(10)]
        q.flush()
        assert all(q.wait(id) == 0 for id in ids)
        assert q.runner() or "read" not in text  # it sees to it that its hooks end
        os.write(go, b"\n" * 100)
        q.wait_runner_ends()
        os.close(go)
        go = os.open(fifo, os.O_RDWR)
    os.close(go)
    q.configure({"relay": server.url, "hook": q.folder / "missing"})
    id = q.put("bob@example.net")
    q.flush()
    assert q.wait(id) == 0
    q.wait_runner_ends()
    assert "The hook is not run" in q.log_text() and len(server.mails) == 31


def test_an_alarm_waits_for_no_hook_that_hangs(queue, sink, open_folder):
    server = sink(lambda session, line: "450 4.2.0 later" if line.startswith("RCPT") else None)
    q = queue()
    fifo, begun, told = make_fifo(open_folder, "go"), open_folder / "begun", open_folder / "told"
    go = os.open(fifo, os.O_RDWR)
    begun.touch()
    begun.chmod(0o666)
    (open_folder / "alarm").mkdir()
    (open_folder / "alarm").chmod(0o777)
    q.configure({"relay": server.url, "retry_first": 3600, "stuck_after": 0, "stuck_hook": write_hook(open_folder / "alarm", f'cat >>"{told}"\n'),
                 "hook": write_hook(open_folder, f'echo x >>"{begun}"\nread line <"{fifo}"\n')})
    for number in range(12):
        q.put(f"bob{number}@example.net")
    q.flush()
    wait_until(lambda: told.exists() and told.read_text().endswith("\n"))
    assert json.loads(told.read_text())["event"] == "stuck" and len(begun.read_text().splitlines()) <= 4
    os.write(go, b"\n" * 100)
    q.do("remove", "--all")
    q.wait_runner_ends()
    os.close(go)
    assert len(told.read_text().splitlines()) == 1


def test_a_hook_is_given_no_right_no_secret_and_no_descriptor(queue, sink, open_folder):
    server = sink()
    q = queue()
    hook = write_hook(open_folder, f'{{ id -u; env; ls -l /proc/self/fd; cat; }} >"{open_folder}/facts-$$"\n')
    q.configure({"relay": server.url, "hook": hook})
    q.put("bob@example.net")
    q.run("queue", "-C", q.conf, "flush", env={"PALOMA_PASSWORD": "geheim", "AWS_SECRET": "geheim", "SMTP_PASS": "geheim"})
    q.wait_runner_ends()
    facts = [path.read_text() for path in open_folder.glob("facts-*")]  # of "queued" and "delivered"
    text = "".join(facts)
    assert len(facts) == 2 and "delivered" in text
    uid = text.split("\n", 1)[0]
    assert uid != "0" and (os.getuid() == 0 or uid == str(os.getuid()))
    assert "HOME=/root" not in text and (os.getuid() != 0 or "HOME=" not in text)
    assert "geheim" not in text and "PATH=" in text and "PALOMA" not in text.replace(str(q.folder), "")
    assert "/queue/" not in text.replace(str(q.folder), "") and "socket:" not in text and "runner.lock" not in text


def test_stuck_mail_is_told_once_until_mail_goes_out_again(queue, sink, open_folder):
    replies = ["450 4.2.0 later"]
    server = sink(lambda session, line: next(iter(replies), None) if line.startswith("RCPT") else None)
    q = queue()
    told = open_folder / "told"
    q.configure({"relay": server.url, "retry_first": 3600, "stuck_after": 0, "stuck_hook": write_hook(open_folder, f'cat >>"{told}"\n'), "connections": 1})
    ids = [q.put(f"bob{number}@example.net") for number in range(5)]
    q.flush()
    server.wait(lambda _: sum(line.startswith("RCPT") for line in server.lines) >= 5)
    replies.clear()
    for _ in range(100):
        q.flush()
        if all(q.steer("wait", id, "--timeout", "1").returncode == 0 for id in ids):
            break
    q.wait_runner_ends()
    events = [json.loads(line) for line in told.read_text().splitlines()]
    assert len(events) == 1 and events[0]["event"] == "stuck" and "4.2.0" in events[0]["status"]
