"""From recorded order books to market models: see README.md, State."""
