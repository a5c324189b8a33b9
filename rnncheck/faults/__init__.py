"""The catalogue of faults: named, known ways to get a recurrent layer wrong, each a few lines over the scratch network.

`catalogue.py` lists those that a layer of a spec can commit, `fault.py` says what one of them is, and `pages` explain
them in words.
"""
