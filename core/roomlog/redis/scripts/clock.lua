-- Reads the cluster's clock, or corrects it.
--
-- KEYS  the clock
-- ARGV  1 "read" or "correct"  2 the generation that a correction replaces
--       3 the new correction in µs
--
-- Returns {seconds, µs, correction, generation}.
local now = redis.call('HMGET', KEYS[1], 'correction', 'generation')
local correction, generation = now[1] or '0', now[2] or '0'
if ARGV[1] == 'correct' and generation == ARGV[2] then
  correction, generation = ARGV[3], string.format('%.0f', tonumber(generation) + 1)
  redis.call('HSET', KEYS[1], 'correction', correction, 'generation', generation)
end
local time = redis.call('TIME')
return {tonumber(time[1]), tonumber(time[2]), tonumber(correction), tonumber(generation)}
