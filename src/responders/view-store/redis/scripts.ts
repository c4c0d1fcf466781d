/** What has to be done in one step at the server. Every key of a call has the same hash tag. */
import { createHash } from 'node:crypto';

export type RedisScript = { readonly source: string; readonly sha: string };

function script(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** What a script answers instead of a number that is not negative. */
export const REFUSED = { gone: -1, sealed: -2, setBack: -3 } as const;

const unlessOpen = `
local mark = redis.call('GETRANGE', KEYS[1], 0, 0)
if mark == '' then return ${REFUSED.gone} end
if mark ~= 'o' then return ${REFUSED.sealed} end
`;

/**
 * KEYS: the shard's mark, then rows. ARGV: for each row its bytes with one place, and ms to its expiry or 0. Puts each
 * row that is newer than what is there, and returns their number. What is there and is no row counts as nothing.
 */
export const putRows = script(`${unlessOpen}
local put = 0
for i = 2, #KEYS do
  local row, ttl = ARGV[2 * i - 3], ARGV[2 * i - 2]
  local others, superseded = '', false
  local old = redis.pcall('GETRANGE', KEYS[i], 0, 22)
  if type(old) == 'string' and #old == 23 and string.byte(old, 1) == 1 then
    local places = string.byte(old, 11)
    if places > 1 then old = redis.call('GETRANGE', KEYS[i], 0, 10 + 12 * places) end
    if #old == 11 + 12 * places then
      local partition, offset = string.sub(row, 12, 15), struct.unpack('>d', row, 16)
      for at = 12, #old, 12 do
        if string.sub(old, at, at + 3) ~= partition then
          others = others .. string.sub(old, at, at + 11)
        elseif struct.unpack('>d', old, at + 4) >= offset then
          superseded = true
        end
      end
    end
  end
  if not superseded then
    if others ~= '' then
      row = string.sub(row, 1, 10) .. string.char(1 + #others / 12) .. string.sub(row, 12, 23) .. others
        .. string.sub(row, 24)
    end
    if ttl == '0' then redis.call('SET', KEYS[i], row) else redis.call('SET', KEYS[i], row, 'PX', ttl) end
    put = put + 1
  end
end
return put
`);

/**
 * KEYS: the shard's mark. ARGV: a mark; the offsets that are there at least, where nothing was lost. Moves the mark
 * forward, each of its numbers by itself, so that of several writers the furthest counts.
 */
export const saveProgress = script(`${unlessOpen}
local old, new, least = redis.call('GET', KEYS[1]), ARGV[1], ARGV[2]
if #old ~= #new then return ${REFUSED.gone} end
local merged = {'o'}
for at = 2, #old, 8 do
  local stored = struct.unpack('>d', old, at)
  if at >= 18 and stored < struct.unpack('>d', least, at - 17) then return ${REFUSED.setBack} end
  local given = struct.unpack('>d', new, at)
  merged[#merged + 1] = given > stored and string.sub(new, at, at + 7) or string.sub(old, at, at + 7)
end
redis.call('SET', KEYS[1], table.concat(merged))
return 0
`);

/** KEYS: a shard's mark. ARGV: the mark that it gets where it has none. */
export const makeMark = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], ARGV[1]) end
return 0
`);

/** KEYS: a shard's mark. From here on nothing of the shard changes. */
export const sealShard = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SETRANGE', KEYS[1], 0, 's') end
return 0
`);

/** KEYS: builder. ARGV: own token, ms. Takes the right to build, or keeps it: 1. Somebody else has it: 0. */
export const holdBuilder = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** KEYS: builder. ARGV: own token. */
export const releaseBuilder = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`);

/** KEYS: builder, next, garbage. ARGV: own token, generation. What was being built before is garbage. 0: not the builder. */
export const beginNext = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local abandoned = redis.call('GET', KEYS[2])
if abandoned then redis.call('SADD', KEYS[3], abandoned) end
redis.call('SET', KEYS[2], ARGV[2])
return 1
`);

/** KEYS: builder, next, garbage, live. ARGV: own token, generation. The switch. 0: not the builder, or of another one. */
export const switchLive = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local old = redis.call('GET', KEYS[4])
if old then redis.call('SADD', KEYS[3], old) end
redis.call('SET', KEYS[4], ARGV[2])
redis.call('DEL', KEYS[2])
return 1
`);

/** KEYS: owner. ARGV: the id of a log, its name. Takes the namespace for the log, or keeps it: 1. It is another's: 0. */
export const claimNamespace = script(`
local owner = redis.call('GET', KEYS[1])
local own = ARGV[1] .. '\\n'
if owner and string.sub(owner, 1, #own) ~= own then return 0 end
redis.call('SET', KEYS[1], own .. ARGV[2])
return 1
`);

/** KEYS: garbage. ARGV: a generation of which nothing is left. */
export const forgetGarbage = script(`return redis.call('SREM', KEYS[1], ARGV[1])`);
