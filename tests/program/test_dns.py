"""Names that no honest server would give: what a stub on loopback answers, and what paloma makes of it."""
import json
import socket
import socketserver
import struct
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import certificates
import pytest

from ports import free_port


class Stub:
    """A name server that answers with what a function makes of each question, over UDP and TCP."""

    def __init__(self, answer):
        self.asked = []
        self.over_tcp = 0
        stub = self

        def reply(wire, is_tcp):
            query = dns.message.from_wire(wire)
            question = query.question[0]
            name = question.name.to_text().rstrip(".").lower()
            kind = dns.rdatatype.to_text(question.rdtype)
            stub.asked.append((name, kind))
            made = answer(query, name, kind, is_tcp)
            return made.to_wire(max_size=65535) if isinstance(made, dns.message.Message) else made

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                made = reply(self.request[0], False)
                if made is not None:
                    self.request[1].sendto(made, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                length = self.rfile.read(2)
                if len(length) < 2:
                    return
                stub.over_tcp += 1
                made = reply(self.rfile.read(struct.unpack("!H", length)[0]), True)
                if made is not None:
                    self.wfile.write(struct.pack("!H", len(made)) + made)

        self.port = free_port()
        self.tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Tcp)
        self.udp = socketserver.ThreadingUDPServer(("127.0.0.1", self.port), Udp)
        for server in self.tcp, self.udp:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        for server in self.tcp, self.udp:
            server.shutdown()
            server.server_close()


def respond(query, *records, rcode=dns.rcode.NOERROR):
    """records: "name type data", in the order they are to have."""
    message = dns.message.make_response(query, recursion_available=True)
    message.set_rcode(rcode)
    for record in records:
        name, kind, data = record.split(" ", 2)
        message.answer.append(dns.rrset.from_text(name, 60, "IN", kind, data))
    return message


@pytest.fixture
def stub(paloma):
    """stub(answer) starts a server and gives it, and a function that asks for the way to addresses."""
    running = []

    def start(answer, *more):
        server = Stub(answer)
        running.append(server)

        def route(*addresses, wait=20):
            result = paloma("route", "--json", "-O", f"dns_servers=127.0.0.1:{server.port}", "-O", f"dns_timeout={wait}", *more, *addresses)
            assert result.stderr == b"", result.stderr
            return result.returncode, json.loads(result.stdout)["ways"]

        return server, route

    yield start
    for server in running:
        server.stop()


def hosts(way):
    return [endpoint["host"] for endpoint in way["endpoints"]]


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP, dns.rcode.FORMERR])
def test_a_failing_look_up_of_mx_never_becomes_the_host_itself(stub, rcode):
    def answer(query, name, kind, _):
        return respond(query, rcode=rcode) if kind == "MX" else respond(query, f"{name}. A 192.0.2.77")

    server, route = stub(answer)
    status, ways = route("a@fails.test")
    assert status == 75 and ways[0]["endpoints"] == [] and "looked up" in ways[0]["error"]
    assert {kind for _, kind in server.asked} == {"MX"}


def test_silence_is_temporary(stub):
    server, route = stub(lambda *_: None)
    status, ways = route("a@silent.test", wait=1)
    assert status == 75 and "in time" in ways[0]["error"]


def test_addresses_that_cannot_be_looked_up_are_temporary(stub):
    def answer(query, name, kind, _):
        return respond(query, f"{name}. MX 10 mx.test.") if kind == "MX" else respond(query, rcode=dns.rcode.SERVFAIL)

    _, route = stub(answer)
    assert route("a@fails.test")[0] == 75


def test_one_host_that_fails_leaves_the_others(stub):
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, f"{name}. MX 10 bad.test.", f"{name}. MX 20 good.test.")
        if name == "bad.test":
            return respond(query, rcode=dns.rcode.SERVFAIL)
        return respond(query, "good.test. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer)
    status, ways = route("a@half.test")
    assert status == 0 and hosts(ways[0]) == ["good.test"]


def test_a_truncated_answer_is_asked_for_over_tcp(stub):
    def answer(query, name, kind, is_tcp):
        if kind != "MX":
            return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)
        if is_tcp:
            return respond(query, f"{name}. MX 10 mx.test.")
        made = respond(query)
        made.flags |= dns.flags.TC
        return made

    server, route = stub(answer)
    status, ways = route("a@long.test")
    assert status == 0 and hosts(ways[0]) == ["mx.test"] and server.over_tcp > 0


