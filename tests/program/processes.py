"""Processes that are not ours to wait for, as /proc tells of them: any may end while it is looked at."""
import contextlib
import os
import pathlib
import select
import signal

PATIENCE = 120


def look(pid, name):
    """What /proc tells of a process; of one that has ended, if only while we look: nothing."""
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def has_ended(pid):
    """Also one for which nobody has waited yet: of those whose parent has died that is not our business."""
    return not look(pid, "status") or "\nState:\tZ" in look(pid, "status")


def children_of(pid):
    return [int(child) for child in look(pid, f"task/{pid}/children").split()]


def processes_with(variable, value):
    """Those who have begun with that in their environment, such as a runner that a caller has left in the background, also one that
    has not got to its lock yet."""
    mark = b"\0" + os.fsencode(f"{variable}={value}") + b"\0"
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if mark in b"\0" + pathlib.Path(f"/proc/{name}/environ").read_bytes() and int(name) != os.getpid():
                found.append(int(name))
    return found


def await_end(pid):
    """False when it does not come."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        ended = select.select([fd], [], [], PATIENCE)[0]
        os.close(fd)
        return bool(ended)
    return True


def end_all_with(variable, value):
    while pids := processes_with(variable, value):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            assert await_end(pid), f"{pid} does not end"
