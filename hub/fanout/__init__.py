"""From a publication to the sockets of this process: ``relay`` receives for all channels, ``feed`` orders one of them.

``frames`` are made once for all sockets, and ``recovery`` reads what a returning client missed.
"""
