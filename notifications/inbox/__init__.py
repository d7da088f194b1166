"""What people have: which alerts are theirs, and what they have done with each.

``reading`` finds them by SQL, ``queries`` is what pages and calls ask; ``organizing`` changes what a person has done,
over ``entries`` and ``read_marks``.
"""
