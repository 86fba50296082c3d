// Drives the page in Chromium as people do: mouse, finger, keyboard, pictures,
// training, measuring; checks accessibility; takes screenshots to look at.
//
//   node page.mjs URL FOLDER MODULES
//
// FOLDER gets the screenshots and three pictures of digits, MODULES has
// playwright-core and axe-core.

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [url, folder, modules] = process.argv.slice(2);
const require = createRequire(path.resolve(modules) + '/');
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const patience = 240_000; // milliseconds, on a machine that has other work

let failures = 0;
function check(name, ok, detail = '') {
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name}${detail ? ': ' + detail : ''}`);
  if (!ok) failures++;
}

const three = [[.3, .22], [.42, .16], [.55, .15], [.66, .2], [.68, .3], [.6, .4], [.45, .46], [.6, .5], [.7, .6], [.68, .74], [.55, .84], [.4, .84], [.3, .78]];
const seven = [[.28, .2], [.5, .2], [.74, .2], [.62, .45], [.5, .7], [.44, .85]];

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(p => fs.existsSync(p));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

// open returns a page whose console must stay silent.
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on('console', m => { if (['error', 'warning'].includes(m.type())) check('a silent console', false, m.text()); });
  page.on('pageerror', e => check('no script error', false, e.message));
  page.setDefaultTimeout(patience);
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById('model').value);
  return page;
}

const answer = page => page.textContent('#answer .words');
const reads = async (page, digit, name) => {
  try {
    await page.waitForFunction(d => document.querySelector('#answer .words').textContent.startsWith(`It reads ${d},`), digit, { timeout: 15_000 });
    check(name, true, await answer(page));
  } catch {
    check(name, false, await answer(page));
  }
};
const empty = page => page.waitForFunction(() => document.querySelector('#answer .words').textContent === 'Nothing drawn yet');

async function withMouse(page, points) {
  const box = await page.locator('#pad').boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const p of points.slice(1)) await page.mouse.move(...at(p), { steps: 3 });
  await page.mouse.up();
}

async function withFinger(page, points) {
  const box = await page.locator('#pad').boundingBox(), session = await page.context().newCDPSession(page);
  const touch = (type, p) => session.send('Input.dispatchTouchEvent', { type, touchPoints: p ? [{ x: box.x + p[0] * box.width, y: box.y + p[1] * box.height }] : [] });
  await touch('touchStart', points[0]);
  for (let i = 1; i < points.length; i++) for (const f of [.5, 1])
    await touch('touchMove', points[i].map((v, k) => points[i - 1][k] + f * (v - points[i - 1][k])));
  await touch('touchEnd');
}

// give drops or pastes a file.
async function give(page, how, name, type, base64) {
  await page.evaluate(([how, name, type, base64]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, { type }));
    const event = how === 'drop' ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }) : new ClipboardEvent('paste', { clipboardData: data, bubbles: true });
    (how === 'drop' ? document.getElementById('pad') : document).dispatchEvent(event);
  }, [how, name, type, base64]);
}

// photograph makes a picture of ink on paper under uneven light, with grain: of
// one digit, or of rows of digits.
const photograph = (page, points) => page.evaluate(points => {
  const c = document.createElement('canvas'), x = c.getContext('2d');
  c.width = 1200;
  c.height = 900;
  const light = x.createLinearGradient(0, 0, 1200, 900);
  light.addColorStop(0, '#e9e4d8');
  light.addColorStop(1, '#a39d90');
  x.fillStyle = light;
  x.fillRect(0, 0, 1200, 900);
  x.strokeStyle = '#26306e';
  x.lineWidth = typeof points[0][0] === 'number' ? 26 : 16;
  x.lineCap = x.lineJoin = 'round';
  const rows = typeof points[0][0] === 'number' ? null : points;
  (rows ?? [[points]]).forEach((row, j) => row.forEach((digit, i) => {
    x.beginPath();
    for (const [u, v] of digit) {
      if (rows) x.lineTo(100 + 350 * i + 220 * u, 80 + 420 * j + 300 * v);
      else x.lineTo(350 + 500 * u, 150 + 600 * v);
    }
    x.stroke();
  }));
  const image = x.getImageData(0, 0, 1200, 900);
  let seed = 1;
  for (let i = 0; i < image.data.length; i++) if (i % 4 < 3) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    image.data[i] += seed / 2147483648 * 16 - 8;
  }
  x.putImageData(image, 0, 0);
  return c.toDataURL('image/jpeg', .85).split(',')[1];
}, points);

async function accessible(page, name) {
  // The policy of the page forbids injected scripts: evaluate is not one.
  await page.evaluate(axe);
  const violations = await page.evaluate(() => axe.run().then(r => r.violations.map(v => `${v.id} (${v.impact}): ${v.nodes[0].html.slice(0, 120)}`)));
  check(`axe-core on ${name}`, violations.length === 0, violations.join('; '));
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(`no sideways scrolling on ${name}`, overflow <= 0, overflow > 0 ? `${overflow} pixels` : '');
}

const shot = (page, name) => page.screenshot({ path: path.join(folder, name + '.png'), fullPage: true });

// --- Drawing ---
{
  const page = await open();
  await withMouse(page, three);
  await reads(page, 3, 'a 3 drawn with the mouse');
  const png = await page.evaluate(() => { const c = document.createElement('canvas'), p = document.getElementById('pad'); c.width = c.height = 280; const x = c.getContext('2d'); x.fillStyle = '#fff'; x.fillRect(0, 0, 280, 280); x.drawImage(p, 0, 0, 280, 280); return c.toDataURL('image/png').split(',')[1]; });
  fs.writeFileSync(path.join(folder, 'three.png'), Buffer.from(png, 'base64'));
  await page.click('#undo');
  await empty(page);
  check('undo', true);
  await withMouse(page, seven);
  await reads(page, 7, 'a 7 drawn with the mouse');
  await page.click('#clear');
  await empty(page);
  check('clear', true);
  await page.focus('#pad');
  for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', ' ', ...Array(16).fill('ArrowDown'), ' ']) await page.keyboard.press(key);
  await reads(page, 1, 'a 1 drawn by keyboard alone');
  await page.keyboard.press('Control+z');
  await empty(page);
  check('Ctrl+Z', true);
  const photo = await photograph(page, three);
  fs.writeFileSync(path.join(folder, 'photo.jpg'), Buffer.from(photo, 'base64'));
  await give(page, 'drop', 'photo.jpg', 'image/jpeg', photo);
  await reads(page, 3, 'a dropped photograph');
  await page.keyboard.press('Escape');
  await empty(page);
  await give(page, 'paste', 'seven.jpg', 'image/jpeg', await photograph(page, seven));
  await reads(page, 7, 'a pasted photograph');
  const rows = await photograph(page, [[three, seven, seven], [seven, three]]);
  fs.writeFileSync(path.join(folder, 'rows.jpg'), Buffer.from(rows, 'base64'));
  await give(page, 'drop', 'rows.jpg', 'image/jpeg', rows);
  await page.waitForFunction(() => document.querySelector('#answer .words').textContent.startsWith('It reads 5 digits'));
  check('a photograph of two rows', await answer(page) === 'It reads 5 digits: 377, 73', await answer(page));
  check('a picture of every digit', await page.locator('#found button canvas').count() === 5);
  await page.click('#found button >> nth=1');
  check('a digit of a row can be looked at', await page.textContent('#bars .best span') === '7' && await page.getAttribute('#found button >> nth=1', 'aria-pressed') === 'true');
  await accessible(page, 'draw, with rows of digits');
  await shot(page, 'rows');
  await page.keyboard.press('Escape');
  await empty(page);
  check('no digits are left', await page.isHidden('#others'));
  await give(page, 'drop', 'notes.txt', 'text/plain', btoa('not a picture'));
  await page.waitForFunction(() => document.querySelector('#answer .words').textContent === 'Not a picture: notes.txt');
  check('what is no picture is called so', true);
  await page.context().close();
}
for (const [name, options, prepare] of [
  ['scrolled by 60 pixels', { viewport: { width: 1280, height: 500 } }, page => page.evaluate(() => scrollTo(0, 60))],
  ['at zoom 1.5', {}, page => page.evaluate(() => { document.body.style.zoom = 1.5; })],
  ['at 3 pixels a point', { deviceScaleFactor: 3 }, () => {}],
]) {
  const page = await open(options);
  await prepare(page);
  await withMouse(page, seven);
  await reads(page, 7, `a 7 ${name}`);
  await page.context().close();
}
{
  const page = await open({ viewport: { width: 400, height: 800 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  await withFinger(page, three);
  await reads(page, 3, 'a 3 drawn with a finger');
  check('a finger on the pad does not scroll', await page.evaluate(() => scrollY) === 0);
  await page.context().close();
}

// --- Learning ---
{
  const page = await open();
  await page.click('#tab-learn');
  await page.selectOption('#recipe-1', 'tutorial');
  await page.fill('#epochs-1', '1');
  await page.click('#learn');
  const state = text => page.waitForFunction(t => document.getElementById('learn-state').textContent === t, text);
  await state('Learning …');
  await page.click('#pause');
  await state('Paused');
  check('pause', true);
  // What was under way when the button was pressed is shown yet.
  let before, after = '';
  for (let look = 0; look < 30 && before !== after; look++) {
    before = after;
    await page.waitForTimeout(500);
    after = await page.textContent('#figures');
  }
  check('nothing goes on while paused', before === after);
  await page.click('#pause');
  await state('Done');
  const right = parseFloat(await page.textContent('#figures section:first-child dd'));
  check('the fast recipe reaches 99 % and the page shows it', right >= 99, `${right} %`);
  check('two curves', await page.locator('#chart-error path').count() === 2);
  check('misread digits are shown', await page.locator('#misread canvas').count() > 10);
  const download = page.waitForEvent('download');
  await page.click('#figures section:first-child .keep');
  const kept = await download;
  check('the weights are kept', kept.suggestedFilename() === 'lenet-fast.safetensors' && fs.statSync(await kept.path()).size > 1_700_000);
  await page.click('#figures section:first-child .use');
  await page.waitForFunction(() => document.getElementById('model').value === 'learned');
  await withMouse(page, three);
  await reads(page, 3, 'a 3 read with the weights just learned');
  await page.context().close();
}

// --- Measuring ---
{
  const page = await open();
  await page.click('#tab-measure');
  await page.click('#measure');
  await page.waitForFunction(() => document.getElementById('report-frame').contentDocument?.querySelector('svg'));
  check('the report of a measurement', true);
  await page.context().close();
}

// --- What it looks like, and to whom ---
for (const width of [1280, 400, 320]) for (const colorScheme of ['light', 'dark']) {
  if (width === 320 && colorScheme === 'dark') continue;
  const page = await open({ viewport: { width, height: 900 }, colorScheme, deviceScaleFactor: width < 500 ? 2 : 1 });
  await withMouse(page, three);
  await reads(page, 3, `a 3 at ${width} pixels, ${colorScheme}`);
  for (const tab of ['draw', 'learn', 'measure', 'call']) {
    await page.click('#tab-' + tab);
    if (tab === 'measure') await page.waitForFunction(() => document.getElementById('report-frame').contentDocument?.querySelector('svg'));
    await accessible(page, `${tab} at ${width} pixels, ${colorScheme}`);
    await shot(page, `${tab}-${width}-${colorScheme}`);
  }
  await page.context().close();
}
await browser.close();
console.log(failures ? `${failures} checks failed` : 'the page passes');
process.exit(failures ? 1 : 0);
