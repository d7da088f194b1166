"""The HTTP API of notifications: each module registers its methods, and ``notifications.api`` imports them."""
