"""Where a mail goes when the first place does not take it."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

from conftest import PALOMA, clean_environment

NOBODY = 65534


@pytest.fixture
def public_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-handover."))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def run_as_nobody(words, environment, **rest):
    return subprocess.run([PALOMA, *words], capture_output=True, timeout=60, env=environment, user=NOBODY, group=NOBODY, extra_groups=[], **rest)


def test_a_service_that_fails_is_passed_over_in_silence(public_folder):
    """What another place has taken is no error, neither in status nor in words."""
    environment = {**clean_environment(public_folder), "PALOMA_QUEUE": "auto", "PALOMA_LOG": "none", "XDG_STATE_HOME": str(public_folder / "state"),
                   "PALOMA_SUBMIT_SOCKET": str(public_folder / "submit.sock")}
    if os.geteuid() != 0 or os.access("/var/spool/paloma", os.F_OK):
        pytest.skip("only root can be somebody to whom the system's spool is closed")
    try:
        run_as_nobody(["--help"], environment)
    except PermissionError:
        pytest.skip("others may not run what is built here")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(public_folder / "submit.sock"))
        (public_folder / "submit.sock").chmod(0o777)
        listener.listen()
        listener.settimeout(60)
        greeter = threading.Thread(target=lambda: listener.accept()[0].sendall(b"421 not now\r\n"))
        greeter.start()
        run = run_as_nobody(["send", "--queue", "--from", "me@example.org", "--to", "you@example.org", "--subject", "x"], environment, input=b"text\n")
        greeter.join()
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(b"Queued as ")
    assert len(list((public_folder / "state" / "paloma" / "queue").iterdir())) == 1
