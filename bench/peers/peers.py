"""Times the same network, on the same images, in other frameworks next to
kernelet, in turn, and prints one table in Markdown.

    python peers.py compare --kernelet PATH [--gomlx PATH] [--threads 1 2] [--rounds 3] [--data DIR] [--json FILE]
    python peers.py one {train,infer} PEER [--batch 100] [--threads 1] [--data DIR]

Each measurement runs in a process of its own. `one` prints one line of JSON.
README.md says how to install the peers; what is not installed is left out and
named below the table."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

STEPS = 60  # measured, after as many to warm up
CALLS = {1: 2000, 100: 60}


def load(folder, n=6000):
    import gzip
    import numpy as np
    part = os.path.join(folder, "train-images-idx3-ubyte")
    with (open(part, "rb") if os.path.exists(part) else gzip.open(part + ".gz")) as f:
        images = np.frombuffer(f.read(16 + n * 784), np.uint8, offset=16).reshape(n, 28, 28)
    part = os.path.join(folder, "train-labels-idx1-ubyte")
    with (open(part, "rb") if os.path.exists(part) else gzip.open(part + ".gz")) as f:
        labels = np.frombuffer(f.read(8 + n), np.uint8, offset=8).astype(np.int64)
    return (images.astype(np.float32) / 255 * 2 - 1), labels


def batches(images, labels, batch):
    import numpy as np
    generator = np.random.default_rng(1)
    while True:
        order = generator.permutation(len(labels))
        for i in range(0, len(order) - batch + 1, batch):
            rows = order[i:i + batch]
            yield images[rows], labels[rows]


def measure(step, source, count, batch):
    """The median time of step over count batches, in µs an image."""
    data = [next(source) for _ in range(20)]
    for i in range(count):
        step(*data[i % len(data)])
    times = []
    for i in range(count):
        start = time.perf_counter()
        step(*data[i % len(data)])
        times.append(time.perf_counter() - start)
    return statistics.median(times) / batch * 1e6


# PyTorch -------------------------------------------------------------------

def torch_net(threads):
    import torch
    torch.set_num_threads(threads)
    nn = torch.nn
    return torch, nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Dropout(0.5), nn.Linear(500, 10))


def train_torch(threads, compiled, bfloat16=False):
    torch, net = torch_net(threads)
    net = net.to(memory_format=torch.channels_last)
    run = torch.compile(net) if compiled else net
    precision = torch.autocast("cpu", torch.bfloat16, enabled=bfloat16)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    loss = torch.nn.CrossEntropyLoss()

    def step(x, y):
        x = torch.from_numpy(x[:, None]).to(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none=True)
        with precision:
            value = loss(run(x), torch.from_numpy(y))
        value.backward()
        optimizer.step()
    return step, torch.__version__.split("+")[0]


def infer_torch(threads, compiled):
    torch, net = torch_net(threads)
    net = net.to(memory_format=torch.channels_last).eval()
    run = torch.compile(net) if compiled else net

    def step(x, y):
        with torch.inference_mode():
            run(torch.from_numpy(x[:, None]).to(memory_format=torch.channels_last))
    return step, torch.__version__.split("+")[0]


def onnx_file(batch):
    torch, net = torch_net(1)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f".lenet-{os.getpid()}.onnx")
    net.eval()
    torch.onnx.export(net, torch.zeros(batch, 1, 28, 28), path, input_names=["image"], output_names=["logits"], dynamo=False)
    return path


# TensorFlow, TensorFlow Lite -------------------------------------------------

def tensorflow_net(threads):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    layers = tf.keras.layers
    return tf, tf.keras.Sequential([
        layers.Input((28, 28, 1)), layers.Conv2D(20, 5, activation="relu"), layers.MaxPool2D(),
        layers.Conv2D(50, 5, activation="relu"), layers.MaxPool2D(), layers.Flatten(),
        layers.Dense(500, activation="relu"), layers.Dropout(0.5), layers.Dense(10)])


def train_tensorflow(threads):
    tf, net = tensorflow_net(threads)
    optimizer = tf.keras.optimizers.Adam(1e-4)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def graph(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, net(x, training=True))
        optimizer.apply_gradients(zip(tape.gradient(value, net.trainable_variables), net.trainable_variables))
        return value
    return (lambda x, y: graph(tf.constant(x[..., None]), tf.constant(y)).numpy()), tf.__version__


def infer_tflite(threads, batch):
    tf, net = tensorflow_net(threads)
    model = tf.lite.TFLiteConverter.from_keras_model(net).convert()
    interpreter = tf.lite.Interpreter(model_content=model, num_threads=threads)
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, (batch, 28, 28, 1))
    interpreter.allocate_tensors()

    def step(x, y):
        interpreter.set_tensor(index, x[..., None])
        interpreter.invoke()
    return step, tf.__version__


# JAX -------------------------------------------------------------------------

def jax_net(threads):
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} intra_op_parallelism_threads={threads}"
    import jax
    import jax.numpy as jnp
    keys = jax.random.split(jax.random.PRNGKey(1), 4)
    shapes = [(5, 5, 1, 20), (5, 5, 20, 50), (800, 500), (500, 10)]
    weights = [jax.random.normal(k, s) * (2 / (s[0] if len(s) == 2 else 25 * s[2])) ** 0.5 for k, s in zip(keys, shapes)]
    parameters = [(w, jnp.zeros(w.shape[-1])) for w in weights]

    def forward(parameters, x, key=None):
        for w, b in parameters[:2]:
            x = jax.lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
            x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = x.reshape(x.shape[0], -1)
        x = jax.nn.relu(x @ parameters[2][0] + parameters[2][1])
        if key is not None:
            x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x * 2, 0)
        return x @ parameters[3][0] + parameters[3][1]
    return jax, jnp, parameters, forward


def train_jax(threads):
    jax, jnp, parameters, forward = jax_net(threads)
    import optax
    optimizer = optax.adam(1e-4)

    @jax.jit
    def update(parameters, state, key, x, y):
        key, own = jax.random.split(key)
        value, gradient = jax.value_and_grad(
            lambda p: optax.softmax_cross_entropy_with_integer_labels(forward(p, x, own), y).mean())(parameters)
        change, state = optimizer.update(gradient, state)
        return optax.apply_updates(parameters, change), state, key, value
    held = [parameters, optimizer.init(parameters), jax.random.PRNGKey(2)]

    def step(x, y):
        *held[:], value = update(*held, x[..., None], y)
        value.block_until_ready()
    return step, jax.__version__


def infer_jax(threads, batch):
    jax, _, parameters, forward = jax_net(threads)
    run = jax.jit(lambda x: forward(parameters, x))
    return (lambda x, y: run(x[..., None]).block_until_ready()), jax.__version__


# ONNX Runtime, OpenVINO --------------------------------------------------------

def calibration(data, batch):
    """Ten batches on which the ranges of int8 are measured."""
    source = batches(*load(data), batch)
    return [next(source)[0][:, None] for _ in range(max(10, 300 // batch))]


def infer_onnxruntime(threads, batch, int8=None):
    import onnxruntime
    path = onnx_file(batch)
    if int8:
        quantize_onnx(path, calibration(int8, batch))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    os.remove(path)
    return (lambda x, y: session.run(None, {"image": x[:, None]})), onnxruntime.__version__


def quantize_onnx(path, samples):
    """Replaces a model by its static quantization: QDQ, int8, weights per channel."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = iter(samples)

        def get_next(self):
            x = next(self.left, None)
            return None if x is None else {"image": x}
    quant_pre_process(path, path)
    quantization.quantize_static(path, path, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                 activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8)


