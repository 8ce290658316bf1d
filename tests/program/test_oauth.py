"""OAuth inside: a person agrees once, tokens are renewed when they are needed, and what fails defers and is told."""
import base64
import json
import os
import pathlib
import re
import stat
import subprocess
import threading
import urllib.parse

import pytest

import certificates
from conftest import PALOMA, clean_environment
from oauth_server import Provider
from queues import write_hook
from service import until
from test_setup import Terminal

pytestmark = pytest.mark.skipif(b"-curl" in subprocess.run([PALOMA, "--version"], capture_output=True).stdout, reason="built without libcurl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    certificates.make_authority(folder)
    certificates.make_authority(folder, "other")
    certificates.make_certificate(folder, "good", "DNS:localhost")
    return folder


@pytest.fixture
def provider(authority):
    one = Provider(authority / "good.pem")
    yield one
    one.close()


def token_of(line):
    """The token in AUTH XOAUTH2."""
    return re.fullmatch("user=ann\1auth=Bearer (.*)\1\1", base64.b64decode(line.split(" ")[2]).decode())[1]


class Relay:
    """An SMTP server that takes tokens, and the configuration for it."""

    def __init__(self, make_sink, provider, authority, folder):
        self.tokens, self.good = [], None  # None: any
        self.server = make_sink(self.answer)
        self.folder, self.store = folder, folder / "tokens"
        self.lines = {"relay": f"smtp://ann@127.0.0.1:{self.server.port}", "password_in_clear": "yes", "tls": "none", "oauth_client_id": "client 1",
                      "oauth_device_endpoint": f"{provider.url}/device", "oauth_token_endpoint": f"{provider.url}/token", "oauth_scope": "mail offline",
                      "oauth_ca": authority / "ca.pem", "oauth_folder": self.store, "from": "ann@example.org"}
        self.conf = folder / "oauth.conf"
        self.configure()

    def configure(self, **lines):
        self.lines.update(lines)
        self.conf.write_text("[paloma]\n" + "".join(f"{key} = {value}\n" for key, value in self.lines.items() if value is not None))

    def answer(self, session, line):
        if line.startswith("EHLO"):
            return "250-sink.example\r\n250-PIPELINING\r\n250 AUTH XOAUTH2"
        if line.startswith("AUTH"):
            self.tokens.append(token_of(line))
            return "235 2.7.0 in" if self.good is None or self.tokens[-1] == self.good else "535 5.7.8 no"
        return None

    def file(self):
        return self.store / "default"

    def age(self):
        """The token is no new one any more, by the date of the file."""
        now = int(re.search(r"obtained: (\d+)", self.file().read_text())[1])
        self.file().write_text(self.file().read_text().replace(f"obtained: {now}", f"obtained: {now - 300}"))


@pytest.fixture
def relay(sink, provider, authority, tmp_path):
    return Relay(sink, provider, authority, tmp_path)


@pytest.fixture
def log_in(paloma, relay):
    def run():
        result = paloma("oauth", "login", "-C", relay.conf)
        assert result.returncode == 0, result.stderr
        return result
    return run


@pytest.fixture
def send(paloma, relay):
    return lambda: paloma("send", "-C", relay.conf, "-s", "s", "--body", "x", "bob@example.net")


def test_a_device_is_authorized_once_and_tokens_are_kept(log_in, send, provider, relay):
    provider.device_answers = ["authorization_pending", "authorization_pending"]
    said = log_in().stdout.decode()
    assert "Open https://login.example/device on any device and enter the code ABCD-EFGH.\n" in said and "https://login.example/device?code=ABCD-EFGH" in said
    assert f"Logged in as ann. The tokens are kept in {relay.file()}" in said and "access-" not in said and "refresh-" not in said
    assert provider.asked[0] == ("/device", {"scope": "mail offline", "client_id": "client 1"})
    assert [form["grant_type"] for _, form in provider.asked[1:]] == ["urn:ietf:params:oauth:grant-type:device_code"] * 3
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in [relay.store, *relay.store.iterdir()]} == {
        "tokens": 0o700, "default": 0o600, "default.lock": 0o600}
    for _ in range(2):
        assert send().returncode == 0
    assert relay.tokens == ["access-1", "access-1"] and provider.refreshes() == []


def test_a_provider_that_is_asked_too_often_is_asked_less(log_in, provider):
    provider.device_answers = ["slow_down"]
    log_in()
    assert len(provider.asked) == 3


