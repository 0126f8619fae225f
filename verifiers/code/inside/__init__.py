"""What runs in the boxes beside a model's code, or beside the tests of it."""
