-- enqueue: the one way onto the pending list.
-- Arguments: 4 the index   5 who wants it: 'submitted', 'swept' or 'heard'
-- Result: 'added', 'already_pending', 'already_done' or 'given_up'
-- Keys and atomicity: see the prelude.

local index, how = ARGV[4], ARGV[5]

local state = field(index)
-- Whoever hears a message late must not bring a finished index back.
if state == 'result' then
    return 'already_done'
end
if redis.call('HEXISTS', FAILED, index) == 1 then
    if how ~= 'submitted' then
        return 'given_up'
    end
    redis.call('HDEL', FAILED, index)
end
if state == 'absent' then
    redis.call('HSET', VALUES, index, NOTHING_YET)
end
local added = add_pending(index)
if how == 'submitted' or (how == 'swept' and added) then
    redis.call('PUBLISH', INSERT, index)
end
return added and 'added' or 'already_pending'
