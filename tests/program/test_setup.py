"""paloma setup: the DNS is asked for the server, the user for the password, the server whether it takes it; then it is written."""
import fcntl
import os
import pty
import select
import signal
import stat
import subprocess
import termios

import pytest

import certificates
from conftest import PALOMA, clean_environment
from dns_server import NameServer

PASSWORD = "geheim 1;#"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    certificates.make_authority(folder)
    certificates.make_certificate(folder, "mail", "DNS:mail.example.test,DNS:smtp.guess.test,DNS:mail.hoster.test,DNS:localhost")
    certificates.make_certificate(folder, "wrong", "DNS:else.example.test")
    (folder / "users").write_text(f"ann@example.test:{PASSWORD}\nann:{PASSWORD}\n")
    (folder / "users").chmod(0o600)
    (folder / "short").write_text(f"ann:{PASSWORD}\n")
    (folder / "short").chmod(0o600)
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "password").chmod(0o600)
    return folder


@pytest.fixture
def names(tmp_path):
    """names(zone=records) starts a name server and gives the option that has it asked."""
    running = []

    def start(**zones):
        folder = tmp_path / f"dns{len(running)}"
        folder.mkdir()
        running.append(NameServer(folder, {f"{name}.test": records for name, records in zones.items()}))
        return f"--set=dns_servers={running[-1].address}"

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(catcher, authority):
    def start(*words, certificate="mail", users="users"):
        return catcher("--tls-cert", authority / f"{certificate}.pem", "--password-file", authority / users, "--require-auth", *words)
    return start


class Terminal:
    """paloma with a terminal of its own."""

    def __init__(self, home, *words, env=None, ignores_interrupt=False):
        self.master, slave = pty.openpty()
        self.shown = ""

        def take_terminal():
            signal.signal(signal.SIGINT, signal.SIG_IGN if ignores_interrupt else signal.SIG_DFL)
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([PALOMA, *map(str, words)], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                                        env={**clean_environment(home), **(env or {})}, start_new_session=True, preexec_fn=take_terminal)
        os.close(slave)

    def read(self):
        try:
            data = os.read(self.master, 4096).decode()
        except OSError:  # the other side is closed
            data = ""
        self.shown += data
        return data

    def expect(self, text):
        while text not in self.shown:
            assert select.select([self.master], [], [], 60)[0] and self.read(), self.shown
        return self

    def is_silent(self):
        return not termios.tcgetattr(self.master)[3] & termios.ECHO

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def end(self):
        while select.select([self.master], [], [], 60)[0] and self.read():
            pass
        status = self.process.wait(60)
        os.close(self.master)
        return status


def set_up(paloma, authority, *words, password=True, **rest):
    told = ("--password-file", authority / "password") if password else ()
    return paloma("setup", "--user", "--tls-ca", authority / "ca.pem", *told, *words, **rest)


def settings_of(home):
    return home / ".config" / "paloma" / "paloma.conf"


def test_the_dns_names_the_server(paloma, names, server, authority, home):
    plain, implicit = server(), server("--implicit-tls")
    dns = names(example=f"mail A 127.0.0.1\n_submissions._tcp SRV 10 1 {implicit.port} mail\n_submission._tcp SRV 20 1 {plain.port} mail\n")
    result = set_up(paloma, authority, dns, "ann@example.test", "--test")
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    assert f"It names mail.example.test, port {implicit.port}, with TLS from the first octet.\nIt names mail.example.test, port {plain.port}, with STARTTLS." in said
    assert f"Trying mail.example.test, port {implicit.port}.\n" in said and "takes the password of ann@example.test; the connection has TLSv1.3" in said
    assert f"Trying mail.example.test, port {plain.port}." not in said and PASSWORD not in said + result.stderr.decode()
    written = settings_of(home)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600 and f"Wrote {written}." in said
    text = written.read_text()
    assert f"relay = smtps://mail.example.test:{implicit.port}\n" in text and f"password_file = {authority}/password\n" in text
    assert "user = ann@example.test\nfrom" not in text and "from = ann@example.test\n" in text and f"tls_ca = {authority}/ca.pem\n" in text
    mail = implicit.mail()
    assert mail["To"] == "ann@example.test" and mail["From"] == "ann@example.test" and mail["Subject"] == "Test of paloma"
    assert paloma("send", "-s", "later", "--body", "x", "bob@example.net").returncode == 0
    assert implicit.mail()["Subject"] == "later"


