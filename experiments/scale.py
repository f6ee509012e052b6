"""What a training costs in 1 to 512 processes, by a model: python experiments/scale.py

The tables of docs/several-machines.md are what it prints. `--check FINETUNE` runs that program in 1, 2, 3 and 4 processes on
this machine and compares the bytes that go over loopback with the model's. `--time FINETUNE --data DIR --weights FILE` times the
step `train-head` of ResNet-50 on frozen features, decoding included, in one process and in two, in turn. It needs
nothing but Python and Linux, and for times a machine that does nothing else.
"""

import argparse
import json
import math
import os
import random
import re
import statistics
import struct
import subprocess
import tempfile
import zlib
from dataclasses import dataclass


@dataclass
class Machines:
    """Processes of a machine, and what joins machines."""

    processes: int = 8
    wire: float = 1.25e9  # bytes a second between machines: 10 Gbit/s
    memory: float = 5e9  # and between processes of one
    far: float = 50e-6  # seconds a message takes between machines
    near: float = 5e-6


@dataclass
class Job:
    """ResNet-50 on photographs: what a process computes, and what it sends."""

    gradients: float = 102e6  # bytes
    buckets: int = 5
    step: float = 0.25  # seconds for 32 images
    hides: float = 2 / 3  # share of the step in which gradients are summed meanwhile
    images: int = 100_000
    decoding: float = 8e-3  # seconds an image, on one thread
    threads: int = 2
    pixels: float = 224 * 224 * 3  # bytes of an image in memory
    memory: float = 4096 * 2**20  # data.memory_mib
    features: float = 200e3  # bytes of an image before the last stage
    frozen: float = 20e-3  # seconds an image passes the frozen stages


def ring(size, world, machines):
    """Seconds to sum `size` bytes over all processes, and bytes that the wire of a machine carries each way."""
    if world == 1:
        return 0.0, 0.0
    messages = 2 * (world - 1)
    share = size / world
    if world <= machines.processes:
        return messages * (share / machines.memory + machines.near), 0.0
    return messages * (share / machines.wire + machines.far), messages * share


def to_all(size, world, machines):
    """Seconds until every process has `size` bytes, of which each had its part, and bytes into a machine: one copy for each of its
    processes."""
    if world == 1:
        return 0.0, 0.0
    here = min(world, machines.processes)
    if world <= machines.processes:
        return size * (world - 1) / world / machines.memory * here, 0.0
    into = size * (world - here) / world * here
    return into / machines.wire, into


