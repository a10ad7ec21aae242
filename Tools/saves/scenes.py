"""The saves that are spoiled: what is run, which files it makes, and what those hold before and after."""

import json
import os
import random
import shutil
import struct

from run import content, make_empty, Trouble

FORMATS = ("refx", "h5", "safetensors")


def write_safetensors(path, arrays):
    """`arrays`: names with the bytes of float32 numbers."""
    header, body = {}, b""
    for name, data in arrays.items():
        header[name] = {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


class Models:
    """Two models of one size, whose files differ, in a folder of their own."""

    def __init__(self, refx, folder, seed, numbers):
        self.refx = refx
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        # Bytes that cannot be compressed, so that sizes say how much is written.
        chance = random.Random(f"{seed}-{numbers}")
        self.sources = []
        for model in ("old", "new"):
            path = os.path.join(folder, f"{model}-{numbers}.safetensors")
            arrays = {"a": chance.randbytes(4 * numbers), "b": chance.randbytes(120), "c": chance.randbytes(2800)}
            write_safetensors(path, arrays)
            self.sources.append(path)
        self.made = {}

    def old(self, kind):
        return self.expected(0, kind)

    def new(self, kind):
        return self.expected(1, kind)

    def expected(self, model, kind):
        """The bytes of a file of this kind, from a save that nothing disturbs."""
        if (model, kind) not in self.made:
            path = os.path.join(self.folder, f"expected-{model}.{kind}")
            self.must(["convert", self.sources[model], path, "--force"])
            self.made[model, kind] = content(path)
        return self.made[model, kind]

    def must(self, arguments):
        done = self.refx.run(arguments)
        if done.code != 0:
            raise Trouble(f"refx {' '.join(arguments)}: exit {done.code}: {done.errors}")


class Scene:
    """One save. Its files are by name in `folder`, with what they hold before (None: no file) and after."""

    def __init__(self, name, models, folder, arguments, files, always=None, may_be_empty=False, link=False):
        self.name = name
        self.models = models
        self.folder = folder
        self.arguments = arguments
        self.files = files
        self.always = always
        self.may_be_empty = may_be_empty
        self.link = link

    @property
    def is_plain(self):
        """Whether it makes or replaces one file of a format, the usual way."""
        return self.name in [f"{kind} {way}" for kind in FORMATS for way in ("new", "over")]

    def path(self, name):
        return os.path.join(self.folder, name)

    def set_up(self):
        """The folder as it is before the save."""
        make_empty(self.folder)
        for name, (old, _) in self.files.items():
            if old is not None:
                with open(self.path(name), "wb") as file:
                    file.write(old)
                os.chmod(self.path(name), self.mode(name))
        if self.link:
            for name in self.files:
                os.symlink(name, self.path("link-" + name))

    def mode(self, name):
        """A mode that no umask makes, for a file that is there before."""
        if self.files[name][0] is not None:
            return 0o604
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask

    def again(self):
        """The same save, when its files may be there already."""
        return self.arguments if "--force" in self.arguments else self.arguments + ["--force"]

    def states(self):
        """What each file is now: old, new, or something else that is described."""
        return {name: self.state(name) for name in self.files}

    def state(self, name):
        found = content(self.path(name))
        word = self.state_of(name, found)
        if word in ("old", "new") and found is not None:
            mode = os.stat(self.path(name)).st_mode & 0o7777
            if mode != self.mode(name):
                return f"{word}, of mode {mode:o}"
        return word

    def state_of(self, name, found):
        old, new = self.files[name]
        if found == new:
            return "new"
        if found == old:
            return "old"
        if found is None:
            return "gone"
        return "empty" if not found else f"{len(found)} bytes, neither old nor new"


def make_scenes(models, folder, long):
    """The saves for each format, of a new file and over an old one, and the ways that differ."""
    scenes = []
    target = os.path.join(folder, "target")

    def add(name, arguments, files, **more):
        scenes.append(Scene(name, models, target, arguments, files, **more))

    old_source, new_source = models.sources
    for kind in FORMATS:
        out = os.path.join(target, f"m.{kind}")
        new = models.new(kind)
        add(f"{kind} new", ["convert", new_source, out], {f"m.{kind}": (None, new)})
        add(f"{kind} over", ["convert", new_source, out, "--force"], {f"m.{kind}": (models.old(kind), new)})

    # File systems that cannot rename onto a free name alone, and those that have no hard links either.
    out = os.path.join(target, "m.refx")
    made = {"m.refx": (None, models.new("refx"))}
    add("refx new by link", ["convert", new_source, out], made, always="renameat2:22")
    add("refx new by name", ["convert", new_source, out], made, always="renameat2:22,link:1", may_be_empty=True)

    def results(name, arguments, files):
        """What a command makes in an empty folder."""
        make_empty(target)
        models.must(arguments)
        return {file: content(os.path.join(target, file)) for file in files}

    array = os.path.join(target, "a.npy")
    before = results("get", ["get", old_source, "a", "-o", array], ["a.npy"])
    after = results("get", ["get", new_source, "a", "-o", array], ["a.npy"])
    add("npy over", ["get", new_source, "a", "-o", array, "--force"], {"a.npy": (before["a.npy"], after["a.npy"])})

    def partition(source, kind):
        part, rest = (os.path.join(target, f"{name}.{kind}") for name in ("part", "rest"))
        return ["partition", source, "--force", "--select", f"path:a={part}", "--rest", rest]

    for kind in ("refx", "h5") if long else ("refx",):
        names = [f"part.{kind}", f"rest.{kind}"]
        before = results("partition", partition(old_source, kind), names)
        after = results("partition", partition(new_source, kind), names)
        add(f"{kind} parts over", partition(new_source, kind), {name: (before[name], after[name]) for name in names})
    parts = ["partition", new_source, "--by-collection", "-o", os.path.join(target, "parts")]
    after = results("partition", parts, ["parts/rest.refx"])
    add("refx parts new", parts, {"parts/rest.refx": (None, after["parts/rest.refx"])})

    if long:
        for kind in FORMATS:
            scenes.append(Scene(
                f"{kind} by link", models, target,
                ["convert", new_source, os.path.join(target, f"link-m.{kind}"), "--force"],
                {f"m.{kind}": (models.old(kind), models.new(kind))}, link=True))
        merged = os.path.join(models.folder, "merged")
        make_empty(merged)
        pieces = [os.path.join(merged, name) for name in ("part.refx", "rest.refx")]
        models.must(["partition", new_source, "--select", f"path:a={pieces[0]}", "--rest", pieces[1]])
        after = results("merge", ["merge", *pieces, "-o", out], ["m.refx"])
        add("merge over", ["merge", *pieces, "-o", out, "--force"], {"m.refx": (models.old("refx"), after["m.refx"])})
    shutil.rmtree(target, ignore_errors=True)
    return scenes
