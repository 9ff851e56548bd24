"""Measurements of the project against its promises; each module is a command of its own."""
