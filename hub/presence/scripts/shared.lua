-- What all scripts share; it stands before each of them. KEYS[1] is the prefix of the keys, ARGV[1] the process.
-- others(entry): the processes in the entry of a person that are alive, without `process`.
-- record(channel, person): how the set of a process has the record. Names may have any bytes, so the length comes first.
-- arrive(channel, person): put `process` into the entry; returns what the entry was.
-- depart(channel, person): take `process` out of the entry; 1 if it was the last one.
local prefix, process = KEYS[1], ARGV[1]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function others(entry)
  local alive = {}
  for name in string.gmatch(entry or '', '%S+') do
    if name ~= process then
      local expires = redis.call('ZSCORE', prefix .. 'processes', name)
      if expires and tonumber(expires) > now then alive[#alive + 1] = name end
    end
  end
  return alive
end
local function record(channel, person)
  return #channel .. ' ' .. channel .. person
end
local function arrive(channel, person)
  local key = prefix .. 'at:' .. channel
  local entry = redis.call('HGET', key, person)
  local alive = others(entry)
  redis.call('HSET', key, person, table.concat(alive, ' ') .. ' ' .. process)
  redis.call('SADD', prefix .. 'of:' .. process, record(channel, person))
  return entry
end
local function depart(channel, person)
  local key = prefix .. 'at:' .. channel
  local alive = others(redis.call('HGET', key, person))
  redis.call('SREM', prefix .. 'of:' .. process, record(channel, person))
  if #alive > 0 then
    redis.call('HSET', key, person, table.concat(alive, ' '))
    return 0
  end
  return redis.call('HDEL', key, person)
end
