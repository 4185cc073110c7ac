-- release: ends a claim without counting the attempt. Wakes the workers if the index is due now.
-- Arguments: 4 the index   5 the token   6 the wait in us until the index is due
-- Result: 1; 0 if the lease was no longer held
-- Keys and atomicity: see the prelude.

local index, token, wait_us = ARGV[4], ARGV[5], tonumber(ARGV[6])

local claim = held_claim(index, token)
if not claim then
    uncount_expired(index, token)
    return 0
end
use_reserve()
claim.attempt = claim.attempt - 1
claim.token = ''
write_claim(index, claim)
redis.call('ZADD', PENDING, 'XX', score(now_us() + wait_us), index)
if wait_us == 0 then
    publish(INSERT, index)
end
return 1
