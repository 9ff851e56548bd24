"""Pages people read. Nothing here yet: see README.md, State."""
