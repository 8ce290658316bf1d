"""What the manual pages promise: examples that work when they are pasted, and every member of every JSON answer."""
import json
import pathlib
import re
import shlex
import subprocess

from conftest import PALOMA, clean_environment

MAN = pathlib.Path(__file__).resolve().parents[2] / "man"


def examples(page):
    """The blocks of EXAMPLES as a reader sees them."""
    text = (MAN / page).read_text().split(".Sh EXAMPLES")[1].split(".Sh ")[0]
    return [block.replace("\\e\n", "\\\n").replace("\\e", "\\") for block in re.findall(r"\.Bd -literal.*?\n(.*?)\.Ed", text, re.S)]


def test_the_examples_work_when_pasted(catcher, home, tmp_path):
    server = catcher()
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    (tmp_path / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    environment = {**clean_environment(home), "PALOMA_RELAY": server.url, "PATH": f"{pathlib.Path(PALOMA).resolve().parent}:/usr/bin:/bin"}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sendmail").symlink_to(pathlib.Path(PALOMA).resolve())
    environment["PATH"] = f"{tmp_path}/bin:{environment['PATH']}"
    commands = [block for block in examples("paloma.1") + examples("sendmail.8") if "paloma serve" not in block and "paloma setup" not in block]
    assert len(commands) == 4
    for command in commands:
        result = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert result.returncode == 0 and result.stderr == b"", (command, result.stderr)
    report, cat, hello = server.mail(), server.mail(), server.mail()
    assert hello["Subject"] == "hello" and hello.get_content() == "Hello.\n"
    assert report["To"] == "ann@example.org, Bob <bob@example.net>" and [part.get_filename() for part in report.iter_attachments()] == ["report.pdf"]
    assert "cid:cat.png@" in cat.get_body(("html",)).get_content() and cat.get_body(("plain",)).get_content().startswith("Look:")


def test_the_example_of_a_configuration_is_one(paloma, tmp_path):
    (tmp_path / "conf").write_text(examples("paloma.conf.5")[0])
    settings = json.loads(paloma("config", "--json", "-C", tmp_path / "conf").stdout)
    assert ("relay work", "from") in {(row["section"], row["key"]) for row in settings}


def members(value):
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set().union(*map(members, value)) if isinstance(value, list) else set()


def test_every_member_of_every_json_answer_is_in_the_manual(paloma, catcher, tmp_path):
    page = (MAN / "paloma.1").read_text().split(".Sh OUTPUT FOR PROGRAMS")[1].split(".Sh ")[0]
    documented = {word for line in re.findall(r"^(?:\.It )?\.?Li (.*)$", page.replace(".It Li", ".Li"), re.M) for word in re.findall(r"[a-z_]+", line)}
    server = catcher()
    mail = ("--relay", server.url, "-r", "ann@example.org", "--body", "x", "bob@example.net")
    for words in ("send", "--json", *mail), ("send", "-n", "--json", *mail), ("config", "--json"), ("route", "--json", "--relay", server.url, "--from", "root", "b@example.net"):
        names = members(json.loads(paloma(*words).stdout))
        assert len(names) >= 4 and names <= documented, names - documented
    (tmp_path / "conf").write_text(f"[paloma]\nrelay = {server.url}\nspool = {tmp_path}/spool\nlog = none\n")
    auto = {"PALOMA_QUEUE": "auto"}
    assert paloma("send", "-C", tmp_path / "conf", "--queue", "-r", "ann@example.org", "--body", "x", "bob@example.net", env=auto).returncode == 0
    names = members(json.loads(paloma("queue", "-C", tmp_path / "conf", "--json", env=auto).stdout))
    assert len(names) >= 10 and names <= documented, names - documented


def test_the_readme_and_the_manual_name_the_same_commands(paloma):
    readme = (MAN.parent / "README").read_text()
    for verb, rest in re.findall(r"paloma (send|route|config|serve|sendmail)\b ?(.*)", readme):
        help_text = paloma("help", verb).stdout.decode()
        for word in shlex.split(re.sub(r"  .*", "", rest).split("|")[0]):
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert re.search(r"(^|[ ,])%s\b" % re.escape(word), help_text, re.M), (verb, word)
