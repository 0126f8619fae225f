"""What is known of each family of kernels without importing torch: settings, and a line of the registry each."""