def infer_openvino(threads, batch, precision="f32", int8=None):
    import openvino
    path = onnx_file(batch)
    core = openvino.Core()
    model = core.read_model(path)
    if int8:
        import nncf
        model = nncf.quantize(model, nncf.Dataset(calibration(int8, batch)))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                 "INFERENCE_PRECISION_HINT": precision})
    os.remove(path)
    request = compiled.create_infer_request()
    return (lambda x, y: request.infer({0: x[:, None]})), openvino.__version__.split("-")[0]


TRAIN = {
    "tensorflow": lambda threads: train_tensorflow(threads),
    "pytorch": lambda threads: train_torch(threads, False),
    "pytorch-compile": lambda threads: train_torch(threads, True),
    "pytorch-bfloat16": lambda threads: train_torch(threads, False, True),
    "pytorch-compile-bfloat16": lambda threads: train_torch(threads, True, True),
    "jax": lambda threads: train_jax(threads),
}
# The last parameter is the folder of the data, on which int8 is calibrated.
INFER = {
    "tensorflow-lite": lambda threads, batch, data: infer_tflite(threads, batch),
    "onnxruntime": lambda threads, batch, data: infer_onnxruntime(threads, batch),
    "onnxruntime-int8": lambda threads, batch, data: infer_onnxruntime(threads, batch, data),
    "openvino": lambda threads, batch, data: infer_openvino(threads, batch),
    "openvino-bfloat16": lambda threads, batch, data: infer_openvino(threads, batch, "bf16"),
    "openvino-int8": lambda threads, batch, data: infer_openvino(threads, batch, int8=data),
    "pytorch": lambda threads, batch, data: infer_torch(threads, False),
    "pytorch-compile": lambda threads, batch, data: infer_torch(threads, True),
    "jax": lambda threads, batch, data: infer_jax(threads, batch),
}


