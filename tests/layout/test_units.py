"""The units for systemd say what systemd understands, and leave the service no more than it needs."""
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
UNITS = TOP / "dist" / "systemd"
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there")


@pytest.fixture
def root(tmp_path):
    """A host of nothing but our units and what they name."""
    folder = tmp_path / "usr" / "lib" / "systemd" / "system"
    folder.mkdir(parents=True)
    text = (UNITS / "paloma.service.in").read_text().replace("@bindir@", "/usr/bin").replace("@localstatedir@", "/var")
    (folder / "paloma.service").write_text("\n".join(line for line in text.split("\n") if not line.startswith("Documentation=")))
    shutil.copy(UNITS / "paloma.socket", folder)
    for name in ("sysinit.target", "basic.target", "sockets.target", "shutdown.target", "multi-user.target"):
        (folder / name).write_text("[Unit]\nDescription=x\nDefaultDependencies=no\n")
    for program in ("usr/bin/paloma", "bin/kill"):
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("unit", ["paloma.service", "paloma.socket"])
def test_unit_is_understood(root, unit):
    result = subprocess.run(["systemd-analyze", "verify", f"--root={root}", "--man=no", f"usr/lib/systemd/system/{unit}"], cwd=root,
                            capture_output=True, text=True)
    assert [line for line in result.stderr.splitlines() if "paloma" in line] == []


@needs_systemd
def test_a_mistake_in_a_unit_is_noticed(root):
    unit = root / "usr/lib/systemd/system/paloma.service"
    unit.write_text(unit.read_text().replace("NoNewPrivileges", "NoNewPriviliges"))
    result = subprocess.run(["systemd-analyze", "verify", f"--root={root}", "--man=no", "usr/lib/systemd/system/paloma.service"], cwd=root,
                            capture_output=True, text=True)
    assert "NoNewPriviliges" in result.stderr


@needs_systemd
def test_the_sandbox_is_strict(root):
    result = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--root={root}", "--threshold=28", "paloma.service"], cwd=root,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_the_sockets_are_where_the_service_looks_for_them():
    default = re.search(r'submit_socket = "(.*?)"', (TOP / "src/conf/conf.c").read_text())[1]
    listens = re.findall(r"^ListenStream=(.*)$", (UNITS / "paloma.socket").read_text(), re.M)
    assert listens == [default, default.replace("submit", "control")]


# Unpacked, for it would be installed to confine this host.
APPARMOR = TOP / "build/apparmor"


@pytest.mark.skipif(not (APPARMOR / "sbin/apparmor_parser").exists(), reason="apparmor_parser is not there")
def test_the_profile_for_apparmor_is_understood(tmp_path):
    profile = TOP / "dist/apparmor/paloma-service"
    parse = [APPARMOR / "sbin/apparmor_parser", "--base", APPARMOR / "etc/apparmor.d", "--skip-kernel-load", "--skip-cache"]
    result = subprocess.run([*parse, profile], capture_output=True, text=True)
    # where the kernel has none, it says that it has no cache to skip
    assert result.returncode == 0 and [line for line in result.stderr.splitlines() if "ache" not in line] == [], result.stderr
    assert subprocess.run([*parse, "--names", profile], capture_output=True, text=True).stdout == "paloma-service\n"
    assert "AppArmorProfile=-paloma-service\n" in (UNITS / "paloma.service.in").read_text()
    wrong = tmp_path / "wrong"
    wrong.write_text(profile.read_text().replace("capability setuid", "capability setuidd"))
    assert subprocess.run([*parse, wrong], capture_output=True).returncode != 0
