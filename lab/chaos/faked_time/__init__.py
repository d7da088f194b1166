"""What Python needs to run under libfaketime; this folder goes in front of the path of such processes."""
