//! The command line: arguments, terminal, clock, files, exit codes; one file per command.
