-- A process has a person at a channel no longer. ARGV: process, channel, person.
-- Returns 1 if this was the last process that had this person there, else 0.
return depart(ARGV[2], ARGV[3])