def test_a_truncated_answer_without_tcp_is_temporary(stub):
    def answer(query, name, kind, is_tcp):
        if is_tcp:
            return None
        made = respond(query, f"{name}. MX 10 mx.test.")
        made.flags |= dns.flags.TC
        return made

    _, route = stub(answer)
    assert route("a@long.test")[0] == 75


def test_of_a_hundred_hosts_the_best_are_taken(stub):
    """The order of an answer says nothing; the preferences do."""
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, *[f"{name}. MX {1000 - i} m{i}.test." for i in range(100)])
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer)
    status, ways = route("a@many.test")
    assert status == 0 and hosts(ways[0]) == [f"m{i}.test" for i in range(99, 79, -1)]


def test_ourselves_are_found_among_a_hundred(stub):
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, *[f"{name}. MX {100 + i} m{i}.test." for i in range(99)], f"{name}. MX 5 us.test.", f"{name}. MX 1 best.test.")
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer, "-O", "host_name=us.test")
    assert hosts(route("a@many.test")[1][0]) == ["best.test"]


def test_fifty_addresses(stub):
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, f"{name}. MX 10 mx.test.")
        return respond(query, *[f"{name}. A 192.0.3.{i}" for i in range(1, 51)]) if kind == "A" else respond(query)

    _, route = stub(answer)
    status, ways = route("a@wide.test")
    assert status == 0 and len(ways[0]["endpoints"][0]["addresses"]) == 50


def test_a_host_that_is_named_twice_is_taken_once(stub):
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, f"{name}. MX 30 mx.test.", f"{name}. MX 20 other.test.", f"{name}. MX 10 mx.test.")
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer)
    assert hosts(route("a@twice.test")[1][0]) == ["mx.test", "other.test"]


def test_the_same_hosts_in_another_order_are_another_way(stub):
    """Each domain's preferences count for its own mail (RFC 5321 §5.1)."""
    def answer(query, name, kind, _):
        first, second = ("one", "two") if name in ("a.test", "c.test") else ("two", "one")
        if kind == "MX":
            return respond(query, f"{name}. MX 10 {first}.test.", f"{name}. MX 20 {second}.test.")
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer)
    _, ways = route("x@a.test", "x@b.test", "x@c.test")
    assert ways[1]["records"] == "MX 10 two.test, 20 one.test"
    assert [[entry["recipient"] for entry in way["recipients"]] for way in ways] == [["x@a.test", "x@c.test"], ["x@b.test"]]
    assert [hosts(way) for way in ways] == [["one.test", "two.test"], ["two.test", "one.test"]]


HOSTILE = ["127.0.0.1.", "10.test.", "a\\032b.test.", "a\\000b.test.", "\\027[31m.test.", "-x.test.", "x-.test.", "a\\.b.test.", "x" * 63 + ".test.",
           "\\195\\164.test.", "\\$x\\(id\\).test.", "a/b.test."]


@pytest.mark.parametrize("target", HOSTILE)
def test_hostile_names_of_hosts(stub, paloma, target):
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, f"{name}. MX 10 {target}")
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    server, route = stub(answer)
    status, ways = route("a@evil.test")
    if target.startswith(("10", "x" * 63)):  # unusual, and a host name all the same
        assert status == 0
        return
    assert status == 68 and ways[0]["endpoints"] == [] and "host name" in ways[0]["error"]
    assert {kind for _, kind in server.asked} == {"MX"}
    plain = paloma("route", "-O", f"dns_servers=127.0.0.1:{server.port}", "a@evil.test")
    assert b"\x1b" not in plain.stdout and b"\0" not in plain.stdout


def test_a_circle_of_aliases_and_a_chain_without_end(stub):
    def circle(query, name, kind, _):
        return respond(query, f"{name}. CNAME b.test.", "b.test. CNAME c.test.", f"c.test. CNAME {name}.")

    def chain(query, name, kind, _):
        return respond(query, f"{name}. CNAME n0.test.", *[f"n{i}.test. CNAME n{i + 1}.test." for i in range(40)], f"n40.test. {kind} "
                       + {"MX": "10 mx.test.", "A": "192.0.2.77", "AAAA": "2001:db8::1"}[kind])

    for answer in circle, chain:
        _, route = stub(answer)
        status, ways = route("a@winding.test")
        assert status == 75 and "circles" in ways[0]["error"]


