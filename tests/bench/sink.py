"""An SMTP server that takes everything and keeps nothing, quicker than any client of the bench.

sink.py [CERTIFICATE KEY]: prints two ports of loopback, one that speaks SMTP, with STARTTLS if it has a certificate, and one that only reads; then, for
each line on standard input, how many connections, mails and flights of answers there have been, which it counts anew.
Unlike paloma serve it writes nothing to a disk, so that a client's time is the client's.
"""
import socket
import ssl
import sys
import threading

BLOCK = 1 << 18
END_OF_DATA = b"\r\n.\r\n"
KEYWORDS = b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n"
# The last word of a flight (RFC 2920 §3.1).
FINAL = {b"DATA": b"354 Go on\r\n", b"STARTTLS": b"220 Go on\r\n", b"QUIT": b"221 2.0.0 Farewell\r\n"}


counts = {"connections": 0, "mails": 0, "flights": 0}


class Session:
    def __init__(self, peer, context):
        self.peer, self.context = peer, context
        self.block = memoryview(bytearray(BLOCK))
        self.input = b""

    def answer(self, replies):
        counts["flights"] += 1
        self.peer.sendall(replies)

    def run(self):
        counts["connections"] += 1
        self.answer(b"220 sink.example ESMTP\r\n")
        while self.fill():
            replies = b""
            while b"\n" in self.input:
                line, self.input = self.input.split(b"\n", 1)
                verb = line.split(b" ", 1)[0].strip().upper()
                if verb in FINAL:
                    self.answer(replies + FINAL[verb])
                    replies = b""
                if verb == b"QUIT":
                    return
                if verb == b"STARTTLS":
                    self.peer = self.context.wrap_socket(self.peer, server_side=True)
                elif verb == b"DATA" and not self.swallow():
                    return
                elif verb == b"EHLO":
                    replies += KEYWORDS + (b"250 STARTTLS\r\n" if self.context and not isinstance(self.peer, ssl.SSLSocket) else b"250 HELP\r\n")
                else:
                    replies += b"250 2.0.0 Yes\r\n"
            if replies:
                self.answer(replies)

    def fill(self):
        got = self.peer.recv_into(self.block)
        self.input += self.block[:got]
        return got > 0

    def swallow(self):
        """Reads to the end of the data. It can only be at the end of what has come, with at most a command behind it."""
        tail = b"\r\n" + self.input
        while END_OF_DATA not in tail:
            got = self.peer.recv_into(self.block)
            if not got:
                return False
            tail = (tail + self.block[:got])[-64:] if got < 64 else bytes(self.block[got - 64:got])
        self.input = tail.split(END_OF_DATA, 1)[1]
        counts["mails"] += 1
        return True


def converse(peer, context):
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(peer, context)
        session.run()
        session.peer.close()
    except OSError:
        peer.close()


def swallow_all(peer, _):
    block = bytearray(BLOCK)
    while peer.recv_into(block):
        pass
    peer.close()


def accept(listener, serve, context):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], context), daemon=True).start()


def main():
    context = None
    if sys.argv[1:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    smtp, raw = (socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2))
    listeners = [(smtp, converse), (raw, swallow_all)]
    try:
        # localhost may be ::1 first.
        listeners.append((socket.create_server(("::1", smtp.getsockname()[1]), family=socket.AF_INET6), converse))
    except OSError:
        pass
    for listener, serve in listeners:
        threading.Thread(target=accept, args=(listener, serve, context), daemon=True).start()
    print(smtp.getsockname()[1], raw.getsockname()[1], flush=True)
    for _ in sys.stdin:  # until whoever started it is gone
        print(*counts.values(), flush=True)
        counts.update(dict.fromkeys(counts, 0))


main()
