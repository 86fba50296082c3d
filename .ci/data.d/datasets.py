"""Writes MNIST's images, read from IDX files, as each tool's own kind of file:
python datasets.py MNIST_FOLDER OUT. Every file or folder in OUT holds all
70,000 images but where its name says otherwise."""
import gzip
import io
import os
import struct
import sys
import tarfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

folder, out = sys.argv[1:3]


def idx(name, header):
    with gzip.open(os.path.join(folder, name + ".gz")) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


sets = {
    "train": (idx("train-images-idx3-ubyte", 16).reshape(-1, 28, 28), idx("train-labels-idx1-ubyte", 8)),
    "test": (idx("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28), idx("t10k-labels-idx1-ubyte", 8)),
}
(x_train, y_train), (x_test, y_test) = sets["train"], sets["test"]


def path(*parts):
    p = os.path.join(out, *parts)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    return p


def png(image):
    b = io.BytesIO()
    Image.fromarray(image).save(b, "PNG")
    return b.getvalue()


# NumPy: Keras's mnist.npz, floats from 0 to 1, arrays without names, one-hot labels in Fortran order, .npy.
np.savez_compressed(path("mnist.npz"), x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
np.savez_compressed(path("floats.npz"), x_train=(x_train / 255).astype(np.float32)[..., None], y_train=y_train.astype(np.int64),
                    x_test=(x_test / 255).astype(np.float16), y_test=y_test.astype(np.int32))
np.savez_compressed(path("positions.npz"), x_train.reshape(-1, 784).astype(np.float64), y_train, x_test.astype(np.int16), y_test)
np.savez_compressed(path("fortran.npz"), train_images=np.asfortranarray(x_train), train_labels=np.asfortranarray(np.eye(10)[y_train]),
                    test_images=x_test.astype(">i4"), test_labels=y_test)
for name, array in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
    np.save(path("npy", name + ".npy"), array)

# pandas: Kaggle's train.csv and test.csv (all labels, so that it can be compared), and the headerless form.
columns = [f"pixel{i}" for i in range(784)]
for name, (x, y) in sets.items():
    frame = pd.DataFrame(x.reshape(-1, 784), columns=columns)
    frame.insert(0, "label", y)
    frame.to_csv(path("kaggle", name + ".csv"), index=False)
    frame[:1000].drop(columns="label").to_csv(path("unlabelled", name + ".csv"), index=False)
frame = pd.DataFrame(x_test.reshape(-1, 784))
frame["class"] = y_test
frame.to_csv(path("label-last", "test.csv"), index=False, header=False)
(frame.drop(columns="class") / 255).assign(label=y_test).to_csv(path("fractions", "test.csv"))

# pyarrow: pictures as the hub has them, in two files, and lists.
feature = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
for name, (x, y) in sets.items():
    for part, rows in enumerate(np.array_split(np.arange(len(y)), 2)):
        table = pa.table({"image": pa.array([{"bytes": png(x[i]), "path": None} for i in rows], feature), "label": pa.array(y[rows].astype(np.int64))})
        pq.write_table(table, path("parquet", f"{name}-{part:05}-of-00002.parquet"), row_group_size=1000 if part else None)
for name, codec in {"zstd": "zstd", "none": "none", "gzip": "gzip", "brotli": "brotli"}.items():
    pq.write_table(pa.table({"image": pa.array(x_test.reshape(len(y_test), 784).tolist(), pa.list_(pa.uint8())),
                             "label": y_test}), path("parquet-lists-" + name, "test.parquet"), compression=codec)
pq.write_table(pa.Table.from_pandas(pd.DataFrame(x_test.reshape(-1, 784), columns=columns).assign(label=y_test)), path("parquet-columns", "test.parquet"))

# Pictures by class, named by their number; a tar of the test pictures.
for name, (x, y) in {"training": sets["train"], "testing": sets["test"]}.items():
    for c in range(10):
        os.makedirs(path("png", name, str(c)), exist_ok=True)
    for i, (image, label) in enumerate(zip(x, y)):
        with open(path("png", name, str(label), f"{i}.png"), "wb") as f:
            f.write(png(image))
with tarfile.open(path("png-test.tar.gz"), "w:gz", compresslevel=1) as tar:
    tar.add(os.path.join(out, "png", "testing"), "testing")


# EMNIST's and QMNIST's IDX layouts, as torchvision.datasets reads them.
def write_idx(name, magic, array):
    with gzip.open(path(*name), "wb", compresslevel=1) as f:
        f.write(struct.pack(">I", magic) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


for name, (x, y) in sets.items():
    write_idx(("emnist", f"emnist-digits-{name}-images-idx3-ubyte.gz"), 0x803, np.ascontiguousarray(x.transpose(0, 2, 1)))
    write_idx(("emnist", f"emnist-digits-{name}-labels-idx1-ubyte.gz"), 0x801, y)
    write_idx(("emnist", f"emnist-letters-{name}-images-idx3-ubyte.gz"), 0x803, x[:26])
    write_idx(("emnist", f"emnist-letters-{name}-labels-idx1-ubyte.gz"), 0x801, np.arange(1, 27, dtype=np.uint8))
    extended = np.zeros((len(y), 8), ">i4")
    extended[:, 0], extended[:, 1:] = y, 12345
    write_idx(("qmnist", f"qmnist-{name}-images-idx3-ubyte.gz"), 0x803, x)
    write_idx(("qmnist", f"qmnist-{name}-labels-idx2-int.gz"), 0xC02, extended)
