"""paloma import: the settings of msmtp, ssmtp, dma and nullmailer become ours, and can be read and used."""
import json
import stat

import pytest

import certificates

MSMTPRC = """# comment
defaults
auth on
tls on
tls_trust_file system
logfile ~/.msmtp.log

account work
host smtp.work.example
port 587
from ann@work.example
user ann@work.example
passwordeval "pass show 'mail/work' | head -n1"
dsn_notify failure

account home : work
tls_starttls off
port
host smtp.home.example
from *@home.example
user ann
password hunter #2
tls_fingerprint 01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF
aliases /etc/aliases

account bare
host 192.0.2.1
auth off
tls off
tls_starttls on
proxy_host 127.0.0.1
eval echo password s3cret-of-eval

account default : work
"""


@pytest.fixture
def imported(paloma, tmp_path):
    """imported(format, text) gives ({section: {key: value}}, standard output, warnings); the result is read by paloma config."""

    def run(form, source, *words):
        result = paloma("import", form, source, *words)
        assert result.returncode == 0, result.stderr
        written = tmp_path / "imported.conf"
        written.write_bytes(result.stdout)
        listed = paloma("config", "--json", "-C", written)
        assert listed.returncode == 0, listed.stderr.decode() + result.stdout.decode()
        sections = {}
        for row in json.loads(listed.stdout):
            if row["origin"].startswith(str(written)):
                sections.setdefault(row["section"], {})[row["key"]] = row["value"]
        warnings = result.stderr.decode().splitlines()
        assert all(line.startswith("paloma: warning: ") for line in warnings)
        return sections, result.stdout.decode(), "\n".join(warnings)

    return run


def test_msmtprc(imported, tmp_path, home):
    file = tmp_path / "msmtprc"
    file.write_text(MSMTPRC)
    sections, text, warnings = imported("msmtprc", file)
    main = sections["paloma"]
    assert main["relay"] == "submission://ann@work.example@smtp.work.example" and main["from"] == "ann@work.example"
    assert main["local"] == "no" and "from_policy" not in main
    assert main["password_command"] == "pass show 'mail/work' | head -n1" and main["log"] == f"{home}/.msmtp.log"
    assert "tls" not in main and "password_in_clear" not in main
    assert "relay work" not in sections, "the default is one relay, not two"
    at_home = sections["relay home"]
    assert at_home["url"] == "smtps://ann@smtp.home.example" and at_home["from"] == "*@home.example"
    assert at_home["tls_pin"].startswith("01:23:45") and at_home["password_file"].endswith("/password-home")
    assert sections["relay bare"] == {"url": "smtp://192.0.2.1"}
    assert "hunter" not in text and "hunter" not in warnings and "s3cret" not in text + warnings
    assert f"{file}:14: dsn_notify" in warnings and "proxy_host" in warnings and "eval" in warnings and "Account bare has no from" in warnings
    assert "msmtprc:14: dsn_notify" in text, "what is left out is told in the file as well"


@pytest.mark.parametrize("lines, told", [("logfile /l\nsyslog LOG_MAIL\n", "syslog is left out: the log is in one place"), ("syslog\n", "another facility"),
                                         ("syslog LOG_LOCAL2\n", "another facility"), ("syslog LOG_MAIL\n", None), ("logfile /l\nsyslog off\n", None)])
def test_where_msmtp_logs_is_carried_over_or_told(imported, tmp_path, lines, told):
    (tmp_path / "rc").write_text("account default\nhost x.example\n" + lines)
    sections, text, warnings = imported("msmtprc", tmp_path / "rc")
    assert sections["paloma"].get("log") == ("/l" if "logfile" in lines else None) and "log = none" not in text
    assert told in warnings if told else not warnings


def test_msmtprc_is_found_where_msmtp_has_it(paloma, home):
    assert paloma("import", "msmtprc").returncode in (66, 0)
    folder = home / ".config" / "msmtp"
    folder.mkdir(parents=True)
    (folder / "config").write_text("account default\nhost one.example\n")
    assert b"relay = smtp://one.example\n" in paloma("import", "msmtprc").stdout
    (home / ".msmtprc").write_text("account default\nhost two.example\n")
    assert b"relay = smtp://two.example\n" in paloma("import", "msmtprc").stdout


