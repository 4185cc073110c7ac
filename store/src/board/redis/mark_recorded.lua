-- mark_recorded: marks a result as recorded, so that it may be evicted from now on, and takes its index
-- off the pending list. Then evicts the least recently used results, but never this one, until the rest
-- fits into the budget.
-- Arguments: 4 the index   5 the budget in bytes
-- Result: the evicted indexes
-- Keys and atomicity: see the prelude.

local index, budget = ARGV[4], tonumber(ARGV[5])

use_reserve()
local state, length = field(index)
if state == 'result' then
    drop_pending(index)
    redis.call('HDEL', FAILED, index)
    redis.call('ZADD', RESULTS, score(now_us()), index)
    set_size(index, length)
else
    remove_result(index)
    length = 0
end
local evicted, total = evict(budget, index)
if total > budget and total > length then
    -- No other result is left, so the sizes are wrong: some of our keys were deleted.
    redis.call('DEL', SIZES)
    if state == 'result' then
        set_size(index, length)
    end
end
return evicted
