"""What a run says: one JSON document, a table for a terminal, a page of Markdown.

All of them are made of the document, so that a stored one can be shown again.
"""

import datetime
import statistics

import environment
from jobs import ratio

# The ids that bench.schema.json names; others stand in `more`, peers in `peers`, all in the same form.
FIXED = set("""
refx.raw.save refx.raw.load.mapped refx.raw.load.fresh refx.raw.lazy refx.fast.save refx.fast.load refx.best.save
h5.raw.save h5.raw.load h5.fast.save h5.fast.load codec.encode codec.decode codec.shuffle codec.checksum
chunkcopy.refx-h5 chunkcopy.h5-refx open diff.equal diff.changed core.deref core.reref core.partition core.merge
core.update coding.encode coding.decode background.blocked limit.memcpy limit.write limit.writesync limit.pread
limit.touch limit.hugepread limit.baseline-copy
""".split())

SYNCED_IDS = ("limit.writesync",)


def entry(job, judgement=None):
    result = {"id": job.id, "data": job.data, "unit": job.unit, "wallSeconds": job.wall, "cpuSeconds": job.cpu,
              **job.facts, "synced": job.synced, "against": None, "ratio": None, "budget": None, "verdict": "none"}
    if job.threads:
        result["threads"] = job.threads
    if job.note:
        result["note"] = job.note
    if judgement:
        budget = judgement.budget
        if judgement.other is not None:
            other = judgement.other
            result["against"] = other.id
            if other.data != job.data:
                result["againstData"] = other.data
            result["ratio"] = judgement.ratio
            if other.threads:
                result["againstThreads"] = other.threads
        result.update(budget=judgement.json, verdict=judgement.verdict, says=budget["says"],
                      measured=judgement.measured)
    return result


def document(plan, judgements, facts, programs, data, rounds):
    """The whole run. A job that has several budgets has an entry for each."""
    results, peers, more, sizes = [], [], [], []
    for place, job in enumerate(plan.jobs):
        if job.failure or not job.wall:
            continue
        own = [judgement for judgement in judgements if judgement.job is job]
        entries = [entry(job, judgement) for judgement in own] or [entry(job)]
        for one in entries:
            one["place"] = place
        (peers if job.is_peer else results if job.id in FIXED else more).extend(entries)
    for job in plan.once:
        if not job.failure and job.wall:
            sizes.append({"id": job.id, "data": job.data, "seconds": job.wall[0], "cpuSeconds": job.cpu[0], **job.facts})
    failures = {job.name: job.failure for job in plan.jobs + plan.once if job.failure}
    unjudged = [{"says": judgement.budget["says"], "id": judgement.budget["id"], "data": judgement.budget["data"]}
                for judgement in judgements if judgement.measured is None]
    return {
        "schema": "refx-bench/1", "refx": environment.output_of([programs.refx, "--version"]),
        "commit": environment.output_of(["git", "rev-parse", "HEAD"]), "build": environment.build_of(programs.refx),
        "date": datetime.date.today().isoformat(), "software": programs.software,
        "machine": facts,
        "rounds": rounds,
        "data": {name: {key: value for key, value in set.items() if key != "file"} for name, set in data.items()},
        "results": results, "peers": peers, "more": more, "sizes": sizes,
        "within": sum(judgement.verdict == "within" for judgement in judgements),
        "short": sum(judgement.verdict == "short" for judgement in judgements),
        "failures": failures, "notJudged": unjudged,
    }


# Text


def shown(value, kind):
    if value is None:
        return "–"
    return {
        "ratio": lambda: f"{value:.2f}", "nsPerLeaf": lambda: f"{value:.0f} ns",
        "bytesPerCpuSecond": lambda: f"{value / 1e6:,.0f} MB/s", "seconds": lambda: seconds(value),
        "peakExtraBytes": lambda: f"{value / 1e6:.1f} MB", "stored": lambda: f"{value / 1e6:.2f} MB",
    }[kind]()


def seconds(value):
    if value >= 0.1:
        return f"{value:.3f} s"
    return f"{value * 1e3:.2f} ms" if value >= 1e-4 else f"{value * 1e6:.1f} µs"


def title(result):
    words = [result["data"]] if result["data"] != "none" else []
    if result.get("threads"):
        words.append(f"{result['threads']} thread" + ("s" if result["threads"] > 1 else ""))
    if result.get("synced"):
        words.append("synced")
    return ", ".join(words)


def all_entries(document):
    """In the order in which they ran: what is compared stands together."""
    return sorted(document["results"] + document["more"] + document["peers"], key=lambda one: one["place"])


