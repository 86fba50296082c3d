"""Times loading of one data set in its several forms, by mnist.Open and by Python
as people do it, in turn: python loading.py SETS [ROUNDS], with SETS as
datasets.py wrote them. Prints medians in seconds, for docs/commands.md."""
import glob
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

folder = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
repository = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def npz():
    with np.load(os.path.join(folder, "mnist.npz")) as f:
        return [f[name] for name in f.files]


def csv():
    for name in ("train", "test"):
        frame = pd.read_csv(os.path.join(folder, "kaggle", name + ".csv"))
        frame.pop("label").to_numpy(np.uint8)
        frame.to_numpy(np.uint8)


def decode(content):
    import io
    return np.asarray(Image.open(io.BytesIO(content)))


def parquet():
    for file in sorted(glob.glob(os.path.join(folder, "parquet", "*.parquet"))):
        table = pq.read_table(file)
        np.stack([decode(cell["bytes"]) for cell in table["image"].to_pylist()])
        table["label"].to_numpy()


def png():
    for name in ("training", "testing"):
        images, labels = [], []
        for c in range(10):
            for file in os.scandir(os.path.join(folder, "png", name, str(c))):
                images.append(np.asarray(Image.open(file.path)))
                labels.append(c)
        np.stack(images)


forms = {"mnist.npz": ("NumPy", npz), "kaggle": ("pandas", csv), "parquet": ("PyArrow, Pillow", parquet), "png": ("Pillow", png)}
with tempfile.TemporaryDirectory() as work:
    program = os.path.join(work, "open.test")
    subprocess.run(["go", "test", "-c", "-o", program, "./mnist/parquet"], cwd=repository, check=True)
    for form, (name, load) in forms.items():
        ours, theirs = [], []
        for i in range(rounds + 1):  # the first of which fills the system's cache of files
            out = subprocess.run([program, "-test.run=xxx", f"-test.bench=^BenchmarkOpen$/^{form}$", "-test.benchtime=1x"],
                                 env=os.environ | {"MNIST_SETS": folder}, check=True, capture_output=True, text=True).stdout
            start = time.perf_counter()
            load()
            if i > 0:
                theirs.append(time.perf_counter() - start)
                ours.append(int(re.search(r"(\d+) ns/op", out)[1]) / 1e9)
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{form:10} mnist.Open {a:6.3f} s   {name:16} {b:6.3f} s   {b / a:5.2f} ×", flush=True)
