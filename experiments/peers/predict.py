"""Says of every photograph below a folder what it shows, a line each: path, class, probability.

The last line of stdout is a JSON object: images a second after the first batches, in which torch.compile compiles and the
workers get ahead.
"""

import os
import time

import torch
from PIL import Image

import common


class Files(torch.utils.data.Dataset):
    def __init__(self, root, transform):
        found = (os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)
        self.paths = sorted(path for path in found if path.lower().endswith((".jpg", ".jpeg", ".png")))
        self.transform = transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB")), index


@torch.inference_mode()
def main():
    parser = common.arguments(forms=("usual", "tuned", "compiled"))
    parser.add_argument("--classes", required=True, help="names in label order, separated by commas")
    args = parser.parse_args()
    classes = args.classes.split(",")
    files = Files(args.data, common.evaluation_transform(args.input))
    model, _ = common.network(args.arch, len(classes))
    model = common.load(model, args.weights).eval().to(memory_format=common.memory_format(args.form))
    if args.form == "compiled":
        import torch._inductor.config

        torch._inductor.config.freezing = True
        # One compilation: the last batch is padded to the size of the others.
        model = torch.compile(model, dynamic=False)
    batches = common.loader(files, args, shuffle=False)
    # As many as finetune leaves out, at most half.
    first = min(8, len(batches) // 2)
    start, counted, steady = None, 0, None
    for number, (images, indices) in enumerate(batches, start=1):
        count = len(images)
        if args.form == "compiled" and count < args.batch_size:
            images = torch.cat([images, images.new_zeros(args.batch_size - count, *images.shape[1:])])
        images = images.to(memory_format=common.memory_format(args.form))
        with common.autocast(args.form):
            logits = model(images)[:count]
        probabilities, best = logits.float().softmax(1).max(1)
        for index, label, probability in zip(indices.tolist(), best.tolist(), probabilities.tolist()):
            print(f"{files.paths[index]}\t{classes[label]}\t{probability:.4f}")
        if number == first:
            start = time.perf_counter()
        elif number > first and start is not None:
            counted += count
            steady = counted / (time.perf_counter() - start)
    common.answer(steady_images_per_second=steady)


if __name__ == "__main__":
    main()
