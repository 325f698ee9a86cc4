-- Decides about one request and reserves its estimate where it is served (R15, R25). Atomic.
--
-- KEYS: the open reservations of the shard. Every other key has the same hash tag, so it is in the
-- same slot; their names depend on the time, which only this script knows.
-- ARGV:
--   1 prefix of the shard's keys           2 this instant, or '' for the server's clock
--   3 instant at which the organization's clock stands, or '' for this instant
--   4 lifetime of a reservation            5 lifetime of a window's counters
--   6 request id                           7 context, kept with the reservation
--   8 instant until which the limits of the pools hold, or ''
--   9 account plan: its name              10 requests a minute
--  11 tokens a minute                     12 tokens of this request
--  then for each pool, in the order in which they are tried:
--     its name, limit and amount of its first kind, limit and amount of its second kind
-- Instants and lifetimes are milliseconds; amounts of pools are ten-thousandths of a token.
--
-- Returns a line: instant, result, then the counters that were read. The result is the number of the
-- pool that serves, 0 for the account plan, -1 and -2 where its requests or its tokens are used up,
-- -3 if the limits do not hold any more: then nothing was counted.

local call, prefix, now = redis.call, ARGV[1], tonumber(ARGV[2])
if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local clock = tonumber(ARGV[3]) or now
local window = clock - clock % 900000
local holds_until = tonumber(ARGV[8])
if holds_until and window >= holds_until then
    return string.format('%.0f -3', now)
end

local read, bucket, first, second = {}, nil, 0, 0
local result = -1

for at = 13, #ARGV, 5 do
    local key = 'w:' .. ARGV[at] .. ':' .. window
    local used = call('HMGET', prefix .. key, 'a', 'b')
    local a, b = used[1] or '0', used[2] or '0'
    read[#read + 1] = a
    read[#read + 1] = b
    local more_a, more_b = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
    if a + more_a <= tonumber(ARGV[at + 1]) and b + more_b <= tonumber(ARGV[at + 3]) then
        call('HSET', prefix .. key, 'a', a + more_a, 'b', b + more_b)
        if not used[1] then
            call('PEXPIRE', prefix .. key, ARGV[5])
        end
        result, bucket, first, second = (at - 8) / 5, key, ARGV[at + 2], ARGV[at + 4]
        break
    end
end

if not bucket then
    -- The account plan has minutes of the server's clock: that of a sandbox would never pass.
    local key = 'p:' .. ARGV[9] .. ':' .. math.floor(now / 60000)
    local used = call('HMGET', prefix .. key, 'a', 'b')
    local a, b = used[1] or '0', used[2] or '0'
    read[#read + 1] = a
    read[#read + 1] = b
    if a + 1 > tonumber(ARGV[10]) then
        result = -1
    elseif b + ARGV[12] > tonumber(ARGV[11]) then
        result = -2
    else
        call('HSET', prefix .. key, 'a', a + 1, 'b', b + ARGV[12])
        if not used[1] then
            call('PEXPIRE', prefix .. key, 120000)
        end
        -- A request that was counted stays counted: only its tokens are given back.
        result, bucket, first, second = 0, key, '0', ARGV[12]
    end
end

local line = string.format('%.0f %d %s', now, result, table.concat(read, ' '))
if bucket then
    local member = table.concat({ARGV[6], bucket, first, second, line, ARGV[7]}, '\n')
    call('ZADD', KEYS[1], now + ARGV[4], member)
end
return line
