-- Settles requests that are finished, then decides about others and reserves the estimate of those
-- that are served (R15, R25); all of one shard, and all at once. Each is settled or decided as if it
-- came alone, in the order given; together they cost little more than one.
--
-- KEYS: the open reservations of the shard, its stream. Every other key has the same hash tag, so it
-- is in the same slot; their names depend on the time, which only this script knows.
-- ARGV:
--   1 prefix of the shard's keys      2 this instant, or '' for the server's clock
--   3 lifetime of a reservation       4 the number of requests to settle
--   5 the number of contexts; for each of these, 2 values: its terms, '' if nothing is decided by
--     them, and its text
--  then for each request to settle, 10 values:
--   1 id                              2 number of its context
--   3 bucket, '' if none was counted  4, 5 amounts reserved          6 line of its decision
--   7 estimate                        8, 9 amounts used              10 what was used, for the stream
--  then for each request to decide about, 7 values:
--   1 id                              2 number of its context        3 estimate
--   4, 5, 6 what it needs of input, output and combined units        7 its tokens
-- A reservation is kept as id, bucket, amounts, line, estimate and text of the context.
-- The terms are JSON: instant at which the organization's clock stands, or false for this instant;
-- lifetime of a window's counters; instant until which the limits hold, or false; of the account plan
-- its name, requests a minute, tokens a minute; then for each pool, in the order in which they are
-- tried: its name, whether its units are combined ones, limits of its first and second kind.
-- Instants and lifetimes are milliseconds; amounts of pools are ten-thousandths of a token.
--
-- Returns a line for each decision: instant, result, then the counters that were read. The result is
-- the number of the pool that serves, 0 for the account plan, -1 and -2 where its requests or its
-- tokens are used up, -3 if the limits do not hold any more: then nothing was counted.

local call, format, prefix, now = redis.call, string.format, ARGV[1], tonumber(ARGV[2])
if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local counters, changed = {}, {}

-- Both counters of a key are read once and written once.
local function counters_of(key)
    local found = counters[key]
    if not found then
        local used = call('HMGET', prefix .. key, 'a', 'b')
        found = {a = tonumber(used[1] or 0), b = tonumber(used[2] or 0), is_there = used[1]}
        counters[key] = found
    end
    return found
end

local function add(key, found, a, b, lifetime)
    found.a, found.b = found.a + a, found.b + b
    found.lifetime = found.lifetime or lifetime
    changed[key] = found
end

local function member_of(at_id, bucket, first, second, line, estimate, context)
    return table.concat({ARGV[at_id], bucket, first, second, line, estimate, context}, '\n')
end

local terms, texts, at = {}, {}, 6
for n = 1, tonumber(ARGV[5]) do
    -- Before anything is changed: what cannot be read must not end the script half way.
    terms[n], texts[n] = ARGV[at] ~= '' and cjson.decode(ARGV[at]), ARGV[at + 1]
    at = at + 2
end

local function settle(at)
    local bucket, first, second = ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
    local text = texts[tonumber(ARGV[at + 1])]
    local member = member_of(at, bucket, first, second, ARGV[at + 5], ARGV[at + 6], text)
    if bucket ~= '' then
        local a, b
        if call('ZREM', KEYS[1], member) == 1 then
            a, b = ARGV[at + 7] - first, ARGV[at + 8] - second
        elseif call('DEL', prefix .. 'l:' .. ARGV[at]) == 1 then
            -- It lapsed: what it had reserved was given back already.
            a, b = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
        end
        -- A second settlement finds neither, and changes no counter. Its second entry in the stream
        -- counts nothing, since usage counts an id once.
        if a and (a ~= 0 or b ~= 0) then
            local found = counters_of(bucket)
            if found.is_there then
                add(bucket, found, a, b)
            end
        end
    end
    call('XADD', KEYS[2], '*', 'r', member, 'u', ARGV[at + 9])
end

local reservations = {}

local function decide(at)
    local number = tonumber(ARGV[at + 1])
    local its = terms[number]
    local clock, kept, holds_until, plan, rpm, tpm = unpack(its, 1, 6)
    clock = clock or now
    local window = clock - clock % 900000
    if holds_until and window >= holds_until then
        return format('%d -3', now)
    end
    local input, output = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local combined = tonumber(ARGV[at + 5])
    local read, result, bucket, first, second = {}, nil, nil, 0, 0
    for pool = 7, #its, 4 do
        local key = format('w:%s:%d', its[pool], window)
        local used = counters_of(key)
        local a, b = input, output
        if its[pool + 1] then
            a, b = combined, 0
        end
        read[#read + 1] = format('%d %d', used.a, used.b)
        if used.a + a <= its[pool + 2] and used.b + b <= its[pool + 3] then
            add(key, used, a, b, kept)
            result, bucket, first, second = (pool - 3) / 4, key, a, b
            break
        end
    end
    if not bucket then
        -- The account plan has minutes of the server's clock: that of a sandbox would never pass.
        local key = format('p:%s:%d', plan, math.floor(now / 60000))
        local used, tokens = counters_of(key), tonumber(ARGV[at + 6])
        read[#read + 1] = format('%d %d', used.a, used.b)
        if used.a + 1 > rpm then
            result = -1
        elseif used.b + tokens > tpm then
            result = -2
        else
            add(key, used, 1, tokens, 120000)
            -- A request that was counted stays counted: only its tokens are given back.
            result, bucket, first, second = 0, key, 0, tokens
        end
    end
    local line = format('%d %d %s', now, result, table.concat(read, ' '))
    if bucket then
        first, second = format('%d', first), format('%d', second)
        reservations[#reservations + 1] = format('%d', now + ARGV[3])
        reservations[#reservations + 1] =
            member_of(at, bucket, first, second, line, ARGV[at + 2], texts[number])
    end
    return line
end

for _ = 1, tonumber(ARGV[4]) do
    settle(at)
    at = at + 10
end
local lines = {}
while at < #ARGV do
    lines[#lines + 1] = decide(at)
    at = at + 7
end
for key, found in pairs(changed) do
    call('HSET', prefix .. key, 'a', format('%d', found.a), 'b', format('%d', found.b))
    if not found.is_there then
        call('PEXPIRE', prefix .. key, found.lifetime)
    end
end
if #reservations > 0 then
    call('ZADD', KEYS[1], unpack(reservations))
end
return lines
