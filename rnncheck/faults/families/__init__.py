"""The known faults, one file for each family. A new file is found by itself; see `rnncheck.faults.fault.family`."""
