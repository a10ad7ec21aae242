"""Work that several threads do, in the order in which it is asked for."""

import collections
import os
from concurrent.futures import ThreadPoolExecutor


def thread_count(threads):
    """How many threads to use: as many as asked for, else one for each core, at most eight."""
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is a number from 1 on, not {threads!r}")
    return threads or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


# Less than this many bytes are done at once: handing them to a thread takes longer.
SMALL = 1 << 16


class _Done:
    """What a small job gave, or raised; that comes out when its turn comes."""

    def __init__(self, job):
        try:
            self.value, self.error = job(), None
        except Exception as error:
            self.error = error

    def result(self):
        if self.error is not None:
            raise self.error
        return self.value

    def cancel(self):
        pass


def in_order(jobs, threads):
    """Yields what each of `jobs`, pairs of a callable and its bytes, gives, in their order; a few are under way at a
    time."""
    if threads == 1:
        for job, _ in jobs:
            yield job()
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = collections.deque()
        try:
            for job, size in jobs:
                waiting.append(_Done(job) if size < SMALL else pool.submit(job))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for job in waiting:
                job.cancel()
