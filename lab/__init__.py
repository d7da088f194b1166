"""What the hub is measured and tried with: ``bench``, ``chaos``, ``audit``, and their ``harness``."""
