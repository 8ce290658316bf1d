"""The way: MX, null MX, SRV, addresses and relays, from a real name server."""
import json

import dns_server
import pytest

ZONES = {
    "good.test": "@ MX 20 mx2\n@ MX 10 mx1\nmx1 A 127.0.0.1\nmx2 A 127.0.0.2\n",
    "same.test": "@ MX 10 mx1.good.test.\n@ MX 20 mx2.good.test.\n",
    "equal.test": "".join(f"@ MX 10 m{i}\nm{i} A 127.0.0.{i + 1}\n" for i in range(1, 5)),
    "null.test": "@ MX 0 .\n",
    "nullplus.test": "@ MX 0 .\n@ MX 10 mx1.good.test.\n",
    "implicit.test": "@ A 127.0.0.1\n",
    "nothing.test": "@ TXT \"no mail here\"\n",
    "dangling.test": "@ MX 10 gone\n",
    "literal.test": "@ MX 10 127.0.0.1.\n",
    "loopback.test": "@ MX 10 m\nm A 127.0.0.1\n",
    "link.test": "@ MX 10 m\nm A 169.254.169.254\nm AAAA fe80::1\n",
    "hostile.test": "@ MX 10 a\\.b\n@ MX 11 a\\000b\n@ MX 12 \\027\\0912J\n@ MX 13 rcpt\\013\\010to\n@ MX 20 mx1.good.test.\n",
    "many.test": "".join(f"@ MX {i} m{i}-{'x' * 40}\nm{i}-{'x' * 40} A 127.0.1.{i}\n" for i in range(1, 101)),
    "ours.test": "@ MX 10 host.ours.test.\nhost A 192.0.2.1\n@ MX 20 other\nother A 192.0.2.2\n",
    "second.test": "@ MX 20 host.ours.test.\n@ MX 10 first\nfirst A 192.0.2.3\n",
    "alias.test": "@ MX 10 a\na CNAME b\nb CNAME c\nc A 127.0.0.1\n",
    "circle.test": "@ MX 10 a\na CNAME b\nb CNAME a\n",
    "xn--bcher-kva.test": "@ MX 10 mx1.good.test.\n",
    "both.test": "@ MX 10 m\nm A 127.0.0.1\nm AAAA ::1\n",
    "submit.test": "_submissions._tcp SRV 10 0 4465 mail\n_submission._tcp SRV 0 0 4587 mail\nmail A 127.0.0.1\n",
}


@pytest.fixture(scope="session")
def names(tmp_path_factory):
    server = dns_server.NameServer(tmp_path_factory.mktemp("dns"), ZONES)
    yield server.address
    server.stop()


@pytest.fixture
def route(paloma, names):
    def ask(*addresses, loopback=True, more=()):
        result = paloma("route", "--json", "-O", f"dns_servers={names}", "-O", f"mx_loopback={'yes' if loopback else 'no'}",
                        "-O", "host_name=host.ours.test", *more, *addresses)
        assert result.stderr == b"", result.stderr
        return result.returncode, json.loads(result.stdout)["ways"]

    return ask


def hosts(way):
    return [endpoint["host"] for endpoint in way["endpoints"]]


def test_mx_in_order_with_addresses(route):
    status, ways = route("a@good.test")
    assert status == 0 and hosts(ways[0]) == ["mx1.good.test", "mx2.good.test"]
    assert [endpoint["addresses"] for endpoint in ways[0]["endpoints"]] == [["127.0.0.1"], ["127.0.0.2"]]
    assert all(endpoint["port"] == 25 and "when offered" in endpoint["tls"] for endpoint in ways[0]["endpoints"])


def test_the_plain_answer_reads_well(paloma, names):
    result = paloma("route", "-O", f"dns_servers={names}", "-O", "mx_loopback=yes", "a@good.test")
    assert result.stdout.decode().splitlines()[0] == "a@good.test: to the MX of its domain"
    assert "mx1.good.test port 25 at 127.0.0.1; TLS when offered, not verified" in result.stdout.decode()


def test_a_host_is_spoken_to_once(route):
    _, ways = route("a@good.test", "b@same.test", "c@GOOD.test")
    assert len(ways) == 1 and [entry["recipient"] for entry in ways[0]["recipients"]] == ["a@good.test", "c@GOOD.test", "b@same.test"]


