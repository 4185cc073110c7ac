-- finish: posts a result, whoever holds the lease by now, since the answer is the same.
-- Arguments: 4 the index   5 the token   6 the worker   7 the value   8 computed_us, by the worker's clock
--            9 up to how many digits the value goes along in the notice
-- Result: 1 when it is news, and was published; 0 when it stood there already
-- Keys and atomicity: see the prelude.

local index, token, worker, value = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local computed_us, short = ARGV[8], tonumber(ARGV[9])

local claim = read_claim(index)
local _, length = field(index)
local changed = length ~= #value or redis.call('HGET', VALUES, index) ~= value
if changed then
    redis.call('HSET', VALUES, index, value)
end
redis.call('HDEL', FAILED, index)
if not drop_pending(index) and not changed then
    return 0
end
local announced_us, claimed_us = 'null', 'null'
if claim and claim.token == token then
    announced_us = string.format('%.0f', claim.announced_us)
    claimed_us = string.format('%.0f', claim.claimed_us)
end
redis.call('PUBLISH', EVENTS, string.format(
    '{"type":"finished","index":%s,"worker":%s,"announced_us":%s,"claimed_us":%s,'
    .. '"computed_us":%s,"posted_us":%.0f,"value":%s}',
    index, cjson.encode(worker), announced_us, claimed_us,
    computed_us, now_us(), #value <= short and cjson.encode(value) or 'null'))
return 1
