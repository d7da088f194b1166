"""The name of the channel of the number of people online."""

online = "online"