@pytest.mark.parametrize("answer,status", [("access_denied", 77), ("expired_token", 77)])
def test_a_person_who_does_not_agree(paloma, provider, relay, answer, status):
    provider.device_answers = ["authorization_pending", answer]
    result = paloma("oauth", "login", "-C", relay.conf)
    assert result.returncode == status and answer.encode() in result.stderr and b"so it is" in result.stderr and not relay.file().exists()


def test_tokens_are_renewed_and_rotated(log_in, send, provider, relay):
    provider.lifetime = 0
    log_in()
    for _ in range(2):
        result = send()
        assert result.returncode == 0, result.stderr
    assert [form["refresh_token"] for form in provider.refreshes()] == ["refresh-1", "refresh-2"] and relay.tokens == ["access-2", "access-3"]
    assert stat.S_IMODE(relay.file().stat().st_mode) == 0o600 and sorted(path.name for path in relay.store.iterdir()) == ["default", "default.lock"]


def test_a_provider_that_does_not_rotate(log_in, send, provider, relay):
    provider.lifetime, provider.rotates = 0, False
    log_in()
    plain = provider.tokens
    provider.tokens = lambda: (200, {key: value for key, value in plain()[1].items() if key not in ("refresh_token", "expires_in")})
    assert send().returncode == 0 and send().returncode == 0
    assert [form["refresh_token"] for form in provider.refreshes()] == ["refresh-1"], "a lifetime that is not said is an hour"


def test_a_clock_that_was_wrong(log_in, send, provider, relay):
    log_in()
    relay.file().write_text(re.sub("obtained: .*", "obtained: 99999999999", relay.file().read_text()).replace("expires: ", "expires: 9"))
    assert send().returncode == 0 and relay.tokens == ["access-2"]


def test_nobody_has_logged_in(send, provider, relay):
    result = send()
    assert result.returncode == 77 and b"paloma oauth login default" in result.stderr and provider.asked == [] and not relay.store.exists()


def test_tokens_of_another_user_or_client_are_not_used(log_in, send, provider, relay):
    log_in()
    for lines in {"oauth_client_id": "client 2"}, {"oauth_client_id": "client 1", "user": "eve"}:
        relay.configure(**lines)
        result = send()
        assert result.returncode == 77 and b"paloma oauth login default" in result.stderr
    assert relay.tokens == [] and provider.refreshes() == []


def test_a_refused_refresh_defers_and_mail_is_stuck_until_somebody_logs_in(log_in, queue, provider, relay, open_folder):
    provider.lifetime = 0
    log_in()
    provider.good_refresh.clear()
    q = queue()
    told = open_folder / "told"
    lines = {**relay.lines, "retry_first": 3600, "stuck_hook": write_hook(open_folder, f'cat >>"{told}"\n')}
    q.configure(lines)
    id = q.put("bob@example.net")
    q.flush()
    event = until(lambda: told.exists() and told.read_text().endswith("\n") and json.loads(told.read_text()), "the hook")
    assert event["event"] == "stuck" and event["queue_id"] == id and "invalid_grant" in event["reason"] and "paloma oauth login default" in event["reason"]
    assert "status=deferred" in q.log_text() and q.files() != []
    provider.lifetime = 3600
    relay.conf.write_text(q.conf.read_text())
    log_in()
    q.steer("requeue", id)
    q.flush()
    assert q.wait(id) == 0 and relay.tokens[-1].startswith("access-")
    q.wait_runner_ends()


def test_a_provider_that_is_away_defers_and_is_no_alarm(log_in, queue, provider, relay, open_folder):
    provider.lifetime = 0
    log_in()
    provider.refusal = (503, "<html>busy")
    q = queue()
    q.configure({**relay.lines, "retry_first": 3600, "stuck_hook": write_hook(open_folder, f'touch "{open_folder}/told"\n')})
    id = q.put("bob@example.net")
    q.flush()
    until(lambda: "status=deferred" in q.log_text(), "the log")
    assert "503" in q.log_text() and not (open_folder / "told").exists()
    provider.refusal = None
    q.steer("requeue", id)
    q.flush()
    assert q.wait(id) == 0
    q.wait_runner_ends()
    assert not (open_folder / "told").exists()


