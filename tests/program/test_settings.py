"""Settings as a user meets them: mistakes are told with file, line and what to do, before anything is sent."""
import json
import pathlib
import re

import pytest

EXAMPLE = pathlib.Path(__file__).parents[2] / "dist/paloma.conf"


@pytest.mark.parametrize("section,line,told", [
    ("paloma", "password = s3cret", "password_file"), ("relay work", "password = s3cret", "password_file"),
    ("paloma", "from = a@@b", "@"), ("paloma", "auth = PLAIN, PLEIN", "\"PLEIN\""), ("relay work", "auth = PLEIN", "\"PLEIN\""),
    ("paloma", "relais = x", "is relay meant?"), ("paloma", "tls = sometimes", "opportunistic"),
])
def test_a_mistake_is_told_with_its_place(paloma, tmp_path, section, line, told):
    file = tmp_path / "conf"
    file.write_text(f"# settings\n[{section}]\nurl = smtp://127.0.0.1:1\n{line}\n" if section != "paloma" else f"# settings\n\n[paloma]\n{line}\n")
    result = paloma("config", "-C", file)
    assert result.returncode == 78 and result.stdout == b""
    assert result.stderr.decode().startswith(f"paloma: {file}:4: ") and told in result.stderr.decode() and b"s3cret" not in result.stderr


def test_what_is_thrown_away_is_not_called_delivered(paloma, tmp_path):
    (tmp_path / "conf").write_text("[route example.net]\nvia = discard\n")
    words = ("send", "-C", tmp_path / "conf", "-r", "ann@example.org", "--body", "x", "bob@example.net")
    result = paloma(*words)
    assert result.returncode == 0 and result.stdout == b"Taken for bob@example.net: thrown away, as the configuration says\n"
    assert json.loads(paloma(*words, "--json").stdout)["recipients"][0]["reply"] == "thrown away, as the configuration says"


def test_every_setting_is_shown_with_where_it_comes_from(paloma, tmp_path):
    file = tmp_path / "conf"
    file.write_text("[paloma]\nfrom = ann@example.org\nauth = plain LOGIN,cram-md5\ntls = verify\n")
    settings = json.loads(paloma("config", "--json", "-C", file, "-O", "timeout=5", env={"PALOMA_TLS": "require"}).stdout)
    found = {row["key"]: (row["value"], row["origin"]) for row in settings if row["section"] == "paloma"}
    assert found["from"] == ("ann@example.org", f"{file}:2") and found["auth"] == ("plain LOGIN,cram-md5", f"{file}:3")
    assert found["tls"] == ("require", "PALOMA_TLS") and found["timeout"] == ("5", "--set") and found["helo"][1] == "default"


def test_the_example_says_nothing_until_a_mark_is_taken_away(paloma, tmp_path):
    settings = json.loads(paloma("config", "--json", "-C", EXAMPLE).stdout)
    assert [row for row in settings if str(EXAMPLE) in row["origin"]] == []
    text, examples = re.subn(r"(?m)^#(?=\[|\w+ = )", "", EXAMPLE.read_text())
    (tmp_path / "conf").write_text(text)
    result = paloma("config", "--json", "-C", tmp_path / "conf", env={"PALOMA_MAILBOX": None})
    assert result.returncode == 0, result.stderr
    in_force = [row for row in json.loads(result.stdout) if str(tmp_path) in row["origin"]]
    assert len(in_force) + text.count("\n[") - 1 == examples > 10


MISSPELLED = [("PALOMA_RELAI", "PALOMA_RELAY"), ("PALOMA_relay", "PALOMA_RELAY"), ("PALOMA_PASSWORT", "PALOMA_PASSWORD"), ("PALOMA_VIA", None),
              ("PALOMA_COLOUR", None), ("PALOMA_", None), ("PALOMA_" + "X" * 100, None), ("PALOMA_SPOOOL", "PALOMA_SPOOL")]
KNOWN = {"PALOMA_RELAY": "smtp://127.0.0.1:1", "PALOMA_PASSWORD": "s3cret", "PALOMA_TLS": "none", "PALOMAS_CAGE": "x", "PALOMA": "x"}


@pytest.mark.parametrize("name,meant", MISSPELLED, ids=lambda word: str(word)[:20])
def test_a_variable_that_is_none_is_told(paloma, name, meant):
    told = f"paloma: warning: {name} is no variable that paloma knows" + (f"; is {meant} meant?\n" if meant else ".\n")
    for words in ("config", "relay"), ("queue",), ("send", "--dry-run", "-r", "a@example.org", "--body", "x", "b@example.net"):
        done = paloma(*words, env={**KNOWN, name: "s3cret"})
        assert done.returncode == 0 and done.stderr.decode() == told, done


def test_only_who_types_a_command_is_told_of_a_variable(paloma):
    wrong = {**KNOWN, "PALOMA_RELAI": "x"}
    for words in ("sendmail", "-bp"), ("mailq",), ("newaliases",), ("-bp",), ("queue", "-q"):
        done = paloma(*words, env={**wrong, "PALOMA_ALIASES": ""})
        assert (done.returncode, done.stderr) == (0, b""), done
    assert paloma("config", "relay", env=KNOWN).stderr == b""
