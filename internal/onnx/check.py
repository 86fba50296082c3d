"""Checks an exported model with ONNX's own checker, and its logits on MNIST's
test images in ONNX Runtime against kernelet's.

    kernelet export --model model.safetensors --onnx model.onnx
    kernelet eval --model model.safetensors --predictions logits.csv
    python check.py model.onnx logits.csv MNIST_FOLDER

needs: pip install onnx onnxruntime numpy
"""

import csv
import gzip
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime

model, predictions, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
onnx.checker.check_model(onnx.load(model), full_check=True)

path = folder / "t10k-images-idx3-ubyte"
content = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
images = numpy.frombuffer(content, numpy.uint8, offset=16).reshape(-1, 1, 28, 28).astype(numpy.float32) / 255 * 2 - 1

with open(predictions) as file:
    expected = numpy.array([[float(row[f"logit{c}"]) for c in range(10)] for row in csv.DictReader(file)])
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
together = session.run(["logits"], {"images": images})[0]
alone = session.run(["logits"], {"images": images[:1]})[0]
largest = max(numpy.abs(together - expected).max(), numpy.abs(alone - expected[:1]).max())
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: checker passed, "
      f"{len(images)} images, largest difference of a logit {largest:.2e} (largest logit {numpy.abs(expected).max():.1f})")
sys.exit(largest > 1e-5 * max(1, numpy.abs(expected).max()))
