// Training in the page's sight.

import { $, bytes, element, gray, post, sheet } from './common.js';
import { chart } from './chart.js';

const names = run => `${run.recipe}, seed ${run.seed}`;

export function startLearning(allowed, drawWith) {
  let runs = [], session = null, source = null, state = '', misreadOf = [];

  allowed.then(server => {
    $('not-allowed').hidden = server.allowed;
    $('learn').disabled = !server.allowed;
    if (server.trained) follow();
  });

  function asked(i) {
    const recipe = $('recipe-' + i).value;
    if (!recipe) return [];
    const number = id => Number($(id + '-' + i).value) || 0;
    return [{ recipe, seed: number('seed'), epochs: number('epochs'), learning_rate: number('rate') }];
  }

  $('learn-form').addEventListener('submit', async e => {
    e.preventDefault();
    try {
      await post('v1/training', JSON.stringify({ runs: [...asked(0), ...asked(1)] }));
      follow();
    } catch (error) {
      say(error.message);
    }
  });
  $('pause').onclick = () => steer(state === 'paused' ? 'resume' : 'pause');
  $('stop').onclick = () => steer('stop');
  const steer = action => post('v1/training/' + action).catch(e => say(e.message));
  const say = text => { $('learn-state').textContent = text; };

  // follow listens to the session that was started last, if there is one.
  function follow() {
    source?.close();
    source = new EventSource('v1/training/events');
    source.onmessage = e => take(JSON.parse(e.data));
    source.onerror = () => { if (ended(state) || !session) source.close(); };
  }
  const ended = s => ['done', 'stopped', 'failed'].includes(s);

  function take(event) {
    if (event.session !== session) {
      session = event.session;
      runs = event.runs.map(() => ({ points: [] }));
      misreadOf = [];
      layout(event.runs);
    }
    event.runs.forEach((news, i) => {
      const points = [...runs[i].points.slice(0, news.from), ...news.points];
      runs[i] = { ...runs[i], ...news, filters: news.filters ?? runs[i].filters, misread: news.misread ?? runs[i].misread, points };
    });
    state = event.state;
    say({
      loading: 'Loading MNIST …', running: 'Learning …', paused: 'Paused', done: 'Done', stopped: 'Stopped', failed: event.failure,
    }[state]);
    if (ended(state)) source.close();
    $('learn').disabled = !ended(state);
    $('pause').disabled = !['running', 'paused'].includes(state);
    $('pause').textContent = state === 'paused' ? 'Go on' : 'Pause';
    $('stop').disabled = ended(state);
    $('progress').hidden = state === 'loading';
    show();
  }

  // layout makes the places of as many runs as there are.
  function layout(list) {
    $('figures').replaceChildren(...list.map((run, i) => {
      const use = element('button', { textContent: 'Draw with these weights', disabled: true, className: 'use' });
      use.onclick = () => post(`v1/training/runs/${i}/use`).then(drawWith, e => say(e.message));
      const keep = element('a', { textContent: 'Keep the weights', href: `v1/training/runs/${i}/model`, className: 'keep', hidden: true });
      return element('section', { className: `card ${['first', 'second'][i]}` }, element('h2', { textContent: names(run) }), element('dl'), element('div', { className: 'row' }, use, keep));
    }));
    $('filters').replaceChildren(...list.map(run => {
      const canvas = element('canvas');
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', `Filters of conv1: ${names(run)}`);
      return element('figure', {}, canvas, element('figcaption', { textContent: names(run) }));
    }));
    $('misread').replaceChildren(...list.map(() => element('div')));
  }

  function show() {
    runs.forEach((run, i) => {
      const place = $('figures').children[i], last = run.points.at(-1), epoch = run.epochs?.at(-1);
      const validated = run.points.findLast(p => p.validation);
      const facts = [
        ['right of validation', epoch && epoch.images === last?.images ? epoch.validation.toFixed(2) + ' %' : validated ? '≈ ' + validated.validation.toFixed(1) + ' %' : '–'],
        ['epoch', `${run.epochs?.length ?? 0} of ${run.epochs_asked}`],
        ['images a second', rate(run.points)],
        ['training time', last ? last.seconds.toFixed(2) + ' s' : '–'],
        ['training loss', last ? last.loss.toFixed(4) : '–'],
        ['99 % after', reached(run, 99)],
      ];
      place.querySelector('dl').replaceChildren(...facts.map(([name, value]) => element('div', {}, element('dt', { textContent: name }), element('dd', { textContent: value }))));
      place.querySelector('.use').disabled = !run.has_model;
      place.querySelector('.keep').hidden = !run.has_model;
      if (run.filters) sheet($('filters').children[i].firstChild, bytes(run.filters), 5, 10, diverging());
      wrong(run, i);
    });
    curves();
  }

  // rate is that of the last second or so.
  function rate(points) {
    const last = points.at(-1);
    if (!last) return '–';
    const before = points.findLast(p => p.seconds < last.seconds - 1) ?? { seconds: 0, images: 0 };
    return Math.round((last.images - before.images) / (last.seconds - before.seconds)).toLocaleString('en');
  }

  function reached(run, goal) {
    const epoch = run.epochs?.find(e => e.validation >= goal);
    return epoch ? epoch.seconds.toFixed(2) + ' s' : '–';
  }

  function wrong(run, i) {
    if (!run.misread || misreadOf[i] === run.epochs.length) return;
    misreadOf[i] = run.epochs.length;
    const list = element('ul', { className: 'wrong' }, ...run.misread.map(m => {
      const canvas = element('canvas');
      gray(canvas, bytes(m.image), 28, 28);
      return element('li', {}, canvas, `a ${m.label}, read ${m.digit}`);
    }));
    const shown = run.misread.length < run.wrong ? `; the first ${run.misread.length}:` : ':';
    $('misread').children[i].replaceChildren(element('p', { className: 'soft', textContent: `${names(run)}: ${run.wrong} of the validation digits after epoch ${run.epochs.length}${shown}` }), list);
  }

  function curves() {
    const axis = $('axis').value;
    const x = axis === 'images' ? p => p.images : p => p.seconds;
    const series = pick => runs.map((run, i) => ({ name: run.recipe ?? '', run: i, points: pick(run).map(([p, y]) => [x(p), y]) }));
    chart($('chart-loss'), { series: series(r => r.points.map(p => [p, p.loss])), axis, label: 'Training loss' });
    const error = r => r.points.filter(p => p.validation).map(p => [p, Math.max(.1, 100 - p.validation)]);
    chart($('chart-error'), { series: series(error), axis, label: 'Validation digits misread, per cent', goal: { at: 1, text: '99 % right' } });
  }
  $('axis').onchange = curves;

  // diverging returns the colours of weights: blue below zero, orange above.
  function diverging() {
    const style = getComputedStyle(document.documentElement);
    const color = name => style.getPropertyValue(name).split(',').map(Number);
    const below = color('--below'), above = color('--above'), zero = matchMedia('(prefers-color-scheme: dark)').matches ? [29, 31, 38] : [250, 250, 248];
    return v => {
      const share = Math.min(1, Math.abs(v - 128) / 127), end = v < 128 ? below : above;
      return zero.map((z, i) => z + share * (end[i] - z));
    };
  }
}
