"""What is learnt from the training split before the training, and kept in the run folder. One module for each kind."""
