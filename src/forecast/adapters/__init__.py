"""The outside world: the lake, the store, the model registry, files, the clock. Only here are they opened."""
