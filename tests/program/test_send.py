"""paloma send: what is asked for arrives, read back by two parsers."""
import email
import email.policy
import hashlib
import json
import os
import re
import socket
import subprocess
import threading
import urllib.parse

import pytest
from conftest import PALOMA, clean_environment, parts_by_perl, parts_of

FROM = ("-r", "Ann Author <ann@example.org>")


def send(paloma, server, *words, input=b"", expect=0, **rest):
    result = paloma("send", "--relay", server.url, *FROM, *words, input=input, **rest)
    assert result.returncode == expect, result.stderr.decode()
    return result


def test_a_plain_mail(paloma, catcher):
    server = catcher()
    result = send(paloma, server, "-s", "Hello", "bob@example.net", input=b"One line\n")
    mail = server.mail()
    assert result.stdout.decode().startswith("Sent to bob@example.net by 127.0.0.1")
    assert result.stdout.count(b"\n") == 1 and result.stderr == b""
    assert (mail["From"], mail["To"], mail["Subject"]) == ("Ann Author <ann@example.org>", "bob@example.net", "Hello")
    assert mail["Return-Path"] == "<ann@example.org>"
    assert mail["MIME-Version"] == "1.0" and mail["Message-ID"].endswith("@example.org>") and mail["Date"]
    assert mail.get_content() == "One line\n"
    for name in ("Date", "From", "Message-ID", "MIME-Version", "To", "Subject"):
        assert len(mail.get_all(name)) == 1


def test_everything_at_once_read_by_two_parsers(paloma, catcher, tmp_path):
    server = catcher()
    picture = b"\x89PNG\r\n\x1a\n" + os.urandom(70000)
    table = "Größe;1\r\nmixed\nends\rno end".encode()
    (tmp_path / "pic.png").write_bytes(picture)
    (tmp_path / "naïve \"q\";x.csv").write_bytes(table)
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 300)
    (tmp_path / "empty.txt").write_bytes(b"")
    send(paloma, server, "-s", "Alles auf einmal – 日本語 " * 8, "--cc", "Jürgen <j@example.net>", "-b", "secret@example.net", "bob@example.net",
         "--html", "<p>Grüße <img src=\"cid:pic.png\"></p>", "--attach-inline", tmp_path / "pic.png", "-a", tmp_path / "naïve \"q\";x.csv",
         "-a", tmp_path / "data.bin", "-a", tmp_path / "empty.txt", "--description", "nichts – drin", input="Grüße\n".encode())
    line = server.caught()
    raw = (server.folder / line.rsplit("file=", 1)[1].strip()).read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not any(part.defects for part in mail.walk())
    assert mail["Subject"] == ("Alles auf einmal – 日本語 " * 8).strip() or mail["Subject"].strip() == ("Alles auf einmal – 日本語 " * 8).strip()
    assert "secret@example.net" in line and b"secret" not in raw.split(b"\n\n", 1)[0].split(b"\nReceived:", 1)[1]
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "text/csv",
        "application/octet-stream", "text/plain"]
    contents = [part[2] for part in parts_of(mail)]
    assert contents[0].replace(b"\r\n", b"\n") == "Grüße\n".encode()
    assert contents[2:] == [picture, table, bytes(range(256)) * 300, b""]
    cid = next(part for part in mail.walk() if part.get_content_type() == "image/png")["Content-ID"].strip("<>")
    assert f"cid:{cid}".encode() in contents[1] and cid == "pic.png@example.org"
    assert [part[1] for part in parts_of(mail)[2:]] == ["pic.png", "naïve \"q\";x.csv", "data.bin", "empty.txt"]
    by_perl = parts_by_perl(raw, tmp_path)
    assert [part[0] for part in by_perl] == [part[0] for part in parts_of(mail)]
    assert [hashlib.sha256(part[2]).hexdigest() for part in by_perl] == [hashlib.sha256(content).hexdigest() for content in contents]
    assert all(len(text) <= 998 for text in raw.split(b"\n"))
    assert all(len(text) <= 78 for text in raw.split(b"\n\n", 1)[0].split(b"\n") if not text.startswith(b"Delivered-To"))
    assert not any(octet > 127 for octet in raw)


def test_dots_survive(paloma, catcher):
    server = catcher()
    text = b".\n..\n.x\n\n.\nlast line without end ."
    send(paloma, server, "bob@example.net", input=text)
    assert server.mail().get_payload(decode=True) == text + b"\n"


