"""Debian's dma, Postfix and Exim, unpacked and run from a folder: in a mount namespace of their own, with accounts, configuration
and queues of their own, never as this machine's mail system."""
import ctypes
import os
import pathlib
import re
import shlex
import subprocess
import time

from measure import Failed, note

PACKAGES = ("dma", "postfix", "exim4-daemon-light")
ANN, EXIM = 7001, 953
# Those whom the packages' scripts would have made, and the mail group that dma runs as.
USERS = "root:x:0:0:root:/root:/bin/sh\nmail:x:8:8::/var/mail:/usr/sbin/nologin\npostfix:x:951:951::/var/spool/postfix:/usr/sbin/nologin\n" \
        f"Debian-exim:x:{EXIM}:{EXIM}::/var/spool/exim:/usr/sbin/nologin\n" \
        "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\nann:x:7001:7001::/nonexistent:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nmail:x:8:\npostfix:x:951:\npostdrop:x:952:\nDebian-exim:x:953:\nnogroup:x:65534:\n"
MASTER = """
pickup    unix  n  -  n  60    1  pickup
cleanup   unix  n  -  n  -     0  cleanup
qmgr      unix  n  -  n  300   1  qmgr
rewrite   unix  -  -  n  -     -  trivial-rewrite
bounce    unix  -  -  n  -     0  bounce
defer     unix  -  -  n  -     0  bounce
trace     unix  -  -  n  -     0  bounce
flush     unix  n  -  n  1000? 0  flush
proxymap  unix  -  -  n  -     -  proxymap
smtp      unix  -  -  n  -     -  smtp
relay     unix  -  -  n  -     -  smtp
showq     unix  n  -  n  -     -  showq
error     unix  -  -  n  -     -  error
retry     unix  -  -  n  -     -  error
local     unix  -  n  n  -     -  local
scache    unix  -  -  n  -     1  scache
intake    unix  n  -  n  -     -  smtpd
"""
MAIN = """
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/spool/postfix-data
myhostname = bench.example
mydestination =
inet_interfaces = loopback-only
smtp_dns_support_level = disabled
alias_maps =
alias_database =
biff = no
"""
# /usr and /etc get a layer of the packages above them, and the queues are on the disk that paloma's is on.
MOUNT = """set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=$1/packages/usr:/usr /usr
mount -t overlay overlay -o lowerdir=$1/etc:/etc /etc
mount --bind $1/etc/postfix /etc/postfix
mount --bind $1/etc/exim4 /etc/exim4
mount --bind $1/spool /var/spool
"""
CLONE_NEWNS = 0x20000


