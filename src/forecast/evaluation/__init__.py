"""Metrics, folds, reliability, out-of-time combination of models, and the promotion rule. Pure: no I/O."""
