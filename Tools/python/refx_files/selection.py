"""Which parts of a tree some patterns choose.

A pattern is a glob over the components of a path: `*` stands for one (`layer*` for the rest of one), `**` for any
number, a backslash makes the next character literal; a slash inside a key is `~1`, a tilde `~0`, the empty key `~2`.
What a pattern names is chosen with all below it, and a shared value at all its sites.
"""

import re

from .tree import CONTAINERS, Ref

_ANY = object()


def _components(pattern):
    if pattern == "":
        return []
    parts, escaped = [""], False
    for c in pattern:
        if c == "/" and not escaped:
            parts.append("")
            continue
        parts[-1] += c
        escaped = c == "\\" and not escaped
    return [_component(part, pattern) for part in parts]


def _component(part, pattern):
    if part == "**":
        return _ANY
    if part == "~2":
        return re.compile(r"\Z")
    form, rest = "", iter(part)
    for c in rest:
        if c == "*":
            form += ".*"
        elif c == "\\":
            c = next(rest, None)
            if c is None:
                raise ValueError(f"{pattern!r}: a backslash stands before nothing")
            form += re.escape(c)
        elif c == "~":
            c = {"0": "~", "1": "/"}.get(next(rest, None))
            if c is None:
                raise ValueError(f"{pattern!r}: ~ is written ~0, a slash inside a key ~1")
            form += re.escape(c)
        else:
            form += re.escape(c)
    return re.compile(form + r"\Z", re.DOTALL)


class Pattern:
    """A glob as an automaton: a state is a set of places in its components."""

    def __init__(self, text):
        self.text, self.parts = text, _components(text)
        self.start = self._rested({0})

    def _rested(self, places):
        """With the places behind each `**`, which may stand for nothing."""
        found, waiting = set(), list(places)
        while waiting:
            place = waiting.pop()
            if place not in found:
                found.add(place)
                if place < len(self.parts) and self.parts[place] is _ANY:
                    waiting.append(place + 1)
        return frozenset(found)

    def after(self, state, key):
        places = set()
        for place in state:
            if place < len(self.parts):
                part = self.parts[place]
                if part is _ANY:
                    places.add(place)
                elif part.match(key):
                    places.add(place + 1)
        return self._rested(places)

    def matches(self, path):
        state = self.start
        for key in path:
            state = self.after(state, key)
        return len(self.parts) in state


def wanted(tree, patterns):
    """A function that says of a member of a container whether something in it is chosen. Looks at each node once for
    each state of the patterns, so that shared subtrees cost nothing twice.

    Raises KeyError where a pattern chooses nothing.
    """
    patterns = [Pattern(pattern) for pattern in patterns]
    whole, chosen = set(), set()  # ids of nodes that are chosen with all below; members that are, as (id, key)
    above = {}  # id of a node: the members that lead to it
    unused = set(range(len(patterns)))
    seen = set()
    root = (tuple(pattern.start for pattern in patterns), tree, None)
    waiting, below = [root], []
    while waiting:
        states, node, edge = waiting.pop()
        hit = [number for number, state in enumerate(states) if len(patterns[number].parts) in state]
        unused.difference_update(hit)
        if hit and edge is not None:
            chosen.add(edge)
        links = [(None, node.value)] if isinstance(node, Ref) else (
            node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, CONTAINERS) else ())
        if hit:
            below.append(node)
        if (id(node), states) in seen:
            continue
        if links:
            seen.add((id(node), states))
        nested = isinstance(node, Ref) and isinstance(node.value, Ref)
        for key, member in links:
            if isinstance(node, Ref):
                step = tuple(p.after(s, "0") for p, s in zip(patterns, states)) if nested else states
            else:
                step = tuple(p.after(s, str(key)) for p, s in zip(patterns, states))
            if any(step):
                waiting.append((step, member, (id(node), key)))
    if unused:
        raise KeyError(f"nothing at {patterns[min(unused)].text!r}")
    while below:
        node = below.pop()
        if isinstance(node, Ref):
            links = [node.value]
        elif isinstance(node, CONTAINERS):
            links = list(node.values()) if isinstance(node, dict) else list(node)
        elif getattr(node, "is_leaf", False):
            whole.add(id(node))
            continue
        else:
            continue
        if id(node) not in whole:
            whole.add(id(node))
            below.extend(links)

    # What leads to something chosen, from the inside out.
    kept = set(whole) | {container for container, _ in chosen}
    waiting, visited = [tree], set()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        links = [node.value] if isinstance(node, Ref) else (
            node.values() if isinstance(node, dict) else node if isinstance(node, CONTAINERS) else ())
        for member in links:
            if _is_object(member):
                above.setdefault(id(member), []).append(node)
                waiting.append(member)
    waiting = list(kept)
    while waiting:
        for node in above.get(waiting.pop(), ()):
            if id(node) not in kept:
                kept.add(id(node))
                waiting.append(id(node))

    def ask(container, key):
        member = container[key]
        if id(container) in whole or (id(container), key) in chosen:
            return True
        return _is_object(member) and id(member) in kept

    return ask


def _is_object(node):
    """Whether a node has an identity that counts; small values do not."""
    return isinstance(node, (Ref,) + CONTAINERS) or getattr(node, "is_leaf", False)
