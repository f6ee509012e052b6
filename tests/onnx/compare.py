"""Exported models in onnxruntime against the program.

    python tests/onnx/compare.py FINETUNE [NETWORK ...]

For every network of the zoo (or those named): a model file of random weights under TorchVision's names, images that this script
draws, the program's own probabilities of them, and the exported file in its three forms, in batches of 1, 3 and 17, after
onnx's checker and strict shape inference. Needs numpy, pillow, onnx, onnxruntime and safetensors. Exit code 1 where anything is
further apart than the bound.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageDraw
from safetensors.numpy import save_file

# Largest difference of log-probabilities, relative to the largest.
BOUND = 1e-5
# The same where resizing is in the file: bytes of resized images differ by 1 at a few pixels.
RESIZED = 5e-3
BATCHES = [1, 3, 17]
CLASSES = 10
# Weights of a layer sum to a variance of this: rounding errors do not grow from layer to layer.
GAIN = 1.0
GOLDEN = Path(__file__).parent.parent / "torchvision" / "golden"
# LeNet is not TorchVision's.
LENET = {"conv1": [6, 1, 5, 5], "conv2": [16, 6, 5, 5], "fc1": [120, 400], "fc2": [84, 120], "fc3": [1000, 84]}


def run(finetune, *words):
    done = subprocess.run([finetune, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words}: {done.stderr}")
    return done.stdout


# The same in every network of its kind.
CONSTANTS = ("relative_position_index", "relative_coords_table")


def shapes(name, crop):
    """Names and shapes of a network's tensors for images of this size, without auxiliary heads and constants."""
    if name.startswith("lenet"):
        return [(f"{layer}.weight", shape) for layer, shape in LENET.items()] + [(f"{layer}.bias", shape[:1]) for layer, shape in LENET.items()]
    table = json.loads((GOLDEN / f"{name}.json").read_text())["state_dict"]
    table = {tensor: shape for tensor, shape, _ in table if not tensor.startswith(("aux", "AuxLogits")) and not tensor.endswith(CONSTANTS)}
    # Tables of positions are those of small images.
    for patches, positions in [("conv_proj.weight", "encoder.pos_embedding"), ("patch_embed.proj.weight", "pos_embed")]:
        if positions in table:
            side = crop // table[patches][-1]
            table[positions] = [1, 1 + side * side, table[positions][-1]]
    return list(table.items())


def model(arch, folder):
    """Writes a model file whose logits vary."""
    generator = np.random.default_rng(3)
    tensors = {}
    for name, shape in shapes(arch["name"], arch["input"]["crop"]):
        if name.endswith("num_batches_tracked"):
            tensors[name] = np.array(1)
        elif len(shape) > 1:
            shape = [CLASSES if extent == 1000 else extent for extent in shape]
            inputs = np.prod(shape[1:])
            tensors[name] = (generator.standard_normal(shape) * np.sqrt(GAIN / inputs)).astype(np.float32)
        elif name.endswith("running_var") or name.endswith(".weight"):
            tensors[name] = generator.uniform(0.5, 1.5, shape).astype(np.float32)
        else:
            shape = [CLASSES if extent == 1000 else extent for extent in shape]
            tensors[name] = (generator.standard_normal(shape) * 0.1).astype(np.float32)
    classes = [f"class {index}" for index in range(CLASSES)]
    metadata = {"arch": arch["name"], "classes": json.dumps(classes), "input": json.dumps(arch["input"]), "format": "pt"}
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors", metadata)


def images(folder, side=None, count=max(BATCHES)):
    """Blurred noise with discs, of many sizes or of one; PNG, so that both sides read the same bytes."""
    generator = np.random.default_rng(7)
    folder.mkdir()
    paths = []
    for index in range(count):
        width, height = [side, side] if side else (int(side) for side in generator.integers(160, 420, 2))
        noise = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        image = Image.fromarray(noise).resize((width, height), Image.BICUBIC)
        draw = ImageDraw.Draw(image)
        for _ in range(6):
            x, y, size = int(generator.integers(width)), int(generator.integers(height)), int(generator.integers(10, 120))
            draw.ellipse([x, y, x + size, y + size], fill=tuple(int(c) for c in generator.integers(0, 256, 3)))
        paths.append(folder / f"{index:02}.png")
        image.save(paths[-1])
    return paths


