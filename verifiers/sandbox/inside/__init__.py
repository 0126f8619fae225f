"""What runs inside the walls. It imports the standard library and this package's own light modules, nothing else."""
