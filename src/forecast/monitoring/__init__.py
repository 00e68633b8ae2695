"""What happens to models after they were trained: drift of features, and whether what they said came true."""
