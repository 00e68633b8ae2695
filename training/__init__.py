"""Training pipelines, composed of library functions; one per model family."""
