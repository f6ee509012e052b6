"""Prints every scalar that TensorBoard's own reader finds in a folder of event files.

Usage: pip install tensorboard; python read_events.py FOLDER
Each line: run, tag, step, wall time, value. TensorBoard verifies the checksums while reading.
"""

import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main(root: pathlib.Path) -> None:
    folders = sorted({path.parent for path in root.rglob("*tfevents*")})
    if not folders:
        sys.exit(f"no event file below {root}")
    for folder in folders:
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        print(f"{folder.relative_to(root)}: file version {events.file_version}")
        for tag in events.Tags()["scalars"]:
            for scalar in events.Scalars(tag):
                print(f"  {tag}  step {scalar.step}  time {scalar.wall_time:.3f}  value {scalar.value:.6g}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
