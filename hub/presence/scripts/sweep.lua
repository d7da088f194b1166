-- Removes the people of a dead process. ARGV: the dead process.
-- Returns channel, person, channel, person ... of those who are at no other process.
local expires = redis.call('ZSCORE', prefix .. 'processes', process)
if not expires or tonumber(expires) > now then return {} end
local departed = {}
for _, place in ipairs(redis.call('SMEMBERS', prefix .. 'of:' .. process)) do
  local channel, person = string.match(place, '^(%S+) (%S+)$')
  if depart(channel, person) == 1 then
    departed[#departed + 1] = channel
    departed[#departed + 1] = person
  end
end
redis.call('DEL', prefix .. 'of:' .. process)
redis.call('SREM', prefix .. 'whole', process)
redis.call('ZREM', prefix .. 'processes', process)
return departed
