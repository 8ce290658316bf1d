"""The queue while processes are killed: nothing is lost."""
import os
import signal
import threading

from queues import PATIENCE


def test_a_worker_that_dies_costs_its_mail_an_attempt_and_no_other_mail_anything(queue, sink):
    proceed = threading.Event()
    server = sink(lambda session, line: proceed.wait(PATIENCE) and None if line == "." and session.number == 0 else None)
    q = queue(relay=server.url, retry_first=3600, connections=1)
    victim = q.put("victim@example.net")
    q.flush()
    server.wait(lambda _: "DATA" in server.lines)
    others = [q.put(f"bob{number}@example.net") for number in range(5)]
    worker, = q.workers(q.runner())
    os.kill(worker, signal.SIGKILL)
    assert all(q.wait(id) == 0 for id in others)
    mail, = q.list()
    assert mail["queue_id"] == victim and mail["attempts"] == 1 and "has died" in q.log_text()
    proceed.set()
    q.flush()
    assert q.wait(victim) == 0
