// Chance that can be repeated: what is drawn follows from the seed. When the processes run does not.

export interface Random {
  /** From 0 to below 1. */
  next(): number;
  between(least: number, most: number): number;
  /** One of them; throws when there is none. */
  pick<T>(items: readonly T[]): T;
  /** Another source, whose numbers follow from this one's seed and the name. */
  branch(name: string): Random;
}

/** mulberry32: 32 bits of state are plenty for schedules. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (least, most) => least + next() * (most - least),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    branch: (name) => seeded(hash(`${seed} ${name}`)),
  };
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of Buffer.from(text)) value = Math.imul(value ^ character, 0x01000193);
  return value >>> 0;
}
