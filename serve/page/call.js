// How other programs call the server.

import { $, element } from './common.js';

export function startCalling() {
  const base = new URL('.', location.href).href.replace(/\/$/, ''), host = base.replace(/^\w+:\/\//, '');
  const calls = [
    ['A picture, from the shell', `curl --data-binary @three.png ${base}/v1/digits`],
    ['Several files of a form', `curl -F a=@one.png -F b=@two.jpg ${base}/v1/digits`],
    ['Python, with Triton’s client', `# pip install tritonclient[http] numpy
import numpy as np, tritonclient.http as client

images = np.zeros((1, 784), np.uint8)  # 0 background, 255 ink
tensor = client.InferInput("image", images.shape, "UINT8")
tensor.set_data_from_numpy(images)
answer = client.InferenceServerClient("${host}").infer("lenet", [tensor])
print(answer.as_numpy("digits"), answer.as_numpy("probabilities"))`],
    ['JSON, by the Open Inference Protocol', `curl ${base}/v2/models/lenet
curl -d '{"inputs": [{"name": "image", "shape": [1, 784], "datatype": "UINT8", "data": [0, …]}]}' \\
  ${base}/v2/models/lenet/infer`],
    ['Inside a Go program, without a server', `model, err := pretrained.Model()
classifier, err := lenet.NewClassifier(model, lenet.Options{})
prediction := classifier.Classify(&image) // *[784]byte`],
    ['Figures for Prometheus', `curl ${base}/metrics`],
  ];
  $('calls').append(...calls.map(([title, text]) => {
    const copy = element('button', { textContent: 'Copy' });
    copy.setAttribute('aria-label', `Copy: ${title}`);
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = 'Copied';
      } catch {
        copy.textContent = 'Not allowed';
      }
    };
    const code = element('pre', { textContent: text, tabIndex: 0 });
    code.setAttribute('aria-label', title);
    code.setAttribute('role', 'region');
    return element('section', { className: 'card call' }, element('div', { className: 'row spread' }, element('h2', { textContent: title }), copy), code);
  }));
}