def test_a_command_that_no_line_can_hold_is_told(imported, tmp_path):
    file = tmp_path / "rc"
    file.write_text("account default\nhost x.example\nauth on\nuser u\ntls on\npasswordeval sed 's/#\\.//' \"$HOME/p\"\n")
    sections, text, warnings = imported("msmtprc", file)
    assert "password_command" not in sections["paloma"] and "password_command = ..." in warnings and "$HOME" not in warnings


def test_passwords_go_into_files_of_their_own(paloma, tmp_path):
    source, target = tmp_path / "msmtprc", tmp_path / "new" / "paloma.conf"
    source.write_text(MSMTPRC)
    (tmp_path / "new").mkdir()
    result = paloma("import", "msmtprc", source, "-o", target)
    assert result.returncode == 0 and result.stdout == b"", result.stderr
    secret = target.parent / "password-home"
    assert secret.read_text() == "hunter #2\n" and f"password_file = {secret}" in target.read_text()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (target, secret)] == [0o600, 0o600]
    before = target.read_bytes()
    again = paloma("import", "msmtprc", source, "-o", target)
    assert again.returncode == 73 and b"--force" in again.stderr and target.read_bytes() == before
    target.unlink()
    secret.write_text("another one\n")
    assert paloma("import", "msmtprc", source, "-o", target).returncode == 73
    assert secret.read_text() == "another one\n" and not target.exists()
    assert paloma("import", "msmtprc", source, "-o", target, "--force").returncode == 0
    assert secret.read_text() == "hunter #2\n" and target.read_bytes() == before


def test_a_relative_file_has_its_password_beside_it(paloma, tmp_path):
    (tmp_path / "rc").write_text(MSMTPRC)
    assert paloma("import", "msmtprc", "rc", "-o", "out.conf", cwd=tmp_path).returncode == 0
    assert f"password_file = {tmp_path}/password-home" in (tmp_path / "out.conf").read_text()


def test_passwords_are_shown_when_asked_for(paloma, tmp_path):
    (tmp_path / "rc").write_text(MSMTPRC)
    result = paloma("import", "msmtprc", tmp_path / "rc", "--show-passwords")
    assert b"; its first line: hunter #2\n" in result.stdout and b"hunter" not in result.stderr


def test_accounts_that_would_be_one_section(imported, tmp_path):
    (tmp_path / "rc").write_text("account default\nhost a.example\naccount Work\nhost b.example\nfrom b@b.example\naccount work\nhost c.example\nfrom c@c.example\n")
    sections, _, warnings = imported("msmtprc", tmp_path / "rc")
    assert sections["relay work"]["url"] == "smtp://b.example" and "url = smtp://c.example is left out" in warnings


@pytest.mark.parametrize("text,status,told", [
    ("", 78, "has no account"), ("account a : b\nhost x\n", 78, ":1: There is no account b"),
    ("host x\naccount\nhost y\n", 78, ":2: The account has no name."), ("account : default\nhost x\n", 78, ":1: The account has no name."),
])
def test_a_msmtprc_that_is_none(paloma, tmp_path, text, status, told):
    (tmp_path / "rc").write_text(text)
    result = paloma("import", "msmtprc", tmp_path / "rc")
    assert result.returncode == status and told in result.stderr.decode() and result.stdout == b""


@pytest.mark.parametrize("words,status,told", [
    ((), 64, b"FORMAT"), (("postfix",), 64, b"nullmailer, not postfix"), (("msmtprc", "/nonexistent"), 66, b"/nonexistent"),
    (("dma.conf", "/"), 78, b"regular"), (("nullmailer", "/nonexistent"), 66, b"no folder of nullmailer"),
])
def test_what_cannot_be_read(paloma, words, status, told):
    result = paloma("import", *words)
    assert result.returncode == status and told in result.stderr and result.stdout == b""


SSMTP = """#
root=admin@example.org
mailhub=smtp.example.org:587
rewriteDomain=example.org
hostname=web1.example.org
FromLineOverride=YES
UseSTARTTLS=YES
AuthUser=alice
AuthPass=p:a=ss word#half
"""


