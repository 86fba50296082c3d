"""Writes testdata/curve.json: PyTorch's mean loss over the first 6,000 images
and over an epoch, from the weights of lenet.NewModel(seed) for seeds 1 to 5,
images in order, batch 100, no dropout, Adam 1e-4, in float64 and in float32.

    python curve.py MNIST_FOLDER [MODEL.safetensors LOGITS.f64]

With the two file names it also saves seed 1's model after the epoch in float32 and
its logits for all test images, computed in float64."""

import json
import os
import sys

import torch
import torchnet


def run(seed, images, labels, dtype):
    net = torchnet.Net()
    net.load_state_dict(torchnet.initial(seed))
    net.to(dtype)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    losses = []
    for i in range(0, len(labels), 100):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(images[i:i + 100].to(dtype)), labels[i:i + 100])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return net, losses


def main():
    folder = sys.argv[1]
    images, labels = torchnet.load(folder, "train")
    result = {"pytorch": torch.__version__, "seeds": []}
    mean = lambda values: sum(values) / len(values)
    for seed in range(1, 6):
        _, exact = run(seed, images, labels, torch.float64)
        net, single = run(seed, images, labels, torch.float32)
        if seed == 1:
            trained = net
        result["seeds"].append({
            "seed": seed, "initial_sha256": torchnet.sha256(torchnet.initial(seed)),
            "mean_60": mean(exact[:60]), "mean_60_float32": mean(single[:60]),
            "mean_epoch": mean(exact), "mean_epoch_float32": mean(single),
        })
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "testdata", "curve.json"), "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    if len(sys.argv) > 2:
        from safetensors.torch import save_file
        save_file(trained.state_dict(), sys.argv[2])
        images, _ = torchnet.load(folder, "t10k")
        with torch.no_grad():
            trained.double()(images).numpy().astype("<f8").tofile(sys.argv[3])


main()
