"""Random trees: the same seed gives the same tree."""

import random

from support import HOLE, NOTHING, Ref, dtypes, np

KEYS = ["", "a", "b", "weight", "é", "e\u0301", "a/b", "/", "%", "%2F", ".", "..", "~", "~1", "a\0b", "\n", "日本",
        "\U0001F600", "0", "10", "9", "refs", "tree", "k" * 300, "\u202e", "A", " ", "__refx__", "\x7f", "\uffff"]
COLLECTIONS = [None, None, "params", "batch_stats", "", "é", 0, 3, -(1 << 63), (1 << 63) - 1, "3"]
TEXTS = ["", "relu", "é", "e\u0301", "a\0b", "x" * 70, "\n\x1b", "\U0010ffff", " ", "a\0"]
FLOATS = [0.0, -0.0, 0.1, float("inf"), float("-inf"), 5e-324, 1e300]
NUMBERS = [0, -1, 1 << 40, -(1 << 63), (1 << 63) - 1]
NAMES = [name for name in dtypes.SIZES if name not in dtypes.RAW or dtypes.ml_dtypes is not None]


class Trees:
    """`refs` says sharing by Ref, with collections; without it sharing is identity of arrays, dicts and lists."""

    def __init__(self, seed, refs, most=64):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.refs, self.most = refs, most
        self.shared, self.left = [], 0

    def make(self, nodes=30):
        self.left = nodes
        return self.container(0)

    def node(self, depth):
        self.left -= 1
        pick = self.random.randrange(12)
        if self.left > 0 and depth < 8 and self.random.randrange(3) == 0:
            return self.container(depth)
        if pick < 3:
            return self.again(depth)
        if pick == 3:
            return self.random.choice([None, NOTHING, HOLE])
        if pick == 4:
            return self.random.choice(TEXTS + FLOATS + NUMBERS + [True, False])
        return self.array()

    def container(self, depth):
        count = 0 if self.random.randrange(8) == 0 else 1 + self.random.randrange(self.random.choice([4, 4, 4, 13]))
        kind = self.random.randrange(4)
        if kind == 0:
            made = []
            self.offer(made)
            made.extend(self.node(depth + 1) for _ in range(count))
            return made
        if kind == 1:
            return tuple(self.node(depth + 1) for _ in range(count))
        made = {}
        self.offer(made)
        for key in self.random.sample(KEYS, count):
            made[key] = self.node(depth + 1)
        return made

    def offer(self, node):
        """A dict or list may come again, in itself as well; where Refs say so, it does not."""
        if not self.refs and self.random.randrange(6) == 0:
            self.shared.append(node)

    def again(self, depth):
        """A shared value: a new one, or one that is there."""
        if self.shared and self.random.randrange(2):
            return self.random.choice(self.shared)
        if not self.refs:
            made = self.array()
            self.shared.append(made)
            return made
        made = Ref(None, self.random.choice(COLLECTIONS))
        self.shared.append(made)
        pick = self.random.randrange(6)
        if pick == 0 and depth < 8:
            made.value = self.container(depth)
        elif pick == 1:
            made.value = self.random.choice(self.shared)
        elif pick == 2:
            made.value = self.random.choice([None, NOTHING, "text", 5, -0.0, True])
        else:
            made.value = self.array()
        return made

    def shape(self):
        pick = self.random.randrange(8)
        if pick == 0:
            return ()
        if pick == 1:
            return self.random.choice([(0,), (3, 0), (0, 2, 0), (1,) * 9])
        most = self.random.choice([3, 8, self.most])
        return self.random.choice([(most,), (2, most // 2 + 1), (most // 4 + 1, 2, 2), (1, most), (most, 1)])

    def array(self):
        name, shape = self.random.choice(NAMES), self.shape()
        if name == "string":
            made = np.empty(shape, object)
            made.reshape(-1)[:] = [self.random.choice(TEXTS[:9]) for _ in range(made.size)]
            return made
        count = dtypes.count_of(shape)
        if name in ("bool", "int4", "uint4"):
            low, high = {"bool": (0, 2), "int4": (-8, 8), "uint4": (0, 16)}[name]
            return self.numbers.integers(low, high, shape).astype(np.int8).astype(dtypes.numpy_dtype(name))
        # Any bits: NaN of every payload among them.
        data = self.numbers.integers(0, 256, count * dtypes.SIZES[name], dtype=np.uint8)
        if self.random.randrange(2):
            data[self.numbers.random(data.size) < 0.9] = 0
        made = data.view(dtypes.numpy_dtype(name)).reshape(shape)
        return self.laid_out(made)

    def laid_out(self, array):
        """The same elements in another order of bytes or of memory."""
        pick = self.random.randrange(8)
        if pick == 0 and array.dtype.kind in "iufc" and array.dtype.itemsize > 1:
            return array.byteswap().view(array.dtype.newbyteorder(">"))
        if pick == 1:
            return np.asfortranarray(array) if array.ndim else array
        if pick == 2 and array.ndim:
            wide = np.repeat(array, 2, axis=0)
            return wide[::2]
        if pick == 3 and array.ndim:
            return np.ascontiguousarray(array[::-1])[::-1]
        return array


def metadata(seed):
    choose = random.Random(-seed - 1)
    if choose.randrange(2):
        return {}
    return {
        "seed": seed, "é\x7f\n\"\\": [None, True, {"x": {}}], "": [],
        "floats": [0.1, 1e16, 1.5e16, 1.8014398509481984e16, 1e17, 1e-5, 0.0001, -0.0, 5e-324, 12345678901234567.0,
                   9007199254740992.0, -9007199254740994.0, 9.5e15],
        "text": choose.choice(TEXTS),
    }
