"""Fan-out: brings publications to the sockets of this process.

``relay`` receives the publications of all channels. ``local_channel`` puts those of one channel in order and writes
them to its subscribers. ``frames`` encodes each frame once for all sockets. ``recovery`` reads what a returning client
missed.
"""
