-- result: returns the result of an index and marks it as used now.
-- Arguments: 4 the index
-- Result: the value, not verified; false if there is none
-- Keys and atomicity: see the prelude.

local index = ARGV[4]

if field(index) ~= 'result' then
    return false
end
-- Reading must work although Redis may refuse writes.
redis.pcall('ZADD', RESULTS, 'XX', score(now_us()), index)
return redis.call('HGET', VALUES, index)
