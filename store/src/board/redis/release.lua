-- release: ends a claim without counting the attempt, for a worker that stops gracefully.
-- Arguments: 4 the index   5 the token
-- Result: 1; 0 if the lease was no longer held
-- Keys and atomicity: see the prelude.

local index, token = ARGV[4], ARGV[5]

local claim = held_claim(index, token)
if not claim then
    return 0
end
claim.attempt = claim.attempt - 1
claim.token = ''
write_claim(index, claim)
redis.call('ZADD', PENDING, 'XX', score(now_us()), index)
redis.call('PUBLISH', INSERT, index)
return 1
