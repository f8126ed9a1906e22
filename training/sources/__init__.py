"""Files and streams of labels as records. One module for each kind; `opening` picks among them.

A record is a place and its cells as they stand in the file. What a cell means, and whether a row
is of use, is decided in `training.feeds`.
"""
