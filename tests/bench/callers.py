"""What programs wait for that hand mail to sendmail: beside a long aliases file, and in a session of many mails."""
from measure import Failed, instructions, million, milliseconds, spawn_times

ALIASES = 10_000
SESSION_MAILS = 10


class Callers:
    """Parts of Queued that look at the queue from outside."""

    def write_callers(self):
        mail = (self.folder / "mail").read_text()
        for name in ("root", f"user{ALIASES // 2}", "nosuch"):
            self.bench.write(f"mail.{name}", mail.replace("To: c@d.example", f"To: {name}"))
        for count in (1, SESSION_MAILS):
            mails = f"MAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n{mail}.\n" * count
            self.bench.write(f"session{count}", f"EHLO bench.example\n{mails}QUIT\n".replace("\n", "\r\n"))

    def take(self, spool, command, expected, count=1):
        """Runs a command, which makes the spool; so many mails have come into it, with this in each envelope."""
        command.run()
        files = [file.read_bytes() for file in (spool / "queue").iterdir()]
        if len(files) != count or not all(expected.encode() in file for file in files):
            raise Failed(f"{spool} has not {count} mails with {expected}")

    def aliases(self):
        self.bench.head(f"The same for a name of this host, beside an aliases file of {ALIASES} lines")
        self.write_callers()
        names = [f"user{number}" for number in range(ALIASES - 2)]  # and for root, in the last line but one, the file is searched twice
        self.bench.write("aliases", "".join(f"{name}: {name}@example.org\n" for name in names) + "root: admin\nadmin: ops@example.org\n")
        for name, becomes in (
                ("root", "ops@example.org"), (f"user{ALIASES // 2}", f"user{ALIASES // 2}@example.org"), ("nosuch", "nosuch@bench.example")):
            spool = self.configure("beside", self.port, aliases=self.folder / "aliases")
            command = self.submit("beside", stdin=f"mail.{name}")
            self.take(spool, command, becomes)
            count = instructions(command)
            self.bench.tell(f"million instructions, {name} becomes {becomes}", count / 1e6, 1.0, f"{count / 1e6:.3f}")

    def session(self):
        self.bench.head(f"{SESSION_MAILS} mails of 1 KiB in one session (sendmail -bs -odq) beside one")
        self.write_callers()
        commands = []
        for count in (SESSION_MAILS, 1):
            spool = self.configure("session", self.port)
            commands.append(self.sendmail("session", "-bs", "-odq", stdin=f"session{count}"))
            self.take(spool, commands[-1], "c@d.example", count)
        self.bench.tell_ratio("instructions", *(instructions(command) for command in commands), 12, million)
        self.bench.tell_pairs("time", *spawn_times(*commands, rounds=100, spawn=self.spawn_apart), 12, milliseconds)
