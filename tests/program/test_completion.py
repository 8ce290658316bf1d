"""The scripts for shells, in the shells: what they offer is what paloma understands."""
import re
import shutil
import subprocess

import pytest

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def script(paloma, tmp_path):
    def make(shell):
        result = paloma("--completion", shell)
        assert result.returncode == 0 and result.stderr == b""
        (tmp_path / f"paloma.{shell}").write_bytes(result.stdout)
        return tmp_path / f"paloma.{shell}"
    return make


def options_of(paloma, verb):
    return set(re.findall(rb"(?m)^ {2,6}(?:-\w, )?--([\w-]+)", paloma("help", verb).stdout))


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_the_help_is_offered(paloma, script, shell):
    text = script(shell).read_bytes()
    for verb in "send", "queue", "route", "serve", "config":
        names = options_of(paloma, verb)
        assert b"json" in names or verb == "serve"
        for name in names:
            assert re.search(rb"-l %s\b" % name if shell == "fish" else rb"--%s\b" % name, text), name


def test_another_shell_is_told_which_there_are(paloma):
    result = paloma("--completion", "tcsh")
    assert result.returncode == 64 and b"bash, zsh or fish" in result.stderr and result.stdout == b""


@pytest.mark.parametrize("words,offered", [
    (["que"], {"queue"}), (["send", "--attach-"], {"--attach-inline"}), (["queue", "re"], {"release", "remove", "requeue"}),
    (["queue", "--j"], {"--json"}), (["send", "--attach", "pic"], {"picture one.png"}), (["send", "--attach", "=", "pic"], {"picture one.png"}),
    (["serve", "--catch", ""], {"folder"}), (["send", "--subject", ""], set()), (["send", "pic"], set()),
])
def test_bash(script, tmp_path, words, offered):
    here = tmp_path / "here"
    (here / "folder").mkdir(parents=True)
    (here / "picture one.png").touch()
    ask = ('compopt() { :; }; . "$1"; shift; COMP_WORDS=(paloma "$@"); COMP_CWORD=$#; _paloma; printf "%s\\n" "${COMPREPLY[@]}"')
    result = subprocess.run(["bash", "-c", ask, "bash", script("bash"), *words], cwd=here, capture_output=True, text=True, timeout=60)
    assert result.stderr == "" and {line for line in result.stdout.splitlines() if line} == offered


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize("line,offered", [
    ("paloma que", {"queue"}), ("paloma send --attach-", {"--attach-inline"}), ("paloma queue re", {"release", "remove", "requeue"}),
    ("paloma send --attach pic", {"picture"}), ("paloma send --subject pic", set()),
])
def test_fish(script, tmp_path, line, offered):
    here = tmp_path / "here"
    here.mkdir()
    (here / "picture").touch()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    result = subprocess.run(["fish", "--no-config", "-c", f'source {script("fish")}; complete -C "{line}"'], cwd=here, capture_output=True, text=True,
                            env=environment, timeout=60)
    assert result.stderr == "" and {found.split("\t")[0] for found in result.stdout.splitlines()} == offered


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize("typed,offered", [
    ("paloma que", "paloma queue"), ("paloma send --attach-i", "paloma send --attach-inline="), ("paloma queue rel", "paloma queue release"),
    ("paloma send --attach pic", "paloma send --attach picture"), ("paloma send --subject pic", "paloma send --subject pic"),
])
def test_zsh(script, tmp_path, typed, offered):
    here, functions = tmp_path / "here", tmp_path / "functions"
    here.mkdir()
    (here / "picture").touch()
    functions.mkdir()
    shutil.copy(script("zsh"), functions / "_paloma")
    # a shell at a terminal of its own, whose line is shown after a tab
    ask = f"""zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'fpath=({functions} $fpath); PS1=; cd {here}; autoload -Uz compinit; compinit -u -d {tmp_path}/dump; setopt no_beep'
zpty -w shell 'show() {{ print -r "<<$BUFFER>>"; exit }}; zle -N show; bindkey "^X" show; print ready'
zpty -r -m shell seen '*ready*ready*'
zpty -w -n shell $'{typed}\\t\\x18'
zpty -r -m shell seen '*<<*>>*'
print -r -- ${{${{seen##*<<}}%%>>*}}
zpty -d shell"""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    result = subprocess.run(["zsh", "-f", "-c", ask], capture_output=True, text=True, env=environment, timeout=60)
    assert result.stdout.strip() == offered, (result.stdout, result.stderr)
