"""一清单's verbs: something is reported, somebody moves it on, clocks are set again. One transaction each, times passed in.

What may be done is in `lifecycle.MOVES`, where it goes in `routing`, by when in `deadlines`; what is written, in `writing`.
"""
