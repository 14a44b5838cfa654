"""Chat templates: settings, sandbox, token spans, ends of turns and their identity."""
