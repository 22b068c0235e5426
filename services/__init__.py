"""The hub's services. They import the kernel and the sharing rules, never one another."""