NAMES = {
    "kernelet": "**kernelet** {}", "tensorflow": "TensorFlow {}, tf.function", "tensorflow-lite": "TensorFlow Lite {}",
    "pytorch": "PyTorch {}", "pytorch-compile": "PyTorch {}, torch.compile", "jax": "JAX {}",
    "pytorch-bfloat16": "PyTorch {}, bfloat16", "pytorch-compile-bfloat16": "PyTorch {}, torch.compile, bfloat16",
    "onnxruntime": "ONNX Runtime {}", "onnxruntime-int8": "ONNX Runtime {}, int8", "openvino": "OpenVINO {}, float32",
    "openvino-bfloat16": "OpenVINO {}, bfloat16", "openvino-int8": "OpenVINO {}, int8", "gomlx": "{}",
}


def pin(threads):
    """Keeps this process on as many processors as it has threads: some peers take more than they are told."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def one(arguments):
    pin(arguments.threads)
    images, labels = load(arguments.data)
    source = batches(images, labels, arguments.batch)
    if arguments.task == "train":
        step, version = TRAIN[arguments.peer](arguments.threads)
        count = STEPS
    else:
        step, version = INFER[arguments.peer](arguments.threads, arguments.batch, arguments.data)
        count = CALLS.get(arguments.batch, 60)
    print(json.dumps({"version": version, "us_per_image": measure(step, source, count, arguments.batch)}))


def output(command, threads, environment=()):
    """What a command prints, pinned to threads processors. GOMAXPROCS is for systems that cannot pin."""
    environment = dict(os.environ, GOMAXPROCS=str(threads), **dict(environment))
    run = subprocess.run(command, capture_output=True, text=True, env=environment,
                         preexec_fn=(lambda: pin(threads)) if hasattr(os, "sched_setaffinity") else None)
    if run.returncode != 0:
        raise RuntimeError((run.stderr.strip().splitlines() or ["no output"])[-1])
    return run.stdout.strip().splitlines()


def kernelet(path, task, threads, data):
    """The rows of `kernelet bench`: batch, instruction set, µs an image."""
    command = [path, "bench", task, "--data", data, "--quick", "--json"] + (["--model", "pretrained"] if task == "infer" else [])
    for row in json.loads("".join(output(command, threads)))["rows"]:
        # One image is read by one thread, however many there are.
        if row["name"] == task and row["threads"] == (1 if row["batch"] == 1 else threads):
            yield row["batch"], row["isa"], row["value"]


def gomlx(path, batch, threads):
    """A line of bench/peers/gomlx."""
    row = json.loads(output([path, "-batch", str(batch), "-calls", str(CALLS.get(batch, 60) // 4)], threads)[-1])
    return row["name"], row["us_per_image"]


def peer_row(task, peer, batch, threads, data):
    """A line of this program's `one`."""
    row = json.loads(output([sys.executable, __file__, "one", task, peer, "--batch", str(batch), "--threads", str(threads), "--data", data], threads, {
        "OMP_NUM_THREADS": str(threads),
        # Without these PyTorch hands memory back to the system in every step.
        "MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"})[-1])
    return row["version"], row["us_per_image"]


