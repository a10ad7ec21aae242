"""A flax nnx model with shared Variables goes to a `.refx` file and comes back with them shared.

    python flax_nnx.py [FILE]

`nnx.state` names a shared Variable once, by its first path, and the graph definition alone knows of the others. In
the file every path is there, and the paths of one Variable share one value, of the collection that is its type
("Param", "BatchStat"): any tool sees it, and `refx inspect --shared` lists it.
"""

import os
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import refx_files  # noqa: E402
from refx_files import Ref  # noqa: E402


def members(node):
    """The named parts of a module, dict or list that may hold Variables; None for anything else."""
    if isinstance(node, (list, tuple)):
        return {str(place): member for place, member in enumerate(node)}
    if isinstance(node, dict):
        return {str(name): member for name, member in node.items()}
    if isinstance(node, nnx.Module):
        return {name: member for name, member in vars(node).items() if not name.startswith("_")}
    return None


def tree_of(model):
    """The model's Variables as a tree of dicts, with one Ref for each Variable, and those Refs' Variables by their id."""
    refs, modules, variables = {}, {}, {}

    def convert(node):
        if isinstance(node, nnx.Variable):
            if id(node) not in refs:
                ref = refs[id(node)] = Ref(np.asarray(node[...]), type(node).__name__)
                variables[id(ref)] = node
            return refs[id(node)]
        inside = members(node)
        if inside is None:
            return None
        if id(node) not in modules:
            modules[id(node)] = {}
            converted = ((name, convert(member)) for name, member in inside.items())
            # One dict for one module, so that a module in two places is one in the file.
            modules[id(node)].update((name, member) for name, member in converted if member)
        return modules[id(node)]

    return convert(model), variables


def restore(model, tree):
    """Gives the model's Variables the values of a tree that `load(…, refs=True)` gave.

    Raises ValueError where the two differ in a path, or in which paths share one value. Nothing is changed then.
    """
    ours, variables = tree_of(model)
    theirs, seen = {}, set()

    def match(mine, other, path):
        if isinstance(other, Ref) and not isinstance(mine, Ref):
            other = other.value  # a module that is shared
        if isinstance(mine, Ref):
            if not isinstance(other, Ref) or other.value.shape != mine.value.shape:
                raise ValueError(f"{path}: the file has another value there")
            if theirs.setdefault(id(mine), other) is not other:
                raise ValueError(f"{path}: shared in the model and not in the file")
        elif not isinstance(other, dict) or other.keys() != mine.keys():
            raise ValueError(f"{path}: the file has other members than {sorted(mine)}")
        elif (id(mine), id(other)) not in seen:
            seen.add((id(mine), id(other)))
            for name in mine:
                match(mine[name], other[name], f"{path}/{name}")

    match(ours, tree, "")
    if len({id(ref) for ref in theirs.values()}) != len(theirs):
        raise ValueError("shared in the file and not in the model")
    for mine, ref in theirs.items():
        variables[mine][...] = jnp.asarray(ref.value)


class Block(nnx.Module):
    def __init__(self, width, rngs):
        self.linear = nnx.Linear(width, width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)

    def __call__(self, x):
        return x + nnx.relu(self.norm(self.linear(x)))


class Model(nnx.Module):
    """The embedding is the output layer as well, and one block stands in two places."""

    def __init__(self, words, width, rngs):
        self.embed = nnx.Embed(words, width, rngs=rngs)
        self.first = Block(width, rngs)
        self.again = self.first
        self.head = nnx.Linear(words, width, use_bias=False, rngs=rngs)
        self.head.kernel = self.embed.embedding

    def __call__(self, tokens):
        x = self.again(self.first(self.embed(tokens)))
        return x @ self.head.kernel[...].T


def train(model, steps):
    @nnx.jit
    def step(model, tokens):
        def loss(model):
            scores = jax.nn.log_softmax(model(tokens))
            return -jnp.take_along_axis(scores, jnp.roll(tokens, -1)[:, None], 1).mean()

        grads = nnx.grad(loss)(model)
        nnx.update(model, jax.tree.map(lambda w, g: w - 0.1 * g, nnx.state(model, nnx.Param), grads))

    for seed in range(steps):
        step(model, jax.random.randint(jax.random.key(seed), (16,), 0, 11))


def main(path):
    model = Model(11, 8, nnx.Rngs(0))
    train(model, 3)
    refx_files.save(path, tree_of(model)[0], metadata={"step": 3})

    with refx_files.open(path) as file:
        for path_, leaf, ref in file.leaves():
            print(f"{'/'.join(path_):24} {ref.collection:10} {leaf.dtype} {list(leaf.shape)}")

    fresh = Model(11, 8, nnx.Rngs(1))
    restore(fresh, refx_files.load(path, refs=True))
    assert fresh.head.kernel is fresh.embed.embedding and fresh.again is fresh.first
    for resumed in (model, fresh):
        train(resumed, 2)
    ours, theirs = jax.tree.leaves(nnx.state(model)), jax.tree.leaves(nnx.state(fresh))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    print(f"{len(ours)} values trained on to the same bits")

    class Untied(Model):
        def __init__(self, words, width, rngs):
            super().__init__(words, width, rngs)
            self.head.kernel = nnx.Param(self.embed.embedding[...])

    try:
        restore(Untied(11, 8, nnx.Rngs(1)), refx_files.load(path, refs=True))
        raise AssertionError("an untied model took a tied file")
    except ValueError as error:
        print(f"an untied model is refused: {error}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(os.path.join(folder, "model.refx"))
