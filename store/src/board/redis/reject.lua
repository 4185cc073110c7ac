-- reject: removes a wrong result and puts its index back on the pending list. Nothing is published on
-- `insert`, since a wrong foreign worker would answer with the same value, over and over.
-- Arguments: 4 the index   5 the wrong value
-- Result: 1; 0 if the field has changed
-- Keys and atomicity: see the prelude.

local index, wrong = ARGV[4], ARGV[5]

local state, length = field(index)
if state ~= 'result' or length ~= #wrong or redis.call('HGET', VALUES, index) ~= wrong then
    return 0
end
use_reserve()
redis.call('HSET', VALUES, index, NOTHING_YET)
redis.call('HDEL', FAILED, index)
remove_result(index)
add_pending(index)
return 1