def test_starttls_where_that_is_preferred(paloma, names, server, authority, home):
    plain = server()
    dns = names(example=f"mail A 127.0.0.1\n_submissions._tcp SRV 20 1 1 mail\n_submission._tcp SRV 10 1 {plain.port} mail\n")
    result = set_up(paloma, authority, dns, "Ann <ann@example.test>")
    assert result.returncode == 0, result.stderr
    assert f"relay = submission://mail.example.test:{plain.port}\n" in settings_of(home).read_text()
    assert "from = Ann <ann@example.test>\n" in settings_of(home).read_text()


def test_the_next_server_is_tried_when_one_is_deaf_or_somebody_else(paloma, names, server, authority, home):
    wrong, good = server(certificate="wrong"), server()
    dns = names(example="mail A 127.0.0.1\n" + f"_submission._tcp SRV 1 1 1 mail\n_submission._tcp SRV 2 1 {wrong.port} mail\n"
                        f"_submission._tcp SRV 3 1 {good.port} mail\n")
    result = set_up(paloma, authority, dns, "ann@example.test")
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    assert said.count("That fails: ") == 2 and "refused" in said and f":{good.port}\n" in settings_of(home).read_text()


def test_a_local_part_as_login(paloma, names, server, authority, home):
    one = server(users="short")
    dns = names(example=f"mail A 127.0.0.1\n_submission._tcp SRV 1 1 {one.port} mail\n")
    result = set_up(paloma, authority, dns, "ann@example.test")
    assert result.returncode == 0, result.stderr
    assert "Trying again as ann.\n" in result.stdout.decode() and "user = ann\n" in settings_of(home).read_text()


def test_a_wrong_password_goes_to_one_server_and_nothing_is_written(paloma, names, server, authority, home, tmp_path):
    one, two = server(), server()
    dns = names(example=f"mail A 127.0.0.1\n_submission._tcp SRV 1 1 {one.port} mail\n_submission._tcp SRV 2 1 {two.port} mail\n")
    (tmp_path / "wrong").write_text("wr0ng\n")
    (tmp_path / "wrong").chmod(0o600)
    result = set_up(paloma, authority, dns, "ann@example.test", "--password-file", tmp_path / "wrong", password=False)
    assert result.returncode == 77 and f"mail.example.test, port {one.port}: " in result.stderr.decode(), result.stderr
    assert f"Trying mail.example.test, port {two.port}" not in result.stdout.decode()
    assert not settings_of(home).exists() and b"wr0ng" not in result.stdout + result.stderr


def test_hosts_are_guessed_in_the_end_only_and_it_is_said(paloma, names, authority, home):
    dns = names(guess="smtp A 127.0.0.1\n")
    result = set_up(paloma, authority, dns, "ann@guess.test", "-O", "connect_timeout=1")
    said = result.stdout.decode()
    assert "It names none. By guess it is smtp.guess.test, port 465" in said and "By guess it is smtp.guess.test, port 587" in said
    assert "mail.guess.test" not in said and result.returncode != 0 and not settings_of(home).exists()


@pytest.mark.parametrize("zone,status,told", [
    ("", 68, "neither smtp.example.test nor mail.example.test"), ("_submission._tcp SRV 0 0 0 .\n", 69, "says that it has no submission server"),
])
def test_there_is_no_server(paloma, names, authority, zone, status, told):
    result = set_up(paloma, authority, names(example=zone), "ann@example.test")
    assert result.returncode == status and told in result.stderr.decode(), result.stderr


def test_the_dns_does_not_answer(paloma, authority):
    result = set_up(paloma, authority, "--set=dns_servers=127.0.0.1:1", "-O", "dns_timeout=1", "ann@example.test")
    assert result.returncode == 75 and b"--relay" in result.stderr


def test_a_server_of_another_domain_gets_the_password_only_when_told_to(paloma, names, server, authority, home):
    one = server()
    dns = names(example=f"_submission._tcp SRV 1 1 {one.port} mail.hoster.test.\n", hoster="mail A 127.0.0.1\n")
    result = set_up(paloma, authority, dns, "ann@example.test")
    assert result.returncode == 77 and b"--yes" in result.stderr and b"Trying" not in result.stdout and not settings_of(home).exists()
    assert set_up(paloma, authority, dns, "ann@example.test", "--yes").returncode == 0
    assert "mail.hoster.test" in settings_of(home).read_text()


