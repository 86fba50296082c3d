// What the parts of the page share.

export const $ = id => document.getElementById(id);

// element makes an element with properties and children.
export function element(name, properties = {}, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

// bytes decodes base64.
export const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

// request returns the JSON of an answer; the error of one that is none.
export async function request(path, options = {}) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

export const post = (path, body) => request(path, { method: 'POST', body });

// percent writes a share with one decimal.
export const percent = share => (100 * share).toFixed(1) + ' %';

// gray paints bytes as gray pixels of a canvas of the same size.
export function gray(canvas, values, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d'), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([values[i], values[i], values[i], 255], 4 * i);
  context.putImageData(image, 0, 0);
}

// sheet paints count pictures of size×size values beside each other, a pixel
// apart; color returns [red, green, blue] of a value.
export function sheet(canvas, values, size, columns, color) {
  const count = values.length / (size * size), rows = Math.ceil(count / columns);
  canvas.width = columns * (size + 1) - 1;
  canvas.height = rows * (size + 1) - 1;
  const context = canvas.getContext('2d'), image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < values.length; i++) {
    const picture = Math.floor(i / (size * size)), y = Math.floor(i / size) % size, x = i % size;
    const at = (Math.floor(picture / columns) * (size + 1) + y) * canvas.width + (picture % columns) * (size + 1) + x;
    image.data.set([...color(values[i]), 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

// heat is a scale of one hue that is read as well without colours: dark to light.
export const heat = v => [Math.min(255, 8 + 1.1 * v), Math.min(255, 12 + .95 * v), Math.min(255, 20 + .45 * v)];
