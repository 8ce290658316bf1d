"""Servers that other people have written take what paloma sends."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import aiosmtpd.controller
import pytest

from ports import free_port
from service import until

BUILD = pathlib.Path(os.environ.get("PALOMA_BUILD", pathlib.Path(__file__).parents[2]))


class Handler:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, envelope.mail_options))
        return "250 2.0.0 taken"


@pytest.fixture
def aio():
    controllers = []

    def start(**words):
        handler = Handler()
        port = free_port()
        controller = aiosmtpd.controller.Controller(handler, hostname="127.0.0.1", port=port, ready_timeout=60, **words)
        controller.start()
        controllers.append(controller)
        return handler, f"smtp://127.0.0.1:{port}"

    yield start
    for controller in controllers:
        controller.stop()


def test_aiosmtpd(paloma, aio):
    handler, url = aio()
    result = paloma("send", "--relay", url, "-r", "a@example.org", "--body", ".\n..\n", "b@example.net", "-a", "/bin/sh")
    assert result.returncode == 0, result.stderr
    sender, recipients, content, _ = handler.mails[0]
    assert (sender, recipients) == ("a@example.org", ["b@example.net"]) and b"\r\n.\r\n..\r\n" in content


def test_smtputf8_where_it_is_needed_and_only_there(paloma, aio):
    handler, url = aio(enable_SMTPUTF8=True)
    assert paloma("send", "--relay", url, "-r", "a@example.org", "--body", "x", "Jürgen <j@bücher.example>").returncode == 0
    assert handler.mails[0][1] == ["j@xn--bcher-kva.example"] and "SMTPUTF8" not in handler.mails[0][3]
    assert paloma("send", "--relay", url, "-r", "a@example.org", "--body", "x", "jürgen@bücher.example").returncode == 0
    assert handler.mails[1][1] == ["jürgen@bücher.example"] and "SMTPUTF8" in handler.mails[1][3]
    _, plain = aio(enable_SMTPUTF8=False)
    result = paloma("send", "--relay", plain, "-r", "a@example.org", "--body", "x", "jürgen@bücher.example")
    assert result.returncode == 65 and b"SMTPUTF8" in result.stderr


def smtp_sink():
    """Postfix's test server: installed, or unpacked by bootstrap."""
    unpacked = BUILD / "build" / "postfix"
    for binary, libraries in (shutil.which("smtp-sink", path="/usr/sbin"), None), (unpacked / "usr/sbin/smtp-sink", unpacked / "usr/lib/postfix"):
        if binary and pathlib.Path(binary).exists():
            return [str(binary)], {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
    return None


@pytest.mark.skipif(smtp_sink() is None, reason="smtp-sink is neither installed nor unpacked")
@pytest.mark.parametrize("words", [[], ["-p"], ["-e"], ["-8"]], ids=["all", "no pipelining", "no EHLO", "no 8BITMIME"])
def test_smtp_sink(paloma, words):
    command, environment = smtp_sink()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to the user that the sink becomes
        os.chmod(folder, 0o777)
        send_to_sink(paloma, [*command, *words], environment, folder)


def send_to_sink(paloma, command, environment, folder):
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    sink = subprocess.Popen([*command, *user, "-D", f"{folder}/mail.", f"127.0.0.1:{port}", "10"],
                            env={**os.environ, **environment}, stderr=subprocess.PIPE)
    try:
        def takes():  # the first connection that is taken tells that it listens
            assert sink.poll() is None, sink.stderr.read()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 5).close()
                return True
        until(takes, "the server")
        result = paloma("send", "--relay", f"smtp://127.0.0.1:{port}", "-r", "a@example.org", "--body", "Grüße", "b@example.net", "c@example.net")
        assert result.returncode == 0, result.stderr
        # it may write the file after the reply; another is that of the connection above
        until(lambda: any(b"R3LDvMOfZQ==" in mail and b"<c@example.net>" in mail for mail in map(pathlib.Path.read_bytes, pathlib.Path(folder).iterdir())),
              "the mail")
    finally:
        sink.terminate()
        sink.wait(30)
        sink.stderr.close()
