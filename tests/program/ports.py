"""Ports for servers of other people, which are told theirs before they bind it."""
import contextlib
import pathlib
import random
import socket

FIRST, LAST = 10000, 65535


def ports_of_nobody():
    """Those that the kernel gives nobody who asks for any, as every client does: one of them is still free when a server begins."""
    low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return [port for port in range(FIRST, LAST + 1) if not low <= port <= high] or [0]


def free_port():
    """One that is free over UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", random.choice(ports_of_nobody())))
            udp.bind(tcp.getsockname())
            return tcp.getsockname()[1]