def test_ssmtp(imported, tmp_path):
    (tmp_path / "ssmtp.conf").write_text(SSMTP)
    (tmp_path / "revaliases").write_text("# none\nroot:root@example.org\nwww:shop@example.net:mail.example.net:2525\n")
    sections, text, warnings = imported("ssmtp.conf", tmp_path / "ssmtp.conf", "--show-passwords")
    main = sections["paloma"]
    assert main["relay"] == "submission://alice@smtp.example.org" and main["domain"] == "example.org" and main["host_name"] == "web1.example.org"
    assert "; its first line: p:a=ss word\n" in text and "ends at the #" in warnings
    assert sections["relay www"]["url"] == "smtp://alice@mail.example.net:2525" and sections["relay www"]["from"] == "shop@example.net"
    assert sections["relay root"] == {"url": "submission://alice@smtp.example.org", "users": "root", "from": "root@example.org",
                                      "password_file": main["password_file"]}
    assert sections["relay www"]["users"] == "www" and main["local"] == "no"
    assert "root: admin@example.org in /etc/aliases" in warnings


def test_what_ssmtp_has_and_paloma_has_not_is_told(imported, tmp_path):
    (tmp_path / "c").write_text("mailhub=x.example\nUseTLS=YES\nDebug=YES\nUseOldAUTH=YES\nTLS_CA_File=/a\nTLS_CA_Dir=/b\n")
    sections, _, warnings = imported("ssmtp.conf", tmp_path / "c")
    assert sections["paloma"]["tls_ca"] == "/a" and all(word in warnings for word in ("Debug", "UseOldAUTH", "TLS_CA_Dir")), warnings


def test_ssmtp_without_tls_says_that_the_password_is_open(imported, tmp_path):
    (tmp_path / "c").write_text("mailhub=localhost\nAuthUser=a\nAuthPass=b\n")
    sections, _, warnings = imported("ssmtp.conf", tmp_path / "c")
    assert sections["paloma"]["password_in_clear"] == "yes" and "without TLS" in warnings


def test_dma(imported, tmp_path):
    (tmp_path / "auth.conf").write_text("# c\nold|other.example:x1\nalice|smtp.example.org:secret:with colon\n")
    (tmp_path / "mailname").write_text("host.example.org\n")
    (tmp_path / "dma.conf").write_text(f"SMARTHOST smtp.example.org\nPORT 465\n#STARTTLS\nSECURETRANSFER\nNULLCLIENT\nAUTHPATH {tmp_path}/auth.conf\n"
                                       f"MAILNAME {tmp_path}/mailname\nMASQUERADE me@example.org\nSPOOLDIR /var/spool/dma\nNONESUCH 1\n")
    sections, text, warnings = imported("dma.conf", tmp_path / "dma.conf", "--show-passwords")
    main = sections["paloma"]
    assert main["relay"] == "smtps://alice@smtp.example.org" and main["from"] == "me@example.org" and main["from_policy"] == "always" and main["domain"] == "host.example.org"
    assert "; its first line: secret:with colon\n" in text and "password_in_clear" not in main and main["local"] == "no"
    assert "SPOOLDIR" in warnings and "NONESUCH" in warnings and "old at other.example" in warnings and "x1" not in text + warnings


def test_dma_without_a_smart_host_goes_to_the_mx(imported, tmp_path):
    (tmp_path / "dma.conf").write_text("PORT 2525\nMASQUERADE example.org\n")
    sections, _, _ = imported("dma.conf", tmp_path / "dma.conf")
    assert sections["paloma"] == {"mx_port": "2525", "domain": "example.org"}


