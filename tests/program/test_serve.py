"""paloma serve as its user meets it."""
import subprocess

import pytest
from conftest import PALOMA, clean_environment


@pytest.mark.parametrize("words,status,told", [
    (("--tls-key", "/nonexistent"), 64, "--tls-cert"), (("--implicit-tls",), 64, "--tls-cert"), (("--require-auth",), 64, "--password-file"),
    (("--host-name", "a b"), 64, "--host-name"), (("--tls-cert", "/nonexistent"), 78, "No such file or directory"),
    (("--password-file", "{folder}/open"), 78, "chmod 600"), (("--password-file", "{folder}/nobody"), 78, "user:password"),
    (("--password-file", "{folder}/wrong"), 78, "wrong:2: "), (("--max-size", "big"), 64, "--max-size"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_what_cannot_be_served_is_told_before_listening(paloma, tmp_path, words, status, told):
    for name, text, mode in ("open", "ann:pw\n", 0o644), ("nobody", "\n\n", 0o600), ("wrong", "ann:pw\ns3cret\n", 0o600):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    words = [word.format(folder=tmp_path) for word in words]
    result = paloma("serve", "--listen", "127.0.0.1:0", "--catch", tmp_path / "mail", *words)
    assert result.returncode == status and result.stdout == b""
    assert told in result.stderr.decode() and result.stderr.endswith(b".\n") and b"s3cret" not in result.stderr


def test_a_port_that_nobody_can_be_told_is_not_served(home, tmp_path):
    with open("/dev/full", "w") as full:
        result = subprocess.run([PALOMA, "serve", "--listen", "127.0.0.1:0", "--catch", tmp_path / "mail"], stdout=full, stderr=subprocess.PIPE,
                                env=clean_environment(home), timeout=60)
    assert result.returncode == 75 and b"standard output" in result.stderr
