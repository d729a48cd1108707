// The demo's page in a real browser, through ifmatch: a conflict is seen and solved; around ifmatch it is a loss.
import { type Browser, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { openLog } from '../../src/app/log.ts';
import { type RunningDemo, startDemo } from '../../src/demo/demo.ts';
import { debianProgram } from '../fixtures/debian.ts';

const executablePath = await debianProgram('/usr/bin/chromium', 'chromium', 'CHROMIUM');
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** A demo of its own, and a way to open tabs of one browser on it. */
async function setUp(test: Test, browser: Browser) {
  const demo = await startDemo({ port: 0, wikiPort: 0, log: openLog('silent', { write: () => {} }) });
  const context = await browser.newContext();
  test.teardown(async () => {
    await context.close();
    await demo.stop();
  });
  const open = async (path = '/wiki/home') => {
    const tab = await context.newPage();
    tab.on('pageerror', (error) => test.fail(`script error on the page: ${error.message}`));
    await tab.goto(demo.url + path);
    await tab.locator('#save:enabled').waitFor();
    return tab;
  };
  return { demo, open };
}

async function save(tab: Page, text: string): Promise<void> {
  await tab.fill('#text', text);
  await tab.click('#save');
}

const stored = async (demo: RunningDemo, path = '/wiki/home') => (await fetch(demo.wikiUrl + path)).text();
const outcome = (tab: Page, kind: 'good' | 'warn' | 'bad') => tab.locator(`#status.${kind}`).textContent();

async function pageTests(t: Test, browser: Browser): Promise<void> {
  t.test('the page shows the stored text, its entity-tag and its name', async (t) => {
    const { demo, open } = await setUp(t, browser);
    const tab = await open();
    t.equal(await tab.inputValue('#text'), await stored(demo));
    t.equal(await tab.textContent('#etag'), '"r1"');
    t.match(await tab.title(), /home/);
  });

  t.test('the second of two tabs to save sees both texts, and the first text stays stored', async (t) => {
    const { demo, open } = await setUp(t, browser);
    const [first, second] = [await open(), await open()];
    await save(first, 'first <img src=x>');
    t.match(await outcome(first, 'good'), '"r2"');
    await save(second, 'second');
    await second.locator('#conflict').waitFor();
    t.equal(await second.inputValue('#mine'), 'second');
    t.equal(await second.textContent('#mine-etag'), '"r1"');
    t.equal(await second.textContent('#theirs'), 'first <img src=x>');
    t.equal(await second.textContent('#theirs-etag'), '"r2"');
    t.equal(await second.locator('img').count(), 0, 'the text is not read as HTML');
    t.ok(await second.textContent('#detail'));
    t.equal(await stored(demo), 'first <img src=x>');

    await second.fill('#mine', 'first and second');
    await second.click('#keep-mine');
    t.match(await outcome(second, 'good'), '"r3"');
    t.equal(await stored(demo), 'first and second');
    t.notOk(await second.isVisible('#conflict'));
  });

  t.test('keeping mine is refused too when somebody saves during the conflict', async (t) => {
    const { demo, open } = await setUp(t, browser);
    const [first, second] = [await open(), await open()];
    await save(first, 'one');
    await outcome(first, 'good');
    await save(second, 'mine');
    await second.locator('#conflict').waitFor();
    await save(first, 'two');
    await first.locator('#etag', { hasText: '"r3"' }).waitFor();
    await second.click('#keep-mine');
    await second.locator('#theirs', { hasText: 'two' }).waitFor();
    t.equal(await second.inputValue('#mine'), 'mine');
    t.equal(await stored(demo), 'two');
  });

  t.test('theirs can be taken, and edited from there', async (t) => {
    const { demo, open } = await setUp(t, browser);
    const [first, second] = [await open(), await open()];
    await save(first, 'first');
    await outcome(first, 'good');
    await save(second, 'second');
    await second.click('#take-theirs');
    t.equal(await second.inputValue('#text'), 'first');
    await save(second, 'first, then second');
    await second.locator('#etag', { hasText: '"r3"' }).waitFor();
    t.equal(await stored(demo), 'first, then second');
  });

  t.test('two tabs that make the same new page: the second one sees a conflict', async (t) => {
    const { demo, open } = await setUp(t, browser);
    const [first, second] = [await open('/wiki/new%20page'), await open('/wiki/new%20page')];
    await save(first, 'first');
    await outcome(first, 'good');
    await save(second, 'second');
    await second.locator('#conflict').waitFor();
    t.equal(await stored(demo, '/wiki/new%20page'), 'first');
  });

  t.test('a save around ifmatch overwrites the other text, and the page says so and shows it', async (t) => {
    const { demo, open } = await setUp(t, browser);
    const [first, second] = [await open(), await open()];
    await save(first, 'first');
    await outcome(first, 'good');
    await second.check('#around');
    await save(second, 'second');
    t.match(await outcome(second, 'bad'), /Nothing checked it.*"r1".*"r2".*overwritten/);
    t.equal(await second.textContent('#lost-text'), 'first');
    t.equal(await stored(demo), 'second');
    await save(second, 'second again');
    t.match(await outcome(second, 'warn'), /Nothing checked it/);
    t.notOk(await second.isVisible('#lost'));
  });
}

const noBrowser = executablePath === undefined && 'no browser: install /usr/bin/chromium or set CHROMIUM';
t.test('the page in a browser', { skip: noBrowser }, async (t) => {
  const browser = await chromium.launch({ executablePath: executablePath ?? '', args });
  t.teardown(() => browser.close());
  await pageTests(t, browser);
});
