"""Names of this host: aliases, who a mail comes from, and that none of them leaves it."""
import contextlib
import email
import email.policy
import json
import os
import pwd
import re
import shutil
import subprocess

import pytest

CRON = b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web1> true\n\nout\n"


@pytest.fixture
def host(tmp_path, home, sink, paloma):
    """host(settings, aliases=...) gives a paloma that is this host: send(words, text) gives what the relay gets."""

    class Host:
        def __init__(self, lines="", aliases="", sections="", relay=True):
            self.relay = sink()
            self.aliases = tmp_path / "aliases"
            self.aliases.write_text(aliases)
            self.conf = tmp_path / "paloma.conf"
            self.conf.write_text("[paloma]\nhost_name = web1.example.net\n" + (f"relay = smtp://127.0.0.1:{self.relay.port}\n" if relay else "")
                                 + f"aliases = {self.aliases}\n{lines}\n{sections}".replace("RELAY", f"smtp://127.0.0.1:{self.relay.port}"))

        def run(self, verb, *words, input=b""):
            return paloma(verb, "-C", self.conf, *words, input=input)

        def newaliases(self, *words):
            return paloma("newaliases", *words, env={"PALOMA_ALIASES": str(self.aliases), "PALOMA_HOST_NAME": "web1.example.net"})

        def send(self, *words, input=CRON):
            """(reverse-path, recipients, message) at the relay."""
            done = self.run("send", "-q", "-t", *words, input=input)
            assert done.returncode == 0, done.stderr
            mail = self.relay.mails[-1]
            return mail.sender, mail.recipients, email.message_from_bytes(mail.data, policy=email.policy.default)

    return Host


def original(message):
    return message["X-Original-From"]


def test_a_mail_of_cron_leaves_as_that_of_the_account(host):
    here = host("from = alerts@example.org\ndomain = example.org", "root: me@example.com\n")
    sender, recipients, message = here.send("--envelope-from", "root")
    assert (sender, recipients) == ("alerts@example.org", ["me@example.com"])
    assert message["From"] == '"root on web1 (Cron Daemon)" <alerts@example.org>' and original(message) == "root (Cron Daemon)"
    assert message["To"] == "me@example.com" and message["Subject"] == "Cron <root@web1> true"


@pytest.mark.parametrize("name", ["root", "ROOT", "root@localhost", "root@web1", "Root@Web1.example.net", "root+x", "postmaster", "MAILER-DAEMON"])
def test_an_alias_is_found_under_every_name_of_the_host(host, name):
    here = host("from = alerts@example.org", "root: me@example.com\n")
    _, recipients, message = here.send(name, input=f"To: Admin <{name}>, x@example.com\nFrom: a@example.com\n\n".encode())
    assert recipients == ["me@example.com", "x@example.com"] and message["To"] == "Admin <me@example.com>, x@example.com"


def test_a_list_stays_one_name_in_the_header(host):
    here = host("domain = example.org", "team: ann@example.com,\n  bob@example.com\n")
    _, recipients, message = here.send(input=b"To: team\nCc: carl@example.com\nFrom: a@example.com\n\n")
    assert recipients == ["ann@example.com", "bob@example.com", "carl@example.com"]
    assert message["To"] == "team@example.org" and message["Cc"] == "carl@example.com"


@pytest.mark.parametrize("local", ["yes", "no"])
def test_what_goes_outside_only_is_not_looked_up(host, local):
    here = host(f"local = {local}", "ann: b@example.com\n")
    here.aliases.chmod(0o666)
    done = here.run("send", "-t", input=b"To: ann@example.com\nFrom: a@example.com\n\n")
    assert b"warning" not in done.stderr and here.relay.mails[-1].recipients == ["ann@example.com"]


def test_a_null_client_hands_everything_on_with_its_domain(host):
    here = host("local = no\ndomain = example.org\nfrom_policy = keep", "root: me@example.com\n")
    sender, recipients, message = here.send("bob", "bob@localhost", input=b"To: bob, root\nFrom: web\nReply-To: root\nSender: root@web1\n\n")
    assert recipients == ["bob@example.org", "me@example.com"] and message["To"] == "bob@example.org, me@example.com"
    assert message["From"] == "web@example.org" and message["Sender"] == "root@example.org" and message["Reply-To"] == "me@example.com"
    assert sender == "root@example.org"


