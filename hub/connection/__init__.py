"""The hub socket: one connection for many channels, in the JSON form of the Centrifuge client protocol."""
