"""paloma serve from its start to its end: sockets, users, signals, the service manager, and deaths."""
import os
import pathlib
import re
import signal
import socket
import sys
import threading

import pytest
from processes import children_of, has_ended
from service import IS_ROOT, MAIL, NOBODY, queued, until

root_only = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")

# Becomes paloma with sockets as a service manager gives them: argv is PATH ... -- COMMAND.
LAUNCHER = """
import os, socket, sys
paths = sys.argv[1:sys.argv.index("--")]
sockets = [socket.socket(socket.AF_UNIX) for _ in paths]
for number, (one, path) in enumerate(zip(sockets, paths)):
    one.bind(path)
    os.chmod(path, 0o666)
    one.listen()
    os.dup2(one.fileno(), 100 + number)
for number in range(len(paths)):
    os.dup2(100 + number, 3 + number)
    os.close(100 + number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)), LISTEN_FDNAMES="x:y")
os.execvp(sys.argv[len(paths) + 2], sys.argv[len(paths) + 2:])
"""


def users_of(pid):
    return re.search(r"^Uid:\t(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1].split("\t")


# Sockets and users


@root_only
def test_root_becomes_the_owner_of_the_spool(make_service):
    service = make_service(owner=NOBODY)
    caller = service.call()
    id = caller.mail()
    assert users_of(service.process.pid) == users_of(service.runner()) == ["65534"] * 4
    assert (service.spool / "queue" / id).stat().st_uid == NOBODY
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    assert "\nGroups:\t \n" in status and re.search(r"^CapEff:\t0+$", status, re.M)


def test_everybody_may_connect_whatever_the_umask_is(make_service):
    service = make_service(umask=0o077)
    assert service.submit.parent.stat().st_mode & 0o777 == 0o755
    assert [path.stat().st_mode & 0o777 for path in (service.submit, service.control)] == [0o666] * 2


def test_a_socket_in_use_is_left_alone(service, make_service):
    second = make_service(begin=False)
    second.submit = service.submit
    second.configure("relay = smtp://127.0.0.1:1\n")
    with pytest.raises(AssertionError, match="Another process listens at"):
        second.start()
    assert second.process.wait(60) == 69
    assert service.call().mail() in service.queue()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_socket_is_left_alone(make_service, kind):
    service = make_service(begin=False)
    service.submit.parent.mkdir()
    precious = service.folder / "precious"
    precious.write_text("kept")
    if kind == "file":
        service.submit.write_text("kept")
    else:
        service.submit.symlink_to(precious)
    with pytest.raises(AssertionError, match="is no socket"):
        service.start()
    assert precious.read_text() == "kept" and service.submit.read_text() == "kept"
    assert [path.name for path in service.submit.parent.iterdir()] == ["submit.sock"]


def test_a_socket_of_somebody_else_is_not_removed(service):
    service.submit.unlink()
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(service.submit))
    assert service.stop() == 0
    assert service.submit.exists() and not service.control.exists()
    other.close()


# The service manager


def test_sockets_are_taken_from_the_service_manager(make_service):
    service = make_service(begin=False)
    service.submit.parent.mkdir()
    service.launcher = [sys.executable, "-c", LAUNCHER, str(service.submit), str(service.control), "--"]
    service.start()
    assert service.listens == ["descriptor 3", "descriptor 4"]
    id = service.call(NOBODY).mail()
    assert id in service.run("queue", "list").stdout.decode()
    environment = pathlib.Path(f"/proc/{service.runner()}/environ").read_bytes()
    assert service.stop() == 0
    assert service.submit.exists(), "it is the manager's"
    assert environment


def test_sockets_for_another_process_are_not_taken(make_service):
    service = make_service(environment={"LISTEN_PID": "1", "LISTEN_FDS": "2"})
    assert service.listens == [str(service.submit), str(service.control)]


def test_a_descriptor_that_does_not_listen_is_refused(make_service):
    service = make_service(begin=False, launcher=[sys.executable, "-c", LAUNCHER.replace("    one.listen()\n", ""), "/tmp/x", "--"])
    service.launcher[3] = str(service.folder / "x")
    with pytest.raises(AssertionError, match="Descriptor 3, given by the service manager, is no socket that listens"):
        service.start()


@pytest.fixture(params=["path", "abstract"])
def notified(request, make_service):
    """A service, and the socket on which it tells how it is."""
    service = make_service(begin=False)
    name = f"\0paloma-test-{os.getpid()}" if request.param == "abstract" else str(service.folder / "notify")
    service.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    service.notify.bind(name)
    service.notify.settimeout(60)
    service.environment = {"NOTIFY_SOCKET": name.replace("\0", "@")}
    yield service
    service.notify.close()


