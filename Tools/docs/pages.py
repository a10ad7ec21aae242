#!/usr/bin/env python3
"""Stages the catalogues for docc: Tools/docs/pages.py GRAPHS OUT

The articles in Documentation/MODULE.docc are taken as they are but for their links; the pages in Documentation, and
those at the top of the repository, become articles of RefxIO, so that the site has what the repository has. Links between
files become links between articles, names of other modules get their module, and links to sources become words.
"""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import graphs  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOUSE = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md"]


def headings(text):
    """What docc calls each heading, by what GitHub calls it."""
    found = {}
    for heading in re.findall(r"^##+ (.*)$", text, re.M):
        words = re.sub(r"[`*\[\]]|\([^)]*\)(?=$)", "", heading).strip()
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found[slug] = re.sub(r"\s+", "-", words)
    return found


def outside_code(text, change):
    """`text` with everything but its fenced blocks changed."""
    return "".join(
        part if number % 2 else change(part) for number, part in enumerate(re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)))


class Catalogue:
    def __init__(self, module, homes, members, articles, earlier):
        self.module, self.homes, self.members, self.articles = module, homes, members, articles
        # Where the articles are of modules that docc has seen before this one.
        self.earlier = {stem: path for stem, path in earlier.items() if stem not in articles}

    def link(self, match):
        mark, words, target = match.groups()
        if re.match(r"[a-z]+:", target):
            return match.group(0)
        name, _, anchor = target.partition("#")
        base = os.path.basename(name)
        if mark:
            return f"![{words}]({base})"
        stem = os.path.splitext(base)[0]
        if name == "":
            return words
        if base.endswith(".md") and stem in self.earlier and not anchor:
            return f"[{words}](doc:/{self.earlier[stem]})"
        if base.endswith(".md") and stem in self.articles:
            text = self.articles[stem]
            place = headings(text).get(anchor, "") if anchor else ""
            if anchor and not place:
                sys.exit(f"Tools/docs/pages.py: {stem}.md has no heading '{anchor}'")
            return f"[{words}](doc:{self.name(stem)}{'#' + place if place else ''})"
        return words

    def name(self, stem):
        """What the article is called on the site, where names of articles and of types differ by more than case."""
        types = {name.lower() for name, home in self.homes.items() if home == self.module}
        return stem + "-article" if stem.lower() in types else stem

    def symbol(self, match):
        link = match.group(1)
        first, second = (re.split(r"[/(\-]", link) + [""])[:2]
        home = self.homes.get(first)
        if link.startswith("/") or home in (None, self.module):
            return match.group(0)
        if "/" in link and self.members.get((first, second)) == self.module:
            # A member that this module adds to another's type.
            return f"``/{self.module}/{home}/{link}``"
        return f"``/{home}/{link}``"

    def changed(self, text):
        def change(part):
            part = re.sub(r"^<!--.*?-->\n?", "", part, flags=re.M | re.S)
            part = re.sub(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^)\s]+)\)", self.link, part)
            part = re.sub(r"<doc:([\w-]+)>", lambda m: f"<doc:{self.name(m.group(1))}>", part)
            # Titles and headings show their backticks as they are.
            part = re.sub(r"^#+ (?!``).*$", lambda m: m.group(0).replace("`", ""), part, flags=re.M)
            return graphs.LINK.sub(self.symbol, part)

        return outside_code(text, change)


def main(folder, target):
    homes, members = graphs.places(folder)
    documentation = os.path.join(ROOT, "Documentation")
    earlier = {}
    for module in graphs.MODULES:
        source = os.path.join(documentation, module + ".docc")
        paths = [os.path.join(source, name) for name in sorted(os.listdir(source)) if name.endswith(".md")]
        if module == "RefxIO":
            paths += [os.path.join(documentation, name) for name in sorted(os.listdir(documentation)) if name.endswith(".md")]
            paths += [os.path.join(ROOT, name) for name in HOUSE]
        articles = {}
        for path in paths:
            with open(path, encoding="utf-8") as file:
                articles[os.path.splitext(os.path.basename(path))[0]] = file.read()
        out = os.path.join(target, module + ".docc")
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        catalogue = Catalogue(module, homes, members, articles, earlier)
        for stem, text in articles.items():
            with open(os.path.join(out, catalogue.name(stem) + ".md"), "w", encoding="utf-8") as file:
                file.write(catalogue.changed(text))
            earlier[stem] = f"{module}/{catalogue.name(stem)}"
        if module == "RefxIO":
            for name in os.listdir(documentation):
                if name.endswith(".svg"):
                    with open(os.path.join(documentation, name), encoding="utf-8") as file:
                        drawing = file.read()
                    # Without a size of its own a drawing is as small as the site makes it.
                    drawing = re.sub(
                        r'^<svg (?![^>]*\bwidth=)([^>]*viewBox="0 0 ([\d.]+) ([\d.]+)")', r'<svg width="\2" height="\3" \1',
                        drawing, count=1, flags=re.M)
                    with open(os.path.join(out, name), "w", encoding="utf-8") as file:
                        file.write(drawing)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
