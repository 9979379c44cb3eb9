"""The command line: click commands, one module each, and no physics."""
