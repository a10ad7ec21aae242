"""Which parts of a tree some patterns choose.

A pattern is a glob over the components of a path: `*` stands for one (`layer*` for the rest of one), `**` for any
number, a backslash makes the next character literal; a slash inside a key is `~1`, a tilde `~0`, the empty key `~2`.
What a pattern names is chosen with all below it, and a shared value at all its sites.
"""

from .tree import CONTAINERS, HOLE, Ref

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
        return _Glob([""])
    pieces, rest = [""], iter(part)
    for c in rest:
        if c == "*":
            pieces.append("")
        elif c == "\\":
            c = next(rest, None)
            if c is None:
                raise ValueError(f"{pattern!r}: a backslash stands before nothing")
            pieces[-1] += c
        elif c == "~":
            c = {"0": "~", "1": "/"}.get(next(rest, None))
            if c is None:
                raise ValueError(f"{pattern!r}: ~ is written ~0, a slash inside a key ~1")
            pieces[-1] += c
        else:
            pieces[-1] += c
    return _Glob(pieces)


class _Glob:
    """What stands between the stars of a component."""

    def __init__(self, pieces):
        self.first, self.inner, self.last = pieces[0], pieces[1:-1], pieces[-1] if len(pieces) > 1 else None

    def match(self, key):
        """The leftmost place of each piece will do, so that nothing is tried twice."""
        if self.last is None:
            return key == self.first
        place, end = len(self.first), len(key) - len(self.last)
        if place > end or not key.startswith(self.first) or not key.endswith(self.last):
            return False
        for piece in self.inner:
            found = key.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True


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
    """A function that says of a member of a container whether something in it is chosen.

    Raises KeyError where a pattern chooses nothing.
    """
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"a pattern is a str, not a {type(pattern).__name__}: give several one by one")
    named, chosen = _chosen(tree, [Pattern(pattern) for pattern in patterns])
    whole = _all_below(named)
    kept = _with_all_above(tree, whole | {container for container, _ in chosen})

    def ask(container, key):
        if id(container) in whole or (id(container), key) in chosen:
            return True
        member = container[key]
        return _is_object(member) and id(member) in kept

    return ask


def names_a_leaf(tree, text):
    """Whether a pattern names a leaf of the tree, or the place of one, at whatever site."""
    try:
        named, _ = _chosen(tree, [Pattern(text)])
    except KeyError:
        return False
    return any(node is HOLE or getattr(node, "is_leaf", False) for node in named)


def _links(node):
    """The (key, member) of a container, the value of a Ref."""
    if isinstance(node, Ref):
        return ((None, node.value),)
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, CONTAINERS) else ()


def _chosen(tree, patterns):
    """The nodes that patterns name, and the members of containers that they are, as (id of the container, key).

    Looks at each node once for each state of the patterns, so that shared subtrees cost nothing twice.
    """
    named, chosen, seen = [], set(), set()
    unused = set(range(len(patterns)))
    waiting = [(tuple(pattern.start for pattern in patterns), tree, None)]
    while waiting:
        states, node, member_of = waiting.pop()
        hits = [n for n, (pattern, state) in enumerate(zip(patterns, states)) if len(pattern.parts) in state]
        if hits:
            unused.difference_update(hits)
            named.append(node)
            chosen.add(member_of)
        if not isinstance(node, (Ref,) + CONTAINERS) or (id(node), states) in seen:
            continue
        seen.add((id(node), states))
        for key, member in _links(node):
            if not isinstance(node, Ref):
                step = tuple(pattern.after(state, str(key)) for pattern, state in zip(patterns, states))
            elif isinstance(member, Ref):
                step = tuple(pattern.after(state, "0") for pattern, state in zip(patterns, states))
            else:
                step = states
            if any(step):
                waiting.append((step, member, (id(node), key)))
    if unused:
        raise KeyError(f"nothing at {patterns[min(unused)].text!r}")
    chosen.discard(None)
    return named, chosen


def _all_below(nodes):
    """The ids of some nodes and of all that they hold."""
    found, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if _is_object(node) and id(node) not in found:
            found.add(id(node))
            waiting.extend(member for _, member in _links(node))
    return found


def _with_all_above(tree, found):
    """The ids `found` with those of every node that leads to one of them."""
    above, seen, waiting = {}, set(), [tree]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for _, member in _links(node):
            if _is_object(member):
                above.setdefault(id(member), []).append(id(node))
                waiting.append(member)
    found, waiting = set(found), list(found)
    while waiting:
        for holder in above.get(waiting.pop(), ()):
            if holder not in found:
                found.add(holder)
                waiting.append(holder)
    return found


def _is_object(node):
    """Whether a node has an identity that counts; small values do not."""
    return isinstance(node, (Ref,) + CONTAINERS) or getattr(node, "is_leaf", False)
