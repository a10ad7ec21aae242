"""Running the command: plain, with its calls counted and spoiled (faults.c), and what is left on the disk."""

import os
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Trouble(Exception):
    """The harness itself cannot go on."""


def build_faults(folder):
    """Builds faults.c; gives the library's path."""
    compiler = find_compiler()
    if compiler is None:
        raise Trouble("there is no C compiler: neither cc, nor clang, nor the one beside swift")
    library = os.path.join(folder, "faults.so")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library]
    done = subprocess.run(command + [os.path.join(HERE, "faults.c"), "-ldl", "-lpthread"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Trouble(f"faults.c cannot be built:\n{done.stdout}")
    return library


def find_compiler():
    for name in (os.environ.get("CC"), "cc", "clang"):
        if name and shutil.which(name):
            return name
    swift = shutil.which("swift")
    beside = swift and os.path.join(os.path.dirname(os.path.realpath(swift)), "clang")
    return beside if beside and os.path.exists(beside) else None


class Call:
    """One call that changes a file, as faults.c saw it."""

    def __init__(self, line):
        # The last two fields may be empty.
        name, result, number, other, data, second = line.rstrip("\n").split(" ")
        self.name = name
        self.result = int(result)
        self.number = int(number)
        self.other = int(other)
        self.data = bytes.fromhex(data)
        self.second = os.fsdecode(bytes.fromhex(second))
        # What the call is about: the path that was opened, or is named.
        self.path = None

    def about(self):
        if self.path is None:
            return "unknown"
        if ".refx-tmp-" in os.path.basename(self.path):
            return "temporary"
        return "folder" if self.is_folder else "file"

    is_folder = False

    def __str__(self):
        return f"{self.name} of the {self.about()}"


def read_log(path):
    """The calls of a log, each with the path it is about."""
    calls, descriptors = [], {}
    if not os.path.exists(path):
        return calls
    with open(path, encoding="ascii") as lines:
        for line in lines:
            call = Call(line)
            if call.name == "open":
                call.path = os.fsdecode(call.data)
                call.is_folder = bool(call.number & os.O_DIRECTORY)
                if call.result >= 0:
                    descriptors[call.result] = call
            elif call.name in ("rename", "renameat2", "link", "unlink", "rmdir", "mkdir", "truncate", "chmod"):
                call.path = os.fsdecode(call.data)
            elif call.number in descriptors:
                call.path = descriptors[call.number].path
                call.is_folder = descriptors[call.number].is_folder
            calls.append(call)
    return calls


def heed_signals():
    """Whoever runs this may ignore or block some, and a program that is started inherits that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Done:
    """How a run ended."""

    def __init__(self, code, errors, seconds):
        self.code = code
        self.errors = errors
        self.seconds = seconds


class Refx:
    """The command that is tested."""

    def __init__(self, path, faults=None):
        self.path = os.path.abspath(path)
        self.faults = faults
        self.executions = 0

    def environment(self, more=None):
        environment = {"PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no", "LC_ALL": "C"}
        environment.update(more or {})
        return environment

    def run(self, arguments, environment=None, before=None, output=subprocess.DEVNULL, prefix=()):
        self.executions += 1
        start = time.monotonic()
        try:
            done = subprocess.run(
                [*prefix, self.path, *arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.PIPE, env=self.environment(environment), timeout=120,
                preexec_fn=lambda: (heed_signals(), before and before()))
        except subprocess.TimeoutExpired:
            return Done(None, "it ran for two minutes", 120)
        return Done(done.returncode, done.stderr.decode(errors="replace"), time.monotonic() - start)

    def spoiled(self, arguments, folder, log=None, at=None, what=None, always=None, dribble=None):
        """Runs with the calls on files in `folder` counted, and those that are asked for spoiled."""
        environment = {"LD_PRELOAD": self.faults, "SAVES_FOLDER": os.path.realpath(folder)}
        if log:
            if os.path.exists(log):
                os.remove(log)
            environment["SAVES_LOG"] = log
        if at:
            environment["SAVES_AT"], environment["SAVES_DO"] = str(at), what
        if always:
            environment["SAVES_ALWAYS"] = always
        if dribble:
            environment["SAVES_DRIBBLE"] = str(dribble)
        return self.run(arguments, environment)

    def start(self, arguments):
        self.executions += 1
        return subprocess.Popen(
            [self.path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=self.environment(), preexec_fn=heed_signals)


def content(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def temporaries(folder):
    """What a save left behind, in any folder below."""
    return [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names
            if ".refx-tmp-" in name]


def make_empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
