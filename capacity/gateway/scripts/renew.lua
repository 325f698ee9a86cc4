-- Keeps reservations whose requests are still being served; one that lapsed stays lapsed.
--
-- KEYS: the open reservations of the shard.
-- ARGV: 1 this instant, or '' for the server's clock, 2 lifetime, both in milliseconds; then members

local now = tonumber(ARGV[1])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
for at = 3, #ARGV do
    redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[at])
end
return #ARGV - 2
