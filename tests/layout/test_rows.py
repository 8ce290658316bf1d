"""A file includes only its own folder and lower rows; stages never include each other (HACKING)."""
import pathlib
import re

import pytest

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"
STAGES = {"compose", "submit", "sign", "spool", "route", "deliver", "report"}
ROWS = [{"base"}, {"net"}, {"mail"}, {"smtp"}, STAGES, {"conf"}, {"queue"}, {"run"}, {"cli"}, {"main"}]
RANK = {room: rank for rank, rooms in enumerate(ROWS) for room in rooms}
# One file per library; its types appear in no header.
LIBRARY_HEADERS = {
    r"openssl/": 3, r"gsasl\.h": 1, r"ares\.h": 1, r"idn2\.h": 1, r"magic\.h": 1, r"(iniparser/)?iniparser\.h": 1, r"seccomp\.h": 1, r"uninorm\.h": 1,
    r"curl/curl\.h": 1,
}


def includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M)


def offences(room, names):
    """The includes that a file of this room may not have."""
    bad = []
    for name in names:
        if name == "config.h":
            continue
        other = name.split("/")[0] if "/" in name else "main"
        if other not in RANK:
            bad.append(f"{name}: no such room")
        elif other != room and RANK[other] >= RANK[room]:
            bad.append(f"{name}: {other} is not below {room}")
    return bad


def files():
    return sorted(p for p in SRC.rglob("*.[ch]") if p.name != "config.h")


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(SRC)))
def test_includes_point_down(path):
    relative = path.relative_to(SRC)
    room = relative.parts[0] if len(relative.parts) > 1 else "main"
    assert room in RANK, f"{room} is in no row"
    assert offences(room, includes(path)) == []


def test_an_upward_include_is_noticed():
    assert offences("mail", ["net/stream.h", "base/buf.h"]) == []
    assert offences("mail", ["smtp/client.h"]) != []
    assert offences("route", ["deliver/deliver.h"]) != []
    assert offences("base", ["elsewhere/x.h"]) != []


@pytest.mark.parametrize("header,most", LIBRARY_HEADERS.items())
def test_each_library_is_included_by_one_file(header, most):
    pattern = re.compile(r"^\s*#\s*include\s+<" + header, re.M)
    users = [str(p.relative_to(SRC)) for p in files() if pattern.search(p.read_text())]
    assert len(users) <= most, users
    assert not [u for u in users if u.endswith(".h")]


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(SRC)))
def test_file_is_in_a_release(path):
    room = path.parent
    assert re.search(r"%%D%%/%s\b" % re.escape(path.name), (room / "local.mk").read_text()), "named in no local.mk"
