"""What each command must do with a hostile file, by what the file is expected to be."""

import json
import os
import re
import shutil
import tempfile

from running import Rules, hashes


def demand(checker, file, canaries, thorough=False):
    """Runs every command on one of our own files."""
    rules = Rules(file.path, file.megabytes, file.seconds, canaries)
    folder = tempfile.mkdtemp(prefix="refx-hostile-out-")
    out = os.path.join(folder, "out.refx")
    out_h5 = os.path.join(folder, "out.h5")
    path = file.path
    runs = {
        "inspect": ["inspect", path], "hash": ["inspect", "--hash", "--json", path],
        "convert": ["convert", path, out], "convert h5": ["convert", path, out_h5], "diff": ["diff", path, path],
        "verify": ["verify", path],
    }
    if thorough:
        runs["digest"] = ["digest", path]
        runs["lint"] = ["lint", path]
        runs["tree"] = ["inspect", "--tree", path]
        runs["attributes"] = ["inspect", "--stats", "--shared", path]
    if file.expect == "payload":
        # A .refx file has hashes, by which diff settles what is equal without looking.
        runs["diff"] = ["diff", "--exact", path, path]
    if file.expect == "listed":
        runs["skip"] = ["convert", path, os.path.join(folder, "skipped.refx"), "--skip-unsupported"]
    if file.expect == "error" and not thorough:
        # What refuses to open does so for all of them.
        del runs["convert h5"], runs["hash"]
    # What each must end with, besides what no run may do.
    ends = {
        "error": {name: (2,) for name in runs} | {"verify": (1, 2)},
        "read": {name: (0,) for name in runs} | {"lint": (0, 1)},
        "listed": {"inspect": (0,), "hash": (0,), "convert": (2,), "convert h5": (2,), "diff": (2,), "skip": (0,)},
        "payload": {"inspect": (0,), "hash": (2,), "convert": (2,), "convert h5": (2,), "diff": (2,), "verify": (1,)},
        "either": {},
    }[file.expect]
    known = {"digest", "lint", "tree", "attributes"}
    try:
        for name, arguments in runs.items():
            if name in known and not has_command(checker, arguments):
                continue
            output = next((a for a in arguments if a.startswith(folder)), None)
            # Watching takes longer than the command does: where not all can be, those that read values are.
            traced = file.traced and (thorough or name in ("hash", "convert", "skip"))
            outcome = checker.run(file.name, arguments, rules, traced=traced, output=output)
            wanted = ends.get(name)
            if wanted and outcome.kind in ("ok", "error") and outcome.code not in wanted:
                checker.violation(file.name, name, f"exit {outcome.code}, expected {wanted}: {outcome.words}")
            if file.never and re.search(file.never, outcome.err + outcome.out):
                checker.violation(file.name, name, f"refused for a reason that it does not have: {outcome.words}")
            if name == "hash" and outcome.kind == "ok":
                check_values(checker, file, outcome.out)
        if file.expect == "read" and file.values and os.path.exists(out):
            again = checker.run(file.name, ["inspect", "--hash", "--json", out], Rules(out, 256, 10, canaries))
            if again.kind == "ok":
                check_values(checker, file, again.out, " in what convert made")
            else:
                checker.violation(file.name, "convert", f"what it made cannot be read: {again.words}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_values(checker, file, text, where=""):
    """The values listed for a file are there, and nothing else is where all are known."""
    try:
        found = hashes(text)
    except (ValueError, KeyError) as error:
        checker.violation(file.name, "inspect --json", f"no JSON of the contract: {error}")
        return
    if file.expect == "listed" and not any(row[3] == "unsupported" for row in found.values()):
        checker.violation(file.name, "inspect", "nothing is listed as unsupported")
    for path, value in (file.values or {}).items():
        if path not in found:
            checker.violation(file.name, "inspect", f"{path} is not there{where}; {list(found)[:4]}")
        elif found[path][2] != value:
            checker.violation(file.name, "inspect --hash", f"{path} has the value {found[path][2]}, not {value}{where}")


_commands = {}


def has_command(checker, arguments):
    """Whether this release has a command, by its help."""
    name = arguments[0]
    if name not in _commands:
        import subprocess
        _commands[name] = subprocess.run([checker.refx, name, "--help"], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL).returncode == 0
    return _commands[name]


# MARK: The corpus that may stand beside the repository

# Formats of the corpus that this release has no reader for: a refusal in a sentence is what they get.
UNREAD = ("zlib",)
# What CLI.md's contract lists as unsupported though the corpus would like it read.
BY_CONTRACT = {"hdf5/034_filter_scaleoffset.h5"}


def demand_entry(checker, entry, folder):
    """Runs inspect, inspect --hash, convert and diff on a file of the corpus, by its entry in the manifest."""
    name, expect = entry["path"], entry["expect"]
    path = os.path.join(folder, name)
    limits = entry["limits"]
    canaries = [c.encode() for c in [entry["canary"]] if c] + ([b"root:x:0"] if entry["canary"] else [])
    rules = Rules(path, limits["rss_mib"], limits["seconds"], canaries)
    traced = "open_foreign_path" in entry["must_not"]
    made = tempfile.mkdtemp(prefix="refx-hostile-out-")
    out = os.path.join(made, "out.refx")
    out_h5 = os.path.join(made, "out.h5")

    def run(*arguments, output=None):
        return checker.run(name, list(arguments), rules, traced=traced, output=output)

    def wrong(what, outcome):
        if outcome.kind in ("ok", "error"):
            checker.violation(name, expect, f"{what}: {outcome.words}")

    try:
        inspect = run("inspect", path)
        digest = run("inspect", "--hash", "--json", path)
        convert = run("convert", path, out, output=out)
        convert_h5 = run("convert", path, out_h5, output=out_h5)
        diff = run("diff", path, path)
        everything = {"inspect": inspect, "inspect --hash": digest, "convert": convert, "diff": diff}
        if entry["format"] in UNREAD:
            for command, outcome in everything.items():
                if outcome.kind == "ok":
                    wrong(f"{command} read a format that has no reader", outcome)
            return
        if expect == "read" and name in BY_CONTRACT:
            expect = "refuse_external"
        if expect == "read":
            for command, outcome in everything.items():
                if outcome.kind != "ok":
                    wrong(f"{command} refused it", outcome)
            if digest.kind == "ok":
                compare(checker, entry, digest.out, "")
            if os.path.exists(out):
                again = checker.run(name, ["inspect", "--hash", "--json", out], Rules(out, 256, 10))
                compare(checker, entry, again.out if again.kind == "ok" else b"", " after convert")
        elif expect in ("error", "refuse_external"):
            # Nothing that needs the values gives any; what only lists them may list that they cannot be read.
            for command in ("convert", "diff"):
                if everything[command].kind == "ok":
                    wrong(f"{command} accepted it", everything[command])
            if digest.kind == "ok" and not any(row[3] == "unsupported" for row in hashes(digest.out).values()):
                wrong("inspect --hash found nothing wrong", digest)
        elif expect == "lossy_error" and convert_h5.kind == "ok":
            same = checker.run(name, ["diff", path, out_h5], Rules(path, 256, 10))
            if same.code != 0:
                wrong("convert to HDF5 lost something in silence", same)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def compare(checker, entry, text, where):
    if not entry["values"]:
        return
    name = entry["path"]
    try:
        found = hashes(text)
    except (ValueError, KeyError) as error:
        checker.violation(name, "inspect", f"no JSON of the contract{where}: {error}")
        return
    for key, value in entry["values"].items():
        path = tuple(key.split("/")) if entry["format"] == "hdf5" else (key,) if key else ()
        if path not in found:
            checker.violation(name, "inspect", f"{key} is not there{where}")
            continue
        dtype, shape, digest = found[path][:3]
        wanted = value.get("sha256_le_c")
        if wanted is None:
            import hashlib
            wanted = hashlib.sha256(bytes.fromhex(value["bytes_hex"])).hexdigest()
        if (dtype, shape, digest) != (value["dtype"], value["shape"], wanted):
            checker.violation(name, "inspect --hash", f"{key} is {found[path][:3]}, not {value}{where}")
        checker.compared = getattr(checker, "compared", 0) + 1


def load_manifest(folder):
    with open(os.path.join(folder, "manifest.json")) as file:
        return json.load(file)["entries"]
