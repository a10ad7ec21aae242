"""R16: readers look at a file again and again while a writer replaces it."""

import multiprocessing
import os
import random
import shutil
import time

from run import content, make_empty
from rows import Row
from scenes import FORMATS

READERS = 8


def look(target, whole, stop, seed, results):
    """Reads the file in pieces, with pauses in which it may be replaced. Reports what was wrong."""
    chance = random.Random(seed)
    wrong, reads, seen = [], 0, set()
    while not stop.is_set():
        try:
            with open(target, "rb", buffering=0) as file:
                pieces = []
                while piece := file.read(chance.choice((4096, 65536, 1 << 20))):
                    pieces.append(piece)
                    if chance.random() < 0.02:
                        time.sleep(0.001)
        except OSError as error:
            wrong.append(f"{os.path.basename(target)}: {error}")
            continue
        # The writer needs a core too.
        time.sleep(0.002)
        found = b"".join(pieces)
        reads += 1
        if found in whole:
            seen.add(whole.index(found))
        else:
            wrong.append(f"{os.path.basename(target)}: torn: {len(found)} bytes")
    results.put((wrong[:5], len(wrong), reads, len(seen)))


def run(refx, models, folder, seconds, seed):
    row = Row("R16", f"{READERS} readers, one writer", refx)
    row.files.update(FORMATS)
    home = os.path.join(folder, "readers")
    make_empty(home)
    targets = {kind: os.path.join(home, f"m.{kind}") for kind in FORMATS}
    for kind, target in targets.items():
        shutil.copy(models.sources[0], target)
        models.must(["convert", models.sources[0], target, "--force"])
        models.new(kind)
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    readers = []
    for number in range(READERS):
        kind = FORMATS[number % len(FORMATS)]
        whole = (models.old(kind), models.new(kind))
        readers.append(multiprocessing.Process(
            target=look, args=(targets[kind], whole, stop, f"{seed}-{number}", results)))
    for reader in readers:
        reader.start()
    end, saves = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        kind = FORMATS[saves % len(FORMATS)]
        done = refx.run(["convert", models.sources[(saves // len(FORMATS) + 1) % 2], targets[kind], "--force"])
        row.check(done.code == 0, f"{kind}: exit {done.code}: {done.errors}")
        # The command as a reader, which opens and checks what it finds.
        if saves % 5 == 4:
            done = refx.run(["verify", *targets.values()])
            row.check(done.code == 0, f"verify: exit {done.code}: {done.errors}")
        saves += 1
    stop.set()
    reads = 0
    for _ in readers:
        wrong, count, some, seen = results.get(timeout=60)
        for text in wrong:
            row.violation(text)
        row.check(count == 0, f"{count} wrong reads")
        row.check(seen == 2, f"a reader saw {seen} of the two models")
        reads += some
    for reader in readers:
        reader.join()
    for kind, target in targets.items():
        row.check(content(target) in (models.old(kind), models.new(kind)), f"{kind}: torn in the end")
    row.notes.append(f"{saves} saves, {reads} reads; seed {seed}")
    return row.finish()
