"""Workers parse what strangers send: they deliver as ever, have nothing but their mail and their server, and die alone."""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import certificates
import dns_server
import pytest
from conftest import PALOMA, clean_environment
from processes import children_of
from queues import is_sanitized
from service import until

pytestmark = pytest.mark.usefixtures("watchdog")

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def public():
    """A folder that everybody reads, as /etc/ssl is and pytest's are not."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-public-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class Queue:
    """A spool of its own, with the configuration and the log beside it."""

    def __init__(self, run, folder, keys):
        self.run, self.folder, self.spool, self.log = run, folder, folder / "spool", folder / "log"
        self.config = folder / "paloma.conf"
        self.config.write_text("[paloma]\n" + "".join(f"{key} = {value}\n" for key, value in
                                                      {"spool": self.spool, "log": self.log, "host_name": "host.example", **keys}.items()))
        self.config.chmod(0o600)
        self.log.touch()
        self.tail = subprocess.Popen(["tail", "-n", "+1", "-f", str(self.log)], stdout=subprocess.PIPE)

    def __call__(self, *words):
        result = self.run(*words, "-C", self.config, env={"PALOMA_QUEUE": "auto"})
        assert result.returncode == 0, (result.stdout, result.stderr, self.log.read_text())
        return result.stdout.decode()

    def send(self, *words):
        return self("send", "-r", "ann@example.org", "--body", "x", "--background", *words)

    def wait_for(self, text):
        """The next line of the log that matches."""
        for line in iter(self.tail.stdout.readline, b""):
            if re.search(text, line.decode()):
                return line.decode()
        raise AssertionError(f"no {text} in the log")

    def end(self):
        """Nothing stays behind, neither mail nor a runner."""
        self.run("queue", "remove", "--all", "-C", self.config, env={"PALOMA_QUEUE": "auto"})
        lock = self.spool / "runner.lock"
        if lock.exists():
            holder = re.search(rf"FLOCK +ADVISORY +WRITE +(\d+) +\S+:{lock.stat().st_ino} ", pathlib.Path("/proc/locks").read_text())
            if holder:
                with contextlib.suppress(ProcessLookupError):  # with nothing left to do it ends by itself
                    os.kill(int(holder.group(1)), signal.SIGTERM)
            with open(lock, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
        self.tail.terminate()
        self.tail.stdout.close()
        self.tail.wait()


@pytest.fixture
def queue(paloma, tmp_path):
    queues = []

    def make(run=paloma, **keys):
        folder = tmp_path / f"queue{len(queues)}"
        folder.mkdir()
        queues.append(Queue(run, folder, keys))
        return queues[-1]

    yield make
    for one in queues:
        one.end()


class Server:
    """Says yes to everything, but the first so many connections hang at the greeting until they are let go."""

    def __init__(self, hangs, host, port):
        self.listener = socket.create_server((host, port))
        self.address = self.listener.getsockname()
        self.port = self.address[1]
        self.hangs, self.mails, self.at_data = hangs, [], lambda: None
        self.hanging, self.let_go, self.arrived = threading.Semaphore(0), threading.Event(), threading.Semaphore(0)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rwb", buffering=0) as file:
                try:
                    if not self.talk(file):
                        return
                except OSError:
                    pass  # the worker has died

    def talk(self, file):
        if self.hangs > 0:
            self.hangs -= 1
            file.write(b"220-wait\r\n")
            self.hanging.release()
            self.let_go.wait()
        file.write(b"220 ready\r\n")
        while True:
            verb = file.readline().strip().upper()
            if verb == b"STOP":
                return False
            if not verb or verb == b"QUIT":
                return True
            if verb == b"DATA":
                self.at_data()
                file.write(b"354 go\r\n")
                self.mails.append(b"".join(iter(file.readline, b".\r\n")))
                self.arrived.release()
            file.write(b"250 yes\r\n")

    def stop(self):
        self.let_go.set()
        self.hangs = 0
        with socket.create_connection(self.address) as last:
            last.sendall(b"STOP\r\n")
            self.thread.join()
        self.listener.close()


@pytest.fixture
def server():
    running = []

    def start(hangs=0, host="127.0.0.1", port=0):
        running.append(Server(hangs, host, port))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def confinement(queue):
    return queue.wait_for("Workers (run|are)")


def worker_of(line):
    """The one worker of the runner that wrote the line."""
    (nursery,) = children_of(re.search(r"\[(\d+)\]", line).group(1))
    (worker,) = children_of(nursery)
    return worker


def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


def assert_confined(status, told):
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if re.search(r"confined by seccomp", told) else "0")


def test_the_journal_tells_once_how_workers_are_confined(queue, server):
    there = server()
    spool = queue(relay=f"smtp://127.0.0.1:{there.port}")
    for who in "bob", "cid":
        spool.send(f"{who}@example.net")
        there.arrived.acquire()
    spool.wait_for("removed")
    spool.wait_for("removed")
    runners = set(re.findall(r"qmgr\[(\d+)\]", spool.log.read_text()))
    lines = re.findall(r"qmgr\[(\d+)\]: Workers .*", spool.log.read_text())
    assert sorted(lines) == sorted(runners)
    assert ("run as the user" in spool.log.read_text()) == IS_ROOT


def test_verified_tls_with_a_password_that_a_command_prints(queue, catcher, public, tmp_path):
    certificates.make_all(public)
    users = tmp_path / "users"
    users.write_text("ann:s3cret\n")
    users.chmod(0o600)
    there = catcher("--tls-cert", public / "good.pem", "--password-file", users, "--require-auth")
    runs = tmp_path / "runs"
    spool = queue(relay=f"smtp://ann@localhost:{there.port}", tls="verify", tls_ca=public / "ca.pem", connections_per_destination=1,
                  password_command=f"echo run >>{runs} && echo s3cret")
    for who in "bob", "cid", "dan":
        spool("send", "-r", "ann@example.org", "--body", "x", "--queue", f"{who}@example.net")
    spool("queue", "flush", "--all")
    told = confinement(spool)
    for _ in range(3):
        assert "tls=TLSv1.3" in there.caught()
        assert "status=sent" in spool.wait_for("status=")
    assert "stays root" not in spool.log.read_text()
    assert "seccomp" in told and runs.read_text() == "run\n"  # once for the worker's life, before it was confined


def test_a_folder_of_authorities_with_links_that_lead_out_of_it(queue, catcher, public):
    certificates.make_all(public)
    there = catcher("--tls-cert", public / "good.pem")
    folder = public / "authorities"
    folder.mkdir()
    digest = subprocess.run(["openssl", "x509", "-in", public / "ca.pem", "-noout", "-hash"], capture_output=True, check=True).stdout
    (folder / f"{digest.decode().strip()}.0").symlink_to(public / "ca.pem")
    spool = queue(relay=f"smtp://localhost:{there.port}", tls="verify", tls_ca=folder)
    spool.send("bob@example.net")
    assert "status=sent" in spool.wait_for("status=")
    assert "tls=TLSv1.3" in there.caught()


def test_names_are_looked_up(queue, catcher, tmp_path):
    names = dns_server.NameServer(tmp_path, {"good.test": "@ MX 10 mx1\nmx1 A 127.0.0.1\n"})
    try:
        there = catcher()
        spool = queue(dns_servers=names.address, mx_port=there.port, mx_loopback="yes")
        spool.send("bob@good.test")
        line = spool.wait_for("status=")
        assert "status=sent" in line and "relay=mx1.good.test[127.0.0.1]" in line
        assert there.caught()
    finally:
        names.stop()


def test_a_socket_in_the_file_system(queue, public):
    path = public / "lmtp"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen()
    spool = queue(relay=f"lmtp:unix:{path}")
    spool.send("bob@example.net")
    connection, _ = listener.accept()  # a worker got here
    connection.close()
    listener.close()
    assert "status=deferred" in spool.wait_for("status=")
    assert "stays root" not in spool.log.read_text()


def test_a_worker_has_its_mail_and_its_server_and_dies_alone(queue, server):
    there = server(hangs=1)
    spool = queue(relay=f"smtp://127.0.0.1:{there.port}")
    spool.send("bob@example.net")
    told = confinement(spool)
    there.hanging.acquire()
    worker = worker_of(told)
    status = status_of(worker)
    assert_confined(status, told)
    if IS_ROOT:
        assert "0" not in status["Uid"].split() and "0" not in status["Gid"].split()
        assert set(status["Groups"].split()) == {status["Gid"].split()[0]} and int(status["CapEff"], 16) == 0
        links = {int(fd): os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")}
        sanitized = links[2] != "/dev/null"
        assert links[0] == links[1] == "/dev/null" and (not sanitized or "ASAN_OPTIONS" in os.environ)
        assert links[3].startswith("socket:") and links[4].startswith(f"{spool.spool}/queue/") and links[5].startswith("socket:")
        assert len(links) == 6
        flags = re.search(r"flags:\s*(\d+)", pathlib.Path(f"/proc/{worker}/fdinfo/4").read_text()).group(1)
        assert int(flags, 8) & os.O_APPEND
    os.kill(worker, signal.SIGSEGV)
    spool.wait_for("The process that was to deliver it has died")
    there.let_go.set()
    spool("queue", "flush", "--all")
    assert "status=sent" in spool.wait_for("status=sent")
    spool.wait_for("removed")
    assert len(there.mails) == 1


@pytest.mark.skipif(not IS_ROOT, reason="only root sees what a worker has open")
def test_every_mail_of_a_connection_has_the_descriptor_that_is_watched(queue, server):
    """F_SETFL is denied for one number alone, or the sockets would have none."""
    there = server(hangs=1)
    spool = queue(relay=f"smtp://127.0.0.1:{there.port}", connections_per_destination=1)
    spool.send("bob@example.net")
    told = confinement(spool)
    there.hanging.acquire()
    worker = worker_of(told)
    for name in "carol", "dave":
        spool.send(f"{name}@example.net")
    for _ in range(3):
        spool.wait_for("queue active")  # so that they are the next ones of this worker
    seen = []
    there.at_data = lambda: seen.append([fd for fd in os.listdir(f"/proc/{worker}/fd")
                                         if os.readlink(f"/proc/{worker}/fd/{fd}").startswith(f"{spool.spool}/queue/")])
    there.let_go.set()
    for _ in range(3):
        spool.wait_for("removed")
    assert seen == [["4"]] * 3


def memory_of(pid):
    """All that the process has."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            ends, rights = line.split()[:2]
            if rights.startswith("rw") and "[vvar" not in line:
                start, end = (int(number, 16) for number in ends.split("-"))
                memory.seek(start)
                found.append(memory.read(end - start))
    return b"".join(found)


