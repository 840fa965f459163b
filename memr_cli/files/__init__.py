"""Files of any origin: plain files, JSON, CSV, text for people, locks and memory."""
