"""What makes an answer right, a family of tasks a module. Rules see parsed values, never the model's text."""
