"""Customers: who buys again, how often, for how much, and what; per account, with reasons."""

from forecast.customers.model import CustomerModel

__all__ = ["CustomerModel"]
