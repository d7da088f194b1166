"""The simple endpoints, ``/ws/…``: one purpose for each URL, and JSON that a ten-line script can read."""
