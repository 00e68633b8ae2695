"""Report definitions to tables and figures."""
