"""Writes testdata/golden.json: what PyTorch computes in float64 for three
images, from the weights of lenet.NewModel(7) and formulas for pixels and
dropout that the test repeats: outputs, gradients, and weights after three steps
of Adam, each as its sum, its sum of squares and every k-th value.

    python golden.py"""

import json
import os

import numpy as np
import torch
import torchnet

SAMPLES = 40


def digest(tensor):
    values = tensor.detach().numpy().astype(np.float64).ravel()
    step = max(1, len(values) // SAMPLES)
    return {"sum": values.sum(), "squares": (values**2).sum(), "step": step, "values": values[::step].tolist()}


def main():
    n = 3
    pixels = (np.arange(n * 784) * 7919 + np.arange(n * 784) // 28 * 104729) % 256
    images = torch.from_numpy(pixels.reshape(n, 1, 28, 28).astype(np.float64) / 255 * 2 - 1)
    labels = torch.tensor([3, 0, 9])
    mask = torch.from_numpy(((np.arange(n * 500) * 31 // 7 % 2) * 2.0).reshape(n, 500))
    net = torchnet.Net()
    net.load_state_dict(torchnet.initial(7))
    net.double()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    result = {"pytorch": torch.__version__, "initial_sha256": torchnet.sha256(torchnet.initial(7)), "losses": []}
    for step in range(3):
        optimizer.zero_grad()
        layers = {}
        loss = torch.nn.functional.cross_entropy(net(images, mask, layers), labels)
        loss.backward()
        if step == 0:
            result["layers"] = {k: digest(v) for k, v in layers.items()}
            result["gradients"] = {k: digest(p.grad) for k, p in net.named_parameters()}
        optimizer.step()
        result["losses"].append(loss.item())
    result["weights"] = {k: digest(p) for k, p in net.named_parameters()}
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "testdata", "golden.json"), "w") as f:
        json.dump(result, f)
        f.write("\n")


main()
