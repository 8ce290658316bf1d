"""paloma serve and its clients: what its options promise, and that nobody harms it or another client."""
import base64
import concurrent.futures
import contextlib
import pathlib
import re
import resource
import signal
import smtplib
import socket
import ssl
import subprocess
import types

import certificates
import pytest
from conftest import PALOMA, clean_environment
from processes import children_of
from queues import is_sanitized
from service import until


class Client:
    """A client that sends octets as they are."""

    def __init__(self, server, say=b""):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 60)
        self.send(say)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def reply(self):
        """All lines of one reply as text; empty when the server has closed."""
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.file.readline().decode()
            if not line:
                break
            lines.append(line)
        return "".join(lines)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def say(self, *commands):
        """The reply to the last of the commands."""
        answer = ""
        for command in commands:
            self.send(command + "\r\n")
            answer = self.reply()
        return answer

    def begin(self):
        assert self.say("EHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA").startswith("354")

    def is_closed(self):
        try:
            return self.file.read(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def connect(catcher):
    """connect(server) gives a client, which is gone before the server is asked to end."""
    clients = []

    def start(server, **rest):
        clients.append(Client(server, **rest))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def deliver(server, text=b"Subject: x\r\n\r\nx\r\n", to=("b@example.net",)):
    with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as smtp:
        smtp.sendmail("a@example.org", list(to), text)


def files(server, folder="new"):
    return list((server.folder / folder).iterdir())


def test_what_is_offered(connect, catcher):
    client = connect(catcher("--max-size", "12345"))
    assert client.greeting.startswith("220 catcher.example ")
    offered = client.say("EHLO x")
    for keyword in "PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING", "SIZE 12345":
        assert f"250-{keyword}\r\n" in offered or f"250 {keyword}\r\n" in offered
    assert "STARTTLS" not in offered and "AUTH" not in offered
    assert client.say("HELO x") == "250 catcher.example\r\n"


def test_order_and_spelling_of_commands(connect, catcher):
    client = connect(catcher())
    for command, code in [("MAIL FROM:<a@b.example>", "503"), ("EHLO", "501"), ("EHLO x", "250"), ("RCPT TO:<a@b.example>", "503"), ("DATA", "503"),
                          ("MAIL FROM: <a@b.example>", "250"), ("MAIL FROM:<a@b.example>", "503"), ("DATA", "503"), ("RCPT TO:<>", "501"),
                          ("rcpt to:<b@example.net>", "250"), ("RSET", "250"), ("RCPT TO:<a@b.example>", "503"), ("VRFY x", "252"), ("NOOP x", "250"),
                          ("HELP", "214"), ("MAIL FROM:<a@b.example> SIZE=x", "501"), ("MAIL FROM:<a@b.example> FOO=1", "555"), ("MAIL FROM:a@b.example", "501"),
                          ("MAIL FROM:<a b@c.example>", "553"), ("MAIL FROM:<ä@b.example>", "553"), ("MAIL FROM:<ä@b.example> SMTPUTF8", "250"), ("QUIT", "221")]:
        assert client.say(command).startswith(code), command
    assert client.is_closed()


def test_limits_of_a_message(connect, catcher):
    server = catcher("--max-size", "2000", "--max-recipients", "2")
    client = connect(server)
    assert client.say("EHLO x", "MAIL FROM:<a@example.org> SIZE=2001").startswith("552 5.3.4")
    assert client.say("MAIL FROM:<a@example.org> SIZE=2000", "RCPT TO:<a@example.net>", "RCPT TO:<b@example.net>").startswith("250")
    assert client.say("RCPT TO:<c@example.net>").startswith("452 4.5.3")
    client.say("DATA")
    client.send(b"x" * 70 + b"\r\n")
    client.send((b"x" * 70 + b"\r\n") * 1000 + b".\r\n")
    assert client.reply().startswith("552 5.3.4")
    assert client.say("MAIL FROM:<a@example.org>", "RCPT TO:<a@example.net>").startswith("250")
    client.send(b"BDAT 3000 LAST\r\n" + (b"x" * 58 + b"\r\n") * 50)
    assert client.reply().startswith("552 5.3.4")
    assert files(server) == [] and files(server, "tmp") == []
    deliver(server)
    assert server.caught()


STRAYS = [b"a\nb\r\n.\r\n", b"a\rb\r\n.\r\n", b"a\n.\n\r\n.\r\n", b"a\r\n.\nMAIL FROM:<x@y>\r\n\r\n.\r\n", b"a\r\n.\rb\r\n\r\n.\r\n", b"a\r\r\n.\r\n", b"a\n.\r\n\r\n.\r\n",
          b"\n.\r\n\r\n.\r\n", b"a\r\n\r.\r\n\r\n.\r\n"]


@pytest.mark.parametrize("data", STRAYS, ids=[repr(data) for data in STRAYS])
def test_only_crlf_ends_a_line_of_the_message(connect, catcher, data):
    server = catcher()
    client = connect(server)
    client.begin()
    client.send(data + b"NOOP\r\n" * 3)
    assert client.reply().startswith("554 5.6.0")
    assert client.is_closed()
    client = connect(server)
    client.say("EHLO x", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>")
    data = data[:-3]
    client.send(b"BDAT %d LAST\r\n" % len(data) + data)
    assert client.reply().startswith("554 5.6.0")
    assert client.is_closed()
    assert files(server) == [] and files(server, "tmp") == []


@pytest.mark.parametrize("command", [b"NOOP\nRSET\r\n", b"NO\rOP\r\n", b"NOOP\n", b"\rNOOP\r\n"])
def test_only_crlf_ends_a_command(connect, catcher, command):
    client = connect(catcher())
    client.send(command + b"RSET\r\n")
    assert client.reply().startswith("500 5.5.2")
    assert client.is_closed()


def test_dots_and_chunks_come_out_as_they_went_in(connect, catcher):
    server = catcher()
    client = connect(server)
    client.begin()
    client.send(b"..\r\n...\r\n.x\r\n\r\n.\r\n")
    assert client.reply().startswith("250")
    assert server.raw().endswith(b"\n.\n..\nx\n\n")
    client.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>")
    client.send(b"BDAT 5\r\n.\r\n..BDAT 0\r\nBDAT 2\r\n\r\nBDAT 0 LAST\r\n")
    assert [client.reply()[:3] for _ in range(4)] == ["250"] * 4
    assert server.raw().endswith(b"\n.\n..\n")


def test_lines_without_end_are_bounded(connect, catcher):
    """A command, a parameter, a line of the message of many MiB: refused, and the next client is served."""
    server = catcher()
    client = connect(server)
    client.say("EHLO x")
    for _ in range(64):
        client.send(b"x" * 65536)
    client.send(b"\r\n")
    assert client.reply().startswith("500 5.5.2")
    client.send(b"MAIL FROM:<" + b"a" * 100000 + b"@b.example>\r\n")
    assert client.reply().startswith("500 5.5.2")
    assert client.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA").startswith("354")
    for _ in range(64):
        client.send(b"x" * 65536)
    [child] = children_of(server.process.pid)
    memory = int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path(f"/proc/{child}/status").read_text())[1])
    assert is_sanitized() or memory < 20000
    client.send(b"\r\n.\r\n")
    assert client.reply().startswith("554 5.6.0")
    deliver(server)
    assert server.caught() and files(server, "tmp") == []


