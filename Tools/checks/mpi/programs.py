"""What a training does: every rank saves its pieces of a model, and loads them again with any number of ranks."""

import os
import shutil

from running import SECONDS, sha256

KINDS = [("refx", "none"), ("refx", "fast"), ("hdf5", "none"), ("hdf5", "fast")]
STYLES = ["rows", "columns", "blocks", "replicated", "scattered"]
RANKS = range(1, 5)
# Of one rank's file: writes, ends of rounds, the end.
CALLS = [1, 2, 3, 5]


def words(done):
    return done.output.decode("utf-8", "replace").strip()


def pairs(commands, program, folder, check):
    """Saves with 1 to 4 ranks and loads with 1 to 4."""
    number = 0
    for form, level in KINDS:
        serial = os.path.join(folder, "model.%s.%s" % (level, form))
        done = commands.ranked(1, "serial", form, level, serial, program=program)
        check("one process saves the model", done.code == 0, done.told)
        expected = sha256(serial)
        cells = {}
        same = True
        for saving in RANKS:
            number += 1
            how = "mpi" if number % 3 == 0 else "posix"
            style = STYLES[number % len(STYLES)]
            out = os.path.join(folder, "saved.%d.%s" % (saving, form))
            done = commands.ranked(saving, "save", style, form, level, how, out, program=program)
            what = "%d ranks save %s in %s, %s, by %s" % (saving, style, form, level, how)
            is_same = done.code == 0 and sha256(out) == expected
            same = same and is_same
            check(what + ": the bytes of one process", is_same, done.told)
            for loading in RANKS:
                style = STYLES[(number + loading) % len(STYLES)]
                done = commands.ranked(loading, "load", style, out, program=program)
                told = words(done)
                cells[saving, loading] = told.split(", ")[-1].replace(" wrong", "") if done.code == 0 else "WRONG"
                check("%s; %d load %s" % (what, loading, style), done.code == 0 and told.endswith(" 0 wrong"),
                      done.told)
            os.unlink(out)
        print("%s, %s: SHA-256 %s of 1 to 4 ranks and of one process; wrong elements, saved by 1..4 and loaded by 1..4: %s"
              % (form, level, expected[:16] + (" the same" if same else " NOT the same"),
                 "  ".join(" ".join(cells[saving, loading] for loading in RANKS) for saving in RANKS)))


def bad_plans(commands, program, folder, check):
    """What the ranks offer does not make one model: one sentence, and no file is begun."""
    for kind in ["gap", "overlap", "dtype", "shape", "collection", "topology"]:
        out = os.path.join(folder, "bad.refx")
        done = commands.ranked(3, "bad", kind, out, program=program)
        told = words(done)
        check("a bad plan (%s): exit 2, one line, a path, a rank, no file" % kind,
              done.code == 2 and "\n" not in told and "rank" in told and ("w: " in told or "x: " in told)
              and not os.path.exists(out), done.told)
        print("bad plan, %-10s exit %d: %s" % (kind, done.code, told[:150]))


def troubled(commands, program, folder, check):
    """A rank that dies, or has no room, at one of its calls for the file."""
    place = os.path.join(folder, "troubled")
    os.mkdir(place)
    out = os.path.join(place, "model.refx")
    old = os.path.join(folder, "one.refx")
    slowest = 0
    for kind in ("die", "full"):
        for position, call in enumerate(CALLS):
            rank = position % 3
            shutil.copy(old, out)
            done = commands.ranked(3, kind, rank, call, "rows", "refx", "none", out, program=program)
            what = "rank %d %s at call %d" % (rank, {"die": "is killed", "full": "has no room"}[kind], call)
            slowest = max(slowest, done.seconds)
            check(what + ": mpirun ends by itself", done.code not in (0, 124, 137) and done.seconds < SECONDS / 2,
                  done.code, done.seconds)
            check(what + ": the old file", sha256(out) == sha256(old))
            if kind == "full":
                check(what + ": it is said", "on rank %d" % rank in words(done) and done.code == 2, done.told)
                check(what + ": nothing stays", os.listdir(place) == ["model.refx"], os.listdir(place))
            elif len(os.listdir(place)) > 1:
                done = commands.ranked(2, "save", "rows", "refx", "none", "posix", out, program=program)
                check(what + ": the next save takes the leftover away",
                      done.code == 0 and os.listdir(place) == ["model.refx"], done.told, os.listdir(place))
    print("a rank that dies or has no room at each step: %d times, the old file whole; ended within %.1f s"
          % (2 * len(CALLS), slowest))


def all_of(commands, program, folder, check):
    pairs(commands, program, folder, check)
    bad_plans(commands, program, folder, check)
    troubled(commands, program, folder, check)
