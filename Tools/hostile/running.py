"""Runs the command on one file, within limits, and says what it did that it must not."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading

# A brake for the machine's sake, far above what is demanded.
ADDRESS_SPACE = 4 << 30
TRACED = "open,openat,openat2,creat,stat,lstat,newfstatat,statx,access,faccessat,faccessat2,readlink,readlinkat"
# What a process may look at: libraries, itself, the machine.
SYSTEM = re.compile(
    r"^(/lib|/usr/|/lib64|/etc/(ld\.so|localtime|malloc|gnutls/config|ssl/openssl\.cnf)"
    r"|/sys/(fs/cgroup|devices/system|kernel/mm)"
    r"|/proc(/(self|\d+)(/(fd(/\d+)?|exe|maps|cgroup|stat|status|statm|ns/pid|mountinfo|auxv|task.*))?)?$"
    # A worker is started by that name, and Swift looks beside it for what prints a crash.
    r"|/proc/self/(libexec|bin|swift-backtrace)"

    r"|/proc/(cpuinfo|stat|meminfo|sys/.*)$"
    r"|/dev/(null|urandom|tty)$)")


CONTROL_IN_JSON = re.compile(rb"[\x00-\x08\x0b-\x1f]")
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


class Outcome:
    """`kind` is ok, error, crash SIGNAL or hang."""

    def __init__(self, kind, code, seconds, mebibytes, out, err):
        self.kind, self.code, self.seconds, self.mebibytes = kind, code, seconds, mebibytes
        self.out, self.err = out, err

    @property
    def words(self):
        return (self.err or self.out)[:400].decode("utf-8", "backslashreplace").split("\n")[0]


def run(command, seconds, folder, address_space=ADDRESS_SPACE, environment=None):
    """Runs `command` in `folder`; its memory is the most that it, or a process that it waited for, held at once, and
    its seconds are of computing."""
    def limit():
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if address_space:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    env = {"PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no", "LC_ALL": "C.UTF-8", **(environment or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, env=env, preexec_fn=limit)
        hung = threading.Event()

        def end():
            hung.set()
            os.killpg(process.pid, signal.SIGKILL)

        # Computing time is what counts; the clock, much later, is for what waits for ever.
        timer = threading.Timer(6 * seconds, end)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        took = usage.ru_utime + usage.ru_stime
        process.returncode = code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        out.seek(0)
        err.seek(0)
        texts = out.read(64 << 20), err.read(1 << 20)
    if hung.is_set():
        kind = "hang"
    elif code < 0:
        kind = "crash " + signal.Signals(-code).name
    elif code >= 128:
        kind = f"crash (exit {code})"
    else:
        kind = "ok" if code == 0 else "error"
    return Outcome(kind, code, took, usage.ru_maxrss >> 10, *texts)


def can_trace():
    """Whether strace is there and may trace."""
    if not shutil.which("strace"):
        return False
    try:
        return subprocess.run(["strace", "-qq", "-o", "/dev/null", "/bin/true"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def foreign_paths(trace, allowed, prefixes):
    """The paths in a trace that are neither among `allowed`, nor below one of `prefixes`, nor the system's."""
    found = []
    with open(trace, errors="surrogateescape") as lines:
        for line in lines:
            # An empty path stands for the descriptor itself.
            match = re.search(r'\b(?:' + TRACED.replace(",", "|") + r')\([^"]*"((?:[^"\\]|\\.)*)"', line)
            if not match:
                continue
            path = match.group(1).encode().decode("unicode_escape", "replace")
            # What /proc/self/fd/N stands for is the file that was named.
            if not path or path in allowed or SYSTEM.match(path) or any(path.startswith(p) for p in prefixes):
                continue
            if path not in found:
                found.append(path)
    return found


def paths_of_starting(refx):
    """The paths that the command, and its worker, look at to start: for their libraries above all."""
    found = set()
    with tempfile.TemporaryDirectory(prefix="refx-hostile-start-") as folder:
        trace = os.path.join(folder, "trace")
        for arguments in (["--version"], ["--refx-hdf5-worker"]):
            subprocess.run(["strace", "-f", "-qq", "-e", "trace=" + TRACED, "-s", "4096", "-o", trace, refx, *arguments],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={"PATH": "/usr/bin:/bin"}, timeout=60)
            found.update(foreign_paths(trace, (), ()))
    return found


def folders_above(path):
    """The folders that a path goes through."""
    found = set()
    while path not in ("", "/"):
        path = os.path.dirname(path)
        found.add(path)
    return found


class Rules:
    """What no run may do, whatever it was asked."""

    def __init__(self, file, megabytes, seconds, canaries=()):
        self.file, self.megabytes, self.seconds, self.canaries = file, megabytes, seconds, canaries