@pytest.mark.parametrize("text", [b"x" * 5000 + b"\n", b"From the start\n", b"trailing space \ntab\t\n", "déjà vu\n".encode() * 40,
                                  "日本語".encode() * 900, b"nul\0here\n", b"form\ffeed\n", b"\x1b[31mred\n"])
def test_texts_come_out_as_they_went_in(paloma, catcher, text):
    server = catcher()
    send(paloma, server, "bob@example.net", input=text)
    raw = server.raw()
    assert all(len(line) <= 998 for line in raw.split(b"\n")) and max(raw) < 128
    got = email.message_from_bytes(raw, policy=email.policy.default).get_payload(decode=True).replace(b"\r\n", b"\n")
    assert got.rstrip(b"\n") == text.rstrip(b"\n")


def test_a_lone_cr_becomes_a_space(paloma, catcher):
    server = catcher()
    send(paloma, server, "bob@example.net", input=b"one\rtwo\r\nthree\n")
    assert server.mail().get_payload(decode=True).replace(b"\r\n", b"\n") == b"one two\nthree\n"


def test_latin1_is_converted_and_wrong_charsets_are_told(paloma, catcher, tmp_path):
    server = catcher()
    (tmp_path / "l1.txt").write_bytes(b"Gr\xfc\xdfe\n")
    send(paloma, server, "--body-file", tmp_path / "l1.txt", "--charset", "iso-8859-1", "bob@example.net")
    assert server.mail().get_content().replace("\r\n", "\n") == "Grüße\n"
    result = send(paloma, server, "--body-file", tmp_path / "l1.txt", "bob@example.net", expect=65)
    assert b"--charset" in result.stderr and b"octet 3" in result.stderr
    send(paloma, server, "--body-file", tmp_path / "l1.txt", "--charset", "no-such-set", "bob@example.net", expect=64)
    (tmp_path / "u16.txt").write_text("Grüße\n", encoding="utf-16")
    send(paloma, server, "--body-file", tmp_path / "u16.txt", "bob@example.net")
    assert server.mail().get_content().replace("\r\n", "\n") == "Grüße\n"


