"""Delivery by MX beside Exim's, in a network of its own that has a name server: what it takes, and how often it waits for the DNS."""
import contextlib
import ctypes
import fcntl
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading

from measure import Command, Failed, instructions, million, milliseconds, note, spawn, spawn_times
from peers import EXIM

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NAME_SERVER = ("127.0.0.1", 53)
ROUNDS, DELAY_S = 50, 0.05
ZONES = {"d.example": "@ MX 10 mx\nmx A 127.0.0.1\n", "two.example": "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 127.0.0.1\nmx2 A 127.0.0.1\n",
         "alias.example": "@ MX 10 mail\nmail CNAME mx\nmx A 127.0.0.1\n", "none.example": "@ A 127.0.0.1\n"}
# As Debian's own configuration has it for mail to the MX, and no check of certificates, which ours does not make either.
CONFIGURATION = """
spool_directory = {spool}
log_file_path = {spool}/log/%slog
primary_hostname = bench.example
keep_environment =
never_users =
begin routers
out:
  driver = dnslookup
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = {port}
  tls_try_verify_hosts =
begin retry
* * F,1h,1m
"""


@contextlib.contextmanager
def own_network():
    """This thread and what it starts have only a loopback interface, on which every port is theirs."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as outside:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise Failed("this kernel gives no network namespace")
        try:
            with socket.socket() as any_socket:
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
            yield
        finally:
            libc.setns(outside.fileno(), CLONE_NEWNET)


class SlowServer:
    """Passes questions on to a name server, and each answer back when delay_s is over."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.delay_s = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(NAME_SERVER)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            while True:
                question, client = self.socket.recvfrom(4096)
                if not question:
                    return
                asking.sendto(question, self.server)
                answer = asking.recv(4096)
                if self.delay_s:
                    threading.Timer(self.delay_s, self.socket.sendto, (answer, client)).start()
                else:
                    self.socket.sendto(answer, client)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopping:
            stopping.sendto(b"", NAME_SERVER)
        self.thread.join()
        self.socket.close()


class Direct:
    def __init__(self, bench, paloma):
        self.bench, self.paloma, self.folder = bench, paloma, bench.folder

    def run(self, wanted):
        """wanted: names of parts; empty: all."""
        if wanted and "mx" not in wanted:
            return
        note("mx")
        self.peers = self.bench.peers()
        self.bench.head("A mail of 1 KiB by MX, at once (sendmail -odi); Exim has the same name server and receiver (exim4 -odf)")
        if self.peers.why:
            self.bench.tell_absent("time / Exim's", 0.5, self.peers.why)
            return
        print("  " + next(version for version in self.peers.versions.split(", ") if version.startswith("exim4")))
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {NAME_SERVER[0]}\n")
        self.peers.run("mount", "--bind", resolver, "/etc/resolv.conf")
        try:
            with own_network():
                self.compare()
        finally:
            self.peers.run("umount", "/etc/resolv.conf")

    def compare(self):
        with self.name_server("names", NAME_SERVER[1]):
            for how, certificate in (("plain", ()), ("STARTTLS", ("server.crt", "server.key"))):
                with self.receiver(*certificate) as receiver:
                    self.times(how, receiver)
        with self.name_server("slow") as names, self.receiver():
            slow = SlowServer(names.port)
            try:
                self.waits(slow)
            finally:
                slow.stop()

    @contextlib.contextmanager
    def name_server(self, name, port=None):
        from dns_server import NameServer  # not before it is known that its library is here (measure.NEEDS)
        (self.folder / name).mkdir()
        server = NameServer(self.folder / name, ZONES, port)
        try:
            yield server
        finally:
            server.stop()

    @contextlib.contextmanager
    def receiver(self, *certificate):
        """In this network; both are told its port."""
        sink = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "sink.py"), *certificate], cwd=self.folder,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.configure(int(sink.stdout.readline().split()[0]))
            yield sink
        finally:
            sink.stdin.close()
            sink.wait(30)

    def configure(self, port):
        home = self.folder / "mx" / "paloma"
        home.mkdir(parents=True, exist_ok=True)
        (home / "paloma.conf").write_text(f"[paloma]\ndirect = yes\nmx_port = {port}\nmx_loopback = yes\nhost_name = bench.example\n"
                                          f"spool = {self.folder}/mx/spool\nlog = {self.folder}/mx/log\n")
        spool = self.peers.folder / "spool" / "exim"
        if not spool.exists():
            spool.mkdir()
            os.chown(spool, EXIM, EXIM)
        self.peers.write("etc/exim4/exim4.conf", CONFIGURATION.format(spool=spool, port=port))

    def ours(self, *recipients, **settings):
        return Command(self.folder, [self.paloma, "sendmail", "-odi", "-oi", "-f", "a@b.example", *recipients], "mail",
                       XDG_CONFIG_HOME=f"{self.folder}/mx", **settings)

    def theirs(self, *recipients):
        return Command(self.folder, ["/usr/sbin/exim4", "-odf", "-oi", "-f", "a@b.example", *recipients], "mail")

    def times(self, how, receiver):
        commands = [self.ours("c@d.example"), self.ours("c@d.example", PALOMA_QUEUE="never"), self.theirs("c@d.example")]
        for command in commands:
            command.run()  # makes what the first one makes
        times = spawn_times(*commands, rounds=ROUNDS)
        receiver.stdin.write(b"\n")
        receiver.stdin.flush()
        mails = int(receiver.stdout.readline().split()[1])
        if mails != (ROUNDS + 1) * len(commands):  # Exim's status is 0 for whatever it keeps
            raise Failed(f"{mails} mails have come of {(ROUNDS + 1) * len(commands)}; see {self.peers.folder}/spool/exim/log")
        self.bench.tell_pairs(f"{how}: time / Exim's", times[0], times[2], 0.5, milliseconds)
        self.bench.tell_pairs(f"{how}: time / Exim's, nothing kept (queue = never)", times[1], times[2], None, milliseconds)
        counts = [instructions(command) for command in (commands[0], commands[1])]
        self.bench.tell(f"{how}: million instructions", counts[0] / 1e6, None, f"{counts[0] / 1e6:.2f}", f"nothing kept: {million(counts[1])}")

    def waits(self, slow):
        for what, recipients in (("an MX", ["c@d.example"]), ("two MX hosts", ["c@two.example"]), ("an MX that is an alias", ["c@alias.example"]),
                                 ("no MX but an address", ["c@none.example"]), ("two domains", ["c@d.example", "c@two.example"])):
            ours = self.count_waits(slow, self.ours(*recipients, PALOMA_QUEUE="never"))
            theirs = self.count_waits(slow, self.theirs(*recipients))
            self.bench.tell(f"waits for the DNS: {what}", round(ours), 2, f"{ours:.2f}", f"Exim {theirs:.2f}")

    @staticmethod
    def count_waits(slow, command, rounds=9):
        """What it takes longer when every answer comes later by a certain time, in such times."""
        note(f"  {rounds} times with slow answers: {' '.join(command.words)[:110]}")
        times = {0: [], DELAY_S: []}
        for _ in range(rounds):
            for delay_s, taken in times.items():
                slow.delay_s = delay_s
                taken.append(spawn(command))
        return (statistics.median(times[DELAY_S]) - statistics.median(times[0])) / DELAY_S
