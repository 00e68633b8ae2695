"""Data to start from: a simulated company whose truth is known."""

from forecast.datasets.company import Company, make_company

__all__ = ["Company", "make_company"]
