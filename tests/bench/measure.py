"""What the bench measures with: instructions, times side by side, system calls, memory."""
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import time

# What it takes: the program, the Debian package it comes in.
NEEDS = {"valgrind": "valgrind", "hyperfine": "hyperfine", "strace": "strace", "/usr/bin/time": "time", "openssl": "openssl",
         "msmtp": "msmtp", "curl": "curl", "s-nail": "s-nail", "bash": "bash", "base64": "coreutils",
         "/usr/sbin/knotd": "knot", "/usr/lib/python3/dist-packages/dns": "python3-dnspython",
         "/etc/ssl/certs/ca-certificates.crt": "ca-certificates"}


class Failed(Exception):
    pass


class Command:
    """A command line with its standard input, in the bench's folder and environment."""

    def __init__(self, folder, words, stdin="/dev/null", **variables):
        self.folder, self.words, self.stdin, self.variables = folder, [str(word) for word in words], stdin, variables

    def line(self):
        """In words for hyperfine, which gives no standard input (before its 1.16): a shell that does takes 1 ms of its own."""
        words = shlex.join(self.words)
        return words if self.stdin == "/dev/null" else shlex.join(["sh", "-c", f"exec {words} <{self.stdin}"])

    def environment(self):
        return {"HOME": str(self.folder), "TMPDIR": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ["PATH"],
                **self.variables}

    def run(self, *before):
        with open(self.folder / self.stdin, "rb") as stdin:
            done = subprocess.run([*before, *self.words], stdin=stdin, capture_output=True, cwd=self.folder, env=self.environment(), timeout=600)
        if done.returncode != 0:
            raise Failed(f"{shlex.join([*before, *self.words])}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
        return done.stderr.decode(errors="replace")


def million(count):
    return f"{count / 1e6:.2f} M"


def milliseconds(time_s):
    return f"{time_s * 1000:.1f} ms"


def note(text):
    print(text, file=sys.stderr, flush=True)


def instructions(command, runs=3, before=lambda: None):
    """The median of some runs: a handshake, and where the loader puts things, differ a little from run to run."""
    note(f"  callgrind: {shlex.join(command.words)[:110]}")
    counts = []
    for _ in range(runs):
        before()
        told = command.run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
        counts.append(int(re.search(r"Collected : (\d+)", told).group(1)))
    return statistics.median(counts)


def seconds(*commands, rounds=10, runs=3):
    """The median time of each command. They take turns, so that what else the machine does meets all of them."""
    folder = commands[0].folder
    times = [[] for _ in commands]
    for command in commands:
        note(f"  hyperfine: {shlex.join(command.words)[:110]}")
    for number in range(rounds):
        for command, taken in zip(commands, times):
            Command(folder, ["hyperfine", "-N", "--style=none", "--warmup", 0 if number else 1, "--runs", runs,
                             "--export-json", "times.json", command.line()]).run()
            taken += json.loads((folder / "times.json").read_text())["results"][0]["times"]
    return [statistics.median(taken) for taken in times]


def start(command):
    """Starts it with its standard input, and no shell between; its pid."""
    stdin = os.open(command.folder / command.stdin, os.O_RDONLY)
    null = os.open("/dev/null", os.O_WRONLY)
    try:
        return os.posix_spawnp(command.words[0], command.words, command.environment(),
                               file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, null, 1)])
    finally:
        os.close(stdin)
        os.close(null)


def spawn(command):
    begun = time.monotonic()
    status = os.waitpid(start(command), 0)[1]
    taken = time.monotonic() - begun
    if status != 0:
        raise Failed(f"{shlex.join(command.words)}: status {os.waitstatus_to_exitcode(status)}")
    return taken


def spawn_times(*commands, rounds=100, spawn=spawn):
    """The times of each command, round by round; they take turns. spawn(command): runs one, gives its time."""
    for command in commands:
        note(f"  {rounds} times: {shlex.join(command.words)[:110]}")
    times = [[] for _ in commands]
    for _ in range(rounds):
        for command, taken in zip(commands, times):
            taken.append(spawn(command))
    return times


def spawn_seconds(*commands, rounds=100):
    """The median time of each command."""
    return [statistics.median(taken) for taken in spawn_times(*commands, rounds=rounds)]


def peak_kib(command, runs=3):
    note(f"  memory: {shlex.join(command.words)[:110]}")
    peaks = []
    for _ in range(runs):
        command.run("/usr/bin/time", "-f", "%M", "-o", "peak")
        peaks.append(int((command.folder / "peak").read_text()))
    return statistics.median(peaks)


def flights(command):
    """(round trips, writes, whether TCP_NODELAY was set before the first write) of a mail, by the system calls on its
    TCP connection. A round trip ends where a read that brought something follows a write, or the connection."""
    note(f"  strace: {shlex.join(command.words)[:110]}")
    command.run("strace", "-f", "-yy", "-o", "calls", "-e", "trace=network,read,readv,write,writev,close")
    trips = writes = 0
    no_delay = False
    last = "write"  # the greeting answers the connection
    for line in (command.folder / "calls").read_text(errors="replace").splitlines():
        call = re.match(r"\d+ +(\w+)\(\d+<TCP[^>]*\S*.* = (-?\d+)", line)
        if not call:
            continue
        name, result = call.group(1), int(call.group(2))
        if name == "setsockopt" and "TCP_NODELAY, [1]" in line and not writes:
            no_delay = True
        elif name in ("write", "writev", "sendto", "sendmsg") and result > 0:
            writes += 1
            last = "write"
        elif name in ("read", "readv", "recvfrom", "recvmsg") and result > 0 and "MSG_PEEK" not in line:
            trips += last == "write"
            last = "read"
    return trips, writes, no_delay
