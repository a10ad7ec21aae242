"""R9: no room, for real: a limit on the size of files, small file systems, /dev/full, folders that take no file."""

import os
import resource
import shutil
import signal
import subprocess

from run import content, make_empty, temporaries
from rows import Row
from scenes import FORMATS

NOBODY = 65534


def run(refx, models, folder, count):
    row = Row("R9", "no room for real", refx)
    row.files.update(FORMATS)
    home = os.path.join(folder, "full")
    limited(row, models, home, count)
    small_disks(row, models, home, max(1, count // 16))
    full_device(row, models)
    folders(row, models, home)
    return row.finish()


def refused(row, models, home, kind, where, causes, **more):
    """A save over an old file that must not work, and change nothing."""
    target = os.path.join(home, f"m.{kind}")
    done = row.refx.run(["convert", models.sources[1], target, "--force"], **more)
    first_line = done.errors.split("\n")[0]
    row.check(done.code == 2 and first_line.startswith("refx: " + target + ": ")
              and any(cause in first_line for cause in causes), f"{where}: exit {done.code}: {done.errors}")
    row.check(content(target) == models.old(kind), f"{where}: the old file is not as it was")
    row.check(not temporaries(home), f"{where}: left {temporaries(home)}")


def put_old(models, home, kind):
    with open(os.path.join(home, f"m.{kind}"), "wb") as file:
        file.write(models.old(kind))


def limited(row, models, home, count):
    """Files that may only have so many bytes: a short write, then none."""
    make_empty(home)
    each = -(-count // len(FORMATS))
    for kind in FORMATS:
        put_old(models, home, kind)
        size = len(models.new(kind))
        limits = [0, 1, size - 1, size // 2, 4096, 4095, 262_144] + [size * step // each for step in range(each)]
        for limit in limits[:each]:
            def before(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            refused(row, models, home, kind, f"{kind}: at most {limit} bytes", ["File too large"], before=before)


def small_disks(row, models, home, each):
    """File systems that hold the old file, and not the new one beside it."""
    make_empty(home)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "refx-saves", home],
                      stderr=subprocess.DEVNULL).returncode != 0:
        row.notes.append("no file system may be mounted here, so none was full")
        return
    try:
        for kind in FORMATS:
            for step in range(each):
                size = len(models.old(kind))
                room = size + 4096 + (len(models.new(kind)) - 8192) * step // each
                for name in os.listdir(home):
                    os.remove(os.path.join(home, name))
                subprocess.run(["mount", "-o", f"remount,size={-(-room // 4096) * 4}k", home], check=True)
                put_old(models, home, kind)
                refused(row, models, home, kind, f"{kind}: a disk of {room} bytes", ["No space left on device"])
        subprocess.run(["mount", "-o", "remount,ro", home], check=True)
        refused(row, models, home, FORMATS[-1], "a disk that is read only", ["Read-only file system"])
    finally:
        subprocess.run(["umount", home], check=True)


def full_device(row, models):
    with open("/dev/full", "wb") as full:
        for kind in ("refx", "safetensors", "h5"):
            done = row.refx.run(["convert", models.sources[1], "-", "--to", kind], output=full)
            if kind == "h5":
                # This one is not written front to back; that is said before anything is.
                row.check(done.code == 2, f"/dev/full: h5: exit {done.code}: {done.errors}")
                continue
            row.check(done.code == 2 and done.errors.startswith("refx: standard output: ")
                      and "No space left on device" in done.errors.split("\n")[0],
                      f"/dev/full: {kind}: exit {done.code}: {done.errors}")
        for arguments in (["inspect", models.sources[1]], ["get", models.sources[1], "b"],
                          ["digest", models.sources[1]], ["verify", models.sources[1], "--json"]):
            done = row.refx.run(arguments, output=full)
            row.check(done.code == 2 and "No space left on device" in done.errors,
                      f"/dev/full: {arguments[0]}: exit {done.code}: {done.errors}")
    for name in ("/dev/full", "/dev/null"):
        done = row.refx.run(["convert", models.sources[1], name, "--force", "--to", "refx"])
        row.check(done.code == 2 and "a device" in done.errors, f"{name}: exit {done.code}: {done.errors}")


def folders(row, models, home):
    """Folders in which nothing may be made. The superuser may, so it is done as nobody."""
    make_empty(home)
    for kind in FORMATS:
        put_old(models, home, kind)
    modes = {path: os.stat(path).st_mode for path in (home, row.refx.path)}
    before = None
    if os.geteuid() == 0:
        reachable = subprocess.run(["test", "-x", row.refx.path], preexec_fn=become_nobody).returncode == 0
        reachable &= subprocess.run(["test", "-r", models.sources[1]], preexec_fn=become_nobody).returncode == 0
        if not reachable:
            row.notes.append("nobody may not run the command, so no folder was read only")
            return
        before = become_nobody
    os.chmod(home, 0o555)
    try:
        for kind in FORMATS:
            refused(row, models, home, kind, f"{kind}: a folder that is read only", ["Permission denied"],
                    before=before)
    finally:
        os.chmod(home, modes[home] & 0o7777)
    missing = os.path.join(home, "missing", "m.refx")
    done = row.refx.run(["convert", models.sources[1], missing])
    row.check(done.code == 2 and missing in done.errors and "No such file or directory" in done.errors,
              f"a missing folder: exit {done.code}: {done.errors}")
    shutil.rmtree(home)


def become_nobody():
    os.setgid(NOBODY)
    os.setuid(NOBODY)
