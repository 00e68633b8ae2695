"""One router per noun; each parses, asks the caller's view and shapes the answer."""