def test_nullmailer(imported, tmp_path):
    folder = tmp_path / "nullmailer"
    folder.mkdir()
    for name, text in {"remotes": "# first\nsmart.example.org smtp --port=2525 --starttls --user=al --pass='my pass \"phrase'\n"
                                  "second.example.org smtp port=26 starttls user=al 'pass=my pass \"phrase'\nother.example smtp --user=b --pass=c\n"
                                  "q.example qmqp\n",
                       "me": "box.example.org\n", "defaulthost": "box\n", "defaultdomain": "example.org\n", "adminaddr": "root@example.org\n",
                       "allmailfrom": "all@example.org\n", "pausetime": "120\n", "queuelifetime": "86400\n", "idhost": "id.example\n",
                       "bouncelines": "9\n", "bounceto": "b@example.org\n"}.items():
        (folder / name).write_text(text)
    sections, text, warnings = imported("nullmailer", folder, "--show-passwords")
    main = sections["paloma"]
    assert main["relay"] == "smtp://al@smart.example.org:2525, smtp://al@second.example.org:26" and main["host_name"] == "box.example.org"
    assert main["domain"] == "box.example.org" and main["retry_first"] == "120" and main["queue_lifetime"] == "86400"
    assert main["from"] == "all@example.org" and main["from_policy"] == "always" and main["local"] == "no" and "; its first line: my pass \"phrase\n" in text
    assert "other.example is left out" in warnings and "qmqp" not in sections and "q.example is left out" in warnings and "id.example" in warnings
    assert "bounceto: b@example.org is left out" in warnings and "bouncelines: 9 is left out" in warnings
    assert main["unknown_user"] == "root@example.org" and "/etc/aliases" in text and "root@example.org" not in warnings


def test_the_entry_for_everybody_else_is_that_in_paloma_too(imported, paloma, tmp_path):
    aliases = tmp_path / "aliases"
    aliases.write_text("root: admin@example.com\n# default: nobody\n Default: ann@example.com, bob@example.com\n")
    (tmp_path / "rc").write_text(f"account default\nhost 127.0.0.1\naliases {aliases}\n")
    sections, _, warnings = imported("msmtprc", tmp_path / "rc")
    assert sections["paloma"]["unknown_user"] == "default" and sections["paloma"]["aliases"] == str(aliases) and warnings == ""
    aliases.write_text("root: admin@example.com\ndefault: ann@example.com, bob@example.com\n")
    told = json.loads(paloma("route", "--json", "-C", tmp_path / "imported.conf", "root", "www-data", "x@example.net").stdout)
    assert [row["recipient"] for row in told["ways"][0]["recipients"]] == ["admin@example.com", "ann@example.com", "bob@example.com", "x@example.net"]
    aliases.write_text("root: admin@example.com\ndefaults: x\n")
    sections, text, warnings = imported("msmtprc", tmp_path / "rc")
    assert "unknown_user" not in text and warnings == ""
    aliases.unlink()
    sections, text, warnings = imported("msmtprc", tmp_path / "rc")
    assert "unknown_user" not in sections["paloma"] and "unknown_user = default" in warnings


@pytest.mark.parametrize("lines,domain", [
    ("from %U@example.org\n", "example.org"), ("auto_from on\nmaildomain example.org\nfrom x@example.net\n", "example.org"), ("auto_from on\n", None),
])
def test_senders_who_are_whoever_sends(imported, tmp_path, lines, domain):
    (tmp_path / "rc").write_text("account default\nhost 127.0.0.1\n" + lines)
    sections, _, warnings = imported("msmtprc", tmp_path / "rc")
    assert sections["paloma"].get("domain") == domain and "from" not in sections["paloma"] and warnings == ""


@pytest.mark.parametrize("lines", ["from %U@%H.example.org\n", "from x%C@example.org\n"])
def test_a_template_of_more_than_a_domain_is_told(imported, tmp_path, lines):
    (tmp_path / "rc").write_text("account default\nhost 127.0.0.1\n" + lines)
    sections, _, warnings = imported("msmtprc", tmp_path / "rc")
    assert "domain" not in sections["paloma"] and "is no address" in warnings


def test_what_was_imported_sends(paloma, catcher, tmp_path):
    certificates.make_all(tmp_path)
    users = tmp_path / "users"
    users.write_text("ann:geheim 1\n")
    users.chmod(0o600)
    server = catcher("--tls-cert", tmp_path / "good.pem", "--password-file", users, "--require-auth")
    (tmp_path / "rc").write_text(f"defaults\nauth plain\ntls on\ntls_trust_file {tmp_path}/ca.pem\naccount default\nhost localhost\nport {server.port}\n"
                                 "from ann@example.org\nuser ann\npassword \"geheim 1\"\n")
    assert paloma("import", "msmtprc", tmp_path / "rc", "-o", tmp_path / "paloma.conf").returncode == 0
    result = paloma("send", "-C", tmp_path / "paloma.conf", "--body", "x", "-s", "s", "bob@example.net")
    assert result.returncode == 0, result.stderr
    assert "from=<ann@example.org>" in server.caught()
