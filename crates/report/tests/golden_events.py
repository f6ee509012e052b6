"""Writes golden.tfevents: a small event file made by TensorBoard's own writer and messages.

Usage: pip install tensorboard==2.21.0; python golden_events.py
The Rust test writes the same events and compares the bytes.
"""

import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

SCALARS = [
    ("loss", 1, 0.7312345678901234, 1700000001.25),
    ("accuracy", 1, 0.0, 1700000001.25),
    ("loss", 2, float("inf"), 1700000002.5),
    ("größe", 3_000_000_000, -1.5e-8, 1700000003.0),
]
# A PNG of two gray pixels, one above the other.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000020800000000bceae9fb0000"
    "000c49444154789c636060f80f00010301000889c2ec0000000049454e44ae426082"
)


def main() -> None:
    path = pathlib.Path(__file__).with_name("golden.tfevents")
    with path.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=1700000000.0, file_version="brain.Event:2").SerializeToString())
        for tag, step, value, wall_time in SCALARS:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.write(Event(wall_time=wall_time, step=step, summary=summary).SerializeToString())
        image = Summary.Image(height=2, width=1, colorspace=1, encoded_image_string=PICTURE)
        summary = Summary(value=[Summary.Value(tag="picture", image=image)])
        writer.write(Event(wall_time=1700000004.0, step=5, summary=summary).SerializeToString())
        writer.flush()
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
