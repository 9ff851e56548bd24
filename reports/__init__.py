"""Pages people read, and the statistics on them."""
