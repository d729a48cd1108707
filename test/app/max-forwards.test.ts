// Max-Forwards: counted on OPTIONS alone.

import t from 'tap';
import { countHop } from '../../src/app/max-forwards.ts';

const rows: [method: string, value: string, wanted: string | 'last'][] = [
  ['OPTIONS', '0', 'last'],
  ['OPTIONS', '000', 'last'],
  ['OPTIONS', '1', '0'],
  ['OPTIONS', '10', '9'],
  ['OPTIONS', '1000000000000000000000000000000', '999999999999999999999999999999'],
  ['OPTIONS', '-1', '-1'],
  ['OPTIONS', '1.5', '1.5'],
  ['OPTIONS', '', ''],
  ['OPTIONS', 'x', 'x'],
  ['GET', '0', '0'],
  ['PUT', '5', '5'],
];
for (const [method, value, wanted] of rows) {
  t.test(`${method} ${JSON.stringify(value)}: ${wanted}`, async (t) => {
    const fields = ['A', '1', 'max-Forwards', value, 'B', '2'];
    t.same(
      countHop(method, fields),
      wanted === 'last' ? 'last' : ['A', '1', 'max-Forwards', wanted, 'B', '2'],
    );
    t.equal(fields[3], value, 'the fields given are left alone');
  });
}

t.test('without the field nothing changes', async (t) => {
  t.same(countHop('OPTIONS', ['A', 'max-forwards']), ['A', 'max-forwards']);
});
