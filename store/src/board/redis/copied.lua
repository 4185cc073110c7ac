-- copied: the Record knows the result: it may be evicted from now on, and the index is pending no
-- more. Then evicts the results least recently used, never this one, down to the budget.
-- Arguments: 4 the index   5 the budget in bytes
-- Result: the indexes that were evicted
-- Keys and atomicity: see the prelude.

local index, budget = ARGV[4], tonumber(ARGV[5])

local state, length = field(index)
local total
if state == 'result' then
    drop_pending(index)
    redis.call('HDEL', FAILED, index)
    redis.call('ZADD', RESULTS, score(now_us()), index)
    total = account(index, length)
else
    forget_result(index)
    length = 0
    total = tonumber(redis.call('HGET', SIZES, 'total') or 0)
end

local evicted = {}
local position = 0
while total > budget do
    local oldest = redis.call('ZRANGE', RESULTS, position, position)[1]
    if not oldest then
        break
    elseif oldest == index then
        position = position + 1
    else
        redis.call('ZREM', RESULTS, oldest)
        total = account(oldest, nil)
        -- Somebody may have deleted it and asked for it again: then it is not ours to take.
        if field(oldest) == 'result' and not redis.call('ZSCORE', PENDING, oldest) then
            redis.call('HDEL', VALUES, oldest)
            evicted[#evicted + 1] = oldest
        end
    end
end
if total > budget and total > length then
    -- Everything else is gone: whatever the sizes say beyond this one, somebody deleted the rest of it.
    redis.call('DEL', SIZES)
    if state == 'result' then
        account(index, length)
    end
end
return evicted