@pytest.mark.parametrize("policy,given,sender,field", [
    ("mend", "bob@example.com", "bob@example.com", "bob@example.com"), ("mend", "root@localhost", "acct@example.org", "root on web1 <acct@example.org>"),
    ("always", "Bob <bob@example.com>", "acct@example.org", "Bob <acct@example.org>"), ("keep", "root@localhost", "root@web1.example.net", "root@web1.example.net"),
])
def test_the_relay_says_what_becomes_of_the_sender(host, policy, given, sender, field):
    here = host(f"from = acct@example.org\nfrom_policy = {policy}", "")
    got, _, message = here.send("--envelope-from", given, input=f"From: {given}\nTo: x@example.com\n\n".encode())
    assert (got, message["From"]) == (sender, field)
    assert message["Reply-To"] == ("Bob <bob@example.com>" if policy == "always" else None)
    assert original(message) == (None if given == field else given)


def test_addresses_are_masked_by_a_table(host):
    here = host("", "", "[rewrite www-data]\nsender = web@example.org\n[rewrite *@old.example]\nsender = *@new.example\nrecipient = *@newer.example\n")
    sender, recipients, message = here.send("--envelope-from", "www-data", input=b"From: Ann <ann@old.example>\nTo: bob@old.example\n\n")
    assert (sender, recipients) == ("web@example.org", ["bob@newer.example"])
    assert message["From"] == "Ann <ann@new.example>" and message["To"] == "bob@newer.example"


def own_name():
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    return None


@pytest.mark.skipif(not own_name(), reason="this user has no name")
@pytest.mark.parametrize("words,through", [((), "other"), (("--envelope-from", "root"), "other"), (("--envelope-from", "w@work.example"), "work")])
def test_a_relay_is_chosen_by_the_sender_then_by_the_user(host, paloma, words, through):
    here = host("", "", f"[relay work]\nurl = RELAY\nfrom = w@work.example\n[relay other]\nurl = RELAY\nusers = nobody, {own_name()}\n", relay=False)
    done = here.run("send", "-n", "-t", *words, input=b"From: root\nTo: x@example.com\n\n")
    assert f"[relay {through}]".encode() in done.stdout, done


def test_mail_is_not_lost_over_a_broken_alias(host):
    here = host("local = no\ndomain = example.org", "a: b@@, |/bin/cat, ok@example.com\nb: /var/x\nc: c2\nc2: c\n")
    done = here.run("send", "-t", input=b"To: a, b, c\nFrom: x@example.com\n\n")
    assert done.returncode == 0
    assert here.relay.mails[-1].recipients == ["ok@example.com", "b@example.org", "c2@example.org"]
    assert f"{here.aliases}:1: ".encode() in done.stderr and b"aliases_may_write" in done.stderr and f"{here.aliases}:4: c2 leads back to c".encode() in done.stderr


@pytest.mark.parametrize("unknown,aliases,to,wanted", [
    ("you@example.com", "root: me@example.com\n", "root, bob, x@example.net", ["me@example.com", "you@example.com", "x@example.net"]),
    ("you@example.com", "", "root@localhost, bob+x@web1, postmaster", ["you@example.com"]),
    ("you@example.com", "a: \\a, b\n", "a", ["a@example.org", "you@example.com"]),  # a mailbox that is named as such is one
    ("all", "all: a@example.com, b@example.com\n", "bob", ["a@example.com", "b@example.com"]),
    ("all", "root: me@example.com\n", "bob", ["all@example.org"]),
    ("all", "all: bob, eve@example.com\n", "bob", ["bob@example.org", "eve@example.com"]),
    ("all", "all: all\n", "bob, all", ["all@example.org"]),
    ("relay", "", "bob", ["bob@example.org"]), ("reject", "", "bob", ["bob@example.org"]),
])
def test_names_without_an_entry_where_nothing_is_local(host, unknown, aliases, to, wanted):
    here = host(f"local = no\ndomain = example.org\nunknown_user = {unknown}", aliases)
    assert here.send(input=f"To: {to}\nFrom: x@example.com\n\n".encode())[1] == wanted


def test_who_gets_everybodys_mail_is_told(host):
    here = host("local = no\ndomain = example.org\nunknown_user = you@example.com")
    told = here.run("route", "--from", "x@example.com", "bob").stdout.decode()
    assert told.startswith("alias bob@example.org: you@example.com, as unknown_user says\nfield To: bob becomes To: you@example.com\n"), told