def steps(job, machines, worlds):
    print("| processes | machines | gradients on a machine's wire | time to sum | of which hidden | control | step | efficiency |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for world in worlds:
        bucket, wire = ring(job.gradients / job.buckets, world, machines)
        summed, wire = bucket * job.buckets, wire * job.buckets
        hidden = min(summed, job.step * job.hides)
        control, _ = ring(32, world, machines)
        step = job.step + summed - hidden + control
        count = math.ceil(world / machines.processes)
        wire = "0 (memory)" if world <= machines.processes and world > 1 else f"{wire / 1e9:.2f} GB" if world > 1 else "0"
        print(
            f"| {world} | {count} | {wire} | {summed:.2f} s | {hidden:.2f} s | {control * 1e3:.1f} ms | {step:.2f} s "
            f"| {job.step / step:.2f} |"
        )


def preparing(job, machines, worlds):
    print("| processes | decoding, each image once | its pixels to all | frozen stages, each image once | their features to all | alone, all of it |")
    print("|---:|---:|---:|---:|---:|---:|")
    alone = job.images * (job.decoding / job.threads + job.frozen)
    for world in worlds:
        decoded = job.images * job.decoding / job.threads / world
        kept = min(job.images * job.pixels, job.memory)
        pixels, _ = to_all(kept, world, machines)
        computed = job.images * job.frozen / world
        features, into = to_all(job.images * job.features, world, machines)
        print(
            f"| {world} | {decoded:.0f} s | {pixels:.0f} s | {computed:.0f} s | {features:.0f} s ({into / 1e9:.0f} GB into a machine) "
            f"| {alone / (decoded + pixels + computed + features):.1f} times |"
        )


def png(path, seed):
    """A gray image of 32 x 32 pixels."""
    pixels = random.Random(seed)
    rows = b"".join(b"\0" + bytes(pixels.randrange(256) for _ in range(32)) for _ in range(32))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        head = struct.pack(">IIBBBBB", 32, 32, 8, 0, 0, 0, 0)
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


CONFIG = """[data]
root = "data"
input = {{ resize = 28, crop = 28, interpolation = "bilinear", channels = 1, mean = [0.5], std = [0.5] }}
[model]
arch = "lenet5_relu"
weights = "{weights}"
[finetune]
depth = "{depth}"
head_epochs = 0
[train]
epochs = {epochs}
batch_size = 12
keep = "last"
[run]
device = "cpu"
threads = 1
workers = 1
split = "batch"
cache = "memory"
checkpoints = "none"
save_seconds = "off"
"""


def loopback():
    """Bytes that loopback has carried."""
    with open("/proc/net/dev") as file:
        return int(re.search(r"lo:\s*(\d+)", file.read())[1])


def check(program):
    images, parameters = 240, 61_000
    print("| processes | job | over loopback | model | ratio |")
    print("|---:|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for split, count in [("train", images // 2), ("val", 4)]:
            for label in ["a", "b"]:
                os.makedirs(f"{folder}/data/{split}/{label}")
                for number in range(count):
                    png(f"{folder}/data/{split}/{label}/{number}.png", f"{split}{label}{number}")

        def run(name, world, **keys):
            with open(f"{folder}/{name}.toml", "w") as file:
                file.write(CONFIG.format(**keys))
            before = loopback()
            command = [program, "--config", f"{name}.toml", "--out", f"{name}-{world}", "--processes", str(world)]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return loopback() - before

        run("source", 1, weights="none", depth="scratch", epochs=1)
        weights = "source-1/model.safetensors"
        for world in [1, 2, 3, 4]:
            # Of two runs that differ in one thing the difference is that thing.
            few, many = (run(f"epochs-{epochs}", world, weights="none", depth="scratch", epochs=epochs) for epochs in [1, 11])
            steps = 10 * math.ceil(images / 12)
            wire = 2 * (world - 1) * 4 * parameters * steps
            report(world, "gradients", many - few, wire)
            head = run("head", world, weights=weights, depth="head", epochs=1)
            # Pixels of all images, and what passes into the head, in float32.
            parts = (world - 1) * (images + 8) * (28 * 28 + 84 * 4)
            report(world, "pixels and features", head, parts)


def report(world, what, measured, model):
    ratio = f"{measured / model:.2f}" if model else "-"
    print(f"| {world} | {what} | {measured / 1e6:.2f} MB | {model / 1e6:.2f} MB | {ratio} |", flush=True)


FROZEN = """[data]
root = "{data}"
[model]
arch = "resnet50"
weights = "{weights}"
[finetune]
depth = "head"
[train]
epochs = 1
[run]
device = "cpu"
threads = {threads}
cache = "memory"
checkpoints = "none"
save_seconds = "off"
"""


def time_frozen(program, data, weights, rounds):
    """Seconds of the step in which images pass the frozen stages: 1 process with 1 and 2 threads, 2 processes with 1. A process alone
    with one thread has one core, for decoding too, as each of the two has."""
    ways = {"1 x 1": (1, 1), "1 x 2": (1, 2), "2 x 1": (2, 1)}
    cores = sorted(os.sched_getaffinity(0))[:2]
    seconds = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for way, (processes, threads) in ways.items():
                with open(f"{folder}/c.toml", "w") as file:
                    file.write(FROZEN.format(data=os.path.abspath(data), weights=weights, threads=threads))
                out = f"{folder}/{way.replace(' ', '')}-{number}"
                command = [program, "--config", f"{folder}/c.toml", "--out", out, "--processes", str(processes)]
                own = cores[:1] if way == "1 x 1" else cores
                pinned = ["taskset", "--cpu-list", ",".join(map(str, own)), *command]
                subprocess.run(pinned, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                with open(f"{out}/summary.json") as file:
                    steps = {step["name"]: step["seconds"] for step in json.load(file)["steps"]}
                seconds[way].append(steps["train-head"])
    print("| processes x threads | " + " | ".join(f"round {number + 1}" for number in range(rounds)) + " |")
    print("|---|" + "---:|" * rounds)
    for way, all_rounds in seconds.items():
        print(f"| {way} | " + " | ".join(f"{one:.2f}" for one in all_rounds) + " |")
    of = [alone / (2 * two) for alone, two in zip(seconds["1 x 1"], seconds["2 x 1"])]
    threads = [one / two for one, two in zip(seconds["1 x 2"], seconds["2 x 1"])]
    print(f"2 x 1: {statistics.median(of):.3f} of perfect ({min(of):.3f} to {max(of):.3f});", end=" ")
    print(f"{statistics.median(threads):.3f} times as fast as 1 x 2")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", metavar="FINETUNE", help="compare with this program in 1 to 4 processes")
    parser.add_argument("--time", metavar="FINETUNE", help="time frozen features of ResNet-50 in one process and in two")
    parser.add_argument("--data", metavar="DIR", help="folder of images, with --time")
    parser.add_argument("--weights", metavar="FILE", help="weights of ResNet-50, with --time")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.check:
        check(os.path.abspath(arguments.check))
    elif arguments.time:
        if not (arguments.data and arguments.weights):
            parser.error("--time needs --data and --weights")
        time_frozen(os.path.abspath(arguments.time), arguments.data, os.path.abspath(arguments.weights), arguments.rounds)
    else:
        worlds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
        steps(Job(), Machines(), worlds)
        print()
        preparing(Job(), Machines(), worlds)
