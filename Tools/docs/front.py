#!/usr/bin/env python3
"""Makes one site of the merged archives: Tools/docs/front.py SITE

docc's own page for all modules lists their names, and its sidebar shows the module of the page that was loaded first. Here
the sidebar has all of them everywhere, and the first page begins with what a reader begins with: the module with the
articles, and the first of those.
"""

import json
import os
import sys

FIRST = "RefxIO"
SENTENCE = "Checkpoints that keep what is shared: what was one value at two places is one value again."


def change(path, how):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    how(document)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, separators=(",", ":"))


def sidebar(index):
    (root,) = index["interfaceLanguages"]["swift"]
    root["children"].sort(key=lambda module: module["title"] != FIRST)
    for module in root["children"]:
        # Of nodes that are called modules the sidebar shows one alone.
        if module["type"] != "module":
            sys.exit(f"Tools/docs/front.py: {module['title']} is a {module['type']} and no module")
        module["type"] = "collection"


def main(site):
    data = os.path.join(site, "data")
    change(os.path.join(site, "index", "index.json"), sidebar)
    with open(os.path.join(data, "documentation", FIRST.lower() + ".json"), encoding="utf-8") as file:
        first = json.load(file)

    def landing(page):
        (modules,) = page["topicSections"]
        modules["title"] = "Modules"
        modules["identifiers"].sort(key=lambda name: not name.endswith("/" + FIRST))
        learning = first["topicSections"][0]
        page["topicSections"] = [{"title": learning["title"], "identifiers": learning["identifiers"]}, modules]
        page["references"].update({name: first["references"][name] for name in learning["identifiers"]})
        page["abstract"] = [{"type": "text", "text": SENTENCE}]

    change(os.path.join(data, "documentation.json"), landing)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
