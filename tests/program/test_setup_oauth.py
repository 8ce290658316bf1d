"""paloma setup with OAuth tokens: the server says that it takes them, the provider is described, a person logs in, and it is written."""
import base64
import re
import stat
import urllib.parse

import pytest

from test_oauth import authority, provider, pytestmark  # noqa: F401
from test_setup import Terminal, settings_of


class Server:
    """An SMTP server that tells how one may log in, and takes one token or password."""

    def __init__(self, make_sink, mechanisms):
        self.mechanisms, self.good, self.logins = mechanisms, "access-1", []
        self.sink = make_sink(self.answer)
        self.url = f"smtp://127.0.0.1:{self.sink.port}"

    def answer(self, session, line):
        if line.startswith("EHLO"):
            return f"250-sink.example\r\n250 AUTH {self.mechanisms}"
        if line.startswith("AUTH"):
            _, mechanism, word = line.split(" ")
            self.logins.append((mechanism, base64.b64decode(word).decode()))
            return "235 2.7.0 in" if self.good in self.logins[-1][1] else "535 5.7.8 no"
        return None


@pytest.fixture
def server(sink):
    return lambda mechanisms="XOAUTH2": Server(sink, mechanisms)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "tokens"


BASE = ("setup", "--user", "-O", "tls=none", "-O", "password_in_clear=yes", "ann@example.test")


@pytest.fixture
def base(authority, store):  # noqa: F811
    return (*BASE, f"--set=oauth_ca={authority}/ca.pem", f"--set=oauth_folder={store}")


@pytest.fixture
def described(base, provider):  # noqa: F811
    """With all that is to be known of the provider."""
    lines = {"client_id": "client 1", "device_endpoint": f"{provider.url}/device", "token_endpoint": f"{provider.url}/token", "scope": "mail offline"}
    return (*base, *(f"--set=oauth_{key}={value}" for key, value in lines.items()))


def lines_of(home):
    return dict(re.findall(r"(?m)^(\w+) = (.*)$", settings_of(home).read_text()))


def converse(terminal, *talk):
    for question, answer in talk:
        terminal.expect(question).type(answer)
    return terminal


def test_a_device_logs_in_and_mail_leaves(paloma, home, server, described, provider, store):  # noqa: F811
    one = server()
    result = paloma(*described, "--oauth", "--relay", one.url, "--test")
    assert result.returncode == 0, result.stderr
    said = result.stdout.decode()
    assert "Open https://login.example/device on any device and enter the code ABCD-EFGH.\n" in said
    assert "takes the token of ann@example.test" in said and f"Wrote {settings_of(home)}.\n" in said and "access-" not in said
    assert one.logins == [("XOAUTH2", "user=ann@example.test\1auth=Bearer access-1\1\1")] * 2 and len(one.sink.mails) == 1
    lines = lines_of(home)
    assert lines["relay"] == one.url and lines["user"] == lines["from"] == "ann@example.test" and lines["oauth_client_id"] == "client 1"
    assert lines["oauth_token_endpoint"] == f"{provider.url}/token" and lines["oauth_folder"] == str(store) and "password_file" not in lines
    assert paloma("send", "-s", "later", "--body", "x", "bob@example.net").returncode == 0 and len(one.sink.mails) == 2
    assert provider.refreshes() == []


def test_what_is_not_said_is_asked_for(home, server, base, provider):  # noqa: F811
    terminal = converse(Terminal(home, *base, "--relay", server().url), ("Whose tokens are they?", f"{provider.url}/token"),
                        ("The URL where a device begins", f"{provider.url}/device"), ("The scope to ask for", "mail offline"), ("The client id", "client 1"))
    terminal.expect("The secret of this client")
    assert terminal.is_silent()
    terminal.type("s&cret")
    assert terminal.end() == 0, terminal.shown
    assert "takes no password, only OAuth tokens." in terminal.shown and "s&cret" not in terminal.shown
    assert provider.asked[0] == ("/device", {"scope": "mail offline", "client_id": "client 1", "client_secret": "s&cret"})
    secret = settings_of(home).parent / "oauth-client-secret"
    assert secret.read_text() == "s&cret\n" and stat.S_IMODE(secret.stat().st_mode) == 0o600
    lines = lines_of(home)
    assert lines["oauth_client_secret_file"] == str(secret) and lines["oauth_token_endpoint"] == f"{provider.url}/token"
    assert lines["oauth_device_endpoint"] == f"{provider.url}/device" and lines["oauth_scope"] == "mail offline" and "oauth_provider" not in lines


