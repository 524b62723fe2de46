"""TOUCHES: one library or protocol per file; errors are translated once, here."""
