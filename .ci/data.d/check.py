"""Compares what kernelet reads of files that other tools wrote with what stands
in MNIST's, and what other runtimes compute of files that kernelet wrote with
what it computes: python check.py KERNELET MNIST WORK CACHE."""
import csv
import glob
import json
import os
import subprocess
import sys

import numpy as np

kernelet, mnist, work, cache = sys.argv[1:5]
failures = []


def check(ok, text):
    print("ok  " if ok else "FAIL", text, flush=True)
    if not ok:
        failures.append(text)


def run(*arguments):
    return subprocess.run([kernelet, *arguments], capture_output=True, text=True)


def look(path):
    result = run("data", "look", "--json", path)
    if result.returncode:
        return {}, result.stderr
    sets = json.loads(result.stdout)["sets"]
    return {s["name"]: (s["images"], s["images_sha256"], s.get("labels_sha256")) for s in sets}, result.stdout


# Data: every form has the originals' images and labels, in their order.
original, _ = look(mnist)
for path in sorted(glob.glob(os.path.join(work, "sets", "*"))):
    name = os.path.basename(path)
    if name == "unlabelled":
        continue
    found, said = look(path)
    check(found and all(original[k] == v for k, v in found.items()), f"{name}: {', '.join(found) or said}")

# Weights in: the same, or rounded; or refused, and nothing runs.
state = dict(np.load(os.path.join(work, "weights", "arrays.same.npz")))
for path in sorted(glob.glob(os.path.join(work, "weights", "*"))):
    name = os.path.basename(path)
    kind = name.split(".")[1]
    npz = os.path.join(work, "read.npz")
    if os.path.exists(npz):
        os.remove(npz)
    result = run("export", "--model", path, "--npz", npz)
    if kind == "refused":
        check(result.returncode == 1 and not os.path.exists(npz), f"{name}: {result.stderr.strip()[:160]}")
        continue
    if result.returncode:
        check(False, f"{name}: {result.stderr}")
        continue
    # Half a unit in the last of 11 or 8 places, or of float16's subnormal numbers.
    relative, absolute = {"same": (0, 0), "half": (2**-11, 2**-25), "bfloat": (2**-8, 0)}[kind]
    got = np.load(npz)
    wrong = [k for k, v in state.items() if np.any(np.abs(got[k] - v) > np.maximum(relative * np.abs(v), absolute))]
    check(not wrong, f"{name}: weights {kind} {wrong}")
check(not os.path.exists(os.path.join(work, "weights", "RAN")), "no pickle ran anything")

# Weights out: other runtimes' logits of the test images.
run("eval", "--data", mnist, "--predictions", os.path.join(work, "model.csv"))
want = np.array([row[3:] for row in list(csv.reader(open(os.path.join(work, "model.csv"))))[1:]], np.float32)
images = np.load(os.path.join(work, "sets", "mnist.npz"))["x_test"]
x = (images.astype(np.float32)[:, None] / 255 * 2 - 1)
np.save(os.path.join(work, "x.npy"), x)
x.tofile(os.path.join(work, "x.bin"))
for flags, name in ([], "model"), (["--float16"], "half"):
    files = [f"--{kind}={os.path.join(work, name + '.' + end)}" for kind, end in {"onnx": "onnx", "safetensors": "safetensors", "npz": "npz", "c": "h", "go": "go"}.items()]
    result = run("export", *flags, *files)
    check(result.returncode == 0, f"export {name}: {result.stderr.splitlines()[-1:]}")

# Products of 800 and 500 in another order: their errors stay far below this part of the largest logit.
bound = 1e-4 * np.abs(want).max()


def compare(got, name, bound=bound):
    got = np.asarray(got, np.float32).reshape(-1, 10)
    distance = float(np.abs(got - want[:len(got)]).max())
    check(distance < bound, f"{name}: {len(got)} images, logits within {distance:.2g} of kernelet's")


import onnx
import onnxruntime
import openvino
import torch
from safetensors.torch import load_file

model = os.path.join(work, "model.onnx")
onnx.checker.check_model(model, full_check=True)
inferred = onnx.load(model)
check(len(inferred.graph.value_info) == len(inferred.graph.node) - 1, f"ONNX IR {inferred.ir_version}, operator set {inferred.opset_import[0].version}: shapes of all values")
compare(onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"images": x})[0], f"ONNX Runtime {onnxruntime.__version__}")
compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
compare(compiled({"images": x[:1000]})[0], f"OpenVINO {openvino.__version__}")

# float16: as kernelet computes with the rounded weights.
run("eval", "--data", mnist, "--model", os.path.join(work, "half.safetensors"), "--predictions", os.path.join(work, "half.csv"))
exact, want = want, np.array([row[3:] for row in list(csv.reader(open(os.path.join(work, "half.csv"))))[1:]], np.float32)
compare(onnxruntime.InferenceSession(os.path.join(work, "half.onnx"), providers=["CPUExecutionProvider"]).run(None, {"images": x})[0], "ONNX Runtime, float16")
halved = load_file(os.path.join(work, "half.safetensors"))
check(all(v.dtype == torch.float16 for v in halved.values()), "safetensors in float16")
check(float(np.abs(want - exact).max()) < 0.05, f"float16's logits are within {float(np.abs(want - exact).max()):.2g} of float32's")



