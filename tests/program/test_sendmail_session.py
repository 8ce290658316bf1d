"""sendmail -bs: SMTP on standard input and output, and on what inetd or systemd put there."""
import os
import re
import smtplib
import socket
import subprocess
import threading

import pytest
from conftest import PALOMA
from sessions import ANN, BOB, Session, entries


@pytest.fixture
def q(queue):
    """A queue whose relay nobody answers at."""
    return queue(relay="smtp://127.0.0.1:1", retry_first=3600, host_name="test.example", aliases="")


@pytest.mark.parametrize("words", [("-bs",), ("-bs", "-odb", "-oem"), ("-bs", "-i"), ("-oi", "-bs"), ("sendmail", "-bs", "-t"), ("-bs", "-odi"),
                                   ("-v", "-bs"), ("-bs", "-f", ANN)], ids=" ".join)
def test_a_session_stores_each_mail_before_it_says_so(q, words):
    session = Session(q, *words)
    assert session.reply().startswith("220 ")
    assert session.say("EHLO client").startswith("250-")
    for number in range(3):
        found = re.fullmatch(r"250 2\.0\.0 Ok: queued as ([0-9A-V]{15})\r\n", session.mail(BOB, "eve@example.net"))
        assert found and found[1] in q.files() and len(q.files()) == number + 1
    assert session.say("QUIT").startswith("221 ")
    assert session.end() == (0, b"")
    assert f"Received: from userid {os.getuid()}" in entries(q)[0] and "with ESMTP id" in entries(q)[0]
    assert f"{q.files()[0]}: uid={os.getuid()} from=<{ANN}>" in q.log_text()


TYPED = "EHLO me\nMAIL FROM:<ann@test.example>\nRCPT TO:<bob@example.net>\nDATA\nSubject: typed\n\n..a dot\r\nand more\n.\nQUIT\n"


