#!/usr/bin/env python3
"""What the symbol graphs of the library say, made ready for docc; and which public symbols say nothing.

  Tools/docs/graphs.py stage IN OUT     the graphs of each module, in a folder of its own, with links between modules
                                        written out: a source says ``RefxError``, docc wants ``/Refx/RefxError``
  Tools/docs/graphs.py undocumented IN  public symbols without a documentation comment: a line each, then the numbers

Conformances to the standard library's protocols (==, hash(into:), encode(to:), description, literals, …) and members
that fulfil a documented requirement of one of our protocols need no words of their own. The second form exits 1 where
there is a symbol without words in a module that has to have none.
"""

import glob
import json
import os
import re
import sys

# In the order in which they stand on each other.
MODULES = ["Refx", "RefxStore", "RefxIO", "RefxDistributed"]
# How many symbols may be without words. A number here may only go down.
ALLOWED = {"Refx": 0, "RefxIO": 0, "RefxStore": 0, "RefxDistributed": 0}

FULFILLED = {
    "==(_:_:)", "<(_:_:)", "hash(into:)", "encode(to:)", "init(from:)", "description", "rawValue", "init(rawValue:)",
    "init(stringLiteral:)", "init(integerLiteral:)", "init(floatLiteral:)", "init(booleanLiteral:)",
    "init(arrayLiteral:)", "init(dictionaryLiteral:)", "startIndex", "endIndex",
}


def graphs(folder, module):
    """Path and content of each graph of a module: its own, and what it adds to others."""
    own = os.path.join(folder, module + ".symbols.json")
    paths = ([own] if os.path.exists(own) else []) + sorted(glob.glob(os.path.join(folder, module + "@*.symbols.json")))
    for path in paths:
        with open(path, encoding="utf-8") as file:
            yield path, json.load(file)


def is_own(symbol, module):
    """Whether the symbol is written in this module, and not made by the compiler or taken from elsewhere."""
    return "::SYNTHESIZED::" not in symbol["identifier"]["precise"] and symbol["kind"]["identifier"] != "swift.extension"


def documentation(symbol, module):
    """The lines of the documentation comment that the module itself wrote; None where there are none."""
    comment = symbol.get("docComment")
    if comment is None or comment.get("module", module) != module:
        return None
    return comment if any(line["text"].strip() for line in comment["lines"]) else None


def undocumented(folder):
    requirements, conformances = {}, {}
    for module in MODULES:
        for _, graph in graphs(folder, module):
            names = {symbol["identifier"]["precise"]: symbol for symbol in graph["symbols"]}
            for relation in graph["relationships"]:
                if relation["kind"] in ("requirementOf", "optionalRequirementOf"):
                    symbol = names.get(relation["source"])
                    if symbol and documentation(symbol, module):
                        requirements.setdefault(relation["target"], set()).add(symbol["pathComponents"][-1])
                elif relation["kind"] in ("conformsTo", "inheritsFrom"):
                    conformances.setdefault(relation["source"], set()).add(relation["target"])
    failed = False
    for module in MODULES:
        count, missing = 0, []
        for _, graph in graphs(folder, module):
            parents = {r["source"]: r["target"] for r in graph["relationships"] if r["kind"] in ("memberOf", "requirementOf")}
            for symbol in graph["symbols"]:
                if not is_own(symbol, module):
                    continue
                count += 1
                name = symbol["pathComponents"][-1]
                if documentation(symbol, module) or name in FULFILLED:
                    continue
                kinds, seen = [parents.get(symbol["identifier"]["precise"])], set()
                while kinds:
                    kind = kinds.pop()
                    if kind in seen:
                        continue
                    seen.add(kind)
                    kinds.extend(conformances.get(kind, ()))
                if any(name in requirements.get(kind, ()) for kind in seen):
                    continue
                place = symbol.get("location")
                if place is None:
                    continue  # made by the compiler
                missing.append((place["uri"].split("/Sources/")[-1], place["position"]["line"] + 1, symbol["pathComponents"]))
        for path, line, names in sorted(missing):
            print(f"Sources/{path}:{line}: {'.'.join(names)} has no documentation")
        print(f"{module}: {len(missing)} of {count} public symbols without documentation, {ALLOWED[module]} allowed")
        if count == 0:
            sys.exit(f"Tools/docs/graphs.py: there are no symbols of {module} in {folder}")
        failed = failed or len(missing) > ALLOWED[module]
    return 1 if failed else 0


LINK = re.compile(r"(?<!`)``([^`]+)``(?!`)")


def places(folder):
    """The module of each name, and of each member of a type, by both names."""
    homes, members = {}, {}
    for module in MODULES:
        for _, graph in graphs(folder, module):
            for symbol in graph["symbols"]:
                names = symbol["pathComponents"]
                if len(names) == 1 and is_own(symbol, module):
                    homes.setdefault(names[0].split("(")[0], module)
                if len(names) > 1:
                    members.setdefault((names[0], names[1].split("(")[0]), module)
    return homes, members


def stage(folder, target):
    """Writes the graphs again, in whose comments a name of another module has that module before it."""
    homes, members = places(folder)
    for module in MODULES:
        os.makedirs(os.path.join(target, module), exist_ok=True)
        for path, graph in graphs(folder, module):
            for symbol in graph["symbols"]:
                around = symbol["pathComponents"][0]

                def written_out(match):
                    link = match.group(1)
                    first, second = (re.split(r"[/(\-]", link) + [""])[:2]
                    home = homes.get(first)
                    if link.startswith("/"):
                        return match.group(0)
                    if home is None:
                        # A member of the type that the symbol extends: it is with the type, or beside the symbol.
                        place = members.get((around, first))
                        if homes.get(around) in (None, module) or place in (None, module):
                            return match.group(0)
                        return f"``/{place}/{around}/{link}``"
                    if home != module and "/" in link and members.get((first, second)) == module:
                        return f"``/{module}/{home}/{link}``"
                    if home == module or MODULES.index(home) > MODULES.index(module):
                        return match.group(0)
                    return f"``/{home}/{link}``"

                for line in symbol.get("docComment", {}).get("lines", []):
                    line["text"] = LINK.sub(written_out, line["text"])
            with open(os.path.join(target, module, os.path.basename(path)), "w", encoding="utf-8") as file:
                json.dump(graph, file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["stage"] and len(sys.argv) == 4:
        stage(sys.argv[2], sys.argv[3])
    elif sys.argv[1:2] == ["undocumented"] and len(sys.argv) == 3:
        sys.exit(undocumented(sys.argv[2]))
    else:
        sys.exit(__doc__)
