"""Measures `finetune audit` with planted faults, beside cleanlab and imagehash.

    python experiments/audit/measure.py WHAT [--seeds N] [--finetune PATH] [--data DIR] [--out FILE]

WHAT is one of

    labels      wrong labels: 2, 5, 10 and 20 % of the images of a set, moved into another class folder
    asymmetric  the same at 10 %, all from one class into the other
    twins       5 % wrong labels, each with a cropped copy under the same wrong label
    copies      14 kinds of edited copies of photographs, each of others
    leaks       edited copies of 5 % of the validation images among the training images
    broken      ten kinds of damage, 20 files each
    letters     a set of letters without copies: what is flagged all the same (--data names its folder)
    effect      20 % wrong labels: a head trained as it is, and without what was flagged
    table       prints what stands in FILE as tables

Run from the root of the repository; data/hymenoptera_data, data/dogs_cats_small and the weights have to be there. Appends a JSON
line for each measurement to FILE. Needs Pillow and numpy; cleanlab 2.9.0 and imagehash 4.3.2 for the peers.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

CONFIG = """[data]
root = "{root}"
validation_fraction = {fraction}
{more}
[model]
arch = "efficientnet_lite0"
weights = "IMAGENET1K_V1"
[finetune]
depth = "head"
[train]
epochs = 10
[run]
device = "cpu"
seed = 1
"""
SETS = {"ants, bees": ["hymenoptera_data"], "cats, dogs": ["dogs_cats_small"]}


def crop(image, share, left=0.5, top=0.5):
    width, height = int(image.width * share), int(image.height * share)
    x, y = int((image.width - width) * left), int((image.height - height) * top)
    return image.crop((x, y, x + width, y + height))


EDITS = {
    "recompressed, q 40": lambda i: (i, 40),
    "half size": lambda i: (i.resize((max(1, i.width // 2), max(1, i.height // 2)), Image.BICUBIC), 90),
    "crop 95 %": lambda i: (crop(i, 0.95), 90),
    "crop 90 %, corner": lambda i: (crop(i, 0.9, 0, 0), 90),
    "crop 80 %": lambda i: (crop(i, 0.8), 90),
    "crop 60 %": lambda i: (crop(i, 0.6), 90),
    "flipped": lambda i: (ImageOps.mirror(i), 90),
    "turned by 90 degrees": lambda i: (i.rotate(90, expand=True), 90),
    "turned by 5 degrees": lambda i: (i.rotate(5, Image.BICUBIC), 90),
    "gray": lambda i: (i.convert("L").convert("RGB"), 90),
    "brighter by 1.3": lambda i: (ImageEnhance.Brightness(i).enhance(1.3), 90),
    "white border": lambda i: (ImageOps.expand(i, int(0.05 * max(i.size)), "white"), 90),
    "flipped, cropped, q 50": lambda i: (crop(ImageOps.mirror(i), 0.9), 50),
    "squeezed to 4:5": lambda i: (i.resize((max(1, int(i.width * 0.8)), i.height), Image.BICUBIC), 90),
}


def photographs(data, folders):
    """Each image with its class, of all splits."""
    found = []
    for folder in folders:
        for path in sorted((data / folder).rglob("*")):
            if path.suffix.lower() in (".jpg", ".jpeg", ".png") and not path.name.startswith("."):
                found.append((path.resolve(), path.parent.name))
    return found


def edited(path, edit, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    image, quality = EDITS[edit](ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    image.save(target, quality=quality)


def link(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(path)


def audit(options, root, more="", fraction=0.0, arguments=()):
    """Runs the audit; returns its record and the seconds of processor it took."""
    work = root.parent
    shutil.rmtree(work / "out", ignore_errors=True)
    (work / "c.toml").write_text(CONFIG.format(root=root, fraction=fraction, more=more))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [options.finetune, "audit", "--config", work / "c.toml", "--out", work / "out", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads((work / "out/audit.json").read_text()), seconds


def average_precision(right):
    hits = np.cumsum(right)
    return float((hits / np.arange(1, len(right) + 1))[np.array(right, bool)].mean()) if any(right) else float("nan")


def peer(labels):
    """Flags of cleanlab for the same probabilities (two classes: the rest is the other's), and its ranking's precision."""
    from cleanlab.filter import find_label_issues

    classes = sorted({entry["label"] for entry in labels} | {entry["likely"] for entry in labels})
    if len(classes) != 2:
        return None
    number = {name: index for index, name in enumerate(classes)}
    given = np.array([number[entry["label"]] for entry in labels])
    rows = np.zeros((len(labels), 2))
    rows[np.arange(len(labels)), given] = [entry["probability"] for entry in labels]
    rows[np.arange(len(labels)), 1 - given] = 1 - rows[np.arange(len(labels)), given]
    return find_label_issues(given, rows, filter_by="prune_by_noise_rate", n_jobs=1)


def judged(labels, wrong):
    right = [entry["path"] in wrong for entry in labels]
    flagged = [entry["flagged"] for entry in labels]
    hits = sum(r and f for r, f in zip(right, flagged))
    cleanlab = peer(labels)
    return {
        "images": len(labels),
        "planted": sum(right),
        "average_precision": average_precision(right),
        "precision": hits / max(1, sum(flagged)),
        "recall": hits / max(1, sum(right)),
        "flagged": sum(flagged),
        "cleanlab_differs": None if cleanlab is None else int(sum(c != f for c, f in zip(cleanlab, flagged))),
    }


def plant_labels(images, root, share, draw, twins=False, only=None):
    """Links every image into its class folder, or into another; returns the paths of the wrong ones."""
    classes = sorted({name for _, name in images})
    candidates = [index for index, (_, name) in enumerate(images) if only in (None, name)]
    chosen = set(draw.sample(candidates, round(share * len(images))))
    wrong = set()
    for index, (path, name) in enumerate(images):
        label = draw.choice([other for other in classes if other != name]) if index in chosen else name
        below = f"{label}/{index:05}{path.suffix.lower()}"
        link(path, root / below)
        if index in chosen:
            wrong.add(below)
            if twins:
                twin = f"{label}/{index:05}-twin.jpg"
                edited(path, "crop 90 %, corner", root / twin)
                wrong.add(twin)
    return wrong


def labels(options, record, shares=(0.02, 0.05, 0.1, 0.2), **how):
    for name, folders in SETS.items():
        images = photographs(options.data, folders)
        for share in shares:
            for seed in range(options.seeds):
                with tempfile.TemporaryDirectory() as folder:
                    root = Path(folder) / "data"
                    only = sorted({label for _, label in images})[0] if how.get("one_way") else None
                    draw = random.Random(1000 * seed + round(1000 * share))
                    wrong = plant_labels(images, root, share, draw, how.get("twins", False), only)
                    found, seconds = audit(options, root)
                    record(set=name, share=share, seed=seed, seconds=seconds, **judged(found["labels"], wrong))


def pairs_of(found):
    return {tuple(sorted((copy["a"], copy["b"]))) for copy in found["copies"]}


def copies(options, record):
    images = [path for path, _ in photographs(options.data, ["hymenoptera_data", "dogs_cats_small"])]
    for seed in range(options.seeds):
        draw = random.Random(seed)
        order = draw.sample(range(len(images)), len(images))
        each = options.each or len(images) // len(EDITS)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "data"
            planted = {}
            for index, path in enumerate(images):
                link(path, root / f"{'ab'[index % 2]}/{index:05}{path.suffix.lower()}")
            for place, edit in enumerate(EDITS):
                for index in order[place * each : (place + 1) * each]:
                    below = f"{'ab'[index % 2]}/{index:05}-copy.jpg"
                    edited(images[index], edit, root / below)
                    original = f"{'ab'[index % 2]}/{index:05}{images[index].suffix.lower()}"
                    planted[tuple(sorted((original, below)))] = edit
            found, seconds = audit(options, root)
            pairs = pairs_of(found)
            for edit in EDITS:
                of_edit = [pair for pair, kind in planted.items() if kind == edit]
                hits = sum(pair in pairs for pair in of_edit)
                record(seed=seed, edit=edit, planted=len(of_edit), found=hits, recall=hits / len(of_edit))
            false = [pair for pair in pairs if pair not in planted]
            natural = [pair for pair in false if not any("copy" in path for path in pair)]
            record(seed=seed, images=len(images) + len(planted), false_pairs=len(false), natural_pairs=natural,
                   seconds=seconds, bounds=found["copy_bounds"])
            if options.peers:
                imagehash_peer(root, planted, record, seed)


def imagehash_peer(root, planted, record, seed):
    """The widest hash distance without a false pair among natural pairs, and what it finds."""
    import imagehash

    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.*"))
    hashes = np.array([imagehash.phash(Image.open(root / name)).hash.ravel() for name in names])
    apart = (hashes[:, None, :] != hashes[None]).sum(2)
    number = {name: index for index, name in enumerate(names)}
    mask = np.triu(np.ones_like(apart, bool), 1)
    for one, other in planted:
        mask[number[one], number[other]] = mask[number[other], number[one]] = False
    bound = apart[mask].min() - 1
    for edit in EDITS:
        of_edit = [pair for pair, kind in planted.items() if kind == edit]
        hits = sum(apart[number[one], number[other]] <= bound for one, other in of_edit)
        record(seed=seed, edit=edit, peer="imagehash.phash", recall=hits / len(of_edit), bound=int(bound))


def leaks(options, record):
    for name, folders in SETS.items():
        for seed in range(options.seeds):
            draw = random.Random(seed)
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder) / "data"
                images = photographs(options.data, folders)
                held = set(draw.sample(range(len(images)), len(images) // 4))
                leaked = draw.sample(sorted(held), max(1, round(0.05 * len(held))))
                for index, (path, label) in enumerate(images):
                    split = "val" if index in held else "train"
                    link(path, root / f"{split}/{label}/{index:05}{path.suffix.lower()}")
                for place, index in enumerate(leaked):
                    path, label = images[index]
                    edit = list(EDITS)[(place + seed * len(leaked)) % len(EDITS)]
                    edited(path, edit, root / f"train/{label}/{index:05}-leak.jpg")
                found, seconds = audit(options, root)
                crossing = [c for c in found["copies"] if c["splits"][0] != c["splits"][1]]
                hits = {c["a"] for c in crossing if "leak" in c["a"] and c["b"].split("/")[-1][:5] == c["a"].split("/")[-1][:5]}
                record(set=name, seed=seed, planted=len(leaked), found=len(hits), recall=len(hits) / len(leaked),
                       false_pairs=len([c for c in found["copies"] if "leak" not in c["a"] + c["b"]]),
                       leakage=found["leakage"], seconds=seconds)


def damage(kind, data, draw):
    """The bytes of a whole file, damaged."""
    if kind == "empty":
        return b""
    if kind == "cut to a tenth":
        return data[: len(data) // 10]
    if kind == "cut to nine tenths":
        return data[: len(data) * 9 // 10]
    if kind == "zeros":
        return bytes(len(data))
    if kind == "random bytes":
        return bytes(draw.randrange(256) for _ in range(2000))
    if kind == "a text":
        return b"404 not found\n" * 20
    if kind == "a page":
        return b"<!doctype html><html><body>Forbidden</body></html>"
    if kind == "header damaged":
        return b"\x00" * 16 + data[16:]
    if kind == "end missing":
        return data[:-2][: len(data) - 40]
    if kind == "a hole of zeros":
        middle = len(data) // 2
        return data[:middle] + bytes(len(data) // 4) + data[middle + len(data) // 4 :]
    raise ValueError(kind)


DAMAGE = ["empty", "cut to a tenth", "cut to nine tenths", "zeros", "random bytes", "a text", "a page", "header damaged",
          "end missing", "a hole of zeros"]


def broken(options, record):
    images = photographs(options.data, ["hymenoptera_data", "dogs_cats_small"])
    for seed in range(options.seeds):
        draw = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            root, planted = Path(folder) / "data", {}
            for index, (path, label) in enumerate(images):
                link(path, root / f"{label}/{index:05}{path.suffix.lower()}")
            for kind in DAMAGE:
                for number, index in enumerate(draw.sample(range(len(images)), 20)):
                    path, label = images[index]
                    below = f"{label}/broken-{DAMAGE.index(kind)}-{number}.jpg"
                    (root / below).write_bytes(damage(kind, path.read_bytes(), draw))
                    planted[below] = kind
            found, seconds = audit(options, root)
            named = {file["path"] for file in found["files"] if file["problem"] == "unreadable"}
            missed = {kind: sum(p not in named for p, k in planted.items() if k == kind) for kind in DAMAGE}
            record(seed=seed, planted=len(planted), found=len(named & set(planted)), false=len(named - set(planted)),
                   missed={kind: count for kind, count in missed.items() if count}, seconds=seconds)


def letters(options, record):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        root.symlink_to(options.data.resolve())
        found, seconds = audit(options, root, fraction=0.2)
        images = sum(sum(split["classes"]) for split in found["splits"])
        near = {path for copy in found["copies"] if copy["kind"] == "near" for path in (copy["a"], copy["b"])}
        exact = {path for copy in found["copies"] if copy["kind"] != "near" for path in (copy["a"], copy["b"])}
        record(images=images, near=len(near), share=len(near) / images, exact=len(exact), bounds=found["copy_bounds"],
               flagged_labels=sum(entry["flagged"] for entry in found["labels"]), refused=found["labels_refused"],
               seconds=seconds)


def effect(options, record):
    for name, folders in SETS.items():
        images = photographs(options.data, folders)
        for seed in range(options.seeds):
            draw = random.Random(seed)
            held = set(draw.sample(range(len(images)), len(images) // 3))
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder) / "data"
                trained = [image for index, image in enumerate(images) if index not in held]
                plant_labels(trained, root / "train", 0.2, draw)
                for index in held:
                    path, label = images[index]
                    link(path, root / f"val/{label}/{index:05}{path.suffix.lower()}")
                found, _ = audit(options, root)
                work = root.parent
                lines = [f"[[exclude]]\npath = {json.dumps(entry['path'])}\n" for entry in found["labels"] if entry["flagged"]]
                (work / "exclude.toml").write_text("\n".join(lines))
                accuracy = {}
                for depth in options.depths.split(","):
                    for way, extra in [("as it is", []), ("without", ["--set", f"data.exclude={work}/exclude.toml"])]:
                        out = work / f"{depth}-{way}".replace(" ", "-")
                        command = [options.finetune, "--config", work / "c.toml", "--out", out, "--set",
                                   f"finetune.depth={depth}", *extra]
                        subprocess.run(command, check=True, capture_output=True)
                        summary = json.loads((out / "summary.json").read_text())
                        accuracy[f"{depth}, {way}"] = summary["evaluations"][0]["accuracy"]
                record(set=name, seed=seed, excluded=len(lines), accuracy=accuracy)


def table(options):
    """Tables of means over seeds; ranges where there are several."""
    groups = {}
    for line in options.out.read_text().splitlines():
        entry = json.loads(line)
        key = (entry["what"], entry.get("peer", ""), entry.get("set", ""), entry.get("share", ""), entry.get("edit", ""))
        groups.setdefault(key, []).append(entry)
    for (what, peer, name, share, edit), entries in groups.items():
        numbers = {}
        for entry in entries:
            for field, value in entry.items():
                if isinstance(value, (int, float)) and field not in ("seed", "share"):
                    numbers.setdefault(field, []).append(value)
        means = ", ".join(f"{field} {np.mean(values):.3f}" for field, values in numbers.items())
        print(f"| {' '.join(str(part) for part in (what, peer, name, share, edit) if part != '')} | {len(entries)} | {means} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--each", type=int, default=0, help="copies of each kind; as many as there are images for by default")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--depths", default="head")
    parser.add_argument("--sets", default="", help="name=folder, instead of the two sets")
    parser.add_argument("--finetune", default="target/debug/finetune")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("docs/audit/measured.jsonl"))
    options = parser.parse_args()
    options.finetune = str(Path(options.finetune).resolve())
    options.data = options.data.resolve()
    if options.sets:
        SETS.clear()
        SETS.update((pair.split("=")[0], [pair.split("=")[1]]) for pair in options.sets.split(";"))

    def record(**values):
        line = json.dumps({"what": options.what, **values})
        print(line, flush=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with options.out.open("a") as file:
            file.write(line + "\n")

    plain = {"copies": copies, "leaks": leaks, "broken": broken, "letters": letters, "effect": effect}
    if options.what == "table":
        table(options)
    elif options.what == "labels":
        labels(options, record)
    elif options.what == "asymmetric":
        labels(options, record, shares=(0.1,), one_way=True)
    elif options.what == "twins":
        labels(options, record, shares=(0.05,), twins=True)
    else:
        plain[options.what](options, record)


main()
