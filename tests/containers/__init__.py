"""The deployment in real containers: `make containers`. No part of `make test`: it takes many minutes."""
