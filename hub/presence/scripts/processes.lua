-- ARGV: process. Returns name, 1 or 0, name, 1 or 0 ... of all processes: whether Redis has all people of each.
local found = {}
for _, name in ipairs(redis.call('ZRANGE', prefix .. 'processes', 0, -1)) do
  found[#found + 1] = name
  found[#found + 1] = redis.call('SISMEMBER', prefix .. 'whole', name)
end
return found
