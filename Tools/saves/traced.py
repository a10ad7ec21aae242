"""R6 once more, from outside: every system call of a save, as strace sees them, killed or made to fail.

It needs nothing that faults.c knows, so that what the library does without the C library would be found too.
"""

import os
import re
import signal
import subprocess

from run import read_log, temporaries, Trouble
from rows import Row

# Calls that are about files. Others, about memory and threads, are places to be killed at, and never fail.
ABOUT_FILES = ("openat", "open", "write", "pwrite64", "writev", "fsync", "fdatasync", "rename", "renameat",
               "renameat2", "close", "fchmod", "fchmodat", "fchown", "ftruncate", "fallocate", "link", "linkat",
               "unlink", "unlinkat", "newfstatat", "fstat", "lstat", "readlink", "getdents64", "fcntl", "lseek")
# As in points.py: what must not fail in silence.
NEEDED = ("write", "pwrite64", "fsync", "rename", "renameat2", "fchmod")
LINE = re.compile(r"^(?:\d+ +)?([a-z_0-9]+)\(")


def why_not():
    """Why nothing can be traced here; None where it can."""
    try:
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "sync", "/tmp"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    except FileNotFoundError:
        return "there is no strace (apt-get install strace)"
    except subprocess.TimeoutExpired:
        return "strace hangs"
    return None if done.returncode == 1 else "strace may not trace here (is ptrace forbidden?)"


def same_calls(row, scene, folder):
    """Whether faults.c sees each call that strace sees change a file."""
    log, trace = os.path.join(folder, "log"), os.path.join(folder, "trace")
    scene.set_up()
    row.refx.spoiled(scene.arguments, scene.folder, log=log)
    ours = [call.name for call in read_log(log) if call.name not in ("open", "close")]
    scene.set_up()
    row.refx.run(scene.arguments, prefix=[
        "strace", "-f", "-qq", "-y", "-o", trace, "-e",
        "trace=write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,fchmod,ftruncate,link,linkat,unlink,"
        "unlinkat,mkdir,mkdirat,fallocate,copy_file_range,sendfile"])
    names = {"pwrite64": "pwrite"}
    theirs = []
    with open(trace, errors="replace") as lines:
        for line in lines:
            found = LINE.match(line)
            if found and scene.folder in line:
                theirs.append(names.get(found[1], found[1]))
    row.check(ours == theirs, f"{scene.name}: the library saw {ours}, strace {theirs}")


def run(refx, scenes, folder, full):
    row = Row("R6", "every system call traced", refx)
    points = 0
    for scene in scenes:
        if scene.always:
            continue
        row.files.update(scene.files)
        same_calls(row, scene, folder)
        if not full:
            continue
        trace = os.path.join(folder, "trace")
        scene.set_up()
        done = row.refx.run(scene.arguments, prefix=["strace", "-f", "-qq", "-o", trace])
        row.check(done.code == 0, f"{scene.name}: exit {done.code}: {done.errors}")
        for name, number in calls_of_the_save(trace, scene):
            deeds = ["signal=KILL"]
            if name in ABOUT_FILES:
                deeds += ["error=ENOSPC", "error=EIO", "error=EINTR", "error=EDQUOT"]
            for deed in deeds:
                points += 1
                spoil(row, scene, name, number, deed)
    if full:
        row.notes.append(f"{points} points")
    return row.finish()


def calls_of_the_save(trace, scene):
    """Each system call from the first that names the folder on, with its number among those of its name."""
    counts, found, began = {}, [], False
    with open(trace, errors="replace") as lines:
        for line in lines:
            match = LINE.match(line)
            if not match or match[1] in ("execve", "exit_group", "exit"):
                continue
            counts[match[1]] = counts.get(match[1], 0) + 1
            began = began or (scene.folder in line and match[1] == "openat")
            if began:
                found.append((match[1], counts[match[1]]))
    if not found:
        raise Trouble(f"{scene.name}: no call of the save was traced")
    return found


def spoil(row, scene, name, number, deed):
    scene.set_up()
    done = row.refx.run(scene.arguments, prefix=[
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:{deed}:when={number}"])
    states, left = scene.states(), temporaries(scene.folder)
    where = f"{scene.name}: {name} number {number}, {deed}: exit {done.code}, {states}"
    row.check(set(states.values()) <= {"old", "new"}, f"{where}: torn")
    if deed.startswith("signal"):
        # Threads may make the count differ, and nothing be killed.
        row.check(done.code in (0, -signal.SIGKILL, 128 + signal.SIGKILL), f"{where}: {done.errors}")
        return
    if name not in ("unlink", "unlinkat"):
        row.check(not left, f"{where}: left {left}")
    if done.code == 0:
        row.check(set(states.values()) == {"new"}, f"{where}: said to be done, and is not")
        # Which descriptor a call was about is not known here; points.py looks at those.
        row.check(name not in NEEDED or "EINTR" in deed, f"{where}: the error was passed over")
        return
    row.check(done.code == 2, f"{where}: {done.errors}")
    placed = set(states.values()) == {"new"} and "the new file is in place" in done.errors
    some = len(scene.files) > 1 and "replaced before that" in done.errors
    # What a command says when all is done cannot undo it; the error is standard output's, by name.
    said = name == "write" and set(states.values()) == {"new"} and done.errors.startswith("refx: standard output: ")
    row.check(placed or some or said or set(states.values()) == {"old"}, f"{where}: {done.errors}")
