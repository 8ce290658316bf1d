"""What is loaded when it is first needed has the name that it has on this system."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("PALOMA_BUILD", HERE))
PALOMA = os.environ.get("PALOMA", str(BUILD / "src/paloma"))


def run(*words, **rest):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=True, timeout=120, **rest).stdout


def loaded():
    return sorted(set(re.findall(r'"soname":\["([^"]*)"\]', run("readelf", "-p", ".note.dlopen", PALOMA))))


@pytest.mark.skipif(b"PALOMA_DIRECT_LINKING 1" in (BUILD / "src/config.h").read_bytes(), reason="nothing is loaded")
def test_what_is_loaded_is_what_would_be_linked():
    assert len(loaded()) >= 5
    for soname in loaded():
        linked = run("cc", f"-print-file-name={soname.split('.so')[0]}.so").strip()
        assert re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", linked))[1] == soname


@pytest.mark.skipif(not shutil.which("autoconf"), reason="autoconf is not installed")
@pytest.mark.parametrize("soname,wanted", [("libthing.so.7", "libthing.so.7"), ("libthing.so.0.1", "libthing.so.0.1"), (None, "libthing.so.3")])
def test_configure_takes_the_name_from_the_library(tmp_path, soname, wanted):
    if soname:
        (tmp_path / "thing.c").write_text("int thing(void) { return 0; }\n")
        run("cc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o", tmp_path / "libthing.so", tmp_path / "thing.c")
    (tmp_path / "configure.ac").write_text(f"AC_INIT([thing], [1])\nm4_include([{HERE}/m4/paloma_libraries.m4])\nAC_PROG_CC\n"
                                           "AC_CHECK_TOOL([READELF], [readelf], [false])\nTHING_LIBS=\"-L. -lthing\"\n"
                                           "PALOMA_SONAME([thing], [THING], [libthing.so.3])\nAC_CONFIG_HEADERS([config.h:config.in])\nAC_OUTPUT\n")
    (tmp_path / "config.in").write_text("#undef SONAME_THING\n")
    run("autoconf", cwd=tmp_path)
    run("./configure", cwd=tmp_path)
    assert f'#define SONAME_THING "{wanted}"\n' in (tmp_path / "config.h").read_text()
