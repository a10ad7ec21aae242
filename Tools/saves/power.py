"""R8: the power goes. The calls of a save are replayed on a disk that has what was synced, and of the rest any part.

A disk holds inodes and folders. A write changes an inode, block by block; making, renaming and removing a name
changes a folder. Each such change is kept when its inode or folder is synced, and before that may be there or not,
whatever came before or after it: more than most file systems would lose.
"""

import itertools
import os
import random

from run import read_log
from rows import Row

BLOCK = 4096
# Up to so many changes that may be lost, every subset of them is looked at.
ALL_SUBSETS = 7


class Disk:
    def __init__(self, scene):
        self.inodes = {}
        # Names by path, each the number of an inode, or None for a folder.
        self.names = {}
        # What is not synced yet: changes of inodes by their number, changes of folders by their path.
        self.content_changes = {}
        self.name_changes = {}
        self.descriptors = {}
        self.looked_at = 0
        self.live = {}
        self.root = os.path.realpath(scene.folder)
        self.live[self.root] = None
        for name, (old, _) in scene.files.items():
            if old is not None:
                path = os.path.join(self.root, name)
                self.names[path] = self.live[path] = self.new_inode(old, scene.mode(name))

    def new_inode(self, content=b"", mode=None):
        self.inodes[len(self.inodes)] = (content, mode)
        self.content_changes[len(self.inodes) - 1] = []
        return len(self.inodes) - 1

    def change_name(self, path, changes):
        """`changes`: paths with an inode's number, "folder", or None for no such name; made at once."""
        self.name_changes.setdefault(os.path.dirname(path), []).append(changes)
        for changed, what in changes.items():
            if what is None:
                self.live.pop(changed, None)
            else:
                self.live[changed] = None if what == "folder" else what

    def write(self, inode, offset, data):
        """A change for each block that is touched."""
        while data:
            count = BLOCK - offset % BLOCK
            self.content_changes[inode].append(("write", offset, data[:count]))
            offset, data = offset + count, data[count:]

    def make(self, call):
        """Does what the call did."""
        if call.result < 0:
            return
        if call.name == "open":
            path = os.fsdecode(call.data)
            if call.number & os.O_DIRECTORY:
                self.descriptors[call.result] = ["folder", path, 0]
                return
            if path not in self.live:
                self.change_name(path, {path: self.new_inode(mode=call.other)})
            inode = self.live[path]
            if call.number & os.O_TRUNC:
                self.content_changes[inode].append(("size", 0, b""))
            self.descriptors[call.result] = ["file", inode, 0]
        elif call.name in ("write", "pwrite"):
            kept = self.descriptors[call.number]
            if call.name == "write":
                self.write(kept[1], kept[2], call.data)
                kept[2] += call.result
            else:
                self.write(kept[1], call.other, call.data)
        elif call.name in ("ftruncate", "fchmod"):
            what = "size" if call.name == "ftruncate" else "mode"
            self.content_changes[self.descriptors[call.number][1]].append((what, call.other, b""))
        elif call.name in ("fsync", "fdatasync"):
            self.sync(*self.descriptors[call.number][:2])
        elif call.name in ("rename", "renameat2"):
            source, to = os.fsdecode(call.data), call.second
            self.change_name(to, {source: None, to: self.live[source]})
        elif call.name == "link":
            self.change_name(call.second, {call.second: self.live[os.fsdecode(call.data)]})
        elif call.name in ("unlink", "rmdir"):
            path = os.fsdecode(call.data)
            self.change_name(path, {path: None})
        elif call.name == "mkdir":
            path = os.fsdecode(call.data)
            self.change_name(path, {path: "folder"})
        elif call.name != "close" and call.name != "fchown":
            raise AssertionError(f"the model knows no {call.name}")

    def sync(self, kind, what):
        if kind == "file":
            self.inodes[what] = applied(self.inodes[what], self.content_changes[what])
            self.content_changes[what] = []
        else:
            for changes in self.name_changes.pop(what, []):
                change(self.names, changes)


