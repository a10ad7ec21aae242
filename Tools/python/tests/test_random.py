"""Random trees in both directions: saved here and read by the command, saved by the command and read here."""

import functools
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from random_trees import Trees, metadata
from support import HOLE, NOTHING, Ref, Scratch, content, difference, dtypes, needs_h5py, needs_refx, refx, refx_files, refx_json

save = functools.partial(refx_files.save, durable=False, threads=1)
COUNT = int(os.environ.get("REFX_TREES", "1000"))
FIRST = int(os.environ.get("REFX_SEED", "0"))
SEEDS = range(FIRST, FIRST + COUNT)


def tree_of(seed):
    """The tree of a seed, by turns with Refs and with identity."""
    refs = seed % 2 == 0
    most = 6000 if seed % 5 == 0 else 64
    return Trees(seed, refs, most).make(5 + seed % 60), refs


def rows(file):
    """What `refx inspect --json --hash` says of each site, from the file as it is read here."""
    import hashlib
    from refx_files.tree import sites
    found, numbers = [], {}
    for path, node, ref, first in sites(file.exact):
        index = None if ref is None else numbers.setdefault(id(ref), len(numbers))
        row = {"path": list(path), "index": index, "first": None if ref is None else first,
               "collection": ref.collection if ref else None}
        if getattr(node, "is_leaf", False):
            data = dtypes.logical_bytes(file.array(node, raw=True), node.dtype, ())
            sha = None if node.dtype == "string" else hashlib.sha256(data).hexdigest()
            row.update(dtype=node.dtype, shape=list(node.shape), bytes=node.size, sha256=sha)
        elif node is None or node is NOTHING or node is HOLE or isinstance(node, (dict, list, tuple, Ref)):
            continue
        else:
            row.update(dtype={str: "string", int: "int64", float: "float64", bool: "bool"}[type(node)], shape=[])
        found.append(row)
    return found


class RandomTrees(Scratch):
    def each(self, work, seeds=SEEDS):
        """Runs `work(seed)` for every seed; a failure names its seed."""
        def guarded(seed):
            try:
                return work(seed)
            except Exception as error:
                return f"seed {seed} (REFX_SEED={seed} REFX_TREES=1): {type(error).__name__}: {error}"

        with ThreadPoolExecutor(2) as pool:
            failures = [failure for failure in pool.map(guarded, seeds) if failure]
        self.assertEqual(failures[:3], [], f"{len(failures)} of {len(seeds)} failed")

    def test_what_is_saved_is_loaded(self):
        def work(seed):
            tree, refs = tree_of(seed)
            path = self.path(f"{seed}.refx")
            words = metadata(seed)
            save(path, tree, compression=("none", "fast", "best")[seed % 3], metadata=words)
            with refx_files.open(path, threads=1) as file:
                file.verify()
                found = file.tree(refs=refs)
                if file.metadata != words:
                    return f"seed {seed}: the metadata is {file.metadata}"
            os.unlink(path)
            where = difference(tree, found)
            return where and f"seed {seed}: {where}"

        self.each(work)

    @needs_refx
    def test_the_command_reads_what_is_saved_here(self):
        paths = []
        for seed in SEEDS:
            paths.append(self.path(f"{seed}.refx"))
            save(paths[-1], tree_of(seed)[0], compression=("none", "fast", "best")[seed % 3],
                            metadata=metadata(seed))
        for first in range(0, len(paths), 250):
            refx("verify", "--quiet", *paths[first:first + 250])

        def work(seed):
            path = self.path(f"{seed}.refx")
            if seed % 4 == 0 and refx_json("digest", path) != refx_files.digest(path):
                return f"seed {seed}: other digests"
            listing = refx_json("inspect", "--hash", path)
            if listing["metadata"] != metadata(seed):
                return f"seed {seed}: other metadata"
            with refx_files.open(path) as file:
                expected = rows(file)
            found = [row for row in listing["leaves"] if row["dtype"] not in (None, "tree")]
            if len(found) != len(expected):
                return f"seed {seed}: {len(found)} rows, expected {len(expected)}"
            for mine, theirs in zip(expected, found):
                for name in mine:
                    if mine[name] != theirs.get(name) and not (name == "bytes" and mine["dtype"] == "string"):
                        return f"seed {seed}: {mine['path']}: {name} is {theirs.get(name)!r}, expected {mine[name]!r}"

        self.each(work)

    @needs_refx
    def test_what_the_command_saves_is_loaded_here(self):
        """The command writes each tree anew; without compression that must be the same bytes."""
        def work(seed):
            tree, refs = tree_of(seed)
            mine, theirs = self.path(f"{seed}.refx"), self.path(f"theirs-{seed}.refx")
            compression = ("none", "fast", "best")[seed % 3]
            save(mine, tree, compression="none", metadata=metadata(seed))
            # Over HDF5 or directly, so that the command has nothing to copy.
            refx("convert", "--quiet", "--compression", compression, mine, theirs)
            if compression == "none" and content(mine) != content(theirs):
                return f"seed {seed}: other bytes"
            with refx_files.open(theirs) as file:
                file.verify()
                where = difference(tree, file.tree(refs=refs))
            os.unlink(mine)
            os.unlink(theirs)
            return where and f"seed {seed}: {where}"

        self.each(work)

    @needs_refx
    @needs_h5py
    def test_hdf5_in_both_directions(self):
        def work(seed):
            tree, refs = tree_of(seed)
            paths = [self.path(f"{name}-{seed}.{suffix}") for name, suffix in
                     (("mine", "h5"), ("theirs", "refx"), ("mine", "refx"), ("theirs", "h5"))]
            save(paths[0], tree, metadata=metadata(seed), compression=("none", "fast")[seed % 2])
            refx("convert", "--quiet", "--compression", "none", paths[0], paths[1])
            save(paths[2], tree, metadata=metadata(seed), compression="none")
            if content(paths[1]) != content(paths[2]):
                return f"seed {seed}: HDF5 from here gives other bytes than .refx from here"
            refx("convert", "--quiet", paths[2], paths[3])
            for path in (paths[0], paths[3]):
                with refx_files.open(path) as file:
                    file.verify()
                    if file.metadata != metadata(seed):
                        return f"seed {seed}: {path}: other metadata"
                    where = difference(tree, file.tree(refs=refs))
                    if where:
                        return f"seed {seed}: {path}: {where}"
            for path in paths:
                os.unlink(path)

        self.each(work, SEEDS[:max(1, COUNT // 4)])


if __name__ == "__main__":
    unittest.main()
