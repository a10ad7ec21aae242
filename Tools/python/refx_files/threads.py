"""Work that several threads do, in the order in which it is asked for."""

import collections
import os
from concurrent.futures import ThreadPoolExecutor


def thread_count(threads):
    """How many threads to use: as many as asked for, else one for each core, at most eight."""
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is a number from 1 on, not {threads!r}")
    return threads or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_order(jobs, threads):
    """Yields what each of `jobs`, callables, gives, in their order; a few are under way at a time."""
    if threads == 1:
        for job in jobs:
            yield job()
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = collections.deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for job in waiting:
                job.cancel()
