from monitor.backtest.result import Backtest


def page(found: Backtest) -> str:
    return ""
