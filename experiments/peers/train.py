"""Trains a new head, a last stage after it, or everything, and saves the model.

The last line of stdout is a JSON object: seconds of each epoch, validation included, and the final validation accuracy.
"""

import os
import sys
import time

import torch
from torch import nn
from torchvision.datasets import ImageFolder

import common


def main():
    parser = common.arguments()
    parser.add_argument("--depth", choices=["head", "last-stage", "all"], required=True)
    parser.add_argument("--head-epochs", type=int, default=0, help="of the head alone, before the rest")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--rate-scale", type=float, default=0.1, help="of what lies before the head")
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--save", required=True)
    parser.add_argument("--first-step", help="make this file after the first step")
    args = parser.parse_args()
    torch.manual_seed(0)

    evaluation = common.evaluation_transform(args.input)
    training = common.training_transform(args.input) if args.augment else evaluation
    train_set = ImageFolder(os.path.join(args.data, "train"), training)
    val_set = ImageFolder(os.path.join(args.data, "val"), evaluation)
    train_loader = common.loader(train_set, args, shuffle=True)
    val_loader = common.loader(val_set, args, shuffle=False)

    model, head_name = common.network(args.arch, len(train_set.classes))
    model = common.load(model, args.weights).to(args.device, memory_format=common.memory_format(args.form))
    head = getattr(model, head_name)
    # Trained from the first epoch on, and what joins after the head's own epochs.
    later = {"head": [], "last-stage": [getattr(model, "layer4", None)], "all": [model]}[args.depth]

    epochs = []
    if args.depth == "head":
        accuracy = fit(model, head, [], args.epochs, train_loader, val_loader, args, epochs)
    else:
        if args.head_epochs:
            fit(model, head, [], args.head_epochs, train_loader, val_loader, args, epochs)
        accuracy = fit(model, head, later, args.epochs, train_loader, val_loader, args, epochs)
    torch.save(model.state_dict(), args.save)
    common.answer(epochs=epochs, accuracy=accuracy)


def fit(model, head, others, count, train_loader, val_loader, args, epochs):
    model.requires_grad_(False)
    for module in [head, *others]:
        module.requires_grad_(True)
    of_head = list(head.parameters())
    heads = {id(parameter) for parameter in of_head}
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in heads]
    groups = [{"params": of_head}]
    if rest:
        groups.append({"params": rest, "lr": args.learning_rate * args.rate_scale})
    optimizer = torch.optim.AdamW(groups, lr=args.learning_rate, weight_decay=0.0)
    loss_of = nn.CrossEntropyLoss()
    accuracy = 0.0
    for _ in range(count):
        start = time.perf_counter()
        # Batch-norm of what is frozen keeps its statistics.
        model.eval()
        for module in [head, *others]:
            module.train()
        for images, labels in train_loader:
            if args.first_step:
                print("the first batch is there", file=sys.stderr, flush=True)
            images, labels = placed(images, labels, args)
            optimizer.zero_grad()
            with common.autocast(args.form, args.device):
                loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
            if args.first_step:
                with open(args.first_step, "w") as file:
                    file.write("stepped\n")
                args.first_step = None
        accuracy = validate(model, val_loader, args)
        epochs.append(time.perf_counter() - start)
    return accuracy


def placed(images, labels, args):
    there = {"device": args.device, "non_blocking": common.tuned(args.form)}
    return images.to(memory_format=common.memory_format(args.form), **there), labels.to(**there)


@torch.inference_mode()
def validate(model, val_loader, args):
    model.eval()
    right = seen = 0
    for images, labels in val_loader:
        images, labels = placed(images, labels, args)
        with common.autocast(args.form, args.device):
            logits = model(images)
        right += (logits.argmax(1) == labels).sum().item()
        seen += len(labels)
    return right / seen


if __name__ == "__main__":
    main()
