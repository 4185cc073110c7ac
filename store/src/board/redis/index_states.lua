-- index_states: returns the state of each index.
-- Arguments: from 4 on, the indexes
-- Result: two strings for each index:
--         'result', its length in bytes, with a prefix '+' if it is marked as recorded; 'given_up', the
--         reason; 'pending', the claim as JSON, or '' if unclaimed; 'unlisted', ''; 'absent', ''
-- Keys and atomicity: see the prelude.

local now = now_us()
local states = {}
for argument = 4, #ARGV do
    local index = ARGV[argument]
    local state, length = field(index)
    local detail = ''
    if state == 'result' then
        detail = (redis.call('ZSCORE', RESULTS, index) and '+' or '') .. length
    else
        local reason = redis.call('HGET', FAILED, index)
        local due = redis.call('ZSCORE', PENDING, index)
        if reason then
            state, detail = 'given_up', reason
        elseif due then
            state = 'pending'
            local claim = due * 1000 > now and read_claim(index)
            if claim and claim.token ~= '' then
                detail = redis.call('HGET', CLAIMS, index)
            end
        elseif state == 'nothing_yet' then
            state = 'unlisted'
        end
    end
    states[#states + 1] = state
    states[#states + 1] = detail
end
return states