def test_too_many_errors_end_the_session(connect, catcher):
    client = connect(catcher())
    client.send("NONSENSE\r\n" * 100)
    replies = [client.reply() for _ in range(21)]
    assert all(reply.startswith("500") for reply in replies[:20]) and replies[20].startswith("421")
    assert client.is_closed()


def test_a_flood_of_commands_whose_answers_nobody_reads(connect, catcher):
    """The server neither grows nor hangs: it stops reading, and goes when the client does."""
    server = catcher()
    client = connect(server)
    client.socket.settimeout(0.5)
    try:
        for _ in range(1000):
            client.send(b"NOOP\r\n" * 10000)
    except (TimeoutError, ConnectionError):
        pass
    deliver(server)
    assert server.caught()
    client.close()
    assert server.stop() == 0


def test_a_stall_ends_by_the_timeout(connect, catcher):
    client = connect(catcher("--timeout", "1"))
    assert client.reply().startswith("421 4.4.2") and client.is_closed()
    # all at once, as fast as it can be
    client = connect(catcher("--timeout", "1"), say=b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nhalf a ")
    assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "354", "421"] and client.is_closed()


def test_a_mail_that_is_cut_is_not_filed(connect, catcher):
    server = catcher()
    client = connect(server)
    client.begin()
    client.send(b"Subject: half\r\n\r\n" + b"x" * 70 + b"\r\n")
    client.close()
    deliver(server)
    assert server.caught()
    assert server.stop() == 0
    assert len(files(server)) == 1 and files(server, "tmp") == []