@pytest.mark.skipif(not IS_ROOT, reason="only root reads the memory of others")
def test_a_worker_has_neither_mail_nor_password_of_others_in_memory(make_service, server):
    """Whoever takes a worker over by what a server sends gets what that worker works on, and no more."""
    if is_sanitized():
        pytest.skip("the sanitizers' memory is too large to be looked through")
    one, other = server(hangs=1), server(hangs=1)
    service = make_service(settings=f"relay = smtp://ann@127.0.0.1:{one.port}\n"
                           f"[relay away]\nurl = smtp://127.0.0.1:{other.port}\nfrom = me@away.example\n",
                           environment={"PALOMA_PASSWORD": "s3cret-word"})
    service.call().mail(sender="<me@home.example>", recipients=("<who-is-at-one@one.example>",))
    one.hanging.acquire()
    service.call().mail(sender="<me@away.example>", recipients=("<who-is-at-other@other.example>",))
    other.hanging.acquire()
    (nursery,) = children_of(service.runner())
    memories = [memory_of(worker) for worker in children_of(nursery)]
    assert len(memories) == 2 and b"s3cret-word" in memory_of(nursery) and b"who-is-at" not in memory_of(nursery)
    (mine,) = (memory for memory in memories if b"who-is-at-other@other.example" in memory)
    assert b"who-is-at-one" not in mine and b"s3cret-word" not in mine
    one.let_go.set()
    other.let_go.set()


