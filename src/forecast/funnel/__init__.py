"""Stage conversion and durations with censoring, bottlenecks in money, changes and their reasons."""
