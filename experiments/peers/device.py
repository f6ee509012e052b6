"""Images per second of TorchVision's networks on a GPU, as a tuned script computes: the other side of `device_check`.

    python3 experiments/peers/device.py resnet50 vgg16

The same batches: channels_last, cuDNN's fastest algorithms by default, autocast for the short types, fused AdamW, losses left on the
device. Needs torch and torchvision alone.
"""

import argparse
import contextlib
import time

import torch
import torchvision
from torch.nn import functional

# Batches that are timed, after some that are not.
WARM, BATCHES = 3, 8
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--ieee", action="store_true", help="float32 as it is, instead of PyTorch's TF32 in convolutions")
    parser.add_argument("--deterministic", action="store_true", help="instead of cuDNN's fastest algorithms")
    parser.add_argument("archs", nargs="+")
    args = parser.parse_args()
    torch.backends.cudnn.benchmark = not args.deterministic
    torch.backends.cudnn.deterministic = args.deterministic
    torch.backends.cudnn.allow_tf32 = not args.ieee
    print(f"{'network':20}   images/s: predicting {', '.join(PRECISIONS)}; training {', '.join(PRECISIONS)}")
    for arch in args.archs:
        # Inception's own initialisation takes half a minute.
        quick = {"init_weights": False} if arch in ("googlenet", "inception_v3") else {}
        model = torchvision.models.get_model(arch, weights=None, **quick).to(args.device, memory_format=torch.channels_last)
        side = 299 if arch == "inception_v3" else 224
        x = torch.randn(args.batch_size, 3, side, side, device=args.device).to(memory_format=torch.channels_last)
        rates = [[rate(args, work(model, x, kind)) for kind in PRECISIONS.values()] for work in (predicting, training)]
        print(f"{arch:20}   {'; '.join(', '.join(figures) for figures in rates)}", flush=True)


def short(x, kind):
    return contextlib.nullcontext() if kind == torch.float32 else torch.autocast(x.device.type, dtype=kind)


def predicting(model, x, kind):
    model.eval()

    @torch.inference_mode()
    def batch():
        with short(x, kind):
            model(x)

    return batch


def training(model, x, kind):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.0, fused=x.is_cuda)
    scaler = torch.amp.GradScaler(x.device.type, enabled=kind == torch.float16)
    labels = torch.zeros(len(x), dtype=torch.int64, device=x.device)

    def batch():
        optimizer.zero_grad()
        with short(x, kind):
            output = model(x)
        logits = getattr(output, "logits", output)
        scaler.scale(functional.cross_entropy(logits.float(), labels)).backward()
        scaler.step(optimizer)
        scaler.update()

    return batch


def rate(args, batch):
    def wait():
        if args.device.startswith("cuda"):
            torch.cuda.synchronize()

    for _ in range(WARM):
        batch()
    wait()
    start = time.perf_counter()
    for _ in range(BATCHES):
        batch()
    wait()
    return f"{args.batch_size * BATCHES / (time.perf_counter() - start):.0f}"


if __name__ == "__main__":
    main()
