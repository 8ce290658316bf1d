"""power_cut.py ext4|xfs FOLDER PALOMA CUTS: in a mount namespace of its own, a file system is shut down, without its log
being flushed, right after each mail that paloma acknowledges. Prints "CUTS acknowledged, N lost" at the end.

FOLDER gets the image, the mount point and the configuration. The control, a file that nobody made durable, must be lost:
otherwise nothing was cut. A sync(2) of anybody may have saved it, so a cut without that loss is made again. Exit status 77:
no such thing is to be had on this machine."""
import fcntl
import os
import pathlib
import struct
import subprocess
import sys

import spool_reader

SHUTDOWN = 0x8004587D   # EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN, _IOR('X', 125, __u32)
WITHOUT_LOG_FLUSH = 2

MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
OPTIONS = {"ext4": "loop,commit=600", "xfs": "loop"}    # no write-back of its own accord comes to our help


class Disk:
    def __init__(self, kind, folder):
        self.kind, self.image, self.root = kind, folder / "image", folder / "mounted"
        self.root.mkdir()
        self.image.touch()
        os.truncate(self.image, 400 * 1024 * 1024)
        subprocess.run([*MAKE[kind], str(self.image)], check=True, stdout=subprocess.DEVNULL)

    def mount(self):
        subprocess.run(["mount", "-t", self.kind, "-o", OPTIONS[self.kind], str(self.image), str(self.root)], check=True)

    def cut(self):
        fd = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(fd)

    def unmount(self):
        subprocess.run(["umount", str(self.root)], check=True)


def send(paloma, config, number):
    run = subprocess.run([paloma, "send", "--config", config, "--queue", "--from", "me@example.org", "--to", "you@example.org",
                          "--subject", f"number {number}"], input=b"x" * (number * 997), capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    return f"number {number}"


def subjects(mails):
    return [line[9:].decode() for mail in mails for line in mail.message.split(b"\r\n") if line.startswith(b"Subject: ")]


def main(kind, folder, paloma, cuts):
    folder = pathlib.Path(folder)
    config = folder / "paloma.conf"
    disk = Disk(kind, folder)
    spool = disk.root / "spool"
    config.write_text(f"[paloma]\nspool = {spool}\nlog = none\nspool_reserve = 1M\nrelay = smtp://127.0.0.1:1\n")
    try:
        disk.mount()
    except subprocess.CalledProcessError:
        return 77
    acknowledged, lost, controls = [], set(), 0
    for number in range(2 * int(cuts)):
        if controls == int(cuts):
            break
        acknowledged.append(send(paloma, config, number))
        control = disk.root / f"control{number}"  # one that was saved would be there for ever
        control.write_bytes(b"nor this")
        try:
            disk.cut()
        except OSError as err:
            print(err)
            disk.unmount()
            return 77
        disk.unmount()
        disk.mount()
        controls += not control.exists()
        queued, left = spool_reader.read_queue(spool)
        kept = subjects(queued)
        assert len(kept) == len(set(kept)) and not left, (kept, left)
        lost |= set(acknowledged) - set(kept)
    disk.unmount()
    assert controls == int(cuts), "what nobody made durable was there after the cut"
    print(f"{controls} acknowledged, {len(lost)} lost")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
