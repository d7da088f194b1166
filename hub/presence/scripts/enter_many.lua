-- The same as enter.lua for many. ARGV: process, then channel, person, channel, person ...
for index = 2, #ARGV, 2 do
  arrive(ARGV[index], ARGV[index + 1])
end
