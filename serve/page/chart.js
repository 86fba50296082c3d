// Curves with a logarithmic axis, as SVG.

const space = 'http://www.w3.org/2000/svg';

function add(parent, name, attributes, text) {
  const e = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  parent.append(e);
  return e;
}

const short = v => v >= 1e6 ? v / 1e6 + 'M' : v >= 1e3 ? v / 1e3 + 'k' : String(Number(v.toPrecision(2)));

// round returns a step of 1, 2 or 5 times a power of ten that divides a length
// into at most count parts.
function round(length, count) {
  const raw = length / count, power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find(m => m * power >= raw);
}

// chart draws series [{name, run, points: [[x, y], …]}] into place.
export function chart(place, { series, axis, label, goal }) {
  const width = Math.max(280, place.clientWidth || 480), height = 240, left = 46, right = 70, top = 12, bottom = 40;
  const all = series.flatMap(s => s.points);
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('role', 'img');
  const lasts = series.filter(s => s.points.length).map(s => `${s.name} ${s.points.at(-1)[1].toPrecision(3)}`);
  svg.setAttribute('aria-label', `${label}: ${lasts.join(', ') || 'nothing yet'}`);
  place.replaceChildren(svg);
  if (!all.length) return;

  const farthest = Math.max(...all.map(p => p[0]));
  let low = Math.min(...all.map(p => p[1])), high = Math.max(...all.map(p => p[1]));
  if (goal) { low = Math.min(low, goal.at * .8); high = Math.max(high, goal.at * 2); }
  low = Math.max(1e-4, low * .85);
  high *= 1.15;
  const x = v => left + (width - left - right) * v / farthest;
  const y = v => top + (height - top - bottom) * (1 - Math.log(Math.max(low, v) / low) / Math.log(high / low));

  const xStep = round(farthest, width < 400 ? 3 : 5);
  for (let v = 0; v <= farthest * 1.0001; v += xStep) {
    add(svg, 'line', { class: 'grid', x1: x(v), x2: x(v), y1: top, y2: height - bottom });
    add(svg, 'text', { x: x(v), y: height - bottom + 16, 'text-anchor': 'middle' }, short(v));
  }
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) for (const m of high / low < 30 ? [1, 2, 5] : [1]) {
    const v = m * 10 ** power;
    if (v < low || v > high) continue;
    add(svg, 'line', { class: 'grid', x1: left, x2: width - right, y1: y(v), y2: y(v) });
    add(svg, 'text', { x: left - 6, y: y(v) + 4, 'text-anchor': 'end' }, short(v));
  }
  add(svg, 'text', { x: (left + width - right) / 2, y: height - 6, 'text-anchor': 'middle' }, axis === 'images' ? 'images seen' : 'seconds of training');
  if (goal) {
    add(svg, 'line', { class: 'goal', x1: left, x2: width - right, y1: y(goal.at), y2: y(goal.at) });
    add(svg, 'text', { x: width - right - 4, y: y(goal.at) - 5, 'text-anchor': 'end' }, goal.text);
  }
  let below = -Infinity;
  for (const s of [...series].filter(s => s.points.length).sort((a, b) => b.points.at(-1)[1] - a.points.at(-1)[1])) {
    const [lastX, lastY] = s.points.at(-1);
    add(svg, 'path', { class: 'run' + s.run, d: s.points.map((p, i) => `${i ? 'L' : 'M'}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join('') });
    add(svg, 'circle', { class: 'run' + s.run, cx: x(lastX), cy: y(lastY), r: 3 });
    below = Math.max(below + 15, y(lastY) + 4);
    add(svg, 'text', { class: 'run' + s.run, x: x(lastX) + 8, y: below }, s.name);
  }
}
