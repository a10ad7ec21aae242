"""What refx-mpi does over ranks is what refx does alone, and no rank is left waiting whatever happens to one."""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import hosts
import program
import samples
from running import Commands, descendants, run, sha256, start

counts = {"checks": 0, "wrong": 0, "skipped": 0}


def check(what, is_right, *shown):
    counts["checks"] += 1
    if not is_right:
        counts["wrong"] += 1
        print("WRONG: %s" % what)
        for each in shown:
            print("    %s" % (each if isinstance(each, str) else repr(each))[:600])


def skip(what, reason):
    counts["skipped"] += 1
    print("skipped: %s: %s" % (what, reason))


def sources(commands, folder):
    """The generated checkpoints as .refx, with ties and collections, and real files."""
    made = {}
    for name, make in [("mixed", samples.mixed), ("one", samples.one)]:
        make(os.path.join(folder, name + ".npz"))
    samples.large(os.path.join(folder, "plain.npz"), 4)
    plain, nested, tied, damaged = (os.path.join(folder, name) for name in
                                    ["mixed.npz", "nested.refx", "mixed.refx", "damaged.refx"])
    for done in [
        commands.alone("convert", plain, nested, "--nest", ".", "--tag", "model/**=params"),
        commands.alone("tie", nested, "model/embedding", "model/head", "-o", tied),
        commands.alone("convert", os.path.join(folder, "one.npz"), os.path.join(folder, "one.refx")),
        commands.alone("convert", tied, os.path.join(folder, "tied.h5")),
        commands.alone(
            "convert", tied, os.path.join(folder, "other.refx"), "--dtype", "float32=float16", "--compression",
            "none"),
    ]:
        check("the samples are made", done.code == 0, done.errors)
    shutil.copy(tied, damaged)
    size = os.path.getsize(damaged)
    with open(damaged, "r+b") as file:
        for place in (size // 5, size // 2):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0x10]))
    made["mixed"] = tied
    made["one"] = os.path.join(folder, "one.refx")
    return made


def hash_table(commands, files, folder, most):
    """The bytes are those of the serial command for every number of ranks."""
    print("%-28s %-6s %-5s  %s" % ("file", "format", "", "SHA-256 of refx and of 1 to %d ranks" % most))
    for name, source in files.items():
        for suffix in ["refx", "h5"]:
            for level in ["none", "fast"]:
                arguments = ["--compression", level, "--skip-unsupported"]
                serial = os.path.join(folder, "serial." + suffix)
                expected = commands.alone("convert", source, serial, "--force", *arguments)
                if expected.code != 0:
                    check("%s can be converted" % name, False, expected.errors)
                    continue
                row = [sha256(serial)]
                for ranks in range(1, most + 1):
                    out = os.path.join(folder, "ranks%d.%s" % (ranks, suffix))
                    how = ["--io", "mpi"] if ranks == 3 else []
                    done = commands.ranked(ranks, "convert", source, out, "--force", *arguments, *how)
                    row.append(sha256(out) if done.code == 0 else "exit %d" % done.code)
                    what = "%s to %s, %s, %d ranks %s" % (name, suffix, level, ranks, " ".join(how))
                    check("same bytes: " + what, row[0] == row[-1], row, done.errors)
                    check("same words: " + what, done.told == expected.told, done.told, expected.told)
                same = "all the same" if len(set(row)) == 1 else " ".join(each[:10] for each in row[1:])
                print("%-28s %-6s %-5s  %s  %s" % (name[:28], suffix, level, row[0][:16], same))


def outputs(commands, folder):
    """Standard output, standard error and exit code are those of the serial command."""
    def at(name):
        return os.path.join(folder, name)

    rows = [
        ["verify", at("mixed.refx"), at("one.refx"), at("tied.h5")],
        ["verify", "--json", at("damaged.refx"), at("mixed.npz"), at("mixed.refx")],
        ["verify", at("damaged.refx"), "/does/not/exist"],
        ["digest", at("mixed.refx")],
        ["digest", "--by-collection", "--json", at("tied.h5")],
        ["digest", at("one.refx")],
        ["diff", at("mixed.refx"), at("tied.h5")],
        ["diff", "--all", at("mixed.refx"), at("nested.refx")],
        ["diff", "--json", "--exact", at("mixed.refx"), at("other.refx")],
        ["diff", "--quiet", at("mixed.refx"), at("nested.refx"), "--only", "value"],
        ["diff", "--renames", "--rtol", "1e-3", at("mixed.npz"), at("nested.refx")],
        ["convert", "--salvage", at("damaged.refx"), at("rest.refx"), "--force", "--json"],
        ["convert", at("mixed.refx"), at("small.refx"), "--force", "--dtype", "float32=float8_e4m3fn", "--json"],
        ["convert", at("mixed.refx"), at("names.safetensors"), "--force", "--skip-unsupported",
         "--max-shard-size", "2MB", "--json"],
        ["convert", at("plain.npz"), at("plain.safetensors"), "--force", "--max-shard-size", "2MB", "--json"],
        ["convert", at("mixed.refx"), "-"],
        ["convert", at("mixed.refx"), at("mixed.refx")],
        ["convert", at("mixed.refx"), "/no/such/folder/out.refx", "--json"],
        ["partition", at("mixed.refx"), "--by-collection", "-o", at("parts"), "--force"],
        ["partition", at("mixed.refx"), "--select", "path:layers/**=" + at("layers.h5"), "--rest", at("left.refx"),
         "--force", "--json"],
        ["diff", at("mixed.refx")],
        ["verify", "--from", "nonsense", at("mixed.refx")],
        ["--help"],
    ]
    written = ["rest.refx", "small.refx", "plain-00001-of-00002.safetensors", "parts/params.refx",
               "parts/rest.refx", "layers.h5", "left.refx"]
    for row in rows:
        expected = commands.alone(*row)
        before = {name: sha256(at(name)) for name in written if os.path.exists(at(name))}
        for ranks in (2, 3):
            done = commands.ranked(ranks, *row)
            what = " ".join(word.replace(folder + "/", "") for word in row) + ", %d ranks" % ranks
            if row == ["--help"]:
                check(what, done.code == 0 and b"refx-mpi" in done.output, done.told)
                continue
            if b"on rank" in done.errors:
                check("nothing is said of a rank where one process says the same: " + what, False, done.errors)
            # The usage names the program.
            told = done.code, done.output, done.errors.replace(b"usage: refx-mpi ", b"usage: refx ")
            check(what, told == expected.told, told, expected.told)
            after = {name: sha256(at(name)) for name in before}
            check("same files: " + what, before == after)
        print("same words and exit code %d: %s" % (expected.code, " ".join(os.path.basename(w) for w in row)))


def ranks_of(process, program):
    """The processes of the ranks, in the order in which they were started."""
    return sorted(each for each, name in descendants(process) if name == program[:15])


def left_over(folder, known):
    return sorted(name for name in os.listdir(folder) if name not in known)


def interrupted(commands, folder, times):
    """A rank that is killed, or a launcher that is told to end: the old file is whole, and nothing stays."""
    generator = random.Random(20)
    source = os.path.join(folder, "large.refx")
    samples.large(os.path.join(folder, "large.npz"), 64)
    check("a large sample", commands.alone("convert", os.path.join(folder, "large.npz"), source).code == 0)
    place = os.path.join(folder, "killed")
    os.mkdir(place)
    out = os.path.join(place, "out.refx")
    old = os.path.join(folder, "one.refx")
    # How long a whole run takes, so that the moments are spread over it.
    whole = commands.ranked(3, "convert", source, out, "--force", "--compression", "best")
    check("a whole save", whole.code == 0, whole.told)
    new = sha256(out)
    program = os.path.basename(commands.refx_mpi)
    table = {"before": 0, "after": 0}
    slowest = 0
    for number in range(times):
        shutil.copy(old, out)
        how = "TERM to mpirun" if number % 4 == 3 else "KILL of a rank"
        process = start(
            [*commands.launcher(3), commands.refx_mpi, "convert", source, out, "--force", "--compression", "best"])
        time.sleep(generator.random() * whole.seconds)
        found = ranks_of(process.pid, program)
        begun = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            if how == "TERM to mpirun":
                launcher = [each for each, name in descendants(process.pid) if name == "mpirun"]
                for each in launcher[:1]:
                    os.kill(each, signal.SIGTERM)
            elif found:
                os.kill(found[generator.randrange(len(found))], signal.SIGKILL)
        process.communicate()
        waited = time.monotonic() - begun
        slowest = max(slowest, waited)
        check("mpirun ends within 30 s of a %s" % how, waited < 30, waited)
        is_new = sha256(out) == new
        table["after" if is_new else "before"] += 1
        check("the file is the old one or the new one after a %s" % how, is_new or sha256(out) == sha256(old))
        stays = left_over(place, ["out.refx"])
        if how == "TERM to mpirun":
            check("nothing stays after a %s" % how, not stays, stays)
        if stays:
            done = commands.ranked(2, "convert", old, out, "--force")
            check("the next save takes the leftover away", done.code == 0 and not left_over(place, ["out.refx"]),
                  done.told, left_over(place, ["out.refx"]))
        deadline = time.monotonic() + 10
        while [each for each in found if os.path.exists("/proc/%d" % each)] and time.monotonic() < deadline:
            time.sleep(0.05)
        check("no rank is left", not [each for each in found if os.path.exists("/proc/%d" % each)])
    print("interrupted %d times: the old file %d times, the new one %d times; mpirun ended within %.1f s"
          % (times, table["before"], table["after"], slowest))


def wrapper(folder, name, rank, action, command):
    """A program that does something first on one rank."""
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write("#!/bin/sh\nif [ \"$OMPI_COMM_WORLD_RANK\" = %d ]; then %s; fi\nexec '%s' \"$@\"\n"
                   % (rank, action, command))
    os.chmod(path, 0o755)
    return path


def one_sentence(what, done, code, *words):
    lines = done.errors.decode("utf-8", "replace").strip().split("\n")
    check("%s: exit %d" % (what, code), done.code == code, done.told)
    if "--io mpi" in what:
        # Open MPI has words of its own.
        lines = [line for line in lines if line.startswith("refx: ")] or [""]
    check("%s: one sentence" % what, len(lines) == 1 and lines[0].startswith("refx: "), lines)
    for word in words:
        check("%s: it names %s" % (what, word), word in lines[0], lines)
    print("%s: exit %d after %.1f s: %s" % (what, done.code, done.seconds, lines[0][:150]))


def no_room(commands, folder):
    """A disk that is full for one rank, and one that is full for all."""
    source = os.path.join(folder, "large.refx")
    place = os.path.join(folder, "full")
    os.mkdir(place)
    out = os.path.join(place, "out.refx")
    old = os.path.join(folder, "one.refx")
    # Rank 0 writes for all by MPI-IO, as long as it is on one machine.
    for rank, how in [(0, []), (1, []), (2, []), (0, ["--io", "mpi"])]:
        shutil.copy(old, out)
        program = wrapper(folder, "limited%d" % rank, rank, "ulimit -f 20480", commands.refx_mpi)
        what = " ".join(["no room on rank %d" % rank, *how])
        done = commands.ranked(
            3, "convert", source, out, "--force", "--compression", "none", *how, program=program)
        one_sentence(what, done, 2, out, "on rank %d" % rank)
        check("%s: the old file, and nothing else" % what,
              sha256(out) == sha256(old) and not left_over(place, ["out.refx"]), os.listdir(place))
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    mounted = run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk])
    if mounted.code != 0:
        return skip("a full disk", mounted.errors.decode().strip() or "no tmpfs can be mounted here")
    try:
        out = os.path.join(disk, "out.refx")
        shutil.copy(old, out)
        for how in ([], ["--io", "mpi"]):
            what = " ".join(["a full disk", *how])
            done = commands.ranked(3, "convert", source, out, "--force", "--compression", "none", *how)
            one_sentence(what, done, 2, out, "on rank")
            check("%s: the old file, and nothing else" % what,
                  sha256(out) == sha256(old) and os.listdir(disk) == ["out.refx"], os.listdir(disk))
    finally:
        run(["umount", disk])


