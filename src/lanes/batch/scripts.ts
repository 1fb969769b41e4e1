// The steps of the ledger that must not be torn, as scripts that Redis runs whole.
import type { RedisConnection } from "../../redis/connection.ts";

/** KEYS: job, jobs, active, expiring, idempotency or the job again. ARGV: id, submitted at, urgency, expires at or "", field, value, ... Returns the id of the job. */
const SUBMIT = `
if KEYS[5] ~= KEYS[1] then
  local known = redis.call('GET', KEYS[5])
  if known then return known end
  redis.call('SET', KEYS[5], ARGV[1])
end
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1]) end
return ARGV[1]`;

/**
 * KEYS: active, fence. ARGV: prefix of all keys, ms of the lease, jobs of one model at a time, store. The most urgent job of the store that
 * nobody steers and whose model has room: its id and the number of its lease, or nothing.
 */
const TAKE = `
local steered, waiting = {}, {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local job = redis.call('HMGET', ARGV[1] .. ':job:' .. id, 'stateName', 'model', 'inputReady', 'store')
  if redis.call('EXISTS', ARGV[1] .. ':lease:' .. id) == 1 then steered[job[2]] = (steered[job[2]] or 0) + 1
  elseif job[3] == '1' and job[4] == ARGV[4] and (job[1] == 'queued' or job[1] == 'running') then waiting[#waiting + 1] = { id, job[2] } end
end
for _, job in ipairs(waiting) do
  if (steered[job[2]] or 0) < tonumber(ARGV[3]) then
    local fence = redis.call('INCR', KEYS[2])
    redis.call('SET', ARGV[1] .. ':lease:' .. job[1], fence, 'PX', ARGV[2])
    return { job[1], fence }
  end
end
return nil`;

/** KEYS: lease. ARGV: its number, ms. Returns 1 while it is held. */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`;

const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/** KEYS: lease, job, list or hash. ARGV: number of the lease, what to add, index in the hash or "" for a list, field, value, ... Returns 1 when the lease is held. */
const RECORD = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], ARGV[3], ARGV[2])
elseif ARGV[2] ~= '' then redis.call('RPUSH', KEYS[3], ARGV[2]) end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1`;

/**
 * KEYS: job, active, expiring, channel. ARGV: id, revision, state, its name, urgency or "" when it has ended, expires at or "".
 * Returns 0 when the job has changed since that revision.
 */
const CHANGE = `
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'stateName', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'revision', 1)
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1]) else redis.call('ZREM', KEYS[2], ARGV[1]) end
if ARGV[6] ~= '' then redis.call('ZADD', KEYS[3], ARGV[6], ARGV[1]) else redis.call('ZREM', KEYS[3], ARGV[1]) end
redis.call('PUBLISH', KEYS[4], ARGV[1] .. ' ' .. ARGV[4])
return 1`;

/** KEYS: job, attempts, results. ARGV: index. Returns the number of the attempt, 0 when there is nothing to do. */
const START = `
if redis.call('HGET', KEYS[1], 'stateName') ~= 'running' then return 0 end
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return 0 end
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)`;

/**
 * KEYS: job, attempts, results, channel. ARGV: id, index, attempt, result, rows, failed rows, failed by the model. Returns 1 when it is
 * committed, also when it was by this very command: a client sends it again when the answer is lost with the connection.
 */
const COMMIT = `
local state = redis.call('HGET', KEYS[1], 'stateName')
if state ~= 'running' and state ~= 'paused' and state ~= 'queued' then return 0 end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return 0 end
if redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[4]) == 0 then return redis.call('HGET', KEYS[3], ARGV[2]) == ARGV[4] and 1 or 0 end
redis.call('HINCRBY', KEYS[1], 'committed', 1)
redis.call('HINCRBY', KEYS[1], 'doneRows', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'failedRows', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'failedByModel', ARGV[7])
redis.call('PUBLISH', KEYS[4], ARGV[1] .. ' ' .. state)
return 1`;

/** KEYS: job, results, attempts, dead. ARGV: revision, then index, rows, failed rows, failed by the model of each chunk to run again. */
const REOPEN = `
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 4 do
  if redis.call('HDEL', KEYS[2], ARGV[i]) == 1 then
    redis.call('HINCRBY', KEYS[1], 'committed', -1)
    redis.call('HINCRBY', KEYS[1], 'doneRows', -ARGV[i + 1])
    redis.call('HINCRBY', KEYS[1], 'failedRows', -ARGV[i + 2])
    redis.call('HINCRBY', KEYS[1], 'failedByModel', -ARGV[i + 3])
  end
end
redis.call('DEL', KEYS[4])
redis.call('HINCRBY', KEYS[1], 'round', 1)
return 1`;

/** KEYS: job, expiring, channel. ARGV: id. */
const INPUT_READY = `
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HSET', KEYS[1], 'inputReady', '1')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('PUBLISH', KEYS[3], ARGV[1] .. ' queued')`;

const SCRIPTS = {
  batchSubmit: { keys: 5, lua: SUBMIT },
  batchTake: { keys: 2, lua: TAKE },
  batchRenew: { keys: 1, lua: RENEW },
  batchRelease: { keys: 1, lua: RELEASE },
  batchRecord: { keys: 3, lua: RECORD },
  batchChange: { keys: 4, lua: CHANGE },
  batchStart: { keys: 3, lua: START },
  batchCommit: { keys: 4, lua: COMMIT },
  batchReopen: { keys: 4, lua: REOPEN },
  batchInputReady: { keys: 3, lua: INPUT_READY },
} as const;

export type BatchScript = keyof typeof SCRIPTS;

/** Teaches the connection the scripts; call once per connection. */
export function defineBatchScripts(redis: RedisConnection): void {
  for (const [name, { keys, lua }] of Object.entries(SCRIPTS)) redis.defineCommand(name, { numberOfKeys: keys, lua });
}

/** Runs a script: its keys first, then its arguments. */
export function runScript(redis: RedisConnection, name: BatchScript, ...args: (string | number)[]): Promise<unknown> {
  return (redis as unknown as Record<BatchScript, (...args: (string | number)[]) => Promise<unknown>>)[name](...args);
}
