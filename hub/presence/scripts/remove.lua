-- Removes the records of a dead process. ARGV: the dead process.
-- Returns channel, person, channel, person ... of those who are at no other process.
local expires = redis.call('ZSCORE', prefix .. 'processes', process)
if not expires or tonumber(expires) > now then return {} end
local departed = {}
for _, text in ipairs(redis.call('SMEMBERS', prefix .. 'of:' .. process)) do
  local length, names = string.match(text, '^(%d+) (.*)$')
  if length then -- else it was damaged, and goes with the set
    local channel, person = string.sub(names, 1, tonumber(length)), string.sub(names, tonumber(length) + 1)
    if depart(channel, person) == 1 then
      departed[#departed + 1] = channel
      departed[#departed + 1] = person
    end
  end
end
redis.call('DEL', prefix .. 'of:' .. process)
redis.call('SREM', prefix .. 'whole', process)
redis.call('ZREM', prefix .. 'processes', process)
return departed