class Checker:
    """Runs commands on files and collects violations and figures."""

    def __init__(self, refx, trace, scale=1.0, memory=True, environment=None):
        self.refx, self.trace, self.scale, self.memory = refx, trace, scale, memory
        self.environment = environment or {}
        self.lock = threading.Lock()
        self.executions = 0
        self.traced = 0
        self.files = set()
        self.violations = []
        self.most_memory = (0, "")
        # What starting looks at, before anything is known of a file.
        self.starting = paths_of_starting(refx) if trace else set()
        self.most_seconds = (0.0, "")

    def violation(self, file, command, what):
        with self.lock:
            self.violations.append(f"{file}: {command}: {what}")

    def run(self, name, arguments, rules, traced=False, output=None):
        """Runs one command under all rules and gives what came of it.

        `output` is the file that it may make; it must not be there where the command fails.
        """
        file = rules.file
        scratch = tempfile.mkdtemp(prefix="refx-hostile-run-")
        try:
            command = [self.refx, *arguments]
            trace = os.path.join(scratch, "trace")
            traced = traced and self.trace
            if traced:
                command = ["strace", "-f", "-qq", "-e", "trace=" + TRACED, "-s", "4096", "-o", trace] + command
            # A tracer stops the process at each call.
            seconds = rules.seconds * self.scale + (10 if traced else 0)
            # Sanitizers lay out terabytes of shadow.
            space = ADDRESS_SPACE if self.memory else None
            outcome = run(command, seconds, os.path.dirname(file), space, self.environment)
            shown = " ".join(a for a in arguments if a != file and a != output)
            say = lambda what: self.violation(name, shown, what)
            with self.lock:
                self.executions += 1
                self.traced += bool(traced)
                self.files.add(name)
                if not traced and self.memory:
                    self.most_memory = max(self.most_memory, (outcome.mebibytes, f"{name}: {shown}"))
                self.most_seconds = max(self.most_seconds, (outcome.seconds, f"{name}: {shown}"))
            if outcome.kind not in ("ok", "error"):
                say(f"{outcome.kind}: {outcome.words}")
            elif outcome.code > 2:
                say(f"exit {outcome.code}: {outcome.words}")
            if self.memory and not traced and outcome.mebibytes > rules.megabytes:
                say(f"{outcome.mebibytes} MiB of memory, at most {rules.megabytes}")
            if not traced and outcome.kind != "hang" and outcome.seconds > seconds:
                say(f"{outcome.seconds:.1f} s of computing, at most {seconds}")
            both = outcome.out + outcome.err
            # JSON is read by programs: there DEL and what is beyond ASCII is text.
            control = (CONTROL_IN_JSON if "--json" in arguments else CONTROL).search(both)
            if b"\nrefx: fine" in both:
                say("a name made a line of its own")
            if control:
                say(f"the control character {control.group(0)!r} on the terminal")
            if outcome.kind == "error" and not both.strip():
                say("an error without a word")
            if outcome.kind == "error" and outcome.code == 2 and not outcome.err.startswith(b"refx: ") \
                    and "verify" not in arguments:
                say(f"the error is not in the form of one: {outcome.words}")
            written = b""
            if output and os.path.lexists(output):
                if outcome.kind != "ok":
                    say("left its output behind")
                if os.path.isfile(output) and os.path.getsize(output) < 64 << 20:
                    with open(output, "rb") as made:
                        written = made.read()
            for canary in rules.canaries:
                if canary in both or canary in written:
                    say(f"gave away the content of another file: {canary!r}")
            if traced and os.path.exists(trace):
                # A program looks for its libraries beside itself first.
                beside = os.path.dirname(self.refx)
                prefixes = [beside + "/"] + ([os.path.dirname(output) + "/"] if output else [])
                ours = self.starting | {file, output} | folders_above(file) | folders_above(output or file) | folders_above(self.refx)
                for path in foreign_paths(trace, ours, prefixes):
                    say(f"looked at {path!r}, which was not named")
            return outcome
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def tell(self, rows, seconds, notes=()):
        """Prints the violations, and the figures as the last line; gives the exit status."""
        shown = {}
        for violation in self.violations:
            shown.setdefault(violation.split(": ")[0], []).append(violation)
        for name, found in list(shown.items())[:60]:
            more = f" (and {len(found) - 1} more of it)" if len(found) > 1 else ""
            print("violation: " + found[0].encode("utf-8", "backslashreplace").decode() + more, flush=True)
        if len(shown) > 60:
            print(f"violation: and {len(shown) - 60} more files", flush=True)
        print(f"{rows}: {len(self.files)} files, {self.executions} executions ({self.traced} traced), "
              f"{len(self.violations)} violations, {self.most_memory[0]} MiB ({self.most_memory[1]}), {seconds:.0f} s"
              + "".join("; " + note for note in notes),
              flush=True)
        return 1 if self.violations else 0


def hashes(text):
    """Path to (dtype, shape, SHA-256) of the leaves in what `inspect --hash --json` printed."""
    found = {}
    for row in json.loads(text)["leaves"]:
        key = tuple(row["path"])
        if row.get("sha256") or key not in found:
            found[key] = (row["dtype"], row["shape"], row.get("sha256"), row["kind"], row.get("index"))
    return found
