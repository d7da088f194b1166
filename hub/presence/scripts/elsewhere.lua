-- ARGV: process, channel, person. Returns how many other processes have this person at the channel.
return #others(redis.call('HGET', prefix .. 'at:' .. ARGV[2], ARGV[3]))