def cpu():
    """The CPU's name, with family and model: hypervisors shorten the name."""
    facts = {}
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                name, _, value = line.partition(":")
                facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    return f"{facts['model name']} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def compare(arguments):
    tasks = [("train", 100, TRAIN), ("infer", 1, INFER), ("infer", 100, INFER)]
    times, missing = {}, {}  # by task, batch, peer; of times then by threads

    def add(task, batch, peer, threads, measured):
        if (task, batch, peer) in missing:
            return
        try:
            version, value = measured()
        except RuntimeError as e:
            missing[task, batch, peer] = str(e)
            return
        name = NAMES[peer].format(version)
        times.setdefault((task, batch, name), {}).setdefault(threads, []).append(value)

    for _ in range(arguments.rounds):
        for threads in arguments.threads:
            for task in ("train", "infer"):
                for batch, isa, value in kernelet(arguments.kernelet, task, threads, arguments.data):
                    add(task, batch, "kernelet", threads, lambda: (isa, value))
            for task, batch, peers in tasks:
                if arguments.gomlx and task == "infer":
                    add(task, batch, "gomlx", threads, lambda: gomlx(arguments.gomlx, batch, threads))
                for peer in peers:
                    add(task, batch, peer, threads, lambda: peer_row(task, peer, batch, threads, arguments.data))

    print(f"{cpu()}, Python {platform.python_version()}, {platform.system()}; medians of {arguments.rounds} round(s) in turn, µs an image, "
          "every process pinned to as many processors as it has threads.\n")
    counts = [f"{n} thread{'s' if n > 1 else ''} | × kernelet" for n in arguments.threads]
    print(f"| | batch | | {' | '.join(counts)} |\n| --- | --- | --- |{' --- | --- |' * len(counts)}")
    rows = []
    for task, batch, _ in tasks:
        found = {name: {n: statistics.median(v) for n, v in of.items()} for (t, b, name), of in times.items() if (t, b) == (task, batch)}
        own = next(of for name, of in found.items() if "kernelet" in name)
        for name, of in sorted(found.items(), key=lambda item: item[1].get(arguments.threads[0], float("inf"))):
            cells = [f"{of[n]:.1f} | {of[n] / own[n]:.1f}" if n in of else " | " for n in arguments.threads]
            print(f"| {task} | {batch} | {name} | {' | '.join(cells)} |")
            rows += [{"task": task, "batch": batch, "threads": n, "name": name.replace("*", ""), "us_per_image": value} for n, value in of.items()]
    for (task, batch, peer), reason in missing.items():
        print(f"\nleft out: {peer}, {task}, batch {batch}: {reason}")
    if arguments.json:
        with open(arguments.json, "w") as f:
            json.dump({"cpu": cpu(), "rows": rows}, f, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    o = commands.add_parser("one")
    o.add_argument("task", choices=["train", "infer"])
    o.add_argument("peer")
    o.add_argument("--batch", type=int, default=100)
    o.add_argument("--threads", type=int, default=1)
    c = commands.add_parser("compare")
    c.add_argument("--kernelet", required=True)
    c.add_argument("--gomlx", help="the program of bench/peers/gomlx; left out if not given")
    c.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    c.add_argument("--rounds", type=int, default=3)
    c.add_argument("--json")
    for p in (o, c):
        p.add_argument("--data", default=os.environ.get("MNIST_DIR", ""), help="folder with the IDX files; default: MNIST_DIR")
    arguments = parser.parse_args()
    (one if arguments.command == "one" else compare)(arguments)


if __name__ == "__main__":
    main()
