"""What the acceptance tests stand on: processes, ports, tokens, certificates, doors, screens."""
