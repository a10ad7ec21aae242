"""The budgets: what PERFORMANCE asks for, and whether a run is within it.

A budget in budgets.json has

- `id`, `data`, and where they matter `threads`, `synced`: the job it is about;
- `against`: the id of the job it is compared with, and where they differ `againstData`, `againstThreads`;
- `of`: `ratio` (of the rounds' wall times), `nsPerLeaf`, `bytesPerCpuSecond`, `seconds`, `peakExtraBytes`, `stored`;
- `op` and `limit`. The limit of `stored` is times what the other stored; with `perByte`, that of `seconds` is the
  product with the bytes worked on;
- `says`: the sentence that it stands for.
"""

import json
import operator
import os

from jobs import ratio

OPERATORS = {">=": operator.ge, "<=": operator.le}


def load(path=os.path.join(os.path.dirname(os.path.abspath(__file__)), "budgets.json")):
    with open(path) as file:
        return json.load(file)["budgets"]


class Judgement:
    """A budget and what a run came to."""

    def __init__(self, budget, job, other, judging=True):
        self.budget, self.job, self.other = budget, job, other
        self.ratio = None
        self.limit = budget["limit"]
        self.measured = self._measure()
        if self.measured is None or not judging:
            self.verdict = "not judged"
        else:
            self.verdict = "within" if OPERATORS[budget["op"]](self.measured, self.limit) else "short"

    def _measure(self):
        job, other, kind = self.job, self.other, self.budget["of"]
        if job is None or job.failure or not job.wall:
            return None
        if "against" in self.budget:
            if other is None or other.failure or not other.wall:
                return None
            self.ratio = ratio(job.unit, job.wall, other.wall)
        if kind == "ratio":
            return self.ratio
        if kind == "stored":
            if "stored" not in other.facts:
                return None
            self.limit = int(self.limit * other.facts["stored"])
        if "perByte" in self.budget:
            self.limit = self.limit * job.facts["bytes"]
        return job.figure(kind)

    @property
    def json(self):
        return {"op": self.budget["op"], "limit": self.limit, "of": self.budget["of"]}


def judge(budgets, jobs, judging=True):
    """What came of every budget; not a verdict where `judging` is false, as for data too small for one."""
    def find(id, data, threads, synced):
        for job in jobs:
            if (job.id, job.data, job.threads, job.synced) == (id, data, threads, synced):
                return job

    judgements = []
    for budget in budgets:
        threads, synced = budget.get("threads"), budget.get("synced", False)
        job = find(budget["id"], budget["data"], threads, synced)
        other = None
        if "against" in budget:
            # Peers and limits use the threads they use.
            theirs = budget.get("againstThreads")
            other = find(budget["against"], budget.get("againstData", budget["data"]), theirs, synced)
        judgements.append(Judgement(budget, job, other, judging))
    return judgements
