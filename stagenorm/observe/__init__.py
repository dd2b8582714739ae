"""What was seen, made countable in bounded memory."""
