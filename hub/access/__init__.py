"""Who is there, and whether they may stay: what clients show to prove it, the sockets that are open, and why they end.

``authorization``, ``origin`` and ``query_token`` read what came with a handshake; ``credentials`` says whose it is;
``registry`` knows the open sockets; ``control`` reaches those of all processes; ``revalidation`` ends what is no
longer permitted; ``ends`` has the reasons.
"""