def test_the_service_manager_is_told(notified):
    notified.start()
    hear = lambda: notified.notify.recv(1000).decode()
    assert hear() == "READY=1"
    notified.process.send_signal(signal.SIGHUP)
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", hear())
    assert hear() == "READY=1"
    notified.process.terminate()
    assert hear() == "STOPPING=1"
    assert notified.process.wait(60) == 0


def test_the_watchdog_is_fed(notified):
    notified.environment["WATCHDOG_USEC"] = "100000"
    notified.start()
    heard = [notified.notify.recv(1000) for _ in range(5)]
    assert heard == [b"READY=1"] + [b"WATCHDOG=1"] * 4


# Signals


def test_a_mail_that_is_coming_in_is_heard_to_its_end(service):
    idle, busy, chunks = service.call(), service.call(), service.call()
    assert idle.reply().startswith("220 ") and idle.say("EHLO x").startswith("250")
    busy.begin()
    busy.send("Subject: in the middle\r\n")
    chunks.reply(), chunks.say("EHLO x"), chunks.say("MAIL FROM:<me@example.org>"), chunks.say("RCPT TO:<you@example.org>")
    assert chunks.say("BDAT 12\r\nSubject: x").startswith("250 ")
    service.process.terminate()
    assert idle.reply() == "421 4.4.2 here.example is shutting down\r\n" and idle.is_closed()
    id = queued(busy.say("\r\ntext\r\n."))
    other = queued(chunks.say("BDAT 8 LAST\r\n\r\ntext"))
    assert busy.reply().startswith("421 ") and busy.is_closed()
    assert service.process.wait(60) == 0
    assert {id, other} == set(service.queue())


def test_a_mail_that_was_answered_is_there_after_the_end(service):
    id = service.call().mail()
    service.process.terminate()
    assert service.process.wait(60) == 0
    assert list(service.queue()) == [id]


def test_who_never_ends_his_mail_does_not_keep_the_service(service):
    caller = service.call()
    caller.begin()
    service.process.terminate()
    assert service.process.wait(60) == 0
    assert caller.is_closed() and service.queue() == {}


def test_a_caller_who_waits_for_a_fate_is_told_of_the_end(service):
    id = service.call(NOBODY).mail()
    caller = service.call(address=str(service.control))
    words = f"queue\0wait\0plain\0id={id}\0"
    caller.send(f"paloma 1 4 {len(words)}\n{words}")
    until(lambda: len(service.sessions()) == 2, "the connection")
    service.process.terminate()
    assert b"The service is shutting down." in caller.file.read()
    assert service.process.wait(60) == 0


def test_a_caller_who_goes_does_not_leave_his_errand_behind(service):
    id = service.call(NOBODY).mail()
    service.callers[0].close()
    caller = service.call(address=str(service.control))
    words = f"queue\0wait\0plain\0id={id}\0"
    caller.send(f"paloma 1 4 {len(words)}\n{words}")

    pid = until(lambda: [child for session in service.sessions() for child in children_of(session)], "the errand")[0]
    caller.close()
    until(lambda: has_ended(pid), "its end")


def test_the_configuration_is_read_again(service):
    assert "SIZE 0\r\n" in ehlo(service)
    service.configure("relay = smtp://127.0.0.1:1\nmax_size = 12345\n")
    service.process.send_signal(signal.SIGHUP)
    service.logged(r"paloma/serve\[\d+\]: The configuration has been read again\.$")
    service.logged(r"paloma/qmgr\[\d+\]: The configuration has been read again\.$")
    assert "has died" not in service.log.read_text(), "a signal came before the runner had its ears open"
    assert "SIZE 12345\r\n" in ehlo(service)
    service.configure("relais = x\n")
    service.process.send_signal(signal.SIGHUP)
    service.logged(r"paloma/serve\[\d+\]: The configuration stays as it was: .*paloma\.conf:6: ")
    assert "SIZE 12345\r\n" in ehlo(service)
    service.conf.unlink()
    service.process.send_signal(signal.SIGHUP)
    for who in "serve", "qmgr":
        service.logged(rf"paloma/{who}\[\d+\]: The configuration stays as it was: The configuration .*paloma\.conf does not exist\.$")
    assert "SIZE 12345\r\n" in ehlo(service)


