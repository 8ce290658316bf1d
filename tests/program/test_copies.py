"""One mailbox gets one copy of a mail, by whatever names it is called; another address gets its own."""
import pathlib

import pytest

import machine as machines
from service import until

pytestmark = pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own")


@pytest.fixture
def machine():
    made = machines.Machine()
    yield made
    made.clear()


def told(mails):
    return [mail["Delivered-To"] for mail in mails]


NAMES = ["bob", "Bob", "bob@localhost", "BOB@here.example", "bob@HERE", "bob@localhost.localdomain", "bob@there.example"]


@pytest.mark.parametrize("names, copies", [
    (NAMES, ["bob@here.example"]), (NAMES[::-1], ["bob@there.example"]), (["bob", "all", "list"], ["bob@here.example"]),
    (["all", "Bob"], ["bob@here.example"]), (["bob", "bob+x", "bob+x@localhost", "Bob+X", "BOB+x"], ["bob@here.example", "bob+x@here.example", "Bob+X@here.example"]),
    (["postmaster", "root@localhost"], []),
])
def test_one_mailbox_gets_one_copy(machine, names, copies):
    (machine.folder / "aliases").write_text("all: bob, BOB@localhost, list\nlist: bob@here.example, bob+0@localhost, \\Bob\nbob+0: bob\n")
    sent = machine.send(*names, PALOMA_LOCAL_DOMAINS="there.example")
    assert sent.returncode == 0 and told(machine.mails("bob")) == copies, sent
    assert len(machine.mails("root")) == (0 if copies else 1)


def test_it_does_by_the_service_and_to_nobody_else(machine):
    service = machine.serve()
    assert machine.by_service(service, "bob", "Bob@localhost", "ann", "bob@here.example", input=b"x\n").returncode == 0
    until(lambda: machine.mails("ann"), "the mails")
    until(lambda: not service.queue(), "an empty queue")
    assert len(machine.mails("bob")) == len(machine.mails("ann")) == 1


def test_users_whose_names_differ_by_case_are_two(machine):
    with (machine.folder / "passwd").open("a") as file:
        file.write(f"Bob:x:7003:7003::{machine.folder}:/bin/sh\n")
    assert machine.send("bob", "Bob", "BOB", "Bob@localhost").returncode == 0
    assert told(machine.mails("bob")) == ["bob@here.example"] and told(machine.mails("Bob")) == ["Bob@here.example"]


def test_a_mailbox_by_domain_is_another(machine):
    place = machine.folder / "place"
    place.mkdir()
    place.chmod(0o777)
    sent = machine.send("bob", "Bob@localhost", "bob@there.example", "bob@THERE.example", PALOMA_LOCAL_DOMAINS="there.example", PALOMA_MAILBOX=f"mbox:{place}/%d-%u")
    assert sent.returncode == 0, sent
    assert sorted(path.name for path in place.iterdir() if not path.name.endswith(".lock")) == ["here.example-bob", "localhost-bob", "there.example-bob"]


def test_a_file_of_two_aliases_is_one_mailbox_and_a_command_is_none(machine):
    place = machine.folder / "place"
    place.mkdir()
    place.chmod(0o777)
    (machine.folder / "aliases").write_text(f'a: {place}/file\nb: {place}/file\nc: a, b, "|/usr/bin/tee -a {place}/teed"\nd: "|/usr/bin/tee -a {place}/teed"\n')
    assert machine.send("a", "b", "c", "d", PALOMA_ALIASES_MAY_WRITE="yes").returncode == 0
    assert pathlib.Path(place / "file").read_text().count("Delivered-To: ") == 1
    assert pathlib.Path(place / "teed").read_text().count("Delivered-To: ") == 2


def test_a_host_without_mailboxes_leaves_names_to_its_relay(machine, sink):
    relay = sink()
    assert machine.send("bob", "Bob", "bob@localhost", PALOMA_RELAY=relay.url, PALOMA_LOCAL="no").returncode == 0
    (mail,) = relay.wait_mails(1)
    assert mail.recipients == ["bob@here.example", "Bob@here.example"]