def test_workers_go_on_when_the_process_that_forks_them_has_died(make_service, server):
    there = server()
    service = make_service(settings=f"relay = smtp://127.0.0.1:{there.port}\nretry_first = 1\n")
    service.call().mail()
    there.arrived.acquire()
    (nursery,) = children_of(service.runner())
    until(lambda: not service.queue(), "the end of the mail")
    os.kill(nursery, signal.SIGKILL)
    until(lambda: nursery not in children_of(service.runner()), "its end")
    service.call().mail()
    there.arrived.acquire()
    until(lambda: not service.queue(), "the end of the mail")


def test_a_worker_can_be_ended_as_any_process(make_service, server):
    there = server(hangs=1)
    service = make_service(settings=f"relay = smtp://127.0.0.1:{there.port}\n")
    id = service.call().mail()
    there.hanging.acquire()
    (nursery,) = children_of(service.runner())
    (worker,) = children_of(nursery)
    os.kill(worker, signal.SIGINT)  # the keyboard's, which the whole group gets: a mail that is under way comes to its end
    os.kill(worker, signal.SIGTERM)
    service.logged(f"{id}: The process that was to deliver it has died")
    assert id in service.queue()
    there.let_go.set()


@pytest.mark.skipif(not IS_ROOT, reason="only root has files that others cannot read")
def test_a_worker_stays_root_for_a_key_that_only_root_reads(queue, server, public):
    certificates.make_all(public)
    (public / "client.pem").chmod(0o600)
    there = server(hangs=1)
    spool = queue(relay=f"smtp://127.0.0.1:{there.port}", tls_cert=public / "client.pem")
    spool.send("bob@example.net")
    told = confinement(spool)
    there.hanging.acquire()
    assert f"cannot reach {public}/client.pem" in spool.wait_for("stays root")
    status = status_of(worker_of(told))
    assert_confined(status, told)
    assert status["Uid"].split() == ["0"] * 4
    there.let_go.set()
    assert "status=sent" in spool.wait_for("status=")


