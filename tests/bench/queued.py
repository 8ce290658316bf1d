"""The queue's figures: how long a caller waits, how quickly the queue empties, and what a long one costs."""
import ctypes
import os
import json
import re
import shlex
import shutil
import socket
import statistics
import subprocess
import time

from callers import Callers
from measure import Command, Failed, instructions, million, milliseconds, note, spawn, spawn_seconds, spawn_times, start
from peers import ANN

DRAINED = 2000
MANY, FEW = 100_000, 1000
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
PR_SET_CHILD_SUBREAPER = 36
MIB = 1 << 20


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc32c_table()


def crc_run(state, octets):
    for octet in octets:
        state = CRC_TABLE[(state ^ octet) & 0xFF] ^ state >> 8
    return state


class Copier:
    """Copies a message of the spool under other ids. Only the id changes, so that of the checksum, which is linear, only
    the part before what stays the same is reckoned anew."""

    def __init__(self, file):
        text = file.read_bytes()
        self.id = file.name
        start, rest = text.split(self.id.encode(), 1)
        end = re.search(rb"end: \d{20} [0-9a-f]{8}$", rest)
        self.start, self.rest, self.end = start, rest[:end.start()], end.group()[:-8]
        self.state = crc_run(0xFFFFFFFF, start)
        self.images = [crc_run(1 << bit, bytes(len(self.rest))) for bit in range(32)]
        self.constant = crc_run(0, self.rest)
        if self.make(self.id) != text:
            raise Failed(f"{file} is not as the bench knows the format")

    def make(self, name):
        state = crc_run(self.state, name.encode())
        sum_ = self.constant
        for bit in range(32):
            if state >> bit & 1:
                sum_ ^= self.images[bit]
        return b"%s%s%s%s%08x" % (self.start, name.encode(), self.rest, self.end, sum_ ^ 0xFFFFFFFF)

    def fill(self, queue, count, due=None):
        """Takes the place of all there was."""
        shutil.rmtree(queue)
        queue.mkdir(mode=0o700)
        for number in range(count):
            name = self.id[:10] + "".join(DIGITS[number >> shift & 31] for shift in (20, 15, 10, 5, 0))
            fd = os.open(queue / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
            os.fchmod(fd, 0o700)
            os.write(fd, self.make(name))
            if due:
                os.utime(fd, (due, due))
            os.close(fd)


class Run:
    """What a command and all it has left behind took: a runner that outlives whoever started it, and its workers."""

    def __init__(self, command):
        begun = time.monotonic()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.gather(command, write)
        os.close(write)
        with open(read) as answer:
            self.status, self.caller_s, self.seconds, self.cpu, self.peak_kib = json.load(answer)
        os.waitpid(pid, 0)
        if self.status != 0:
            raise Failed(f"{shlex.join(command.words)}: status {self.status} after {time.monotonic() - begun:.1f} s")

    @staticmethod
    def gather(command, write):
        """In a process of its own, to which the orphans come."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        begun = time.monotonic()
        caller = start(command)
        status = caller_s = cpu = peak_kib = 0
        try:
            while True:
                pid, ended, usage = os.wait4(-1, 0)
                cpu += usage.ru_utime + usage.ru_stime
                if pid == caller:
                    status, caller_s = os.waitstatus_to_exitcode(ended), time.monotonic() - begun
                else:  # the caller's peak is that of whoever started it, too
                    peak_kib = max(peak_kib, usage.ru_maxrss)
        except ChildProcessError:
            os.write(write, json.dumps([status, caller_s, time.monotonic() - begun, cpu, peak_kib]).encode())
            os._exit(0)


def drain(spool, command):
    note(f"  queue: {shlex.join(command.words[1:])}, {len(os.listdir(spool / 'queue'))} mails")
    os.sync()
    run = Run(command)
    left = len(os.listdir(spool / "queue"))
    if left:
        raise Failed(f"{left} mails are left in the queue; see {spool.parent}/log")
    return run


def wait_until_gone(folder, initials=""):
    """Until no name there begins with one of them; looked at as rarely and as briefly as will do."""
    begun = time.monotonic()
    while any(not initials or entry.name[0] in initials for entry in os.scandir(folder)):
        if time.monotonic() - begun > 600:
            raise Failed(f"{folder} does not become empty")
        time.sleep(0.002)


class Queued(Callers):
    def __init__(self, bench, paloma):
        self.bench, self.paloma = bench, paloma
        self.folder = bench.folder
        self.make_mails()

    def make_mails(self):
        line = "A line of sixty-four octets, fifteen of which make this up.....\n"
        self.bench.write("mail4", "From: a@b.example\nTo: c@d.example\nSubject: Four kibibytes\n\n" + line * 60)

    def configure(self, name, port, **settings):
        """A home with a configuration and a spool of its own."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "paloma").mkdir(parents=True)
        (folder / "paloma" / "paloma.conf").write_text(
            f"[paloma]\nrelay = smtp://127.0.0.1:{port}\ntls = none\nhost_name = bench.example\nspool = {folder}/spool\nlog = {folder}/log\n"
            + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        return folder / "spool"

    def sendmail(self, name, *words, stdin="mail"):
        return Command(self.folder, [self.paloma, "sendmail", *words], stdin, XDG_CONFIG_HOME=f"{self.folder}/{name}")

    def submit(self, name, mode="-odq", stdin="mail"):
        return self.sendmail(name, mode, "-t", stdin=stdin)

    def copier(self, name, stdin):
        """Of the one message that this leaves in the spool."""
        spool = self.configure(name, self.port)
        self.submit(name, stdin=stdin).run()
        return spool, Copier(next((spool / "queue").iterdir()))

    def run(self, wanted):
        """wanted: names of parts; empty: all."""
        parts = [part for part in (self.submission, self.aliases, self.session, self.background, self.draining, self.mailbox, self.length, self.recipients)
                 if not wanted or part.__name__ in wanted]
        if not parts:
            return
        self.peers = self.bench.peers()
        sink = self.start_sink()
        try:
            for part in parts:
                note(part.__name__)
                part()
        finally:
            self.peers.stop()
            if sink:
                sink.terminate()
                sink.wait()

    def start_sink(self):
        """smtp-sink, when there is one; then it is everybody's."""
        self.port = self.bench.port
        if self.peers.why:
            self.bench.head(f"The queue. Without peers: {self.peers.why}")
            return None
        self.bench.head(f"The queue. Peers, unpacked: {self.peers.versions}; all relay to Postfix's smtp-sink")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        sink = subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{self.port}", "100"])
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return sink
            time.sleep(0.05)
        raise Failed("smtp-sink does not listen")

    # What is measured.

    def tell_beside(self, what, ours, theirs, most, show):
        """A ratio to a peer, which may be missing."""
        if self.peers.why:
            self.bench.tell_absent(what, most, self.peers.why)
        else:
            self.bench.tell_ratio(what, ours, theirs, most, show)

    def submission(self):
        self.bench.head("A mail of 1 KiB into the queue, which keeps it (sendmail -odq)")
        self.configure("submit", self.port)
        ours = self.submit("submit")
        ours.run()  # makes the spool
        count = instructions(ours)
        self.bench.tell("million instructions", count / 1e6, 1.0, f"{count / 1e6:.3f}")
        ours.run("strace", "-f", "-o", "calls", "-e", "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync")
        syncs = len(re.findall(r"^\d+ +\w*sync\w*\(.*= 0$", (self.folder / "calls").read_text(), re.M))
        self.bench.tell_state("two fsyncs", syncs == 2, f"{syncs}, by strace")
        commands = [ours]
        if not self.peers.why:
            self.peers.start_postfix()
            commands += [Command(self.folder, ["dma", "-f", "a@b.example", "-t"], "mail"), Command(self.folder, ["sendmail", "-f", "a@b.example", "-t"], "mail")]
        times = spawn_seconds(*commands) + [None, None]
        self.tell_beside("time / dma's (DEFER)", times[0], times[1], 0.75, milliseconds)
        self.tell_beside("time / Postfix's sendmail", times[0], times[2], 0.3, milliseconds)

    @staticmethod
    def spawn_apart(command):
        """What the runner has left for the disk is not at the next one's charge."""
        taken = spawn(command)
        os.sync()
        return taken

    @staticmethod
    def caller_seconds(command):
        """The same, and the runner that it has started ends before."""
        taken = Run(command).caller_s
        os.sync()
        return taken

    def background(self):
        self.bench.head("What the caller waits for when it is delivered in the background (sendmail -odb)")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            down = closed.getsockname()[1]
        self.configure("keep", self.port)
        self.configure("down", down)
        self.submit("keep").run()
        self.submit("down", "-odb").run()
        times = spawn_times(self.submit("down", "-odb"), self.submit("keep"), rounds=200, spawn=self.spawn_apart)
        Command(self.folder, [self.paloma, "queue", "remove", "--all"], XDG_CONFIG_HOME=f"{self.folder}/down").run()  # ends the runner
        self.bench.tell_pairs("time with a runner at work / -odq's", *times, 1.1, milliseconds)
        self.configure("up", self.port)
        commands = self.submit("up", "-odb"), self.submit("keep")
        times = spawn_times(*commands, rounds=100, spawn=self.caller_seconds)
        self.bench.tell_pairs("time when it starts the runner / -odq's", *times, 1.2, milliseconds)

    def draining(self):
        self.bench.head(f"{DRAINED} queued mails of 4 KiB to one relay")
        spool, copier = self.copier("drain", "mail4")
        flush = self.sendmail("drain", "-q", stdin="/dev/null")
        size_octets = len(copier.rest)
        ours, theirs, cpu = [], [], []
        for _ in range(3):
            copier.fill(spool / "queue", DRAINED)
            run = drain(spool, flush)
            ours.append(DRAINED / run.seconds)
            cpu.append(run.cpu / DRAINED)
            if not self.peers.why:
                theirs.append(self.drain_postfix(size_octets))
        mails_s = statistics.median(ours)
        self.bench.tell_least("mails per second / Postfix's (postqueue -f)", mails_s / statistics.median(theirs) if theirs else None, 2,
                              f"{mails_s:.0f} / {statistics.median(theirs):.0f}" if theirs else self.peers.why)
        self.bench.tell("processor time a mail, without the workers: ms", statistics.median(cpu) * 1000, None, f"{statistics.median(cpu) * 1000:.3f}")
        self.count_trips(spool, copier)

    def mailbox(self):
        self.bench.head(f"{DRAINED} queued mails of 4 KiB to one user of this host")
        if self.peers.why:
            self.bench.tell_least("mails per second / dma's to an mbox (dma -q)", None, 2, self.peers.why)
            return
        disk = self.folder / "disk"
        self.peers.make_disk(disk)
        self.peers.put_dma_on(disk)
        self.configure("box", self.port)
        configuration = self.folder / "box" / "paloma" / "paloma.conf"
        spool, box = disk / "spool", disk / "home" / "ann"
        configuration.write_text(configuration.read_text().replace(f"spool = {self.folder}/box/spool", f"spool = {spool}") + f"mailbox = maildir:{box}\n")
        self.sendmail("box", "-odq", "ann", stdin="mail4").run()
        copier = Copier(next((spool / "queue").iterdir()))
        box.parent.mkdir()
        ours, theirs = [], []
        for _ in range(5):
            shutil.rmtree(box, ignore_errors=True)
            box.mkdir()
            os.chown(box, ANN, ANN)
            copier.fill(spool / "queue", DRAINED)
            ours.append(DRAINED / self.empty_box(spool))
            if len(os.listdir(box / "new")) != DRAINED:
                raise Failed(f"{len(os.listdir(box / 'new'))} mails are in the Maildir")
            filled = self.peers.fill_dma(DRAINED)
            note(f"  queue: dma -q, {DRAINED} mails")
            os.sync()
            begun = time.monotonic()
            self.peers.run("dma", "-q")
            wait_until_gone("/var/spool/dma", "MQ")  # two files for each mail
            theirs.append(DRAINED / (time.monotonic() - begun))
            if filled.read_bytes().count(b"\nSubject: Four kibibytes\n") != DRAINED:
                raise Failed("dma has not put all mails into the mbox")
        self.bench.tell_least("mails per second / dma's to an mbox (dma -q)", statistics.median(ours) / statistics.median(theirs), 2,
                              f"{statistics.median(ours):.0f} / {statistics.median(theirs):.0f}")

    def empty_box(self, spool):
        """The seconds until nothing is in the queue; then the runner ends."""
        note(f"  queue: sendmail -q, {DRAINED} mails")
        os.sync()
        begun = time.monotonic()
        self.sendmail("box", "-q", stdin="/dev/null").run()
        wait_until_gone(spool / "queue")
        taken = time.monotonic() - begun
        subprocess.run(["flock", spool / "runner.lock", "true"], check=True)
        return taken

    def drain_postfix(self, size_octets):
        self.peers.fill_postfix(DRAINED, size_octets)
        self.peers.relay(self.port)
        note(f"  queue: postqueue -f, {DRAINED} mails")
        os.sync()
        begun = time.monotonic()
        self.peers.run("postqueue", "-f")
        self.peers.wait_until_empty()
        return DRAINED / (time.monotonic() - begun)

    def count_trips(self, spool, copier):
        """By the bench's own server."""
        configuration = self.folder / "drain" / "paloma" / "paloma.conf"
        configuration.write_text(configuration.read_text().replace(f":{self.port}\n", f":{self.bench.port}\n"))
        self.bench.sink_counts()
        copier.fill(spool / "queue", DRAINED)
        drain(spool, self.sendmail("drain", "-q", stdin="/dev/null"))
        connections, mails, trips = self.bench.sink_counts()
        if mails != DRAINED:
            raise Failed(f"{mails} mails have come of {DRAINED}")
        self.bench.tell("connections", connections, 20, f"{connections}")
        trips -= 3 * connections  # greeting, EHLO, QUIT
        self.bench.tell("round trips a mail", trips / mails, 2, f"{trips / mails:.3f}", "greeting, EHLO and QUIT of a connection not among them")

    def length(self):
        self.bench.head(f"A queue of {MANY} mails of 1 KiB beside one of {FEW}")
        later = time.time() + 1800
        spools = {}
        for name, count in (("few", FEW), ("many", MANY)):
            spools[name] = self.copier(name, "mail")
            spools[name][1].fill(spools[name][0] / "queue", count, later)
        os.sync()
        times = spawn_seconds(self.submit("many"), self.submit("few"))
        self.bench.tell_ratio("time of a submission", *times, 1.2, milliseconds)
        self.listing(spools, later)
        ratios, rates, peak_kib = [], [], []
        for _ in range(3):
            few = self.rates("few", spools["few"], FEW, 5)
            (many, run), = self.drained("many", spools["many"], MANY, 1)
            few += self.rates("few", spools["few"], FEW, 5)
            ratios.append(many / statistics.median(few))
            rates.append((many, statistics.median(few)))
            peak_kib.append(run.peak_kib)
        many, few = rates[ratios.index(statistics.median(ratios))]
        self.bench.tell_least("mails per second, the median of three", statistics.median(ratios), 0.8,
                              f"{many:.0f} / {few:.0f}; all: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
        most_mib = 16 + 200 * MANY / MIB
        self.bench.tell("peak memory of the runner: MiB", max(peak_kib) / 1024, round(most_mib, 1), f"{max(peak_kib) / 1024:.1f}",
                        "16 MiB and 200 octets a mail")

    def drained(self, name, spool_and_copier, count, runs):
        """Pairs of mails per second and what the run took, of a queue that is filled anew for each."""
        spool, copier = spool_and_copier
        for _ in range(runs):
            copier.fill(spool / "queue", count)
            run = drain(spool, self.submit(name, "-odb"))
            yield count / run.seconds, run

    def rates(self, *queue):
        return [rate for rate, _ in self.drained(*queue)]

    def listing(self, spools, later):
        mailq = {name: Command(self.folder, [self.paloma, "queue"], XDG_CONFIG_HOME=f"{self.folder}/{name}") for name in spools}
        spool, copier = spools["few"]
        counts = []
        for count in (FEW, 10 * FEW):
            copier.fill(spool / "queue", count, later)
            counts.append(instructions(mailq["few"], runs=1))
        self.bench.tell_ratio(f"listing {10 * FEW}, instructions / those for {FEW}", counts[1], counts[0], 11, million)
        times = spawn_seconds(mailq["many"], mailq["few"], rounds=5)
        self.bench.tell_ratio(f"listing {MANY}, time / that for {10 * FEW}", *times, 12, milliseconds)

    def recipients(self):
        self.bench.head("1,000 recipients in one mail beside 100, each recipient's share")
        self.configure("one", self.port)
        counts = [instructions(self.submit("one", "-odi", stdin=f"recipients{factor}"), runs=1) / factor for factor in (10, 1)]
        self.bench.tell_ratio("instructions, submission and delivery", *counts, 1.2, million)
        kinds = [(name, factor, mails, *self.copier(name, f"recipients{factor}")) for name, factor, mails in (("thousand", 10, 20), ("hundred", 1, 200))]
        taken = {"thousand": [], "hundred": []}
        for _ in range(7):  # in turns: what else the machine does hits both
            for name, factor, mails, spool, copier in kinds:
                copier.fill(spool / "queue", mails)
                taken[name].append(drain(spool, self.sendmail(name, "-q", stdin="/dev/null")).cpu / (mails * 100 * factor))
        shares = [statistics.median(taken[name]) for name, *_ in kinds]
        self.bench.tell_ratio("processor time of the queue, without the workers", *shares, 1.2, lambda share: f"{share * 1e6:.1f} us")
