"""python -m refx_files FILE            the tree, for people
python -m refx_files FILE --json     the same as one JSON document, every payload read and checked
python -m refx_files FILE --verify   reads every byte and says whether the file is sound

A patch needs its base: --base FILE."""

import io
import json
import os
import sys

from . import FileError, listing, open


def main(arguments):
    flags = {"--json", "--verify"}
    base = None
    if "--base" in arguments[:-1]:
        at = arguments.index("--base")
        base = arguments[at + 1]
        arguments = arguments[:at] + arguments[at + 2:]
    files = [argument for argument in arguments if argument not in flags]
    if "--help" in arguments or "-h" in arguments:
        print(__doc__)
        return 0
    if len(files) != 1 or files[0].startswith("--") or flags <= set(arguments):
        print(__doc__, file=sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character of a name shows its number.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with open(files[0], base=base) as file:
            for warning in file.warnings:
                print(f"{files[0]}: {warning}", file=sys.stderr)
            if "--json" in arguments:
                write_json(listing.document(file))
            elif "--verify" in arguments:
                file.verify()
                print(f"{files[0]}: sound")
            else:
                for line in listing.draw(file):
                    print(line)
    except (FileError, OSError) as error:
        print(f"{type(error).__name__}: {error}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 1
    return 0


def write_json(document):
    """A document may be nested deeper than the encoder of the json module goes."""
    class Words(str):
        pass

    waiting, parts = [document], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, Words):
            parts.append(item)
        elif isinstance(item, (dict, list)):
            mapping = isinstance(item, dict)
            inside = [Words("{" if mapping else "[")]
            for position, member in enumerate(item.items() if mapping else item):
                name, member = member if mapping else (None, member)
                inside.append(Words((", " if position else "") + (json.dumps(name) + ": " if mapping else "")))
                inside.append(member)
            inside.append(Words("}" if mapping else "]"))
            waiting.extend(reversed(inside))
        else:
            parts.append(json.dumps(item))
    print("".join(parts))


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)
