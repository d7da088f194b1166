"""Between the processes: from a publication in one to the relay of each other one, over the channel layer.

``announcer`` sends, ``receiver`` receives, ``envelope`` is what travels; ``layer`` and ``redis_layer`` carry it;
``foreign`` reads what other code sends to the same groups; ``survey`` asks all processes at once.
"""