def test_more_sessions_than_allowed_are_put_off(connect, catcher):
    server = catcher("--max-sessions", "2")
    first, second, third = connect(server), connect(server), connect(server)
    assert first.greeting.startswith("220") and second.greeting.startswith("220")
    assert third.greeting.startswith("421 4.3.2") and third.is_closed()
    assert first.say("QUIT").startswith("221") and first.is_closed()
    # the place is free as soon as the server has seen its child end
    until(lambda: len(children_of(server.process.pid)) == 1, "the end of the session")
    assert connect(server).greeting.startswith("220")


def test_two_hundred_at_once(connect, catcher):
    server = catcher("--max-sessions", "250")
    clients = [connect(server) for _ in range(200)]
    assert all(client.greeting.startswith("220") for client in clients)
    for client in clients:
        client.begin()
    for number, client in enumerate(clients):
        client.send(f"Subject: {number}\r\n\r\nx\r\n.\r\n")
    assert all(client.reply().startswith("250 2.0.0") for client in clients)
    lines = [server.caught() for _ in clients]
    assert len(set(lines)) == 200 and len(files(server)) == 200 and files(server, "tmp") == []


def test_two_hundred_mails_by_paloma_at_once(paloma, catcher):
    server = catcher("--max-sessions", "10")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda n: paloma("send", "--relay", server.url, "-r", "a@example.org", "--body", str(n), "b@example.net"), range(200)))
    # more than ten at once are put off, which is told, and nothing in between
    taken = sum(result.returncode == 0 for result in results)
    assert taken + sum(result.returncode == 75 and b"4.3.2" in result.stderr for result in results) == 200, [r.stderr for r in results if r.returncode not in (0, 75)]
    assert len(files(server)) == taken > 0


def test_exit_after(catcher):
    server = catcher("--exit-after", "2")
    deliver(server)
    deliver(server)
    assert server.process.wait(30) == 0 and len(files(server)) == 2


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_a_message_on_its_way_may_end(connect, catcher, which):
    server = catcher()
    idle, busy = connect(server), connect(server)
    busy.begin()
    busy.send(b"Subject: x\r\n\r\nbegun before\r\n")
    server.process.send_signal(which)
    idle.close()
    while True:  # nobody new is taken any more
        try:
            connect(server).close()
        except OSError:
            break
    busy.send(b"and ended after\r\n.\r\n")
    assert busy.reply().startswith("250 2.0.0")
    busy.say("QUIT")
    assert server.caught()
    assert server.process.wait(30) == 0 and len(files(server)) == 1


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve-ca")
    certificates.make_authority(folder)
    certificates.make_certificate(folder, "good", "DNS:localhost,IP:127.0.0.1")
    return folder


@pytest.fixture
def users(tmp_path):
    file = tmp_path / "users"
    file.write_text("ann:one:two\n\nbob:\n")
    file.chmod(0o600)
    return file


def plain(user, password):
    return "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def trust(ca):
    return ssl.create_default_context(cafile=str(ca / "ca.pem"))


def test_starttls_forgets_what_was_said_and_auth_comes_after(connect, catcher, ca, users):
    server = catcher("--tls-cert", ca / "good.crt", "--tls-key", ca / "good.key", "--password-file", users, "--require-auth")
    client = connect(server)
    offered = client.say("EHLO x")
    assert "STARTTLS" in offered and "AUTH" not in offered
    assert client.say(plain("ann", "one:two")).startswith("538") and client.say("MAIL FROM:<a@example.org>").startswith("530")
    with smtplib.SMTP("localhost", server.port, timeout=60) as smtp:
        smtp.ehlo("before.example")
        smtp.starttls(context=trust(ca))
        assert smtp.docmd("MAIL", "FROM:<a@example.org>")[0] == 503  # EHLO again first
        smtp.ehlo("after.example")
        assert not smtp.has_extn("starttls") and smtp.has_extn("auth")
        assert smtp.docmd("STARTTLS")[0] == 503 and smtp.docmd("MAIL", "FROM:<a@example.org>")[0] == 530
        for user, password in ("ann", "one"), ("ann", ""), ("", ""), ("carl", "x"), ("ann", "one:two2"):
            assert smtp.docmd(plain(user, password))[0] == 535
        smtp.login("ann", "one:two")
        smtp.sendmail("a@example.org", ["b@example.net"], b"Subject: x\r\n\r\nx\r\n")
    raw = server.raw()
    assert b"from after.example" in raw and b"before.example" not in raw and b"ESMTPSA" in raw


TOKEN = base64.b64encode(b"\0ann\0one:two").decode()


