-- Appends a batch to a room's log, whole or not at all, and publishes it.
--
-- KEYS  the room, its log, its partition's index and backlog
-- ARGV   1 channel            2 room id          3 who appends
--        4 epoch   5 number   6 id               the head that it was decided against
--        7 epoch   8 number   9 id  10 at        where the log stands afterwards
--       11 members afterwards                   12 by how much their number changes
--       13 lifetime in ms of an empty room, 0 for ever
--       14 how many missed events to return at most
--       15 ",kind,kind," that may have come in between, or ""
--       16 how many events: each epoch, id, JSON
--          how many members to forget, their names
--          how many secrets: each name, member, value
--
-- Returns {0} for a head that the log does not know, {1, missed…} for one that
-- it has left behind, {2} when it appended, {3, missed…} when it appended after
-- what the head has missed.
local room, log, index = KEYS[1], KEYS[2], KEYS[3]
local none = '0000000000000000'
local now = redis.call('HMGET', room, 'epoch', 'number', 'id', 'at', 'members')
local created = not now[1]
if created then
  now = {'0', '0', none, '0', '-1'}
end

local events, argument = {}, 17
for i = 1, tonumber(ARGV[16]) do
  events[i] = {epoch = ARGV[argument], id = ARGV[argument + 1], json = ARGV[argument + 2]}
  argument = argument + 3
end

-- missed returns what came after the head that was named, or nil.
local function missed()
  local number = tonumber(ARGV[5])
  if created or number > tonumber(now[2]) or tonumber(now[2]) - number > tonumber(ARGV[14]) then
    return nil
  end
  local id = ARGV[4] .. '-' .. ARGV[5]
  if number == 0 then
    if ARGV[4] ~= '0' or ARGV[6] ~= none then
      return nil
    end
  else
    local head = redis.call('XRANGE', log, id, id)[1]
    if not head or head[2][2] ~= ARGV[6] then
      return nil
    end
  end
  local after = redis.call('XRANGE', log, '(' .. id, '+')
  if #after ~= tonumber(now[2]) - number then
    return nil -- trimmed
  end
  for i, entry in ipairs(after) do
    after[i] = entry[2][4]
  end
  return after
end

-- passes says whether the batch means the same after what it has missed: that
-- is of kinds which it tolerates, and none of it is by or about the members that
-- the batch is by or about: it could be the very same command.
local function passes(after)
  local members = {}
  for _, e in ipairs(events) do
    e = cjson.decode(e.json)
    members[e.seat or ''] = true
    members[e.body.member or ''] = true
  end
  members[''] = nil
  for _, json in ipairs(after) do
    local e = cjson.decode(json)
    if not string.find(ARGV[15], ',' .. e.type .. ',', 1, true) or members[e.seat or ''] or members[e.body.member or ''] then
      return false
    end
  end
  return true
end

-- restamp makes the batch follow where the log stands now.
local function restamp()
  local prev, number, at = now[3], tonumber(now[2]), now[4]
  for _, e in ipairs(events) do
    number = number + 1
    local head, own, rest = string.match(e.json, '^{("id":"%x+",)"prev":"%x+",("type":"[^"]*","v":%d+,)"epoch":%d+,"number":%d+,(.*)$')
    local its, tail = string.match(rest, '^"at":(%-?%d+)(.*)$')
    if tonumber(its) < tonumber(at) then
      its = at
    end
    at = its
    e.epoch = now[1]
    e.json = '{' .. head .. '"prev":"' .. prev .. '",' .. own .. '"epoch":' .. now[1] .. ',"number":' ..
      string.format('%.0f', number) .. ',"at":' .. its .. tail
    prev = e.id
  end
  return at
end

local epoch, at, members, before = ARGV[7], ARGV[10], tonumber(ARGV[11]), nil
if now[1] ~= ARGV[4] or now[2] ~= ARGV[5] or now[3] ~= ARGV[6] then
  before = missed()
  if not before then
    return {0}
  end
  if ARGV[15] == '' or not passes(before) then
    table.insert(before, 1, 1)
    return before
  end
  epoch, at, members = now[1], restamp(), math.max(0, tonumber(now[5]) + tonumber(ARGV[12]))
end
if tonumber(at) < tonumber(now[4]) then
  at = now[4]
end

local number, last, size = tonumber(now[2]), now[1], 0
for _, e in ipairs(events) do
  number = number + 1
  local n = string.format('%.0f', number)
  redis.call('XADD', log, e.epoch .. '-' .. n, 'i', e.id, 'e', e.json)
  if e.epoch ~= last or created and number == 1 then
    local epochs = redis.call('HGET', room, 'epochs') or ''
    redis.call('HSET', room, 'epochs', epochs .. e.epoch .. ':' .. n .. ' ')
    last = e.epoch
  end
  size = size + #e.json
end
redis.call('HSET', room, 'epoch', epoch, 'number', string.format('%.0f', number), 'id', ARGV[9], 'at', at, 'members', members)
redis.call('ZADD', KEYS[4], 0, ARGV[2])
local was = tonumber(now[5])
if members == 0 and was ~= 0 then
  redis.call('ZADD', index, at, ARGV[2])
elseif members > 0 and was <= 0 then
  redis.call('ZADD', index, -1, ARGV[2])
end
if ARGV[13] ~= '0' then
  if members == 0 then
    redis.call('PEXPIRE', room, ARGV[13])
    redis.call('PEXPIRE', log, ARGV[13])
  elseif was == 0 then
    redis.call('PERSIST', room)
    redis.call('PERSIST', log)
  end
end

-- A secret is the length of its member's id, ":", the id and the value; what
-- names a member has is kept beside, so that forgetting one costs no search.
local n = tonumber(ARGV[argument])
for i = argument + 1, argument + n do
  local owner = ARGV[i]
  local names = redis.call('HGET', room, 'o:' .. owner)
  if names then
    local mark = #owner .. ':' .. owner
    for _, name in ipairs(cmsgpack.unpack(names)) do
      local value = redis.call('HGET', room, 's:' .. name)
      if value and string.sub(value, 1, #mark) == mark then
        redis.call('HDEL', room, 's:' .. name)
      end
    end
    redis.call('HDEL', room, 'o:' .. owner)
  end
end
argument = argument + n + 1
for i = argument + 1, argument + 3 * tonumber(ARGV[argument]), 3 do
  local name, owner = ARGV[i], ARGV[i + 1]
  redis.call('HSET', room, 's:' .. name, #owner .. ':' .. owner .. ARGV[i + 2])
  local names, known = redis.call('HGET', room, 'o:' .. owner), false
  names = names and cmsgpack.unpack(names) or {}
  for _, other in ipairs(names) do
    known = known or other == name
  end
  if not known then
    names[#names + 1] = name
    redis.call('HSET', room, 'o:' .. owner, cmsgpack.pack(names))
  end
end

-- Too much to send to everybody is only pointed at: they read it.
if size > 65536 then
  redis.call('SPUBLISH', ARGV[1], 'H' .. ARGV[3] .. epoch .. ' ' .. string.format('%.0f', number) .. ' ' .. ARGV[9])
else
  for i, e in ipairs(events) do
    events[i] = e.json
  end
  redis.call('SPUBLISH', ARGV[1], 'E' .. ARGV[3] .. '[' .. table.concat(events, ',') .. ']')
end
if before then
  table.insert(before, 1, 3)
  return before
end
return {2}
