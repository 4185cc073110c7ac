-- evict: evicts the least recently used recorded results.
-- Arguments: 4 'budget': evict until the rest fits into this many bytes, but never the most recently used one
--              'free': evict until this many bytes are free
--            5 the number of bytes
-- Result: the evicted indexes
-- Keys and atomicity: see the prelude.

local goal, bytes = ARGV[4], tonumber(ARGV[5])

use_reserve()
if goal == 'free' then
    return (evict(read_size('total') - bytes, nil))
end
return (evict(bytes, redis.call('ZRANGE', RESULTS, -1, -1)[1]))
