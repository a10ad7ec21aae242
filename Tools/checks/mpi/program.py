"""A program that saves with N ranks and loads with M: every pair, both formats, raw and compressed, any pieces."""

import contextlib
import os
import shutil

from running import run, sha256

STYLES = ["rows", "columns", "blocks", "replicated", "scattered"]
FORMATS = [("refx", "none"), ("refx", "fast"), ("hdf5", "none"), ("hdf5", "fast")]


def pairs(commands, program, folder, check, most):
    """Saves with 1 to `most` ranks, loads with as many: what is loaded, and that the bytes are those of one process."""
    print("%-12s %-9s %s" % ("saved", "", "elements wrong when loaded with 1 to %d ranks; SHA-256 of one process" % most))
    elements = 0
    for number, (kind, level) in enumerate(FORMATS):
        serial = os.path.join(folder, "serial." + kind)
        check("one process saves", run([program, "serial", kind, level, serial]).code == 0)
        expected = sha256(serial)
        for writers in range(1, most + 1):
            out = os.path.join(folder, "out." + kind)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(out)
            style = STYLES[(number + writers) % len(STYLES)]
            way = "mpi" if writers % 2 == 0 else "posix"
            done = run([*commands.launcher(writers), program, "save", style, kind, level, way, out])
            check("%d ranks save %s %s" % (writers, kind, level), done.code == 0, done.told)
            if done.code != 0:
                continue
            same = sha256(out) == expected
            check("%d ranks save the bytes of one: %s %s %s %s" % (writers, kind, level, style, way), same)
            row = []
            for readers in range(1, most + 1):
                wanted = STYLES[(number + writers + readers) % len(STYLES)]
                done = run([*commands.launcher(readers), program, "load", wanted, out])
                words = done.output.decode().split()
                wrong = words[2] if done.code in (0, 1) and len(words) == 4 else "exit %d" % done.code
                elements += int(words[0]) if len(words) == 4 else 0
                row.append(wrong)
                check("%d ranks load what %d saved: %s %s %s" % (readers, writers, kind, level, wanted), wrong == "0",
                      done.told)
            print("%-12s %-9s %s  %s" % ("%s %s" % (kind, level), "%d, %s" % (writers, style), " ".join(row),
                                         "the same" if same else "another"))
    print("%d elements compared" % elements)


def bad_plans(commands, program, folder, check):
    """Each ends on all ranks with one sentence, and nothing written."""
    words = {"gap": "no rank has a piece with element", "overlap": "overlap at element", "dtype": "float16",
             "shape": "differs from that of rank 0", "collection": "collection other", "topology": "tied to another"}
    for kind, expected in words.items():
        out = os.path.join(folder, "bad.refx")
        done = run([*commands.launcher(3), program, "bad", kind, out])
        said = done.output.decode()
        check("a bad plan (%s)" % kind, done.code == 2 and expected in said and said.count("\n") == 1, done.told)
        check("a bad plan (%s) names the rank and the path" % kind, "rank" in said and ": w: " in said or ": x: " in said,
              said)
        check("a bad plan (%s) leaves nothing" % kind, not os.path.exists(out))
        print("bad plan, %-10s %s" % (kind, said.strip().replace(folder + "/", "")[:150]))


def failures(commands, program, folder, check, most_calls=6):
    """A rank that dies, or whose disk is full, at each of its calls for the file."""
    place = os.path.join(folder, "failing")
    os.mkdir(place)
    out = os.path.join(place, "out.refx")
    old = os.path.join(folder, "serial.hdf5")
    table = {}
    for what in ["die", "full"]:
        for rank in [0, 2]:
            for call in range(1, most_calls + 1):
                shutil.copy(old, out)
                before = sha256(out)
                done = run(
                    [*commands.launcher(3), program, what, str(rank), str(call), "rows", "refx", "fast", out])
                after = sha256(out)
                stays = [name for name in os.listdir(place) if name != "out.refx"]
                if done.code == 0:
                    check("a rank without trouble saves", after != before and not stays, stays)
                    break
                key = (what, rank)
                table[key] = table.get(key, 0) + 1
                check("%s of rank %d at call %d: the old file is whole" % (what, rank, call), after == before)
                if what == "full":
                    said = done.output.decode()
                    check("a full disk is named once: rank %d, call %d" % (rank, call),
                          done.code == 2 and "on rank %d: cannot write: No space left" % rank in said
                          and said.count("\n") == 1 and not stays, done.told, stays)
                elif stays:
                    done = run([*commands.launcher(2), program, "save", "rows", "refx", "none", "posix", out])
                    stays = [name for name in os.listdir(place) if name != "out.refx"]
                    check("the next save takes the leftover away", done.code == 0 and not stays, done.told, stays)
    for (what, rank), count in table.items():
        print("%s on rank %d: %d calls, each with the old file whole and no rank left" % (
            {"die": "SIGKILL", "full": "full disk"}[what], rank, count))


def main(commands, program, folder, check, most):
    pairs(commands, program, folder, check, most)
    bad_plans(commands, program, folder, check)
    failures(commands, program, folder, check)