@pytest.mark.parametrize("refusal,status,told", [
    ((400, {"error": "invalid_client"}), 77, b"invalid_client"), ((401, {"error": "invalid_client"}), 77, b"invalid_client"), ((400, "{}"), 75, b"400"),
    ((429, {"error": "rate"}), 75, b"429"), ((200, "{}"), 75, b"no access token"), ((200, {"access_token": "a b"}), 75, b"no access token"),
    ((200, {"access_token": "x" * 100000}), 75, b"no answer"), ((302, ""), 75, b"302"),
])
def test_answers_that_are_no_token(log_in, send, provider, relay, refusal, status, told):
    provider.lifetime = 0
    log_in()
    provider.refusal = refusal
    before = relay.file().read_bytes()
    result = send()
    assert result.returncode == status and told in result.stderr, result.stderr
    assert relay.file().read_bytes() == before and b"refresh-1" not in result.stderr


def test_a_token_that_still_lasts_is_used_while_the_provider_is_away(log_in, send, provider, relay):
    log_in()
    now = int(re.search(r"obtained: (\d+)", relay.file().read_text())[1])
    relay.file().write_text(re.sub("expires: .*", f"expires: {now + 600}", re.sub("obtained: .*", f"obtained: {now - 3000}", relay.file().read_text())))
    provider.refusal = (503, "")
    assert send().returncode == 0 and relay.tokens == ["access-1"] and len(provider.refreshes()) == 1


def test_a_token_that_the_server_takes_no_more_is_renewed_at_once(log_in, send, provider, relay):
    log_in()
    relay.age()
    relay.good = "access-2"
    for _ in range(2):
        result = send()
        assert result.returncode == 0, result.stderr
    assert relay.tokens == ["access-1", "access-2", "access-2"] and len(provider.refreshes()) == 1


def test_a_new_token_that_is_refused_is_a_refused_login(log_in, send, provider, relay):
    log_in()
    relay.age()
    relay.good = "none"
    result = send()
    assert result.returncode == 77 and b"535 5.7.8 no" in result.stderr and b"renewed" in result.stderr, result.stderr
    assert relay.tokens == ["access-1", "access-2"] and len(provider.refreshes()) == 1
    # nor is it renewed again by the next mail, which comes a moment later
    assert send().returncode == 77 and relay.tokens == ["access-1", "access-2", "access-2"] and len(provider.refreshes()) == 1


def answer_in_words(relay, words, mechanism="OAUTHBEARER"):
    """The server tells in a challenge what is wrong (RFC 7628)."""
    def answer(session, line):
        if line.startswith("EHLO"):
            return f"250-sink.example\r\n250 AUTH {mechanism}"
        if line.startswith("AUTH"):
            token = re.search("auth=Bearer (.*?)\1", base64.b64decode(line.split(" ")[2]).decode())[1]
            relay.tokens.append(token)
            return "235 2.7.0 in" if token == relay.good else "334 " + base64.b64encode(json.dumps(words).encode()).decode()
        return "535 5.7.8 no" if line in ("AQ==", "") else None
    return answer


@pytest.mark.parametrize("mechanism,words,is_renewed", [
    ("OAUTHBEARER", {"status": "invalid_token", "scope": "mail"}, True), ("XOAUTH2", {"status": "401", "schemes": "Bearer"}, True),
    ("OAUTHBEARER", {"status": "insufficient_scope"}, False),
])
def test_a_refusal_in_words(log_in, send, provider, relay, mechanism, words, is_renewed):
    relay.server.answer = answer_in_words(relay, words, mechanism)
    log_in()
    relay.age()
    relay.good = "access-2"
    result = send()
    assert result.returncode == (0 if is_renewed else 77), result.stderr
    assert len(provider.refreshes()) == int(is_renewed) and relay.tokens == ["access-1", "access-2"][:1 + is_renewed]


@pytest.mark.parametrize("refusal,status,told", [((503, ""), 75, b"503"), ((400, {"error": "invalid_grant"}), 77, b"paloma oauth login default")])
def test_a_token_that_is_neither_taken_nor_renewed(log_in, send, provider, relay, refusal, status, told):
    log_in()
    relay.age()
    relay.good, provider.refusal = "access-2", refusal
    result = send()
    assert result.returncode == status and told in result.stderr and b"takes the token of ann no more" in result.stderr, result.stderr
    assert relay.tokens == ["access-1"] and len(provider.refreshes()) == 1


