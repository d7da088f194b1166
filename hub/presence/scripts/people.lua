-- ARGV: process, channel. Returns the people at the channel.
return redis.call('HKEYS', prefix .. 'at:' .. ARGV[2])
