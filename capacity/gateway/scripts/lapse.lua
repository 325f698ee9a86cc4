-- Gives back what is reserved for requests whose gateway was killed: nobody renewed them in time.
-- What they used is not known. Should one be settled after all, what it used is counted then.
--
-- KEYS: the open reservations of the shard, its stream.
-- ARGV: 1 prefix, 2 this instant, or '' for the server's clock, 3 how long a late settlement counts
-- Instants and lifetimes are milliseconds. Returns how many lapsed, 100 at most.

local call, now = redis.call, tonumber(ARGV[2])
if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local due = call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
for _, member in ipairs(due) do
    local id, bucket, a, b = string.match(member, '^(.-)\n(.-)\n(.-)\n(.-)\n')
    local key = ARGV[1] .. bucket
    local used = call('HMGET', key, 'a', 'b')
    if used[1] then
        call('HSET', key, 'a', used[1] - a, 'b', used[2] - b)
    end
    call('ZREM', KEYS[1], member)
    call('SET', ARGV[1] .. 'l:' .. id, 1, 'PX', ARGV[3])
    call('XADD', KEYS[2], '*', 'r', member)
end
return #due
