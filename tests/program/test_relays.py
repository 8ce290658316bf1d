"""Relay URLs and who gets which: every scheme, lists, rules by recipient and sender, and what is refused beforehand."""
import json
import socket

import pytest


def ask(paloma, *words, **rest):
    result = paloma("route", "--json", *words, **rest)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["ways"]


def endpoint(paloma, url, *words):
    return ask(paloma, "--relay", url, "a@b.example", *words)[0]["endpoints"][0]


URLS = [("smtp://127.0.0.1", 25, False, "when offered"), ("submission://127.0.0.1", 587, False, "when offered"),
        ("smtps://127.0.0.1", 465, True, "verified"), ("submissions://127.0.0.1", 465, True, "verified"),
        ("lmtp://127.0.0.1", 24, False, "when offered"), ("127.0.0.1", 25, False, "when offered"), ("127.0.0.1:465", 465, True, "verified"),
        ("127.0.0.1:587", 587, False, "when offered"), ("smtp://ann@127.0.0.1", 25, False, "verified"), ("SMTP://127.0.0.1:26/", 26, False, "when offered"),
        ("smtp://[::1]:26", 26, False, "when offered"), ("smtp://ann%40b@127.0.0.1", 25, False, "verified")]


@pytest.mark.parametrize("url,port,implicit,tls", URLS, ids=[row[0] for row in URLS])
def test_schemes(paloma, url, port, implicit, tls):
    got = endpoint(paloma, url)
    assert (got["port"], got["implicit_tls"]) == (port, implicit) and tls in got["tls"]


@pytest.mark.parametrize("url,transport", [("lmtp:unix:/run/x", "lmtp"), ("smtp:unix:/run/x", "smtp"), ("unix:/run/x", "smtp"), ("lmtp://unix:/run/x", "lmtp")])
def test_unix_sockets(paloma, url, transport):
    way = ask(paloma, "--relay", url, "a@b.example")[0]
    assert way["transport"] == transport and way["endpoints"][0]["host"] == "/run/x" and way["endpoints"][0]["tls"] == "without TLS"


BAD = [("smpt://h", "scheme"), ("smtp://", "no host"), ("smtp://h:0", "port"), ("smtp://h:65536", "port"), ("smtp://h:25:26", "port"),
       ("smtp://ann:secret@h", "password"), ("smtp://a%0ab@h", "control"), ("smtp://a%4@h", "%"), ("smtp://@h", "user"), ("smtp://[::1", "brackets"),
       ("smtp://[mail]", "brackets"), ("smtp://h/x", "character"), ("smtp://h x", "character"), ("smtp://a,,smtp://b", "missing"),
       ("lmtp:unix:run", "path"), ("lmtp:unix:/" + "x" * 200, "too long"), ("srv://127.0.0.1", "domain"), ("mx://[::1]", "domain"),
       ("smtp://" + "a" * 64 + ".example", "63"), ("smtp://a..b", "empty"), ("smtps://ann@a, smtps://bob@b", "user"), ("smtps://ann@a, smtp://b", "user"),
       ("smtp://a, lmtp://b", "LMTP")]


@pytest.mark.parametrize("url,named", BAD, ids=[row[0][:30] for row in BAD])
def test_bad_urls_are_told_wherever_they_stand(paloma, tmp_path, url, named):
    result = paloma("route", "--relay", url, "a@b.example")
    assert result.returncode == 64 and named in result.stderr.decode() and result.stderr.startswith(b"paloma: --relay: "), result.stderr
    (tmp_path / "conf").write_text(f"[paloma]\nrelay = {url}\n")
    result = paloma("route", "-C", tmp_path / "conf", "a@b.example")
    assert result.returncode == 78 and named in result.stderr.decode() and b"/conf:2: " in result.stderr, result.stderr
    result = paloma("route", "a@b.example", env={"PALOMA_RELAY": url})
    assert result.returncode == 78 and named in result.stderr.decode() and b"PALOMA_RELAY: " in result.stderr, result.stderr


