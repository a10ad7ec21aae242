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


def uneven(commands, program, folder, check):
    """Ranks whose arguments differ: none is left waiting, and no file comes of it; the first one's metadata counts."""
    out = os.path.join(folder, "uneven.refx")
    for way in ["posix", "mpi"]:
        for what in ["format", "compression", "overwrite", "durability", "writing"]:
            done = run([*commands.launcher(3), program, "uneven", what, way, out])
            said = done.output.decode()
            check("ranks with another %s, --io %s" % (what, way), done.code == 2 and said.count("\n") == 1
                  and "on rank 2: the rank asks for another %s than rank 0" % what in said, done.told)
            check("ranks with another %s leave nothing" % what, not os.path.exists(out))
        done = run([*commands.launcher(3), program, "uneven", "metadata", way, out])
        told = commands.alone("inspect", "--json", out)
        check("the metadata of rank 0 count", done.code == 0 and told.code == 0
              and b'"rank":""' in told.output.replace(b" ", b""), done.told, told.told)
        check("a file of ranks with other metadata is sound", commands.alone("verify", out).code == 0)
        os.unlink(out)
    print("ranks whose arguments differ: one sentence each, and nothing written")


def heavy(commands, program, folder, check, mebibytes=300, most=320):
    """One rank has everything: what the others hold stays small, and what it has is not held a second time."""
    for level, way in [("none", "posix"), ("fast", "mpi")]:
        out = os.path.join(folder, "heavy.refx")
        done = run([*commands.launcher(4), program, "heavy", str(mebibytes), level, way, out])
        peaks = [int(word) for word in done.output.split()] if done.code == 0 else []
        check("memory of 4 ranks, of which one has %d MiB: %s %s" % (mebibytes, level, way),
              len(peaks) == 4 and max(peaks) < most, done.told)
        check("what they wrote is sound", commands.alone("verify", out).code == 0)
        print("%d MiB on one of 4 ranks, %s, --io %s: at most %s MiB of memory each" % (mebibytes, level, way, peaks))
        os.unlink(out)


READER = """
import sys, h5py, numpy
count = 0
def same(name, first):
    global count
    second = others[name]
    if isinstance(first, h5py.Dataset):
        count += 1
        assert first.dtype == second.dtype and first.shape == second.shape, name
        assert first[()].tobytes() == second[()].tobytes() if first.dtype.kind != "O" \\
            else (first[()] == second[()]).all(), name
with h5py.File(sys.argv[1]) as ours, h5py.File(sys.argv[2]) as others:
    ours.visititems(same)
print(count)
"""


def h5py_reads(commands, program, folder, check, skip):
    """h5py reads what ranks wrote, and finds in it what it finds in the file of one process."""
    python = os.environ.get("REFX_PYTHON", "python3")
    if run([python, "-c", "import h5py, numpy"]).code != 0:
        return skip("h5py reads what ranks wrote", "%s has no h5py; REFX_PYTHON names another one" % python)
    for level in ["none", "fast"]:
        alone, ranked = os.path.join(folder, "alone.h5"), os.path.join(folder, "ranked.h5")
        check("one process saves", run([program, "serial", "hdf5", level, alone]).code == 0)
        done = run([*commands.launcher(3), program, "save", "blocks", "hdf5", level, "posix", ranked])
        check("3 ranks save for h5py", done.code == 0, done.told)
        done = run([python, "-c", READER, ranked, alone])
        check("h5py reads what 3 ranks wrote, %s" % level, done.code == 0 and int(done.output) >= 10, done.told)
        print("h5py reads what 3 ranks wrote, %s: %s arrays" % (level, done.output.decode().strip()))


def main(commands, program, folder, check, most, skip):
    pairs(commands, program, folder, check, most)
    h5py_reads(commands, program, folder, check, skip)
    bad_plans(commands, program, folder, check)
    uneven(commands, program, folder, check)
    heavy(commands, program, folder, check)
    failures(commands, program, folder, check)
