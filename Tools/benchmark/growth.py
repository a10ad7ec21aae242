"""How time grows: with the number of leaves from 10^2 to 10^6, and with bytes from 1 MB to 4 GB on 1 and 2 threads."""

import os
import statistics

import environment
import output
import plot
from jobs import Job

BYTES = [1 << 20, 10 << 20, 100 << 20, 1 << 30, 4 << 30]
LEAVES = [100, 1000, 10_000, 100_000, 1_000_000]
# HDF5 spends an object on each leaf; a million of them is not what it is for.
MOST_HDF5_LEAVES = 100_000
CORE = ["core.deref", "core.reref", "core.partition", "core.merge", "core.update"]
MOST_CORE_LEAVES = 10_000_000


def steps(programs, sets, folder, quick):
    """Rows of jobs that run one after the other, the first of them making the file of the others; with the axis and
    the place on it."""
    def job(id, keys, **more):
        return Job(id, "", keys, **more) if id in programs.known else None

    for leaves in LEAVES[:2] if quick else LEAVES + [MOST_CORE_LEAVES]:
        if leaves <= LEAVES[-1]:
            file = os.path.join(folder, "leaves.refx")
            yield "leaves", leaves, file, [
                job("refx.raw.save", {"leaves": leaves, "elements": 16, "out": file}),
                job("open", {"in": file}), job("refx.raw.load.fresh", {"in": file})]
        if leaves <= MOST_HDF5_LEAVES:
            file = os.path.join(folder, "leaves.h5")
            yield "leaves", leaves, file, [
                job("h5.raw.save", {"leaves": leaves, "elements": 16, "out": file}), job("h5.raw.load", {"in": file})]
        yield "leaves", leaves, None, [job(id, {"leaves": leaves}) for id in CORE]
    for size in BYTES[:2] if quick else BYTES:
        for threads in (1, 2):
            for kind, load in (("refx.raw", "refx.raw.load.fresh"), ("refx.fast", "refx.fast.load"),
                               ("h5.fast", "h5.fast.load")):
                file = os.path.join(folder, "large" + (".h5" if kind.startswith("h5") else ".refx"))
                yield "bytes", size, file, [
                    job(kind + ".save", {"large": size, "in": sets["D1"]["file"], "out": file}, threads=threads),
                    job(load, {"in": file}, threads=threads)]


def document(programs, sets, folder, facts, options):
    rows = [row for row in steps(programs, sets, folder, options.quick)]
    failures = {}
    others = environment.Others()
    for number in range(options.rounds):
        for axis, at, file, jobs in rows:
            environment.say(f"round {number + 1} of {options.rounds}: {axis} {label(at, axis)}")
            for job in jobs:
                if job:
                    job.round(programs)
                    if job.failure:
                        failures[f"{job.name} {at}"] = job.failure
            if file and os.path.exists(file):
                os.remove(file)
    facts["othersShare"] = others.share()
    series = {}
    for axis, at, _, jobs in rows:
        for job in jobs:
            if job and job.wall:
                key = (axis, job.id, job.threads)
                series.setdefault(key, []).append({"at": at, "wallSeconds": job.wall, "cpuSeconds": job.cpu})
    return {
        "schema": "refx-bench-growth/1", "growth": True, "machine": facts, "rounds": options.rounds,
        "refx": environment.output_of([programs.refx, "--version"]),
        "commit": environment.output_of(["git", "rev-parse", "HEAD"]),
        "series": [{"axis": axis, "id": id, "threads": threads, "points": points}
                   for (axis, id, threads), points in series.items()],
        "failures": failures,
    }


def name(series):
    threads = series["threads"]
    return series["id"] + (f", {threads} thread{'s' if threads > 1 else ''}" if threads else "")


def label(at, axis):
    if axis == "leaves":
        return f"{at:,}"
    return f"{at >> 30} GiB" if at >= 1 << 30 else f"{at >> 20} MiB"


def tables(document):
    """For each axis: columns and rows. A cell says the time, and what of it falls on a leaf or how many MB/s."""
    for axis in ("leaves", "bytes"):
        chosen = [series for series in document["series"] if series["axis"] == axis]
        places = sorted({point["at"] for series in chosen for point in series["points"]})
        rows = []
        for series in chosen:
            cells = {}
            for point in series["points"]:
                wall = statistics.median(point["wallSeconds"])
                each = (f"{wall / point['at'] * 1e9:,.0f} ns/leaf" if axis == "leaves"
                        else f"{point['at'] / wall / 1e6:,.0f} MB/s")
                cells[point["at"]] = f"{output.seconds(wall)} ({each})"
            rows.append((name(series), *(cells.get(at, "") for at in places)))
        yield ("job", *(label(at, axis) for at in places)), rows


def headline(document):
    machine = document["machine"]
    return (f"{machine['cpu']}, {machine['cores']} cores{output.busy(machine)}; "
            f"medians of {document['rounds']} rounds")


def text(document):
    yield headline(document)
    for columns, rows in tables(document):
        yield ""
        yield from output.plain(columns, rows)


def markdown(document):
    yield headline(document) + f". Measured at commit `{document['commit'][:12]}`."
    for columns, rows in tables(document):
        yield ""
        yield from output.markdown_table(columns, rows)


def svg(document):
    panels = []
    for axis, title in (("leaves", "leaves, 64 bytes each"), ("bytes", "bytes of float32")):
        lines = [plot.Line(name(series), series["threads"] == 1,
                           [(point["at"], statistics.median(point["wallSeconds"])) for point in series["points"]])
                 for series in document["series"] if series["axis"] == axis]
        panels.append(plot.Panel(title, lines, lambda at, axis=axis: label(at, axis)))
    return plot.svg("Wall time by size, both axes logarithmic", panels)
