"""Running the two commands, alone and as ranks; nothing here waits for ever."""

import hashlib
import os
import subprocess
import time

# No rank may wait for another longer than this, whatever happened to it.
SECONDS = 90


class Result:
    def __init__(self, code, output, errors, seconds):
        self.code, self.output, self.errors, self.seconds = code, output, errors, seconds

    @property
    def told(self):
        return self.code, self.output, self.errors


class Commands:
    def __init__(self, refx, refx_mpi):
        self.refx, self.refx_mpi = refx, refx_mpi

    def alone(self, *arguments, cwd=None):
        return run([self.refx, *arguments], cwd=cwd)

    def launcher(self, ranks, *options):
        return [
            "timeout", "-k", "5", str(SECONDS), "mpirun", "-q", "--oversubscribe", "--allow-run-as-root", *options,
            "-n", str(ranks),
        ]

    def ranked(self, ranks, *arguments, program=None, cwd=None, options=()):
        return run([*self.launcher(ranks, *options), program or self.refx_mpi, *map(str, arguments)], cwd=cwd)


def environment():
    variables = dict(os.environ, COLUMNS="80", LC_ALL="C.UTF-8")
    # Ranks in a container share a machine, and root has no keys.
    variables.setdefault("OMPI_MCA_btl_base_warn_component_unused", "0")
    variables.setdefault("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
    return variables


def run(command, cwd=None):
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=SECONDS + 20)
    return Result(done.returncode, done.stdout, of_ranks(done.stderr), time.monotonic() - start)


def of_ranks(errors):
    """What the ranks have said: without the words that mpirun's own event loop has now and then when a rank ends early."""
    return b"".join(line for line in errors.splitlines(keepends=True) if not line.startswith(b"[warn] Epoll "))


def start(command):
    return subprocess.Popen(
        command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def descendants(process):
    """The processes that one has started, and those have started, with their names."""
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as status:
                words = status.read()
        except OSError:
            continue
        close = words.rindex(b")")
        program = words[words.index(b"(") + 1 : close].decode("utf-8", "replace")
        parents.setdefault(int(words[close + 2 :].split()[1]), []).append((int(name), program))
    found, next_up = [], [process]
    while next_up:
        for child, program in parents.get(next_up.pop(), []):
            found.append((child, program))
            next_up.append(child)
    return found


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
