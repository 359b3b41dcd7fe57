"""SSM in the sandbox: Run Command on the machines behind instances, and who is online."""
