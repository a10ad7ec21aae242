#!/usr/bin/env python3
"""Writes Fixtures/foreign/keras: one small model with a shared layer, in every way that Keras 3 saves it.

    KERAS_BACKEND=jax make_keras.py FOLDER

Needs the packages keras, jax and h5py. The layer "shared" is called twice by the model and is part of the model
"inner", too. Of each file NAME, NAME.json says the datasets (path, dtype, shape, SHA-256 of the little-endian bytes in
C order) as h5py finds them.
"""

import hashlib
import io
import json
import pathlib
import sys
import zipfile

import h5py
import keras
import numpy
from keras import layers


def model():
    keras.utils.set_random_seed(3)
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    shared = layers.Dense(3, name="shared")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="first"), shared], name="inner")
    joined = layers.Concatenate(name="joined")([shared(one), shared(other), inner(one)])
    made = keras.Model([one, other], layers.Dense(2, name="head")(joined), name="tied")
    made.compile("sgd", "mse")
    made.fit([numpy.ones((4, 4)), numpy.ones((4, 4))], numpy.ones((4, 2)), verbose=0)
    return made


def datasets(file):
    found = []
    with h5py.File(file, "r") as opened:
        def look(name, item):
            if isinstance(item, h5py.Dataset):
                data = numpy.ascontiguousarray(item[()])
                found.append({
                    "path": name.split("/"), "dtype": data.dtype.name, "shape": list(item.shape),
                    "sha256": hashlib.sha256(data.tobytes()).hexdigest()})
        opened.visititems(look)
    return found


def packed(source, path, method, extra=()):
    """The members of an archive, packed in another way, and others behind them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        for name, data in extra:
            new.writestr(name, data)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    made = model()
    made.save(folder / "model.keras")
    made.save(folder / "legacy.h5")
    made.save_weights(folder / "model.weights.h5")
    packed(folder / "model.keras", folder / "deflated.keras", zipfile.ZIP_DEFLATED,
           [("assets/vocabulary.txt", "a\nb\n"), ("assets/more/table.bin", bytes(9))])
    for path in sorted(folder.glob("*")):
        if path.suffix == ".json":
            continue
        source, facts = path, {}
        if path.suffix == ".keras":
            archive = zipfile.ZipFile(path)
            source = io.BytesIO(archive.read("model.weights.h5"))
            facts = {name: json.loads(archive.read(f"{name}.json")) for name in ("config", "metadata")}
        facts["datasets"] = datasets(source)
        (folder / f"{path.name}.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
