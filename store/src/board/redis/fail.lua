-- fail: ends an attempt without a result.
-- Arguments: 4 the index   5 the token   6 the reason   7 '1' for the final attempt
--            8 the maximum number of attempts   9 the wait after each attempt in us, comma-separated
-- Result: 'lost'; 'given_up'; or the wait in us
-- Keys and atomicity: see the prelude.

local index, token, reason, final = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local max_attempts = tonumber(ARGV[8])

local claim = held_claim(index, token)
if not claim then
    return 'lost'
end
use_reserve()
if final == '1' or claim.attempt >= max_attempts then
    give_up(index, reason)
    return 'given_up'
end
local waits = {}
for wait in string.gmatch(ARGV[9], '%d+') do
    waits[#waits + 1] = wait
end
local wait_us = waits[claim.attempt]
claim.token = ''
write_claim(index, claim)
redis.call('ZADD', PENDING, 'XX', score(now_us() + wait_us), index)
return wait_us
