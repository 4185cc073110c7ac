-- Code shared by all scripts; prepended to each.
--
-- Keys, the same six for every script, all in the slot of `values`:
--   1 values   hash: index -> result, or NOTHING_YET while there is none
--   2 pending  sorted set, the pending list: index -> time from which it may be claimed, in ms
--   3 claims   hash: index -> its current attempt, as JSON; `token` is empty between two attempts, and `expired`
--              lists the tokens of earlier attempts that count only because their leases expired
--   4 failed   hash: index -> why it was given up
--   5 results  sorted set: index with a recorded result -> time of its last use, in ms
--   6 sizes    hash: index -> bytes of its recorded result; `total` -> their sum
-- Arguments, the same three for every script; its own arguments start at 4:
--   1 the text NOTHING_YET   2 the channel `insert`   3 the channel `events`
-- Atomicity: Redis runs a script as one step; other clients see all of its changes or none.
--
-- Values, worker names and reasons may be any text, so JSON contains them only through cjson.encode.
-- Numbers: Lua's numbers are doubles. Times in us since 1970 need 51 of their 53 bits, and are exact if
-- written with a format; tostring and cjson keep only 14 digits.

--
-- If its memory is full, Redis refuses a script's first write that may need more (HSET, ZADD), with OOM.
-- `enqueue`, and `finish` of a long value, then change nothing; the caller evicts results and tries again.
-- The other scripts need little memory or free some, and call use_reserve.

local VALUES, PENDING, CLAIMS, FAILED, RESULTS, SIZES = unpack(KEYS)
local NOTHING_YET, INSERT, EVENTS = ARGV[1], ARGV[2], ARGV[3]

-- Lets the rest of this script write although memory is full: Redis never refuses a write for lack of
-- memory after an earlier one, and deleting is always allowed. Works in every version; the script flag
-- `allow-oom` needs Redis 7.
local function use_reserve()
    redis.call('HDEL', CLAIMS, '')
end

-- Publishes a message. Messages only wake others, which also poll, so a missing permission to publish must
-- neither stop the work nor abort a script halfway. `check` reports the cause.
local function publish(channel, message)
    redis.pcall('PUBLISH', channel, message)
end

-- Leases expire by Redis's own clock, so the workers' clocks don't matter.
local function now_us()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
end

local function score(us)
    return string.format('%.3f', us / 1000)
end

-- Returns 'absent', 'nothing_yet' or 'result', and the length in bytes. Does not read results, which may
-- be large.
local function field(index)
    local length = redis.call('HSTRLEN', VALUES, index)
    if length == 0 and redis.call('HEXISTS', VALUES, index) == 0 then
        return 'absent', 0
    end
    if length == #NOTHING_YET and redis.call('HGET', VALUES, index) == NOTHING_YET then
        return 'nothing_yet', length
    end
    return 'result', length
end

-- Returns true for the decimal form of an index. Another program may have added anything to our keys.
local function is_index(text)
    return text == '0' or (string.find(text, '^[1-9]%d*$') ~= nil and #text <= 10 and tonumber(text) <= 2147483647)
end

-- Returns the claim in a JSON text, or nil if another program wrote something else.
local function parse_claim(text)
    local is_json, claim = pcall(cjson.decode, text)
    if not is_json or type(claim) ~= 'table' or type(claim.token) ~= 'string' or type(claim.worker) ~= 'string' then
        return nil
    end
    for _, name in ipairs({ 'attempt', 'announced_us', 'claimed_us', 'progress' }) do
        local number = claim[name]
        if type(number) ~= 'number' or not (number >= 0 and number < 2 ^ 53) then
            return nil
        end
    end
    claim.attempt = math.floor(claim.attempt)
    if type(claim.expired) ~= 'table' then
        claim.expired = {}
    end
    return claim
end

-- Returns the current attempt of an index, or nil.
local function read_claim(index)
    local text = redis.call('HGET', CLAIMS, index)
    return text and parse_claim(text) or nil
end

-- Returns a recorded size in bytes; 0 if there is none, or another program wrote something else.
local function read_size(name)
    local bytes = tonumber(redis.call('HGET', SIZES, name) or 0)
    return bytes and bytes == bytes and bytes or 0
end

local function write_claim(index, claim)
    redis.call('HSET', CLAIMS, index, string.format(
        '{"attempt":%d,"announced_us":%.0f,"claimed_us":%.0f,"progress":%.17g,"token":%s,"worker":%s,"expired":%s}',
        claim.attempt, claim.announced_us, claim.claimed_us, claim.progress,
        cjson.encode(claim.token), cjson.encode(claim.worker), cjson.encode(claim.expired)))
end

-- Stops counting an attempt whose lease expired, because its worker is alive: it was only cut off. Attempts of
-- workers that are never heard from again keep counting, so an index that kills its workers is given up.
local function uncount_expired(index, token)
    local claim = read_claim(index)
    for position, expired in ipairs(claim and claim.expired or {}) do
        if expired == token then
            use_reserve()
            table.remove(claim.expired, position)
            claim.attempt = claim.attempt - 1
            write_claim(index, claim)
            return
        end
    end
end

-- Returns the claim that is held with this token, or nil.
local function held_claim(index, token)
    local claim = read_claim(index)
    if claim and claim.token == token and redis.call('ZSCORE', PENDING, index) then
        return claim
    end
    return nil
end

-- Stores or, if nil, deletes the size of a recorded result, and updates the sum.
local function set_size(index, bytes)
    local before = read_size(index)
    local total = read_size('total') - before + (bytes or 0)
    if bytes then
        redis.call('HSET', SIZES, index, bytes)
    else
        redis.call('HDEL', SIZES, index)
    end
    -- Another program may have deleted some of these keys.
    total = math.max(total, 0)
    redis.call('HSET', SIZES, 'total', string.format('%.0f', total))
    return total
end

-- Removes a recorded result from the bookkeeping.
local function remove_result(index)
    if redis.call('ZREM', RESULTS, index) == 1 then
        set_size(index, nil)
    end
end

-- Puts an index on the pending list, due now; returns false if it was there already.
local function add_pending(index)
    if redis.call('ZADD', PENDING, 'NX', score(now_us()), index) == 0 then
        return false
    end
    redis.call('HDEL', CLAIMS, index)
    remove_result(index)
    return true
end

-- Evicts the least recently used results, except `keep`, until the recorded ones fit into the budget.
-- Returns the evicted indexes and the sum of the sizes that are left.
local function evict(budget, keep)
    local total = read_size('total')
    local evicted = {}
    local position = 0
    while total > budget do
        local oldest = redis.call('ZRANGE', RESULTS, position, position)[1]
        if not oldest then
            break
        elseif oldest == keep then
            position = position + 1
        else
            redis.call('ZREM', RESULTS, oldest)
            total = set_size(oldest, nil)
            -- Another program may have deleted it, and it was enqueued again; then keep it.
            if field(oldest) == 'result' and not redis.call('ZSCORE', PENDING, oldest) then
                redis.call('HDEL', VALUES, oldest)
                evicted[#evicted + 1] = oldest
            end
        end
    end
    return evicted, total
end

-- Takes an index off the pending list and drops its attempt; returns true if it was there.
local function drop_pending(index)
    redis.call('HDEL', CLAIMS, index)
    return redis.call('ZREM', PENDING, index) == 1
end

local function give_up(index, reason)
    drop_pending(index)
    redis.call('HSET', FAILED, index, reason)
    publish(EVENTS, string.format(
        '{"type":"given_up","index":%s,"reason":%s}', index, cjson.encode(reason)))
end
