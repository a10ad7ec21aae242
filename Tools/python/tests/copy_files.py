"""Reads every checkpoint of a folder and saves it again as copy-NAME; prints the digests of what was read as JSON.

    copy_files.py FOLDER
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import refx_files  # noqa: E402


def main(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with refx_files.open(path) as file:
            file.verify()
            found[name] = refx_files.digest(file)
            # By turns as the names go: without compression, fast, best.
            stem = name.split(".")[0]
            compression = ("none", "fast", "best")[int(stem) % 3 if stem.isdigit() else 0]
            refx_files.save(
                os.path.join(folder, "copy-" + name), file.tree(refs=True, raw=True), metadata=file.metadata,
                attributes=file.attributes, compression=compression)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
