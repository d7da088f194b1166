"""Whether a text, a name, a number or a tree of JSON may be taken in."""
