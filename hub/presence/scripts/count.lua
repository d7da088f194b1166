-- ARGV: process, channel. Returns how many people are at the channel.
return redis.call('HLEN', prefix .. 'at:' .. ARGV[2])