@pytest.mark.parametrize("commands,code", [
    ([f"AUTH PLAIN {TOKEN}"], "235"), (["AUTH PLAIN", TOKEN], "235"), (["AUTH LOGIN", "YW5u", "b25lOnR3bw=="], "235"), (["auth login YW5u", "b25lOnR3bw=="], "235"),
    (["AUTH LOGIN", "YW5u", "YmFk"], "535"), (["AUTH PLAIN", "*"], "501"), (["AUTH LOGIN", "YW5u", "*"], "501"), (["AUTH PLAIN", "!!"], "501"),
    (["AUTH PLAIN", "YQ=="], "501"), (["AUTH PLAIN ="], "501"), (["AUTH CRAM-MD5"], "504"), (["AUTH"], "50"), (["AUTH PLAIN " + "A" * 20000], "500"),
    (["AUTH PLAIN", "A" * 20000], "50")])
def test_auth_by_rounds_and_its_ends(catcher, connect, users, commands, code):
    client = connect(catcher("--password-file", users))
    assert "AUTH PLAIN LOGIN" in client.say("EHLO x")
    assert client.say(*commands).startswith(code)
    # whatever came of it, the session goes on, and who is in is in
    assert client.say("EHLO x").startswith("250") and client.say(f"AUTH PLAIN {TOKEN}").startswith("503" if code == "235" else "235")


def test_octets_behind_starttls_are_never_obeyed(connect, catcher, ca):
    server = catcher("--tls-cert", ca / "good.pem")
    client = connect(server)
    client.say("EHLO x")
    client.send(b"STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n")
    assert client.reply().startswith("220") and client.is_closed()


def test_implicit_tls_and_who_does_not_speak_it(catcher, ca, tmp_path):
    server = catcher("--tls-cert", ca / "good.pem", "--implicit-tls", "--timeout", "60")
    with socket.create_connection(("127.0.0.1", server.port), 60) as plain_one:
        plain_one.sendall(b"EHLO x\r\n" * 100)
        try:
            assert b"250" not in plain_one.recv(1000)
        except ConnectionResetError:
            pass
    with smtplib.SMTP_SSL("localhost", server.port, timeout=60, context=trust(ca)) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("starttls")
        smtp.sendmail("a@example.org", ["b@example.net"], b"Subject: x\r\n\r\nx\r\n")
    assert "tls=TLSv1.3" in server.caught()


def test_a_refusal_arrives_however_much_follows_it(connect, catcher):
    """A connection that is closed with octets unread is reset, and what was said last is lost; not here."""
    server = catcher()
    for _ in range(20):
        client = connect(server)
        client.begin()
        client.send(b"a\nb\r\n.\r\n" + b"NOOP\r\n" * 20000)
        assert client.reply().startswith("554 5.6.0")


def test_a_file_that_may_not_grow_is_temporary(home, tmp_path, connect):
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    with subprocess.Popen([PALOMA, "serve", "--listen", "127.0.0.1:0", "--catch", tmp_path / "caught"], stdout=subprocess.PIPE, preexec_fn=limit,
                          env=clean_environment(home)) as process:
        try:
            server = types.SimpleNamespace(port=int(process.stdout.readline().decode().rsplit(":", 1)[1]))
            client = connect(server)
            client.begin()
            client.send((b"x" * 70 + b"\r\n") * 10000 + b".\r\n")
            assert client.reply().startswith("451 4.3.0")
            client.close()
        finally:
            process.terminate()
    assert process.returncode == 0 and list((tmp_path / "caught" / "tmp").iterdir()) == []


def test_what_is_said_of_the_client_is_escaped(connect, catcher):
    server = catcher()
    client = connect(server)
    client.send(b"EHLO \x1b[31m\x07\xff\r\n")
    assert client.reply().startswith("250")
    assert client.say("MAIL FROM:<a@example.org>", 'RCPT TO:<"b c"@example.net>', "DATA").startswith("354")
    client.say("Subject: x\r\n\r\nx\r\n.")
    line = server.caught()
    assert '"b c"@example.net' in line
    raw = next(iter(files(server))).read_bytes()
    assert b"\x1b" not in raw and b"\x07" not in raw and b"\\x1B[31m" in raw


def has_ipv6():
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_several_places_to_listen(paloma, catcher, tmp_path):
    server = catcher("--listen", "[::1]:0")
    line = server.process.stdout.readline().decode()
    assert line.startswith("listening on [::1]:")
    for url in server.url, f"smtp://[::1]:{line.rsplit(':', 1)[1].strip()}":
        assert paloma("send", "--relay", url, "-r", "a@example.org", "--body", "x", "b@example.net").returncode == 0
        assert server.caught()


