-- The same as enter.lua for many. ARGV: process, then channel, person, channel, person ...
for index = 2, #ARGV, 2 do
  local key, person = prefix .. 'at:' .. ARGV[index], ARGV[index + 1]
  local alive = others(redis.call('HGET', key, person))
  redis.call('HSET', key, person, table.concat(alive, ' ') .. ' ' .. process)
  redis.call('SADD', prefix .. 'of:' .. process, ARGV[index] .. ' ' .. person)
end