def test_a_local_name_that_nobody_knows_asks_for_a_relay(paloma, names):
    result = paloma("route", "-O", f"dns_servers={names}", "-O", "host_name=here.good.test", "-O", "local=no", "root")
    assert result.returncode == 68 and b"here.good.test is the name of this host" in result.stdout and b"--relay" in result.stdout


def test_equals_are_shuffled(route):
    firsts = {tuple(hosts(route("a@equal.test")[1][0])) for _ in range(30)}
    assert len(firsts) > 1 and all(sorted(order) == [f"m{i}.equal.test" for i in range(1, 5)] for order in firsts)


@pytest.mark.parametrize("domain,status,words", [
    ("null.test", 68, "takes no mail"), ("missing.good.test", 68, "does not exist"), ("nothing.test", 68, "address"),
    ("dangling.test", 68, "address"), ("literal.test", 68, "host name"), ("unserved.invalid", 75, "looked up"),
    ("circle.test", 75, "address")])
def test_domains_without_a_way(route, domain, status, words):
    got, ways = route(f"a@{domain}")
    assert got == status and words in ways[0]["error"] and ways[0]["endpoints"] == [], ways


def test_null_mx_beside_others_is_ignored(route):
    assert hosts(route("a@nullplus.test")[1][0]) == ["mx1.good.test"]


def test_implicit_mx(route):
    assert hosts(route("a@implicit.test")[1][0]) == ["implicit.test"]


def test_link_local_is_no_mx(route):
    status, ways = route("a@link.test", loopback=False)
    assert status == 68 and ways[0]["endpoints"] == [] and "link-local" in ways[0]["error"]


def test_hostile_labels_are_not_used_nor_shown(paloma, names):
    result = paloma("route", "-O", f"dns_servers={names}", "-O", "mx_loopback=yes", "a@hostile.test")
    assert result.returncode == 0 and b"mx1.good.test" in result.stdout
    assert result.stdout.count(b" port 25 at ") == 1 and all(octet >= 32 or octet == 10 for octet in result.stdout)


def test_more_mx_than_a_datagram_holds(route):
    status, ways = route("a@many.test")
    assert status == 0 and [host.split("-")[0] for host in hosts(ways[0])[:3]] == ["m1", "m2", "m3"]
    assert [endpoint["addresses"] for endpoint in ways[0]["endpoints"][:2]] == [["127.0.1.1"], ["127.0.1.2"]]


def test_loopback_is_no_mx(route):
    status, ways = route("a@loopback.test", loopback=False)
    assert status == 68 and "loopback" in ways[0]["error"]


def test_only_better_hosts_than_ourselves(route):
    status, ways = route("a@ours.test", loopback=False)
    assert status == 78 and "this very host" in ways[0]["error"]
    status, ways = route("a@second.test", loopback=False)
    assert status == 0 and hosts(ways[0]) == ["first.second.test"]


def test_aliases_are_followed(route):
    _, ways = route("a@alias.test")
    assert ways[0]["endpoints"][0]["addresses"] == ["127.0.0.1"]


def test_international_domains(route):
    _, ways = route("a@Bücher.test")
    assert ways[0]["recipients"][0]["recipient"] == "a@xn--bcher-kva.test" and hosts(ways[0]) == ["mx1.good.test"]


def test_families(route):
    assert route("a@both.test", more=["-4"])[1][0]["endpoints"][0]["addresses"] == ["127.0.0.1"]
    assert route("a@both.test", more=["-6"])[1][0]["endpoints"][0]["addresses"] == ["::1"]
    assert sorted(route("a@both.test")[1][0]["endpoints"][0]["addresses"]) == ["127.0.0.1", "::1"]


def test_address_literals(route):
    _, ways = route("a@[127.0.0.9]")
    assert ways[0]["endpoints"][0]["addresses"] == ["127.0.0.9"]
    _, ways = route("a@[IPv6:::1]")
    assert ways[0]["endpoints"][0]["addresses"] == ["::1"]


def test_srv_of_a_domain_prefers_implicit_tls(route):
    _, ways = route("a@elsewhere.example", more=["--relay", "srv://ann@submit.test"])
    endpoint = ways[0]["endpoints"][0]
    assert (endpoint["host"], endpoint["port"], endpoint["implicit_tls"], endpoint["tls"]) == (
        "mail.submit.test", 4465, True, "TLS required and verified")


