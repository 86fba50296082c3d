"""Checks an exported model with ONNX's own checker, and its logits on MNIST's
test images, in ONNX Runtime and kernelet's, against float64.

    kernelet export --model model.safetensors --onnx model.onnx
    kernelet eval --model model.safetensors --predictions logits.csv
    python check.py model.onnx logits.csv MNIST_FOLDER

needs: pip install onnx onnxruntime numpy

Bounds of a logit's difference from float64, absolute: ONNX Runtime sums the
products as they are and stays within 1e-5 if the file says what the model is.
kernelet's Winograd convolutions add and subtract images and weights first,
which costs float32 two more bits: 5e-5.
"""

import csv
import gzip
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime

RUNTIME_BOUND, KERNELET_BOUND = 1e-5, 5e-5

model, predictions, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
loaded = onnx.load(model)
onnx.checker.check_model(loaded, full_check=True)
weights = {t.name: onnx.numpy_helper.to_array(t).astype(numpy.float64) for t in loaded.graph.initializer}


def convolution(x, layer):
    """Direct 5×5 convolution, ReLU, the largest of each 2×2."""
    windows = numpy.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(2, 3))
    y = numpy.tensordot(windows, weights[f"{layer}.weight"], axes=((1, 4, 5), (1, 2, 3))) + weights[f"{layer}.bias"]
    n, height, width, channels = y.shape
    pooled = y.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    return numpy.maximum(pooled, 0).transpose(0, 3, 1, 2)


def linear(x, layer):
    return x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]


def network(x):
    x = convolution(convolution(x.astype(numpy.float64), "conv1"), "conv2")
    return linear(numpy.maximum(linear(x.reshape(len(x), -1), "fc1"), 0), "fc2")


path = folder / "t10k-images-idx3-ubyte"
content = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
images = numpy.frombuffer(content, numpy.uint8, offset=16).reshape(-1, 1, 28, 28).astype(numpy.float32) / 255 * 2 - 1
exact = numpy.concatenate([network(images[i:i + 200]) for i in range(0, len(images), 200)])

session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
together = session.run(["logits"], {"images": images})[0]
alone = session.run(["logits"], {"images": images[:1]})[0]
with open(predictions) as file:
    kernelet = numpy.array([[float(row[f"logit{c}"]) for c in range(10)] for row in csv.DictReader(file)])

print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: checker passed, {len(images)} images, "
      f"largest logit {numpy.abs(exact).max():.1f}; largest difference of a logit from float64:")
failed = False
for name, got, want, bound in [
    ("ONNX Runtime", together, exact, RUNTIME_BOUND),
    ("ONNX Runtime, one image alone", alone, exact[:1], RUNTIME_BOUND),
    ("kernelet", kernelet, exact, KERNELET_BOUND),
]:
    difference = numpy.abs(got - want).max()
    good = difference <= bound  # false for NaN
    failed = failed or not good
    print(f"{name}: {difference:.2e}, expected at most {bound:.0e}: {'good' if good else 'BAD'}")
sys.exit(1 if failed else 0)