def test_records_about_other_names_are_ignored(stub):
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, "victim.test. MX 10 evil.test.", f"{name}. MX 10 mx.test.")
        return respond(query, "evil.test. A 192.0.2.66", "mx.test. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer)
    assert [(e["host"], e["addresses"]) for e in route("a@mixed.test")[1][0]["endpoints"]] == [("mx.test", ["192.0.2.77"])]


BROKEN = {"empty": lambda w: b"", "header only": lambda w: w[:12], "half": lambda w: w[:len(w) // 2], "one octet less": lambda w: w[:-1],
          "pointer to itself": lambda w: w[:-2] + struct.pack("!H", 0xc000 | (len(w) - 2)),
          "pointer past the end": lambda w: w[:-2] + b"\xff\xff", "counts that lie": lambda w: w[:6] + b"\xff\xff" + w[8:],
          "a query for an answer": lambda w: w[:2] + b"\x01\x00" + w[4:]}


@pytest.mark.parametrize("kind_of_damage", BROKEN)
def test_broken_answers_are_temporary(stub, kind_of_damage):
    def answer(query, name, kind, _):
        made = dns.message.make_response(query)
        made.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "MX", "10 mx.broken.test."))
        return BROKEN[kind_of_damage](made.to_wire())

    _, route = stub(answer)
    status, ways = route("a@broken.test", wait=1)
    assert status == 75 and ways[0]["endpoints"] == []


def test_an_answer_of_64_kib(stub):
    def answer(query, name, kind, is_tcp):
        if kind != "MX":
            return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)
        if not is_tcp:
            made = respond(query)
            made.flags |= dns.flags.TC
            return made
        return respond(query, *[f"{name}. MX {2000 - i} {'m' * 40}{i}.test." for i in range(1000)])

    _, route = stub(answer)
    status, ways = route("a@huge.test")
    assert status == 0 and hosts(ways[0])[0] == "m" * 40 + "999.test"


def test_srv_weights_count(stub):
    """RFC 2782: of equals in priority, one of weight 65535 comes before one of weight 1 nearly always."""
    def answer(query, name, kind, _):
        if kind == "SRV" and name.startswith("_submissions."):
            return respond(query, f"{name}. SRV 0 1 465 light.weights.test.", f"{name}. SRV 0 65535 465 heavy.weights.test.")
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer, "--relay", "srv://weights.test")
    firsts = [hosts(route("a@x.example")[1][0])[0] for _ in range(20)]
    assert firsts.count("heavy.weights.test") >= 19


def test_srv_says_that_there_is_no_such_service(stub):
    def answer(query, name, kind, _):
        return respond(query, f"{name}. SRV 0 0 0 .") if kind == "SRV" else respond(query)

    _, route = stub(answer, "--relay", "srv://none.test")
    status, ways = route("a@x.example")
    assert status == 68 and "SRV" in ways[0]["error"]