def test_a_browser_where_a_device_cannot(home, server, base, provider):  # noqa: F811
    terminal = converse(Terminal(home, *base, "--relay", server().url, "--oauth"), ("Whose tokens are they?", f"{provider.url}/token"),
                        ("The URL where a device begins", ""), ("The URL for the browser", f"{provider.url}/auth"), ("The scope to ask for", ""),
                        ("The client id", "client 1"), ("The secret of this client", ""))
    address = re.search(r"(?m)^(https://\S+)\r?$", terminal.expect("The address: ").shown)[1]
    fields = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    provider.challenge = fields["code_challenge"]
    terminal.type("http://127.0.0.1:8642/?" + urllib.parse.urlencode({"code": "code 1&", "state": fields["state"]}))
    assert terminal.end() == 0, terminal.shown
    assert lines_of(home)["oauth_authorization_endpoint"] == f"{provider.url}/auth" and "oauth_client_secret_file" not in lines_of(home)


def test_a_server_that_takes_both_is_a_question(home, server, base):
    one = server("PLAIN XOAUTH2")
    terminal = converse(Terminal(home, *base, "--relay", one.url), ("takes a password or OAuth tokens. Log in with tokens? [y/N] ", "y"),
                        ("Whose tokens are they?", "yahoo"), ("The client id", "client 1"), ("The secret of this client", ""))
    assert terminal.end() == 64 and "google or microsoft" in terminal.shown and one.logins == [], terminal.shown
    terminal = converse(Terminal(home, *base, "--relay", one.url), ("Log in with tokens? [y/N] ", ""),
                        ("Password of ann@example.test: ", "access-1"))
    assert terminal.end() == 0, terminal.shown
    assert one.logins == [("PLAIN", "\0ann@example.test\0access-1")] and "oauth_provider" not in lines_of(home)


def test_a_token_that_the_server_refuses_is_written_nowhere(paloma, home, server, described):
    one = server()
    one.good = "another"
    result = paloma(*described, "--relay", one.url)
    assert result.returncode == 77 and b"535" in result.stderr and len(one.logins) == 1 and not settings_of(home).exists(), result.stderr


def test_a_person_who_does_not_agree(paloma, home, server, described, provider):  # noqa: F811
    provider.device_answers = ["access_denied"]
    one = server()
    result = paloma(*described, "--relay", one.url)
    assert result.returncode == 77 and b"access_denied" in result.stderr and one.logins == [] and not settings_of(home).exists()


def test_a_server_without_tokens_is_told_before_a_person_is_asked(paloma, home, server, described, provider):  # noqa: F811
    result = paloma(*described, "--relay", server("PLAIN LOGIN").url)
    assert result.returncode == 69 and b"takes no OAuth tokens; it offers to log in by PLAIN LOGIN" in result.stderr and provider.asked == []


def test_a_password_where_only_tokens_are_taken(paloma, home, server, tmp_path):
    password = tmp_path / "password"
    password.write_text("x\n")
    password.chmod(0o600)
    one = server("XOAUTH2 OAUTHBEARER")
    result = paloma(*BASE, "--relay", one.url, "--password-file", password)
    assert result.returncode == 69 and b"takes no password, only OAuth tokens (XOAUTH2 OAUTHBEARER)" in result.stderr, result.stderr
    assert b"paloma setup --oauth" in result.stderr and one.logins == []
    result = paloma(*BASE, "--relay", one.url, "--password-file", password, "--oauth")
    assert result.returncode == 64 and b"one or the other" in result.stderr


def test_tokens_of_somebody_else_stay_unless_told_otherwise(paloma, home, server, described, provider, store):  # noqa: F811
    one = server()
    assert paloma(*described, "--relay", one.url).returncode == 0
    kept = (store / "default").read_text()
    settings_of(home).unlink()
    result = paloma(*described, "--relay", one.url, "--login", "eve", start_new_session=True)
    assert result.returncode == 73 and f"{store}/default is there already" in result.stderr.decode() and (store / "default").read_text() == kept
    one.good = "access-2"
    assert paloma(*described, "--relay", one.url, start_new_session=True).returncode == 0, "one's own are replaced"
    settings_of(home).unlink()
    one.good = "access-3"
    assert paloma(*described, "--relay", one.url, "--login", "eve", "--force").returncode == 0
    assert "user: eve\n" in (store / "default").read_text()


@pytest.mark.parametrize("missing", ["client_id", "token_endpoint"])
def test_without_a_terminal_it_is_told_what_to_say(paloma, server, described, provider, missing):  # noqa: F811
    words = [word for word in described if f"oauth_{missing}" not in word]
    result = paloma(*words, "--relay", server().url, start_new_session=True)
    told = {"client_id": b"--set oauth_client_id=VALUE", "token_endpoint": b"--set oauth_provider=VALUE"}[missing]
    assert result.returncode == 64 and told in result.stderr and provider.asked == [], result.stderr


def test_a_command_that_prints_tokens(paloma, home, server, provider):  # noqa: F811
    one = server()
    result = paloma(*BASE, "--relay", one.url, "--set", "oauth_token_command=echo access-1")
    assert result.returncode == 0, result.stderr
    assert lines_of(home)["oauth_token_command"] == "echo access-1" and len(one.logins) == 1 and provider.asked == []