def cropped(path, spec):
    image = Image.open(path)
    filter = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}[spec["interpolation"]]
    crop, (w, h) = spec["crop"], image.size
    w, h = spec["resize"] * w // min(w, h), spec["resize"] * h // min(w, h)
    left, top = round((w - crop) / 2), round((h - crop) / 2)
    # Luma comes before resizing, as in the program.
    if spec["channels"] == 1:
        image = image.convert("L").convert("RGB")
    return np.asarray(image.resize((w, h), filter).crop((left, top, left + crop, top + crop)))


def prepared(square, spec):
    values = np.float32(square[..., : spec["channels"]]) / np.float32(255)
    return ((values - np.float32(spec["mean"])) / np.float32(spec["std"])).transpose(2, 0, 1)


def ours(finetune, home, paths):
    """The program's log-probabilities, `[images, classes]`."""
    text = run(finetune, "predict", "--run", home, "--precision", "float32", "--batch-size", 1, "--top", CLASSES, "--json", *paths)
    rows = [json.loads(line) for line in text.splitlines()]
    rows = [{entry["class"]: entry["probability"] for entry in row["top"]} for row in rows if "top" in row]
    return np.log(np.array([[row[f"class {index}"] for index in range(CLASSES)] for row in rows]))


def log_softmax(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def compare(finetune, arch, folder):
    """The largest difference for each form, and whether all answers are the same."""
    home = folder / arch["name"]
    model(arch, home)
    # Squares that need no resizing, so that both sides read the same pixels; and images of any size.
    squares, any_size = images(folder / "squares", arch["input"]["resize"]), images(folder / "any")
    references = [ours(finetune, home, paths) for paths in (squares, any_size)]
    worst, same = {"prepared": 0.0, "crop": 0.0, "image": 0.0}, True
    for form in worst:
        paths, reference = (any_size, references[1]) if form == "image" else (squares, references[0])
        run(finetune, "export", "--run", home, "--pixels", form, "--out", home / form)
        file = str(home / form / "model.onnx")
        onnx.checker.check_model(file, full_check=True)
        session = onnxruntime.InferenceSession(file)
        facts = session.get_modelmeta().custom_metadata_map
        assert json.loads(facts["classes"]) == [f"class {index}" for index in range(CLASSES)]
        spec, name = json.loads(facts["input"]), session.get_inputs()[0].name
        if form == "image":
            whole = [np.asarray(Image.open(path))[None] for path in paths]
            batches = [(1, whole)]
        else:
            cut = np.stack([cropped(path, spec) for path in paths])
            x = cut if form == "crop" else np.stack([prepared(square, spec) for square in cut])
            batches = [(count, [x[i : i + count] for i in range(0, len(x), count)]) for count in BATCHES]
        for _, parts in batches:
            logits = np.concatenate([session.run(["logits"], {name: part})[0] for part in parts])
            theirs = log_softmax(logits)
            worst[form] = max(worst[form], float(np.abs(theirs - reference).max() / np.abs(reference).max()))
            same &= bool((theirs.argmax(1) == reference.argmax(1)).all())
    return worst, same


def main():
    finetune, wanted = sys.argv[1], sys.argv[2:]
    archs = {arch["name"]: arch for arch in json.loads(run(finetune, "archs", "--json"))}
    failed = False
    for name in wanted or archs:
        with tempfile.TemporaryDirectory() as temporary:
            worst, same = compare(finetune, archs[name], Path(temporary))
        good = same and worst["prepared"] < BOUND and worst["crop"] < BOUND and worst["image"] < RESIZED
        failed |= not good
        figures = ", ".join(f"{form} {apart:.1e}" for form, apart in worst.items())
        print(f"{name:20} {figures}{'' if same else ', OTHER ANSWERS'}{'' if good else ', TOO FAR APART'}", flush=True)
    if not wanted:
        failed |= described()
    sys.exit(failed)


def described():
    """Networks that are described and not built yet; whether they differ."""
    with tempfile.TemporaryDirectory() as folder:
        test = ["cargo", "test", "--quiet", "--package", "zoo", "--test", "zoo", "transformers"]
        subprocess.run(test, check=True, env=os.environ | {"DESCRIBED": folder}, stdout=subprocess.DEVNULL)
        return subprocess.run([sys.executable, Path(__file__).parent / "described.py", folder]).returncode != 0


if __name__ == "__main__":
    main()
