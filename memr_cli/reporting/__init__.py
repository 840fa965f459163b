"""Tables, figures and a page from metrics and predictions alone; never imports torch or h5py.

`report.build` makes a report. It imports matplotlib, so import it only to make one.
"""