def test_a_worker_behind_its_wall_gets_another_token(log_in, queue, provider, relay, open_folder):
    log_in()
    relay.age()
    relay.good = "access-2"
    q = queue()
    q.configure({**relay.lines, "stuck_hook": write_hook(open_folder, f'touch "{open_folder}/told"\n')})
    ids = [q.put("bob@example.net") for _ in range(2)]
    q.flush()
    assert [q.wait(id) for id in ids] == [0, 0], q.log_text()
    q.wait_runner_ends()
    assert "access-1" in relay.tokens and set(relay.tokens) == {"access-1", "access-2"} and len(provider.refreshes()) == 1
    assert not (open_folder / "told").exists() and "status=deferred" not in q.log_text()


def test_a_worker_whose_new_token_is_refused_is_stuck(log_in, queue, provider, relay, open_folder):
    log_in()
    relay.age()
    relay.good = "none"
    q = queue()
    told = open_folder / "told"
    q.configure({**relay.lines, "retry_first": 3600, "stuck_hook": write_hook(open_folder, f'cat >>"{told}"\n')})
    id = q.put("bob@example.net")
    q.flush()
    event = until(lambda: told.exists() and told.read_text().endswith("\n") and json.loads(told.read_text()), "the hook")
    assert event["event"] == "stuck" and event["queue_id"] == id and "535" in event["reason"] and "renewed" in event["reason"]
    assert relay.tokens == ["access-1", "access-2"] and len(provider.refreshes()) == 1 and q.files() != []
    relay.good = "access-2"
    q.steer("requeue", id)
    q.flush()
    assert q.wait(id) == 0
    q.wait_runner_ends()


def test_a_worker_that_gets_no_other_token_is_no_alarm(log_in, queue, provider, relay, open_folder):
    log_in()
    relay.age()
    relay.good, provider.refusal = "access-2", (503, "")
    q = queue()
    q.configure({**relay.lines, "retry_first": 3600, "stuck_hook": write_hook(open_folder, f'touch "{open_folder}/told"\n')})
    id = q.put("bob@example.net")
    q.flush()
    until(lambda: "status=deferred" in q.log_text(), "the log")
    assert "503" in q.log_text() and len(provider.refreshes()) == 1
    provider.refusal = None
    q.steer("requeue", id)
    q.flush()
    assert q.wait(id) == 0
    q.wait_runner_ends()
    assert not (open_folder / "told").exists()


def test_a_provider_that_is_not_trusted_gets_nothing(log_in, send, provider, relay, authority):
    provider.lifetime = 0
    log_in()
    asked = len(provider.asked)
    relay.configure(oauth_ca=authority / "other.pem")
    result = send()
    assert result.returncode == 75 and b"certificate" in result.stderr and len(provider.asked) == asked


def test_two_processes_renew_once(log_in, home, provider, relay):
    provider.lifetime = 0
    log_in()
    provider.lifetime = 3600
    provider.gate = threading.Event()
    words = [PALOMA, "send", "-C", str(relay.conf), "-s", "s", "--body", "x", "bob@example.net"]
    processes = [subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(home))
                 for _ in range(2)]
    lock = relay.store / "default.lock"
    try:
        provider.wait(lambda: any(form.get("grant_type") == "refresh_token" for _, form in provider.asked))
        until(lambda: re.search(r"-> FLOCK .*:%d " % lock.stat().st_ino, pathlib.Path("/proc/locks").read_text()), "the second process")
    finally:
        provider.gate.set()
        results = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert [status for _, status in results] == [0, 0], results
    assert len(provider.refreshes()) == 1 and relay.tokens == ["access-2", "access-2"]


def test_the_secret_of_the_client(log_in, send, provider, relay, tmp_path):
    secret = tmp_path / "client-secret"
    secret.write_text("s&cret\n")
    secret.chmod(0o600)
    provider.lifetime = 0
    relay.configure(oauth_client_secret_file=secret)
    log_in()
    assert send().returncode == 0 and [form["client_secret"] for _, form in provider.asked] == ["s&cret"] * 3
    secret.chmod(0o644)
    result = send()
    assert result.returncode == 78 and b"chmod 600" in result.stderr


