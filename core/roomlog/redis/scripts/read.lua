-- Reads a room's events.
--
-- KEYS  the room, its log
-- ARGV  1 "after" a number, at most 2 of them; or, to load the room, "load",
--         with 2 the least number of recent events
--
-- Returns {} for no such room, else {snapshot or "", event…}.
local room = redis.call('HMGET', KEYS[1], 'number', 'epochs', 'snapshotNumber', 'snapshot')
if not room[1] then
  return {}
end
local number, after, limit, answer = tonumber(room[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), {''}
if ARGV[1] == 'load' then
  after = math.max(0, math.min(tonumber(room[3] or 0), number - math.max(0, after)))
  limit, answer[1] = number, room[4] or ''
end
if after >= number then
  return answer
end
-- Numbers go on across epochs, ids begin with the epoch.
local epoch = '0'
for e, first in string.gmatch(room[2], '(%d+):(%d+) ') do
  if tonumber(first) <= after + 1 then
    epoch = e
  end
end
local entries = redis.call('XRANGE', KEYS[2], epoch .. '-' .. string.format('%.0f', after + 1), '+', 'COUNT', limit)
for i, entry in ipairs(entries) do
  answer[i + 1] = entry[2][4]
end
return answer
