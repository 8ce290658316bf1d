"""sendmail -bs as a program speaks to it."""
import subprocess

from conftest import PALOMA

ANN, BOB = "ann@test.example", "bob@example.net"


def entries(q):
    """What is stored in the queue, in the order it came."""
    return [(q.spool / "queue" / name).read_bytes().decode(errors="replace") for name in q.files()]


class Session:
    """A process that we say commands to."""

    def __init__(self, q, *words, argv=None, **rest):
        self.process = subprocess.Popen(argv or [PALOMA, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=q.environment, **rest)

    def reply(self):
        lines = []
        while True:
            lines.append(self.process.stdout.readline().decode())
            if lines[-1][3:4] != "-":
                return "".join(lines)

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\r\n")
        self.process.stdin.flush()
        return self.reply()

    def mail(self, *recipients, sender=ANN, text="Subject: x\r\n\r\ny"):
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250 ")
        for recipient in recipients:
            assert self.say(f"RCPT TO:<{recipient}>").startswith("250 ")
        assert self.say("DATA").startswith("354 ")
        return self.say(text + "\r\n.")

    def end(self):
        """Exit status and standard error."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors
