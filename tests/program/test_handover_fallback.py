"""Where a mail goes when the first place does not take it."""
import re
import socket

import pytest

from service import IS_ROOT, NOBODY, until

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="only root can be somebody to whom the system's spool is closed")


@pytest.fixture
def place(make_service):
    """A service that does not run, its folder, and a user with a place of his own when he names it."""
    service = make_service(begin=False)
    service.submit.parent.mkdir()
    service.state = service.folder / "state"
    service.state.mkdir()
    service.state.chmod(0o777)
    try:
        service.run("--help")
    except PermissionError:
        pytest.skip("others may not run what is built here")
    return service


def leave_dead_socket(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    path.chmod(0o777)


def to_sink(server):
    """Where direct delivery would end, for user@[127.0.0.1]."""
    return {"PALOMA_MX_PORT": str(server.port), "PALOMA_MX_LOOPBACK": "yes"}


REFUSALS = {
    "dead": None,
    "busy": lambda session, line: "421 4.3.2 not now" if line == "greeting" else None,
    "no sender": lambda session, line: "451 4.3.0 not now" if line.startswith("MAIL") else None,
    "full": lambda session, line: "452 4.3.1 not now" if line.startswith("DATA") else None,
    "late": lambda session, line: "452 4.3.1 not now" if line == "." else None,
}


@pytest.mark.parametrize("words", [["send"], ["send", "--background"], ["sendmail"], ["sendmail", "-odi"]], ids=" ".join)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_mail_that_the_service_does_not_take_goes_no_other_way(place, sink, refusal, words):
    """How mail leaves the host is the service's business: the caller keeps his mail, and hears why."""
    server = sink()
    if refusal == "dead":
        leave_dead_socket(place.submit)
    else:
        sink(REFUSALS[refusal], path=place.submit)
    result = place.run(*words, "you@[127.0.0.1]", input=b"Subject: x\n\ntext\n", **to_sink(server))
    assert (result.returncode, result.stdout) == (75, b"")
    assert re.fullmatch(rb"paloma: The service at \S+/submit.sock has not taken the mail: [^\n]*(refused|not now)[^\n]*\n", result.stderr), result
    assert server.sessions == 0


@pytest.mark.parametrize("mode", ["--queue", "--background", "--wait"])
@pytest.mark.parametrize("refusal", ["dead", "late"])
def test_in_an_own_spool_it_waits_for_the_service(place, sink, refusal, mode):
    server = sink()
    service = None
    if refusal == "dead":
        leave_dead_socket(place.submit)
    else:
        service = sink(REFUSALS[refusal], path=place.submit)
    environment = {**to_sink(server), "XDG_STATE_HOME": str(place.state), "PALOMA_RETRY_FIRST": "1s"}
    result = place.run("send", mode, "you@[127.0.0.1]", "--body", "x", **environment)
    assert result.returncode == (75 if mode == "--wait" else 0), result
    spool = place.state / "paloma" / "queue"
    assert len(list(spool.iterdir())) == 1
    if service:
        service.close()
    place.start()  # in place of the socket that is dead now: without any there would be no service to wait for
    if mode == "--queue":  # its own queue, not the service's
        assert place.run("queue", "flush", PALOMA_SPOOL=str(place.state / "paloma"), **environment).returncode == 0
    until(lambda: not list(spool.iterdir()), "the service")
    (text,) = place.queue().values()
    assert "\nhost: unix\n" in text and f"\nuid: {NOBODY}\n" in text and text.count("\nReceived: ") == 2
    assert server.sessions == 0


@pytest.mark.parametrize("words", [["send"], ["send", "--system"], ["sendmail"]], ids=" ".join)
def test_a_spool_that_the_system_has_elsewhere_is_the_services(place, words):
    """Who cannot write to it hands his mail over, as with the usual one, and sees it in the service's queue."""
    place.start()
    place.spool.chmod(0o700)
    result = place.run(*words, "you@example.org", input=b"Subject: x\n\ntext\n", PALOMA_SPOOL=str(place.spool), XDG_STATE_HOME=str(place.state))
    assert (result.returncode, result.stderr) == (0, b"")
    (id,) = place.queue()
    assert id in place.run("queue", PALOMA_SPOOL=str(place.spool)).stdout.decode()


@pytest.mark.parametrize("own", ["PALOMA_SPOOL", "PALOMA_RELAY"])
def test_who_says_himself_where_mail_goes_does_not_wait_for_the_service(place, sink, own):
    leave_dead_socket(place.submit)
    server = sink()
    environment = {**to_sink(server), "XDG_STATE_HOME": str(place.state), own: str(place.state / "other") if own == "PALOMA_SPOOL" else server.url}
    assert place.run("send", "you@[127.0.0.1]", "--body", "x", **environment).returncode == 0
    assert len(server.mails) == 1


def test_a_service_that_fails_is_passed_over_in_silence(place, sink):
    """What another place has taken is no error, neither in status nor in words."""
    sink(REFUSALS["busy"], path=place.submit)
    run = place.run("send", "--queue", "--from", "me@example.org", "--to", "you@example.org", "--body", "x", XDG_STATE_HOME=str(place.state))
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(b"Queued as ")
    assert len(list((place.state / "paloma" / "queue").iterdir())) == 1


@pytest.mark.parametrize("words", [["send"], ["send", "--background"], ["send", "--wait"], ["sendmail"]], ids=" ".join)
def test_who_is_put_off_by_the_service_is_in_no_queue(place, sink, words):
    """Others were taken; that is no success for him."""
    service = sink(lambda session, line: "450 4.2.0 not him" if "him@" in line else "250 2.0.0 queued as 0123456789ABCDE" if line == "." else None,
                   path=place.submit)
    result = place.run(*words, "you@example.org", "him@example.org", input=b"Subject: x\n\ntext\n", XDG_STATE_HOME=str(place.state))
    assert len(service.mails) == 1
    assert result.returncode == 75 and b"him@example.org was not reached yet: " in result.stderr and b"not him" in result.stderr
    assert b"will be tried again" not in result.stdout + result.stderr


def test_a_mail_that_has_become_several_is_told_of_as_several(make_service):
    service = make_service("--max-recipients", "2")
    result = service.run("send", "--body", "x", *(f"{name}@example.org" for name in "abc"))
    assert result.returncode == 0
    told = set(re.findall(rb"queued as ([0-9A-V]{15})$", result.stdout, re.M))
    assert {id.decode() for id in told} == set(service.queue()) and len(told) == 2


@pytest.mark.parametrize("refused,status", [("a", 67), ("c", 67), ("", 0)])
def test_who_waits_hears_the_fate_of_several(make_service, sink, refused, status):
    server = sink(lambda session, line: "550 5.1.1 no" if refused and line.startswith(f"RCPT TO:<{refused}@") else None)
    service = make_service("--max-recipients", "2", settings=f"relay = {server.url}\n")
    result = service.run("send", "--wait", "--body", "x", *(f"{name}@example.org" for name in "abc"))
    assert result.returncode == status, result
