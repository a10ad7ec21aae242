"""What a run needs: the built programs, a Python with the peers, and what machine this is."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
import zlib

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = ["numpy", "h5py", "safetensors", "ml_dtypes", "zipnn"]
# Large ones, which are installed when they are asked for.
LARGE = ["torch", "flax", "keras"]


def say(words):
    print(words, file=sys.stderr, flush=True)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "refx-bench")


def has(python, module):
    """Whether a module is there; finding it is enough, importing some takes seconds."""
    words = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
    return subprocess.run([python, "-c", words], capture_output=True).returncode == 0


def peer_python(cache, large):
    """A Python with the peers, the `large` ones among them: that of REFX_PYTHON, else one made in the cache folder.

    The path and the modules that are there.
    """
    python = os.environ.get("REFX_PYTHON")
    if not python:
        python = os.path.join(cache, "venv", "bin", "python")
        wanted = NEEDED + large
        if not os.path.exists(python):
            say("making a Python with the peers")
            subprocess.run([sys.executable, "-m", "venv", os.path.join(cache, "venv")], check=True)
        missing = [module for module in wanted if not has(python, module)]
        if missing:
            command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *missing]
            if subprocess.run(command, stdout=sys.stderr).returncode != 0:
                sys.exit("Tools/bench: pip could not install " + " ".join(missing) + "; name a Python in REFX_PYTHON")
    modules = [module for module in NEEDED + LARGE if has(python, module)]
    for module in ("numpy", "ml_dtypes"):
        if module not in modules:
            sys.exit(f"Tools/bench: {python} lacks {module}, which the data are made with")
    return python, modules


def software(python, modules):
    """What was compared, by name: versions of Python, of the peers and of the HDF5 library that h5py brings."""
    words = """
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    found[name] = importlib.metadata.version(name)
if "h5py" in found:
    import h5py
    found["hdf5"] = h5py.version.hdf5_version
print(json.dumps(found))
"""
    done = subprocess.run([python, "-c", words, *modules], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"Tools/bench: {python} does not say the versions of its modules: {done.stderr.strip()}")
    return json.loads(done.stdout)


def built(name, folder):
    path = os.path.join(folder, name)
    if not os.access(path, os.X_OK):
        sys.exit(f"Tools/bench: {path} is not there; run `swift build -c release --static-swift-stdlib` first")
    return path


def build_of(program):
    """How the program was built, as far as it shows."""
    with open(program, "rb") as file:
        return "-c release" if b"libswiftCore.so" in file.read() else "-c release --static-swift-stdlib"


def output_of(arguments):
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=REPOSITORY)
        return done.stdout.strip() or "unknown"
    except OSError:
        return "unknown"


def yard():
    """Bytes for a second of one core, in a job that no change of this project changes."""
    data = b"".join((number * 2654435761 % (1 << 32)).to_bytes(4, "little") for number in range(1 << 18))
    start = time.process_time()
    for _ in range(16):
        zlib.compress(data, 1)
    return 16 * len(data) / (time.process_time() - start)


def machine():
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            cpu = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"cpu": cpu, "cores": os.cpu_count() or 1, "os": platform.platform(), "load1": os.getloadavg()[0],
            "yardCpuBytesPerSecond": round(yard())}


def children_seconds():
    """User and system time of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Others:
    """How much of the machine's cores other processes took since this was made."""

    def __init__(self):
        self.before = self._now()

    @staticmethod
    def _now():
        """Ticks of all cores that were not idle, ticks in all, and seconds of this process and its children."""
        with open("/proc/stat") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        own = resource.getrusage(resource.RUSAGE_SELF)
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks), own.ru_utime + own.ru_stime + children_seconds()

    def share(self):
        busy, total, own = (now - before for now, before in zip(self._now(), self.before))
        own_ticks = own * os.sysconf("SC_CLK_TCK")
        return round(min(1, max(0, (busy - own_ticks) / total)), 3) if total else None
