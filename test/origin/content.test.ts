// The content of an answer under every interleaving of its origin, its reader and its end.

import fc from 'fast-check';
import t from 'tap';
import { OriginContent, type Sink } from '../../src/origin/content.ts';
import { OriginFailure } from '../../src/origin/failure.ts';

const CUT = new OriginFailure('reset', true);

/** What must be true of the content, kept beside the real one. */
class Scene {
  readonly content: OriginContent;
  readonly lead: number;
  pushed = '';
  /** What sinks that were replaced got, then what the present one got. */
  written = '';
  ends = 0;
  cuts = 0;
  paused = false;
  finished: 'complete' | 'cut' | undefined;
  attached = false;
  /** The sink wants a pause until it is drained. */
  full = false;
  /** Chunks that the sink takes until it wants the next pause. */
  patience = 0;
  wroteWhileFull = 0;
  unbalanced = 0;
  pausedTooEarly = 0;
  /** The origin was at a chunk when it was paused. */
  atChunk = false;

  constructor(lead: number) {
    this.lead = lead;
    const turn = (paused: boolean) => () => {
      if (this.paused === paused) this.unbalanced += 1;
      if (paused && lead > 0 && this.pushed.length - this.written.length <= lead) this.pausedTooEarly += 1;
      this.paused = paused;
      this.atChunk = paused;
    };
    const flow = { pause: turn(true), resume: turn(false) };
    this.content = new OriginContent(() => flow, lead);
  }

  readonly sink: Sink = {
    write: (chunk) => {
      if (this.full) this.wroteWhileFull += 1;
      this.written += chunk.toString('latin1');
      this.patience -= 1;
      this.full = this.patience < 0;
      return !this.full;
    },
    end: () => {
      this.ends += 1;
    },
    cut: () => {
      this.cuts += 1;
    },
  };

  /** True after every step. */
  check(): void {
    const waiting = this.pushed.length - this.written.length;
    const facts = {
      'bytes come in order, once': this.pushed.startsWith(this.written),
      'nothing is written to a sink that waits for drained()': this.wroteWhileFull === 0,
      'pause and resume alternate': this.unbalanced === 0,
      'where there is a lead, nothing less than more of it is a reason to pause': this.pausedTooEarly === 0,
      'at most one end': this.ends + this.cuts <= 1,
      'a complete end has every byte': this.ends === 0 || this.written === this.pushed,
      'no end before its time': this.ends === 0 || this.finished === 'complete',
      'a cut only where one was': this.cuts === 0 || this.finished === 'cut',
      'more than the lead never waits unpaused':
        this.finished !== undefined || waiting <= this.lead || this.paused,
      'a ready sink is never left waiting':
        !this.attached || this.full || this.finished === 'cut' || waiting === 0,
      'a ready sink never leaves the origin paused':
        !this.attached || this.full || this.finished !== undefined || !this.paused,
      'a ready sink hears of the end':
        !this.attached || this.full || this.finished === undefined || this.ends + this.cuts === 1,
    };
    for (const [fact, holds] of Object.entries(facts)) if (!holds) throw new Error(`violated: ${fact}`);
  }
}

type Step = (scene: Scene) => void;

/** The origin sends nothing while it is paused, apart from the chunk it was at. */
const push = fc.string({ minLength: 1, maxLength: 6 }).map((text): [string, Step] => [
  `push ${text.length}`,
  (scene) => {
    if (scene.finished !== undefined || (scene.paused && !scene.atChunk)) return;
    scene.atChunk = false;
    const chunk = Buffer.from(text.replace(/[^ -~]/g, '.'), 'latin1');
    scene.pushed += chunk.toString('latin1');
    scene.content.push(chunk);
  },
]);
const attach = fc.nat(3).map((patience): [string, Step] => [
  `attach, ready for ${patience}`,
  (scene) => {
    if (scene.attached) return;
    scene.attached = true;
    scene.patience = patience;
    scene.content.attach(scene.sink);
  },
]);
const drained = fc.nat(3).map((patience): [string, Step] => [
  `drained, ready for ${patience}`,
  (scene) => {
    if (!scene.full) return;
    scene.full = false;
    scene.patience = patience;
    scene.content.drained();
  },
]);
const finish = fc.constantFrom('complete' as const, 'cut' as const).map((end): [string, Step] => [
  `finish ${end}`,
  (scene) => {
    if (scene.finished !== undefined) return;
    scene.finished = end;
    scene.content.finish(end === 'cut' ? CUT : end);
  },
]);

