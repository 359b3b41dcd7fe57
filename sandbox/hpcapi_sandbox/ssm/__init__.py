"""SSM in the sandbox: documents, Run Command on machines behind instances, and who is online."""
