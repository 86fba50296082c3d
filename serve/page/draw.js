// The drawing area and what the network says about it.

import { $, bytes, element, gray, heat, percent, request, sheet } from './common.js';

export function startDrawing() {
  const pad = $('pad');
  // Points lie in 0…1 of the area, so that zoom, scrolling, resizing and the
  // screen's density change nothing.
  let strokes = [], current = null, picture = null, cursor = [.5, .5], penDown = false;
  let asking = false, again = false;

  const width = () => $('pen').value / 100;
  const at = e => {
    const r = pad.getBoundingClientRect(), border = pad.clientLeft * r.width / pad.offsetWidth;
    return [(e.clientX - r.left - border) / (r.width - 2 * border), (e.clientY - r.top - border) / (r.height - 2 * border)];
  };

  function draw(context, size, ink) {
    context.lineCap = context.lineJoin = 'round';
    context.strokeStyle = ink;
    for (const s of strokes) {
      context.lineWidth = size * s.width;
      context.beginPath();
      s.points.forEach(([x, y], i) => i ? context.lineTo(x * size, y * size) : context.moveTo(x * size, y * size));
      if (s.points.length === 1) context.lineTo(s.points[0][0] * size + .01, s.points[0][1] * size);
      context.stroke();
    }
  }

  function paint() {
    const size = Math.round(pad.clientWidth * devicePixelRatio);
    if (!size) return;
    if (pad.width !== size) pad.width = pad.height = size;
    const context = pad.getContext('2d'), style = getComputedStyle(pad);
    context.clearRect(0, 0, size, size);
    if (picture) {
      const scale = Math.min(size / picture.width, size / picture.height), w = picture.width * scale, h = picture.height * scale;
      context.drawImage(picture, (size - w) / 2, (size - h) / 2, w, h);
      for (const box of picture.boxes ?? []) {
        context.strokeStyle = style.getPropertyValue('--second');
        context.lineWidth = 2 * devicePixelRatio;
        context.strokeRect((size - w) / 2 + box[0] * scale, (size - h) / 2 + box[1] * scale, box[2] * scale, box[3] * scale);
      }
    }
    draw(context, size, style.getPropertyValue('--pen'));
    if (pad.matches(':focus-visible')) {
      context.lineWidth = 2 * devicePixelRatio;
      context.strokeStyle = style.getPropertyValue(penDown ? '--second' : '--first');
      context.beginPath();
      context.arc(cursor[0] * size, cursor[1] * size, size * Math.max(.03, width() / 2), 0, 7);
      context.stroke();
    }
  }

  // The drawing as a PGM of 140×140 bytes, the same on every screen: 20 KB that
  // need no compression.
  const side = 140, small = element('canvas', { width: side, height: side });
  const smallContext = small.getContext('2d', { willReadFrequently: true });
  function graymap() {
    smallContext.fillStyle = '#000';
    smallContext.fillRect(0, 0, side, side);
    draw(smallContext, side, '#fff');
    const header = new TextEncoder().encode(`P5 ${side} ${side} 255\n`), rgba = smallContext.getImageData(0, 0, side, side).data;
    const file = new Uint8Array(header.length + side * side);
    file.set(header);
    for (let i = 0; i < side * side; i++) file[header.length + i] = rgba[4 * i];
    return file;
  }

  // One request at a time; what was drawn meanwhile is asked about next.
  async function ask() {
    if (asking) { again = true; return; }
    if (!strokes.length && !picture) { show(null); return; }
    asking = true;
    again = false;
    try {
      const start = performance.now(), asked = picture;
      let rows = asked ? await read(asked.file, { rows: true }).then(a => a.rows, () => []) : [];
      const found = rows.flatMap(r => r.digits).length, several = found > 1;
      if (several && found <= 64 && $('inside').open) rows = (await read(asked.file, { rows: true, layers: true })).rows;
      const answer = several ? null : await read(asked ? asked.file : graymap(), { layers: $('inside').open });
      if (!strokes.length && !picture || asked !== picture) { again = true; return; }
      if (picture) {
        picture.boxes = several ? rows.flatMap(r => r.digits.map(d => d.box)) : [];
        paint();
      }
      show(several ? rows : [{ digits: answer.digits }]);
      $('time').textContent = `${(performance.now() - start).toFixed(1)} ms there and back`;
    } catch (e) {
      fail(e.message);
    } finally {
      asking = false;
      if (again) ask();
    }
  }

  const read = (body, options) => request('v1/digits?' + new URLSearchParams({ model: $('model').value, seen: true, ...options }), { method: 'POST', body });

  function fail(text) {
    $('answer').className = 'error';
    $('answer').firstChild.textContent = '!';
    $('answer').lastChild.textContent = text;
    $('time').textContent = '';
    fill(null);
  }

  const bars = Array.from({ length: 10 }, (_, digit) => {
    const bar = element('i'), value = element('span', { className: 'value', textContent: '0.0 %' });
    const line = element('li', {}, element('span', { textContent: digit }), element('span', { className: 'track' }, bar), value);
    $('bars').append(line);
    return { line, bar, value };
  });

  function fill(digit) {
    bars.forEach(({ line, bar, value }, i) => {
      const p = digit ? digit.probabilities[i] : 0;
      bar.style.width = percent(p).replace(' ', '');
      value.textContent = percent(p);
      line.classList.toggle('best', digit != null && digit.digit === i);
    });
  }

  // show tells of rows of digits; a digit alone is a row of one.
  function show(rows) {
    const answer = $('answer'), digits = rows?.flatMap(r => r.digits) ?? [], [first] = digits, several = digits.length > 1;
    answer.className = first ? '' : 'none';
    answer.lastChild.textContent = !first ? 'Nothing drawn yet' : several ?
      `It reads ${digits.length} digits: ${rows.map(r => r.text).join(', ')}` : `It reads ${first.digit}, ${sure(first.probability)}`;
    others(several ? rows : []);
    select(first);
    if (!first) $('time').textContent = '';
  }

  // select shows the probabilities of a digit, and what the network makes of it.
  function select(digit) {
    $('answer').firstChild.textContent = digit ? digit.digit : '?';
    fill(digit);
    clearLayers(digit?.seen);
    if (digit?.layers) layers(digit.layers);
  }

  const sure = p => percent(p) + (p > .9 ? '' : p > .6 ? ', but not sure' : ', a guess');

  function others(rows) {
    $('others').hidden = !rows.length;
    $('found').replaceChildren(...rows.map(r => element('div', { className: 'found' }, ...r.digits.map(d => {
      const canvas = element('canvas');
      gray(canvas, bytes(d.seen), 28, 28);
      canvas.setAttribute('aria-hidden', true);
      const button = element('button', {}, canvas, element('span', { textContent: `${d.digit}, ${percent(d.probability)}` }));
      button.onclick = () => {
        for (const b of $('found').querySelectorAll('button')) choose(b, b === button);
        select(d);
      };
      choose(button, d === rows[0].digits[0]);
      return button;
    }))));
  }

  function choose(button, chosen) {
    button.classList.toggle('chosen', chosen);
    button.setAttribute('aria-pressed', chosen);
  }

  function layers(l) {
    sheet($('conv1'), bytes(l.conv1), 12, 5, heat);
    const conv2 = bytes(l.conv2);
    sheet($('conv2'), conv2, 4, 10, heat);
    gray($('live'), conv2.map(v => v ? 235 : 24), 40, 20);
    gray($('fc1'), bytes(l.fc1), 25, 20);
    $('live-text').replaceChildren(element('b', { textContent: 'fc1’s inputs' }), `: ${l.live} of 800 are not zero; the others cost nothing`);
  }

  function clearLayers(seen) {
    gray($('seen'), seen ? bytes(seen) : new Uint8Array(784), 28, 28);
    layers({ conv1: btoa('\0'.repeat(2880)), conv2: btoa('\0'.repeat(800)), fc1: btoa('\0'.repeat(500)), live: 0 });
  }

  const changed = () => { paint(); ask(); };
  const undo = () => { if (picture) picture = null; else strokes.pop(); penDown = false; changed(); };
  const clear = () => { strokes = []; picture = null; penDown = false; changed(); };

  pad.addEventListener('pointerdown', e => {
    if (e.button || current) return;
    try { pad.setPointerCapture(e.pointerId); } catch { /* a pointer that is gone already */ }
    picture = null;
    current = { pointer: e.pointerId, stroke: { width: width(), points: [at(e)] } };
    strokes.push(current.stroke);
    changed();
  });
  pad.addEventListener('pointermove', e => {
    if (!current || e.pointerId !== current.pointer) return;
    const events = e.getCoalescedEvents?.() ?? [];
    current.stroke.points.push(...(events.length ? events : [e]).map(at));
    changed();
  });
  for (const name of ['pointerup', 'pointercancel']) pad.addEventListener(name, e => {
    if (current && e.pointerId === current.pointer) { current = null; changed(); }
  });

  $('undo').onclick = undo;
  $('clear').onclick = clear;
  $('open').onclick = () => $('file').click();
  $('pen').oninput = paint;
  $('model').onchange = ask;
  $('inside').addEventListener('toggle', ask);
  document.addEventListener('keydown', e => {
    if ($('panel-draw').hidden || e.target.matches('select, input')) return;
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'z') { e.preventDefault(); undo(); }
    else if (e.key === 'Escape') clear();
  });
  pad.addEventListener('keydown', e => {
    const to = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (to) {
      e.preventDefault();
      cursor = cursor.map((c, i) => Math.min(.95, Math.max(.05, c + to[i] * .04)));
      if (!penDown) { paint(); return; }
      strokes.at(-1).points.push([...cursor]);
      changed();
    } else if (e.key === ' ') {
      e.preventDefault();
      penDown = !penDown;
      if (penDown) { picture = null; strokes.push({ width: width(), points: [[...cursor]] }); }
      changed();
    }
  });

  async function load(file) {
    if (!file) return;
    try {
      const decoded = await createImageBitmap(file);
      strokes = [];
      picture = decoded;
      picture.file = file;
      changed();
    } catch {
      fail(`Not a picture: ${file.name}`);
    }
  }
  $('file').onchange = e => { load(e.target.files[0]); e.target.value = ''; };
  for (const name of ['dragenter', 'dragover']) pad.addEventListener(name, e => { e.preventDefault(); pad.classList.add('drop'); });
  pad.addEventListener('dragleave', () => pad.classList.remove('drop'));
  pad.addEventListener('drop', e => { e.preventDefault(); pad.classList.remove('drop'); load(e.dataTransfer.files[0]); });
  addEventListener('paste', e => { if (!$('panel-draw').hidden) load([...e.clipboardData.files][0]); });

  async function reloadModels(choose) {
    const { models } = await request('v1/models');
    const kept = choose ?? $('model').value;
    $('model').replaceChildren(...models.map(m => element('option', { value: m.name, textContent: m.name })));
    $('model').value = models.some(m => m.name === kept) ? kept : models.some(m => m.name === 'lenet') ? 'lenet' : models[0].name;
    ask();
  }

  for (const name of ['focus', 'blur']) pad.addEventListener(name, paint);
  addEventListener('resize', paint);
  new ResizeObserver(paint).observe(pad);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
  show(null);
  paint();
  reloadModels().catch(e => fail(e.message));
  return { reloadModels };
}
