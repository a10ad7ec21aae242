"""A job: something that is timed in a process of its own, once in every round."""

import fnmatch
import json
import os
import statistics
import subprocess
import time

import environment


# What is touched and given back before a heavy job: a virtual machine returns memory to its host when nobody uses it,
# and the first to want it again would pay for that.
ROOM = 1 << 30


class Trouble(Exception):
    pass


def run(arguments):
    """Runs a program that prints one line of JSON."""
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise Trouble(words[-1] if words else f"exit {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Job:
    """`id` and `data` as in the JSON; `keys` go to the program as key=value."""

    def __init__(self, id, data, keys=None, *, out=None, unit="bytes", threads=None, synced=False, source=None,
                 memory=False, allocations=False, note=None):
        self.id, self.data, self.unit, self.threads, self.synced = id, data, unit, threads, synced
        # A save's `source` is what its output must equal.
        self.out, self.source, self.note = out, source, note
        self.keys = dict(keys or {})
        if threads:
            self.keys["threads"] = threads
        if out:
            self.keys["out"] = out
        self.memory, self.allocations = memory, allocations
        self.wall, self.cpu, self.facts, self.failure = [], [], {}, None
        # The peer's job, where several ids are one with other keys.
        self.runs_as = id.removeprefix("peer:")

    @property
    def name(self):
        words = [self.id, self.data]
        if self.threads:
            words.append(f"{self.threads} thread{'s' if self.threads > 1 else ''}")
        if self.synced:
            words.append("synced")
        return " ".join(words)

    def matches(self, pattern):
        return any(fnmatch.fnmatchcase(text, pattern) for text in (self.id, self.name))

    def command(self, programs):
        program = [programs.python, programs.peers, self.runs_as] if self.is_peer else [
            programs.bench, self.id]
        return program + [f"{key}={value}" for key, value in self.keys.items()]

    @property
    def heavy(self):
        """Whether it takes so much memory that it matters whether the system has it at hand."""
        return self.data in ("D1", "D2", "D6", "whisper") or int(self.keys.get("large", 0)) > ROOM // 16

    @property
    def is_peer(self):
        return self.id.startswith("peer:")

    def measure(self, programs):
        """One run: its line."""
        return run(self.command(programs))

    def warm(self):
        """Reads the file that the job reads: what nobody has touched for a while may be the host's again, also of the
        page cache, and others of this round have touched theirs."""
        for key in ("in", "with"):
            if os.path.isfile(str(self.keys.get(key, ""))):
                with open(self.keys[key], "rb") as file:
                    while file.read(8 << 20):
                        pass

    def clear(self):
        if self.out and os.path.exists(self.out):
            os.remove(self.out)

    def round(self, programs, keep=False):
        """One run, whose times are kept. The output is removed before and, unless `keep`, after it: what is
        written and gone at once never reaches the disk, and so disturbs nobody."""
        if self.failure:
            return
        self.clear()
        try:
            if self.heavy:
                run([programs.bench, "room", f"bytes={ROOM}"])
                self.warm()
            line = self.measure(programs)
        except (Trouble, OSError, ValueError, KeyError) as error:
            self.failure = str(error)
            return
        finally:
            if not keep:
                self.clear()
        self.wall.append(line["wallSeconds"])
        self.cpu.append(line["cpuSeconds"])
        self.facts = {key: line[key] for key in ("bytes", "leaves", "stored") if key in line}

    def extra(self, programs):
        """What takes runs of its own."""
        if self.failure or self.is_peer:
            return
        for wanted, kind, field in ((self.memory, "memory", "peakExtraBytes"),
                                    (self.allocations, "allocations", "allocations")):
            if wanted:
                self.clear()
                try:
                    self.facts[field] = run(self.command(programs) + [f"measure={kind}"])[field]
                except (Trouble, OSError, KeyError) as error:
                    environment.say(f"{self.name}: {kind}: {error}")
        self.clear()

    # Figures

    @property
    def seconds(self):
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self):
        return statistics.median(self.cpu)

    def figure(self, kind):
        """What a budget may count; None where it was not measured."""
        if self.failure or not self.wall:
            return None
        try:
            return {
                "seconds": lambda: self.seconds,
                "nsPerLeaf": lambda: self.seconds / self.facts["leaves"] * 1e9,
                "bytesPerCpuSecond": lambda: self.facts["bytes"] / self.cpu_seconds,
                "peakExtraBytes": lambda: self.facts["peakExtraBytes"],
                "stored": lambda: self.facts["stored"],
            }[kind]()
        except (KeyError, ZeroDivisionError):
            return None


def ratio(unit, mine, other):
    """The median of the rounds' ratios: of speed, so that larger is better, but for seconds."""
    pairs = [(its / own if unit != "seconds" else own / its) for own, its in zip(mine, other) if own > 0 and its > 0]
    return statistics.median(pairs) if pairs else None


class Command(Job):
    """A program of any kind, run `times` times in a row; seconds are those of one. Includes its start."""

    def __init__(self, id, data, arguments, times=1, **more):
        super().__init__(id, data, **more)
        self.arguments, self.times = arguments, times

    def measure(self, programs):
        before, start = environment.children_seconds(), time.perf_counter()
        most = 0
        for _ in range(self.times):
            process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE)
            words = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stderr.close()
            if process.returncode != 0:
                lines = words.decode(errors="replace").strip().splitlines()
                raise Trouble(lines[0] if lines else f"exit {process.returncode}")
            most = max(most, usage.ru_maxrss * 1024)
        wall = time.perf_counter() - start
        line = {"wallSeconds": wall / self.times, "cpuSeconds": (environment.children_seconds() - before) / self.times}
        self.most = most
        return line

    def extra(self, programs):
        # All that was resident, the program itself included: more than what counts, never less.
        if self.memory and not self.failure:
            self.facts["peakExtraBytes"] = self.most
