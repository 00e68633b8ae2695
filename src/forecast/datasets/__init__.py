"""Data to start from: bundled real sets with their mappings, and a simulated company whose truth is known."""

from forecast.datasets.bundled import (
    bundled_folder,
    bundled_names,
    load_bank_marketing,
    load_crm_sales_opportunities,
    load_online_retail,
    mapping_names,
    mapping_path,
)
from forecast.datasets.company import Company
from forecast.datasets.simulation import make_company

__all__ = [
    "Company",
    "bundled_folder",
    "bundled_names",
    "load_bank_marketing",
    "load_crm_sales_opportunities",
    "load_online_retail",
    "make_company",
    "mapping_names",
    "mapping_path",
]