def test_a_folder_that_cannot_be_written_loses_no_token(log_in, send, provider, relay):
    provider.lifetime = 0
    log_in()
    (relay.store / "default.room").mkdir()  # where there is to be room for a token
    result = send()
    assert result.returncode != 0 and provider.refreshes() == [], result.stderr
    (relay.store / "default.room").rmdir()
    assert send().returncode == 0


@pytest.mark.parametrize("text", ["nonsense\n", "expires: soon\n", "what: x\n"])
def test_a_file_that_makes_no_sense(log_in, send, relay, text):
    log_in()
    relay.file().write_text(text)
    result = send()
    assert result.returncode == 78 and b"no file of tokens" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_tokens_that_others_can_read(log_in, send, relay):
    log_in()
    relay.file().chmod(0o644)
    assert send().returncode == 78


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_gets_for_the_service_is_the_services(log_in, send, provider, relay):
    service = 65534
    provider.lifetime = 0
    os.chown(relay.folder, service, service)
    for _ in range(2):
        log_in()
        assert send().returncode == 0
        assert {path.name: path.stat().st_uid for path in [relay.store, *relay.store.iterdir()]} == {
            "tokens": service, "default": service, "default.lock": service}


@pytest.fixture
def browser(home, provider, relay):
    """The way of a provider without a device endpoint, up to the question."""
    relay.configure(oauth_device_endpoint=None, oauth_authorization_endpoint=f"{provider.url}/auth?tenant=1")
    terminal = Terminal(home, "oauth", "login", "-C", relay.conf).expect("The address: ")
    address = re.search(r"^(https://\S+)\r?$", terminal.shown, re.M)[1]
    terminal.fields = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query, strict_parsing=True))
    provider.challenge = terminal.fields["code_challenge"]
    yield terminal
    if terminal.process.poll() is None:
        terminal.process.kill()
        terminal.process.wait()


def test_a_browser_where_there_is_no_device_endpoint(browser, send, relay):
    fields = browser.fields
    assert fields["tenant"] == "1" and fields["response_type"] == "code" and fields["scope"] == "mail offline" and fields["login_hint"] == "ann"
    browser.type(fields["redirect_uri"] + "?" + urllib.parse.urlencode({"state": fields["state"], "code": "code 1&", "scope": "x"}))
    assert browser.end() == 0, browser.shown
    assert send().returncode == 0 and relay.tokens == ["access-1"]


@pytest.mark.parametrize("query,status", [
    ({"state": "another", "code": "code 1&"}, 65), ({"code": "code 1&"}, 65), ({"error": "access_denied"}, 77), ({"code": "wrong"}, 77),
])
def test_a_browser_that_comes_back_with_something_else(browser, relay, query, status):
    if query.get("code") == "wrong":
        query = {**query, "state": browser.fields["state"]}
    browser.type(browser.fields["redirect_uri"] + "?" + urllib.parse.urlencode(query))
    assert browser.end() == status, browser.shown
    assert not relay.file().exists()


@pytest.mark.parametrize("words,lines,status,told", [
    ((), {}, 64, b"login [RELAY]"), (("logout",), {}, 64, b"login"), (("login", "work"), {}, 64, b"[relay work]"),
    (("login",), {"oauth_client_id": None}, 78, b"neither oauth_provider nor oauth_client_id"),
    (("login",), {"oauth_client_id": None, "oauth_provider": "google"}, 78, b"oauth_client_id"),
    (("login",), {"oauth_token_endpoint": None}, 78, b"oauth_token_endpoint"),
    (("login",), {"oauth_provider": "yahoo"}, 78, b"google or microsoft"), (("login",), {"oauth_token_endpoint": "http://x/"}, 78, b"https://"),
    (("login",), {"relay": "smtp://127.0.0.1:1"}, 78, b"no user"),
])
def test_mistakes(paloma, relay, words, lines, status, told):
    relay.configure(**lines)
    result = paloma("oauth", *words, "-C", relay.conf)
    assert result.returncode == status and told in result.stderr, result.stderr


def test_a_relay_of_its_own_name(paloma, sink, provider, relay):
    relay.conf.write_text(relay.conf.read_text().replace("[paloma]\nrelay =", "[relay Work/1]\nurl =").replace("from = ann", "from = *"))
    assert paloma("oauth", "login", "work/1", "-C", relay.conf).returncode == 0
    assert (relay.store / "work%2F1").exists()
    assert paloma("send", "-C", relay.conf, "-r", "x@example.org", "--body", "x", "bob@example.net").returncode == 0


