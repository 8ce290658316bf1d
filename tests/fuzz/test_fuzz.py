"""Every fuzz target runs for a moment on its corpus, in the same way each time; tests/fuzz/run SECONDS runs them for longer, and in another way each time."""
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
SECONDS = os.environ.get("PALOMA_FUZZ_SECONDS", "3")


@pytest.mark.skipif(SECONDS == "0", reason="done once is enough")
@pytest.mark.parametrize("target", sorted(path.name[:-len("_fuzz.c")] for path in HERE.glob("*_fuzz.c")))
def test_nothing_is_found(target):
    build = os.environ.get("PALOMA_BUILD", str(HERE.parents[1]))
    run = subprocess.run([str(HERE / "run"), SECONDS, target], capture_output=True, text=True, timeout=600, env={**os.environ, "PALOMA_BUILD": build, "PALOMA_FUZZ_SEED": "1"})
    assert run.returncode == 0, run.stdout + run.stderr
    # a target that executes nothing shows nothing
    assert int(re.search(r"ok \w+: (\d+) inputs", run.stdout).group(1)) > 100, run.stdout