def own_address():
    """An address of this host that is not loopback; None when there is none. Nothing is sent: UDP only looks up the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


@pytest.mark.skipif(own_address() is None, reason="this host has no address but loopback")
def test_ourselves_by_address_hide_what_is_no_better(stub):
    """An MX at one of our addresses is this host, whatever it is called; its backups would only bring the mail back."""
    def answer(query, name, kind, _):
        if kind == "MX":
            better = [f"{name}. MX 10 better.test."] if name == "second.test" else []
            return respond(query, *better, f"{name}. MX 20 alias-of-us.test.", f"{name}. MX 20 equal.test.", f"{name}. MX 30 backup.test.")
        if kind != "A":
            return respond(query)
        return respond(query, f"{name}. A {own_address()}" if name == "alias-of-us.test" else f"{name}. A 198.51.100.7")

    _, route = stub(answer)
    status, ways = route("a@first.test")
    assert status == 78 and "this very host" in ways[0]["error"] and ways[0]["endpoints"] == []
    status, ways = route("a@second.test")
    assert status == 0 and hosts(ways[0]) == ["better.test"]


@pytest.mark.parametrize("scheme", ["mx", "srv"])
def test_no_password_for_a_host_that_only_the_dns_named(stub, paloma, catcher, tmp_path, scheme):
    """Whoever can forge the answer can have a certificate for the host it names, but not for the domain that was asked for."""
    certificates.make_authority(tmp_path)
    certificates.make_certificate(tmp_path, "evil", "DNS:evil.test")
    certificates.make_certificate(tmp_path, "below", "DNS:mail.asked.test")
    users = tmp_path / "users"
    users.write_text("ann:secret\n")
    users.chmod(0o600)
    named = {"evil": "evil.test.", "below": "mail.asked.test."}
    for certificate, taken in ("evil", False), ("below", True):
        server = catcher("--tls-cert", tmp_path / f"{certificate}.pem", "--password-file", users, "--require-auth")

        def answer(query, name, kind, _):
            if kind == "MX":
                return respond(query, f"{name}. MX 10 {named[certificate]}")
            if kind == "SRV" and name.startswith("_submission."):
                return respond(query, f"{name}. SRV 0 0 {server.port} {named[certificate]}")
            return respond(query, f"{name}. A 127.0.0.1") if kind == "A" else respond(query)

        names, _ = stub(answer)
        port = f":{server.port}" if scheme == "mx" else ""
        result = paloma("send", "--relay", f"{scheme}://ann@asked.test{port}", "-O", f"dns_servers=127.0.0.1:{names.port}", "--tls-ca", tmp_path / "ca.pem",
                        "-r", "ann@example.org", "--body", "x", "b@example.net", env={"PALOMA_PASSWORD": "secret"})
        assert (result.returncode == 0) == taken, result.stderr
        assert taken or b"another name" in result.stderr


@pytest.mark.parametrize("dead", ["::1", "2001:db8::1", "fe80::1", "::ffff:127.0.0.3"])
def test_a_family_that_does_not_work_costs_nothing(stub, paloma, catcher, dead):
    """The other address of the host is tried, in the same breath, and the mail arrives (RFC 8305)."""
    server = catcher()

    def answer(query, name, kind, _):
        return respond(query, f"{name}. MX 10 mx.test." if kind == "MX" else f"{name}. A 127.0.0.1" if kind == "A" else f"{name}. AAAA {dead}")

    names, _ = stub(answer)
    result = paloma("send", "--direct", "-O", f"dns_servers=127.0.0.1:{names.port}", "-O", f"mx_port={server.port}", "-O", "mx_loopback=yes",
                    "-r", "ann@example.org", "--body", "x", "b@both.test", "c@also.test")
    assert result.returncode == 0, result.stderr
    assert "to=<b@both.test>,<c@also.test>" in server.caught()  # and both domains in one conversation


def test_hosts_that_are_silent_are_not_waited_for_one_by_one(stub, paloma, queue):
    """Each may take five minutes for its greeting (RFC 5321 §4.5.3.2.1); whoever waits for the send has the time of one attempt."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        def answer(query, name, kind, _):
            if kind == "MX":
                return respond(query, *[f"{name}. MX {i} m{i}.test." for i in range(20)])
            return respond(query, f"{name}. A 127.0.0.1") if kind == "A" else respond(query)

        names, _ = stub(answer)
        settings = {"direct": "yes", "dns_servers": f"127.0.0.1:{names.port}", "mx_port": silent.getsockname()[1], "mx_loopback": "yes", "attempt_timeout": 1}
        result = paloma("send", *[word for key, value in settings.items() for word in ("-O", f"{key}={value}")], "-r", "ann@example.org",
                        "--body", "x", "b@silent.test")
        assert result.returncode == 75 and b"attempt_timeout = 1)" in result.stderr, result.stderr
        q = queue(**settings, retry_first="1h")
        result = q.send("b@silent.test")
        assert result.returncode == 0 and b"attempt_timeout" in result.stderr and b"stays in the queue" in result.stderr, result.stderr
        [message] = q.list()
        assert message["recipients"][0]["address"] == "b@silent.test"


def test_every_host_is_asked_before_mail_is_given_up(stub, paloma):
    """Two hundred addresses, none of which answers: told once, with each of them that was tried, and soon."""
    def answer(query, name, kind, _):
        if kind == "MX":
            return respond(query, *[f"{name}. MX {i} m{i}.test." for i in range(20)])
        return respond(query, *[f"{name}. A 127.0.1.{i}" for i in range(1, 11)]) if kind == "A" else respond(query)

    names, _ = stub(answer)
    result = paloma("send", "--direct", "-O", f"dns_servers=127.0.0.1:{names.port}", "-O", "mx_port=1", "-O", "mx_loopback=yes",
                    "-r", "ann@example.org", "--body", "x", "b@dead.test")
    assert result.returncode == 75 and result.stderr.count(b"\n") == 1 and b"Connection refused" in result.stderr


def test_a_domain_that_is_silent_leaves_the_others(stub):
    def answer(query, name, kind, _):
        if name == "silent.test":
            return None
        if kind == "MX":
            return respond(query, f"{name}. MX 10 mx.good.test.")
        return respond(query, f"{name}. A 192.0.2.77") if kind == "A" else respond(query)

    _, route = stub(answer)
    status, ways = route("a@silent.test", "b@good.test", wait=6)
    found = {way["recipients"][0]["recipient"]: way for way in ways}
    assert status == 75 and "in time" in found["a@silent.test"]["error"]
    assert hosts(found["b@good.test"]) == ["mx.good.test"], found
