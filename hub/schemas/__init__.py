"""The event types: loading, checking, encoding, and the per-person items that the sharing rules decide on."""
