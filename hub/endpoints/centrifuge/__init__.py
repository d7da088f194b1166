"""The client connection: one connection for many channels, in the JSON form of the Centrifuge client protocol."""