class Peers:
    """why: why they cannot be had; null: they can. Then this process and those it starts have them where a system has them."""

    def __init__(self, folder, relay_port):
        self.folder = folder / "peers"
        self.is_running = False
        self.mounted = []
        self.port = relay_port
        try:
            self.why = self.unpack() or self.enter()
        except (OSError, Failed, subprocess.CalledProcessError) as failure:
            self.why = str(failure)

    def unpack(self):
        (self.folder / "packages").mkdir(parents=True)
        for package in PACKAGES:
            note(f"  apt-get download {package}")
            done = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, *self.libraries_of(package)],
                                  cwd=self.folder, capture_output=True)
            if done.returncode != 0:
                return f"{package} cannot be downloaded"
        files = sorted(self.folder.glob("*.deb"))
        for file in files:
            subprocess.run(["dpkg", "-x", file, self.folder / "packages"], check=True)
        self.versions = ", ".join(" ".join(file.name.split("_")[:2]) for file in files if file.name.split("_")[0] in PACKAGES)
        return None

    @staticmethod
    def libraries_of(package):
        """Those that are not here."""
        plan = subprocess.run(["apt-get", "-s", "--no-install-recommends", "install", package], capture_output=True, text=True).stdout
        return re.findall(r"^Inst (lib\S+)", plan, re.M)

    def write(self, name, content, mode=0o644):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def enter(self):
        if os.geteuid() != 0:
            return "only root can give them a mount namespace"
        self.write("etc/passwd", USERS)
        self.write("etc/group", GROUPS)
        self.write("etc/mailname", "bench.example\n")
        self.write("etc/dma/dma.conf", f"SMARTHOST 127.0.0.1\nPORT {self.port}\nMAILNAME bench.example\nDEFER\n")
        self.write("etc/postfix/master.cf", MASTER)
        self.write("etc/exim4/exim4.conf", "")
        self.relay(None)
        for name in ("post-install", "postfix-files", "postfix-script"):
            self.write(f"etc/postfix/{name}", (self.folder / "packages/etc/postfix" / name).read_text(), 0o755)
        for name, uid, gid, mode in (("dma", 0, 8, 0o2775), ("postfix", 0, 0, 0o755), ("postfix-data", 951, 951, 0o700)):
            (self.folder / "spool" / name).mkdir(parents=True)
            os.chown(self.folder / "spool" / name, uid, gid)
            (self.folder / "spool" / name).chmod(mode)
        for path in (self.folder, self.folder.parent):  # whoever is not root goes through these
            path.chmod(0o755)
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            return "this kernel gives no mount namespace"
        self.run("sh", "-c", MOUNT, "sh", self.folder)
        return None

    def relay(self, port):
        """Postfix relays to that port; null: it keeps what it gets."""
        self.write("etc/postfix/main.cf", MAIN + (f"relayhost = [127.0.0.1]:{port}\n" if port else "defer_transports = smtp\n"))
        if self.is_running:
            self.run("postfix", "reload")

    def run(self, *words, stdin=subprocess.DEVNULL):
        done = subprocess.run([*map(str, words)], stdin=stdin, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise Failed(f"{shlex.join(map(str, words))}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def start_postfix(self):
        """It keeps what it gets."""
        self.relay(None)
        if not self.is_running:
            self.run("postfix", "start")
            self.is_running = True

    def make_disk(self, folder):
        """A new file system there, as Debian's installer makes one, in a file: what it costs to make and remove files on that of this
        machine may depend on what was removed on it in the last minutes, by whomever. The file is written to its end before, for a disk
        does not look for a place of its own for each block."""
        image = folder.parent / f"{folder.name}.image"
        folder.mkdir()
        self.run("dd", "if=/dev/zero", f"of={image}", "bs=1M", "count=2048", "conv=fsync")
        self.run("mkfs.ext4", "-q", "-F", image)
        self.run("mount", "-o", "loop", image, folder)
        self.mounted.append(folder)
        folder.chmod(0o755)

    def put_dma_on(self, disk):
        """Its queue and the mailboxes."""
        for name, place in (("dma", "/var/spool/dma"), ("mail", "/var/mail")):
            (disk / name).mkdir()
            os.chown(disk / name, 0, 8)
            (disk / name).chmod(0o2775)
            self.run("mount", "--bind", disk / name, place)
            self.mounted.append(place)

    def fill_dma(self, count):
        """So many mails for ann's mbox into its queue, which keeps them; it is made as the package's helper would make it."""
        box = pathlib.Path("/var/mail/ann")
        if not box.exists():
            box.touch()
            os.chown(box, ANN, 8)
            box.chmod(0o660)
        os.truncate(box, 0)
        self.run("sh", "-c", f"i=0; while [ $i -lt {count} ]; do dma -f a@b.example ann <{self.folder.parent}/mail4; i=$((i+1)); done")
        return box

    def fill_postfix(self, count, size_octets):
        """So many mails into its deferred queue, which has no others."""
        self.start_postfix()
        self.run("postsuper", "-d", "ALL")
        self.run("smtp-source", "-m", count, "-s", 10, "-l", size_octets, "-f", "a@b.example", "-t", "c@d.example",
                 "unix:/var/spool/postfix/public/intake")
        self.wait_for(count, "deferred")

    def wait_until_empty(self):
        self.wait_for(0, "deferred", "active", "incoming")

    def wait_for(self, count, *queues):
        folders = [self.folder / "spool/postfix" / queue for queue in queues]
        deadline = time.monotonic() + 300
        while sum(len(files) for folder in folders for _, _, files in os.walk(folder)) != count:
            if time.monotonic() > deadline:
                raise Failed(f"Postfix's queue ({', '.join(queues)}) has not come to {count} mails")
            time.sleep(0.01)

    def stop(self):
        if self.is_running:
            self.run("postfix", "stop")
        for place in reversed(self.mounted):
            self.run("umount", "-l", place)
