"""The command line itself: help, versions, and words that are out of place."""
import os
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("PALOMA_BUILD", pathlib.Path(__file__).parents[2]))

VERBS = ("send", "sendmail", "route", "serve", "config", "help", "version")


def test_help_of_every_verb(paloma):
    verbs = paloma("--help")
    assert verbs.returncode == 0
    for verb in VERBS:
        assert f"\n  {verb} ".encode() in verbs.stdout
        first, second = paloma("help", verb), paloma(verb, "--help")
        assert first.returncode == second.returncode == 0 and first.stdout == second.stdout
        assert first.stdout.startswith(f"usage: paloma {verb} ".encode()) and b"--help" in first.stdout
    assert paloma("help").stdout == verbs.stdout


def test_without_words_there_is_help_and_a_failure(paloma):
    result = paloma()
    assert result.returncode == 64 and result.stdout == b"" and result.stderr == paloma("--help").stdout


@pytest.mark.parametrize("words,told", [
    (("sned",), "no verb \"sned\""), (("help", "sned"), "no verb \"sned\""), (("--to", "x"), "paloma VERB --to"),
    (("version", "x"), "\"x\""), (("serve", "--listen", "127.0.0.1:0", "--catch", "/tmp", "x"), "\"x\""),
    (("sendmail",), "-t"), (("sendmail", "--frm"), "--help"), (("config", "relais"), "is relay meant"), (("config", "frobnicate"), "paloma config"),
    (("send", "--subjct", "x"), "is --subject meant"), (("send", "--verp"), "--help lists"),
    (("send", "--subject"), "needs an argument: TEXT"), (("send", "--print=x"), "takes no argument"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_a_word_out_of_place_is_told_with_what_to_do(paloma, words, told):
    result = paloma(*words)
    assert result.returncode == 64 and result.stdout == b""
    assert result.stderr.startswith(b"paloma: ") and told in result.stderr.decode() and result.stderr.endswith((b".\n", b"?\n"))


def test_the_version_tells_where_things_are(paloma):
    """Without a --prefix that is where the manual says."""
    lines = paloma("--version").stdout.decode().splitlines()
    assert lines[0].startswith("paloma ") and lines[2].startswith("settings in /") and ", mail in /" in lines[2]
    configured = subprocess.run([BUILD / "config.status", "--config"], capture_output=True, check=True).stdout
    if b"prefix=" not in configured:
        assert lines[2] == "settings in /etc/paloma/paloma.conf, mail in /var/spool/paloma"
