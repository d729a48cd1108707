// What runs inside Redis or Valkey, each script atomically: the fair queue, the owner's token, the fence and the guard.

import { createHash } from 'node:crypto';

export interface Script {
  readonly lua: string;
  /** For EVALSHA. */
  readonly sha: string;
}

const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/**
 * KEYS[1] guard; ARGV[1] the server's tag as the client knows it, [2] length of the guard in ms, [3] a tag that the client
 * has seen and found wrong. A guard that is not there, or has another tag, says that the server has lost its memory. More
 * left of it than its whole length says that the server's clock was set back: then it has its length once more, from now,
 * and not the step as well.
 */
const CHECK_GUARD = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local ms = math.floor(us / 1000)
local guard = redis.call('HMGET', KEYS[1], 'tag', 'notBefore', 'fence', 'length')
if guard[1] ~= ARGV[1] then
  if guard[1] and guard[1] ~= ARGV[3] then return {-3, 0, guard[1]} end
  guard[2], guard[4] = ms + ARGV[2], ARGV[2]
  redis.call('HSET', KEYS[1], 'tag', ARGV[1], 'notBefore', string.format('%.0f', guard[2]), 'length', ARGV[2])
end
local guarded = guard[2] - ms
if guard[4] and guarded > tonumber(guard[4]) then
  guarded = tonumber(guard[4])
  redis.call('HSET', KEYS[1], 'notBefore', string.format('%.0f', ms + guarded))
end
if guarded > 0 then return {-2, guarded, ''} end
`;

/** Begins the guard's time with the connection instead of the first write. {-3, 0, tag}, {-2, ms left} or {0}. */
export const GUARD = script(`${CHECK_GUARD}
return {0, 0, ''}
`);

/**
 * KEYS[2] lock, [3] queue, [4] waiters' last sign of life; ARGV[4] token, [5] lease in ms, [6] how long a waiter counts as
 * alive in ms, [7] member of the queue: channel|token. Gives the lock to who has it already (a reply was lost), or when it
 * is free to the head of the queue; everybody else is put at the queue's end, or keeps his place. A sign of life from a time
 * that is still to come is from before the server's clock was set back: it counts as one from now.
 * {1, ms, fence}: granted. {0, ms, 'Q' or ''}: queued; the lock ends in so many ms, -1: unknown; Q: it is quarantined.
 */
export const ACQUIRE = script(`${CHECK_GUARD}
local token, member = ARGV[4] .. ':', ARGV[7]
local value = redis.call('GET', KEYS[2])
if value and string.sub(value, 1, #token) == token then
  return {1, redis.call('PTTL', KEYS[2]), string.sub(value, #token + 1)}
end
local head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
while head and head ~= member do
  local alive = tonumber(redis.call('ZSCORE', KEYS[4], head) or 0)
  if alive > ms + ARGV[6] then redis.call('ZADD', KEYS[4], ms + ARGV[6], head) end
  if alive > ms then break end
  redis.call('ZREM', KEYS[3], head)
  redis.call('ZREM', KEYS[4], head)
  head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
end
if not value and (not head or head == member) then
  redis.call('ZREM', KEYS[3], member)
  redis.call('ZREM', KEYS[4], member)
  local fence = string.format('%.0f', math.max((guard[3] or 0) + 1, us))
  redis.call('HSET', KEYS[1], 'fence', fence)
  redis.call('SET', KEYS[2], token .. fence, 'PX', ARGV[5])
  return {1, tonumber(ARGV[5]), fence}
end
redis.call('ZADD', KEYS[3], 'NX', us, member)
redis.call('ZADD', KEYS[4], ms + ARGV[6], member)
redis.call('PEXPIRE', KEYS[3], ARGV[6])
redis.call('PEXPIRE', KEYS[4], ARGV[6])
if not value then return {0, -1, ''} end
return {0, redis.call('PTTL', KEYS[2]), string.sub(value, 1, 2) == 'Q:' and 'Q' or ''}
`);

/**
 * KEYS[1] lock, [2] queue, [3] signs of life; ARGV[1] token, [2] member, [3] quarantine in ms. Leaves the queue, and ends
 * the lock if it is this token's; then wakes the head. A wake that nobody receives says either that the waiter's process is
 * gone, or that its connection for wakes is. While its sign of life lasts the head keeps its turn, and takes it at its next
 * look: whoever were passed over for that would come back at the end of the queue, and would never get his turn.
 * 1: released, 2: quarantined, 0: was not this token's.
 */
export const RELEASE = script(`
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
local token = ARGV[1] .. ':'
local value = redis.call('GET', KEYS[1])
local released = 0
if value and string.sub(value, 1, #token) == token then
  if tonumber(ARGV[3]) > 0 then
    redis.call('SET', KEYS[1], 'Q:' .. value, 'PX', ARGV[3])
    return 2
  end
  redis.call('DEL', KEYS[1])
  value = false
  released = 1
end
if value then return 0 end
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
local head = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
while head do
  local bar = string.find(head, '|', 1, true)
  if redis.call('PUBLISH', string.sub(head, 1, bar - 1), string.sub(head, bar + 1)) > 0 then break end
  local alive = redis.call('ZSCORE', KEYS[3], head)
  if alive and tonumber(alive) > ms then break end
  redis.call('ZREM', KEYS[2], head)
  redis.call('ZREM', KEYS[3], head)
  head = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
end
return released
`);

/**
 * KEYS locks; ARGV[1] lease in ms, then a token for each. Prolongs, and never shortens, what is still theirs: a list of 1 and
 * 0. Each of them is written, prolonged or not: WAIT is for what its own connection has written, and a lock that was taken
 * on the other one would not be waited for.
 */
export const EXTEND = script(`
local mine = {}
for i, key in ipairs(KEYS) do
  local token = ARGV[i + 1] .. ':'
  local value = redis.call('GET', key)
  if value and string.sub(value, 1, #token) == token then
    redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), tonumber(ARGV[1])))
    mine[i] = 1
  else
    mine[i] = 0
  end
end
return mine
`);
