"""ResNet-18 trained whole by PyTorch's DistributedDataParallel over Gloo, for comparison with `finetune --processes`.

    torchrun --nproc-per-node 2 experiments/peers/ddp.py --batch 32 --side 128 --images 96 --epochs 3 --threads 1

The global batch is `--batch`, of which each process has its part; images are random pixels in memory. Rank 0 prints the seconds of
each epoch.
"""

import argparse
import os
import time

import torch
import torch.distributed as dist
import torchvision
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser()
for name, default in [("batch", 32), ("side", 128), ("images", 96), ("epochs", 3), ("threads", 1)]:
    parser.add_argument(f"--{name}", type=int, default=default)
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
world = int(os.environ.get("WORLD_SIZE", "1"))
rank = int(os.environ.get("RANK", "0"))
network = torchvision.models.resnet18(num_classes=2).to(memory_format=torch.channels_last)
network.train()
# Batch-norm keeps the source's statistics, as with finetune.batch_norm = "frozen".
for module in network.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.eval()
if world > 1:
    dist.init_process_group("gloo")
    network = DistributedDataParallel(network)
optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
loss_of = torch.nn.CrossEntropyLoss()
own = arguments.batch // world
images = torch.rand(arguments.images, 3, arguments.side, arguments.side).to(memory_format=torch.channels_last)
labels = torch.randint(0, 2, (arguments.images,))
for epoch in range(arguments.epochs):
    began = time.perf_counter()
    for start in range(0, arguments.images, arguments.batch):
        rows = slice(start + rank * own, start + (rank + 1) * own)
        optimizer.zero_grad()
        loss_of(network(images[rows]), labels[rows]).backward()
        optimizer.step()
    if rank == 0:
        print(f"epoch {epoch + 1}: {time.perf_counter() - began:.3f} s", flush=True)
if world > 1:
    dist.destroy_process_group()
