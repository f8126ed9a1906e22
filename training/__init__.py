"""From labelled feeds to a model bundle. May use `monitor`; `monitor` never imports it."""
