"""What CI puts on branches and into pull requests, and the check of Colab."""
