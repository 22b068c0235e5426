"""Partners' doors: acceptance, receipts, the inbox, identity."""
