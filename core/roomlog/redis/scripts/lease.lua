-- Renews a gateway's lease and lists those of all.
--
-- KEYS  the leases
-- ARGV  1 the gateway  2 for how many ms
--
-- Returns {"1" if it had a lease, else "0", each gateway that has one}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local kept = redis.call('ZSCORE', KEYS[1], ARGV[1]) and '1' or '0'
if tonumber(ARGV[2]) > 0 then
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
local answer = redis.call('ZRANGE', KEYS[1], 0, -1)
table.insert(answer, 1, kept)
return answer