def test_relay_lists_and_mx_of_a_relay(route):
    _, ways = route("a@x.example", more=["--relay", "smtp://mx2.good.test:2525, smtp:unix:/run/x, mx://good.test"])
    assert hosts(ways[0]) == ["mx2.good.test", "/run/x", "mx1.good.test", "mx2.good.test"]


def test_relays_by_sender_and_routes_by_recipient(paloma, tmp_path):
    (tmp_path / "conf").write_text("""[paloma]
relay = smtp://127.0.0.1:1
[relay work]
url = submission://bob@127.0.0.2   ; a comment
from = bob@work.example, *@corp.example
[route intranet.example]
via = lmtp:unix:/run/lmtp
[route *.reject.example]
via = reject Not from here
[route friend@discard.example]
via = discard
[route here.example]
via = local
[route byrelay.example]
via = relay work
""")

    def ways(*words):
        return json.loads(paloma("route", "--json", "-C", tmp_path / "conf", *words).stdout)["ways"][0]

    assert hosts(ways("x@y.example")) == ["127.0.0.1"]
    assert hosts(ways("-r", "bob+tag@work.example", "x@y.example")) == ["127.0.0.2"]
    assert hosts(ways("-r", "anyone@corp.example", "x@y.example")) == ["127.0.0.2"]
    assert hosts(ways("-r", "bobby@work.example", "x@y.example")) == ["127.0.0.1"]
    assert hosts(ways("x@intranet.example")) == ["/run/lmtp"]
    assert "Not from here" in ways("x@a.reject.example")["error"]
    assert ways("friend@discard.example")["transport"] == "discard" and ways("friend@discard.example")["error"] == ""
    assert ways("x@here.example")["error"] == "There is no user x on this host." and ways("x@here.example")["exit_code"] == 67
    assert ways("root@here.example")["transport"] == "local" and ways("root@here.example")["error"] == ""
    assert ways("x@intranet.example")["transport"] == "lmtp" and ways("x@y.example")["transport"] == "smtp"
    assert ways("-r", "bob@work.example", "x@y.example")["user"] == "bob" and ways("x@y.example")["user"] == ""
    assert hosts(ways("x@byrelay.example")) == ["127.0.0.2"]


def test_the_pin_of_a_relay_is_not_demanded_of_mx_hosts(route, tmp_path):
    (tmp_path / "conf").write_text(f"[paloma]\nrelay = smtp://127.0.0.1\ntls_pin = {'00' * 32}\n[route good.test]\nvia = mx\n"
                                   "[route same.test]\nvia = mx\ntls = verify\n")
    _, ways = route("a@x.example", "a@good.test", "a@same.test", more=["-C", tmp_path / "conf"])
    assert [way["endpoints"][0]["tls"] for way in ways] == ["TLS required, verified by pin", "TLS when offered, not verified", "TLS required and verified"]


def test_a_dead_name_server_is_temporary(paloma):
    result = paloma("send", "--direct", "-O", "dns_servers=127.0.0.1:1", "-O", "dns_timeout=2", "--body", "x", "a@good.test")
    assert result.returncode == 75 and b"good.test" in result.stderr


def test_delivery_to_the_mx(paloma, catcher, names):
    server = catcher()
    result = paloma("send", "--direct", "-O", f"dns_servers={names}", "-O", f"mx_port={server.port}", "-O", "mx_loopback=yes", "--body", "x",
                    "-r", "ann@example.org", "a@good.test", "b@same.test")
    assert result.returncode == 0, result.stderr
    assert "to=<a@good.test>,<b@same.test>" in server.caught()


def test_the_second_mx_takes_what_the_first_does_not(paloma, catcher, names):
    server = catcher(listen="127.0.0.2:0")  # the better one, 127.0.0.1, refuses at this port
    result = paloma("send", "--direct", "-O", f"dns_servers={names}", "-O", f"mx_port={server.port}", "-O", "mx_loopback=yes", "--body", "x",
                    "-r", "ann@example.org", "a@good.test")
    assert result.returncode == 0, result.stderr
    assert b"mx2.good.test" in result.stdout
