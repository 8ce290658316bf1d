"""A real name server (knot) with test zones on a high port of loopback."""
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
from ports import free_port

ZONE = """$ORIGIN {name}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
"""


class NameServer:
    def __init__(self, folder, zones, port=None):
        self.port = port or free_port()
        (folder / "run").mkdir()
        lines = [f"server:\n  rundir: {folder}/run\n  listen: 127.0.0.1@{self.port}\n", "log:\n  - target: stderr\n    any: error\n",
                 f"database:\n  storage: {folder}/run\n",
                 f"template:\n  - id: default\n    storage: {folder}\n    journal-content: none\n    zonefile-sync: -1\nzone:\n"]
        for name, records in zones.items():
            (folder / f"{name}.zone").write_text(ZONE.format(name=name) + records)
            lines.append(f"  - domain: {name}.\n    file: {name}.zone\n")
        (folder / "knot.conf").write_text("".join(lines))
        self.process = subprocess.Popen(["/usr/sbin/knotd", "-c", str(folder / "knot.conf")], stderr=open(folder / "knot.log", "wb"))
        try:
            for name in zones:
                self._wait_for(name, folder)
        except BaseException:
            self.stop()  # nobody else knows of it
            raise
        self.address = f"127.0.0.1:{self.port}"

    def _wait_for(self, name, folder):
        query = dns.message.make_query(f"{name}.", dns.rdatatype.SOA)
        for _ in range(200):
            assert self.process.poll() is None, (folder / "knot.log").read_text()
            try:
                if dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.2).answer:
                    return
            except (dns.exception.Timeout, OSError):
                pass
        raise AssertionError("knotd does not answer: " + (folder / "knot.log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
