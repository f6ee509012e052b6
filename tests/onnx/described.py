"""Networks of attention in onnxruntime: python tests/onnx/described.py FOLDER

FOLDER is what `DESCRIBED=FOLDER cargo test -p zoo --test zoo transformers` left: NAME.onnx, NAME.input, NAME.logits.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

failed = False
for file in sorted(Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(str(file), full_check=True)
    x = np.fromfile(file.with_suffix(".input"), np.float32)
    size = round((len(x) / 6) ** 0.5)  # two images
    x = x.reshape(2, 3, size, size)
    ours = np.fromfile(file.with_suffix(".logits"), np.float32).reshape(len(x), -1)
    session = onnxruntime.InferenceSession(str(file))
    for count in (1, len(x)):
        parts = [session.run(["logits"], {"prepared": x[i : i + count]})[0] for i in range(0, len(x), count)]
        apart = float(np.abs(np.concatenate(parts) - ours).max() / np.abs(ours).max())
        failed |= not apart < 1e-5
        print(f"{file.stem} in batches of {count}: {apart:.1e}")
sys.exit(failed)
