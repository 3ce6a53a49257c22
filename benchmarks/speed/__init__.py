"""How fast the autoencoder is and how much memory it takes, method by method."""
