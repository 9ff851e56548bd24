"""From recorded order books to market models. Nothing here yet: see README.md, State."""