def bad_input(commands, folder):
    """A file that one rank alone finds damaged, cut, or missing."""
    # Noise all over, so that every rank reads some of what is damaged.
    good = os.path.join(folder, "plain.refx")
    check("a sample of noise", commands.alone("convert", os.path.join(folder, "plain.npz"), good).code == 0)
    size = os.path.getsize(good)
    place = os.path.join(folder, "hosts")

    def spread(bad):
        shutil.rmtree(place, ignore_errors=True)
        for rank in range(3):
            os.makedirs(os.path.join(place, str(rank)))
            shutil.copy(good, os.path.join(place, str(rank), "in.refx"))
        bad(os.path.join(place, "1", "in.refx"))

    def noise(path):
        # All of the payload, whichever part of it the rank reads; the catalogue at the end is sound.
        with open(path, "r+b") as file:
            for position in range(4096, size * 9 // 10, 512):
                file.seek(position)
                file.write(b"\xA5\x5A")

    def cut(path):
        os.truncate(path, size // 2)

    program = wrapper(folder, "spread", -1, ":", commands.refx_mpi)
    with open(program, "w") as file:
        file.write("#!/bin/sh\ncd '%s'/$OMPI_COMM_WORLD_RANK && exec '%s' \"$@\"\n" % (place, commands.refx_mpi))
    out = os.path.join(folder, "bad.refx")
    for what, bad in [("a missing file", os.unlink), ("a cut file", cut), ("a damaged file", noise)]:
        spread(bad)
        for row in (["digest", "in.refx"], ["convert", "in.refx", out, "--compression", "none"],
                    ["diff", "in.refx", os.path.join(folder, "plain.npz"), "--exact"],
                    ["partition", "in.refx", "--by-collection", "-o", os.path.join(folder, "badparts")]):
            done = commands.ranked(3, *row, program=program)
            one_sentence("%s on rank 1, %s" % (what, row[0]), done, 2, "on rank 1", "in.refx")
            check("nothing was written", not os.path.exists(out)
                  and not os.path.exists(os.path.join(folder, "badparts")))
        done = commands.ranked(3, "verify", "in.refx", program=program)
        expected = 2 if bad is os.unlink else 1
        check("%s on rank 1, verify: exit %d" % (what, expected), done.code == expected, done.told)
        check("%s on rank 1, verify: it is named" % what, b"in.refx" in done.output + done.errors, done.told)


def pages(commands, blocks, folder):
    """The programs of the documentation that need ranks: each ends well, and none is left out."""
    names = run([blocks, "--over-ranks"]).output.decode().split()
    check("the documentation has programs for ranks", len(names) >= 2, names)
    for number, name in enumerate(names):
        place = os.path.join(folder, "page%d" % number)
        os.mkdir(place)
        done = commands.ranked(2, name, program=blocks, cwd=place)
        check("%s runs" % name, done.code == 0, done.told)
        written = sorted(os.listdir(place))
        for file in written:
            verified = commands.alone("verify", file, cwd=place)
            check("%s writes a sound %s" % (name, file), verified.code == 0, verified.told)
        print("%s over 2 ranks: exit %d%s" % (name, done.code, "".join(", wrote " + file for file in written)))


def linked(commands):
    """Neither flavour of HDF5 meets the other, and the ordinary command knows no MPI."""
    for command, forbidden, needed in [
        (commands.refx, ["libmpi", "libopen-rte", "libhdf5_openmpi"], []),
        (commands.refx_mpi, ["libhdf5_openmpi"], ["libmpi"]),
    ]:
        libraries = run(["ldd", command]).output.decode()
        for name in forbidden:
            check("%s does not link %s" % (os.path.basename(command), name), name not in libraries, libraries)
        for name in needed:
            check("%s links %s" % (os.path.basename(command), name), name in libraries, libraries)


def times(commands, folder):
    """How long a save takes, as ratios: on two cores they say that nothing waits needlessly, and no more."""
    source = os.path.join(folder, "large.refx")
    row = []
    for ranks in (1, 2, 4):
        out = os.path.join(folder, "timed.refx")
        best = min(
            commands.ranked(ranks, "convert", source, out, "--force", "--compression", "best").seconds
            for _ in range(2))
        row.append(best)
    start_up = min(commands.ranked(2, "--version").seconds for _ in range(2))
    print("64 MiB compressed by 1, 2 and 4 ranks: 1, %.2f and %.2f times as long; mpirun alone takes %.2f"
          % (row[1] / row[0], row[2] / row[0], start_up / row[0]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--refx", required=True)
    parser.add_argument("--refx-mpi", required=True)
    parser.add_argument("--mpi-check", required=True)
    parser.add_argument("--ranks-check", required=True)
    parser.add_argument("--page-blocks", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--most", type=int, default=4)
    parser.add_argument("--kills", type=int, default=12)
    chosen = parser.parse_args()
    commands = Commands(os.path.abspath(chosen.refx), os.path.abspath(chosen.refx_mpi))
    begun = time.monotonic()
    folder = tempfile.mkdtemp(prefix="refx-mpi-")
    try:
        linked(commands)
        for ranks in range(1, chosen.most + 1):
            done = commands.ranked(ranks, folder, program=os.path.abspath(chosen.mpi_check))
            check("%d ranks understand each other" % ranks, done.code == 0, done.told)
            print(done.output.decode().strip())
        pages(commands, os.path.abspath(chosen.page_blocks), folder)
        files = sources(commands, folder)
        for file in samples.corpus(chosen.root)[:2]:
            files[os.path.basename(file)] = file
        hash_table(commands, files, folder, chosen.most)
        outputs(commands, folder)
        program.main(commands, os.path.abspath(chosen.ranks_check), folder, check, chosen.most, skip)
        interrupted(commands, folder, chosen.kills)
        no_room(commands, folder)
        bad_input(commands, folder)
        hosts.three(commands, folder, check, skip)
        times(commands, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d checks, %d wrong, %d skipped, in %d s"
          % (counts["checks"], counts["wrong"], counts["skipped"], time.monotonic() - begun))
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
