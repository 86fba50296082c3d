"""Writes one model's weights as PyTorch, Keras and ONNX keep them:
python weights.py MODEL.safetensors OUT. Names end in what kernelet is to find:
same (the same weights), half (rounded to float16), bfloat (to bfloat16), refused."""
import os
import sys

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import onnx
import torch
from safetensors.torch import load_file, save_file

model, out = sys.argv[1:3]
state = load_file(model)
os.makedirs(out, exist_ok=True)


def path(name):
    return os.path.join(out, name)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 20, 5)
        self.conv2 = torch.nn.Conv2d(20, 50, 5)
        self.fc1 = torch.nn.Linear(800, 500)
        self.fc2 = torch.nn.Linear(500, 10)

    def forward(self, x):
        pool = torch.nn.functional.max_pool2d
        x = pool(torch.relu(self.conv1(x)), 2)
        x = pool(torch.relu(self.conv2(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


net = Net()
net.load_state_dict(state)
sequential = torch.nn.Sequential(
    torch.nn.Conv2d(1, 20, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(20, 50, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
    torch.nn.Flatten(), torch.nn.Linear(800, 500), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(500, 10))
for name, layer in {"conv1": 0, "conv2": 3, "fc1": 7, "fc2": 10}.items():
    sequential[layer].weight.data.copy_(state[name + ".weight"])
    sequential[layer].bias.data.copy_(state[name + ".bias"])

# PyTorch.
torch.save(net.state_dict(), path("state.same.pt"))
torch.save(net.state_dict(), path("legacy.same.pth"), _use_new_zipfile_serialization=False)
torch.save(sequential.state_dict(), path("sequential.same.pt"))
torch.save({"epoch": 3, "model_state_dict": torch.nn.DataParallel(net).state_dict(), "loss": 0.5}, path("training.same.pt"))
torch.save({"_orig_mod." + k: v for k, v in net.state_dict().items()}, path("compiled.same.pt"))
torch.save(dict(net.named_parameters()), path("parameters.same.pt"))
torch.save({k: v.double() for k, v in state.items()}, path("double.same.pt"))
torch.save({k: v.half() for k, v in state.items()}, path("float16.half.pt"))
torch.save({k: v.bfloat16() for k, v in state.items()}, path("bfloat16.bfloat.pt"))
torch.save({k: torch.empty_like(v, memory_format=torch.channels_last).copy_(v) if v.dim() == 4 else v.t().contiguous().t() if v.dim() == 2 else v for k, v in state.items()}, path("strides.same.pt"))
torch.save(net, path("module.refused.pt"))


class Evil:
    def __reduce__(self):
        return os.system, ("touch " + path("RAN"),)


torch.save({"conv1.weight": Evil()}, path("evil.refused.pt"))
torch.save({"conv1.weight": Evil()}, path("evil-legacy.refused.pt"), _use_new_zipfile_serialization=False)
wide = {k: torch.zeros((32, 1, 3, 3)) if k == "conv1.weight" else v for k, v in state.items()}
torch.save(wide, path("conv1.refused.pt"))

# safetensors.
save_file({k: v.double() for k, v in state.items()}, path("double.same.safetensors"))
save_file({k: v.half() for k, v in state.items()}, path("float16.half.safetensors"))
save_file({k: v.bfloat16() for k, v in state.items()}, path("bfloat16.bfloat.safetensors"))
save_file({"module." + k: v for k, v in state.items()}, path("module.same.safetensors"), metadata={"notes": "x" * 2_000_000})

# NumPy.
np.savez(path("arrays.same.npz"), **{k: v.numpy() for k, v in state.items()})

# ONNX, as PyTorch exports it.
x = torch.zeros(1, 1, 28, 28)
torch.onnx.export(net, (x,), path("torchscript.same.onnx"), dynamo=False)
# Weights as ONNX's helpers write them: not raw, and in double precision.
for name, kind in {"floats": onnx.TensorProto.FLOAT, "doubles": onnx.TensorProto.DOUBLE}.items():
    exported = onnx.load(path("torchscript.same.onnx"))
    for t in exported.graph.initializer:
        array = onnx.numpy_helper.to_array(t)
        if array.dtype == np.float32:
            t.CopyFrom(onnx.helper.make_tensor(t.name, kind, array.shape, array.flatten().tolist()))
    onnx.save(exported, path(name + ".same.onnx"))


# Keras, channels last, as it is by default.
def build(data_format="channels_last"):
    shape = (28, 28, 1) if data_format == "channels_last" else (1, 28, 28)
    m = keras.Sequential([
        keras.layers.Input(shape), keras.layers.Conv2D(20, 5, activation="relu", data_format=data_format), keras.layers.MaxPooling2D(2, data_format=data_format),
        keras.layers.Conv2D(50, 5, activation="relu", data_format=data_format), keras.layers.MaxPooling2D(2, data_format=data_format),
        keras.layers.Flatten(data_format="channels_last"), keras.layers.Dense(500, activation="relu"), keras.layers.Dropout(0.5), keras.layers.Dense(10)])
    kernels = {k: v.numpy() for k, v in state.items()}
    fc1 = kernels["fc1.weight"]
    if data_format == "channels_last":
        fc1 = fc1.reshape(500, 50, 4, 4).transpose(0, 2, 3, 1).reshape(500, 800)
    m.set_weights([kernels["conv1.weight"].transpose(2, 3, 1, 0), kernels["conv1.bias"], kernels["conv2.weight"].transpose(2, 3, 1, 0), kernels["conv2.bias"],
                   fc1.T, kernels["fc1.bias"], kernels["fc2.weight"].T, kernels["fc2.bias"]])
    return m


m = build()
m.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
images = np.random.default_rng(1).random((8, 28, 28, 1), np.float32)
m.optimizer.build(m.trainable_variables)  # its moments have the weights' shapes
m.save(path("model.same.keras"))
m.save(path("model.same.h5"))
m.save_weights(path("model.same.weights.h5"))
build("channels_first").save(path("first.same.keras"))
got, want = m(images).detach().numpy(), net(torch.from_numpy(images.transpose(0, 3, 1, 2))).detach().numpy()
assert np.abs(got - want).max() < 1e-4, "the Keras model is not the same network"
tanh = keras.Sequential([keras.layers.Input((28, 28, 1)), keras.layers.Conv2D(20, 5, activation="tanh"), keras.layers.Flatten(), keras.layers.Dense(10)])
tanh.save(path("tanh.refused.keras"))