def test_after_a_reload_mail_goes_the_new_way(make_service, sink):
    old, new = sink(), sink()
    service = make_service(settings=f"relay = {old.url}\n")
    service.call().mail()
    old.wait_mails(1)
    until(lambda: not service.queue(), "the end of the mail")  # or the runner has some seconds for it, and the next one is not told
    service.configure(f"relay = {new.url}\n")
    service.process.send_signal(signal.SIGHUP)
    service.logged(r"paloma/qmgr\[\d+\]: The configuration has been read again\.$")
    service.call().mail()
    new.wait_mails(1)
    assert len(old.mails) == 1


def test_a_reload_does_not_wait_for_a_server_that_hangs(make_service, sink):
    let_go = threading.Event()
    hanging, other = sink(begin=lambda session: let_go.wait(60)), sink()
    service = make_service(settings=f"relay = {hanging.url}\n")
    first = service.call().mail()
    hanging.wait(lambda _: hanging.sessions == 1)
    service.configure(f"relay = {other.url}\n")
    service.process.send_signal(signal.SIGHUP)
    service.call().mail()
    other.wait_mails(1)
    let_go.set()  # and what was under way comes to its end, once
    until(lambda: first not in service.queue(), "the end of the first mail")
    assert len(hanging.mails) == 1 and len(other.mails) == 1


def ehlo(service):
    caller = service.call()
    caller.reply()
    return caller.say("EHLO x")


def test_reloading_leaves_no_descriptor_behind(service):
    counts = []
    for count in range(1, 6):
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.log.exists() and len(re.findall(r"paloma/serve.*read again", service.log.read_text())) == count, "the reload")
        counts.append(len(os.listdir(f"/proc/{service.process.pid}/fd")))
    until(lambda: len(os.listdir(f"/proc/{service.process.pid}/fd")) <= counts[0], f"the end of what is open for a while only {counts}")


# Deaths


def test_a_runner_that_dies_is_started_again(make_service, catcher):
    server = catcher("--exit-after", 1000)
    service = make_service(settings=f"relay = {server.url}\n")
    runner = service.runner()
    os.kill(runner, signal.SIGKILL)
    service.logged(r"paloma/serve\[\d+\]: The runner of the queue has died \(signal 9\) and is started again\.$")
    service.call().mail()
    assert server.mail()["Subject"] == "kept"
    assert service.runner() != runner


def test_a_service_that_is_killed_loses_no_mail_it_has_answered(make_service):
    service = make_service()
    answered = set()
    for round_ in range(5):
        callers = [service.call() for _ in range(4)]
        for caller in callers:
            caller.begin()
        for caller in callers[:2]:
            answered.add(queued(caller.say(MAIL + ".")))
        for caller in callers[2:]:
            caller.send(MAIL)
        answered.add(callers[0].mail(hello=None))
        service.process.kill()
        service.process.wait(60)
        service.process.stdout.close(), service.process.stderr.close()
        for caller in callers:
            caller.close()
        service.start()
    queue = service.queue()
    assert answered == set(queue) and len(answered) == 15
    assert all(re.search(MAIL + r"end: \d{20} [0-9a-f]{8}$", text, re.M) for text in queue.values())


def test_the_runner_ends_with_the_service(service):
    runner = service.runner()
    service.process.kill()
    until(lambda: has_ended(runner), "its end")
    service.process.wait(60)


def test_a_connection_is_confined_and_stores_all_the_same(make_service):
    """A message that goes through a temporary file, one with an international domain, and one that is refused."""
    service = make_service("-v")
    told = [service.process.stdout.readline().decode() for _ in range(3)][2]
    assert told.startswith("Connections that bring mail are confined ")
    caller = service.call()
    caller.begin(recipients=("<you@b\u00fccher.example>",), sender="<me@example.org> SMTPUTF8")
    (session,) = service.sessions()
    status = pathlib.Path(f"/proc/{session}/status").read_text()
    assert "\nNoNewPrivs:\t1\n" in status and f"\nSeccomp:\t{2 if 'by seccomp' in told else 0}\n" in status
    caller.send("Subject: large\r\n\r\n")
    for _ in range(100):
        caller.send("text\r\n" * 2000)
    id = queued(caller.say("."))
    assert "you@xn--bcher-kva.example" in service.queue()[id]
    caller.begin(hello=None)
    assert caller.say("Subject: x\r\nbad\0field: x\r\n\r\n.").startswith("5")
    caller.mail(hello=None)
    assert "less confined" not in service.log.read_text() and len(service.queue()) == 2


def test_a_connection_that_is_killed_is_alone(service):
    caller, other = service.call(), service.call()
    caller.begin()
    session = service.sessions()[0]
    os.kill(int(session), signal.SIGKILL)
    assert caller.is_closed()
    assert other.mail() in service.queue()
    service.logged(r"A connection of uid %d has ended by signal 9\.$" % os.geteuid())