def test_groups_lists_and_mailto(paloma, catcher):
    server = catcher()
    send(paloma, server, "--to", "Team: a@example.net, \"B, C\" <b@example.net>;", "mailto:c@example.net?subject=From%20the%20URL&cc=d@example.net",
         input=b"x\n")
    line = server.process.stdout.readline().decode()
    for name in "abcd":
        assert f"<{name}@example.net>" in line
    mail = email.message_from_bytes((server.folder / line.rsplit("file=", 1)[1].strip()).read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == "From the URL" and mail["Cc"] == "d@example.net"
    assert str(mail["To"]) == "Team: a@example.net, \"B, C\" <b@example.net>;, c@example.net"


def test_a_line_break_in_an_encoded_word_begins_no_field(paloma, catcher):
    server = catcher()
    send(paloma, server, "--body", "x", "=?utf-8?q?a=0D=0ABcc=3A_evil=40example=2Eorg?= <bob@example.net>")
    mail = server.mail()
    assert "Bcc" not in mail and "bob@example.net" in mail["To"]


def test_only_bcc_discloses_nobody(paloma, catcher):
    server = catcher()
    send(paloma, server, "-b", "bob@example.net", input=b"x\n")
    mail = server.mail()
    assert mail["To"] == "undisclosed-recipients:;" and "Bcc" not in mail


def test_envelope_apart_from_header(paloma, catcher):
    server = catcher()
    send(paloma, server, "-f", "", "--envelope-to", "elsewhere@example.net", "--to", "bob@example.net", "--sender", "sec@example.org",
         "--reply-to", "list@example.org", input=b"x\n")
    line = server.caught()
    mail = email.message_from_bytes((server.folder / line.rsplit("file=", 1)[1].strip()).read_bytes(), policy=email.policy.default)
    assert "from=<> to=<elsewhere@example.net> " in line
    assert (mail["To"], mail["Sender"], mail["Reply-To"]) == ("bob@example.net", "sec@example.org", "list@example.org")


def test_html_becomes_text(paloma, catcher):
    server = catcher()
    send(paloma, server, "--text-from-html", "--html",
         "<style>p{}</style><h1>Title</h1><p>One &amp; <a href='https://x.example/'>two</a></p><ul><li>a<li>b</ul><pre>k  e\n  pt</pre>",
         "bob@example.net")
    text = server.mail().get_body(("plain",)).get_content()
    assert text == "Title\n\nOne & two <https://x.example/>\n\n* a\n* b\n\nk  e\n  pt\n"


def test_an_invitation(paloma, catcher, tmp_path):
    server = catcher()
    (tmp_path / "i.ics").write_bytes(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    send(paloma, server, "--calendar", tmp_path / "i.ics", "--body", "Come!", "bob@example.net")
    mail = server.mail()
    parts = list(mail.walk())
    assert [part.get_content_type() for part in parts] == ["multipart/alternative", "text/plain", "text/calendar"]
    assert parts[2].get_param("method") == "REQUEST" and b"METHOD:REQUEST" in parts[2].get_payload(decode=True)
    (tmp_path / "no.ics").write_bytes(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    assert b"METHOD" in send(paloma, server, "--calendar", tmp_path / "no.ics", "b@example.net", expect=65).stderr


def test_from_headers_takes_recipients_and_hides_bcc(paloma, catcher):
    server = catcher()
    result = paloma("send", "-t", "--relay", server.url,
                    input="From: Ann <ann@example.org>\nTo: bob@example.net\nBcc: eve@example.net\nSubject: Grüße\n\nKörper\n".encode())
    assert result.returncode == 0, result.stderr
    line = server.caught()
    raw = (server.folder / line.rsplit("file=", 1)[1].strip()).read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert "from=<ann@example.org> to=<bob@example.net>,<eve@example.net>" in line and b"Bcc" not in raw and max(raw) < 128
    assert mail["Subject"] == "Grüße" and mail.get_content().strip() == "Körper" and mail["MIME-Version"] == "1.0"


def test_resent_fields_win(paloma, catcher):
    server = catcher()
    result = paloma("send", "-t", "--relay", server.url,
                    input=b"Resent-To: new@example.net\nResent-From: ann@example.org\nFrom: ann@example.org\nTo: old@example.net\n\nx\n")
    assert result.returncode == 0, result.stderr
    assert "to=<new@example.net> " in server.caught()


def test_an_8bit_multipart_is_encoded_part_by_part(paloma, catcher):
    server = catcher()
    message = ("From: ann@example.org\nTo: bob@example.net\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=xx\n\n"
               "--xx\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n--xx\nContent-Type: text/plain\n\nplain\n--xx--\n")
    result = paloma("send", "-t", "--relay", server.url, input=message.encode())
    assert result.returncode == 0, result.stderr
    raw = server.raw()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert max(raw) < 128 and [part[2].strip() for part in parts_of(mail)] == ["Grüße".encode(), b"plain"]


def test_attachments_join_a_message_that_came_whole(paloma, catcher, tmp_path):
    server = catcher()
    (tmp_path / "a.bin").write_bytes(os.urandom(1000))
    result = paloma("send", "-t", "--relay", server.url, "-a", tmp_path / "a.bin", input="To: bob@example.net\n\nGrüße\n".encode())
    assert result.returncode == 0, result.stderr
    parts = parts_of(server.mail())
    assert [part[0] for part in parts] == ["text/plain", "application/octet-stream"]
    assert parts[1][2] == (tmp_path / "a.bin").read_bytes() and parts[0][2].strip() == "Grüße".encode()


def test_called_as_sendmail(catcher, home, tmp_path):
    server = catcher()
    link = tmp_path / "sendmail"
    link.symlink_to(PALOMA)
    result = subprocess.run([link, "-i", "-FCronDaemon", "-oem", "-odi", "-f", "cron@example.org", "root@example.net"], capture_output=True,
                            input=b"Subject: cron\n\nout\n.\nput\n", env={**clean_environment(home), "PALOMA_RELAY": server.url}, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    mail = server.mail()
    assert mail["Return-Path"] == "<cron@example.org>" and mail.get_content() == "out\n.\nput\n" and "CronDaemon" in mail["From"]
    result = subprocess.run([link, "root@example.net"], capture_output=True, input=b"Subject: dot\n\nfirst\n.\nsecond\n",
                            env={**clean_environment(home), "PALOMA_RELAY": server.url}, timeout=60)
    assert result.returncode == 0 and server.mail().get_content() == "first\n"


def test_sendmail_is_told_of_mistakes_in_its_own_words(paloma):
    for words, told in (("-f", "bad@@", "bob@example.net"), "-f: "), (("bad@@",), "A recipient: "), ((), "-t"):
        result = paloma("sendmail", *words, input=b"\n")
        assert result.returncode in (64, 65) and told in result.stderr.decode() and b"--" not in result.stderr


def test_same_seed_same_octets(paloma, tmp_path):
    (tmp_path / "f.bin").write_bytes(b"\0" * 100)
    words = ("send", "--print", *FROM, "-a", tmp_path / "f.bin", "--body", "x", "bob@example.net")
    epoch = {"SOURCE_DATE_EPOCH": "1700000000"}
    first, second = (paloma(*words, env=epoch).stdout for _ in range(2))
    assert first == second and b"Date: Tue, 14 Nov 2023 22:13:20 +0000" in first
    assert paloma(*words, "--seed", "other", env=epoch).stdout != first
    (tmp_path / "f.bin").write_bytes(b"\1" * 100)
    other = paloma(*words, env=epoch).stdout
    assert [line for line in other.split(b"\n") if line.startswith(b"Message-ID")] != [line for line in first.split(b"\n") if line.startswith(b"Message-ID")]


def test_the_date_decides_the_identifier_too(paloma):
    def identifier(words, message=b""):
        result = paloma("send", "--print", "--seed", "s", *words, "bob@example.net", input=message)
        assert result.returncode == 0, result.stderr
        return [line for line in result.stdout.split(b"\n") if line.startswith(b"Message-ID: <19700101000001.")]

    assert len(identifier((*FROM, "--body", "x", "--date", "@1"))) == 1
    assert len(identifier(("-t", "--date", "@1"), b"From: ann@example.org\n\nx\n")) == 1
    assert len(identifier(("-t",), b"From: ann@example.org\nDate: Thu, 1 Jan 1970 00:00:01 +0000\n\nx\n")) == 1


def test_dry_run_tells_by_its_status_who_cannot_be_reached(paloma, tmp_path):
    (tmp_path / "conf").write_text("[route no.example]\nvia = reject Not here\n[route yes.example]\nvia = discard\n")
    words = ("send", "-n", "-C", tmp_path / "conf", *FROM, "--body", "x", "a@yes.example")
    assert paloma(*words).returncode == 0
    result = paloma(*words, "b@no.example")
    assert result.returncode == 69 and b"no way: Not here" in result.stdout


def test_dry_run_sends_nothing_and_tells_all(paloma, catcher, tmp_path):
    server = catcher()
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4 x")
    result = send(paloma, server, "-n", "--body", "x", "-a", tmp_path / "x.pdf", "bob@example.net")
    assert b"application/pdf" in result.stdout and b"base64" in result.stdout and b"bob@example.net" in result.stdout
    result = send(paloma, server, "-n", "--json", "--body", "x", "-a", tmp_path / "x.pdf", "bob@example.net")
    assert json.loads(result.stdout)["parts"][1]["type"] == "application/pdf"
    assert server.stop() == 0 and server.process.stdout.read() == b""


def test_json_tells_each_recipient(paloma, catcher):
    server = catcher()
    answer = json.loads(send(paloma, server, "--json", "--body", "x", "a@example.net", "b@example.net").stdout)
    assert [entry["recipient"] for entry in answer["recipients"]] == ["a@example.net", "b@example.net"]
    assert answer["recipients"][0]["action"] == "relayed" and answer["recipients"][0]["code"] == 250


def test_transcript_and_quiet(paloma, catcher, tmp_path):
    server = catcher()
    result = send(paloma, server, "-q", "--transcript", tmp_path / "t", "--body", "x", "a@example.net")
    text = (tmp_path / "t").read_text()
    assert result.stdout == b"" and "C: MAIL FROM:<ann@example.org>" in text and "S: 250 2.0.0 Filed" in text
    assert (tmp_path / "t").stat().st_mode & 0o77 == 0


def test_skip_empty(paloma, catcher):
    server = catcher()
    assert send(paloma, server, "-E", "bob@example.net", input=b"").stdout == b""
    assert server.stop() == 0 and server.process.stdout.read() == b""


def test_raw_is_left_alone(paloma, catcher):
    server = catcher()
    message = b"X-Odd:   spaces  kept  \nFrom: x@example.org\nSubject: =?utf-8?q?a?=\n\nbody\n"
    result = paloma("send", "--relay", server.url, "--raw", "-f", "ann@example.org", "bob@example.net", input=message)
    assert result.returncode == 0, result.stderr
    assert server.raw().endswith(message)
    assert paloma("send", "--relay", server.url, "--raw", "bob@example.net", input=b"no header\n").returncode == 65


def test_big_attachment_in_small_memory(catcher, home, tmp_path):
    server = catcher()
    with open(tmp_path / "big.bin", "wb") as file:
        for _ in range(24):
            file.write(os.urandom(1 << 20))
    digest = hashlib.sha256((tmp_path / "big.bin").read_bytes()).hexdigest()
    result = subprocess.run([PALOMA, "send", "--relay", server.url, *FROM, "--body", "x", "-a", str(tmp_path / "big.bin"), "bob@example.net"],
                            capture_output=True, env=clean_environment(home), timeout=120)
    assert result.returncode == 0, result.stderr
    mail = server.mail()
    assert hashlib.sha256(parts_of(mail)[1][2]).hexdigest() == digest


BAD = [
    (("-s", "x\nBcc: evil@example.net", "bob@example.net"), 65, "subject"),
    (("-H", "X: a\r\nBcc: evil@example.net", "bob@example.net"), 65, "-H"),
    (("-H", "no colon", "bob@example.net"), 64, "colon"),
    (("-H", "Content-Type: text/html", "bob@example.net"), 64, "Content-Type"),
    (("bob@exa\nmple.net",), 65, "control"),
    (("bob@@example.net",), 65, "@"),
    (("bob@.example.net",), 65, ""),
    (("--subjekt", "x", "bob@example.net"), 64, "--subject"),
    (("-Z", "bob@example.net"), 64, "-Z"),
    ((), 64, "recipients"),
    (("--to", "Nobody:;"), 64, "recipients"),
    (("-a", "/nonexistent", "bob@example.net"), 66, "/nonexistent"),
    (("-a", "/dev/null", "bob@example.net"), 66, "regular"),
    (("-a", "/tmp", "bob@example.net"), 66, ""),
    (("-a", "X-Foo: bar", "bob@example.net"), 66, "-H"),
    (("--name", "x", "bob@example.net"), 64, "--attach"),
    (("--type", "nonsense", "bob@example.net"), 64, "--attach"),
    (("/etc/passwd",), 64, "-a"),
    (("--password", "x", "bob@example.net"), 64, "--password-file"),
    (("--relay", "smtp://u:secret@127.0.0.1", "bob@example.net"), 64, "password_file"),
    (("--relay", "gopher://x", "bob@example.net"), 64, "scheme"),
    (("--tls", "sometimes", "bob@example.net"), 64, "opportunistic"),
    (("--tls-pin", "abc", "bob@example.net"), 64, "pin"),
    (("--timeout", "soon", "bob@example.net"), 64, "seconds"),
    (("--date", "yesterday", "bob@example.net"), 65, "yesterday"),
    (("--message-id", "no at", "bob@example.net"), 65, "message-id"),
    (("--priority", "urgent", "bob@example.net"), 64, "high"),
    (("--body", "a", "--body-file", "/etc/hostname", "bob@example.net"), 64, "--body"),
    (("--from", "a@example.org, b@example.org", "bob@example.net"), 64, "--sender"),
    (("-H", "X-A: 1", "-H", "X-B: a\nb", "bob@example.net"), 65, "X-B"),
    (("-F", "x\nBcc: evil@example.net", "bob@example.net"), 65, "line break"),
    (("-a", "/etc/hostname", "--part-charset", "x\"\r\nX: y", "bob@example.net"), 64, "character set"),
    (("-a", "/etc/hostname", "--type", "text/plain; charset=no-such-set", "bob@example.net"), 64, "--type"),
    (("-a", "/etc/hostname", "--disposition", "inline;x=y", "bob@example.net"), 64, "--disposition"),
    (("--in-reply-to", "", "bob@example.net"), 65, "--in-reply-to"),
    (("-H", "Resent-Bcc: evil@example.net", "bob@example.net"), 64, "--bcc"),
    (("--raw", "--message-id", "a@b", "bob@example.net"), 64, "--raw"),
    (("-t",), 64, "recipients"),
]


@pytest.mark.parametrize("words,status,named", BAD, ids=[" ".join(row[0])[:40] or "nothing" for row in BAD])
def test_bad_input_is_told_and_nothing_is_sent(paloma, words, status, named):
    # nobody listens at this port, so whoever gets as far as connecting fails in another way
    result = paloma("send", "-O", "relay=smtp://127.0.0.1:1", *FROM[:0], *words, input=b"text\n")
    assert result.returncode == status, result.stderr
    assert named in result.stderr.decode() and result.stderr.startswith(b"paloma: ") and result.stderr.count(b"\n") == 1


def test_a_growing_file_is_an_error(paloma, catcher, tmp_path):
    server = catcher()
    (tmp_path / "log").write_bytes(b"x" * 1000)
    # /proc files tell a size of 0 and have content: to a reader they grow
    result = send(paloma, server, "--body", "x", "-a", "/proc/self/status", "bob@example.net", expect=65)
    assert b"/proc/self/status" in result.stderr


class Listening:
    """A server that does something of its own when a mail begins, and keeps the message if it comes to its end."""

    def __init__(self, at_mail):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ended, self.octets = False, 0
        self.thread = threading.Thread(target=self._run, args=(at_mail,), daemon=True)
        self.thread.start()

    def _run(self, at_mail):
        connection, _ = self.listener.accept()
        connection.settimeout(60)
        with self.listener, connection, connection.makefile("rwb") as file:
            file.write(b"220 x ESMTP\r\n")
            file.flush()
            for line in file:
                if line.startswith(b"MAIL"):
                    at_mail()
                file.write(b"354 go\r\n" if line.startswith(b"DATA") else b"250 x\r\n")
                file.flush()
                if line.startswith(b"DATA"):
                    break
            for line in file:
                self.octets += len(line)
                self.ended = line == b".\r\n"
                if self.ended:
                    break


def grow(path):
    with open(path, "ab") as file:
        file.write(b"more")


def rewrite(path):
    path.write_bytes(b"y" * path.stat().st_size)
    os.utime(path, (2, 2))


@pytest.mark.parametrize("change", [grow, lambda path: os.truncate(path, 10), rewrite], ids=["grows", "shrinks", "changes"])
def test_a_file_that_changes_on_the_way_is_not_sent(paloma, tmp_path, change):
    (tmp_path / "log").write_bytes(b"x" * 300000)
    os.utime(tmp_path / "log", (1, 1))
    server = Listening(lambda: change(tmp_path / "log"))
    result = send(paloma, server, "--body", "x", "-a", tmp_path / "log", "bob@example.net", expect=65)
    server.thread.join(60)
    assert b"/log " in result.stderr and not server.ended


def test_a_file_that_vanishes_on_the_way_is_sent(paloma, tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 300000)
    server = Listening((tmp_path / "log").unlink)
    send(paloma, server, "--body", "x", "-a", tmp_path / "log", "bob@example.net", expect=75)  # it answers nothing more
    server.thread.join(60)
    assert server.ended and server.octets > 400000


@pytest.mark.parametrize("message", [b"From: @@@\nTo: bob@example.net\n\nx\n", b"From: a@example.org, c@example.org\nSender: c@example.org\nTo: bob@example.net\n\nx\n",
                                     b"From: nobody:;\nTo: bob@example.net\n\nx\n", b"From: =?utf-8?q?x=0D=0ABcc=3A_evil?= <ann>\nTo: bob@example.net\n\nx\n"],
                         ids=["unreadable", "two authors", "a group", "a hidden line"])
def test_a_message_is_not_lost_over_its_author(paloma, catcher, message):
    server = catcher()
    result = paloma("send", "-t", "--relay", server.url, input=message)
    assert result.returncode == 0 and result.stderr == b""
    assert b"\nBcc" not in server.raw()


def test_a_seed_tells_messages_that_came_whole_apart(paloma):
    first, second = (paloma("send", "-t", "--print", "--seed", "s", input=b"To: bob@example.net\n\n" + text).stdout for text in (b"x\n", b"y\n"))
    assert [line for line in first.split(b"\n") if line.startswith(b"Message-ID")] != [line for line in second.split(b"\n") if line.startswith(b"Message-ID")]


def test_pictures_may_be_called_anything(paloma, catcher, tmp_path):
    server = catcher()
    names = ["my pic.png", "für#1.png", "@2x.png"]
    for name in names:
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
    html = "".join(f"<img src='cid:{urllib.parse.quote(name)}'>" for name in names)
    result = send(paloma, server, "--html", html, *(word for name in names for word in ("--attach-inline", tmp_path / name)), "bob@example.net")
    assert result.stderr == b""
    parts = list(server.mail().walk())
    shown = re.findall("cid:([^']*)'", parts[1].get_content())
    assert [f"<{urllib.parse.unquote(cid)}>" for cid in shown] == [part["Content-ID"] for part in parts[2:]]


def test_unreachable_is_temporary(paloma):
    result = paloma("send", "--relay", "smtp://127.0.0.1:1", *FROM, "--body", "x", "bob@example.net")
    assert result.returncode == 75 and b"127.0.0.1" in result.stderr
