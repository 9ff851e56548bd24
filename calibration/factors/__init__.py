"""Macro series and factors of other providers, known only from when they were released on.

The clients (`fred`, `marquee`) need the extra `macro`; tables and their alignment need nothing.
"""