@pytest.fixture
def other_etc(home, public):
    """Runs paloma where /etc is a folder of ours."""
    etc = public / "etc"
    etc.mkdir()
    for name in "passwd", "group", "nsswitch.conf", "ld.so.cache", "resolv.conf", "host.conf":
        if pathlib.Path("/etc", name).exists():
            shutil.copy(f"/etc/{name}", etc)

    def run(*words, env):
        return subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', etc,
                               PALOMA, *words], capture_output=True, timeout=120, env={**clean_environment(home), **env})

    return etc, run


@pytest.mark.skipif(not IS_ROOT or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
                    reason="only root makes a namespace")
def test_a_hosts_file_that_is_replaced_is_seen_by_the_next_worker(queue, server, other_etc):
    etc, run = other_etc
    first = server(hangs=1)
    second = server(host="127.0.0.2", port=first.port)
    (etc / "hosts").write_text("127.0.0.1 mail.internal\n")
    spool = queue(run, relay=f"smtp://mail.internal:{first.port}", connections_per_destination=1)
    spool("send", "-r", "ann@example.org", "--body", "x", "--queue", "bob@example.net")
    spool("send", "-r", "ann@example.org", "--body", "x", "--queue", "cid@example.net")
    spool("queue", "flush", "--all")
    first.hanging.acquire()
    (etc / "new").write_text("127.0.0.2 mail.internal\n")
    (etc / "new").rename(etc / "hosts")  # as editors do; what a worker may read is the old file
    first.let_go.set()
    assert "relay=mail.internal[127.0.0.1]" in spool.wait_for("status=sent")
    assert "relay=mail.internal[127.0.0.2]" in spool.wait_for("status=")
    assert len(first.mails) == len(second.mails) == 1