@pytest.mark.parametrize("url", ["smpt://ann:s3cret@h", "smtp://ann:s3cret@h:0", "smtp://h, smtp://ann:s3cret@h", "ann:s3cret@h:0"])
def test_a_password_in_a_url_is_not_repeated(paloma, url):
    result = paloma("route", "--relay", url, "a@b.example")
    assert result.returncode == 64 and b"s3cret" not in result.stderr


@pytest.fixture
def conf(paloma, tmp_path):
    """conf(text) gives a function that tells the way to an address under that configuration."""

    def write(text):
        (tmp_path / "conf").write_text(text)
        return lambda *words: ask(paloma, "-C", tmp_path / "conf", *words)[0]

    return write


def test_tls_of_a_route_counts_for_its_relay(conf):
    way = conf("""[relay work]
url = smtp://127.0.0.2
from = *@work.example
[route url.example]
via = smtp://127.0.0.1
tls = require
[route name.example]
via = relay work
tls = verify
[route plain.example]
via = relay work
""")
    assert way("a@url.example")["endpoints"][0]["tls"] == "TLS required, not verified"
    assert way("a@name.example")["endpoints"][0]["tls"] == "TLS required and verified"
    assert "when offered" in way("a@plain.example")["endpoints"][0]["tls"]


def test_a_route_without_via_only_demands(conf):
    way = conf("""[paloma]
relay = smtp://127.0.0.1
[relay work]
url = smtp://127.0.0.2
from = *@work.example
[route bank.example]
tls = require
""")
    for sender, host in ("a@home.example", "127.0.0.1"), ("a@work.example", "127.0.0.2"):
        got = way("-r", sender, "x@bank.example")["endpoints"][0]
        assert (got["host"], got["tls"]) == (host, "TLS required, not verified")
        assert "when offered" in way("-r", sender, "x@shop.example")["endpoints"][0]["tls"]


def test_what_belongs_to_the_relay_is_not_demanded_of_mx_hosts(paloma, conf, tmp_path):
    """A pin or a client certificate is for the one host; with it no MX in the world could be spoken to."""
    way = conf(f"[paloma]\nrelay = smtp://127.0.0.1\ntls_pin = {'00' * 32}\ntls = verify\n")
    assert way("a@b.example")["endpoints"][0]["tls"] == "TLS required, verified by pin"
    words = ("-O", "mx_loopback=yes", "-C", tmp_path / "conf")
    got = ask(paloma, *words, "--direct", "a@[127.0.0.9]")[0]["endpoints"][0]
    assert got["host"] == "127.0.0.9" and got["tls"] == "TLS required and verified"


def test_a_pin_of_a_file_is_not_demanded_of_another_relay(paloma, tmp_path):
    (tmp_path / "conf").write_text(f"[paloma]\nrelay = smtps://127.0.0.1\ntls_pin = {'00' * 32}\ntls_cert = /nowhere\n")
    got = ask(paloma, "-C", tmp_path / "conf", "--relay", "smtps://127.0.0.2", "a@b.example")[0]["endpoints"][0]
    assert got["tls"] == "TLS required and verified"
    got = ask(paloma, "-C", tmp_path / "conf", "a@b.example")[0]["endpoints"][0]
    assert got["tls"] == "TLS required, verified by pin"


def test_international_patterns(conf):
    way = conf("""[paloma]
relay = smtp://127.0.0.1
[relay work]
url = smtp://127.0.0.2
from = *@kühe.example
[route bücher.example]
via = smtp://127.0.0.3
[route *.xn--bcher-kva.example]
via = smtp://127.0.0.4
""")

    def host(*words):
        return way(*words)["endpoints"][0]["host"]

    assert host("a@bücher.example") == host("a@xn--bcher-kva.example") == host("a@BÜCHER.example") == host("jürgen@bücher.example") == "127.0.0.3"
    assert host("a@alte.bücher.example") == "127.0.0.4"
    assert host("-r", "ann@kühe.example", "a@b.example") == host("-r", "ann@xn--khe-hoa.example", "a@b.example") == "127.0.0.2"


