"""What a row of figures is."""

import resource
import time


class Row:
    """The figures of one row of the plan, and what was wrong."""

    def __init__(self, name, what, refx):
        self.name = name
        self.what = what
        self.refx = refx
        self.files = set()
        self.checks = 0
        self.violations = []
        self.notes = []
        self.before = refx.executions
        self.start = time.monotonic()

    def violation(self, text):
        self.violations.append(text)
        if len(self.violations) <= 20:
            print(f"violation {self.name}: {text.rstrip()}", flush=True)

    def check(self, fine, text):
        self.checks += 1
        if not fine:
            self.violation(text)

    def finish(self):
        self.executions = self.refx.executions - self.before
        self.seconds = time.monotonic() - self.start
        notes = "".join(f"; {note}" for note in self.notes)
        print(f"{self.name} {self.what}: {len(self.files)} files, {self.executions} executions, {self.checks} checks, "
              f"{len(self.violations)} violations, {largest_memory()} MiB, {self.seconds:.1f} s{notes}", flush=True)
        return self


def largest_memory():
    """The most that any one child has used, in MiB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
