"""Customers: who buys again, how often, for how much, and what; per account, with reasons."""

from forecast.customers.model import CustomerModel
from forecast.customers.own_rate import OwnPastRate

__all__ = ["CustomerModel", "OwnPastRate"]
