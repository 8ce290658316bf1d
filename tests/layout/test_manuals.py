"""Every option row and every configuration key stands in its manual page, and the pages are clean."""
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
STRING = r'"(?:[^"\\]|\\.)*"'


def paloma_rows():
    """(name, letter) of every row that help shows; macros of rows count where they are defined."""
    source = (TOP / "src/cli/paloma_options.c").read_text()
    rows = re.findall(r"\{(NULL|\"[^\"]*\"), (0|'.'), (?:NULL|%s), (?:true|false), (NULL|%s)," % (STRING, STRING), source)
    return [(name.strip('"'), letter.strip("'")) for name, letter, text in rows if text != "NULL"]


def sendmail_letters():
    return re.findall(r"\{NULL, '(.)',", (TOP / "src/cli/sendmail_options.c").read_text())


def conf_keys():
    """(sections, key) of every row of the table of keys."""
    table = (TOP / "src/conf/conf_keys.c").read_text().split("const struct conf_row conf_rows[]")[1].split("\n};")[0]
    rows = []
    for row in re.split(r"\n\t(?=MAIN_ROW|RELAY_ROW|\{)", table)[1:]:
        both = "BOTH" in row
        kinds = {"PALOMA": both or "MAIN" in row, "RELAY NAME": both or "CONF_IN_RELAY" in row, "ROUTE PATTERN": "CONF_IN_ROUTE" in row,
                 "REWRITE PATTERN": "CONF_IN_REWRITE" in row}
        rows += [(kind, re.search(STRING, row).group(0).strip('"')) for kind, used in kinds.items() if used]
    return rows


def test_the_tables_are_found():
    assert len(paloma_rows()) > 60 and len(sendmail_letters()) > 20 and len(conf_keys()) > 40


@pytest.mark.parametrize("name,letter", sorted(set(paloma_rows())))
def test_option_is_in_paloma_1(name, letter):
    page = (TOP / "man/paloma.1").read_text()
    if name != "NULL":
        assert re.search(r"^\.It .*Fl Fl %s( |$)" % re.escape(name), page, re.M), name
    if letter != "0":
        assert re.search(r"^\.It Fl %s( |$)" % re.escape(letter), page, re.M), letter


@pytest.mark.parametrize("letter", sendmail_letters())
def test_option_is_in_sendmail_8(letter):
    assert re.search(r"^\.It Fl %s( |$)" % re.escape(letter), (TOP / "man/sendmail.8").read_text(), re.M)


@pytest.mark.parametrize("section,key", conf_keys())
def test_key_is_in_paloma_conf_5(section, key):
    sections = dict(re.findall(r"^\.Sh (?:THE SECTION|SECTIONS) ([A-Z ]+)\n(.*?)(?=^\.Sh)", (TOP / "man/paloma.conf.5").read_text(), re.M | re.S))
    assert re.search(r"^\.It Cm %s$" % re.escape(key), sections[section], re.M)


def environment_rows():
    """The variables that are no key."""
    table = (TOP / "src/conf/environment.c").read_text().split("static const struct view others[]")[1].split("\n};")[0]
    return re.findall(r'\tVIEW\("(PALOMA_[A-Z_]+)"\)', table)


@pytest.mark.parametrize("name", environment_rows())
def test_variable_is_in_paloma_1(name):
    section = (TOP / "man/paloma.1").read_text().split("\n.Sh ENVIRONMENT\n")[1].split("\n.Sh ")[0]
    assert re.search(r"^\.It Ev %s$" % name, section, re.M)


def test_every_variable_that_is_read_is_a_key_or_a_row():
    keys = {f"PALOMA_{key.upper()}" for kind, key in conf_keys() if kind == "PALOMA"}
    read = {name for path in (TOP / "src").glob("*/*.c") for name in re.findall(r'getenv\("(PALOMA_\w+)"\)', path.read_text())}
    pages = {name for page in (TOP / "man").glob("*.[158]") for name in re.findall(r"PALOMA_[A-Z]+(?:_[A-Z]+)*", page.read_text())}
    assert "PALOMA_PASSWORD" in read & pages and (read | pages) <= keys | set(environment_rows())


@pytest.mark.parametrize("page", sorted((TOP / "man").glob("*.[158]")), ids=lambda path: path.name)
def test_page_is_clean(page):
    lint = subprocess.run(["mandoc", "-Tlint", str(page)], capture_output=True, text=True).stdout
    # whether the neighbours are installed is not the page's business
    assert [line for line in lint.splitlines() if "referenced manual not found" not in line and "mandoc.db" not in line] == []
