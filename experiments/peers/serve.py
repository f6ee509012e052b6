"""A server as people write one with FastAPI: the peer of `finetune serve`, asked by crates/serve/tests/load.py.

Usage: ARCH=efficientnet_lite0 python -m uvicorn serve:app --app-dir experiments/peers --port 8081 --log-level warning
Needs fastapi, uvicorn, torch, torchvision and timm. The weights are random: only cost is compared.
"""

import io
import os

import timm
import torch
from fastapi import FastAPI, Request
from PIL import Image
from starlette.concurrency import run_in_threadpool
from torchvision import models, transforms

torch.set_num_threads(1)
arch = os.environ["ARCH"]
create = models.get_model if arch in models.list_models() else timm.create_model
model = create(arch, num_classes=2).eval()
prepare = transforms.Compose([
    transforms.Resize(256),
    transforms.CenterCrop(224),
    transforms.ToTensor(),
    transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])
app = FastAPI()


def answer(body):
    x = prepare(Image.open(io.BytesIO(body)).convert("RGB"))[None]
    with torch.inference_mode():
        probabilities = model(x).softmax(1)[0]
    return {"class": int(probabilities.argmax()), "probability": float(probabilities.max())}


@app.post("/predict")
async def predict(request: Request):
    return await run_in_threadpool(answer, await request.body())
