// Opens pages that kernelet wrote in Chromium, on a phone and on a large screen,
// light and dark: axe-core finds nothing serious, nothing is fetched, and the page
// does not scroll sideways.
//
//   node report.mjs FOLDER MODULES PAGE…
//
// writes screenshots to FOLDER; MODULES is a folder with node_modules that has
// playwright-core and axe-core.

import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';

const [folder, modules, ...pages] = process.argv.slice(2);
const require = createRequire(resolve(modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const complaints = [];
for (const path of pages) {
  for (const width of [400, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const name = `${basename(path, '.html')}-${width}-${colorScheme}`;
      page.on('request', (request) => {
        if (!/^(file|data):/.test(request.url())) complaints.push(`${name}: fetches ${request.url()}`);
      });
      await page.goto('file://' + resolve(path));
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run());
      for (const { id, impact, nodes } of violations) {
        if (impact === 'serious' || impact === 'critical') complaints.push(`${name}: ${id}: ${nodes[0].html.slice(0, 200)}`);
      }
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) complaints.push(`${name}: scrolls sideways`);
      await page.screenshot({ path: resolve(folder, name + '.png'), fullPage: true });
      await page.close();
    }
  }
}
await browser.close();
if (complaints.length > 0) {
  console.error(complaints.join('\n'));
  process.exit(1);
}
console.log(`${pages.length} pages: nothing serious`);
