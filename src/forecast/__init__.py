"""Sales forecasting beside a CRM: scores, forecasts and targets that come true, can be replayed and add up."""
