"""What a report says of an evaluation, and how it shows it."""
