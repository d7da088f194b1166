"""``python -m hub.server``."""

from hub.server.serve import main

main()
