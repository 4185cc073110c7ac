-- renew: extends a lease and publishes the progress.
-- Arguments: 4 the index   5 the token   6 the lease in us   7 the share done, 0.0 to 1.0
-- Result: 1; 0 if the lease is no longer held. Also 1 if the index was given up, since a late result is still accepted.
-- Keys and atomicity: see the prelude.

local index, token, lease_us, progress = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])

local claim = held_claim(index, token)
if not claim then
    uncount_expired(index, token)
    return redis.call('HEXISTS', FAILED, index)
end
use_reserve()
claim.progress = progress
write_claim(index, claim)
redis.call('ZADD', PENDING, 'XX', score(now_us() + lease_us), index)
publish(EVENTS, string.format(
    '{"type":"progress","index":%s,"worker":%s,"attempt":%d,"progress":%.17g}',
    index, cjson.encode(claim.worker), claim.attempt, progress))
return 1
