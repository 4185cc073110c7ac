-- check: runs the commands of all other scripts on the keys they use, and leaves no changes behind.
-- Keys: 7 a key of its own
-- Arguments: 4 the channel of checks   5 the message to publish there
-- Result: for each refused command three strings: the command, its key or channel, the error
-- Keys and atomicity: see the prelude.

local CHECK = KEYS[7]
local refused = {}

local function try(command, target, ...)
    local reply = redis.pcall(command, target, ...)
    if type(reply) == 'table' and reply.err then
        for _, text in ipairs({ command, target, reply.err }) do
            refused[#refused + 1] = text
        end
    end
end

-- No other program uses this field or member, so reading and deleting it has no effect.
local nobody = CHECK
-- The first write, since Redis refuses no later one for lack of memory.
try('ZADD', PENDING, 'XX', 0, nobody)
try('ZADD', RESULTS, 'XX', 0, nobody)
for _, key in ipairs({ PENDING, RESULTS }) do
    try('ZSCORE', key, nobody)
    try('ZRANGE', key, 0, 0)
    try('ZREM', key, nobody)
end
for _, key in ipairs({ VALUES, CLAIMS, FAILED, SIZES }) do
    try('HEXISTS', key, nobody)
    try('HGET', key, nobody)
    try('HDEL', key, nobody)
end
try('HSTRLEN', VALUES, nobody)
try('HLEN', VALUES)
try('HSET', CHECK, nobody, '')
try('HKEYS', CHECK)
try('HGETALL', CHECK)
try('HSCAN', CHECK, '0')
try('HDEL', CHECK, nobody)
try('DEL', CHECK)
try('PUBLISH', ARGV[4], ARGV[5])
local time = redis.pcall('TIME')
if time.err then
    for _, text in ipairs({ 'TIME', '', time.err }) do
        refused[#refused + 1] = text
    end
end
return refused
