"""Whose home is looked into: that of root is closed to the user whom root becomes, and to one who came by su."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import PALOMA, clean_environment
from processes import end_all_with

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has others to become")


@pytest.fixture
def place():
    """A folder that everybody may look into; in it a home that only root may, with settings, and a spool of nobody's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-homes-"))
    folder.chmod(0o755)
    settings = folder / "home/.config/paloma/paloma.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[paloma]\nhelo = roots-own.example\n")
    (folder / "home").chmod(0o700)
    (folder / "spool").mkdir(mode=0o700)
    os.chown(folder / "spool", NOBODY, NOBODY)
    yield folder
    end_all_with("PALOMA_SPOOL", folder / "spool")  # the runner of the queue
    shutil.rmtree(folder)


def settings_of(place, sink):
    return {**clean_environment(place / "home"), "PALOMA_QUEUE": "auto", "PALOMA_SPOOL": str(place / "spool"), "PALOMA_RELAY": sink.url,
            "PALOMA_LOG": "none", "PALOMA_DOMAIN": "here.example"}


def test_the_queue_of_another_user_runs_without_roots_home(place, sink):
    server = sink()
    environment = settings_of(place, server)
    for way in "--background", "--queue":
        sent = subprocess.run([PALOMA, "send", "--body", "x", way, "you@example.org"], env=environment, capture_output=True, cwd="/", timeout=120)
        assert sent.returncode == 0, sent.stderr
    id = sent.stdout.decode().split()[-1].rstrip(".")
    assert subprocess.run([PALOMA, "queue", "flush"], env=environment, capture_output=True, cwd="/", timeout=120).returncode == 0
    wait = subprocess.run([PALOMA, "queue", "wait", id, "--timeout", "60"], env=environment, capture_output=True, cwd="/", timeout=120)
    assert wait.returncode == 0, (wait.stdout, wait.stderr)
    server.wait_mails(2)
    # root's settings are not those of the queue
    assert not any("roots-own" in line for line in server.lines)


def test_who_came_by_su_has_no_settings_in_a_home_that_is_closed_to_him(place, sink):
    server = sink()
    environment = {**settings_of(place, server), "PALOMA_QUEUE": "never"}
    program = place / "program"
    shutil.copy(PALOMA, program)
    sent = subprocess.run([program, "send", "--body", "x", "you@example.org"], env=environment, capture_output=True, cwd="/", timeout=120,
                          user=NOBODY, group=NOBODY)
    assert sent.returncode == 0, sent.stderr
    assert len(server.wait_mails(1)) == 1


def test_own_settings_that_cannot_be_read_are_an_error(place, sink):
    environment = {**settings_of(place, sink()), "PALOMA_QUEUE": "never"}
    (place / "home").chmod(0o755)
    (place / "home/.config/paloma/paloma.conf").chmod(0)
    program = place / "program"
    shutil.copy(PALOMA, program)
    told = subprocess.run([program, "config"], env=environment, capture_output=True, cwd="/", timeout=120, user=NOBODY, group=NOBODY)
    assert told.returncode != 0 and b"Cannot open" in told.stderr, told.stderr