def test_a_caller_names_neither_file_nor_command(host):
    here = host("local = no\ndomain = example.org\naliases_may_write = yes", "")
    here.run("send", "-s", "x", "--body", "x", "--", "|touch@localhost", "/tmp/x", ":include:/etc/passwd")
    assert not here.relay.mails or here.relay.mails[-1].recipients == ["|touch@example.org", "/tmp/x@example.org"]


def test_route_warns_of_a_user_whom_nobody_knows(host):
    here = host("from = alerts@example.org", "", "[relay work]\nurl = RELAY\nusers = nobody-here\n")
    told = here.run("route", "--as", "nobody-here", "bob@example.net")
    assert told.returncode == 0 and b"through [relay work]" in told.stdout
    assert told.stderr == b"paloma: warning: There is no user nobody-here on this host.\n"
    assert here.run("route", "--as", "root", "bob@example.net").stderr == b""


def test_route_prints_every_step(host):
    here = host("from = alerts@example.org", "# names\nroot: admin\nadmin: me@example.com, /var/x\n", "[relay work]\nurl = RELAY\nusers = www-data\n")
    told = here.run("route", "--as", "www-data", "--from", "root (Cron Daemon)", "root").stdout.decode()
    assert told.startswith(f"""alias {here.aliases}:2: root: admin
alias {here.aliases}:3: admin: me@example.com, /var/x
warning: {here.aliases}:3: admin leads to /var/x, which is not done; aliases_may_write = yes allows it.
sender root@web1.example.net becomes alerts@example.org
field To: root becomes To: me@example.com
field From: root (Cron Daemon) becomes From: "root on web1 (Cron Daemon)" <alerts@example.org>
  by from_policy = mend of the relay work
me@example.com: by the sender, through [relay work]
"""), told
    assert here.run("route", "x@example.com").stdout.decode().startswith("x@example.com: through the default relay\n")
    told = json.loads(here.run("route", "--as", "www-data", "--from", "root (Cron Daemon)", "root", "--json").stdout)
    ways = told.pop("ways")
    assert told == {
        "steps": [
            {"kind": "alias", "file": str(here.aliases), "line": 2, "text": "root: admin"},
            {"kind": "alias", "file": str(here.aliases), "line": 3, "text": "admin: me@example.com, /var/x"},
            {"kind": "warning", "file": str(here.aliases), "line": 3,
             "text": "admin leads to /var/x, which is not done; aliases_may_write = yes allows it."},
            {"kind": "sender", "before": "root@web1.example.net", "after": "alerts@example.org"},
            {"kind": "field", "before": "To: root", "after": "To: me@example.com"},
            {"kind": "field", "before": "From: root (Cron Daemon)", "after": 'From: "root on web1 (Cron Daemon)" <alerts@example.org>'},
        ], "reverse_path": "alerts@example.org", "relay": "work", "from_policy": "mend",
    }
    assert ways[0]["recipients"] == [{"recipient": "me@example.com", "reason": "by the sender, through [relay work]"}]
    told = json.loads(here.run("route", "x@example.com", "--json").stdout)
    assert told["steps"] == [] and told["ways"][0]["recipients"] == [{"recipient": "x@example.com", "reason": "through the default relay"}]


def test_route_tells_what_changed_the_sender_and_fields_as_one_line(host):
    here = host("from = alerts@example.org", "", "[relay work]\nurl = RELAY\nfrom = work@example.org\nusers = www-data\n"
                "[rewrite web]\nsender = shop@example.org\n")
    def told(sender, *words):
        return here.run("route", "--as", "www-data", "--from", sender, *words).stdout.decode()
    assert "\nfield From: web becomes From: shop@example.org\n  by a section [rewrite]\n" in told("web", "bob@example.net")
    assert "sender other@web1.example.net becomes work@example.org\n" in told("other", "bob@example.net")
    assert "<work@example.org>\n  by from_policy = mend of the relay work\n" in told("other", "bob@example.net")
    many = [f"somebody-with-a-long-name-{number}" for number in range(5)]
    assert "\nfield To: " + ", ".join(many) + " becomes To: " + ", ".join(f"{name}@web1.example.net" for name in many) + "\n" in "\n" + told("bob@example.net", *many)
    steps = json.loads(told("bob@example.net", "--json", *many))["steps"]
    assert steps == [{"kind": "field", "before": "To: " + ", ".join(many), "after": "To: " + ", ".join(f"{name}@web1.example.net" for name in many)}]



