-- look: how each of some indexes stands.
-- Arguments: from 4 on, the indexes
-- Result: for each index two texts, one after the other:
--         'result', its bytes; 'given_up', the reason; 'pending', the claim as JSON, or '' when none
--         is running; 'unlisted', ''; 'absent', ''
-- Keys and atomicity: see the prelude.

local now = now_us()
local sightings = {}
for argument = 4, #ARGV do
    local index = ARGV[argument]
    local state, length = field(index)
    local detail = ''
    if state == 'result' then
        detail = tostring(length)
    else
        local reason = redis.call('HGET', FAILED, index)
        local due = redis.call('ZSCORE', PENDING, index)
        if reason then
            state, detail = 'given_up', reason
        elseif due then
            state = 'pending'
            local claim = due * 1000 > now and redis.call('HGET', CLAIMS, index)
            if claim and cjson.decode(claim).token ~= '' then
                detail = claim
            end
        elseif state == 'nothing_yet' then
            state = 'unlisted'
        end
    end
    sightings[#sightings + 1] = state
    sightings[#sightings + 1] = detail
end
return sightings
