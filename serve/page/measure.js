// The report of kernelet bench, measured from the page.

import { $, post, request } from './common.js';

export function startMeasuring(allowed) {
  allowed.then(server => {
    $('not-allowed-measure').hidden = server.allowed;
    $('measure').disabled = $('measure-long').disabled = !server.allowed;
    if (server.allowed) look();
  });
  const say = text => { $('measure-state').textContent = text; };

  async function start(path) {
    try {
      await post(path);
      look();
    } catch (e) {
      say(e.message);
    }
  }
  $('measure').onclick = () => start('v1/measurement');
  $('measure-long').onclick = () => start('v1/measurement?thorough=true');
  $('measure-stop').onclick = () => post('v1/measurement/stop').catch(e => say(e.message));

  // look shows how far the measurement is, until it ends.
  async function look() {
    let m;
    try {
      m = await request('v1/measurement');
    } catch (e) {
      say(e.message);
      return;
    }
    const running = m.state === 'running', bar = $('measure-progress');
    $('measure').disabled = $('measure-long').disabled = running;
    $('measure-stop').disabled = !running;
    bar.hidden = !running;
    bar.max = m.total || 1;
    bar.value = m.done;
    say({ running: `Measuring ${m.part} …`, done: 'Done', stopped: 'Stopped', failed: 'It failed: the server’s log says why' }[m.state] ?? '');
    if (running) setTimeout(look, 300);
    else if (m.report) show();
  }

  function show() {
    const frame = $('report-frame');
    $('report').hidden = false;
    const fit = () => {
      const root = frame.contentDocument?.documentElement;
      if (root?.scrollHeight) frame.style.height = root.scrollHeight + 'px';
    };
    frame.onload = fit;
    addEventListener('resize', fit);
    frame.src = 'v1/measurement/report';
  }
}
