"""The autoencoders of the textbooks, one constructor call each, on images."""
