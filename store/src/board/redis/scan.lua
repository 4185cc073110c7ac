-- scan: returns the names of the fields of `values`, page by page.
-- Arguments: 4 the cursor, '0' at first   5 roughly how many names
-- Result: the next cursor, '0' at the end, then the names. A name may occur twice; see SCAN.
-- Keys and atomicity: see the prelude.
--
-- Results may be large, and only the names are needed. Since 7.4, HSCAN can omit the values. In earlier
-- versions only HKEYS does, for all fields at once, which is fine if there are no more than requested.
-- Otherwise HSCAN returns the values too, so fetch a few at a time to free their memory soon.

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
