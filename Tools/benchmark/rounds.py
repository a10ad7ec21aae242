"""Runs the jobs of a plan: every round each of them once, so that what a ratio compares ran in the same minutes."""

import os
import subprocess
import time

from environment import Others, say
from jobs import Trouble

# What the command can compare with its source.
READABLE = (".refx", ".h5", ".safetensors", ".npz", ".pt", ".msgpack")


def is_right(programs, job):
    """Whether a file that was written holds what it was made from, element for element.

    A saved model has Refs where the source has plain leaves, which is topology and collections.
    """
    done = subprocess.run(
        [programs.refx, "diff", job.source, job.out, "--only", "structure,type,value", "--exact", "--quiet"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    words = (done.stderr or done.stdout).strip().splitlines()
    return words[0] if words else f"exit {done.returncode}"


def run(plan, rounds):
    """Gives the share of the cores that other processes took meanwhile."""
    programs, began, others = plan.programs, time.monotonic(), Others()
    for number in range(rounds):
        for job in plan.jobs:
            checked = number == 0 and job.source and job.out and job.out.endswith(READABLE)
            start = time.monotonic()
            job.round(programs, keep=checked)
            if checked and not job.failure:
                wrong = is_right(programs, job)
                if wrong:
                    job.failure = f"the file that was made differs from its source: {wrong}"
                job.clear()
            if job.failure and len(job.wall) <= number:
                say(f"{job.name}: {job.failure}")
            elif time.monotonic() - start > 10:
                say(f"  {job.name} took {time.monotonic() - start:.0f} s")
        say(f"round {number + 1} of {rounds}, {time.monotonic() - began:.0f} s")
    share = others.share()
    for job in plan.once:
        job.round(programs, keep=True)
        if not job.failure and job.out and job.out.endswith(READABLE):
            wrong = is_right(programs, job)
            if wrong:
                job.failure = f"the file that was made differs from its source: {wrong}"
        if job.failure:
            say(f"{job.name}: {job.failure}")
        job.clear()
    say("memory and allocations")
    for job in plan.jobs:
        job.extra(programs)
    say(f"done in {time.monotonic() - began:.0f} s")
    return share


def selected(jobs, budgets, pattern):
    """The jobs that match, and those that their budgets compare them with."""
    chosen = [job for job in jobs if job.matches(pattern)]
    wanted = {(job.id, job.data) for job in chosen}
    others = {(budget["against"], budget.get("againstData", budget["data"])) for budget in budgets
              if "against" in budget and (budget["id"], budget["data"]) in wanted}
    return [job for job in jobs if job in chosen or (job.id, job.data) in others]