def budget_rows(document):
    """Budget, measured, limit, of what, verdict."""
    for result in all_entries(document):
        # What could not be judged is listed below, also where its job ran.
        if not result["budget"] or result["measured"] is None:
            continue
        budget, kind = result["budget"], result["budget"]["of"]
        sign = "≥" if budget["op"] == ">=" else "≤"
        against = f"× {result['against']}" if kind == "ratio" and result["against"] else ""
        yield (result["says"], title(result), shown(result["measured"], kind) + (" " + against if against else ""),
               f"{sign} {shown(budget['limit'], kind)}", result["verdict"])
    for missing in document["notJudged"]:
        yield missing["says"], missing["data"], "–", "", "not judged"


def result_rows(document):
    """Job, data, wall, cpu, speed, stored, memory, allocations."""
    seen = set()
    for result in all_entries(document):
        key = (result["id"], title(result))
        if key in seen:
            continue
        seen.add(key)
        wall, cpu = statistics.median(result["wallSeconds"]), statistics.median(result["cpuSeconds"])
        speed = ""
        if result["unit"] == "bytes" and result.get("bytes"):
            speed = f"{result['bytes'] / wall / 1e6:,.0f} MB/s"
        elif result.get("leaves") and result["leaves"] > 1:
            speed = f"{wall / result['leaves'] * 1e9:,.0f} ns/leaf"
        stored = result.get("stored")
        yield (result["id"], title(result), seconds(wall), seconds(cpu), speed,
               f"{stored / result['bytes']:.4f}" if stored and result.get("bytes") else "",
               f"{result['peakExtraBytes'] / 1e6:.1f} MB" if "peakExtraBytes" in result else "",
               f"{result['allocations']:,}" if "allocations" in result else "")
    for size in document["sizes"]:
        yield (size["id"], size["data"], seconds(size["seconds"]), seconds(size["cpuSeconds"]),
               f"{size['bytes'] / size['seconds'] / 1e6:,.0f} MB/s",
               f"{size['stored'] / size['bytes']:.4f}" if size.get("stored") else "", "", "")


BUDGET_COLUMNS = ("budget", "data", "measured", "limit", "verdict")
RESULT_COLUMNS = ("job", "data", "wall", "CPU", "speed", "stored", "extra memory", "allocations")


def plain(columns, rows):
    rows = [columns, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def markdown_table(columns, rows):
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def busy(machine):
    """How quiet the machine was: what scales with cores, and every wall time, suffers from others' work."""
    share = machine.get("othersShare")
    return f", {share:.0%} of them taken by others" if share is not None else ""


def headline(document):
    machine = document["machine"]
    return (f"{machine['cpu']}, {machine['cores']} cores{busy(machine)}; "
            f"medians of {document['rounds']} interleaved rounds; "
            f"{document['within']} budgets within, {document['short']} short")


def measured(document):
    """When, at which commit, and beside which versions of what."""
    software = ", ".join(f"{name} {version}" for name, version in document.get("software", {}).items())
    return (f"Measured {'on ' + document['date'] + ' ' if 'date' in document else ''}"
            f"at commit `{document['commit'][:12]}`{' beside ' + software if software else ''}.")


def text(document):
    yield headline(document)
    yield measured(document)
    yield ""
    yield from plain(RESULT_COLUMNS, result_rows(document))
    yield ""
    yield from plain(BUDGET_COLUMNS, budget_rows(document))
    for name, why in document["failures"].items():
        yield f"failed: {name}: {why}"


def markdown(document):
    yield headline(document) + "."
    yield ""
    yield measured(document)
    yield ""
    yield from markdown_table(("data", "leaves", "MB", "dtype", "SHA-256 of the file"), (
        (name, f"{set['leaves']:,}", f"{set['bytes'] / 1e6:.1f}", set["dtype"], f"`{set['sha256'][:16]}…`")
        for name, set in document["data"].items()))
    yield ""
    yield "### Budgets"
    yield ""
    yield from markdown_table(BUDGET_COLUMNS, budget_rows(document))
    yield ""
    yield "### Everything that was timed"
    yield ""
    yield from markdown_table(RESULT_COLUMNS, result_rows(document))


def replace_between(page, name, lines):
    """`page` with what stands between the marks called `name` replaced."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if start not in page or end not in page:
        raise ValueError(f"the page has no marks called {name}")
    before, rest = page.split(start, 1)
    after = rest.split(end, 1)[1]
    return before + start + "\n".join(lines) + "\n" + end + after
