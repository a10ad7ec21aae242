"""R6: every call of a save that changes a file is the last one, or fails, or is done by half."""

import errno
import os
import signal

from run import read_log, temporaries
from rows import Row

WRITES = ("write", "pwrite")
# What must not fail without a word. The rest are calls whose failure changes nothing: a folder that is closed,
# a file's owner that cannot be kept.
NEEDED = ("write", "pwrite", "fsync", "fdatasync", "rename", "renameat2", "fchmod", "ftruncate", "link", "mkdir")


def deeds(call, long, is_plain):
    """How a call may be spoiled. A save that is no plain one of a format has all of it in the long set alone."""
    yield "kill"
    yield f"error:{errno.EIO}"
    if long or is_plain:
        yield f"error:{errno.ENOSPC}"
    if call.name in WRITES and (long or is_plain):
        yield "tear"
        yield "short"
    if not long:
        return
    yield f"error:{errno.EINTR}"
    yield f"error:{errno.EDQUOT}"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield f"signal:{number}"
    if call.name in WRITES:
        yield "zero"


def run(refx, scenes, folder, long):
    row = Row("R6", "every call of a save spoiled", refx)
    points = 0
    for scene in scenes:
        row.files.update(scene.files)
        log = os.path.join(folder, "log")
        scene.set_up()
        done = refx.spoiled(scene.arguments, scene.folder, log=log, always=scene.always)
        calls = read_log(log)
        row.check(done.code == 0 and set(scene.states().values()) == {"new"} and len(calls) > 5,
                  f"{scene.name}: undisturbed: exit {done.code}, {scene.states()}, {len(calls)} calls: {done.errors}")
        scene.set_up()
        done = refx.spoiled(scene.arguments, scene.folder, always=scene.always, dribble=997)
        row.check(done.code == 0 and set(scene.states().values()) == {"new"} and not temporaries(scene.folder),
                  f"{scene.name}: a few bytes at a time: exit {done.code}, {scene.states()}: {done.errors}")
        for at, call in enumerate(calls, 1):
            for deed in deeds(call, long, scene.is_plain):
                points += 1
                spoil(row, scene, log, at, call, deed)
    row.notes.append(f"{points} points of {len(scenes)} saves")
    return row.finish()


def spoil(row, scene, log, at, call, deed):
    scene.set_up()
    done = row.refx.spoiled(scene.arguments, scene.folder, log=log, at=at, what=deed, always=scene.always)
    states = scene.states()
    left = temporaries(scene.folder)
    where = f"{scene.name}: call {at}, {call}, {deed}: exit {done.code}, {states}"
    if deed in ("kill", "tear"):
        row.check(done.code == -signal.SIGKILL, f"{where}: it was not killed")
        check_after_kill(row, scene, states, where)
    elif deed.startswith("signal:"):
        row.check(done.code == -int(deed[7:]), f"{where}: it did not die by the signal")
        row.check(not left, f"{where}: left {left}")
        check_after_kill(row, scene, states, where)
    elif deed == "short":
        row.check(done.code == 0 and set(states.values()) == {"new"} and not left, f"{where}: {done.errors}")
    else:
        check_after_error(row, scene, read_log(log), at, call, deed, done, states, left, where)


def check_after_kill(row, scene, states, where):
    """Each file is whole, and the next save makes good."""
    fine = {"old", "new"} | ({"empty"} if scene.may_be_empty else set())
    row.check(set(states.values()) <= fine, f"{where}: torn")
    if set(states.values()) == {"old"} and not temporaries(scene.folder):
        return
    done = row.refx.run(scene.again())
    modes = {"new"} if not scene.may_be_empty else {"new", "new, of mode 600"}
    row.check(done.code == 0 and set(scene.states().values()) <= modes,
              f"{where}: the next save: exit {done.code}, {scene.states()}: {done.errors}")
    row.check(not temporaries(scene.folder), f"{where}: the next save leaves {temporaries(scene.folder)}")


def check_after_error(row, scene, calls, at, call, deed, done, states, left, where):
    number = errno.EIO if deed == "zero" else int(deed[6:])
    first_line = done.errors.split("\n")[0]
    if call.name != "unlink":
        row.check(not left, f"{where}: left {left}")
    if done.code == 0:
        row.check(set(states.values()) == {"new"}, f"{where}: said to be done, and is not")
        interrupted = number == errno.EINTR and call.name in ("open", "write", "pwrite", "close")
        needed = call.name in NEEDED or (call.name in ("close", "open") and call.about() == "temporary")
        passes = interrupted or not needed or (scene.always and call.name in scene.always)
        row.check(passes, f"{where}: the error was passed over")
        return
    row.check(done.code == 2, f"{where}: {done.errors}")
    row.check(first_line.startswith("refx: ") and os.strerror(number) in first_line and scene.folder in first_line,
              f"{where}: path and cause are not named: {done.errors}")
    if call.name == "fsync" and call.about() == "folder" and calls[-1].name != "rename" and is_last_sync(calls, at):
        row.check(set(states.values()) == {"new"} and "the new file is in place" in first_line,
                  f"{where}: after the rename: {done.errors}")
        return
    # Of several files, those that were renamed before stay; that is said.
    renamed = any(earlier.name == "rename" and earlier.result == 0 for earlier in calls[:at - 1])
    if renamed and len(scene.files) > 1:
        row.check(set(states.values()) <= {"old", "new"} and "replaced before that" in done.errors,
                  f"{where}: {done.errors}")
    else:
        row.check(set(states.values()) == {"old"}, f"{where}: the old file is not as it was: {done.errors}")
    if call.name == "fsync":
        row.check(not any(later.name in ("fsync", "rename", "renameat2", "link") for later in calls[at:]),
                  f"{where}: a sync that failed was tried again, or passed over")


def is_last_sync(calls, at):
    """Whether the files had their names when call number `at` was made."""
    return any(call.name in ("rename", "renameat2", "link") and call.result == 0 for call in calls[:at - 1])