def test_a_relay_that_is_named_is_not_looked_for(paloma, server, authority, home):
    one = server()
    result = set_up(paloma, authority, "--set=dns_servers=127.0.0.1:1", "--relay", f"smtp://localhost:{one.port}", "ann@example.test", "--login", "ann")
    assert result.returncode == 0, result.stderr
    assert b"DNS" not in result.stdout and f"relay = smtp://localhost:{one.port}\nuser = ann\n" in settings_of(home).read_text()


def test_settings_that_are_given_are_written(paloma, server, authority, home):
    one = server()
    words = ("--relay", f"smtp://localhost:{one.port}", "ann@example.test", "-O", "from=x@example.test", "-O", "helo=one.example", "-O", "helo=two.example")
    assert set_up(paloma, authority, *words).returncode == 0
    text = settings_of(home).read_text()
    assert "from = x@example.test\n" in text and "helo = two.example\n" in text and "ann@example.test\nfrom" not in text and "one.example" not in text


def test_a_server_without_tls_gets_no_password(paloma, catcher, authority, home):
    one = catcher("--password-file", authority / "users")
    result = set_up(paloma, authority, "--relay", f"smtp://localhost:{one.port}", "ann@example.test")
    assert result.returncode != 0 and b"TLS" in result.stderr and not settings_of(home).exists()


def test_the_password_is_asked_for_and_not_shown(server, authority, home):
    one = server()
    terminal = Terminal(home, "setup", "--user", "--tls-ca", authority / "ca.pem", "--relay", f"smtp://localhost:{one.port}", "ann@example.test")
    terminal.expect("Password of ann@example.test: ")
    assert terminal.is_silent()
    terminal.type(PASSWORD)
    assert terminal.end() == 0, terminal.shown
    assert PASSWORD not in terminal.shown
    secret = settings_of(home).parent / "password"
    assert secret.read_text() == PASSWORD + "\n" and stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings_of(home).stat().st_mode) == 0o600 and stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert f"password_file = {secret}\n" in settings_of(home).read_text()


def test_a_signal_finds_the_terminal_as_it_was(server, authority, home):
    terminal = Terminal(home, "setup", "--user", "--relay", "smtp://localhost:1", "ann@example.test")
    terminal.expect("Password of ann@example.test: ")
    assert terminal.is_silent()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(60) == -signal.SIGINT and not terminal.is_silent()
    os.close(terminal.master)


def test_a_signal_that_is_ignored_disturbs_no_answer(server, authority, home):
    terminal = Terminal(home, "setup", "--user", "--relay", f"smtp://localhost:{server().port}", "--tls-ca", authority / "ca.pem", "ann@example.test",
                        ignores_interrupt=True)
    terminal.expect("Password of ann@example.test: ")
    terminal.process.send_signal(signal.SIGINT)
    terminal.type(PASSWORD)
    assert terminal.end() == 0, terminal.shown


def test_without_a_terminal_there_is_no_question(paloma, authority):
    result = set_up(paloma, authority, "--relay", "smtp://localhost:1", "ann@example.test", password=False, start_new_session=True)
    assert result.returncode == 64 and b"no terminal" in result.stderr


def test_what_is_there_is_kept_unless_told_otherwise(paloma, server, authority, home):
    one = server()
    words = ("--relay", f"smtp://localhost:{one.port}", "ann@example.test")
    settings_of(home).parent.mkdir(parents=True)
    settings_of(home).write_text("[paloma]\nfrom = me@example.org\n")
    result = set_up(paloma, authority, *words, start_new_session=True)
    assert result.returncode == 73 and b"--force" in result.stderr and "me@" in settings_of(home).read_text() and b"Trying" not in result.stdout
    for answer, status in (("no", 73), ("", 73), ("y", 0)):
        terminal = Terminal(home, "setup", "--user", "--tls-ca", authority / "ca.pem", "--password-file", authority / "password", *words)
        terminal.expect("Replace it? [y/N] ")
        terminal.type(answer)
        assert terminal.end() == status, terminal.shown
        assert ("me@" in settings_of(home).read_text()) == (status != 0)
    (settings_of(home).parent / "password").write_text("old\n")
    result = set_up(paloma, authority, *words, "--force", password=False, env={"PALOMA_PASSWORD": PASSWORD}, start_new_session=True)
    assert result.returncode == 0 and (settings_of(home).parent / "password").read_text() == PASSWORD + "\n"


