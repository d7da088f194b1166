"""An app with rules, as other projects have them."""
