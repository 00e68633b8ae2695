"""What each command does: rooms and ports put together, no I/O of their own."""
