"""The catalogue of faults: named, known ways to get a recurrent layer wrong."""
