"""What a full run does: which files it makes, which jobs it times, in which order."""

import os
import shutil

from jobs import Command, Job, run

# One tensor of a middling size; absent from the small data of --quick.
LAZY = "minilm.encoder.layer.3.intermediate.dense.weight"
CORE = ["deref", "reref", "partition", "merge", "update"]


class Programs:
    """Where everything is that a run starts."""

    def __init__(self, bench, refx, python, software, peers):
        # `software` has the version of each module that the Python has.
        self.bench, self.refx, self.python, self.software, self.peers = bench, refx, python, software, peers
        listed = run_text([bench, "list"])
        self.known = {line.split()[0] for line in listed.splitlines() if line and not line.startswith(" ")}


def run_text(arguments):
    import subprocess
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


class Plan:
    def __init__(self, programs, sets, folder, quick=False, slow=False):
        self.programs, self.sets, self.folder, self.quick, self.slow = programs, sets, folder, quick, slow
        self.jobs, self.once = [], []
        self.lazy = LAZY if not quick else "layer3.weight"
        self.million = 10_000 if quick else 1_000_000
        self.many = 1000 if quick else 100_000
        self._limits()
        self._large()
        self._durable()
        self._sizes()
        self._small()
        self._scaling()
        self._files()
        self._codec()
        self._core()
        self._start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def source(self, data):
        return self.sets[data]["file"]

    def has(self, module):
        return module in self.programs.software

    # Building blocks

    def add(self, id, data, keys=None, **more):
        """A job of refx-bench; left out where the program has none of that name."""
        if id in self.programs.known:
            self.jobs.append(Job(id, data, keys, **more))

    def peer(self, name, data, keys=None, module=None, **more):
        if module is None or self.has(module):
            self.jobs.append(Job("peer:" + name, data, keys, **more))

    def save(self, id, data, **more):
        suffix = ".h5" if id.startswith("h5.") else ".refx"
        words = [id, data, str(more.get("threads", "")), "synced" if more.get("synced") else ""]
        out = self.path("out-" + "-".join(word for word in words if word) + suffix)
        keys = {"in": self.source(data)}
        if more.get("synced"):
            keys["durable"] = 1
        self.add(id, data, keys, out=out, source=self.source(data), **more)

    def peer_save(self, name, data, suffix, keys=None, module=None, **more):
        keys = {"in": self.source(data), **(keys or {})}
        if more.get("synced"):
            keys["sync"] = 1
        kind = keys.pop("job", name)
        out = self.path(f"out-peer-{name}-{data}{'-synced' if more.get('synced') else ''}{suffix}")
        self.peer(name, data, keys, module, out=out, source=self.source(data), **more)
        if kind != name and self.jobs and self.jobs[-1].id == "peer:" + name:
            self.jobs[-1].runs_as = kind

    # The files that jobs read

    def prepare(self, say):
        """Makes the inputs that the jobs name, and has the system read all of them into its memory."""
        texts = [str(value) for job in self.jobs for value in [*job.keys.values(), *getattr(job, "arguments", [])]]
        wanted = {name for name in self._recipes() if self.path(name) in texts}
        for name, needs, command in self._recipes().values():
            if name in wanted and needs:
                wanted.add(needs)
        for name, _, command in self._recipes().values():
            if name in wanted:
                say(f"making {name}")
                command()
        files = [self.path(name) for name in sorted(wanted)]
        files += [set["file"] for set in self.sets.values() if set["file"] in texts]
        for path in files:
            reread(path)

    def _recipes(self):
        """By file: its name, a file that must be there before, and what makes it."""
        recipes = {}

        def add(name, needs, command):
            recipes[name] = (name, needs, command)

        def made(name, job, *keys, needs=None):
            add(name, needs, lambda: run([self.programs.bench, job, f"out={self.path(name)}", *keys]))

        def by_peer(name, job, data, *keys):
            command = [self.programs.python, self.programs.peers, job, f"out={self.path(name)}"]
            add(name, None, lambda: run([*command, f"in={self.source(data)}", *keys]))

        for data, kind, suffix in (("D1", "raw", "refx"), ("D1", "raw", "h5"), ("D1", "fast", "refx"),
                                   ("D1", "fast", "h5"), ("D5a", "raw", "refx"), ("D5a", "raw", "h5")):
            made(f"{data}-{kind}.{suffix}", "make", f"in={self.source(data)}",
                 f"compression={'none' if kind == 'raw' else kind}")
        raw = self.path("D1-raw.refx")
        made("D1-changed.refx", "make.changed", f"in={raw}", needs="D1-raw.refx")
        add("D1-again.refx", "D1-raw.refx", lambda: shutil.copyfile(raw, self.path("D1-again.refx")))
        made("million.refx", "make", f"leaves={self.million}", "elements=4")
        by_peer("D1.pt", "torch.save", "D1")
        by_peer("D1.npz", "numpy.save", "D1")
        by_peer("D1.msgpack", "flax.save", "D1")
        by_peer("D1.keras", "keras.save", "D1")
        by_peer("D1-h5py-gzip1.h5", "h5py.save", "D1", "gzip=1")
        by_peer("D5a-h5py.h5", "h5py.save", "D5a")
        by_peer("D5a-h5py-latest.h5", "h5py.save", "D5a", "libver=latest")
        by_peer("D5a.npz", "numpy.save", "D5a")
        return recipes

    # The jobs, those that are compared next to each other

    def _limits(self):
        d1 = {"in": self.source("D1")}
        self.add("limit.memcpy", "D1", {"bytes": self.sets["D1"]["bytes"]})
        self.add("limit.pread", "D1", d1)
        self.add("limit.freshpread", "D1", d1)
        self.add("limit.hugepread", "D1", d1)
        self.add("limit.touch", "D1", d1)

    def _large(self):
        d1, raw, fast = {"in": self.source("D1")}, self.path("D1-raw.refx"), self.path("D1-fast.refx")
        raw5, fast5 = self.path("D1-raw.h5"), self.path("D1-fast.h5")
        self.add("limit.write", "D1", d1, out=self.path("out-limit-write"))
        self.save("refx.raw.save", "D1", memory=True, allocations=True)
        self.peer_save("safetensors.save", "D1", ".safetensors", module="safetensors")
        self.peer_save("safetensors.torch.save", "D1", ".safetensors", module="torch")
        self.peer_save("torch.save", "D1", ".pt", module="torch")
        self.peer_save("numpy.save", "D1", ".npz")
        self.peer_save("flax.save", "D1", ".msgpack", module="flax")
        self.peer_save("keras.save", "D1", ".keras", module="keras")

        self.add("refx.raw.load.mapped", "D1", {"in": raw, "verify": "never"}, memory=True)
        self.peer("safetensors.torch.load", "D1", d1, "torch")
        self.peer("torch.load", "D1", {"in": self.path("D1.pt")}, "torch")
        self.add("refx.raw.load.fresh", "D1", {"in": raw}, memory=True, allocations=True)
        self.peer("safetensors.load", "D1", d1, "safetensors")
        self.peer("numpy.load", "D1", {"in": self.path("D1.npz")})
        self.peer("flax.load", "D1", {"in": self.path("D1.msgpack")}, "flax")
        self.peer("keras.load", "D1", {"in": self.path("D1.keras"), "like": self.source("D1")}, "keras")
        self.add("refx.raw.lazy", "D1", {"in": raw, "path": self.lazy}, unit="seconds")
        self.peer("safetensors.lazy", "D1", {**d1, "path": self.lazy}, "safetensors", unit="seconds")
        self.peer("safetensors.torch.lazy", "D1", {**d1, "path": self.lazy}, "torch", unit="seconds")

        self.save("h5.raw.save", "D1", memory=True)
        self.peer_save("h5py.save", "D1", ".h5", module="h5py")
        self.add("h5.raw.load", "D1", {"in": raw5}, memory=True)
        self.peer("h5py.load", "D1", {"in": raw5, "group": "tree"}, "h5py")

        self.save("refx.fast.save", "D1", memory=True)
        self.save("h5.fast.save", "D1", memory=True)
        self.peer_save("h5py.gzip1.save", "D1", ".h5", {"gzip": 1, "job": "h5py.save"}, module="h5py")
        self.add("refx.fast.load", "D1", {"in": fast}, memory=True)
        self.add("h5.fast.load", "D1", {"in": fast5}, memory=True)
        self.peer("h5py.fast.load", "D1", {"in": fast5, "group": "tree"}, "h5py")
        self.jobs[-1].runs_as = "h5py.load"
        self.peer("h5py.gzip1.load", "D1", {"in": self.path("D1-h5py-gzip1.h5")}, "h5py")
        self.jobs[-1].runs_as = "h5py.load"
        self.peer("zipnn.compress", "D1", {**d1, "dtype": "float32"}, "zipnn")
        self.peer("zipnn.decompress", "D1", {**d1, "dtype": "float32"}, "zipnn")

    def _durable(self):
        self.add("limit.writesync", "D1", {"in": self.source("D1")}, out=self.path("out-limit-sync"), synced=True)
        self.save("refx.raw.save", "D1", synced=True)
        self.peer_save("safetensors.save", "D1", ".safetensors", module="safetensors", synced=True)
        self.save("refx.fast.save", "D1", synced=True)

    def _sizes(self):
        for data in ("D2", "whisper", "D6"):
            self.save("refx.fast.save", data, memory=data == "D6")
        self.save("h5.fast.save", "D6")
        # Peers' sizes do not change from round to round, and theirs take long.
        for data, dtype in (("D2", "bfloat16"), ("whisper", "float16"), ("D6", "float32")):
            if self.has("zipnn"):
                self.once.append(Job("peer:zipnn.compress", data, {"in": self.source(data), "dtype": dtype}))
        for data in ("D1", "D6"):
            self.once.append(self._once_save("refx.best.save", data, {}))
            if self.has("h5py"):
                self.once.append(self._once_save("peer:h5py.gzip4.save", data, {"gzip": 4}, "h5py.save"))
        if self.slow:
            self.once.append(self._once_save("peer:numpy.compressed.save", "D1", {"gzip": 1}, "numpy.save"))

    def _once_save(self, id, data, keys, runs_as=None):
        suffix = ".refx" if id.startswith("refx") else ".h5" if "h5py" in id else ".npz"
        job = Job(id, data, {"in": self.source(data), **keys}, out=self.path(f"out-once{suffix}"),
                  source=self.source(data))
        if runs_as:
            job.runs_as = runs_as
        return job

    def _small(self):
        self.save("refx.raw.save", "D5a", unit="seconds", allocations=True)
        self.peer_save("safetensors.save", "D5a", ".safetensors", module="safetensors", unit="seconds")
        self.peer_save("numpy.save", "D5a", ".npz", unit="seconds")
        self.add("refx.raw.load.fresh", "D5a", {"in": self.path("D5a-raw.refx")}, unit="seconds", allocations=True)
        self.peer("safetensors.load", "D5a", {"in": self.source("D5a")}, "safetensors", unit="seconds")
        self.peer("numpy.load", "D5a", {"in": self.path("D5a.npz")}, unit="seconds")
        self.save("h5.raw.save", "D5a", unit="seconds", allocations=True)
        self.peer_save("h5py.save", "D5a", ".h5", module="h5py", unit="seconds")
        self.peer_save("h5py.latest.save", "D5a", ".h5", {"libver": "latest", "job": "h5py.save"}, module="h5py",
                       unit="seconds")
        self.add("h5.raw.load", "D5a", {"in": self.path("D5a-raw.h5")}, unit="seconds", allocations=True)
        self.peer("h5py.load", "D5a", {"in": self.path("D5a-h5py.h5")}, "h5py", unit="seconds")
        self.peer("h5py.latest.load", "D5a", {"in": self.path("D5a-h5py-latest.h5")}, "h5py", unit="seconds")
        self.jobs[-1].runs_as = "h5py.load"
        self.add("open", "D5a", {"in": self.path("D5a-raw.refx")}, unit="seconds", allocations=True)
        self.add("open", "leaves-1000000", {"in": self.path("million.refx")}, unit="seconds", memory=True,
                 allocations=True)

    def _scaling(self):
        for container, suffix in (("refx", "refx"), ("h5", "h5")):
            for threads in (1, 2):
                self.save(f"{container}.fast.save", "D1", threads=threads)
            for threads in (1, 2):
                self.add(f"{container}.fast.load", "D1", {"in": self.path("D1-fast." + suffix)}, threads=threads)
        for threads in (1, 2):
            self.add("refx.raw.load.fresh", "D1", {"in": self.path("D1-raw.refx")}, threads=threads)

    def _files(self):
        fast, fast5 = self.path("D1-fast.refx"), self.path("D1-fast.h5")
        raw = self.path("D1-raw.refx")
        self.jobs.append(Command("limit.baseline-copy", "D1", ["cp", fast, self.path("out-cp")],
                                 out=self.path("out-cp"), note="cp of the compressed .refx file"))
        self.add("chunkcopy.refx-h5", "D1", {"in": fast}, out=self.path("out-copy.h5"), source=self.source("D1"),
                 memory=True)
        self.add("chunkcopy.h5-refx", "D1", {"in": fast5}, out=self.path("out-copy.refx"),
                 source=self.source("D1"), memory=True)
        again, changed = self.path("D1-again.refx"), self.path("D1-changed.refx")
        self.add("diff.equal", "D1", {"in": raw, "with": again}, memory=True)
        self.add("diff.changed", "D1", {"in": raw, "with": changed}, memory=True, note="bytes of both files")
        self.add("digest", "D1", {"in": raw}, memory=True)
        self.add("verify", "D1", {"in": raw}, memory=True)
        parts, part = self.path("parts"), self.path("parts/params.refx")
        self.jobs.append(FolderCommand("partition", "D1", [
            self.programs.refx, "partition", raw, "-o", parts, "--by-collection", "--force", "--quiet"],
            folder=parts, memory=True, note="the command, its start included"))
        self.jobs.append(Command("merge", "D1", [
            self.programs.refx, "merge", part, self.path("parts/rest.refx"), "-o", self.path("out-merged.refx"),
            "--quiet"], out=self.path("out-merged.refx"), source=self.source("D1"), memory=True,
            note="the command, its start included"))

    def _codec(self):
        for data in ("D1", "D2", "whisper", "D6"):
            self.add("codec.encode", data, {"in": self.source(data)})
            self.add("codec.decode", data, {"in": self.source(data)})
        for name in ("shuffle", "unshuffle", "checksum", "hash"):
            self.add("codec." + name, "D1", {"in": self.source("D1")})

    def _core(self):
        sizes = [self.many] if self.quick else [100_000, 1_000_000]
        for name in CORE:
            for leaves in sizes:
                self.add("core." + name, f"leaves-{leaves}", {"leaves": leaves}, unit="leaves",
                         allocations=leaves == sizes[0])
        for name in ("encode", "decode"):
            self.add("coding." + name, f"leaves-{self.many}", {"leaves": self.many}, unit="leaves",
                     allocations=True)

    def _start(self):
        times = 10
        self.jobs.append(Command("start", "none", [self.programs.refx, "--version"], times, unit="seconds"))
        if shutil.which("h5dump"):
            self.jobs.append(Command("peer:h5dump.start", "none", ["h5dump", "--version"], times, unit="seconds"))


def reread(path):
    """Puts a file out of the page cache, and into it again by reading it front to back.

    In what portions the system keeps a file's pages depends on how the file was written, and what it costs to map them
    on these portions: up to eight times as much for the same bytes. Those of files that were read are all alike.
    """
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(8 << 20):
            pass


class FolderCommand(Command):
    """A command that makes a folder, which stays for the next."""

    def __init__(self, id, data, arguments, folder, **more):
        super().__init__(id, data, arguments, **more)
        self.folder = folder

    def clear(self):
        pass

    def measure(self, programs):
        shutil.rmtree(self.folder, ignore_errors=True)
        return super().measure(programs)
