"""The network in PyTorch, and the initial weights that kernelet's
lenet.NewModel(seed) makes, for the scripts beside this file."""

import gzip
import hashlib
import os

import numpy as np
import torch

SHAPES = {
    "conv1.weight": (20, 1, 5, 5), "conv1.bias": (20,),
    "conv2.weight": (50, 20, 5, 5), "conv2.bias": (50,),
    "fc1.weight": (500, 800), "fc1.bias": (500,),
    "fc2.weight": (10, 500), "fc2.bias": (10,),
}
FAN_IN = [25, 500, 800, 500]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(key, counter):
    with np.errstate(over="ignore"):
        return mix(mix(np.uint64(key) + GOLDEN) + (np.asarray(counter, np.uint64) + np.uint64(1)) * GOLDEN)


def initial(seed):
    """The state dict of lenet.NewModel(seed), float32."""
    state = {}
    for i, (name, shape) in enumerate(SHAPES.items()):
        key = bits(bits(bits(1, 0), seed), i)
        uniform = (bits(key, np.arange(np.prod(shape))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        values = (2 * uniform - 1) * (1 / np.sqrt(np.float64(FAN_IN[i // 2])))
        state[name] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    return state


def sha256(state):
    """kernelet's hash over all parameters."""
    h = hashlib.sha256()
    for name in SHAPES:
        h.update(state[name].detach().numpy().astype("<f4").tobytes())
    return h.hexdigest()


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 20, 5)
        self.conv2 = torch.nn.Conv2d(20, 50, 5)
        self.fc1 = torch.nn.Linear(800, 500)
        self.fc2 = torch.nn.Linear(500, 10)

    def forward(self, x, mask=None, layers=None):
        f = torch.nn.functional
        y1 = f.max_pool2d(f.relu(self.conv1(x)), 2)
        y2 = f.max_pool2d(f.relu(self.conv2(y1)), 2)
        h = f.relu(self.fc1(y2.flatten(1)))
        if mask is not None:
            h = h * mask
        logits = self.fc2(h)
        if layers is not None:
            layers.update(pool1=y1, pool2=y2, fc1=h, logits=logits)
        return logits


def load(folder, part):
    """Images as float64 n×1×28×28, x/255·2−1, and labels."""
    def content(name):
        for path, opener in ((name, open), (name + ".gz", gzip.open)):
            path = os.path.join(folder, path)
            if os.path.exists(path):
                with opener(path, "rb") as f:
                    return f.read()
        raise FileNotFoundError(os.path.join(folder, name))
    images = np.frombuffer(content(part + "-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(content(part + "-labels-idx1-ubyte"), np.uint8, offset=8).astype(np.int64)
    return torch.from_numpy(images.astype(np.float64) / 255 * 2 - 1), torch.from_numpy(labels)