def test_newaliases_tells_what_is_wrong_and_where(host):
    here = host("aliases_may_write = no", "root: me@example.com\nbad: b@@, ok\nnocolon\n: x\nROOT: you\nempty:\na: b\nb: a\nx@y: z\np: |/bin/cat\n")
    (here.aliases.parent / "list").write_text("ok@example.com\nnot ok\n")
    with here.aliases.open("a") as file:
        file.write(f"list: :include:{here.aliases.parent}/list\nlost: :include:{here.aliases.parent}/none\n")
    done = here.newaliases("-v")
    at = [line.split(": ")[2 if "warning" in line else 1] for line in done.stderr.decode().splitlines()]
    assert done.returncode == 65 and done.stdout.decode() == f"{here.aliases}: 12 aliases, longest {len(str(here.aliases.parent)) + 14} bytes, " + done.stdout.decode().split(", ")[2]
    wrong = [f"{here.aliases}:{line}" for line in (2, 3, 4, 5, 6, 8, 9, 10, 12)]
    assert sorted(set(at)) == sorted([*wrong, f"{here.aliases.parent}/list:2"]), done.stderr.decode()
    here.aliases.write_text("root: me@example.com\n")
    done = here.newaliases()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    here.aliases.write_text("root: me@example.com\nROOT: you@example.com\n")
    done = here.newaliases()
    assert (done.returncode, done.stdout) == (0, b"") and done.stderr.decode() == (
        f"paloma: warning: {here.aliases}:2: root has an entry in line 1, which is the one that counts.\n"), "packages call it, and only mistakes are to stop them"


ALIASES = ("root: me@example.com\nteam: nosuch, Root, daemon, a@example.com\n\n"
           "again: team,\n  Nosuch+x@localhost, root+x, daemon+x, \\root, \\team, postmaster, MAILER-DAEMON, elsewhere@example.net\n"
           "nosuch2: nosuch2, x@example.com\nlist: :include:LIST\nowner-list: nosuch3\n")
UNKNOWN = [(2, "team leads to nosuch"), (5, "again leads to Nosuch+x"), (5, "again leads to team"), (6, "nosuch2 leads to nosuch2"), (8, "owner-list leads to nosuch3")]


def test_newaliases_warns_of_names_that_are_nobodys(host):
    here = host()
    included = here.aliases.parent / "list"
    included.write_text("root, b@example.com\nnosuch4\n")
    here.aliases.write_text(ALIASES.replace("LIST", str(included)))
    done = here.newaliases()
    told = [f"paloma: warning: {here.aliases}:{line}: {words}, which is neither an alias nor a user of this host." for line, words in UNKNOWN]
    told.append(f"paloma: warning: {included}:2: This is neither an alias nor a user of this host.")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode().splitlines() == sorted(told), done.stderr.decode()


@pytest.mark.parametrize("settings", [{"UNKNOWN_USER": "root"}, {"UNKNOWN_USER": "all@example.com"}, {"UNKNOWN_USER": "relay", "RELAY": "smtp://127.0.0.1:1"},
                                      {"LOCAL": "no", "RELAY": "smtp://127.0.0.1:1"}, {"MAILBOX": "lmtp:unix:/nonexistent/lmtp"}], ids=str)
