"""What the measurements stand on: a gateway on its own core, an app behind it, sockets in front."""