@pytest.mark.parametrize("words,status,named", [
    (("--catch", "@"), 64, "--listen"), (("--listen", "nonsense", "--catch", "@"), 64, "ADDRESS:PORT"),
    (("--listen", "127.0.0.1:99999", "--catch", "@"), 64, "ADDRESS:PORT"), (("--listen", "127.0.0.1:0", "--catch", "/nonexistent/folder"), 73, "/nonexistent/folder"),
    (("--listen", "127.0.0.1:0", "--catch", "/dev/null"), 73, "/dev/null"), (("--listen", "127.0.0.1:0", "--catch", "@", "--implicit-tls"), 64, "--tls-cert"),
    (("--listen", "127.0.0.1:0", "--catch", "@", "--require-auth"), 64, "--password-file"), (("--listen", "127.0.0.1:0", "--catch", "@", "--tls-cert", "/nonexistent"), 78, "/nonexistent"),
    (("--listen", "127.0.0.1:0", "--catch", "@", "--password-file", "/nonexistent"), 66, "/nonexistent"), (("--listen", "127.0.0.1:0", "--catch", "@", "--max-size", "x"), 64, "--max-size"),
    (("--listen", "127.0.0.1:0", "--catch", "@", "--max-sessions", "100000"), 64, "--max-sessions"), (("--listen", "127.0.0.1:0", "--catch", "@", "operand"), 64, "operand"),
    (("--listen", "192.0.2.99:0", "--catch", "@"), 69, "192.0.2.99"), (("--listen", "127.0.0.1:0", "--catch", "@", "--host-name", "a b"), 64, "--host-name")])
def test_bad_options(paloma, tmp_path, words, status, named):
    result = paloma("serve", *[tmp_path / "caught" if word == "@" else word for word in words])
    assert result.returncode == status and named in result.stderr.decode(), result.stderr


def test_an_address_in_use_is_told(paloma, catcher, tmp_path):
    server = catcher()
    result = paloma("serve", "--listen", f"127.0.0.1:{server.port}", "--catch", tmp_path / "other")
    assert result.returncode == 69 and b"in use" in result.stderr


def test_others_cannot_read_the_password_file(paloma, users, tmp_path):
    users.chmod(0o644)
    result = paloma("serve", "--listen", "127.0.0.1:0", "--catch", tmp_path / "caught", "--password-file", users)
    assert result.returncode == 78 and b"chmod" in result.stderr


def test_a_folder_that_goes_away_puts_mail_off(connect, catcher):
    server = catcher()
    early = connect(server)
    early.begin()
    server.folder.rename(server.folder.with_name("elsewhere"))
    server.folder.write_text("no folder any more")
    late = connect(server)
    assert late.greeting.startswith("421 4.3.0") and late.is_closed()
    assert early.say("Subject: x\r\n\r\nx\r\n.").startswith("250")  # its folder it has open


def can_mount(tmp_path):
    """A file system of one's own takes root, or a name space in which to be it."""
    for words in ["unshare", "-m"], ["unshare", "-rm"]:
        if subprocess.run([*words, "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], capture_output=True).returncode == 0:
            return words
    return None


def test_a_full_disk_is_temporary_and_passes(connect, home, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    words = can_mount(folder)
    if not words:
        pytest.skip("no file system can be mounted here")
    process = subprocess.Popen([*words, "sh", "-c", 'mount -t tmpfs -o size=256k none "$0" && exec "$@"', folder, PALOMA, "serve", "--listen", "127.0.0.1:0",
                                "--catch", folder / "caught"], stdout=subprocess.PIPE, env=clean_environment(home))
    try:
        server = types.SimpleNamespace(port=int(process.stdout.readline().decode().rsplit(":", 1)[1]))
        inside = pathlib.Path(f"/proc/{process.pid}/root{folder}/caught")
        client = connect(server)
        client.begin()
        client.send((b"x" * 70 + b"\r\n") * 10000 + b".\r\n")
        assert client.reply().startswith("451 4.3.1")
        assert list((inside / "tmp").iterdir()) == []
        assert client.say("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA", "Subject: x\r\n\r\nx\r\n.").startswith("250")
        assert len(list((inside / "new").iterdir())) == 1
        client.close()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def test_a_reader_that_does_not_read_does_not_keep_it_from_ending(catcher):
    """Whoever starts it and reads only the first line has a server that ends when it is told to."""
    server = catcher()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as smtp:
        smtp.ehlo("x")
        for _ in range(300):
            smtp.sendmail("a@example.org", [f"{'b' * 60}{number}@{'example' * 8}.net" for number in range(6)], b"x\r\n")
    assert server.stop() == 0 and len(files(server)) == 300
