"""Week 1's digits: the data, the network that reads them, and the logs of its training runs."""
