"""Training with skorch: net, batches, callbacks, noise, objective."""
