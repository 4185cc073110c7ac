-- reject: takes a wrong result away. Nothing is published on `insert`: two workers, one of which is
-- wrong, must never answer each other for ever.
-- Arguments: 4 the index   5 the wrong text
-- Result: 1; 0 when the field had changed meanwhile
-- Keys and atomicity: see the prelude.

local index, wrong = ARGV[4], ARGV[5]

local state, length = field(index)
if state ~= 'result' or length ~= #wrong or redis.call('HGET', VALUES, index) ~= wrong then
    return 0
end
redis.call('HSET', VALUES, index, NOTHING_YET)
redis.call('HDEL', FAILED, index)
forget_result(index)
add_pending(index)
return 1
