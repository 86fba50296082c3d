// The tabs, and what starts the parts.

import { $, request } from './common.js';
import { startDrawing } from './draw.js';
import { startLearning } from './learn.js';
import { startMeasuring } from './measure.js';
import { startCalling } from './call.js';

const tabs = [...document.querySelectorAll('[role=tab]')];

function select(tab, focus) {
  for (const t of tabs) {
    const selected = t === tab;
    t.setAttribute('aria-selected', selected);
    t.tabIndex = selected ? 0 : -1;
    $(t.getAttribute('aria-controls')).hidden = !selected;
  }
  history.replaceState(null, '', '#' + tab.id.slice(4));
  if (focus) tab.focus();
  dispatchEvent(new Event('resize')); // what was hidden had no size
}

tabs.forEach((tab, i) => {
  tab.addEventListener('click', () => select(tab));
  tab.addEventListener('keydown', e => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    select(tabs[(to + tabs.length) % tabs.length], true);
  });
});

const drawing = startDrawing();
const allowed = request('v1/training').catch(() => ({ allowed: false, trained: false }));
startLearning(allowed, () => { drawing.reloadModels('learned'); select($('tab-draw'), true); });
startMeasuring(allowed);
startCalling();
select(tabs.find(t => '#' + t.id.slice(4) === location.hash) ?? tabs[0]);
