-- A process has a person at a channel. ARGV: process, channel, person.
-- Returns 1 if no other process had this person there, else 0.
-- An entry whose processes are all dead is of somebody who is coming back before anyone noticed: not a newcomer.
if arrive(ARGV[2], ARGV[3]) then return 0 end
return 1
