"""Reads a spool as paloma-spool(5) describes it, without a line of paloma's own."""
import dataclasses
import re
import stat

STATES = {0o600: "writing", 0o700: "queued", 0o710: "held"}


def _make_table():
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (0x82F63B78 if octet & 1 else 0)
        table.append(octet)
    return table


_TABLE = _make_table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


@dataclasses.dataclass
class Mail:
    id: str
    state: str
    envelope: list      # of (field, value) as they stand, values decoded
    message: bytes
    log: list           # of whole lines, split into words

    def values(self, field):
        return [value for name, value in self.envelope if name == field]


class Damaged(Exception):
    pass


def decode(value):
    return re.sub(rb"%([0-9A-F]{2})", lambda code: bytes([int(code[1], 16)]), value)


def read_log(data):
    records = []
    for line in data.split(b"\n"):
        text, mark, tail = line.rpartition(b" sum=")
        if mark and tail == b"%08x" % crc32c(text):
            records.append([decode(word) for word in text.split(b" ")])
    return records


def read_mail(path):
    data = path.read_bytes()
    envelope, empty, rest = data.partition(b"\n\n")
    lines = envelope.split(b"\n")
    if not empty or lines[0] != b"paloma-spool 1":
        raise Damaged("no envelope")
    fields = [(line.partition(b": ")[0].decode(), decode(line.partition(b": ")[2])) for line in lines[1:]]
    size = int(dict(fields)["size"])
    whole = len(envelope) + 2 + size
    if data[whole:whole + 34] != b"end: %020d %08x" % (size, crc32c(data[:whole])):
        raise Damaged("no end")
    if dict(fields)["id"].decode() != path.name:
        raise Damaged("not its id")
    return Mail(path.name, STATES[stat.S_IMODE(path.stat().st_mode)], fields, rest[:size], read_log(data[whole + 34:]))


def read_queue(spool):
    """(mails that will be sent, names of what writers left). One that looks queued and is not whole is an exception."""
    queued, left = [], []
    for path in sorted((spool / "queue").iterdir()):
        if STATES[stat.S_IMODE(path.stat().st_mode)] == "writing":
            left.append(path)
        else:
            queued.append(read_mail(path))
    return queued, left
