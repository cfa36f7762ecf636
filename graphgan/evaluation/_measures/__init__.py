"""What is measured on the results of a system, a question a file."""
