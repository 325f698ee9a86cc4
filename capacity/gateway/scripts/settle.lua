-- Replaces the estimate of a request by what it used, and appends it to what is to be metered. Once:
-- a reservation is taken out of the open ones, so a second call changes no counter. Its second entry
-- in the stream counts nothing, since usage counts an id once.
--
-- KEYS: the open reservations of the shard, its stream.
-- ARGV: 1 prefix, 2 request id, 3 member of the open reservations, 4 bucket ('' if none was counted),
--   5 and 6 amounts reserved, 7 and 8 amounts used, 9 what was used, for the stream

local call, key = redis.call, ARGV[1] .. ARGV[4]
if ARGV[4] ~= '' then
    local a, b
    if call('ZREM', KEYS[1], ARGV[3]) == 1 then
        a, b = ARGV[7] - ARGV[5], ARGV[8] - ARGV[6]
    elseif call('DEL', ARGV[1] .. 'l:' .. ARGV[2]) == 1 then
        -- It lapsed: what it had reserved was given back already.
        a, b = tonumber(ARGV[7]), tonumber(ARGV[8])
    end
    if a and (a ~= 0 or b ~= 0) then
        local used = call('HMGET', key, 'a', 'b')
        if used[1] then
            call('HSET', key, 'a', used[1] + a, 'b', used[2] + b)
        end
    end
end
call('XADD', KEYS[2], '*', 'r', ARGV[3], 'u', ARGV[9])
return 1
