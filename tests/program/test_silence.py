"""A worker that hangs, or that somebody has stopped: its place in the runner and its mail are not lost with it."""
import os
import signal
import threading

from service import until

SMALL = {"timeout": 3, "connect_timeout": 1, "dns_timeout": 1, "retry_first": 1, "retry_longest": 1, "connections": 1}  # 18 seconds of silence
STOPPED = "The process that was to deliver it hung or was stopped, and has been ended."


def test_a_stopped_worker_is_ended_and_its_mail_tried_again(queue, sink):
    stopped = []

    def answer(session, line):
        if line.startswith("MAIL") and not stopped:
            stopped.extend(until(lambda: q.workers(q.runner()), "the worker"))
            for worker in stopped:
                os.kill(worker, signal.SIGSTOP)
        return None

    relay = sink(answer)
    q = queue(relay=relay.url, **SMALL)
    id = q.put("bob@example.net")
    q.flush()
    assert q.wait(id) == 0  # over the only connection there may be
    assert len(stopped) == 1
    until(lambda: not os.path.exists(f"/proc/{stopped[0]}"), "its end")
    assert f"{id}: {STOPPED}" in q.log_text() and "status=sent" in q.log_text()
    assert [mail.recipients for mail in relay.mails] == [["bob@example.net"]]
    q.wait_runner_ends()
    assert q.files() == []


def test_one_that_is_slow_has_all_the_time_that_its_server_takes(queue, sink):
    """Each reply in time, and all together longer than a worker may be silent."""
    never = threading.Event()

    def answer(session, line):
        if line.startswith("RCPT"):
            never.wait(2)
        return None

    relay = sink(answer)
    q = queue(relay=relay.url, pipelining="no", **{**SMALL, "timeout": 6})  # 24 seconds of silence
    id = q.put(*(f"bob{number}@example.net" for number in range(13)))
    q.flush()
    assert q.wait(id) == 0 and STOPPED not in q.log_text()
    assert len(relay.mails) == 1 and len(relay.mails[0].recipients) == 13