def test_newaliases_does_not_warn_of_what_somebody_gets(host, paloma, settings):
    here = host()
    here.aliases.write_text(ALIASES.replace("list: :include:LIST\n", ""))
    env = {"PALOMA_ALIASES": str(here.aliases), "PALOMA_HOST_NAME": "web1.example.net", **{f"PALOMA_{name}": value for name, value in settings.items()}}
    done = paloma("newaliases", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


COUNTS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
struct passwd *getpwnam(const char *name)
{
	FILE *file = fopen(getenv("ASKED_FILE"), "ae");
	fprintf(file, "%s\\n", name);
	fclose(file);
	return ((struct passwd *(*)(const char *))dlsym(RTLD_NEXT, "getpwnam"))(name);
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no compiler")
def test_newaliases_asks_for_each_name_once(host, paloma, tmp_path):
    """A directory service takes its time for each answer."""
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", tmp_path / "counts.so", "-ldl"], input=COUNTS.encode(), check=True)
    here, asked = host(), tmp_path / "asked"
    here.aliases.write_text("".join(f"list{i}: daemon, nosuch, root@localhost\n" for i in range(100)))
    done = paloma("newaliases", env={"PALOMA_ALIASES": str(here.aliases), "LD_PRELOAD": str(tmp_path / "counts.so"), "ASKED_FILE": str(asked),
                                     "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    assert done.returncode == 0 and done.stderr.count(b" leads to nosuch, which is neither") == 100
    assert sorted(asked.read_text().split()) == ["daemon", "nosuch", "root"]


def test_newaliases_warns_where_there_is_no_relay_for_those_who_are_unknown(host, paloma):
    here = host()
    here.aliases.write_text("team: nosuch\n")
    done = paloma("newaliases", env={"PALOMA_ALIASES": str(here.aliases), "PALOMA_UNKNOWN_USER": "relay"})
    assert done.returncode == 0 and b":1: team leads to nosuch, which is neither" in done.stderr


def test_a_list_is_told_of_by_its_owner(host):
    here = host("", "l: a@example.com, b@example.com\nowner-l: boss@example.com\n")
    assert here.send(input=b"To: l\nFrom: x@example.com\n\n")[:2] == ("boss@example.com", ["a@example.com", "b@example.com"])


def test_who_gets_the_mail_of_an_unknown_member_gets_it_from_the_list(host):
    here = host("unknown_user = ca", "l: ghost, a@example.com\nowner-l: boss@example.com\nca: c@example.com, d@example.com\n")
    assert here.send(input=b"To: l\nFrom: x@example.com\n\n")[:2] == ("boss@example.com", ["c@example.com", "d@example.com", "a@example.com"])


MIXED = b"To: l, m, c@example.com\nFrom: x@example.com\nSubject: s\n\n"
LISTS = "l: a@example.com, b@example.com\nowner-l: boss@example.com\nm: d@example.com, e@example.com\nowner-m: m-owner@example.com\n"
WANTED = {("boss@example.com", "a@example.com b@example.com"), ("m-owner@example.com", "d@example.com e@example.com"), ("x@example.com", "c@example.com")}


def test_each_list_of_a_mail_has_its_owner(host):
    here = host("", LISTS)
    done = here.run("send", "-t", input=MIXED)
    assert done.returncode == 0 and {(mail.sender, " ".join(mail.recipients)) for mail in here.relay.mails} == WANTED
    assert done.stdout.startswith(b"Sent to 5 recipients by ")


@pytest.mark.parametrize("mode", ["-odi", "-odb"])
def test_each_list_of_a_mail_has_its_owner_in_the_queue(queue, sink, tmp_path, mode):
    (tmp_path / "aliases").write_text(LISTS)
    relay = sink()
    q = queue(relay=relay.url, host_name="web1.example.net", domain="web1.example.net", aliases=str(tmp_path / "aliases"))
    assert q.run("sendmail", mode, "-t", input=MIXED).returncode == 0
    mails = relay.wait_mails(3)
    assert {(mail.sender, " ".join(mail.recipients)) for mail in mails} == WANTED
    ids = [re.findall(rb"with local id (\w+);", mail.data) for mail in mails]
    assert all(len(found) == 1 for found in ids) and len({found[0] for found in ids}) == 3


@pytest.mark.parametrize("to", ["l, c@example.com", "c@example.com, l", "m, l, c@example.com"])
@pytest.mark.parametrize("refused", ["a@example.com", "c@example.com"])
@pytest.mark.parametrize("code, status", [("550 5.1.1", 67), ("450 4.2.1", 75)])
def test_who_waits_hears_of_every_list(queue, sink, tmp_path, to, refused, code, status):
    (tmp_path / "aliases").write_text(LISTS)
    relay = sink(lambda session, line: f"{code} not now" if line.startswith(f"RCPT TO:<{refused}>") else None)
    q = queue(relay=relay.url, host_name="web1.example.net", domain="web1.example.net", aliases=str(tmp_path / "aliases"))
    done = q.run("send", "--wait", "-t", input=f"To: {to}\nFrom: x@example.com\n\n".encode())
    assert done.returncode == status and refused.encode() in done.stderr and b"Sent to " in done.stdout, done
    left = re.findall(rb"It stays in the queue as (\w+) ", done.stderr)
    assert [id.decode() for id in left] == [id for id in q.files() if status == 75]


@pytest.mark.parametrize("to", ["l", "l, c@example.com"])
@pytest.mark.parametrize("how", ["send", "sendmail"])
def test_the_owner_hears_what_became_of_a_member_when_somebody_waits(queue, sink, tmp_path, how, to):
    (tmp_path / "aliases").write_text(LISTS)
    relay = sink(lambda session, line: "550 5.1.1 nobody" if line.startswith("RCPT TO:<a@") or line.startswith("RCPT TO:<c@") else None)
    q = queue(relay=relay.url, host_name="web1.example.net", domain="web1.example.net", aliases=str(tmp_path / "aliases"))
    words = ("send", "--wait", "-t") if how == "send" else ("sendmail", "-odi", "-oee", "-t")
    done = q.run(*words, input=f"To: {to}\nFrom: x@example.com\n\n".encode())
    assert done.returncode == 67 and b"a@example.com" in done.stderr, done
    relay.wait_mails(2)
    q.wait_runner_ends()
    reports = {mail.recipients[0]: mail for mail in relay.mails if mail.sender == ""}
    # -oee wants its own failures told by mail as well; the two leave in any order
    assert set(reports) == {"boss@example.com", *(["x@example.com"] if how == "sendmail" and to != "l" else [])} and q.files() == []
    report = reports["boss@example.com"].data
    assert b"Final-Recipient: rfc822; a@example.com\r\n" in report and b"c@example.com" not in report.split(b"message/delivery-status")[1].split(b"Content-Type")[0]


def test_where_nothing_is_kept_the_caller_alone_hears_of_a_member(host):
    here = host("queue = never", "l: a@example.com, b@example.com\nowner-l: boss@example.com\n")
    here.relay.answer = lambda session, line: "550 5.1.1 nobody" if line.startswith("RCPT TO:<a@") else None
    done = here.run("send", "-t", input=b"To: l\nFrom: x@example.com\n\n")
    assert done.returncode == 67 and b"a@example.com" in done.stderr and [mail.recipients for mail in here.relay.mails] == [["b@example.com"]]


def test_who_waits_for_the_service_hears_of_every_list(make_service, sink):
    relay = sink(lambda session, line: "550 5.1.1 nobody" if line.startswith("RCPT TO:<a@") else None)
    service = make_service(begin=False)
    (service.folder / "aliases").write_text(LISTS)
    service.configure(f"relay = {relay.url}\naliases = {service.folder}/aliases\n")
    service.start()
    for to, status in (("m@here.example, l@here.example, c@example.com", 67), ("c@example.com, l@here.example", 67), ("m@here.example, c@example.com", 0)):
        done = service.run("send", "--system", "--wait", "-t", input=f"To: {to}\nFrom: x@example.com\n\n".encode())
        assert done.returncode == status and (b"could not be delivered to everybody" in done.stderr) == (status != 0), done


def test_a_submission_is_completed_as_the_rfc_lets_it_be(host):
    here = host("from = Ann <ann@example.org>", "")
    text = b">From bob Mon Jan  1 00:00:00 2024\nReturn-Path: <x@example.com>\nFrom:\nBcc: hidden@example.com\nResent-Bcc: other@example.com\nResent-To: x@example.com\nSubject: caf\xe9\n\n\xe9\n"
    _, recipients, message = here.send("--envelope-to", "x@example.com", input=text)
    assert recipients == ["x@example.com"] and message["From"] == "Ann <ann@example.org>" and message["To"] is None
    assert message["Date"] and message["Message-ID"] and message["Subject"] == "café" and message["Resent-From"] == "Ann <ann@example.org>"
    assert not {"Bcc", "Resent-Bcc", "Return-Path", "Sender"} & set(message.keys())
    assert message["MIME-Version"] == "1.0" and message.get_content_charset() == "unknown-8bit" and message.get_payload(decode=True) == b"\xe9\r\n"
    done = here.run("send", "-t", input=b"Received: x\n" * 51 + b"To: x@example.com\n\n")
    assert done.returncode == 69 and b"goes round in circles" in done.stderr


def test_a_report_to_a_name_of_this_host_follows_its_alias_and_leaves_by_the_account(queue, sink, tmp_path):
    aliases = tmp_path / "aliases"
    aliases.write_text("root: me@example.com\n")
    relay = sink(lambda session, line: "550 5.1.1 nobody" if line.startswith("RCPT TO:<gone@") else None)
    q = queue(relay=relay.url, host_name="web1.example.net", aliases=str(aliases), **{"from": "alerts@example.org"}, from_policy="keep", domain="web1.example.net")
    q.run("sendmail", "-odi", "-oem", "-f", "root@web1", "gone@example.com", input=b"From: root\n\n")
    relay.wait_mails(1)
    report = email.message_from_bytes(relay.mails[0].data, policy=email.policy.default)
    assert (relay.mails[0].sender, relay.mails[0].recipients) == ("", ["me@example.com"])
    assert report["To"] == "me@example.com"
