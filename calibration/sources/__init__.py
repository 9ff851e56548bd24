"""Vendors' recordings: what they are packed in, which file is what, how they are read."""
