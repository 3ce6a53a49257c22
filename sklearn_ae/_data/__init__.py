"""What is known of the rows before training: statistics, PCA, missing cells."""
