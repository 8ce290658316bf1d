"""What every test of the whole program needs: paloma as a process, and paloma serve to catch what it sends."""
import email
import email.policy
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
PALOMA = os.environ.get("PALOMA", str(HERE.parent.parent / "src" / "paloma"))


def clean_environment(home):
    """Nothing of the caller's settings, nor of the mailboxes of this host; sanitizers keep their own."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("ASAN", "UBSAN", "LSAN", "PATH"))}
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", "PALOMA_QUEUE": "never", "PALOMA_MAILBOX": "mbox:/nonexistent/%u"}


def read_log(path):
    """Its whole lines: the last may still be written."""
    data = path.read_bytes() if path.exists() else b""
    return data[:data.rfind(b"\n") + 1].decode(errors="replace")


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def paloma(home):
    """Runs paloma to its end: paloma("send", ..., input=b"...") gives a CompletedProcess with bytes."""

    def run(*words, input=b"", env=None, **rest):
        environment = {name: value for name, value in {**clean_environment(home), **(env or {})}.items() if value is not None}
        return subprocess.run([PALOMA, *map(str, words)], input=input, capture_output=True, timeout=120, env=environment, **rest)

    return run


class Catcher:
    """A running paloma serve, and the mails it has filed."""

    def __init__(self, folder, environment, *words):
        self.folder = folder
        self.process = subprocess.Popen([PALOMA, "serve", "--catch", str(folder), "--host-name", "catcher.example", *map(str, words)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, bufsize=0)  # for select
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening on "), line + self.process.stderr.read().decode()
        self.port = int(line.rsplit(":", 1)[1])
        self.url = f"smtp://127.0.0.1:{self.port}"

    def caught(self):
        """Waits for the next mail and gives the line that tells of it. One that does not come is a failed test, not an endless one."""
        assert select.select([self.process.stdout], [], [], 120)[0], "no mail came"
        line = self.process.stdout.readline().decode()
        assert line.startswith("caught "), line
        return line

    def raw(self):
        """The next mail as it is filed."""
        return (self.folder / self.caught().rsplit("file=", 1)[1].strip()).read_bytes()

    def mail(self):
        """The next mail, parsed; a mail with a defect is a failed test."""
        message = email.message_from_bytes(self.raw(), policy=email.policy.default)
        for part in message.walk():
            assert not part.defects, part.defects
        return message

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


@pytest.fixture
def catcher(tmp_path, home):
    """catcher(*words) starts a server on a free port of loopback."""
    running = []

    def start(*words, listen="127.0.0.1:0"):
        server = Catcher(tmp_path / f"caught{len(running)}", clean_environment(home), "--listen", listen, *words)
        running.append(server)
        return server

    yield start
    for server in running:
        if server.process.poll() is None:
            assert server.stop() == 0
        server.process.stdout.close()
        server.process.stderr.close()


@pytest.fixture
def make_service():
    """make_service(*words, settings=...) starts a paloma serve with a spool of its own."""
    from service import Service
    made = []

    def start(*words, begin=True, **rest):
        made.append(Service(words=words, **rest))
        return made[-1].start() if begin else made[-1]

    yield start
    for service in made:
        service.clear()


@pytest.fixture
def service(make_service):
    return make_service()


@pytest.fixture
def watchdog():
    """What is waited for and does not come is a failure, not an endless test."""

    def bark(signum, frame):
        raise TimeoutError("nothing has happened for two minutes")

    signal.signal(signal.SIGALRM, bark)
    signal.alarm(120)
    yield
    signal.alarm(0)


@pytest.fixture
def machine():
    import machine as machines
    made = machines.Machine()
    yield made
    made.clear()


@pytest.fixture
def open_folder():
    """A folder that everybody reaches, as hooks of a queue that is root's, which run as somebody else: tmp_path is closed to others,
    and whoever begins pytest beside us closes all that it stands in again."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # a hook may be about to write there


@pytest.fixture
def queue(tmp_path, home):
    """queue(key=value, ...) makes a queue with a spool and a log of its own."""
    import queues
    made = []

    def make(sections="", folder=tmp_path, **lines):
        made.append(queues.Queue(folder / f"queue{len(made)}", home, lines, sections))
        return made[-1]

    yield make
    for one in made:
        one.clean_up()


@pytest.fixture
def sink():
    """sink(answer, begin) starts a server in this process."""
    import queues
    made = []

    def make(*args, **rest):
        made.append(queues.Sink(*args, **rest))
        return made[-1]

    yield make
    for one in made:
        one.close()


def parts_of(message):
    """(type, file name, content) of every leaf, as Python's parser reads it."""
    return [(part.get_content_type(), part.get_filename(), part.get_payload(decode=True))
            for part in message.walk() if not part.is_multipart()]


def parts_by_perl(raw, tmp_path):
    """The same by MIME-tools, a parser of another house."""
    mail = tmp_path / "for-perl.eml"
    mail.write_bytes(raw)
    out = tmp_path / "perl-parts"
    out.mkdir(exist_ok=True)
    listing = subprocess.run(["perl", str(HERE / "read_mime.pl"), str(mail), str(out)], capture_output=True, check=True, timeout=60)
    parts = []
    for line in listing.stdout.decode().splitlines():
        kind, name, file = line.split("\t")
        parts.append((kind, name or None, pathlib.Path(file).read_bytes()))
    return parts
