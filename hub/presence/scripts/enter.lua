-- A process has a person at a channel. ARGV: process, channel, person.
-- Returns 1 if no other process had this person there, else 0.
local key = prefix .. 'at:' .. ARGV[2]
local entry = redis.call('HGET', key, ARGV[3])
local alive = others(entry)
redis.call('HSET', key, ARGV[3], table.concat(alive, ' ') .. ' ' .. process)
redis.call('SADD', prefix .. 'of:' .. process, ARGV[2] .. ' ' .. ARGV[3])
-- An entry whose processes are all dead is of somebody who is coming back before anyone noticed: not a newcomer.
if entry then return 0 end
return 1
