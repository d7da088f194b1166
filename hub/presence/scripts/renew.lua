-- Renews the lease of a process. ARGV: process, seconds of the lease.
-- Returns {1 if the lease is new, a process whose lease has expired or ''}.
local added = redis.call('ZADD', prefix .. 'processes', now + tonumber(ARGV[2]), process)
local dead = redis.call('ZRANGEBYSCORE', prefix .. 'processes', '-inf', now, 'LIMIT', 0, 1)
return {added, dead[1] or ''}
