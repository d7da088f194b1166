"""The hub's own pages: health, errors, forms, static files, and what every page knows."""
