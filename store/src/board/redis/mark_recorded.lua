-- mark_recorded: marks a result as recorded, so that it may be evicted from now on, and takes its index
-- off the pending list. Then evicts the least recently used results, but never this one, until the rest
-- fits into the budget.
-- Arguments: 4 the index   5 the budget in bytes
-- Result: the evicted indexes
-- Keys and atomicity: see the prelude.

local index, budget = ARGV[4], tonumber(ARGV[5])

local state, length = field(index)
local total
if state == 'result' then
    drop_pending(index)
    redis.call('HDEL', FAILED, index)
    redis.call('ZADD', RESULTS, score(now_us()), index)
    total = set_size(index, length)
else
    remove_result(index)
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
        total = set_size(oldest, nil)
        -- Another program may have deleted it, and it was enqueued again; then keep it.
        if field(oldest) == 'result' and not redis.call('ZSCORE', PENDING, oldest) then
            redis.call('HDEL', VALUES, oldest)
            evicted[#evicted + 1] = oldest
        end
    end
end
if total > budget and total > length then
    -- No other result is left, so the sizes are wrong: some of our keys were deleted.
    redis.call('DEL', SIZES)
    if state == 'result' then
        set_size(index, length)
    end
end
return evicted
