-- finish: posts a result. Accepted even if the lease was lost, since every worker gets the same result.
-- Arguments: 4 the index   5 the token   6 the worker   7 the value   8 computed_us, by the worker's clock
--            9 the maximum length in bytes of a value that is sent with the notice
-- Result: 1 if the result was stored and published; 0 if the same result was already stored
-- Keys and atomicity: see the prelude.

local index, token, worker, value = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local computed_us, max_bytes = ARGV[8], tonumber(ARGV[9])

local claim = read_claim(index)
local _, length = field(index)
local changed = length ~= #value or redis.call('HGET', VALUES, index) ~= value
if #value <= max_bytes then
    use_reserve()
end
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
publish(EVENTS, string.format(
    '{"type":"finished","index":%s,"worker":%s,"announced_us":%s,"claimed_us":%s,'
    .. '"computed_us":%s,"posted_us":%.0f,"value":%s}',
    index, cjson.encode(worker), announced_us, claimed_us,
    computed_us, now_us(), #value <= max_bytes and cjson.encode(value) or 'null'))
return 1
