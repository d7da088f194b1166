"""Alerts that come back at their time: when they are due, what they say, and that each due time is sent once."""
