"""The surge statistic measured against its peers, on real and on simulated series."""
