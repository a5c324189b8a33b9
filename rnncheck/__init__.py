"""rnncheck: is this recurrent layer the same function as that one, and if not, where do they part?"""

__version__ = "0.1.0"