def test_a_login_in_a_route_has_no_password(paloma, tmp_path):
    (tmp_path / "conf").write_text("[route b.example]\nvia = submission://bob@127.0.0.1\n")
    result = paloma("route", "-C", tmp_path / "conf", "a@b.example")
    assert result.returncode == 78 and b"conf:2: " in result.stderr and b"[relay NAME]" in result.stderr


@pytest.mark.parametrize("text,named", [
    ("[route x.example]\nvia = relay nobody\n", "[relay nobody]"), ("[relay x]\nfrom = *@x.example\n", "no url"), ("[relay x]\nurl = smtp://h\nfrom = x\n", "*@"),
    ("[route x]\nvia = reject\n", "reject TEXT"), ("[route x]\nvia = local now\n", "local"), ("[route x]\nvia = nonsense://\n", "scheme"),
    ("[route x]\nvai = mx\n", "is via meant?"), ("[rule x]\nvia = mx\n", "[route PATTERN]"), ("[relay]\nurl = smtp://h\n", "[relay NAME]"),
    ("[paloma]\nhelo = two words\n", "helo"), ("[paloma]\nhost_name = a b\n", "host_name"), ("[paloma]\nfamily = 5\n", "family")])
def test_mistakes_have_their_place(paloma, tmp_path, text, named):
    (tmp_path / "conf").write_text(text)
    result = paloma("route", "-C", tmp_path / "conf", "a@b.example")
    assert result.returncode == 78 and named in result.stderr.decode(), result.stderr
    assert result.stderr.count(b"\n") == 1 and not result.stderr.rstrip().endswith((b"?.", b".."))


def test_the_environment_is_a_configuration(paloma, catcher, tmp_path):
    server = catcher()
    env = {"PALOMA_RELAY": server.url, "PALOMA_FROM": "ann@example.org", "PALOMA_HELO": "container.example"}
    result = paloma("send", "--body", "x", "b@example.net", env=env)
    assert result.returncode == 0, result.stderr
    assert "from=<ann@example.org>" in server.caught()
    rows = {row["key"]: row for row in json.loads(paloma("config", "--json", env={**env, "PALOMA_TLS": "none"}).stdout)}
    assert (rows["relay"]["value"], rows["relay"]["origin"]) == (server.url, "PALOMA_RELAY")
    assert (rows["tls"]["value"], rows["tls"]["origin"]) == ("none", "PALOMA_TLS") and rows["timeout"]["origin"] == "default"
    (tmp_path / "conf").write_text("[paloma]\nrelay = smtp://127.0.0.1:1\nhelo = file.example\n")
    rows = {row["key"]: row for row in json.loads(paloma("config", "--json", "-C", tmp_path / "conf", "-O", "tls=require", env=env).stdout)}
    assert rows["helo"]["origin"] == "PALOMA_HELO" and rows["tls"]["value"] == "require"
    rows = {row["key"]: row for row in json.loads(paloma("config", "--json", "-C", tmp_path / "conf").stdout)}
    assert rows["helo"]["value"] == "file.example" and rows["helo"]["origin"].endswith("conf:3")


def test_config_names_the_nearest_key(paloma):
    result = paloma("config", "relai")
    assert result.returncode == 64 and result.stderr == b"paloma: There is no key relai; is relay meant?\n"


@pytest.mark.parametrize("words,named", [(("--tls-cert", "/nonexistent"), "/nonexistent"), (("--tls-cert", "/bin/sh"), "/bin/sh"),
                                         (("--tls", "verify", "--tls-ca", "/nonexistent"), "/nonexistent"), (("--helo", "two words"), "helo"),
                                         (("--user", "ann", "--password-file", "/nonexistent"), "Cannot open /nonexistent")])
def test_what_cannot_work_is_told_before_anything_is_connected_to(paloma, words, named):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        result = paloma("send", "--relay", f"smtp://127.0.0.1:{listener.getsockname()[1]}", "-r", "a@example.org", "--body", "x", "b@example.net",
                        "--timeout", "5", *words)
        assert result.returncode in (64, 66, 78) and named in result.stderr.decode(), result.stderr
        with pytest.raises(BlockingIOError):
            listener.accept()
