"""archlang: neural network architectures as plain specs, known before a tensor exists."""
