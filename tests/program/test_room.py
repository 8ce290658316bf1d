"""A mailbox for which there is no room: on a disk that is full, and where its user may have no more. It is put off, and nothing of it is left."""
import subprocess

import pytest

import machine as machines
from callers import needs
from machine import USERS
from service import until

pytestmark = [pytest.mark.skipif(not machines.can_be(), reason="only root has users and file systems of its own"), needs("mkfs.ext4", "btrfs")]
BIG = "x" * 70 + "\n"


class Disk:
    """A file system in a file, which goes with the machine's mounts."""

    def __init__(self, machine, size, make, options):
        self.machine, self.root = machine, machine.home("ann") / "disk"
        image = machine.folder / "image"
        with open(image, "wb") as file:
            file.truncate(size)
        subprocess.run([*make, str(image)], check=True, capture_output=True)
        self.root.mkdir()
        assert machine.run("mount", "-o", options, image, self.root).returncode == 0
        self.place = self.root / "ann"

    def run(self, *words):
        result = self.machine.run(*words)
        assert result.returncode == 0, result
        return result.stdout.decode()


class Full(Disk):
    """ext4, of two megabytes for others than root, who has the rest."""

    told = b"No space left on device"

    def __init__(self, machine):
        super().__init__(machine, 4 << 20, ["mkfs.ext4", "-q", "-F", "-m", "30"], "loop")
        self.run("mkdir", self.place)

    def make_room(self):
        self.run("tune2fs", "-r", "0", self.machine.folder / "image")
        self.run("rm", "-f", self.root / "ballast")

    def fill(self):
        """With what is not ann's."""
        self.machine.run("dd", "if=/dev/zero", f"of={self.root}/ballast", "bs=4k", "count=4096")


class Quota(Disk):
    """btrfs, of whose 200 megabytes ann may have one: the kernels' other quotas are not everywhere."""

    told = b"Disk quota exceeded"

    def __init__(self, machine):
        super().__init__(machine, 200 << 20, ["mkfs.btrfs", "-q"], "loop")
        self.run("btrfs", "quota", "enable", self.root)
        self.run("btrfs", "subvolume", "create", self.place)
        self.run("btrfs", "qgroup", "limit", str(1 << 20), self.place)

    def make_room(self):
        self.run("btrfs", "qgroup", "limit", "none", self.place)

    def fill(self):
        self.machine.run("dd", "if=/dev/zero", f"of={self.place}/ballast", "bs=4k", "count=1024", user="ann")
        self.run("rm", "-f", self.place / "nothing")


@pytest.fixture
def machine():
    made = machines.Machine()
    yield made
    made.clear()


@pytest.fixture(params=[Full, Quota], ids=["a full disk", "a quota"])
def disk(machine, request):
    made = request.param(machine)
    made.run("chown", f"{USERS['ann']}:{USERS['ann']}", made.place)
    yield made


def files(machine, disk):
    seen = machine.path(disk.place)
    return sorted((str(path.relative_to(seen)), path.stat().st_size) for path in seen.rglob("*") if path.is_file() and path.name != "ballast")


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_what_does_not_fit_is_put_off_and_leaves_nothing(machine, disk, kind):
    mailbox = f"{kind}:{disk.place}/box"
    assert machine.send("ann", "-s", "small", PALOMA_MAILBOX=mailbox).returncode == 0
    before = files(machine, disk)
    for _ in range(2):
        result = machine.send("ann", text=BIG * 120000, PALOMA_MAILBOX=mailbox)
        name = {"mbox": "mailbox", "maildir": "Maildir"}[kind]
        assert result.returncode == 75 and f"Cannot write to the {name} {disk.place}/box: ".encode() + disk.told in result.stderr, result
        assert files(machine, disk) == before and len(before) == 1
    assert machine.send("ann", "-s", "small", PALOMA_MAILBOX=mailbox).returncode == 0
    assert len(files(machine, disk)) == (1 if kind == "mbox" else 2)


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_the_service_keeps_it_until_there_is_room(machine, disk, kind):
    disk.fill()
    service = machine.serve(f"retry_first = 1h\nmailbox = {kind}:{disk.place}/box\n")
    assert machine.by_service(service, "ann", input=b"Subject: kept\n\n" + BIG.encode() * 20000).returncode == 0
    service.logged(rf"to=<ann@here.example>, relay=local, .*dsn=4\.[23]\..*, status=deferred .*{disk.told.decode()}")
    assert [size for _, size in files(machine, disk) if size] == [] and len(service.queue()) == 1
    disk.make_room()
    disk.run("rm", "-f", disk.place / "ballast")
    subprocess.run([*machine.inside(), "sync", "-f", str(disk.root)], check=True)
    assert machine.run(machines.PALOMA, "queue", "-C", service.conf, "flush").returncode == 0
    service.logged("status=sent")
    until(lambda: not service.queue(), "the end of the mail")
    (path, size), = files(machine, disk)
    text = machine.path(disk.place / path).read_text()
    assert "Subject: kept\n" in text and text.count(BIG) == 20000