def change(names, changes):
    for path, what in changes.items():
        if what is None:
            names.pop(path, None)
        else:
            names[path] = None if what == "folder" else what


def applied(inode, changes):
    content, mode = inode
    content = bytearray(content)
    for what, number, data in changes:
        if what == "mode":
            mode = number
        elif what == "size":
            content[number:] = bytes(max(0, number - len(content)))
        else:
            # What was never written before reads as zeros.
            content.extend(bytes(max(0, number - len(content))))
            content[number:number + len(data)] = data
    return bytes(content), mode


def subsets(changes, chance, pairs):
    """Which of the changes are on the disk: every subset of a few; of many, telling ones."""
    count = len(changes)
    if count <= ALL_SUBSETS:
        for chosen in itertools.product((False, True), repeat=count):
            yield [change for change, is_there in zip(changes, chosen) if is_there]
        return
    yield []
    yield list(changes)
    for one in range(count):
        yield [changes[one]]
        yield changes[:one] + changes[one + 1:]
        yield changes[:one]
    if pairs:
        for one, other in itertools.combinations(range(count), 2):
            yield [change for place, change in enumerate(changes) if place not in (one, other)]
        for _ in range(200):
            yield [change for change in changes if chance.random() < 0.5]


def run(refx, scenes, folder, seed, long):
    row = Row("R8", "the power goes", refx)
    prefixes = disks = 0
    for scene in scenes:
        if scene.may_be_empty:
            continue
        row.files.update(scene.files)
        log = os.path.join(folder, "log")
        scene.set_up()
        done = refx.spoiled(scene.arguments, scene.folder, log=log, always=scene.always)
        row.check(done.code == 0, f"{scene.name}: exit {done.code}: {done.errors}")
        calls = read_log(log)
        disk = Disk(scene)
        chance = random.Random(f"{seed}-{scene.name}")
        for done_calls in range(len(calls) + 1):
            if done_calls > 0:
                disk.make(calls[done_calls - 1])
            last = calls[done_calls - 1] if done_calls else "nothing"
            prefixes += 1
            returned = done_calls == len(calls)
            fine = {"new"} if returned else {"old", "new"}
            for states in after_power_cut(scene, disk, chance, long):
                row.check(set(states.values()) <= fine,
                          f"{scene.name}: the power goes after call {done_calls}, {last}"
                          f"{', and after the save returned' if returned else ''}: {states}")
        disks += disk.looked_at
    row.notes.append(f"{disks} disks at {prefixes} moments of {len(scenes)} saves")
    return row.finish()


def after_power_cut(scene, disk, chance, pairs):
    """What the files may be found to be; each finding once."""
    changes = [change for folder in sorted(disk.name_changes) for change in disk.name_changes[folder]]
    for there in subsets(changes, chance, pairs):
        names = dict(disk.names)
        for some in there:
            change(names, some)
        choices = []
        for name in scene.files:
            path = os.path.join(disk.root, name)
            choices.append([(name, state) for state in findings(scene, disk, names, name, path, chance, pairs)])
        for found in itertools.product(*choices):
            yield dict(found)


def findings(scene, disk, names, name, path, chance, pairs):
    folder = os.path.dirname(path)
    while folder != disk.root:
        # A folder that is lost takes along what is in it.
        if folder not in names:
            return {scene.state_of(name, None)}
        folder = os.path.dirname(folder)
    if path not in names:
        return {scene.state_of(name, None)}
    inode = names[path]
    found = set()
    for kept in subsets(disk.content_changes[inode], chance, pairs):
        content, mode = applied(disk.inodes[inode], kept)
        state = scene.state_of(name, content)
        if state in ("old", "new") and mode & ~0o022 != scene.mode(name) & ~0o022:
            state += f", of mode {mode:o}"
        found.add(state)
        disk.looked_at += 1
    return found
