"""R7 and R18: the save is killed, or told to stop, at a random time."""

import os
import random
import shutil
import signal
import time

from run import content, make_empty, temporaries
from rows import Row
from scenes import FORMATS


class Loop:
    """Saves to one target of each format, now of one model and now of the other."""

    def __init__(self, row, models, folder, seed):
        self.row = row
        self.models = models
        self.folder = os.path.join(folder, "loop")
        self.chance = random.Random(seed)
        self.durations = {}
        # Until it has begun, there is nothing to interrupt.
        self.start = min(row.refx.run(["--version"]).seconds for _ in range(5))
        make_empty(self.folder)
        for kind in FORMATS:
            shutil.copy(self.models.sources[0], self.target(kind))
            # The shortest of some, so that most interruptions come before the end.
            self.durations[kind] = min(self.save(kind, 0) for _ in range(3))

    def target(self, kind):
        return os.path.join(self.folder, f"m.{kind}")

    def arguments(self, kind, model):
        return ["convert", self.models.sources[model], self.target(kind), "--force"]

    def save(self, kind, model):
        """An undisturbed save, which also removes what dead ones left."""
        done = self.row.refx.run(self.arguments(kind, model))
        self.row.check(done.code == 0 and content(self.target(kind)) == self.models.expected(model, kind),
                       f"{kind}: a save after others were killed: exit {done.code}: {done.errors}")
        left = [name for name in temporaries(self.folder) if f"/.m.{kind}." in name]
        self.row.check(not left, f"{kind}: the next save leaves {left}")
        return done.seconds

    def interrupted(self, kind, model, number):
        """A save that gets a signal at a random time. Gives how it ended, and whether it was writing."""
        process = self.row.refx.start(self.arguments(kind, model))
        time.sleep(self.chance.uniform(0.7 * self.start, 1.1 * self.durations[kind]))
        process.send_signal(number)
        code = process.wait(timeout=60)
        found = content(self.target(kind))
        whole = (self.models.expected(0, kind), self.models.expected(1, kind))
        self.row.check(found in whole, f"{kind}: torn: {None if found is None else len(found)} bytes")
        self.row.check(code in (0, -number), f"{kind}: exit {code} instead of death by signal {number}")
        return code


def kills(refx, models, folder, count, seed):
    """R7."""
    row = Row("R7", "kill -9 at random times", refx)
    loop = Loop(row, models, folder, seed)
    row.files.update(FORMATS)
    killed = writing = 0
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        before = len(temporaries(loop.folder))
        killed += loop.interrupted(kind, number // 3 % 2, signal.SIGKILL) != 0
        writing += len(temporaries(loop.folder)) > before
        if number % 8 == 7:
            loop.save(kind, 0)
    for kind in FORMATS:
        loop.save(kind, 0)
    row.check(not temporaries(loop.folder), f"in the end: {temporaries(loop.folder)}")
    # A loop that never kills a writer shows nothing.
    row.check(writing * 60 >= count, f"only {writing} of {count} were killed while they wrote")
    row.notes.append(f"{killed} of {count} killed, {writing} while writing; seed {seed}")
    return row.finish()


def signals(refx, models, folder, count, seed):
    """R18."""
    row = Row("R18", "SIGINT, SIGTERM, SIGHUP at random times", refx)
    loop = Loop(row, models, folder, seed)
    row.files.update(FORMATS)
    died = 0
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        which = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number // 3 % 3]
        # What a killed writer has left goes with the next save; this one, stopped, may not have come so far.
        died += loop.interrupted(kind, number // 9 % 2, which) != 0
        left = temporaries(loop.folder)
        row.check(not left, f"{kind}: signal {which}: left {left}")
        for name in left:
            os.remove(name)
    row.check(died * 10 >= count, f"only {died} of {count} died of the signal")
    row.notes.append(f"{died} of {count} died by the signal, the others were done; seed {seed}")
    return row.finish()