@pytest.mark.parametrize("pieces", [1, 5, 1000])
def test_a_session_that_a_person_types_has_lines_that_end_in_lf(q, pieces):
    process = subprocess.Popen([PALOMA, "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=q.environment)
    for at in range(0, len(TYPED), pieces):
        process.stdin.write(TYPED[at:at + pieces].encode())
        process.stdin.flush()
    said, errors = process.communicate(timeout=60)
    assert re.search(rb"\r\n250 2\.0\.0 Ok: queued as [0-9A-V]{15}\r\n221 ", said) and (process.returncode, errors) == (0, b""), said
    [entry] = entries(q)
    assert "Subject: typed\n\n.a dot\nand more\n" in entry.replace("\r\n", "\n")


@pytest.mark.parametrize("text", [TYPED.replace("EHLO me\n", "EHLO me\r\n"), TYPED.replace("\r", "").replace("\n", "\r\n").replace("a dot\r", "a dot")], ids=["commands", "data"])
def test_a_session_of_a_program_has_none(q, text):
    result = subprocess.run([PALOMA, "-bs"], input=text.encode(), capture_output=True, timeout=60, env=q.environment)
    assert b" A CR or LF stands alone" in result.stdout and b"queued" not in result.stdout and q.files() == []


def test_a_session_tells_of_addresses_that_are_none(q):
    session = Session(q, "-bs")
    session.reply()
    assert session.say("HELO client").startswith("250 ")
    assert session.say(f"MAIL FROM:<{ANN}>").startswith("250 ")
    assert session.say("RCPT TO:<bad@@example.net>").startswith("553 5.1.3 ")
    assert session.say("RCPT TO:<no more>").startswith("553 5.1.3 ")
    assert session.say("DATA").startswith("5")
    assert session.say("RSET").startswith("250 ")
    assert "queued as" in session.mail("root")
    assert session.say("QUIT").startswith("221 ")
    assert session.end() == (0, b"") and len(q.files()) == 1 and "with SMTP id" in entries(q)[0]


@pytest.mark.parametrize("words,parameters", [(("-n", "-G"), ""), ((), " XNOALIASES XRELAYED")])
def test_a_session_leaves_aliases_and_header_alone_when_told_to(queue, tmp_path, words, parameters):
    (tmp_path / "aliases").write_text("root: boss@example.net\nops: root\n")
    q = queue(relay="smtp://127.0.0.1:1", retry_first=3600, host_name="test.example", aliases=tmp_path / "aliases")
    session = Session(q, "-bs", *words)
    session.reply()
    session.say("EHLO client")
    assert session.say(f"MAIL FROM:<{ANN}>{parameters}").startswith("250 ")
    assert session.say("RCPT TO:<ops>").startswith("550 5.1.1 "), "it is an alias only"
    assert session.say("RCPT TO:<root>").startswith("250 ")
    assert session.say("DATA").startswith("354 ")
    assert session.say("Subject: s\r\n\r\nx\r\n.").startswith("250 ")
    assert session.say("QUIT").startswith("221 ") and session.end()[0] == 0
    [entry] = entries(q)
    assert "\nto: root@test.example\n" in entry and "\nrelayed: yes\nno-aliases: yes\n" in entry and "Message-ID" not in entry


def test_a_session_tells_of_users_that_are_none(queue, tmp_path):
    """At once, as clients expect it; an alias is somebody, and so is who is one of several behind one."""
    (tmp_path / "aliases").write_text("ops: root, nosuch\nteam: nosuch\nnull: :blackhole:\naway: bob@example.net\n")
    q = queue(relay="smtp://127.0.0.1:1", aliases=tmp_path / "aliases", host_name="test.example")
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    assert session.say(f"MAIL FROM:<{ANN}>").startswith("250 ")
    for name in ("nosuch", "nosuch@test.example", "NoSuch@localhost", "team", "|cmd", "/file"):
        assert session.say(f"RCPT TO:<{name}>").startswith("550 5.1.1 There is no user "), name
    for name in ("root", "Root@test.example", "postmaster", "ops", "away", "null", "nosuch@example.net"):
        assert session.say(f"RCPT TO:<{name}>").startswith("250 "), name
    assert session.say("DATA").startswith("354 ")
    assert "queued as" in session.say("\r\nx\r\n.")
    session.say("QUIT")
    assert session.end() == (0, b"")
    assert {row["address"] for row in q.list()[0]["recipients"]} >= {"root@test.example", BOB, "nosuch@example.net"}


@pytest.mark.parametrize("settings", [{"local": "no"}, {"unknown_user": "relay"}, {"unknown_user": "bob@example.net"}], ids=str)
def test_a_session_knows_who_takes_users_that_are_none(queue, settings):
    q = queue(relay="smtp://127.0.0.1:1", host_name="test.example", aliases="", **settings)
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    assert "queued as" in session.mail("nosuch")
    session.say("QUIT")
    assert session.end() == (0, b"")


def test_a_session_that_breaks_off_stores_nothing_of_what_was_not_whole(q):
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    assert "queued as" in session.mail(BOB)
    for line in (f"MAIL FROM:<{ANN}>", f"RCPT TO:<{BOB}>", "DATA"):
        session.say(line)
    session.process.stdin.write(b"Subject: half\r\n\r\nof a mes")
    assert session.end() == (0, b"") and len(q.files()) == 1


def test_a_session_delivers_while_it_lasts(queue, sink):
    """Mailers of web sites keep one for hours."""
    server = sink()
    q = queue(relay=server.url)
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    for number in range(2):
        assert "queued as" in session.mail(BOB)
        server.wait_mails(number + 1)
    session.say("QUIT")
    assert session.end() == (0, b"")


@pytest.mark.parametrize("answer,code", [(None, "250 2.0.0 delivered"), ("550 5.1.1 nobody", "550 5.1.1 <bob@example.net>: "), ("450 4.2.0 later", "45")])
def test_a_session_without_a_queue_tells_the_fate(queue, sink, answer, code):
    server = sink(lambda session, line: answer if line.startswith("RCPT TO:<bob") else None)
    q = queue(relay=server.url, queue="never")
    session = Session(q, "-bs")
    session.reply()
    session.say("EHLO client")
    reply = session.mail("eve@example.net", BOB)
    assert reply[:2] == code[:2] and (code[:4] != "550 " or "<bob@example.net>: " in reply) and len(server.mails) == 1
    session.say("QUIT")
    assert session.end()[0] == 0 and not q.spool.exists()


def test_a_session_leaves_its_descriptors_as_they_were(q):
    """What is non-blocking for us would be so for the caller's terminal, too."""
    reading, writing = os.pipe()
    process = subprocess.Popen([PALOMA, "-bs"], stdin=reading, stdout=subprocess.PIPE, env=q.environment)
    assert process.stdout.readline().startswith(b"220 ")
    assert os.get_blocking(reading)
    os.write(writing, b"QUIT\r\n")
    assert process.stdout.readline().startswith(b"221 ") and process.wait(60) == 0
    for fd in (reading, writing):
        os.close(fd)


def serve_once(q, listener):
    """As inetd does it: the connection is standard input and output."""
    connection, _ = listener.accept()
    with connection:
        return subprocess.run([PALOMA, "sendmail", "-bs"], stdin=connection, stdout=connection, stderr=subprocess.PIPE, env=q.environment, timeout=60)


def test_a_session_under_inetd(q):
    results = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=lambda: results.append(serve_once(q, listener)))
        server.start()
        with smtplib.SMTP("127.0.0.1", listener.getsockname()[1], timeout=60) as client:
            client.sendmail(ANN, [BOB], b"Subject: x\r\n\r\n..y\r\n")
        server.join()
    assert (results[0].returncode, results[0].stderr) == (0, b"")
    text, = entries(q)
    assert "([127.0.0.1])" in text and "\r\n..y" in text.replace("\n", "\r\n").replace("\r\r", "\r")
    assert "client=" in q.log_text()


def test_a_session_of_a_socket_unit_knows_who_is_there(q, tmp_path):
    """Accept=yes on a unix socket: the kernel tells whose mail it is."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    tmp_path.chmod(0o755)
    results = []
    left, right = socket.socketpair()
    pid = os.fork()
    if pid == 0:  # a stranger
        status = 1
        try:
            os.setegid(65534)
            os.seteuid(65534)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect("\0paloma-test-%d" % os.getppid() if left.recv(1) else "")
                file = client.makefile("rwb")
                for line in (b"", b"HELO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<bob@example.net>\r\n", b"DATA\r\n", b"\r\nx\r\n.\r\n", b"QUIT\r\n"):
                    file.write(line)
                    file.flush()
                    file.readline()
            status = 0
        finally:
            os._exit(status)  # it is no test any more
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0paloma-test-%d" % os.getpid())
        listener.listen()
        listener.settimeout(60)
        right.send(b"x")
        results.append(serve_once(q, listener))
    assert os.waitpid(pid, 0)[1] == 0 and results[0].returncode == 0, results
    assert "Received: from userid 65534 (nobody)" in entries(q)[0]
    left.close()
    right.close()


def test_a_session_of_another_host_is_refused(q):
    """The address of another host, where there is a network to have one in."""
    script = r"""
import socket, subprocess, sys, os
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "addr", "add", "192.0.2.1/32", "dev", "lo"], check=True)
listener = socket.create_server(("192.0.2.1", 0))
client = socket.create_connection(listener.getsockname(), source_address=("192.0.2.1", 0))
there, _ = listener.accept()
result = subprocess.run([sys.argv[1], "-bs"], stdin=there, stdout=there)
there.close()
print(result.returncode, client.makefile().read())
"""
    result = subprocess.run(["unshare", "-rn", "python3", "-c", script, PALOMA], capture_output=True, text=True, env=q.environment, timeout=60)
    if "unshare" in result.stderr or "ip" in result.stderr.split("\n")[0]:
        pytest.skip("there are no namespaces to be had")
    assert result.stdout.startswith("77 554 5.7.1 Mail of this host only"), result
