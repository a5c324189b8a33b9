"""The known faults, one file for each family. A file here is found by itself; see `rnncheck.faults.fault.family`."""
