-- scan: goes through the names of the fields of `values`.
-- Arguments: 4 the cursor, '0' at first   5 roughly how many names
-- Result: the next cursor, '0' at the end, then the names. A name may come twice; see SCAN.
-- Keys and atomicity: see the prelude.
--
-- Results may be large, and only the names are asked for. Redis leaves the values out since 7.4.
-- Before, HKEYS alone does so, at once for all: right where that is no more than was asked for. Else HSCAN
-- hands the values over, a few at a time, so that the memory they take is soon free.

local FEW = 10

local cursor, count = ARGV[4], tonumber(ARGV[5])
local reply = { '0' }

local page = redis.pcall('HSCAN', VALUES, cursor, 'COUNT', count, 'NOVALUES')
if not page.err then
    reply[1] = page[1]
    for _, name in ipairs(page[2]) do
        reply[#reply + 1] = name
    end
    return reply
end

if cursor == '0' and redis.call('HLEN', VALUES) <= count then
    for _, name in ipairs(redis.call('HKEYS', VALUES)) do
        reply[#reply + 1] = name
    end
    return reply
end

repeat
    page = redis.call('HSCAN', VALUES, cursor, 'COUNT', FEW)
    cursor = page[1]
    for position = 1, #page[2], 2 do
        reply[#reply + 1] = page[2][position]
    end
until cursor == '0' or #reply > count
reply[1] = cursor
return reply
