"""What surrounds the program: closed descriptors, full devices, what nobody can be told, sizes nobody thought of."""
import os
import subprocess

import pytest
from conftest import PALOMA, clean_environment, parts_of

FROM = ("-r", "ann@example.org")
FULL = "/dev/full"


def run(home, *words, **rest):
    return subprocess.run([PALOMA, *map(str, words)], env=clean_environment(home), timeout=120, **rest)


def close_all_three():
    os.closerange(0, 3)


def test_closed_descriptors_do_not_end_up_in_the_conversation(catcher, home, tmp_path):
    server = catcher()
    contents = [os.urandom(3000), os.urandom(5000)]
    words = []
    for i, content in enumerate(contents):
        (tmp_path / f"{i}.bin").write_bytes(content)
        words += ["-a", tmp_path / f"{i}.bin"]
    # the two files would be descriptors 0 and 1, the connection 2, where -v writes
    result = run(home, "send", "-v", "--relay", server.url, *FROM, "--body", "x", *words, "bob@example.net", preexec_fn=close_all_three)
    assert result.returncode == 0
    assert [part[2] for part in parts_of(server.mail())[1:]] == contents


def test_closed_standard_input_is_no_empty_message(home):
    result = run(home, "sendmail", "bob@example.net", stderr=subprocess.PIPE, preexec_fn=lambda: os.close(0))
    assert result.returncode == 74 and b"standard input" in result.stderr


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("send", "--help"), ("config",), ("config", "--json"),
                                   ("route", "--relay", "smtp://127.0.0.1:1", "bob@example.net"),
                                   ("send", "-n", "--relay", "smtp://127.0.0.1:1", *FROM, "--body", "x", "bob@example.net"),
                                   ("send", "--print", *FROM, "--body", "x", "bob@example.net")], ids=" ".join)
def test_an_answer_that_cannot_be_written_is_a_failure(home, words):
    with open(FULL, "w") as full:
        result = run(home, *words, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 75 and b"paloma: Cannot write to standard output: No space left on device.\n" == result.stderr


def test_what_was_sent_stays_sent_when_it_cannot_be_told(catcher, home):
    server = catcher()
    words = ("send", "--relay", server.url, *FROM, "--body", "x", "bob@example.net")
    with open(FULL, "w") as full:
        result = run(home, *words, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 0 and b"standard output" in result.stderr and server.caught()
    result = run(home, *words, "--transcript", FULL, capture_output=True)
    assert result.returncode == 0 and b"Cannot write all of the transcript /dev/full" in result.stderr and server.caught()
    assert run(home, *words, "--transcript", "/nonexistent/t", capture_output=True).returncode == 73
    assert server.stop() == 0 and server.process.stdout.read() == b""


@pytest.mark.parametrize("words", [("--" + "x" * 100000,), ("-a", "x" * 100000), ("--relay", "smtp://" + "x" * 100000), ("x" * 100000,)],
                         ids=["option", "file", "relay", "recipient"])
def test_however_long_a_word_is_the_sentence_has_its_end(paloma, words):
    result = paloma("send", *FROM, "--body", "x", "bob@example.net", *words)
    told = result.stderr.decode()
    assert result.returncode in (64, 65, 66) and told.endswith(".\n") and 200 < len(told) < 1200


def test_called_without_even_a_name(home):
    # execve with an empty argv, as no shell does and attackers do
    code = f"import ctypes; none = (ctypes.c_char_p * 1)(None); ctypes.CDLL(None).execve({PALOMA.encode()!r}, none, none)"
    result = subprocess.run(["python3", "-c", code], capture_output=True, timeout=60)
    assert result.returncode == 64 and b"usage: paloma" in result.stderr
