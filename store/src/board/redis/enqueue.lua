-- enqueue: puts an index on the pending list. No other script but reject adds to it.
-- Arguments: 4 the index   5 the reason: 'submission', 'sweep' or 'message'
-- Result: 'added', 'already_pending', 'already_done' or 'given_up'
-- Keys and atomicity: see the prelude.

local index, reason = ARGV[4], ARGV[5]

local state = field(index)
-- A late message must not bring a finished index back.
if state == 'result' then
    return 'already_done'
end
if redis.call('HEXISTS', FAILED, index) == 1 then
    if reason ~= 'submission' then
        return 'given_up'
    end
    redis.call('HDEL', FAILED, index)
end
if state == 'absent' then
    redis.call('HSET', VALUES, index, NOTHING_YET)
end
local added = add_pending(index)
if reason == 'submission' or (reason == 'sweep' and added) then
    publish(INSERT, index)
end
return added and 'added' or 'already_pending'
