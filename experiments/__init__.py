"""The `rlmm` program: configuration, run directories and the commands that join the packages."""
