"""What the tests of programs that nobody here has written have in common: a box to run them in, and what they have sent."""
import email
import email.policy
import os
import re
import shutil

import pytest
from box import BUILD, Box

TEXT = "Grüße\n.\nFrom here on\n"


def needs(*places):
    """What CI lacks is a failure there."""
    found = [str(place) if "/" in str(place) else shutil.which(place) for place in places]
    are_there = all(place and os.access(place, os.F_OK) for place in found)
    return pytest.mark.skipif(not are_there and not os.environ.get("CI"), reason=f"needs {', '.join(map(str, places))}")


def library_path(package):
    return ":".join(str(path) for path in (BUILD / package / "usr/lib").glob("*-linux-*"))


def parse(data):
    """What comes over the wire as it is in a mailbox."""
    return email.message_from_bytes(re.sub(rb"(?m)^\.", b"", data).replace(b"\r\n", b"\n"), policy=email.policy.default)


def content(part):
    """Text is CRLF in base64, too (RFC 2045)."""
    return part.get_content().replace("\r\n", "\n")


@pytest.fixture
def box(tmp_path, home):
    made = Box(tmp_path, home)
    made.environment.update(PALOMA_HOST_NAME="box.example")
    return made


@pytest.fixture
def call(box, sink):
    """call(words...) runs a program in a box whose mail goes to a sink; gives how it ended and the mail."""
    server = sink()
    conf = f"[paloma]\nrelay = {server.url}\nlog = none\nretry_first = 1s\n"

    def run(*words, input=TEXT.encode(), count=1, **rest):
        before = len(server.mails)
        result = box.run(*words, input=input, conf=conf, **rest)
        assert result.returncode == 0, result
        return result, *server.wait_mails(before + count)[before:]

    run.server = server
    return run


@pytest.fixture
def port(make_service, sink):
    server = sink()
    service = make_service("--listen", "127.0.0.1:0", settings=f"relay = {server.url}\n")
    return service.tcp()[1], server
