-- A Redis that was emptied, or restarted so quickly that nobody noticed, must not report that nobody is there:
-- these lines stand before each script that needs a lease.
if not redis.call('ZSCORE', prefix .. 'processes', process) then
  return redis.error_reply('FORGOTTEN this process has no lease')
end
