"""What people read: the family view and the decisions explained."""
