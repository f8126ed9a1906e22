"""`newsurge backtest`: rules tried on history, with the core that runs live."""
