"""What is measured on results: errors, pose, intervals."""
