"""Compares kernelet's model files with PyTorch's, both ways, on a model whose
values both sides compute: value j of tensor i is ((j * 7919 + i * 104729) % 4001
- 2000) / 1024.

    python safetensors_files.py write         # lenet/testdata/pytorch.json: what safetensors.torch wrote
    python safetensors_files.py read FILE     # does load_file read a file of kernelet's as the same tensors?

lenet's TestPyTorchFile rebuilds the file of the first command from its header
and compares the SHA-256. For the second one, KERNELET_PATTERN_FILE=FILE go test
-run FileForPyTorch ./lenet leaves the file, which with PyTorch 2.15.0 and
safetensors 0.8.0 was read as it should be; its SHA-256 was

    f245830cf43f48b480596cfe8f4a074d3142ec3d114a68cf00bacfd10399e739"""

import hashlib
import json
import os
import struct
import sys
import tempfile

import numpy as np
import safetensors
import torch
import torchnet
from safetensors.torch import load_file, save_file


def pattern():
    state = {}
    for i, (name, shape) in enumerate(torchnet.SHAPES.items()):
        j = np.arange(np.prod(shape), dtype=np.int64)
        values = ((j * 7919 + i * 104729) % 4001 - 2000) / 1024
        state[name] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    return state


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def write():
    net = torchnet.Net()
    net.load_state_dict(pattern())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        save_file(net.state_dict(), path, metadata={"format": "pt"})
        with open(path, "rb") as f:
            (length,) = struct.unpack("<Q", f.read(8))
            header = f.read(length).decode()
        result = {"pytorch": torch.__version__, "safetensors": safetensors.__version__, "header": header, "sha256": sha256(path)}
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "lenet", "testdata", "pytorch.json"), "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")


def read(path):
    got, want = load_file(path), pattern()
    if set(got) != set(want):
        sys.exit(f"{path}: expected {sorted(want)}, got {sorted(got)}")
    for name, tensor in want.items():
        if got[name].dtype != tensor.dtype or got[name].shape != tensor.shape or not torch.equal(got[name], tensor):
            sys.exit(f"{path}: {name} differs")
    torchnet.Net().load_state_dict(got)
    print(f"{os.path.basename(path)}: SHA-256 {sha256(path)}: load_file reads {len(got)} tensors equal to the pattern's")
    print(f"PyTorch {torch.__version__}, safetensors {safetensors.__version__}")


if len(sys.argv) == 2 and sys.argv[1] == "write":
    write()
elif len(sys.argv) == 3 and sys.argv[1] == "read":
    read(sys.argv[2])
else:
    sys.exit(__doc__)