const step = fc.oneof(
  { arbitrary: push, weight: 6 },
  { arbitrary: drained, weight: 4 },
  { arbitrary: attach, weight: 1 },
  { arbitrary: finish, weight: 1 },
);

t.test('any interleaving: every byte once, in order, and one true end', async (t) => {
  const property = fc.property(fc.nat(12), fc.array(step, { maxLength: 40 }), (lead, steps) => {
    const scene = new Scene(lead);
    for (const [, run] of steps) {
      run(scene);
      scene.check();
    }
    return true;
  });
  fc.assert(property, { numRuns: 3000 });
  t.pass('3000 interleavings');
});

t.test('finish counts once, whatever is said later', async (t) => {
  const scene = new Scene(0);
  scene.patience = 10;
  scene.content.attach(scene.sink);
  scene.content.finish('complete');
  scene.content.finish(CUT);
  scene.content.finish('complete');
  t.same([scene.ends, scene.cuts], [1, 0]);

  const late = new Scene(100);
  late.content.attach(late.sink);
  for (const text of ['a', 'b']) late.content.push(Buffer.from(text));
  late.content.finish('complete');
  late.content.finish(CUT);
  late.full = false;
  late.patience = 10;
  late.content.drained();
  t.same([late.written, late.ends, late.cuts], ['ab', 1, 0], 'although some of it waits');
});

t.test('a sink that takes the place of a full one gets what is left', async (t) => {
  const [scene, other] = [new Scene(1), new Scene(1)];
  scene.content.attach(scene.sink);
  for (const text of ['a', 'bc']) scene.content.push(Buffer.from(text));
  t.same([scene.written, scene.paused], ['a', true]);
  other.patience = 10;
  scene.content.attach(other.sink);
  t.same([other.written, scene.paused], ['bc', false], 'and the origin goes on');
});

t.test('it has started with the first piece, or with its end', async (t) => {
  for (const start of [
    (content: OriginContent) => content.push(Buffer.from('a')),
    (content: OriginContent) => content.finish('complete'),
    (content: OriginContent) => content.finish(CUT),
  ]) {
    const { content } = new Scene(0);
    t.equal(content.hasStarted, false);
    start(content);
    t.equal(content.hasStarted, true);
  }
});

t.test('a sink that comes after a cut hears of it, and of no end', async (t) => {
  const scene = new Scene(100);
  scene.content.push(Buffer.from('abc'));
  scene.content.finish(CUT);
  scene.content.attach(scene.sink);
  t.same([scene.ends, scene.cuts], [0, 1]);
});

t.test('the lead is taken off the hands of the origin although nobody reads', async (t) => {
  const scene = new Scene(10);
  scene.content.push(Buffer.alloc(10));
  t.equal(scene.paused, false);
  scene.content.push(Buffer.alloc(1));
  t.equal(scene.paused, true);
});

t.test('without a lead the origin keeps the pace of the reader', async (t) => {
  const scene = new Scene(0);
  scene.attached = true;
  scene.content.attach(scene.sink);
  scene.content.push(Buffer.from('a'));
  t.equal(scene.paused, true);
  scene.full = false;
  scene.content.drained();
  t.equal(scene.paused, false);
});

t.test('taken whole only where it is all there in one piece', async (t) => {
  const rows: readonly {
    name: string;
    chunks: string[];
    end?: 'complete' | 'cut';
    wanted: string | undefined;
  }[] = [
    { name: 'one piece', chunks: ['abc'], end: 'complete', wanted: 'abc' },
    { name: 'nothing', chunks: [], end: 'complete', wanted: '' },
    { name: 'two pieces', chunks: ['a', 'b'], end: 'complete', wanted: undefined },
    { name: 'no end yet', chunks: ['a'], wanted: undefined },
    { name: 'cut off', chunks: ['a'], end: 'cut', wanted: undefined },
  ];
  for (const { name, chunks, end, wanted } of rows) {
    const content = new OriginContent(() => undefined, 1000);
    for (const chunk of chunks) content.push(Buffer.from(chunk));
    if (end !== undefined) content.finish(end === 'cut' ? CUT : end);
    t.equal(content.takeWhole()?.toString(), wanted, name);
    if (wanted !== undefined) continue;
    let seen = '';
    const note = (text: string) => () => {
      seen += text;
    };
    content.attach({
      write: (chunk) => {
        seen += chunk.toString();
        return true;
      },
      end: note('.'),
      cut: note('!'),
    });
    t.equal(content.takeWhole(), undefined, `${name}: it has a reader`);
    if (end === 'complete') t.equal(seen, `${chunks.join('')}.`, `${name}: nothing is lost`);
  }
});
