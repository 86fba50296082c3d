"""Asks a server by other people's clients: tritonclient over HTTP and gRPC, and
a client generated from the protocol's own description.

    python triton.py HTTP-ADDRESS GRPC-ADDRESS IMAGES LOGITS PROBABILITIES DIGITS

IMAGES holds n×784 bytes; the others are the library's answers, little-endian:
float32, float32, int64. Every answer must have the same bits.
"""

import gzip
import queue
import sys
import urllib.error
import urllib.request

import numpy as np
import open_inference.openapi.client as generated
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from open_inference.openapi.types import InferenceRequest, RequestInput
from tritonclient.utils import InferenceServerException

web, rpc, images, logits, probabilities, digits = sys.argv[1:]
images = np.fromfile(images, np.uint8).reshape(-1, 784)
n = len(images)
expected = {
    "logits": np.fromfile(logits, np.float32).reshape(n, 10),
    "probabilities": np.fromfile(probabilities, np.float32).reshape(n, 10),
    "digits": np.fromfile(digits, np.int64),
}
checks = 0


def same(name, answer, outputs=("logits", "probabilities", "digits"), count=n):
    global checks
    checks += 1
    for output in outputs:
        got = answer.as_numpy(output)
        want = expected[output][:count]
        assert got.dtype == want.dtype and got.shape == want.shape, f"{name}: {output}: {got.dtype}{got.shape}"
        assert got.tobytes() == want.tobytes(), f"{name}: {output}: other bits"


def refused(name, text, call):
    global checks
    checks += 1
    try:
        call()
    except InferenceServerException as e:
        assert text in str(e), f"{name}: expected {text!r}, got {e}"
        return
    raise AssertionError(f"{name}: expected an error")


for client_module, address in ((over_http, web), (over_grpc, rpc)):
    name = client_module.__name__
    is_http = client_module is over_http
    client = client_module.InferenceServerClient(address)

    def tensor(data, datatype, binary=True, shape=None, label="image"):
        t = client_module.InferInput(label, list(shape or data.shape), datatype)
        t.set_data_from_numpy(data, **({"binary_data": binary} if is_http else {}))
        return t

    def output(label, binary=True):
        return client_module.InferRequestedOutput(label, **({"binary_data": binary} if is_http else {}))

    # The flow of the client's examples: live, ready, metadata, infer.
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("lenet") and client.is_model_ready("lenet", "1")
    server, model = client.get_server_metadata(), client.get_model_metadata("lenet")
    if is_http:
        assert server["name"] == "kernelet" and [o["name"] for o in model["outputs"]] == list(expected)
        assert client.get_model_repository_index()[0]["name"] == "lenet"
    else:
        assert server.name == "kernelet" and [o.name for o in model.outputs] == list(expected)

    same(name, client.infer("lenet", [tensor(images, "UINT8")]))
    same(name, client.infer("lenet", [tensor(images.reshape(n, 28, 28), "UINT8")]))
    same(name, client.infer("lenet", [tensor(images[:1], "UINT8")]), count=1)
    for binary_in in (True, False) if is_http else (True,):
        for binary_out in (True, False) if is_http else (True,):
            answer = client.infer("lenet", [tensor(images, "UINT8", binary_in)], outputs=[output("digits", binary_out), output("logits", binary_out)], request_id="a 42")
            same(f"{name} {binary_in} {binary_out}", answer, ("logits", "digits"))
            head = answer.get_response()
            assert (head["id"] if is_http else head.id) == "a 42"
            assert answer.as_numpy("probabilities") is None, "an output that nobody asked for"
    # FP32 is another input: the digits agree, the last bits need not.
    floats = (images / np.float32(255)).astype(np.float32).reshape(n, 1, 28, 28)
    answer = client.infer("lenet", [tensor(floats, "FP32")])
    assert (answer.as_numpy("digits") == expected["digits"]).all()
    assert np.abs(answer.as_numpy("logits") - expected["logits"]).max() < 1e-4

    if is_http:
        pending = [client.async_infer("lenet", [tensor(images, "UINT8")]) for _ in range(8)]
        for p in pending:
            same("async", p.get_result())
        for algorithm in ("gzip", "deflate"):
            same(algorithm, client.infer("lenet", [tensor(images, "UINT8")], request_compression_algorithm=algorithm))
    else:
        done = queue.Queue()
        for _ in range(8):
            client.async_infer("lenet", [tensor(images, "UINT8")], callback=lambda result, error: done.put((result, error)))
        for _ in range(8):
            result, error = done.get(timeout=60)
            assert error is None, error
            same("async", result)

    refused(name, 'expected the name "image"', lambda: client.infer("lenet", [tensor(images, "UINT8", label="x")]))
    refused(name, "expected UINT8 (0 to 255) or FP32 (0 to 1)", lambda: client.infer("lenet", [tensor(images.astype(np.int8), "INT8")]))
    refused(name, "[n,1,28,28]", lambda: client.infer("lenet", [tensor(images[:, :783].copy(), "UINT8")]))
    refused(name, "1 (ink), got 255", lambda: client.infer("lenet", [tensor(np.full((1, 784), 255, np.float32), "FP32")]))
    refused(name, 'output "x": expected logits', lambda: client.infer("lenet", [tensor(images, "UINT8")], outputs=[output("x")]))
    refused(name, 'unknown model "other"', lambda: client.infer("other", [tensor(images, "UINT8")]))
    refused(name, "unknown version", lambda: client.get_model_metadata("lenet", "9"))
    client.close()

# A body that is cut: one byte less than announced, as a whole request.
text = b'{"inputs":[{"name":"image","shape":[1,784],"datatype":"UINT8","parameters":{"binary_data_size":784}}]}'
for body in (text + bytes(783), text[:-1], gzip.compress(text + bytes(784))[:50]):
    request = urllib.request.Request(f"http://{web}/v2/models/lenet/infer", body, {"Inference-Header-Content-Length": str(len(text))})
    if body[:2] == b"\x1f\x8b":
        request.add_header("Content-Encoding", "gzip")
    try:
        urllib.request.urlopen(request)
        raise AssertionError("expected an error")
    except urllib.error.HTTPError as e:
        answer = e.read()
        assert e.code == 400 and b'"error"' in answer, (e.code, answer)
        checks += 1

client = generated.OpenInferenceClient(base_url=f"http://{web}")
client.check_server_liveness()
client.check_server_readiness()
assert client.read_model_metadata("lenet").name == "lenet"
answer = client.model_infer("lenet", request=InferenceRequest(inputs=[RequestInput(name="image", shape=[1, 784], datatype="UINT8", data=images[0].tolist())]))
assert list(next(o for o in answer.outputs if o.name == "digits").data.__root__) == [expected["digits"][0]]
checks += 1
print(f"other people's clients: {checks} checks pass")