def old(path):
    script = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
sys.stdout.buffer.write(session.run(None, {"images": numpy.load(sys.argv[2])})[0].tobytes())
"""
    command = [os.path.join(cache, "old", "bin", "python"), "-c", script, path, os.path.join(work, "x.npy")]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


compare(old(os.path.join(work, "half.onnx")), "ONNX Runtime 1.15.0, float16")
want = exact
compare(old(model), "ONNX Runtime 1.15.0")

# C and C++: a program that reads images from standard input.
program = """
#include <stdio.h>
#include "HEADER"
int main(void) {
	uint8_t image[784];
	float logits[10];
	while (fread(image, 1, 784, stdin) == 784) {
		lenet_classify(image, logits);
		fwrite(logits, sizeof *logits, 10, stdout);
	}
	return 0;
}
"""
some = images[:500].tobytes()
for compiler, end, header in ["gcc -std=c99", "c", "model.h"], ["g++ -std=c++11", "cc", "model.h"], ["gcc -std=c99", "c", "half.h"]:
    source = os.path.join(work, "main." + end)
    with open(source, "w") as f:
        f.write(program.replace("HEADER", header))
    subprocess.run([*compiler.split(), "-O2", "-Wall", "-Wextra", "-Werror", "-o", os.path.join(work, "main"), source], check=True)
    out = subprocess.run([os.path.join(work, "main")], input=some, capture_output=True, check=True).stdout
    compare(np.frombuffer(out, np.float32), f"{compiler}, {header}", bound if header == "model.h" else 0.05)

# Go: a module of its own.
for name in "model", "half":
    folder = os.path.join(work, "go-" + name)
    os.makedirs(os.path.join(folder, "lenet"))
    os.rename(os.path.join(work, name + ".go"), os.path.join(folder, "lenet", "lenet.go"))
    with open(os.path.join(folder, "go.mod"), "w") as f:
        f.write("module example.com/digits\n\ngo 1.22\n")
    with open(os.path.join(folder, "main.go"), "w") as f:
        f.write("""package main

import (
	"encoding/binary"
	"io"
	"os"

	"example.com/digits/lenet"
)

func main() {
	var image [784]byte
	for {
		if _, err := io.ReadFull(os.Stdin, image[:]); err != nil {
			return
		}
		_, logits := lenet.Classify(&image)
		binary.Write(os.Stdout, binary.LittleEndian, logits)
	}
}
""")
    out = subprocess.run(["go", "run", "."], cwd=folder, input=some, capture_output=True)
    check(out.returncode == 0, f"go run, {name}: {out.stderr.decode()[:200]}")
    compare(np.frombuffer(out.stdout, np.float32), f"Go source, {name}", bound if name == "model" else 0.05)

# Node.
node = os.path.join(cache, "node")
if os.path.isdir(node):
    script = f"""
const ort = require('onnxruntime-node'), fs = require('fs')
const x = new Float32Array(fs.readFileSync({json.dumps(os.path.join(work, 'x.bin'))}).buffer.slice(0, 1000 * 784 * 4))
ort.InferenceSession.create({json.dumps(model)}).then(s => s.run({{images: new ort.Tensor('float32', x, [1000, 1, 28, 28])}}))
  .then(r => process.stdout.write(Buffer.from(r.logits.data.buffer)))
"""
    out = subprocess.run(["node", "-e", script], cwd=node, capture_output=True)
    check(out.returncode == 0, f"node: {out.stderr.decode()[:200]}")
    compare(np.frombuffer(out.stdout, np.float32), "onnxruntime-node")

    # ONNX.js, the last of 2020, which pages still use: one image at a time, since it keeps the first call's shape and
    # computes batches wrong.
    script = f"""
const onnx = require('onnxjs'), fs = require('fs')
const x = new Float32Array(fs.readFileSync({json.dumps(os.path.join(work, 'x.bin'))}).buffer.slice(0, 1000 * 784 * 4));
(async () => {{
  const session = new onnx.InferenceSession({{backendHint: 'cpu'}})
  await session.loadModel(new Uint8Array(fs.readFileSync({json.dumps(model)})))
  for (let i = 0; i < 100; i++) {{
    const result = await session.run([new onnx.Tensor(x.slice(i * 784, (i + 1) * 784), 'float32', [1, 1, 28, 28])])
    process.stdout.write(Buffer.from(new Float32Array(result.values().next().value.data).buffer))
  }}
}})().catch(e => {{ console.error(e); process.exit(1) }})
"""
    out = subprocess.run(["node", "-e", script], cwd=node, capture_output=True)
    check(out.returncode == 0, f"onnxjs: {out.stderr.decode()[:200]}")
    compare(np.frombuffer(out.stdout, np.float32), "onnxjs")

sys.exit(f"{len(failures)} failures" if failures else 0)
