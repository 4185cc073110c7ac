-- claim: claims the index that has been due longest, under a lease.
-- Arguments: 4 the worker   5 a token that was never used before   6 the lease in us
--            7 the maximum number of attempts   8 the reason for giving up after the last lease expired
--            9 the token of an earlier call whose reply was lost, or ''
--            10 the highest index that may be claimed, or '' for any
-- Result: {} nothing is due; {'more'} nothing claimed yet, call again;
--         {index, attempt, announced_us, claimed_us}
-- Keys and atomicity: see the prelude.

-- Bounds a single run, so that it doesn't block other clients for long.
local MAX_MEMBERS = 100
local MAX_SEARCHED = 1000

local worker, token, lease_us, max_attempts, lease_expired, lost_token =
    ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9]
local highest = tonumber(ARGV[10])
local now = now_us()
use_reserve()

-- No worker knows of a claim whose reply was lost: end it without counting the attempt.
if lost_token ~= '' then
    local claims = redis.call('HGETALL', CLAIMS)
    for position = 1, #claims, 2 do
        local index, claim = claims[position], parse_claim(claims[position + 1])
        if claim and claim.token == lost_token then
            redis.call('ZADD', PENDING, 'XX', score(now), index)
            claim.attempt = claim.attempt - 1
            claim.token = ''
            write_claim(index, claim)
        end
    end
end

for _ = 1, MAX_MEMBERS do
    local first = redis.call('ZRANGE', PENDING, 0, highest and MAX_SEARCHED - 1 or 0, 'WITHSCORES')
    local place = 1
    while highest and first[place] and is_index(first[place]) and tonumber(first[place]) > highest do
        place = place + 2
    end
    local index = first[place]
    if not index then
        return {}
    end
    local due_us = tonumber(first[place + 1]) * 1000
    local claim = read_claim(index)
    -- What was put on the list or claimed later than now is due, because Redis's clock has been set back.
    if due_us > now and claim and claim.claimed_us <= now then
        return {}
    end
    due_us = math.min(due_us, now)
    if not is_index(index) then
        drop_pending(index)
    elseif field(index) == 'result' then
        -- A foreign worker posted it.
        drop_pending(index)
    elseif claim and claim.attempt >= max_attempts then
        give_up(index, (string.gsub(lease_expired, '{worker}', function() return claim.worker end)))
    else
        local expired = claim and claim.expired or {}
        if claim and claim.token ~= '' then
            expired[#expired + 1] = claim.token
        end
        claim = {
            expired = expired,
            attempt = (claim and claim.attempt or 0) + 1,
            -- Until the first claim, the score is the time at which the index was put on the list.
            announced_us = claim and claim.announced_us or math.floor(due_us + 0.5),
            claimed_us = now,
            progress = 0,
            token = token,
            worker = worker,
        }
        -- If Redis refuses the second write, the attempt is not counted.
        redis.call('ZADD', PENDING, 'XX', score(now + lease_us), index)
        write_claim(index, claim)
        local announced_us = string.format('%.0f', claim.announced_us)
        local claimed_us = string.format('%.0f', claim.claimed_us)
        publish(EVENTS, string.format(
            '{"type":"claimed","index":%s,"worker":%s,"attempt":%d,"announced_us":%s,"claimed_us":%s}',
            index, cjson.encode(worker), claim.attempt, announced_us, claimed_us))
        return { index, string.format('%d', claim.attempt), announced_us, claimed_us }
    end
end
return { 'more' }
