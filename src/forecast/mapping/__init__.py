"""From the rows of a source to versions of canonical tables: the mapping file, its rules, what may count as known."""

from forecast.mapping.spec import Input, MappingSpec, parse_mapping

__all__ = ["Input", "MappingSpec", "parse_mapping"]