def test_a_password_of_something_else_is_kept(paloma, server, authority, home):
    one = server()
    settings_of(home).parent.mkdir(parents=True)
    (settings_of(home).parent / "password").write_text("old\n")
    result = set_up(paloma, authority, "--relay", f"smtp://localhost:{one.port}", "ann@example.test", password=False, env={"PALOMA_PASSWORD": PASSWORD},
                   start_new_session=True)
    assert result.returncode == 73 and (settings_of(home).parent / "password").read_text() == "old\n" and not settings_of(home).exists()


def test_a_test_mail_that_fails_is_the_exit_status(paloma, catcher, authority, home):
    one = catcher("--tls-cert", authority / "mail.pem", "--password-file", authority / "users", "--max-size", 10)
    result = set_up(paloma, authority, "--relay", f"smtp://localhost:{one.port}", "ann@example.test", "--test")
    assert result.returncode == 69 and settings_of(home).exists(), result.stderr


@pytest.mark.parametrize("words,status", [
    ((), 64), (("a@example.org", "b@example.org"), 64), (("ann",), 64), (("ann@[192.0.2.1]",), 64), (("a b@@",), 65),
    (("a@example.org", "--password", "x"), 64), (("a@example.org", "--relay", "ftp://x"), 64),
])
def test_mistakes(paloma, authority, words, status):
    assert set_up(paloma, authority, *words).returncode == status


def namespace_works():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/etc"], capture_output=True).returncode == 0


@pytest.mark.skipif(not namespace_works(), reason="a mount namespace is not to be had")
def test_root_writes_the_configuration_of_the_system(server, authority, home):
    one = server()
    command = (f"mount -t tmpfs none /etc && echo 'paloma:x:4321:' >/etc/group && printf 'hosts: files\\n' >/etc/nsswitch.conf && "
               f"{PALOMA} setup --tls-ca {authority}/ca.pem --relay smtp://localhost:{one.port} ann@example.test && cd /etc/paloma && "
               "stat -c '%n %a %u %g' . paloma.conf password && cat password paloma.conf")
    result = subprocess.run(["unshare", "-m", "sh", "-c", command], capture_output=True, timeout=120,
                            env={**clean_environment(home), "PALOMA_PASSWORD": PASSWORD, "PALOMA_DNS_TIMEOUT": "1"})
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    assert "\n. 755 0 0\npaloma.conf 644 0 0\npassword 640 0 4321\n" in said and "password_file = /etc/paloma/password\n" in said
    assert not settings_of(home).exists()


@pytest.mark.skipif(not namespace_works(), reason="a mount namespace is not to be had")
@pytest.mark.parametrize("mode,is_told", [("600", True), ("640", False)])
def test_a_password_that_the_service_cannot_read_is_told(server, authority, home, mode, is_told):
    one = server()
    command = (f"mount -t tmpfs none /etc && echo 'paloma:x:4321:' >/etc/group && echo 'paloma:x:4321:4321::/:/bin/false' >/etc/passwd && "
               f"printf 'hosts: files\n' >/etc/nsswitch.conf && cp {authority}/ca.pem /etc/ca.pem && cd /etc && printf '%s\\n' '{PASSWORD}' >pw && chgrp 4321 pw && "
               f"chmod {mode} pw && {PALOMA} setup --tls-ca ca.pem --relay smtp://localhost:{one.port} --password-file pw ann@example.test")
    result = subprocess.run(["unshare", "-m", "sh", "-c", command], capture_output=True, timeout=120,
                            env={**clean_environment(home), "PALOMA_DNS_TIMEOUT": "1"})
    assert result.returncode == 0, result.stderr
    assert (b"the user paloma, cannot read /etc/pw; chgrp" in result.stderr) == is_told and b"ca.pem" not in result.stderr, result.stderr
