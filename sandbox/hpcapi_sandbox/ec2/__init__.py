"""What EC2 answers in the sandbox, over ministack's own records."""
