"""Times save and load of 100 MB against NumPy's own npz; the figures of Documentation/python.md.

    python benchmark.py [MEGABYTES]
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402

import refx_files  # noqa: E402
from refx_files import xxh3  # noqa: E402


def best(work, rounds=3):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main(megabytes=100):
    random = np.random.default_rng(1)
    count = 20
    tree = {f"layer{n}": random.standard_normal(megabytes * 250_000 // count).astype(np.float32) for n in range(count)}
    # As weights are once they were bfloat16: half of the bytes are zero.
    half = {name: (array.view(np.uint32) & 0xFFFF0000).view(np.float32) for name, array in tree.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.refx")
        archive = os.path.join(folder, "x.npz")

        def npz():
            with np.load(archive) as found:
                return {name: found[name] for name in found.files}

        def row(name, save, load, file):
            saving = best(save)
            loading = best(load)
            print(f"{name:34} save {saving:6.2f} s  load {loading:6.2f} s  {os.path.getsize(file) / 1e6:7.1f} MB", flush=True)

        for label, content in (("float32", tree), ("bfloat16 in float32", half)):
            print(f"{label}, {megabytes} MB, {count} arrays")
            row("npz", lambda: np.savez(archive, **content), npz, archive)
            if content is half:
                row("npz, compressed", lambda: np.savez_compressed(archive, **content), npz, archive)
            for compression in ("none", "fast"):
                kept = xxh3.xxhash
                for package in [kept, None] if kept is not None else [None]:
                    xxh3.xxhash = package
                    name = f"refx, {compression}, XXH3 by " + ("xxhash" if package is not None else "NumPy")
                    row(name, lambda: refx_files.save(path, content, compression=compression, durable=False),
                        lambda: refx_files.load(path), path)
                xxh3.xxhash = kept


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
